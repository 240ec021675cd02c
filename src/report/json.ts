import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Outcome, Proof, RunEvent } from "../engine/event.ts";
import type { Change } from "../plan/change.ts";
import { diffOfChange } from "../plan/diff.ts";
import { summaryOfChange } from "../plan/summary.ts";
import { hideSecrets } from "./ndjson.ts";
import { worse } from "./outcomes.ts";
import type { Output, Reader } from "./reader.ts";

/** One JSON document for the run, written when it is over. Changes are in it as a summary, and as a diff where `diff` is asked. */
export function jsonReader(output: Output, { diff }: { diff: boolean }): Reader {
  const run: RunDocument = {};
  const hosts = new Map<string, HostDocument>();
  return {
    onEvent: (event) => note(run, hosts, event, diff),
    close: async () => {
      output.write(`${JSON.stringify({ ...run, hosts: [...hosts.values()] }, hideSecrets, 2)}\n`);
    },
  };
}

type RunDocument = {
  run?: string;
  playbook?: string;
  check?: boolean;
  startedAtMs?: number;
  /** Absent where the run was interrupted, as are the two below. */
  tookMs?: number;
  exitCode?: number;
  counts?: Readonly<Record<Outcome, number>>;
};

type HostDocument = {
  host: string;
  /** null: the host had not finished. */
  outcome: Outcome | null;
  tookMs: number;
  execs: number;
  bytes: number;
  problems: Diagnostic[];
  proofs: { cluster: string; proofs: readonly Proof[] }[];
  tasks: TaskDocument[];
};

type TaskDocument = {
  play: string;
  task: string;
  module: string;
  outcome: Outcome;
  because?: string;
  changes: { kind: Change["kind"]; summary: string; because: string; diff?: string }[];
  problems: readonly Diagnostic[];
  warnings: readonly Diagnostic[];
};

function note(run: RunDocument, hosts: Map<string, HostDocument>, event: RunEvent, diff: boolean): void {
  switch (event.event) {
    case "run-started":
      Object.assign(run, { run: event.run, playbook: event.playbook, check: event.check, startedAtMs: event.atMs });
      for (const host of event.hosts) hostDocument(hosts, host);
      break;
    case "task-finished":
      hostDocument(hosts, event.host).tasks.push(taskDocument(event, diff));
      break;
    case "host-proved":
      hostDocument(hosts, event.host).proofs.push({ cluster: event.cluster, proofs: event.proofs });
      break;
    case "host-finished":
      finish(hostDocument(hosts, event.host), event);
      break;
    case "run-finished":
      Object.assign(run, { tookMs: event.tookMs, exitCode: event.exitCode, counts: event.counts });
      break;
  }
}

function hostDocument(hosts: Map<string, HostDocument>, host: string): HostDocument {
  const known = hosts.get(host);
  if (known !== undefined) return known;
  const fresh = { host, outcome: null, tookMs: 0, execs: 0, bytes: 0, problems: [], proofs: [], tasks: [] };
  hosts.set(host, fresh);
  return fresh;
}

function taskDocument(event: Extract<RunEvent, { event: "task-finished" }>, diff: boolean): TaskDocument {
  const { play, task, module, outcome, because, problems, warnings } = event;
  const changes = event.changes.map((change) => ({
    kind: change.kind,
    summary: summaryOfChange(change),
    because: change.because,
    ...(diff ? { diff: diffOfChange(change) } : {}),
  }));
  return { play, task, module, outcome, ...(because === undefined ? {} : { because }), changes, problems, warnings };
}

function finish(host: HostDocument, event: Extract<RunEvent, { event: "host-finished" }>): void {
  host.outcome = host.outcome === null ? event.outcome : worse(host.outcome, event.outcome);
  host.tookMs += event.tookMs;
  host.execs += event.execs;
  host.bytes += event.bytes;
  host.problems.push(...event.problems);
}
