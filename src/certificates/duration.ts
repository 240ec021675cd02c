const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** What `parseDuration` takes, as a JSON Schema pattern. */
export const DURATION_PATTERN = "^([0-9]+[smhdw])+$";

/** Seconds of "24h", "90d" or "8h30m"; undefined where it is none, or is nothing at all. */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined;
  let seconds = 0;
  for (const [, digits, unit = ""] of text.matchAll(/([0-9]+)([smhdw])/g))
    seconds += Number(digits) * (SECONDS[unit] ?? 0);
  return seconds > 0 && Number.isSafeInteger(seconds) ? seconds : undefined;
}

/** As people say it, in at most two units and rounded down: "29d 23h", "5m". */
export function formatDuration(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0s";
  let rest = seconds;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.filter((part) => part !== "").join(" ");
}
