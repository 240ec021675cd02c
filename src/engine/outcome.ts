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

/** How many there are of each; of what there is none, 0. */
export function countOutcomes(outcomes: Iterable<Outcome>): Record<Outcome, number> {
  const counts = Object.fromEntries(WORST_FIRST.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const outcome of outcomes) counts[outcome] += 1;
  return counts;
}
