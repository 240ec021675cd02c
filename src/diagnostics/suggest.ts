import { distance } from "fastest-levenshtein";

/** The one of `known` that `found` was probably meant to be; undefined where none is near. */
export function nearest(found: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const candidate of known) {
    const d = distance(found.toLowerCase(), candidate.toLowerCase());
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `did you mean "x"?`, or nothing where no known name is near. */
export function didYouMean(found: string, known: Iterable<string>): { hint?: string } {
  const name = nearest(found, known);
  return name === undefined ? {} : { hint: `did you mean "${name}"?` };
}
