/** How hosts, durations and counts are said in a line. */

/** "db1, db2 and 18 more"; three are all named. */
export function hostList(hosts: readonly string[]): string {
  if (hosts.length <= 3) return hosts.join(", ");
  return `${hosts.slice(0, 2).join(", ")} and ${hosts.length - 2} more`;
}

/** "0.3 s", "42 s" from ten seconds on, "2 min 05 s". */
export function duration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  return wholeSeconds(ms);
}

/** A duration that still grows: tenths would only flicker. */
export function wholeSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** "1 host", "5 hosts". */
export function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
