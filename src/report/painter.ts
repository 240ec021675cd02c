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
    // After a resize nobody knows what the terminal made of the old lines: all is written again.
    const body = isResized ? ERASE_BELOW + lines.map((line) => `${line}\n`).join("") : overwritten(painted, lines);
    write(up(isResized ? rowsAt(painted, columns) : painted.length) + body);
    painted = lines;
    paintedColumns = columns;
  };
  return { paint, clear: (columns) => paint([], columns) };
}

// ECMA-48: CUU, CUD, EL, ED.
const ERASE_LINE_END = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const DOWN = "\x1b[B";

function up(rows: number): string {
  return rows === 0 ? "" : `\r\x1b[${rows}A`;
}

/** Most terminals break a line again when they get narrower; it then takes as many rows as it is wide. */
function rowsAt(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widest([line]) / Math.max(1, columns))), 0);
}

function overwritten(before: readonly string[], after: readonly string[]): string {
  const lines = after.map((line, i) => (line === before[i] ? DOWN : `${line}${ERASE_LINE_END}\n`));
  return lines.join("") + (after.length < before.length ? ERASE_BELOW : "");
}
