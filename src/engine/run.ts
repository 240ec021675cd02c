import { randomBytes } from "node:crypto";
import pLimit from "p-limit";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { CompiledPlay } from "../playbook/play.ts";
import type { SecretStore } from "../remote/apply.ts";
import { connect } from "../ssh/connect.ts";
import { ConnectError, type Connection, type Target } from "../ssh/connection.ts";
import type { AnyTaskModule } from "../tasks/registry.ts";
import type { Signers } from "./apply-host.ts";
import type { Outcome, RunEvent } from "./event.ts";
import { exitCodeOf } from "./exit-code.ts";
import { runPlayOnHost } from "./host-run.ts";
import { countOutcomes, worstOf } from "./outcome.ts";

/** A run that has been read and checked: everything about it is known, and no host has been contacted. */
export type PreparedRun = {
  playbook: string;
  plays: readonly { name: string; hosts: readonly PreparedHost[] }[];
  /** Every host of the run, in the inventory's order. */
  hosts: readonly string[];
  targets: ReadonlyMap<string, Target>;
  signers: Signers;
  secrets: SecretStore;
  modules: ReadonlyMap<string, AnyTaskModule>;
};
export type PreparedHost = { name: string; compiled: CompiledPlay; stateDirectory: string | undefined };

export type RunOptions = {
  check: boolean;
  detailedExitCode: boolean;
  /** How many hosts are in work at once. */
  forks: number;
  /** Who runs this, for the lock on the hosts: `user@controller`. */
  operator: string;
  emit: (event: RunEvent) => void;
  now: () => number;
  /** Aborted: nothing new starts, and what is under way is left to put itself right. */
  stop: AbortSignal;
};

/** Runs the plays one after the other, the hosts of each in parallel. Gives the exit code of DESIGN.md; throws nothing for a host's sake. */
export async function run(prepared: PreparedRun, options: RunOptions): Promise<number> {
  const startMs = options.now();
  const id = runId(startMs);
  const fleet = new Fleet(prepared, options, id);
  options.emit({
    event: "run-started",
    run: id,
    playbook: prepared.playbook,
    check: options.check,
    hosts: prepared.hosts,
    atMs: startMs,
  });
  for (const [index, play] of prepared.plays.entries()) {
    options.emit({
      event: "play-started",
      play: play.name,
      hosts: play.hosts.map((host) => host.name),
      atMs: options.now(),
    });
    const limit = pLimit(Math.max(1, options.forks));
    await Promise.all(play.hosts.map((host) => limit(() => fleet.work(host, index))));
  }
  await fleet.close();
  const counts = fleet.counts();
  const exitCode = exitCodeOf(counts, { ...options, interrupted: options.stop.aborted });
  options.emit({
    event: "run-finished",
    run: id,
    check: options.check,
    counts,
    exitCode,
    tookMs: options.now() - startMs,
  });
  return exitCode;
}

/** `20261125T013000Z-4f2a9c`: sorts by time, and no two runs share it. */
function runId(nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return `${time}-${randomBytes(3).toString("hex")}`;
}

type Progress = { connection: Connection | undefined; outcome: Outcome; problems: Diagnostic[]; workMs: number };

/** The hosts of a run: one connection each, from their first play to their last. */
class Fleet {
  readonly #prepared: PreparedRun;
  readonly #options: RunOptions;
  readonly #run: string;
  readonly #progress = new Map<string, Progress>();
  readonly #outcomes = new Map<string, Outcome>();
  readonly #lastPlay = new Map<string, number>();

  constructor(prepared: PreparedRun, options: RunOptions, runName: string) {
    this.#prepared = prepared;
    this.#options = options;
    this.#run = runName;
    for (const [index, play] of prepared.plays.entries())
      for (const host of play.hosts) this.#lastPlay.set(host.name, index);
  }

  /** One play on one host. A host that failed in an earlier play is left alone, as Ansible does. */
  async work(host: PreparedHost, play: number): Promise<void> {
    if (this.#outcomes.has(host.name)) return;
    const progress = this.#progress.get(host.name) ?? {
      connection: undefined,
      outcome: "skipped",
      problems: [],
      workMs: 0,
    };
    this.#progress.set(host.name, progress);
    if (this.#options.stop.aborted) return await this.#finish(host.name, progress);
    const startMs = this.#options.now();
    const result = await this.#attempt(host, play, progress);
    progress.workMs += this.#options.now() - startMs;
    progress.problems.push(...result.problems);
    progress.outcome = worstOf([progress.outcome, result.outcome]);
    const isOver = ["failed", "unreachable", "rolled-back"].includes(result.outcome);
    if (isOver || this.#lastPlay.get(host.name) === play) await this.#finish(host.name, progress);
  }

  counts(): Record<Outcome, number> {
    return countOutcomes(this.#outcomes.values());
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#progress].map(([name, progress]) =>
        this.#outcomes.has(name) ? undefined : this.#finish(name, progress),
      ),
    );
  }

  async #attempt(
    host: PreparedHost,
    play: number,
    progress: Progress,
  ): Promise<{ outcome: Outcome; problems: readonly Diagnostic[] }> {
    const { emit, now, stop, check, operator } = this.#options;
    const target = this.#prepared.targets.get(host.name);
    if (target === undefined) throw new Error(`no target for ${host.name}`);
    if (progress.connection === undefined) {
      emit({ event: "host-phase", host: host.name, phase: "connecting", atMs: now() });
      try {
        progress.connection = await connect(target, stop);
      } catch (error) {
        if (error instanceof ConnectError) return { outcome: "unreachable", problems: [error.diagnostic] };
        if (stop.aborted) return { outcome: "skipped", problems: [] };
        throw error;
      }
      emit({ event: "host-connected", host: host.name, atMs: now(), handshakeMs: progress.connection.handshakeMs });
    }
    return await runPlayOnHost(progress.connection, {
      // Each play keeps its own images and backups on the host: the next may write the same files.
      run: play === 0 ? this.#run : `${this.#run}.${play + 1}`,
      play: host.compiled,
      address: target.address,
      stateDirectory: host.stateDirectory,
      check,
      holder: `${operator}, run ${this.#run}, since ${new Date(now()).toISOString()}`,
      modules: this.#prepared.modules,
      signers: this.#prepared.signers,
      secrets: this.#prepared.secrets,
      emit,
      now,
      // A change in hand is finished or undone, never torn: the first Ctrl-C only keeps new hosts from starting.
      signal: new AbortController().signal,
    });
  }

  async #finish(name: string, progress: Progress): Promise<void> {
    this.#outcomes.set(name, progress.outcome);
    const { execs, bytes } = progress.connection?.counters() ?? { execs: 0, bytes: 0 };
    await progress.connection?.[Symbol.asyncDispose]();
    this.#options.emit({
      event: "host-finished",
      host: name,
      outcome: progress.outcome,
      problems: progress.problems,
      tookMs: progress.workMs,
      execs,
      bytes,
    });
    this.#progress.delete(name);
  }
}
