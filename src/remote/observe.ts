import { CLUSTER_QUERY, FILE_SETTINGS, readCluster } from "../postgres/cluster-facts.ts";
import type { HostPath } from "../state/host-path.ts";
import type { ClusterProblem, ClusterState, Content, FileState, HostState } from "../state/host-state.ts";
import type { Observation } from "../state/observation.ts";
import type { Frame } from "./frames.ts";
import { composeProgram } from "./program.ts";
import { call } from "./quote.ts";

/** All that a segment wants to know of a host, merged and without repeats. */
export type Question = {
  clusters: readonly string[];
  files: readonly { path: HostPath; want: "content" | "digest" | "metadata" }[];
  publicKeys: readonly HostPath[];
};

const WANTS = ["metadata", "digest", "content"] as const;

/** `observations` as one question; a file that two tasks ask for is asked once, by the one who wants more. */
export function mergeObservations(observations: readonly Observation[]): Question {
  const clusters = new Set<string>();
  const files = new Map<string, Question["files"][number]>();
  const publicKeys = new Map<string, HostPath>();
  const addFile = (path: HostPath, want: (typeof WANTS)[number]) => {
    const key = JSON.stringify(path);
    const before = files.get(key);
    if (before === undefined || WANTS.indexOf(before.want) < WANTS.indexOf(want)) files.set(key, { path, want });
    if (path.base !== "root") clusters.add(path.cluster);
  };
  for (const observation of observations) {
    if (observation.kind === "file") addFile(observation.path, observation.want);
    else if (observation.kind === "public-key") {
      publicKeys.set(JSON.stringify(observation.of), observation.of);
      if (observation.of.base !== "root") clusters.add(observation.of.cluster);
    } else {
      clusters.add(observation.cluster);
      // `restart` compares their age with the server's last reading.
      for (const setting of FILE_SETTINGS)
        addFile({ base: "setting", cluster: observation.cluster, setting }, "metadata");
    }
  }
  return { clusters: [...clusters], files: [...files.values()], publicKeys: [...publicKeys.values()] };
}

/** The host program that answers `question`; frames name clusters, files and keys by their index in it. */
export function observeProgram(question: Question, marker: string): string {
  const where = (path: HostPath): (string | number)[] => {
    if (path.base === "root") return ["root", path.path];
    const cluster = question.clusters.indexOf(path.cluster);
    return path.base === "data_directory" ? ["data", cluster, path.path] : ["setting", cluster, path.setting];
  };
  return composeProgram("observe", marker, [
    "begin",
    ...question.clusters.map((selector, index) => call("cluster", index, selector, CLUSTER_QUERY)),
    ...question.files.map(({ path, want }, index) => call("file", index, want, ...where(path))),
    ...question.publicKeys.map((path, index) => call("public_key", index, ...where(path))),
    "finish",
  ]);
}

type Meta = Omit<FileState, "path" | "content" | "link"> & { size: number };

/** The entry of the process that asks: as owned as itself, and as old as the question. */
const SELF = "/proc/self/";

/** Gathers the frames of an observation into the host's state. */
export class HostStateBuilder {
  readonly #question: Question;
  readonly #publicKeys = new Map<string, string | "unreadable">();
  readonly #clusters = new Map<string, ClusterState | ClusterProblem>();
  readonly #paths: { id: string; path: string; real: string }[] = [];
  readonly #metas = new Map<string, Meta>();
  readonly #contents = new Map<string, Content>();
  #clockMs = 0;
  #user = "";
  #group = "";

  constructor(question: Question) {
    this.#question = question;
  }

  add(frame: Frame): void {
    const text = () => frame.payload.toString("utf8");
    if (frame.verb === "begin") this.#begin(text());
    else if (frame.verb === "cluster") this.#addCluster(frame);
    else if (frame.verb === "paths") this.#addPaths(text());
    else if (frame.verb === "stat") this.#addMetas(text());
    else if (frame.verb === "contents") this.#addContents(frame);
    else if (frame.verb === "digests") this.#addDigests(frame.words, text());
    else if (frame.verb === "public-key") this.#addPublicKey(frame);
  }

  state(): HostState {
    return {
      clockMs: this.#clockMs,
      user: this.#user,
      group: this.#group,
      files: this.#files(),
      publicKeys: this.#publicKeys,
      clusters: this.#clusters,
      unknown: new Set(),
    };
  }

  /** The clock in seconds and what id(1) says: `uid=0(root) gid=0(root) ...`; a user without a name is its number. */
  #begin(text: string): void {
    const [, seconds = "", user = "", group = ""] = /^(\d+) uid=(\S+) gid=(\S+)/.exec(text) ?? [];
    const nameOf = (id: string) => /\((.*)\)/.exec(id)?.[1] ?? id;
    this.#clockMs = Number(seconds) * 1000;
    this.#user = nameOf(user);
    this.#group = nameOf(group);
  }

  #addCluster({ words: [index, status], payload }: Frame): void {
    const selector = this.#question.clusters[Number(index)] ?? "";
    const text = payload.toString("utf8");
    if (status !== "0") {
      this.#clusters.set(selector, readProblem(status, text));
      return;
    }
    const [name = "", owner = "", group = "", control = "", dataDirectory = "", ...answer] = text.split("\n");
    const { cluster, clockMs } = readCluster({ name, owner, group, control, dataDirectory, answer: answer.join("\n") });
    this.#clusters.set(selector, cluster);
    this.#clockMs = clockMs;
  }

  /** Two lines a file: `ID PATH`, then what the path leads to. */
  #addPaths(text: string): void {
    const lines = text.split("\n").slice(1, -1);
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const [, id = "", path = ""] = /^(\d+) (.*)$/.exec(lines[i] ?? "") ?? [];
      this.#paths.push({ id, path, real: lines[i + 1] ?? "" });
    }
  }

  #addMetas(text: string): void {
    for (const line of text.split("\n")) {
      const [numbers = "", owner = "", group = "", ...name] = line.split("|");
      if (name.length > 0) this.#metas.set(name.join("|"), readMeta(numbers, owner, group));
    }
    const self = this.#metas.get(SELF);
    if (self !== undefined) {
      this.#user = self.owner;
      this.#group = self.group;
      if (this.#clockMs === 0) this.#clockMs = Number(self.changedAt);
    }
  }

  /** One file after the other; throws where one changed its length between stat and cat: what is read then is no state of the host. */
  #addContents({ words, payload }: Frame): void {
    let at = 0;
    for (const id of words) {
      const real = this.#paths.find((path) => path.id === id)?.real ?? "";
      const end = at + (this.#metas.get(real)?.size ?? 0);
      this.#contents.set(id, { kind: "text", latin1: payload.toString("latin1", at, end) });
      at = end;
    }
    if (at !== payload.length) throw new Error("a file changed while it was read; run again");
  }

  #addDigests(ids: readonly string[], text: string): void {
    // sha256sum begins a line with a backslash where the name holds one.
    for (const [i, line] of text.split("\n").entries()) {
      const id = ids[i];
      if (id !== undefined) this.#contents.set(id, { kind: "digest", sha256: line.replace(/^\\/, "").slice(0, 64) });
    }
  }

  #addPublicKey({ words: [, status], payload }: Frame): void {
    const text = payload.toString("utf8");
    const newline = text.indexOf("\n");
    if (status === "yes") this.#publicKeys.set(text.slice(0, newline), `${text.slice(newline + 1).trim()}\n`);
    else this.#publicKeys.set(text.trim(), "unreadable");
  }

  /** By the path asked. One file may be asked under two names ("server.key" and what ssl_key_file says): the fuller answer stays. */
  #files(): HostState["files"] {
    const files = new Map<string, FileState | "absent">();
    for (const { id, path, real } of this.#paths) {
      const meta = this.#metas.get(real);
      const content = this.#contents.get(id) ?? ({ kind: "unread" } as const);
      const before = files.get(path);
      if (before !== undefined && before !== "absent" && content.kind === "unread") continue;
      files.set(path, meta === undefined ? "absent" : fileState(meta, path, real, content));
    }
    return files;
  }
}

function fileState({ size, ...meta }: Meta, path: string, real: string, content: Content): FileState {
  return { ...meta, path: real, content, ...(real === path ? {} : { link: path }) };
}

function readProblem(status: string | undefined, text: string): ClusterProblem {
  const lines = text.split("\n").filter((line) => line !== "");
  if (status === "1") return { problem: "none", known: lines };
  if (status === "2") return { problem: "several", known: lines };
  if (status === "3") return { problem: "down", known: lines };
  if (status === "5") return { problem: "hidden", known: lines };
  const [name = "", ...said] = lines;
  return { problem: "query-failed", known: [name], said: said.join(" ") };
}

/** `numbers` is stat's `%f %s %z`: raw mode in hex (stat(2), st_mode), size, time of the last status change in UTC. */
function readMeta(numbers: string, owner: string, group: string): Meta {
  const [rawMode = "", size = "", day = "", time = ""] = numbers.split(" ");
  const bits = Number.parseInt(rawMode, 16);
  const type = bits & 0o170000;
  return {
    kind: type === 0o100000 ? "file" : type === 0o040000 ? "directory" : "other",
    mode: bits & 0o7777,
    owner,
    group,
    changedAt: Date.parse(`${day}T${time.slice(0, 12)}Z`),
    size: Number(size),
  };
}
