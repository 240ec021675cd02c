import type { Place } from "../diagnostics/diagnostic.ts";

/**
 * A value that knows where it was written. YAML, INI and `-e` all become this, so that every later mistake can name file, line and
 * column. Integers written with a leading zero or `0o` (file modes) stay text: `0600` is the string "0600", never the number 600.
 */
export type DocumentNode = ScalarNode | ListNode | MapNode;
export type ScalarNode = {
  kind: "scalar";
  value: string | number | boolean | null;
  at: Place;
  /** Of a literal block (`|`), where each line of the value is written: `at` is then only its header. */
  lines?: readonly Place[];
};
export type ListNode = { kind: "list"; items: readonly DocumentNode[]; at: Place };
export type MapNode = { kind: "map"; entries: readonly MapEntry[]; at: Place };
export type MapEntry = { key: string; keyAt: Place; value: DocumentNode };

/** A plain value, as templates and task modules see it. Maps have no prototype, so no name can reach one. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
