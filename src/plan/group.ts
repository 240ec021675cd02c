import type { Change } from "./change.ts";

/** One change that a task makes on each of `hosts`. `because` is there where they all have the same reason. */
export type ChangeGroup = { task: string; text: string; because: string | undefined; hosts: string[] };

/** Groups by what makes changes equal, in the order they were first met. */
export type ChangeGroups = Map<string, ChangeGroup>;

/**
 * Puts what `task` changes on `host` into `groups`, shown by `show`; the changes themselves are not kept, so that memory doesn't
 * grow with the hosts. Certificates that differ only in their names are one group: a fleet's are all different, and all alike.
 */
export function groupByEqualChanges(
  groups: ChangeGroups,
  { host, task, changes }: { host: string; task: string; changes: readonly Change[] },
  show: (change: Change) => string,
): void {
  for (const change of changes) {
    const nameless = show(withoutNames(change));
    const key = JSON.stringify([task, nameless]);
    const group = groups.get(key);
    const text = show(change);
    if (group === undefined) groups.set(key, { task, text, because: change.because, hosts: [host] });
    else addTo(group, host, change.because, text === group.text ? text : nameless);
  }
}

function addTo(group: ChangeGroup, host: string, because: string, text: string): void {
  if (group.hosts.at(-1) !== host) group.hosts.push(host);
  if (group.because !== because) group.because = undefined;
  group.text = text;
}

function withoutNames(change: Change): Change {
  if (change.kind !== "certificate") return change;
  const { dns, ip } = change.request;
  return {
    ...change,
    request: { ...change.request, commonName: "the host's own name", dns: counted(dns), ip: counted(ip) },
  };
}

function counted(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`(${names.length} of its own)`];
}
