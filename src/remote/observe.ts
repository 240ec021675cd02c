import { CLUSTER_QUERY, readCluster } from "../postgres/cluster-facts.ts";
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

/** The files that every cluster observation brings along: `restart` compares their age with the server's last reading. */
const CLUSTER_FILES = [
  "config_file",
  "hba_file",
  "ident_file",
  "ssl_cert_file",
  "ssl_key_file",
  "ssl_ca_file",
  "ssl_crl_file",
];

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
      for (const setting of CLUSTER_FILES)
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

/** Gathers the frames of an observation into the host's state. */
export class HostStateBuilder {
  readonly #question: Question;
  readonly #files = new Map<string, FileState | "absent">();
  readonly #publicKeys = new Map<string, string | "unreadable">();
  readonly #clusters = new Map<string, ClusterState | ClusterProblem>();
  #clockMs = 0;
  #user = "";
  #group = "";

  constructor(question: Question) {
    this.#question = question;
  }

  add(frame: Frame): void {
    if (frame.verb === "begin") this.#begin(frame.payload.toString());
    else if (frame.verb === "cluster") this.#addCluster(frame);
    else if (frame.verb === "file") this.#addFile(frame);
    else if (frame.verb === "public-key") this.#addPublicKey(frame);
  }

  state(): HostState {
    return {
      clockMs: this.#clockMs,
      user: this.#user,
      group: this.#group,
      files: this.#files,
      publicKeys: this.#publicKeys,
      clusters: this.#clusters,
      unknown: new Set(),
    };
  }

  #begin(text: string): void {
    const [seconds = "", user = "", group = ""] = text.split(" ");
    this.#clockMs = Number(seconds) * 1000;
    this.#user = user;
    this.#group = group;
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

  #addFile({ words: [index, status], payload }: Frame): void {
    const asked = this.#question.files[Number(index)];
    const text = payload.toString("latin1");
    if (status === "absent") {
      this.#files.set(utf8(text), "absent");
      return;
    }
    const [path = "", real = "", meta = ""] = text.split("\n", 3);
    const rest = text.slice(path.length + real.length + meta.length + 3);
    const content = readContent(status, rest);
    // The same file may be asked under two names ("server.key" and what ssl_key_file says); the answer that tells more stays.
    const before = this.#files.get(utf8(path));
    if (before !== undefined && before !== "absent" && before.content.kind !== "unread" && content.kind === "unread")
      return;
    if (asked !== undefined) this.#files.set(utf8(path), readFileState(utf8(path), utf8(real), meta, content));
  }

  #addPublicKey({ words: [, status], payload }: Frame): void {
    const text = payload.toString("utf8");
    const newline = text.indexOf("\n");
    if (status === "yes") this.#publicKeys.set(text.slice(0, newline), `${text.slice(newline + 1).trim()}\n`);
    else this.#publicKeys.set(text.trim(), "unreadable");
  }
}

/** Paths travel as the host's bytes; ours are strings that were written as UTF-8. */
function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
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

function readContent(status: string | undefined, rest: string): Content {
  if (status === "content") return { kind: "text", latin1: rest };
  if (status === "digest") return { kind: "digest", sha256: rest.trim() };
  return { kind: "unread" };
}

/** `meta` is stat's `%f %s %z|%U|%G`: raw mode in hex (stat(2), st_mode), size, time of the last status change, owner, group. */
function readFileState(path: string, real: string, meta: string, content: Content): FileState {
  const [numbers = "", owner = "", group = ""] = meta.split("|");
  const [rawMode = "", , day = "", time = ""] = numbers.split(" ");
  const bits = Number.parseInt(rawMode, 16);
  const type = bits & 0o170000;
  const changed = Date.parse(`${day}T${time.slice(0, 12)}Z`);
  return {
    path: real,
    kind: type === 0o100000 ? "file" : type === 0o040000 ? "directory" : "other",
    content,
    mode: bits & 0o7777,
    owner,
    group,
    changedAt: changed,
    ...(real === path ? {} : { link: path }),
  };
}
