import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Outcome, Proof, RunEvent } from "../engine/event.ts";
import type { Change } from "../plan/change.ts";
import { type ChangeGroups, groupByEqualChanges } from "../plan/group.ts";
import { printable } from "../plan/printable.ts";
import { outcomeWord, worse } from "./outcomes.ts";
import { problemText } from "./problem-text.ts";

/** What is kept of a run for the recap: numbers a host, and every text once with the hosts it is about. */
export type Tally = {
  check: boolean;
  hosts: Map<string, HostTally>;
  changes: ChangeGroups;
  problems: Map<string, TextGroup>;
  warnings: Map<string, TextGroup>;
  proofs: Map<string, TextGroup & Pick<Proof, "held">>;
  finished: Extract<RunEvent, { event: "run-finished" }> | undefined;
};

export type HostTally = {
  /** undefined: the host has not finished. */
  outcome: Outcome | undefined;
  tasks: Partial<Record<Outcome, number>>;
  tookMs: number;
  execs: number;
};

/** `task` is undefined where the host itself had the problem. */
export type TextGroup = { text: string; task: string | undefined; hosts: Set<string> };

export function emptyTally(): Tally {
  return {
    check: false,
    hosts: new Map(),
    changes: new Map(),
    problems: new Map(),
    warnings: new Map(),
    proofs: new Map(),
    finished: undefined,
  };
}

/** Adds an event to `tally`; changes are kept as `show` prints them. */
export function addEvent(tally: Tally, event: RunEvent, show: (change: Change) => string): void {
  switch (event.event) {
    case "run-started":
      tally.check = event.check;
      for (const host of event.hosts) hostTally(tally, host);
      break;
    case "task-finished":
      addTask(tally, event, show);
      break;
    case "host-proved":
      for (const { what, held, said } of event.proofs) addProof(tally, event.host, { what, held, said });
      break;
    case "host-finished":
      addFinish(tally, event);
      break;
    case "run-finished":
      tally.finished = event;
      break;
  }
}

function hostTally({ hosts }: Tally, host: string): HostTally {
  const known = hosts.get(host);
  if (known !== undefined) return known;
  const fresh = { outcome: undefined, tasks: {}, tookMs: 0, execs: 0 };
  hosts.set(host, fresh);
  return fresh;
}

function addTask(
  tally: Tally,
  event: Extract<RunEvent, { event: "task-finished" }>,
  show: (change: Change) => string,
): void {
  const { host, outcome, because } = event;
  const task = printable(event.task);
  const { tasks } = hostTally(tally, host);
  tasks[outcome] = (tasks[outcome] ?? 0) + 1;
  const label = outcome === "changed" || outcome === "would-change" ? task : `${task} (${outcomeWord(outcome)})`;
  groupByEqualChanges(tally.changes, { host, task: label, changes: event.changes }, (change) =>
    printable(show(change)),
  );
  if (outcome === "unknown")
    addText(tally.problems, host, task, printable(because ?? "what it would do can't be predicted"));
  addProblems(tally.problems, host, task, event.problems);
  addProblems(tally.warnings, host, task, event.warnings);
}

function addProblems(
  groups: Map<string, TextGroup>,
  host: string,
  task: string | undefined,
  found: readonly Diagnostic[],
): void {
  for (const problem of found) addText(groups, host, task, problemText(problem));
}

function addText(groups: Map<string, TextGroup>, host: string, task: string | undefined, text: string): void {
  const key = JSON.stringify([task, text]);
  const group = groups.get(key);
  if (group === undefined) groups.set(key, { text, task, hosts: new Set([host]) });
  else group.hosts.add(host);
}

/** What held is the same sentence on every host; what didn't is told with what was seen there. */
function addProof({ proofs }: Tally, host: string, { what, held, said }: Proof): void {
  const text = printable(held === true ? what : `${what}: ${said}`);
  const key = JSON.stringify([held, text]);
  const group = proofs.get(key);
  if (group === undefined) proofs.set(key, { text, task: undefined, held, hosts: new Set([host]) });
  else group.hosts.add(host);
}

function addFinish(tally: Tally, event: Extract<RunEvent, { event: "host-finished" }>): void {
  const host = hostTally(tally, event.host);
  host.outcome = host.outcome === undefined ? event.outcome : worse(host.outcome, event.outcome);
  host.tookMs += event.tookMs;
  host.execs += event.execs;
  addProblems(tally.problems, event.host, undefined, event.problems);
}
