import type { Outcome, Phase, RunEvent } from "../engine/event.ts";
import { printable } from "../plan/printable.ts";
import { withoutSecrets } from "../plan/secrets.ts";
import { worse } from "./outcomes.ts";

/** What the live screen knows: one small row a host, in the order of the inventory. */
export type Board = { startedAtMs: number; hosts: Map<string, HostRow> };

export type HostRow = {
  host: string;
  state: "waiting" | "running" | "done";
  phase: Phase | undefined;
  task: string;
  /** When the host was first heard of. */
  startedAtMs: number;
  tookMs: number;
  changes: number;
  outcome: Outcome | undefined;
  /** First line of what went wrong. */
  problem: string;
};

export function emptyBoard(nowMs: number): Board {
  return { startedAtMs: nowMs, hosts: new Map() };
}

/** Brings `board` up to date with an event. */
export function updateBoard(board: Board, event: RunEvent): void {
  switch (event.event) {
    case "run-started":
      board.startedAtMs = event.atMs;
      for (const host of event.hosts) rowOf(board, host);
      break;
    case "host-connected":
      begin(rowOf(board, event.host), event.atMs - event.handshakeMs);
      break;
    case "host-phase":
      showPhase(rowOf(board, event.host), event);
      break;
    case "task-finished":
      showTask(rowOf(board, event.host), event);
      break;
    case "host-finished":
      finish(rowOf(board, event.host), event);
      break;
  }
}

function rowOf({ hosts }: Board, host: string): HostRow {
  const known = hosts.get(host);
  if (known !== undefined) return known;
  const row: HostRow = {
    host: printable(host),
    state: "waiting",
    phase: undefined,
    task: "",
    startedAtMs: 0,
    tookMs: 0,
    changes: 0,
    outcome: undefined,
    problem: "",
  };
  hosts.set(host, row);
  return row;
}

/** Also a host that had finished one play begins again with the next; its time goes on from what it took so far. */
function begin(row: HostRow, atMs: number): void {
  if (row.state === "running") return;
  row.startedAtMs = atMs - row.tookMs;
  row.state = "running";
}

function showPhase(row: HostRow, event: Extract<RunEvent, { event: "host-phase" }>): void {
  begin(row, event.atMs);
  row.phase = event.phase;
  row.task = printable(event.task ?? "");
}

function showTask(
  row: HostRow,
  { changes, problems, because = "" }: Extract<RunEvent, { event: "task-finished" }>,
): void {
  row.changes += changes.length;
  if (row.problem === "") row.problem = firstLine(problems[0]?.message ?? (changes.length > 0 ? "" : because));
}

function finish(row: HostRow, event: Extract<RunEvent, { event: "host-finished" }>): void {
  row.state = "done";
  row.outcome = row.outcome === undefined ? event.outcome : worse(row.outcome, event.outcome);
  row.tookMs += event.tookMs;
  const problem = event.problems[0];
  if (problem !== undefined) row.problem = firstLine(problem.message);
}

function firstLine(text: string): string {
  return printable(withoutSecrets(text.split("\n", 1)[0] ?? ""));
}
