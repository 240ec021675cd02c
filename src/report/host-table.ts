import type { Outcome } from "../engine/event.ts";
import { printable } from "../plan/printable.ts";
import { padEnd, padStart, widest } from "./columns.ts";
import { BY_WEIGHT, isTrouble, outcomeColour, outcomeWord } from "./outcomes.ts";
import type { Palette } from "./palette.ts";
import type { HostTally } from "./tally.ts";
import { counted, duration } from "./words.ts";

/** Hosts with their outcome and numbers, as lines. A large fleet shows only those that want attention, and counts the others. */
export function hostTable(hosts: ReadonlyMap<string, HostTally>, palette: Palette): string[] {
  const all = [...hosts];
  const shown =
    all.length > MAX_ROWS
      ? all.filter(([, { outcome }]) => wantsAttention(outcome)).slice(0, MAX_ROWS_OF_TROUBLE)
      : all;
  const rest = all.filter((host) => !shown.includes(host));
  const lines = shown.length === 0 ? [] : table(shown.map(rowOf), palette);
  return rest.length === 0 ? lines : [...lines, palette.dim(restLine(rest, shown.length > 0))];
}

const MAX_ROWS = 30;
const MAX_ROWS_OF_TROUBLE = 100;

type Row = { outcome: Outcome | undefined; cells: readonly string[] };

const HEADINGS = ["host", "outcome", "changed", "ok", "skipped", "failed", "time", "execs"];
const LEFT_COLUMNS = 2;
const CHANGED_COLUMN = 2;
const FAILED_COLUMN = 5;

function wantsAttention(outcome: Outcome | undefined): boolean {
  return outcome === undefined || isTrouble(outcome);
}

function rowOf([name, { outcome, tasks, tookMs, execs }]: [string, HostTally]): Row {
  const changed = (tasks.changed ?? 0) + (tasks["would-change"] ?? 0);
  const failed = (tasks.failed ?? 0) + (tasks["rolled-back"] ?? 0) + (tasks.unreachable ?? 0);
  const numbers = [changed, tasks.ok ?? 0, tasks.skipped ?? 0, failed].map(String);
  const word = outcome === undefined ? "not finished" : outcomeWord(outcome);
  return {
    outcome,
    cells: [printable(name), word, ...numbers, outcome === undefined ? "" : duration(tookMs), String(execs)],
  };
}

function table(rows: readonly Row[], palette: Palette): string[] {
  const widths = HEADINGS.map((heading, i) => widest([heading, ...rows.map(({ cells }) => cells[i] ?? "")]));
  const line = (cells: readonly string[], paint: (cell: string, column: number) => string) =>
    cells
      .map((cell, i) => paint(aligned(cell, widths[i] ?? 0, i), i))
      .join("  ")
      .trimEnd();
  return [
    line(HEADINGS, palette.dim),
    ...rows.map(({ cells, outcome }) => line(cells, (cell, column) => painted(cell, column, outcome, palette))),
  ];
}

function aligned(cell: string, width: number, column: number): string {
  return column < LEFT_COLUMNS ? padEnd(cell, width) : padStart(cell, width);
}

/** The outcome has its colour, and so has the number that made it; a zero is there only for the eye to slide along. */
function painted(cell: string, column: number, outcome: Outcome | undefined, palette: Palette): string {
  if (column === 1) return outcome === undefined ? palette.dim(cell) : outcomeColour(outcome, palette)(cell);
  if (column === 0) return cell;
  if (cell.trim() === "0" || column > FAILED_COLUMN) return palette.dim(cell);
  if (column === CHANGED_COLUMN) return palette.yellow(cell);
  return column === FAILED_COLUMN ? palette.red(cell) : cell;
}

function restLine(rest: readonly [string, HostTally][], isBelowRows: boolean): string {
  const said = BY_WEIGHT.flatMap((outcome) => {
    const count = rest.filter(([, host]) => host.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${outcomeWord(outcome)}`];
  });
  const unfinished = rest.filter(([, { outcome }]) => outcome === undefined).length;
  const all = [...said, ...(unfinished === 0 ? [] : [`${unfinished} not finished`])].join(", ");
  return `${isBelowRows ? "and " : ""}${counted(rest.length, isBelowRows ? "more host" : "host")}: ${all}`;
}
