import type { Place } from "../diagnostics/diagnostic.ts";

/** A text and the name people know it by: a path as the user gave it, or `-e` for the command line. */
export type SourceFile = { file: string; text: string };

/** From an offset and a length, both in UTF-16 units, to the place; a place never reaches beyond the end of its line. */
export type PlaceFinder = (offset: number, length: number) => Place;

/** Lines are cut once, so that finding a place costs a binary search however long the file is. */
export function placeFinder({ file, text }: SourceFile): PlaceFinder {
  const starts = lineStarts(text);
  return (offset, length) => {
    const at = Math.min(Math.max(offset, 0), text.length);
    const line = lastNotAfter(starts, at);
    const start = starts[line] ?? 0;
    const lineText = text.slice(start, starts[line + 1] ?? text.length).replace(/\r?\n$/, "");
    const col = Math.min(at - start, lineText.length) + 1;
    const rest = lineText.length - (col - 1);
    return { file, line: line + 1, col, length: Math.max(1, Math.min(length, rest)), text: lineText };
  };
}

/** The whole of a file, for a problem that has no better place. */
export function startOf(source: SourceFile): Place {
  return placeFinder(source)(0, 1);
}

/** `file:line:col`, as hints name a second place. */
export function describePlace({ file, line, col }: Place): string {
  return `${file}:${line}:${col}`;
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lastNotAfter(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
