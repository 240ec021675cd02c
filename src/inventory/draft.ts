import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { DocumentNode } from "../document/node.ts";
import { findLoops } from "./group-tree.ts";
import type { InventoryPart } from "./part.ts";

/** What all parts together say of each host and group, in the order of the first mention. `all` and `ungrouped` always exist. */
export type Draft = { hosts: Map<string, DraftHost>; groups: Map<string, DraftGroup> };
type DraftHost = { at: Place; groups: Set<string>; variables: Map<string, DocumentNode> };
type DraftGroup = {
  /** Where `[name:vars]` speaks of the group, as long as nothing declares it. */
  undeclaredAt: Place | undefined;
  hosts: Set<string>;
  children: Map<string, Place>;
  variables: Map<string, DocumentNode>;
};

export function draftOf(parts: readonly InventoryPart[]): Draft {
  const draft: Draft = { hosts: new Map(), groups: new Map() };
  for (const name of ["all", "ungrouped"]) groupIn(draft, name);
  for (const part of parts) addPart(draft, part);
  return draft;
}

/** Groups that nothing declares and groups that contain themselves. The latter are looked for only among groups that exist. */
export function findGroupMistakes({ groups }: Draft): readonly Diagnostic[] {
  const known = [...groups].flatMap(([name, group]) => (group.undeclaredAt === undefined ? name : []));
  const problems: Diagnostic[] = [];
  const unknown = (name: string, at: Place): void => {
    const hint = didYouMean(name, known).hint ?? `add a section [${name}], be it empty`;
    problems.push({ code: "UNKNOWN_GROUP", message: `no group "${name}"`, at, hint });
  };
  const links = new Map<string, Map<string, Place>>();
  for (const [name, group] of groups) {
    if (group.undeclaredAt !== undefined) unknown(name, group.undeclaredAt);
    const existing = new Map<string, Place>();
    for (const [child, at] of group.children) {
      if (known.includes(child)) existing.set(child, at);
      else unknown(child, at);
    }
    links.set(name, existing);
  }
  return [...problems, ...findLoops(links)];
}

function groupIn(draft: Draft, name: string): DraftGroup {
  const known = draft.groups.get(name);
  if (known !== undefined) return known;
  const group: DraftGroup = { undeclaredAt: undefined, hosts: new Set(), children: new Map(), variables: new Map() };
  draft.groups.set(name, group);
  return group;
}

function addPart(draft: Draft, part: InventoryPart): void {
  for (const { name, at, declares, children, variables } of part.groups) {
    const isNew = !draft.groups.has(name);
    const group = groupIn(draft, name);
    if (declares) group.undeclaredAt = undefined;
    else if (isNew) group.undeclaredAt = at;
    for (const child of children) if (!group.children.has(child.name)) group.children.set(child.name, child.at);
    assign(group.variables, variables);
  }
  for (const { name, at, group, variables } of part.hosts) {
    const host = draft.hosts.get(name) ?? { at, groups: new Set(), variables: new Map() };
    draft.hosts.set(name, host);
    host.groups.add(group);
    assign(host.variables, variables);
    groupIn(draft, group).hosts.add(name);
  }
}

/** `more` over `variables`, name by name: maps are replaced, never merged (Ansible's hash_behaviour=replace). */
export function assign(variables: Map<string, DocumentNode>, more: ReadonlyMap<string, DocumentNode>): void {
  for (const [name, value] of more) variables.set(name, value);
}
