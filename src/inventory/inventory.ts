import type { Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode } from "../document/node.ts";

/** Names to values that know where they were set. */
export type Variables = ReadonlyMap<string, DocumentNode>;

export type InventoryGroup = {
  name: string;
  /** Hosts named in the group itself, in the order of the file. */
  hosts: readonly string[];
  children: readonly string[];
  variables: Variables;
};

export type InventoryHost = {
  name: string;
  at: Place;
  /** All groups the host is in, directly or through children, `all` first, then by depth (parents before children). */
  groups: readonly string[];
  /** Merged by precedence: all < parent < child < host (Ansible's); values are not yet rendered. */
  variables: Variables;
};

/** Hosts in the order of the files. `all` and `ungrouped` always exist. */
export type Inventory = {
  sources: readonly string[];
  hosts: ReadonlyMap<string, InventoryHost>;
  groups: ReadonlyMap<string, InventoryGroup>;
};
