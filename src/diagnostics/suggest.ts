import { distance } from "fastest-levenshtein";

/** The one of `known` that `found` was probably meant to be; undefined where none is near. */
export function nearest(found: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const candidate of known) {
    const d = typingDistance(found.toLowerCase(), candidate.toLowerCase());
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

/** Levenshtein's distance, but two neighbours in the wrong order are one slip of the fingers, not two. */
function typingDistance(a: string, b: string): number {
  for (let i = 0; i + 1 < a.length; i += 1) {
    if (a.slice(0, i) + a.charAt(i + 1) + a.charAt(i) + a.slice(i + 2) === b) return 1;
  }
  return distance(a, b);
}
