import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { DocumentNode, MapEntry } from "../document/node.ts";
import type { SourceFile } from "../document/source-file.ts";
import { kindOfNode } from "../document/value.ts";
import { readYaml } from "../document/yaml.ts";
import { readHostNames } from "./host-names.ts";
import type { GroupMention, HostMention, PlaceOf, ReadPart } from "./part.ts";

/** An inventory in Ansible's YAML form (its plugins/inventory/yaml.py): a map of groups, each with hosts, vars and children. */
export function readYamlInventory(source: SourceFile): ReadPart {
  const { node, problems } = readYaml(source);
  const reading: Reading = { hosts: [], groups: [], problems: [...problems] };
  if (node !== undefined) readTop(reading, node);
  return { part: { hosts: reading.hosts, groups: reading.groups }, problems: reading.problems };
}

type Reading = { hosts: HostMention[]; groups: GroupMention[]; problems: Diagnostic[] };

const GROUP_KEYS = ["hosts", "vars", "children"] as const;

function readTop(reading: Reading, node: DocumentNode): void {
  const plugin = node.kind === "map" ? node.entries.find(({ key }) => key === "plugin") : undefined;
  if (plugin?.value.kind === "scalar") {
    const hint = "write the hosts down, or let the plugin's tool print an inventory";
    reading.problems.push({
      code: "UNSUPPORTED",
      message: "inventory plugins are not supported",
      at: plugin.keyAt,
      hint,
    });
    return;
  }
  for (const entry of entriesOf(reading, node, "an inventory", "a map of groups")) readGroup(reading, entry);
}

/** The entries of a map; empty is an empty map. Anything else is a problem. */
function entriesOf(reading: Reading, node: DocumentNode, what: string, expected: string): readonly MapEntry[] {
  if (node.kind === "map") return node.entries;
  if (node.kind === "scalar" && node.value === null) return [];
  const hint = node.kind === "list" ? { hint: 'write "name:" on a line of its own, without "- "' } : {};
  reading.problems.push({
    code: "WRONG_TYPE",
    message: `${what} is ${kindOfNode(node)}, expected ${expected}`,
    at: node.at,
    ...hint,
  });
  return [];
}

function readGroup(reading: Reading, { key: name, keyAt: at, value }: MapEntry): void {
  const entries = entriesOf(reading, value, `group "${name}"`, "a map with hosts, vars and children");
  const children = sectionOf(reading, entries, name, "children");
  const variables = sectionOf(reading, entries, name, "vars");
  reading.groups.push({
    name,
    at,
    declares: true,
    children: children.map((child) => ({ name: child.key, at: child.keyAt })),
    variables: new Map(variables.map((variable) => [variable.key, variable.value])),
  });
  for (const host of sectionOf(reading, entries, name, "hosts")) readHost(reading, name, host);
  for (const child of children) readGroup(reading, child);
  for (const { key, keyAt } of entries) {
    if (GROUP_KEYS.some((known) => known === key)) continue;
    const message = `unknown key "${key}" in group "${name}", expected hosts, vars or children`;
    reading.problems.push({ code: "UNKNOWN_KEY", message, at: keyAt, ...adviceFor(key) });
  }
}

function sectionOf(
  reading: Reading,
  entries: readonly MapEntry[],
  group: string,
  section: (typeof GROUP_KEYS)[number],
): readonly MapEntry[] {
  const value = entries.find(({ key }) => key === section)?.value;
  if (value === undefined) return [];
  // One name alone is allowed: `hosts: db1`.
  if (section !== "vars" && value.kind === "scalar" && typeof value.value === "string") {
    return [{ key: value.value, keyAt: value.at, value: { kind: "scalar", value: null, at: value.at } }];
  }
  const expected = section === "vars" ? "a map of variables" : `a map of ${section === "hosts" ? "hosts" : "groups"}`;
  return entriesOf(reading, value, `"${section}" of group "${group}"`, expected);
}

/** A group or variable written one level too high is as frequent as a misspelt key. */
function adviceFor(key: string): { hint?: string } {
  const spelt = didYouMean(key, GROUP_KEYS);
  return spelt.hint === undefined ? { hint: 'groups belong under "children", variables under "vars"' } : spelt;
}

function readHost(reading: Reading, group: string, { key, keyAt, value }: MapEntry): void {
  const { names, port, problems } = readHostNames(key, keyPlace(keyAt, key));
  reading.problems.push(...problems);
  const entries = entriesOf(reading, value, `host "${key}"`, "a map of variables");
  const variables = new Map(entries.map((entry) => [entry.key, entry.value]));
  if (port !== undefined && !variables.has("ansible_port")) variables.set("ansible_port", port);
  for (const name of names) reading.hosts.push({ name, at: keyAt, group, variables });
}

/** Places within a key; the whole key where quotes or escapes make its text differ from the file's. */
function keyPlace(at: MapEntry["keyAt"], key: string): PlaceOf {
  const written = at.text.indexOf(key, at.col - 1);
  if (written < 0) return () => at;
  return (start, end) => ({ ...at, col: written + 1 + start, length: Math.max(1, end - start) });
}
