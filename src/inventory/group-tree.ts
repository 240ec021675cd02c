import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";

/** Groups by name with the places where they name their children. */
type GroupLinks = ReadonlyMap<string, ReadonlyMap<string, Place>>;

/** How groups lie over each other. `depth` is the longest way down from `all`, which is 0. */
export type GroupTree = {
  /** Children, `all` completed with `ungrouped` and every group that has no other parent. */
  children: ReadonlyMap<string, readonly string[]>;
  depth: ReadonlyMap<string, number>;
  ancestors: ReadonlyMap<string, ReadonlySet<string>>;
};

/** Loops as problems, one for each mention that closes one. `links` names only groups that it has. */
export function findLoops(links: GroupLinks): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (group: string): void => {
    path.push(group);
    for (const [child, at] of links.get(group) ?? []) {
      const opened = path.indexOf(child);
      if (opened >= 0) problems.push(loop([...path.slice(opened), child], at));
      else if (child === "all") problems.push(loop(["all", ...path, child], at));
      else if (!done.has(child)) visit(child);
    }
    path.pop();
    done.add(group);
  };
  for (const group of links.keys()) if (!done.has(group)) visit(group);
  return problems;
}

function loop(circle: readonly string[], at: Place): Diagnostic {
  const message = `groups contain each other in a circle: ${circle.join(" > ")}`;
  const hint = circle[0] === "all" ? { hint: 'every group is in "all" already, so "all" is in none' } : {};
  return { code: "GROUP_LOOP", message, at, ...hint };
}

/** Ansible's order (inventory/group.py, `add_child_group`; inventory/data.py, `reconcile_inventory`). `links` has no loops. */
export function groupTree(links: GroupLinks): GroupTree {
  const parents = new Map<string, string[]>();
  for (const [group, children] of links) {
    for (const child of children.keys()) parents.set(child, [...(parents.get(child) ?? []), group]);
  }
  const children = new Map([...links].map(([group, own]) => [group, [...own.keys()]]));
  const orphans = [...links.keys()].filter((group) => group !== "all" && !parents.has(group));
  children.set("all", [...new Set(["ungrouped", ...(children.get("all") ?? []), ...orphans])]);
  for (const orphan of orphans) parents.set(orphan, ["all"]);

  const depth = new Map<string, number>([["all", 0]]);
  const ancestors = new Map<string, ReadonlySet<string>>([["all", new Set<string>()]]);
  const measure = (group: string): void => {
    if (depth.has(group)) return;
    const above = parents.get(group) ?? [];
    above.forEach(measure);
    depth.set(group, 1 + Math.max(...above.map((parent) => depth.get(parent) ?? 0)));
    ancestors.set(group, new Set(above.flatMap((parent) => [parent, ...(ancestors.get(parent) ?? [])])));
  };
  for (const group of links.keys()) measure(group);
  return { children, depth, ancestors };
}
