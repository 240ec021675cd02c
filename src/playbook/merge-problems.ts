import type { Diagnostic } from "../diagnostics/diagnostic.ts";

export type HostProblems = { host: string; problems: readonly Diagnostic[] };

/**
 * The problems of all hosts, each told once; where only some hosts have one, the message says which. `perHost` names every host,
 * also those without problems. What is in `already` is told elsewhere and left out.
 */
export function mergeProblems(perHost: readonly HostProblems[], already: readonly Diagnostic[] = []): Diagnostic[] {
  const told = new Set(already.map(keyOf));
  const merged = new Map<string, { problem: Diagnostic; hosts: Set<string> }>();
  for (const { host, problems } of perHost) {
    for (const problem of problems) {
      const key = keyOf(problem);
      if (told.has(key)) continue;
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { problem, hosts: new Set([host]) });
      else known.hosts.add(host);
    }
  }
  return [...merged.values()].map(({ problem, hosts }) =>
    hosts.size === perHost.length ? problem : { ...problem, message: `${problem.message}, on ${someOf([...hosts])}` },
  );
}

function keyOf({ code, message, at }: Diagnostic): string {
  return JSON.stringify([code, message, at?.file, at?.line, at?.col]);
}

/** `db1`, `db1 and db2`, `db1, db2 and db3`, `db1, db2 and 3 more`. */
function someOf(hosts: readonly string[]): string {
  const named = hosts.length <= 3 ? hosts.slice(0, -1) : hosts.slice(0, 2);
  const last = hosts.length <= 3 ? hosts.at(-1) : `${hosts.length - 2} more`;
  return named.length === 0 ? String(last) : `${named.join(", ")} and ${last}`;
}
