import type { Outcome } from "./event.ts";

const WORST_FIRST: readonly Outcome[] = [
  "unreachable",
  "failed",
  "rolled-back",
  "unknown",
  "would-change",
  "changed",
  "ok",
  "skipped",
];

/** What a host came to: the worst of what its tasks or plays came to; "skipped" where there are none. */
export function worstOf(outcomes: readonly Outcome[]): Outcome {
  return WORST_FIRST.find((outcome) => outcomes.includes(outcome)) ?? "skipped";
}
