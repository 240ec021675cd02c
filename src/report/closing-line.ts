import type { Outcome } from "../engine/event.ts";
import { BY_WEIGHT, isTrouble, outcomeWord } from "./outcomes.ts";
import type { Tally } from "./tally.ts";
import { counted, duration } from "./words.ts";

/** The last line of a run: what became of it, in one sentence. */
export function closingLine({ hosts, finished, check }: Tally): string {
  const counts = countOutcomes(hosts.values());
  if (finished === undefined) return interrupted(hosts.size, counts);
  const found = BY_WEIGHT.filter((outcome) => (counts.get(outcome) ?? 0) > 0);
  if (found.length === 0) return "no host was contacted";
  const said = sentence(found, counts);
  if (found.some(isTrouble)) return said;
  if (found.every((outcome) => outcome === "ok" || outcome === "skipped")) return `nothing to do: ${said}`;
  return check ? said : `${said} in ${duration(finished.tookMs)}`;
}

/** How many hosts ended in each way; those that have not finished are in no count. */
export function countOutcomes(hosts: Iterable<{ outcome: Outcome | undefined }>): Map<Outcome, number> {
  const counts = new Map<Outcome, number>();
  for (const { outcome } of hosts) if (outcome !== undefined) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return counts;
}

function interrupted(hosts: number, counts: ReadonlyMap<Outcome, number>): string {
  const done = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const said = BY_WEIGHT.flatMap((outcome) =>
    counts.has(outcome) ? [`${counts.get(outcome)} ${outcomeWord(outcome)}`] : [],
  );
  return `interrupted: ${done} of ${counted(hosts, "host")} finished${said.length === 0 ? "" : ` (${said.join(", ")})`}`;
}

/** "5 hosts changed", "3 hosts changed, 2 ok"; where there is trouble, numbers alone. */
function sentence(found: readonly Outcome[], counts: ReadonlyMap<Outcome, number>): string {
  const isCalm = !found.some(isTrouble);
  return found
    .map((outcome, i) => {
      const count = counts.get(outcome) ?? 0;
      return `${isCalm && i === 0 ? counted(count, "host") : count} ${outcomeWord(outcome)}`;
    })
    .join(", ");
}
