import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { DocumentNode, ScalarNode, Value } from "../document/node.ts";
import { Scope } from "../document/scope.ts";
import { evaluateCondition, hasTemplate, renderNode } from "../document/template.ts";
import { validate } from "../document/validate.ts";
import { BOOLEAN_WORDS } from "../document/value.ts";
import type { BecomeWish } from "../inventory/connection-variables.ts";
import type { Variables } from "../inventory/inventory.ts";
import type { CompiledPlay, CompiledTask, Play, PlayTask } from "./play.ts";
import { type Modules, unknownHandler } from "./read.ts";
import { leftOutByTags, type TagChoice } from "./tags.ts";

export type PlayHost = { name: string; groups: readonly string[]; variables: Variables };
export type CompileOptions = TagChoice & {
  extraVars: Variables;
  /** What Ansible's magic variables hold for this host, as plain values: `groups`, `hostvars` ... The host's own names come by themselves. */
  magic: Readonly<Record<string, Value>>;
  modules: Modules;
  /** What is said of becoming another user elsewhere than in the play. */
  become: { variables: BecomeWish; commandLine: BecomeWish };
};

/**
 * A play for one host: variables by precedence (inventory < play < task < `-e`), templates rendered, conditions decided, arguments
 * checked. A task that is skipped keeps its place, with the reason; its arguments are not looked at, since what it lacks it does not need.
 */
export function compilePlay(
  play: Play,
  host: PlayHost,
  options: CompileOptions,
): { compiled: CompiledPlay; problems: Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const scope = new Scope([host.variables, play.variables, options.extraVars], { ...ownNames(host), ...options.magic });
  const compiling: Compiling = { options, scope, problems, handlers: [] };
  const handlers = play.handlers.map((task) => ({ task, name: nameOf(task, scopeOf(task, compiling)) }));
  const withHandlers = { ...compiling, handlers };
  const tasks = play.tasks.map((task) => compileTask(task, leftOutByTags(task.tags, options), withHandlers));
  const compiled = {
    play: play.name,
    host: host.name,
    become: compileBecome(play, compiling),
    tasks,
    handlers: compileHandlers(tasks, withHandlers),
  };
  return { compiled, problems };
}

type NamedHandler = { task: PlayTask; name: string };
type Compiling = { options: CompileOptions; scope: Scope; problems: Diagnostic[]; handlers: readonly NamedHandler[] };

function ownNames({ name, groups }: PlayHost): Readonly<Record<string, Value>> {
  return {
    inventory_hostname: name,
    inventory_hostname_short: name.split(".")[0] ?? name,
    group_names: groups.filter((group) => group !== "all").sort(),
  };
}

function scopeOf(task: PlayTask, { scope, options }: Compiling): Scope {
  return task.variables.size === 0 ? scope : scope.with(task.variables, options.extraVars);
}

function compileTask(task: PlayTask, leftOut: string | undefined, compiling: Compiling): CompiledTask {
  const { problems, options } = compiling;
  const scope = scopeOf(task, compiling);
  const skipped = leftOut ?? leftOutByCondition(task.when, scope, problems);
  if (skipped !== undefined) return skippedTask(task, nameOf(task, scope), skipped);
  const name = renderName(task.name, scope, problems);
  const args = renderNode(task.args, scope);
  problems.push(...args.problems);
  const notify = task.notify.flatMap((wanted) => resolveNotify(wanted, scope, compiling));
  const compiled = { ...skippedTask(task, name, ""), skipped: undefined, notify: [...new Set(notify)] };
  const schema = options.modules.get(task.module);
  // What could not be rendered has no value to check.
  if (args.problems.length > 0 || schema === undefined) return compiled;
  const { value = {}, places, problems: wrong } = validate(schema, args.node);
  problems.push(...wrong);
  return { ...compiled, args: value, places };
}

function leftOutByCondition(when: DocumentNode | undefined, scope: Scope, problems: Diagnostic[]): string | undefined {
  if (when === undefined) return undefined;
  const condition = evaluateCondition(when, scope);
  problems.push(...condition.problems);
  return condition.holds ? undefined : `condition is false: ${conditionText(when)}`;
}

function conditionText(when: DocumentNode): string {
  if (when.kind === "list") return when.items.map(conditionText).join(" and ");
  return when.kind === "scalar" ? String(when.value).trim() : "";
}

function skippedTask(task: PlayTask, name: string, skipped: string): CompiledTask {
  const { file, line, col } = task.at;
  const id = `${file}:${line}:${col}`;
  return { id, name, module: task.module, args: {}, places: new Map(), skipped, notify: [], at: task.at };
}

/** The name of a task whose templates may be wrong: as it is written, then. */
function nameOf(task: PlayTask, scope: Scope): string {
  return renderName(task.name, scope, []);
}

function renderName(name: ScalarNode, scope: Scope, problems: Diagnostic[]): string {
  const rendered = renderNode(name, scope);
  problems.push(...rendered.problems);
  if (rendered.problems.length > 0 || rendered.node.kind !== "scalar") return String(name.value);
  return String(rendered.node.value);
}

/** The names of the handlers that `wanted` means; a topic may mean several. */
function resolveNotify(wanted: ScalarNode, scope: Scope, { handlers, problems }: Compiling): string[] {
  const rendered = renderNode(wanted, scope);
  problems.push(...rendered.problems);
  if (rendered.problems.length > 0) return [];
  const name = rendered.node.kind === "scalar" ? String(rendered.node.value) : "";
  const called = handlers.filter((handler) => handler.name === name || handler.task.listen?.includes(name));
  // Reading the playbook has told of plain names already.
  if (called.length === 0 && (hasTemplate(wanted) || handlers.some(({ task }) => hasTemplate(task.name)))) {
    const known = handlers.flatMap((handler) => [handler.name, ...(handler.task.listen ?? [])]);
    problems.push(...unknownHandler({ ...wanted, value: name }, known));
  }
  return called.map((handler) => handler.name);
}

/** Handlers in the order of the play. One that nothing calls is skipped: it may need what is defined only where it is called. */
function compileHandlers(tasks: readonly CompiledTask[], compiling: Compiling): CompiledTask[] {
  const called = new Set(tasks.flatMap(({ notify }) => notify));
  const compiled = new Map<PlayTask, CompiledTask>();
  for (let before = -1; before !== compiled.size; ) {
    before = compiled.size;
    for (const { task, name } of compiling.handlers) {
      if (compiled.has(task) || !called.has(name)) continue;
      const handler = { ...compileTask(task, undefined, compiling), name };
      compiled.set(task, handler);
      for (const next of handler.notify) called.add(next);
    }
  }
  return compiling.handlers.map(
    ({ task, name }) => compiled.get(task) ?? skippedTask(task, name, "no task notifies it"),
  );
}

/** As in Ansible: variables of the host win over keys of the play, and these over the command line. */
function compileBecome({ become, becomeUser }: Play, compiling: Compiling): { user: string } | undefined {
  const { scope, problems, options } = compiling;
  const { variables, commandLine } = options.become;
  const play: BecomeWish = {
    on: become === undefined ? undefined : isOn(become, scope, problems),
    user: becomeUser === undefined ? undefined : readUser(becomeUser, compiling),
  };
  const on = variables.on ?? play.on ?? commandLine.on ?? false;
  return on ? { user: variables.user ?? play.user ?? commandLine.user ?? "root" } : undefined;
}

function readUser(becomeUser: ScalarNode, { scope, problems }: Compiling): string | undefined {
  const user = renderName(becomeUser, scope, problems);
  if (/^[^\s:/]+$/.test(user) && becomeUser.value !== null) return user;
  problems.push({
    code: "BAD_VALUE",
    message: `"become_user" is "${user}", expected the name of a user`,
    at: becomeUser.at,
  });
  return undefined;
}

function isOn(become: ScalarNode, scope: Scope, problems: Diagnostic[]): boolean {
  const { node, problems: wrong } = renderNode(become, scope);
  problems.push(...wrong);
  const value = node.kind === "scalar" ? node.value : undefined;
  const isOnOrOff = typeof value === "string" ? BOOLEAN_WORDS.get(value.toLowerCase()) : value;
  if (typeof isOnOrOff === "boolean") return isOnOrOff;
  if (wrong.length === 0) {
    problems.push({ code: "WRONG_TYPE", message: '"become" is neither true nor false', at: become.at });
  }
  return false;
}
