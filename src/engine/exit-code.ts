import type { Outcome } from "./event.ts";

/** The exit code of DESIGN.md for a run whose hosts ended so. */
export function exitCodeOf(
  counts: Readonly<Record<Outcome, number>>,
  how: { check: boolean; detailedExitCode: boolean; interrupted: boolean },
): number {
  if (how.interrupted) return 130;
  // A check may well not know; a run that did not know has left something undone that was asked for.
  const undone = counts.failed + counts["rolled-back"] + (how.check ? 0 : counts.unknown);
  const failed = undone > 0 ? 2 : 0;
  const unreachable = counts.unreachable > 0 ? 4 : 0;
  if (failed + unreachable > 0) return failed + unreachable;
  return how.check && how.detailedExitCode && counts["would-change"] + counts.unknown > 0 ? 3 : 0;
}
