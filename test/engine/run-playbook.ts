import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnostic } from "../../src/diagnostics/diagnostic.ts";
import type { Outcome, Proof, RunEvent } from "../../src/engine/event.ts";
import { prepareRun, type RunRequest } from "../../src/engine/prepare.ts";
import { run } from "../../src/engine/run.ts";
import type { Change } from "../../src/plan/change.ts";

export type PlaybookRun = {
  /** 1 with `problems`, where nothing ran. */
  exitCode: number;
  events: readonly RunEvent[];
  problems: readonly Diagnostic[];
};
export type PlaybookOptions = Partial<Omit<RunRequest, "playbook" | "inventory">> & {
  check?: boolean;
  detailedExitCode?: boolean;
  forks?: number;
  onEvent?: (event: RunEvent) => void;
};
export type TaskFinished = Extract<RunEvent, { event: "task-finished" }>;
export type HostFinished = Extract<RunEvent, { event: "host-finished" }>;

/** What `pgmtls run` does with a playbook that is there, between command line and screen. */
export async function runPlaybookFile(
  playbook: string,
  inventory: string,
  options: PlaybookOptions = {},
): Promise<PlaybookRun> {
  const { check = false, detailedExitCode = false, forks = 10, onEvent = () => {}, ...request } = options;
  const ready = await prepareRun({
    limit: undefined,
    extraVars: [],
    tags: [],
    skipTags: [],
    become: false,
    becomeUser: undefined,
    cwd: tmpdir(),
    ...request,
    playbook,
    inventory: [inventory],
  });
  if ("problems" in ready) return { exitCode: 1, events: [], problems: ready.problems };
  const events: RunEvent[] = [];
  const exitCode = await run(ready.prepared, {
    check,
    detailedExitCode,
    forks,
    operator: "tester@controller",
    emit: (event) => {
      events.push(event);
      onEvent(event);
    },
    now: Date.now,
    // A run that hangs fails its test, and says so by its exit code.
    stop: AbortSignal.timeout(120_000),
  });
  return { exitCode, events, problems: [] };
}

/** The same for a playbook that is given as text, with the `files` that it copies beside it. */
export async function runPlaybook(
  text: string,
  inventory: string,
  options: PlaybookOptions & { files?: Readonly<Record<string, string | Buffer>> } = {},
): Promise<PlaybookRun> {
  const { files = {}, ...others } = options;
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-playbook-"));
  try {
    for (const [name, content] of Object.entries({ "play.yml": text, ...files }))
      await writeFile(join(directory, name), content);
    return await runPlaybookFile(join(directory, "play.yml"), inventory, others);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The tasks that `host` was told of, in their order. */
export function tasksOf({ events }: PlaybookRun, host: string): TaskFinished[] {
  return events.filter((event) => event.event === "task-finished").filter((event) => event.host === host);
}

/** `Activate: changed` and the like. */
export function outcomesOf(run: PlaybookRun, host: string): string[] {
  return tasksOf(run, host).map(({ task, outcome }) => `${task}: ${outcome}`);
}

export function changesOf(run: PlaybookRun, host: string): Change[] {
  return tasksOf(run, host).flatMap(({ changes }) => changes);
}

export function proofsOf({ events }: PlaybookRun, host: string): Proof[] {
  return events
    .filter((event) => event.event === "host-proved")
    .filter((event) => event.host === host)
    .flatMap(({ proofs }) => proofs);
}

export function finishOf({ events }: PlaybookRun, host: string): HostFinished {
  const found = events.filter((event) => event.event === "host-finished").find((event) => event.host === host);
  if (found === undefined) throw new Error(`the run has not finished with ${host}`);
  return found;
}

export function outcomeByHost({ events }: PlaybookRun): Record<string, Outcome> {
  return Object.fromEntries(
    events.filter((event) => event.event === "host-finished").map(({ host, outcome }) => [host, outcome]),
  );
}

/** All that went wrong, as one text: for the message of an assertion, and to look for words. */
export function saidOf({ events, problems }: PlaybookRun): string {
  const told = events.flatMap((event) =>
    event.event === "task-finished" || event.event === "host-finished"
      ? event.problems.map(({ code, message }) => `${event.host}: ${message} [${code}]`)
      : [],
  );
  return [...problems.map(({ code, message }) => `${message} [${code}]`), ...told].join("\n");
}
