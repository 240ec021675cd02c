import { resolve } from "node:path";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode } from "../document/node.ts";
import type { SourceFile } from "../document/source-file.ts";
import { kindOfNode } from "../document/value.ts";
import { compose } from "./compose.ts";
import { assign, type Draft, draftOf, findGroupMistakes } from "./draft.ts";
import { type FoundInventory, findInventory, isYamlInventory, readInventoryFile } from "./find.ts";
import { groupHosts } from "./group-hosts.ts";
import { readVariableFiles } from "./group-vars.ts";
import { readHostNames } from "./host-names.ts";
import { readIni } from "./ini.ts";
import type { Inventory } from "./inventory.ts";
import type { ReadPart } from "./part.ts";
import { readYamlInventory } from "./yaml.ts";

/**
 * The inventories that `-i` names, as one. `adjacentTo` are further folders (those of the playbooks) whose group_vars and host_vars
 * count, after the inventories' own. With problems there is no inventory: half of one would select wrong hosts.
 *
 * One order decides between variables: all < parent < child < host, at the same depth by `ansible_group_priority` and then by
 * name; of one group or host, the files in group_vars and host_vars win over the inventory. (Ansible lets the group_vars file of a
 * parent, and of `all`, win over what the inventory file says of a child, ansible/ansible#81293: nobody expects that.)
 */
export function loadInventory(
  names: readonly string[],
  { cwd, adjacentTo }: { cwd: string; adjacentTo: readonly string[] },
): { inventory: Inventory | undefined; problems: readonly Diagnostic[] } {
  const problems: Diagnostic[] = [];
  if (names.length === 0) problems.push({ code: "INVENTORY_MISSING", message: "no inventory given", hint: "-i NAME" });
  const found = names.flatMap((name) => collect(problems, findInventory(name, cwd)).found ?? []);
  const parts = found.flatMap((source) => readSource(source, cwd)).map((read) => collect(problems, read).part);
  const draft = draftOf(parts);
  problems.push(...findGroupMistakes(draft));
  const folders = found.flatMap((source) => (source.kind === "files" ? source.folder : []));
  addVariableFiles(draft, lastOfEach([...folders, ...adjacentTo], cwd), cwd, problems);
  const priorities = takePriorities(draft, problems);
  if (problems.length > 0) return { inventory: undefined, problems };
  const sources = found.flatMap((source) => (source.kind === "files" ? source.files : source.text));
  const inventory = compose(draft, priorities, sources);
  const ambiguous = ambiguousNames(inventory);
  return { inventory: ambiguous.length > 0 ? undefined : inventory, problems: ambiguous };
}

function collect<Read extends { problems: readonly Diagnostic[] }>(problems: Diagnostic[], read: Read): Read {
  problems.push(...read.problems);
  return read;
}

function readSource(source: FoundInventory, cwd: string): readonly ReadPart[] {
  if (source.kind === "host-list") return [readHostList(source.text, source.at)];
  return source.files.map((file) => {
    const { source: text, problems } = readInventoryFile(file, cwd);
    return text === undefined ? { part: { hosts: [], groups: [] }, problems } : readText(text);
  });
}

function readText(source: SourceFile): ReadPart {
  return isYamlInventory(source) ? readYamlInventory(source) : readIni(source);
}

function readHostList(text: string, at: Place): ReadPart {
  const problems: Diagnostic[] = [];
  let offset = 0;
  const hosts = text.split(",").flatMap((item) => {
    const name = item.trim();
    const start = offset + item.indexOf(name);
    offset += item.length + 1;
    if (name === "") return [];
    const place = (from: number, to: number) => ({ ...at, col: at.col + start + from, length: Math.max(1, to - from) });
    const { names, port } = collect(problems, readHostNames(name, place));
    const variables = new Map<string, DocumentNode>(port === undefined ? [] : [["ansible_port", port]]);
    return names.map((host) => ({ name: host, at: place(0, name.length), group: "ungrouped", variables }));
  });
  return { part: { hosts, groups: [] }, problems };
}

/** A folder that is named twice counts once, where it is named last: there it wins. */
function lastOfEach(folders: readonly string[], cwd: string): readonly string[] {
  const paths = folders.map((folder) => resolve(cwd, folder));
  return folders.filter((_, i) => paths.lastIndexOf(paths[i] ?? "") === i);
}

function addVariableFiles(draft: Draft, folders: readonly string[], cwd: string, problems: Diagnostic[]): void {
  for (const [kind, owners] of [["group_vars", draft.groups] as const, ["host_vars", draft.hosts] as const]) {
    const { variables } = collect(problems, readVariableFiles(kind, folders, owners.keys(), cwd));
    for (const [name, own] of variables) assign(owners.get(name)?.variables ?? new Map(), own);
  }
}

/** `ansible_group_priority` of each group, 1 unless told. It is a setting of the group and no variable of its hosts. */
function takePriorities(draft: Draft, problems: Diagnostic[]): ReadonlyMap<string, number> {
  const priorities = new Map<string, number>();
  for (const [name, { variables }] of draft.groups) {
    const node = variables.get("ansible_group_priority");
    variables.delete("ansible_group_priority");
    if (node === undefined) continue;
    const priority = node.kind === "scalar" && typeof node.value !== "boolean" ? Number(node.value) : Number.NaN;
    if (Number.isInteger(priority)) priorities.set(name, priority);
    else {
      const message = `ansible_group_priority is ${kindOfNode(node)}, expected a whole number`;
      problems.push({ code: "WRONG_TYPE", message, at: node.at });
    }
  }
  return priorities;
}

/** A host and a group of one name are the same in a pattern, unless the group is just that host. */
function ambiguousNames(inventory: Inventory): readonly Diagnostic[] {
  return [...inventory.hosts.values()].flatMap(({ name, at }) => {
    if (!inventory.groups.has(name)) return [];
    const members = groupHosts(inventory, name);
    if (members.length === 1 && members[0] === name) return [];
    const hint = "rename one of them, so that a pattern can tell which is meant";
    return {
      code: "AMBIGUOUS_NAME",
      message: `"${name}" is both a host and a group of other hosts`,
      at,
      hint,
    } as const;
  });
}
