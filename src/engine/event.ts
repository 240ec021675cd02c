import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Change } from "../plan/change.ts";

export type Outcome =
  | "ok"
  | "changed"
  | "would-change"
  | "unknown"
  | "skipped"
  | "failed"
  | "unreachable"
  | "rolled-back";

/** What a host is doing, for the live screen. */
export type Phase = "connecting" | "observing" | "planning" | "signing" | "writing" | "activating" | "proving";

/** "untried": it could not be looked at, and `said` tells why. That is no failure, but no proof either. */
export type Proof = { what: string; held: boolean | "untried"; said: string };

/**
 * What every reader (screen, lines, JSON) is fed with, in order, one stream for a run. All of it is plain data without secrets:
 * `--output ndjson` prints each as a line, but for the texts of files (report/told-event.ts). Times are milliseconds since 1970 UTC, durations milliseconds.
 */
export type RunEvent =
  | { event: "run-started"; run: string; playbook: string; check: boolean; hosts: readonly string[]; atMs: number }
  | { event: "play-started"; play: string; hosts: readonly string[]; atMs: number }
  | { event: "host-connected"; host: string; atMs: number; handshakeMs: number }
  | { event: "host-phase"; host: string; phase: Phase; task?: string; atMs: number }
  | {
      event: "task-finished";
      host: string;
      play: string;
      task: string;
      module: string;
      outcome: Outcome;
      changes: readonly Change[];
      problems: readonly Diagnostic[];
      warnings: readonly Diagnostic[];
      because?: string;
    }
  | { event: "host-proved"; host: string; cluster: string; proofs: readonly Proof[] }
  | {
      event: "host-finished";
      host: string;
      outcome: Outcome;
      /** Why, where the host itself failed and no task of it did (unreachable, locked, refused by PostgreSQL, rolled back). */
      problems: readonly Diagnostic[];
      tookMs: number;
      execs: number;
      bytes: number;
    }
  | {
      event: "run-finished";
      run: string;
      check: boolean;
      /** Hosts by their worst outcome. */
      counts: Readonly<Record<Outcome, number>>;
      exitCode: number;
      tookMs: number;
    };
