import type { RunEvent } from "../../src/engine/event.ts";
import { countOutcomes } from "../../src/engine/outcome.ts";
import { openReader } from "../../src/report/choose.ts";
import {
  certificateChange,
  hbaChange,
  hostFinished,
  RELOAD,
  ROLLED_BACK,
  taskFinished,
  UNREACHABLE,
} from "./events.ts";

/**
 * A run without hosts, for a person or a test that looks at a terminal: `live-feed.ts five|sixty`. Each key press lets it go on to
 * its next act; at the end it prints "feed ended".
 */
const acts: Record<string, () => RunEvent[][]> = {
  five: () => [
    [started(names(5)), phase("db01", "connecting"), phase("db02", "observing"), phase("db03", "connecting")],
    [
      phase("db01", "writing", "Require TLS in pg_hba.conf"),
      taskFinished("db02", "Require TLS in pg_hba.conf", "ok"),
      hostFinished("db02", "ok", 310),
      hostFinished("db03", "unreachable", 10_010, [UNREACHABLE]),
      phase("db04", "proving", "a task whose name is far too long for any terminal, ".repeat(5)),
      phase("db05", "activating", "Activate"),
      hostFinished("db05", "rolled-back", 5_300, [ROLLED_BACK]),
    ],
    [
      ...job("db01"),
      hostFinished("db01", "changed", 2_140),
      ...job("db04"),
      hostFinished("db04", "changed", 63_000),
      ended({ changed: 2, ok: 1, unreachable: 1, "rolled-back": 1 }),
    ],
  ],
  sixty: () => [
    [
      started(names(60)),
      ...names(60)
        .slice(0, 50)
        .map((host) => phase(host, "observing", "Certificate from our CA")),
    ],
    [
      ...names(60)
        .slice(0, 15)
        .map((host) => hostFinished(host, "unreachable", 10_000, [UNREACHABLE])),
      ...names(60)
        .slice(15, 30)
        .flatMap((host) => [...job(host), hostFinished(host, "changed", 2_000)]),
    ],
    [
      ...names(60)
        .slice(30)
        .flatMap((host) => [...job(host), hostFinished(host, "changed", 2_000)]),
      ended({ changed: 45, unreachable: 15 }),
    ],
  ],
};

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `db${String(i + 1).padStart(2, "0")}`);
}

function started(hosts: readonly string[]): RunEvent {
  return { event: "run-started", run: "r1", playbook: "enable-mtls.yml", check: false, hosts, atMs: Date.now() };
}

function phase(host: string, phase: Extract<RunEvent, { event: "host-phase" }>["phase"], task?: string): RunEvent {
  return { event: "host-phase", host, phase, atMs: Date.now(), ...(task === undefined ? {} : { task }) };
}

function job(host: string): RunEvent[] {
  return [
    taskFinished(host, "Certificate from our CA", "changed", { changes: [certificateChange(host)] }),
    taskFinished(host, "Require TLS in pg_hba.conf", "changed", { changes: [hbaChange(15)] }),
    taskFinished(host, "Activate", "changed", { changes: [RELOAD] }),
  ];
}

function ended(outcomes: Partial<Record<string, number>>): RunEvent {
  return {
    event: "run-finished",
    run: "r1",
    check: false,
    counts: { ...countOutcomes([]), ...outcomes },
    exitCode: 4,
    tookMs: 10_140,
  };
}

async function keyPress(): Promise<void> {
  await new Promise((resolve) => process.stdin.once("data", resolve));
}

process.stdin.setRawMode(true); // no echo into the screen
const { stdout, stderr } = process;
const reader = openReader({ output: undefined, diff: process.argv.includes("--diff"), stdout, stderr, now: Date.now });
for (const act of acts[process.argv[2] ?? "five"]?.() ?? []) {
  for (const event of act) reader.onEvent(event);
  await keyPress();
}
await reader.close();
process.stdout.write("feed ended\n");
process.stdin.pause();
