import type { Inventory } from "./inventory.ts";

/** The hosts of a group and of the groups below it, level by level, as Ansible orders them (inventory/group.py, `_get_hosts`). */
export function groupHosts(inventory: Inventory, name: string): readonly string[] {
  const hosts = new Set<string>();
  const seen = new Set([name]);
  // A set can be added to while it is walked, so this goes on level by level until no group is new.
  for (const group of seen) {
    for (const host of inventory.groups.get(group)?.hosts ?? []) hosts.add(host);
    for (const child of inventory.groups.get(group)?.children ?? []) seen.add(child);
  }
  return [...hosts];
}
