import type { DocumentNode } from "../document/node.ts";
import { assign, type Draft } from "./draft.ts";
import { type GroupTree, groupTree } from "./group-tree.ts";
import type { Inventory, InventoryGroup, InventoryHost } from "./inventory.ts";

/** The inventory that a draft without mistakes describes. Takes the draft over: `ungrouped` is settled in it. */
export function compose(draft: Draft, priorities: ReadonlyMap<string, number>, sources: readonly string[]): Inventory {
  settleUngrouped(draft);
  const tree = groupTree(new Map([...draft.groups].map(([name, { children }]) => [name, children])));
  const groups = new Map<string, InventoryGroup>();
  for (const [name, { hosts, variables }] of draft.groups) {
    groups.set(name, { name, hosts: [...hosts], children: tree.children.get(name) ?? [], variables });
  }
  const membershipOf = memberships(draft, tree, priorities);
  const hosts = new Map<string, InventoryHost>();
  for (const [name, host] of draft.hosts) {
    const { groups: names, variables } = membershipOf(host.groups);
    const merged = new Map(variables);
    assign(merged, host.variables);
    hosts.set(name, { name, at: host.at, groups: names, variables: merged });
  }
  return { sources, hosts, groups };
}

/** A host is in `ungrouped` exactly when it is in no other group but `all`. */
function settleUngrouped(draft: Draft): void {
  const ungrouped = draft.groups.get("ungrouped");
  for (const [name, { groups }] of draft.hosts) {
    const isGrouped = [...groups].some((group) => group !== "all" && group !== "ungrouped");
    if (isGrouped) {
      groups.delete("ungrouped");
      ungrouped?.hosts.delete(name);
    } else {
      groups.add("ungrouped");
      ungrouped?.hosts.add(name);
    }
  }
}

type Membership = { groups: readonly string[]; variables: ReadonlyMap<string, DocumentNode> };

/** All groups above a set of groups, and what they give together; made once for all hosts that are in the same groups. */
function memberships(draft: Draft, tree: GroupTree, priorities: ReadonlyMap<string, number>) {
  const known = new Map<string, Membership>();
  return (direct: ReadonlySet<string>): Membership => {
    const key = [...direct].sort().join("\0");
    const found = known.get(key);
    if (found !== undefined) return found;
    const above = [...direct].flatMap((name) => [name, ...(tree.ancestors.get(name) ?? [])]);
    const groups = [...new Set(["all", ...above])].sort(byPrecedence(tree, priorities));
    const variables = new Map<string, DocumentNode>();
    for (const name of groups) assign(variables, draft.groups.get(name)?.variables ?? new Map());
    known.set(key, { groups, variables });
    return { groups, variables };
  };
}

/** Later ones win: by depth, then priority, then name (Ansible's inventory/helpers.py, `sort_groups`). */
function byPrecedence({ depth }: GroupTree, priorities: ReadonlyMap<string, number>) {
  return (a: string, b: string): number =>
    (depth.get(a) ?? 0) - (depth.get(b) ?? 0) ||
    (priorities.get(a) ?? 1) - (priorities.get(b) ?? 1) ||
    (a < b ? -1 : Number(a > b));
}
