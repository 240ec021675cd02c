import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import stringWidth from "string-width";
import type { RunEvent } from "../../src/engine/event.ts";
import { emptyBoard, updateBoard } from "../../src/report/board.ts";
import { marksFor } from "../../src/report/marks.ts";
import { paletteFor } from "../../src/report/palette.ts";
import { screenLines } from "../../src/report/screen.ts";
import { hostFinished, START_MS, started, UNREACHABLE } from "./events.ts";

const palette = paletteFor({ write: () => {} }, {});
const marks = marksFor({ LANG: "C.UTF-8" });

function screen(events: readonly RunEvent[], columns: number, rows: number, atMs = START_MS + 5_000): string[] {
  const board = emptyBoard(START_MS);
  for (const event of events) updateBoard(board, event);
  return screenLines(board, { columns, rows, nowMs: atMs, spinner: "*", palette, marks });
}

function phase(host: string, atMs: number): RunEvent {
  return { event: "host-phase", host, phase: "writing", task: "Require TLS in pg_hba.conf", atMs };
}

test("every line is narrower than the terminal, and there are fewer than it has rows", () => {
  const host = fc.string({ unit: fc.constantFrom("d", "b", "古", "-"), minLength: 1, maxLength: 60 });
  const hosts = fc.uniqueArray(host, { minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(
      hosts,
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 60 }),
      fc.nat(2),
      (names, columns, rows, every) => {
        const events = names.flatMap((name, i) =>
          i % 3 <= every
            ? [phase(name, START_MS + i), ...(i % 2 === 0 ? [hostFinished(name, "unreachable", 9, [UNREACHABLE])] : [])]
            : [],
        );
        const lines = screen([...started(names, false), ...events], columns, rows);
        assert.ok(lines.length <= Math.max(1, rows - 1));
        for (const line of lines) assert.ok(stringWidth(line) < Math.max(columns, 1), `${columns}: "${line}"`);
      },
    ),
  );
});

test("beyond the height those that run longest are shown first", () => {
  const hosts = Array.from({ length: 20 }, (_, i) => `db${i + 10}`);
  const events = hosts.map((host, i) => phase(host, START_MS + 1_000 - i * 10));
  const lines = screen([...started(hosts, false), ...events], 80, 6);
  assert.deepEqual(
    lines.slice(0, 4).map((line) => line.slice(2, 6)),
    ["db29", "db28", "db27", "db26"],
  );
});

test("trouble leaves half of the space to what runs, and takes what that doesn't need", () => {
  const hosts = Array.from({ length: 40 }, (_, i) => `db${i + 10}`);
  const trouble = hosts.slice(0, 20).map((host) => hostFinished(host, "failed", 100));
  const count = (lines: readonly string[], mark: string) => lines.filter((line) => line.startsWith(mark)).length;
  const many = screen(
    [...started(hosts, false), ...trouble, ...hosts.slice(20).map((host) => phase(host, START_MS))],
    80,
    12,
  );
  assert.deepEqual([count(many, "✗"), count(many, "*")], [5, 5]);
  const few = screen([...started(hosts, false), ...trouble, phase("db49", START_MS)], 80, 12);
  assert.deepEqual([count(few, "✗"), count(few, "*")], [9, 1]);
});

test("a host that goes on with a second play runs again, and its times add up", () => {
  const events = [...started(["db1"], false), phase("db1", START_MS), hostFinished("db1", "changed", 2_000)];
  assert.match(screen(events, 80, 24)[0] ?? "", /^✓ db1 +2\.0 s {2}changed$/);
  const second = [...events, phase("db1", START_MS + 10_000)];
  assert.match(screen(second, 80, 24, START_MS + 13_000)[0] ?? "", /^\* db1 +5 s {2}writing /);
  assert.match(screen([...second, hostFinished("db1", "ok", 3_000)], 80, 24)[0] ?? "", /^✓ db1 +5\.0 s {2}changed$/);
});
