import type { Outcome } from "../engine/event.ts";
import type { Palette } from "./palette.ts";

/** From what wants attention most to what wants it least: the order in which counts are said. */
export const BY_WEIGHT = [
  "failed",
  "unreachable",
  "rolled-back",
  "unknown",
  "changed",
  "would-change",
  "ok",
  "skipped",
] as const satisfies readonly Outcome[];

/** Whether someone has to look at a host that ended so. */
export function isTrouble(outcome: Outcome): boolean {
  return outcome === "failed" || outcome === "unreachable" || outcome === "rolled-back" || outcome === "unknown";
}

/** The one of two outcomes that a host is known by: a host that did nothing at all is `skipped`, one that looked is `ok`. */
export function worse(one: Outcome, other: Outcome): Outcome {
  return BY_WEIGHT.indexOf(one) <= BY_WEIGHT.indexOf(other) ? one : other;
}

/** "would change" for `would-change`. */
export function outcomeWord(outcome: Outcome): string {
  return outcome.replace("-", " ");
}

export function outcomeColour(
  outcome: Outcome,
  { green, yellow, red, magenta, dim }: Palette,
): (text: string) => string {
  return {
    ok: green,
    changed: yellow,
    "would-change": yellow,
    unknown: magenta,
    skipped: dim,
    failed: red,
    unreachable: red,
    "rolled-back": magenta,
  }[outcome];
}
