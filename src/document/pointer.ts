import type { Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode } from "./node.ts";

/** What is where in a tree, by JSON pointer (RFC 6901); "" is the whole. */
export type Pointers = {
  nodes: Map<string, DocumentNode>;
  places: Map<string, Place>;
  /** Where the key of a map's value is written. */
  keyPlaces: Map<string, Place>;
};

export function pointersOf(root: DocumentNode): Pointers {
  const pointers: Pointers = { nodes: new Map(), places: new Map(), keyPlaces: new Map() };
  collect(root, "", pointers);
  return pointers;
}

export function pointerTo(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** A pointer as people name what it points at: `records[0].type`. */
export function pointerName(pointer: string): string {
  const keys = pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return keys.reduce((name, key) => {
    if (/^\d+$/.test(key)) return `${name}[${key}]`;
    return name === "" ? key : `${name}.${key}`;
  }, "");
}

function collect(node: DocumentNode, pointer: string, pointers: Pointers): void {
  pointers.nodes.set(pointer, node);
  pointers.places.set(pointer, node.at);
  if (node.kind === "list")
    node.items.forEach((item, i) => {
      collect(item, pointerTo(pointer, i), pointers);
    });
  if (node.kind !== "map") return;
  for (const { key, keyAt, value } of node.entries) {
    const child = pointerTo(pointer, key);
    pointers.keyPlaces.set(child, keyAt);
    collect(value, child, pointers);
  }
}
