import { widest } from "./columns.ts";

export type Painter = {
  /** Puts `lines` in place of those painted before. Each must be narrower than the terminal, which has `columns` now. */
  paint(lines: readonly string[], columns: number): void;
  /** Takes away what was painted, as if it had never been. */
  clear(columns: number): void;
};

/**
 * Paints an area at the bottom of a terminal, the cursor below it. Only lines that differ are written, all at once and over the old
 * ones, so that nothing is ever blank in between.
 */
export function openPainter(write: (text: string) => void): Painter {
  let painted: readonly string[] = [];
  let paintedColumns = 0;
  const paint = (lines: readonly string[], columns: number) => {
    const isResized = columns !== paintedColumns;
    const isSame = !isResized && lines.length === painted.length && lines.every((line, i) => line === painted[i]);
    if (isSame) return;
    // After a resize nobody knows what the terminal made of the old lines: they go, and all is written again.
    const text = isResized
      ? erased(rowsAt(painted, columns)) + lines.map((line) => `${line}\n`).join("")
      : up(painted.length) + overwritten(painted, lines);
    write(NO_WRAP + text + WRAP);
    painted = lines;
    paintedColumns = columns;
  };
  return { paint, clear: (columns) => paint([], columns) };
}

// ECMA-48: EL, CUD. Not ED, which tmux takes from the first row for a wish to keep what was there, and not EL to the end of the
// line, whose blanks tmux counts as text when the window gets narrower.
const ERASE_LINE = "\x1b[2K";
// DECAWM: a terminal that is narrower than we have been told yet must not make two rows of a line.
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
const DOWN = "\x1b[B";

function up(rows: number): string {
  return rows === 0 ? "" : `\r\x1b[${rows}A`;
}

/** Most terminals break a line again when they get narrower; it then takes as many rows as it is wide. */
function rowsAt(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widest([line]) / Math.max(1, columns))), 0);
}

/** Empties the rows above the cursor and leaves it on the first of them. */
function erased(rows: number): string {
  return up(rows) + `${ERASE_LINE}${DOWN}`.repeat(rows) + up(rows);
}

function overwritten(before: readonly string[], after: readonly string[]): string {
  const lines = after.map((line, i) => (line === before[i] ? DOWN : overLine(before[i] ?? "", line)));
  const surplus = Math.max(0, before.length - after.length);
  return lines.join("") + `${ERASE_LINE}${DOWN}`.repeat(surplus) + up(surplus);
}

function overLine(before: string, after: string): string {
  return `${widest([after]) < widest([before]) ? ERASE_LINE : ""}${after}\n`;
}
