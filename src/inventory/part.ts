import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode } from "../document/node.ts";

/** What one file says, in its order. The same host or group may be mentioned often: later mentions add, and win by variable. */
export type InventoryPart = { hosts: readonly HostMention[]; groups: readonly GroupMention[] };

export type HostMention = { name: string; at: Place; group: string; variables: ReadonlyMap<string, DocumentNode> };

export type GroupMention = {
  name: string;
  at: Place;
  /** `[db:vars]` speaks of a group that must be declared elsewhere; everything else declares it. */
  declares: boolean;
  children: readonly { name: string; at: Place }[];
  variables: ReadonlyMap<string, DocumentNode>;
};

export type ReadPart = { part: InventoryPart; problems: readonly Diagnostic[] };

/** The place of the UTF-16 units from `start` to `end` of a text that stands somewhere in a file. */
export type PlaceOf = (start: number, end: number) => Place;
