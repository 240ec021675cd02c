import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { openAuthority } from "../ca/authority.ts";
import type { Signer } from "../ca/signer.ts";
import { type Diagnostic, formatDiagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { readExtraVars } from "../document/extra-vars.ts";
import type { DocumentNode, Value } from "../document/node.ts";
import { readTextFile } from "../document/read-file.ts";
import { Scope } from "../document/scope.ts";
import { renderNode } from "../document/template.ts";
import { mapOf, toValue } from "../document/value.ts";
import { type BecomeWish, connectionOf, unknownConnectionVariables } from "../inventory/connection-variables.ts";
import type { Inventory, InventoryHost, Variables } from "../inventory/inventory.ts";
import { loadInventory } from "../inventory/load.ts";
import { selectHosts } from "../inventory/patterns.ts";
import { compilePlay } from "../playbook/compile.ts";
import { mergeProblems } from "../playbook/merge-problems.ts";
import type { CompiledPlay, CompiledTask, Play, Playbook } from "../playbook/play.ts";
import { readPlaybook } from "../playbook/read.ts";
import { checkTags } from "../playbook/tags.ts";
import type { Target } from "../ssh/connection.ts";
import { loginEnvironment, targetOf } from "../ssh/default-target.ts";
import type { AuthorityReference } from "../tasks/module.ts";
import { type AnyTaskModule, TASK_MODULES, TASK_SCHEMAS } from "../tasks/registry.ts";
import { ControllerFiles } from "./controller-files.ts";
import type { PreparedHost, PreparedRun } from "./run.ts";

/** What was asked for on the command line. */
export type RunRequest = {
  playbook: string;
  inventory: readonly string[];
  limit: string | undefined;
  extraVars: readonly string[];
  tags: readonly string[];
  skipTags: readonly string[];
  become: boolean;
  becomeUser: string | undefined;
  cwd: string;
};

/**
 * Reads and checks everything that can be checked before a host is contacted: inventory, playbook, variables of every host, files of the
 * controller, keys, CAs. Gives the run, or all the mistakes at once.
 */
export async function prepareRun(
  request: RunRequest,
): Promise<{ prepared: PreparedRun } | { problems: readonly Diagnostic[] }> {
  const problems: Diagnostic[] = [];
  const playbook = readPlays(request, problems);
  const loaded = loadInventory(request.inventory, { cwd: request.cwd, adjacentTo: [dirname(request.playbook)] });
  problems.push(...loaded.problems);
  const { inventory } = loaded;
  const extraVars = readAllExtraVars(request.extraVars, problems);
  if (inventory !== undefined) problems.push(...unknownConnectionVariables(inventory));
  if (playbook === undefined || inventory === undefined) return { problems };
  problems.push(...checkTags(playbook, request.tags, request.skipTags));
  const preparation = new Preparation(request, playbook, inventory, extraVars);
  const prepared = await preparation.prepare();
  problems.push(...preparation.problems);
  return problems.length > 0 ? { problems: withoutRepeats(problems) } : { prepared };
}

/** The same mistake can be met while reading and again for each host. */
function withoutRepeats(problems: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(problems.map((problem) => [formatDiagnostic(problem), problem])).values()];
}

function readPlays(request: RunRequest, problems: Diagnostic[]): Playbook | undefined {
  const read = readTextFile(request.playbook);
  if ("problem" in read) {
    problems.push(read.problem);
    return undefined;
  }
  const { playbook, problems: wrong } = readPlaybook(read.source, TASK_SCHEMAS);
  problems.push(...wrong);
  return playbook;
}

function readAllExtraVars(given: readonly string[], problems: Diagnostic[]): Variables {
  const merged = new Map<string, DocumentNode>();
  for (const argument of given) {
    const { variables, problems: wrong } = readExtraVars(argument, (path) => readFileSync(path, "utf8"));
    problems.push(...wrong);
    for (const [name, node] of variables) merged.set(name, node);
  }
  return merged;
}

class Preparation {
  readonly problems: Diagnostic[] = [];
  readonly #request: RunRequest;
  readonly #playbook: Playbook;
  readonly #inventory: Inventory;
  readonly #extraVars: Variables;
  readonly #files: ControllerFiles;
  readonly #signers = new Map<string, Signer>();
  readonly #authorities = new Map<string, Promise<{ signer: Signer } | { problems: Diagnostic[] }>>();
  readonly #magic: Readonly<Record<string, Value>>;

  constructor(request: RunRequest, playbook: Playbook, inventory: Inventory, extraVars: Variables) {
    this.#request = request;
    this.#playbook = playbook;
    this.#inventory = inventory;
    this.#extraVars = extraVars;
    this.#files = new ControllerFiles(dirname(request.playbook));
    this.#magic = { groups: groupsValue(inventory), hostvars: hostvarsValue(inventory) };
  }

  async prepare(): Promise<PreparedRun> {
    const limit = this.#limit();
    const plays: { name: string; hosts: PreparedHost[] }[] = [];
    for (const play of this.#playbook.plays)
      plays.push({ name: play.name, hosts: await this.#preparePlay(play, limit) });
    const chosen = new Set(plays.flatMap((play) => play.hosts.map((host) => host.name)));
    const hosts = [...this.#inventory.hosts.keys()].filter((name) => chosen.has(name));
    if (hosts.length === 0 && this.problems.length === 0) this.#noHosts();
    const modules: ReadonlyMap<string, AnyTaskModule> = TASK_MODULES;
    return {
      playbook: this.#request.playbook,
      plays,
      hosts,
      targets: await this.#targets(hosts),
      signers: this.#signers,
      secrets: this.#files.secrets,
      modules,
    };
  }

  #limit(): ReadonlySet<string> | undefined {
    if (this.#request.limit === undefined) return undefined;
    const text = this.#request.limit;
    const at: Place = { file: "--limit", line: 1, col: 1, length: Math.max(1, text.length), text };
    const { hosts, problems } = selectHosts(this.#inventory, text, at);
    this.problems.push(...problems);
    return new Set(hosts);
  }

  #noHosts(): void {
    this.problems.push({
      code: "NO_HOSTS",
      message: "no host is left to work on",
      hint:
        this.#request.limit === undefined
          ? "the plays' hosts match nothing"
          : `no host of the plays is in --limit ${this.#request.limit}`,
    });
  }

  async #preparePlay(play: Play, limit: ReadonlySet<string> | undefined): Promise<PreparedHost[]> {
    const names = this.#hostsOf(play).filter((name) => limit === undefined || limit.has(name));
    const perHost: { host: string; problems: Diagnostic[] }[] = [];
    const prepared: PreparedHost[] = [];
    for (const name of names) {
      const host = this.#inventory.hosts.get(name);
      if (host === undefined) continue;
      const ownProblems: Diagnostic[] = [];
      const own = this.#ownVariables(host, ownProblems);
      const { compiled, problems } = compilePlay(play, host, {
        extraVars: this.#extraVars,
        magic: this.#magic,
        tags: this.#request.tags,
        skipTags: this.#request.skipTags,
        modules: TASK_SCHEMAS,
        become: { variables: own.become, commandLine: this.#commandLineBecome() },
      });
      const resolved = await this.#resolve(compiled, problems);
      perHost.push({ host: name, problems: [...problems, ...ownProblems] });
      prepared.push({ name, compiled: resolved, stateDirectory: own.stateDirectory });
    }
    this.problems.push(...mergeProblems(perHost, this.problems));
    return prepared;
  }

  /** `hosts` of a play may hold templates, which know what the whole inventory shares: extra variables and groups. */
  #hostsOf(play: Play): readonly string[] {
    const scope = new Scope([this.#extraVars], this.#magic);
    const { node, problems } = renderNode(play.hosts, scope);
    this.problems.push(...problems);
    if (problems.length > 0) return [];
    const pattern = toValue(node);
    const text = Array.isArray(pattern) ? pattern.map(String) : String(pattern);
    const found = selectHosts(this.#inventory, text, play.hosts.at);
    this.problems.push(...found.problems);
    return found.hosts;
  }

  /** Arguments that mean something on the controller get it in their place: a file's bytes, a CA's roots. */
  async #resolve(compiled: CompiledPlay, problems: Diagnostic[]): Promise<CompiledPlay> {
    const resolveAll = (tasks: CompiledPlay["tasks"]) =>
      Promise.all(tasks.map((task) => this.#resolveTask(task, problems)));
    return { ...compiled, tasks: await resolveAll(compiled.tasks), handlers: await resolveAll(compiled.handlers) };
  }

  async #resolveTask(task: CompiledTask, problems: Diagnostic[]): Promise<CompiledTask> {
    const schema = TASK_SCHEMAS.get(task.module);
    if (schema === undefined || task.skipped !== undefined) return task;
    const args: Record<string, unknown> = { ...task.args };
    for (const [name, property] of Object.entries(schema.properties)) {
      const value = args[name];
      if (value === undefined) continue;
      const at = task.places.get(`/${name}`) ?? task.at;
      if (property.format === "controller-file") args[name] = this.#files.read(String(value), at, problems);
      else if (property.format === "authority") args[name] = await this.#authority(value, at, problems);
    }
    this.#files.keepSecrets(args);
    // A module may rely on what it was promised: arguments that were refused are empty, and a file or CA that can't be had is undefined.
    const isWhole = Object.keys(args).length > 0 && Object.values(args).every((value) => value !== undefined);
    if (isWhole) problems.push(...argumentProblems(task, args));
    return { ...task, args };
  }

  async #authority(spec: unknown, at: Place, problems: Diagnostic[]): Promise<AuthorityReference | undefined> {
    const key = createHash("sha256").update(JSON.stringify(spec)).digest("hex");
    let opening = this.#authorities.get(key);
    if (opening === undefined) {
      opening = openAuthority(spec, at, this.#request.cwd);
      this.#authorities.set(key, opening);
    }
    const opened = await opening;
    if ("problems" in opened) {
      problems.push(...opened.problems);
      return undefined;
    }
    this.#signers.set(opened.signer.name, opened.signer);
    return { name: opened.signer.name, roots: opened.signer.roots };
  }

  #ownVariables(
    host: InventoryHost,
    problems: Diagnostic[],
  ): { become: BecomeWish; stateDirectory: string | undefined } {
    const { connection } = connectionOf(host, this.#getVariable(host, problems), {
      home: loginEnvironment().home,
      cwd: this.#request.cwd,
    });
    const state = this.#getVariable(host, problems)("pgmtls_state_dir")?.value;
    return { become: connection.become, stateDirectory: typeof state === "string" ? state : undefined };
  }

  #commandLineBecome(): BecomeWish {
    return { on: this.#request.become ? true : undefined, user: this.#request.becomeUser };
  }

  #getVariable(host: InventoryHost, problems: Diagnostic[]) {
    const scope = new Scope([host.variables, this.#extraVars], { ...this.#magic, inventory_hostname: host.name });
    return (name: string): { value: Value; at: Place } | undefined => {
      const node = this.#extraVars.get(name) ?? host.variables.get(name);
      if (node === undefined) return undefined;
      const rendered = renderNode(node, scope);
      problems.push(...rendered.problems);
      return rendered.problems.length > 0 ? undefined : { value: toValue(rendered.node), at: node.at };
    };
  }

  async #targets(names: readonly string[]): Promise<Map<string, Target>> {
    const environment = loginEnvironment();
    const targets = new Map<string, Target>();
    const perHost = await Promise.all(
      names.map(async (name) => {
        const host = this.#inventory.hosts.get(name);
        const problems: Diagnostic[] = [];
        if (host === undefined) return { host: name, problems };
        // What the host's variables lack in general was told with its plays.
        const read = connectionOf(host, this.#getVariable(host, []), {
          home: environment.home,
          cwd: this.#request.cwd,
        });
        problems.push(...read.problems);
        const keyAt = host.variables.get("ansible_ssh_private_key_file")?.at;
        const found = await targetOf(name, read.connection, environment, keyAt);
        if ("problems" in found) problems.push(...found.problems);
        else targets.set(name, found.target);
        return { host: name, problems };
      }),
    );
    this.problems.push(...mergeProblems(perHost, this.problems));
    return targets;
  }
}

/** What the module itself finds wrong in the arguments, placed where the argument is written. */
function argumentProblems(task: CompiledTask, args: Readonly<Record<string, unknown>>): Diagnostic[] {
  const found = TASK_MODULES.get(task.module)?.check?.(args) ?? [];
  return found.map(({ pointer, problem }) => ({ ...problem, at: problem.at ?? placeOf(pointer, task) }));
}

/** The place of the argument, or of what holds it where it was not written but came by default. */
function placeOf(pointer: string, { places, at }: CompiledTask): Place {
  for (let path = pointer; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    const place = places.get(path);
    if (place !== undefined) return place;
  }
  return places.get("") ?? at;
}

function groupsValue({ groups, hosts }: Inventory): Value {
  const members = [...groups.keys()].map((name): [string, Value] => [
    name,
    [...hosts.values()].filter((host) => name === "all" || host.groups.includes(name)).map((host) => host.name),
  ]);
  return mapOf(members);
}

/** Variables of other hosts as they are written: what they template stays unrendered here, as nobody should depend on it yet. */
function hostvarsValue({ hosts }: Inventory): Value {
  const all: Record<string, Value> = Object.create(null);
  for (const host of hosts.values()) {
    Object.defineProperty(all, host.name, {
      enumerable: true,
      get: () => mapOf([...host.variables].map(([name, node]) => [name, toValue(node)])),
    });
  }
  return all;
}
