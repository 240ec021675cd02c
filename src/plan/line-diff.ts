import { formatPatch, OMIT_HEADERS, structuredPatch } from "diff";

export type LineDiff = {
  /** Hunks of a unified diff with three lines of context, without headers and without a last newline. */
  text: string;
  /** Lines that differ; one that is replaced counts once. */
  lines: number;
};

/** How two texts differ, line by line. */
export function lineDiff(before: string, after: string): LineDiff {
  const limit = before === "" || after === "" ? {} : { maxEditLength: MAX_EDITS };
  const patch = structuredPatch("", "", before, after, undefined, undefined, { context: 3, ...limit });
  if (patch === undefined) return rewritten(before, after);
  const text = formatPatch(patch, OMIT_HEADERS).replace(/\n$/, "");
  return { text, lines: patch.hunks.reduce((sum, hunk) => sum + changedLines(hunk.lines), 0) };
}

// The search takes time by the square of the edits; configuration files stay far below.
const MAX_EDITS = 4000;

function rewritten(before: string, after: string): LineDiff {
  const [from, to] = [countLines(before), countLines(after)];
  return { text: `(rewritten: ${from} -> ${to} lines, too different to show)`, lines: Math.max(from, to) };
}

function countLines(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** A run of removed and added lines counts as many as the longer of the two. */
function changedLines(lines: readonly string[]): number {
  let [removed, added, sum] = [0, 0, 0];
  for (const line of [...lines, " "]) {
    if (line.startsWith("-")) removed += 1;
    else if (line.startsWith("+")) added += 1;
    else if (!line.startsWith("\\")) {
      sum += Math.max(removed, added);
      [removed, added] = [0, 0];
    }
  }
  return sum;
}
