import type { Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode, MapNode, Value } from "./node.ts";

export type ValueMap = { readonly [key: string]: Value };

/** What Ansible's users write for true and false, in lower case; YAML 1.2 leaves `yes` and `no` strings. */
export const BOOLEAN_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["no", false],
  ["off", false],
]);

/** What `node` says, without its places. Maps have no prototype. */
export function toValue(node: DocumentNode): Value {
  switch (node.kind) {
    case "scalar":
      return node.value;
    case "list":
      return node.items.map(toValue);
    case "map":
      return mapOf(node.entries.map(({ key, value }) => [key, toValue(value)]));
  }
}

/** `value` as if all of it were written at `at`: what a template gave is placed where the template is. */
export function fromValue(value: Value, at: Place): DocumentNode {
  if (isList(value)) return { kind: "list", items: value.map((item) => fromValue(item, at)), at };
  if (!isMap(value)) return { kind: "scalar", value, at };
  const entries = Object.keys(value).map((key) => ({ key, keyAt: at, value: fromValue(value[key] ?? null, at) }));
  return { kind: "map", entries, at };
}

/** A map without a prototype: `constructor` and `__proto__` are keys like any other. */
export function mapOf(entries: Iterable<readonly [string, Value]>): ValueMap {
  const map: Record<string, Value> = Object.create(null);
  for (const [key, value] of entries) map[key] = value;
  return map;
}

export function isList(value: unknown): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value under `key`, undefined where there is none; what `key` would find on a prototype is not there. */
export function ownValue(map: ValueMap, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

export function entryOf(map: MapNode, key: string): DocumentNode | undefined {
  return map.entries.find((entry) => entry.key === key)?.value;
}

/** `a string`, `a list` ...: what a value is called in a message. */
export function kindOf(value: Value): string {
  if (value === null) return "empty";
  if (typeof value === "object") return isList(value) ? "a list" : "a map";
  return `a ${typeof value}`;
}

export function kindOfNode(node: DocumentNode): string {
  return node.kind === "scalar" ? kindOf(node.value) : `a ${node.kind}`;
}
