import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean, nearest } from "../diagnostics/suggest.ts";
import { alternatives } from "../document/alternatives.ts";
import type { DocumentNode, MapEntry, MapNode, ScalarNode } from "../document/node.ts";
import type { ArgumentSchema } from "../document/schema.ts";
import { type SourceFile, startOf } from "../document/source-file.ts";
import { checkCondition, checkTemplates, hasTemplate } from "../document/template.ts";
import { validateUnrendered } from "../document/validate.ts";
import { BOOLEAN_WORDS, kindOfNode } from "../document/value.ts";
import { checkVariableNames } from "../document/variable-names.ts";
import { readYaml } from "../document/yaml.ts";
import type { Variables } from "../inventory/inventory.ts";
import { ANSIBLE_MODULES, ANSIBLE_PLAY_KEYS, ANSIBLE_TASK_KEYS } from "./ansible-words.ts";
import type { Play, Playbook, PlayTask } from "./play.ts";

export type Modules = ReadonlyMap<string, ArgumentSchema>;

/**
 * A playbook as it is written, with every mistake that can be seen before a host is known. `playbook` is undefined only where the
 * file is no list of plays; with problems it holds what could be read, so that later checks can go on, but must not be run.
 */
export function readPlaybook(
  source: SourceFile,
  modules: Modules,
): { playbook: Playbook | undefined; problems: Diagnostic[] } {
  const { node, problems } = readYaml(source);
  const reading: Reading = { modules, problems };
  if (node?.kind === "list") {
    const plays = node.items.map((item) => readPlay(item, reading)).filter((play) => play !== undefined);
    return { playbook: { file: source.file, plays }, problems: problems.sort(byPlace) };
  }
  if (node !== undefined) {
    wrongType(node, "a playbook", "a list of plays", reading, 'begin each play with "- "');
  } else if (problems.length === 0) {
    problems.push({
      code: "BAD_VALUE",
      message: "the playbook is empty, expected a list of plays",
      at: startOf(source),
    });
  }
  return { playbook: undefined, problems };
}

function byPlace({ at: a }: Diagnostic, { at: b }: Diagnostic): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.col ?? 0) - (b?.col ?? 0);
}

type Reading = { modules: Modules; problems: Diagnostic[] };

const PLAY_KEYS = ["name", "hosts", "vars", "become", "become_user", "tags", "tasks", "handlers", "gather_facts"];
const TASK_KEYS = ["name", "when", "notify", "tags", "vars"];
const HANDLER_KEYS = [...TASK_KEYS, "listen"];

function readPlay(node: DocumentNode, reading: Reading): Play | undefined {
  if (node.kind !== "map") {
    wrongType(node, "a play", "a map", reading);
    return undefined;
  }
  for (const entry of node.entries) checkPlayKey(entry, reading);
  const entries = new Map(node.entries.map((entry) => [entry.key, entry]));
  const name = readName(entries.get("name"), reading);
  const hosts = readHosts(entries.get("hosts"), node, reading);
  const tags = readTags(entries.get("tags"), reading);
  const tasks = readTasks(entries.get("tasks"), "task", tags, reading);
  const handlers = readTasks(entries.get("handlers"), "handler", [], reading);
  checkHandlerNames(handlers, reading);
  // With a handler that could not be read, nobody can say which names are unknown.
  const isComplete = handlers.length === itemsOf(entries.get("handlers"));
  for (const task of isComplete ? [...tasks, ...handlers] : []) checkNotify(task, handlers, reading);
  const play = {
    name: String(name?.value ?? hosts?.value ?? ""),
    at: node.at,
    variables: readVariables(entries.get("vars"), reading),
    become: readBoolean(entries.get("become"), reading),
    becomeUser: readScalar(entries.get("become_user"), reading),
    tags,
    tasks,
    handlers,
  };
  return hosts === undefined ? undefined : { ...play, hosts };
}

function checkPlayKey({ key, keyAt, value }: MapEntry, { problems }: Reading): void {
  if (PLAY_KEYS.includes(key)) return;
  if (ANSIBLE_PLAY_KEYS.has(key)) {
    const hint =
      key === "import_playbook" ? { hint: `run ${value.kind === "scalar" ? value.value : "it"} on its own` } : {};
    problems.push({ code: "UNSUPPORTED", message: `pgmtls does not know "${key}" yet`, at: keyAt, ...hint });
    return;
  }
  const message = `unknown key "${key}" in a play, expected ${alternatives(PLAY_KEYS)}`;
  problems.push({ code: "UNKNOWN_KEY", message, at: keyAt, ...didYouMean(key, PLAY_KEYS) });
}

function readHosts(entry: MapEntry | undefined, play: MapNode, reading: Reading): ScalarNode | undefined {
  if (entry === undefined) {
    const message = 'missing key "hosts" in a play';
    reading.problems.push({
      code: "MISSING_KEY",
      message,
      at: play.at,
      hint: 'which hosts the play is for, as in "hosts: all"',
    });
    return undefined;
  }
  const { value } = entry;
  if (value.kind === "list" && value.items.every((item) => item.kind === "scalar")) {
    return { kind: "scalar", value: value.items.map((item) => String(item.value ?? "")).join(","), at: value.at };
  }
  if (value.kind === "scalar" && value.value !== null && value.value !== "")
    return { ...value, value: String(value.value) };
  wrongType(value, '"hosts"', "a pattern", reading);
  return undefined;
}

function readTasks(
  entry: MapEntry | undefined,
  kind: TaskKind,
  playTags: readonly string[],
  reading: Reading,
): PlayTask[] {
  if (entry === undefined || isEmpty(entry.value)) return [];
  const { key, value } = entry;
  if (value.kind !== "list") {
    wrongType(value, `"${key}"`, `a list of ${kind}s`, reading, `begin each ${kind} with "- "`);
    return [];
  }
  return value.items.map((item) => readTask(item, kind, playTags, reading)).filter((task) => task !== undefined);
}

type TaskKind = "task" | "handler";

function readTask(
  node: DocumentNode,
  kind: TaskKind,
  playTags: readonly string[],
  reading: Reading,
): PlayTask | undefined {
  if (node.kind !== "map") {
    wrongType(node, `a ${kind}`, "a map", reading);
    return undefined;
  }
  const module = readModule(node, kind, reading);
  const entries = new Map(node.entries.map((entry) => [entry.key, entry]));
  const name = readName(entries.get("name"), reading);
  const when = entries.get("when")?.value;
  if (when !== undefined) reading.problems.push(...checkCondition(when));
  const own = readTags(entries.get("tags"), reading);
  const notify = readNames(entries.get("notify"), reading);
  const listen = kind === "handler" ? readNames(entries.get("listen"), reading).map(({ value }) => String(value)) : [];
  const variables = readVariables(entries.get("vars"), reading);
  if (module === undefined) return undefined;
  return {
    name: name ?? { kind: "scalar", value: module.name, at: module.at },
    module: module.name,
    moduleAt: module.at,
    args: module.args,
    when,
    notify,
    ...(listen.length === 0 ? {} : { listen }),
    tags: [...new Set([...own, ...playTags])],
    variables,
    at: name?.at ?? module.at,
  };
}

type ModuleCall = { name: string; at: Place; args: MapNode };

/** The one key of a task that is neither known nor Ansible's is its module; where there is none or are two, the message says which. */
function readModule(node: MapNode, kind: TaskKind, reading: Reading): ModuleCall | undefined {
  const { modules, problems } = reading;
  const known = kind === "handler" ? HANDLER_KEYS : TASK_KEYS;
  const others = node.entries.filter(({ key }) => !known.includes(key));
  const unsupported = others.filter(({ key }) => ANSIBLE_TASK_KEYS.has(key));
  for (const { key, keyAt } of unsupported) {
    problems.push({ code: "UNSUPPORTED", message: `pgmtls does not know "${key}" yet`, at: keyAt });
  }
  const candidates = others.filter(({ key }) => !ANSIBLE_TASK_KEYS.has(key));
  const calls = candidates.filter(({ key }) => modules.has(moduleName(key, modules)));
  const strangers = candidates.filter((entry) => !calls.includes(entry));
  const [call, second] = calls;
  const unknownTask = call === undefined ? strangers.find(({ key }) => nearest(key, known) === undefined) : undefined;
  for (const entry of strangers) {
    problems.push(entry === unknownTask ? unknownModule(entry, modules) : unknownTaskKey(entry, kind, known, modules));
  }
  if (second !== undefined) problems.push(secondModule(call?.key ?? "", second));
  if (call === undefined) {
    if (others.length === 0) problems.push(noModule(node, kind, modules));
    return undefined;
  }
  return readCall(call, reading);
}

function readCall({ key, keyAt, value }: MapEntry, { modules, problems }: Reading): ModuleCall | undefined {
  const name = moduleName(key, modules);
  const args = isEmpty(value) ? { kind: "map" as const, entries: [], at: keyAt } : value;
  if (args.kind !== "map") {
    const hint = `write the arguments as a map: "${key}: { argument: value }"`;
    problems.push({
      code: "WRONG_TYPE",
      message: `the arguments of "${key}" are ${kindOfNode(args)}, expected a map`,
      at: args.at,
      hint,
    });
    return undefined;
  }
  problems.push(...checkTemplates(args));
  const schema = modules.get(name);
  if (schema !== undefined) problems.push(...validateUnrendered(schema, args));
  return { name, at: keyAt, args };
}

function moduleName(key: string, modules: Modules): string {
  return modules.has(key) ? key : key.replaceAll("_", "-");
}

function unknownModule({ key, keyAt }: MapEntry, modules: Modules): Diagnostic {
  const message = `unknown task "${key}", expected ${alternatives([...modules.keys()])}`;
  const similar = ANSIBLE_MODULES.get(key.replace(/^.*\./, ""));
  const hint =
    similar !== undefined && modules.has(similar) ? { hint: `what is Ansible's ${key} is "${similar}" here` } : {};
  return { code: "UNKNOWN_TASK", message, at: keyAt, ...hint, ...didYouMean(moduleName(key, modules), modules.keys()) };
}

function unknownTaskKey(
  { key, keyAt }: MapEntry,
  kind: TaskKind,
  known: readonly string[],
  modules: Modules,
): Diagnostic {
  const message = `unknown key "${key}" in a ${kind}, expected ${alternatives([...known, "a module"])}`;
  return { code: "UNKNOWN_KEY", message, at: keyAt, ...didYouMean(key, [...known, ...modules.keys()]) };
}

function secondModule(first: string, { key, keyAt }: MapEntry): Diagnostic {
  const message = `a second module, "${key}", in the same task as "${first}"`;
  return { code: "BAD_VALUE", message, at: keyAt, hint: 'begin a task of its own with "- "' };
}

function noModule(node: MapNode, kind: TaskKind, modules: Modules): Diagnostic {
  return {
    code: "MISSING_KEY",
    message: `a ${kind} without a module, expected ${alternatives([...modules.keys()])}`,
    at: node.at,
  };
}

function checkHandlerNames(handlers: readonly PlayTask[], { problems }: Reading): void {
  const seen = new Set<string>();
  for (const { name } of handlers) {
    const text = String(name.value);
    if (seen.has(text)) problems.push({ code: "BAD_VALUE", message: `a second handler named "${text}"`, at: name.at });
    seen.add(text);
  }
}

/** A name that holds a template is looked at once it is rendered. */
function checkNotify(task: PlayTask, handlers: readonly PlayTask[], { problems }: Reading): void {
  if (handlers.some(({ name }) => hasTemplate(name))) return;
  const known = handlers.flatMap(({ name, listen = [] }) => [String(name.value), ...listen]);
  for (const wanted of task.notify) if (!hasTemplate(wanted)) problems.push(...unknownHandler(wanted, known));
}

/** A problem where nothing of `known`, the names and topics of the handlers, is called so. */
export function unknownHandler(wanted: ScalarNode, known: readonly string[]): Diagnostic[] {
  const name = String(wanted.value);
  if (known.includes(name)) return [];
  const expected = known.length === 0 ? "the play has none" : `expected ${alternatives(known)}`;
  return [
    {
      code: "UNKNOWN_HANDLER",
      message: `unknown handler "${name}", ${expected}`,
      at: wanted.at,
      ...didYouMean(name, known),
    },
  ];
}

function readName(entry: MapEntry | undefined, reading: Reading): ScalarNode | undefined {
  const name = readScalar(entry, reading);
  return name === undefined || name.value === null ? undefined : { ...name, value: String(name.value) };
}

function readScalar(entry: MapEntry | undefined, reading: Reading): ScalarNode | undefined {
  if (entry === undefined) return undefined;
  if (entry.value.kind !== "scalar") {
    wrongType(entry.value, `"${entry.key}"`, "a string", reading);
    return undefined;
  }
  reading.problems.push(...checkTemplates(entry.value));
  return entry.value;
}

function readBoolean(entry: MapEntry | undefined, reading: Reading): ScalarNode | undefined {
  const scalar = readScalar(entry, reading);
  if (entry === undefined || scalar === undefined || hasTemplate(scalar)) return scalar;
  const value = typeof scalar.value === "string" ? BOOLEAN_WORDS.get(scalar.value.toLowerCase()) : scalar.value;
  if (typeof value === "boolean") return { ...scalar, value };
  wrongType(scalar, `"${entry.key}"`, "true or false", reading);
  return undefined;
}

/** Words separated by commas, or a list. */
function readTags(entry: MapEntry | undefined, reading: Reading): string[] {
  const names = readNames(entry, reading).flatMap((name) => {
    if (!hasTemplate(name))
      return String(name.value)
        .split(",")
        .map((tag) => tag.trim());
    reading.problems.push({ code: "UNSUPPORTED", message: "pgmtls does not know templates in tags yet", at: name.at });
    return [];
  });
  return [...new Set(names.filter((name) => name !== ""))];
}

function readNames(entry: MapEntry | undefined, reading: Reading): ScalarNode[] {
  if (entry === undefined || isEmpty(entry.value)) return [];
  const items = entry.value.kind === "list" ? entry.value.items : [entry.value];
  return items.flatMap((item) => {
    if (item.kind === "scalar" && item.value !== null) {
      reading.problems.push(...checkTemplates(item));
      return [{ ...item, value: String(item.value) }];
    }
    wrongType(item, `"${entry.key}"`, "a name or a list of names", reading);
    return [];
  });
}

function readVariables(entry: MapEntry | undefined, reading: Reading): Variables {
  if (entry === undefined || isEmpty(entry.value)) return new Map();
  if (entry.value.kind !== "map") {
    wrongType(entry.value, `"${entry.key}"`, "a map", reading);
    return new Map();
  }
  reading.problems.push(...checkTemplates(entry.value), ...checkVariableNames(entry.value.entries));
  return new Map(entry.value.entries.map(({ key, value }) => [key, value]));
}

function itemsOf(entry: MapEntry | undefined): number {
  return entry?.value.kind === "list" ? entry.value.items.length : 0;
}

function isEmpty(node: DocumentNode): boolean {
  return node.kind === "scalar" && node.value === null;
}

function wrongType(node: DocumentNode, what: string, expected: string, { problems }: Reading, hint?: string): void {
  const message = `${what} is ${kindOfNode(node)}, expected ${expected}`;
  problems.push({ code: "WRONG_TYPE", message, at: node.at, ...(hint === undefined ? {} : { hint }) });
}
