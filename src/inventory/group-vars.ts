import { statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { DocumentNode } from "../document/node.ts";
import { type SourceFile, startOf } from "../document/source-file.ts";
import { kindOfNode } from "../document/value.ts";
import { readYaml } from "../document/yaml.ts";
import { namesIn, readInventoryFile, reasonOf } from "./find.ts";

type FileVariables = {
  variables: ReadonlyMap<string, Map<string, DocumentNode>>;
  problems: readonly Diagnostic[];
};

/**
 * What the files in `kind` folders say about `names`, folder after folder, later ones winning: NAME/ (all its files, by name), else NAME, NAME.yml,
 * NAME.yaml or NAME.json (plugins/vars/host_group_vars.py). Files about groups and hosts that the inventory doesn't have are not read,
 * since several inventories may share a folder.
 */
export function readVariableFiles(
  kind: "group_vars" | "host_vars",
  folders: readonly string[],
  names: Iterable<string>,
  cwd: string,
): FileVariables {
  const variables = new Map<string, Map<string, DocumentNode>>();
  const problems: Diagnostic[] = [];
  const wanted = [...names];
  for (const folder of folders.map((parent) => join(parent, kind))) {
    const listing = namesIn(resolve(cwd, folder));
    if (listing instanceof Error) {
      if (!isAbsent(listing)) problems.push(unreadable(folder, listing));
      continue;
    }
    const present = new Set(listing);
    for (const name of wanted) {
      const found = ENDINGS.map((ending) => `${name}${ending}`).find((file) => present.has(file));
      if (found === undefined) continue;
      const own = variables.get(name) ?? new Map<string, DocumentNode>();
      variables.set(name, own);
      for (const file of filesAt(join(folder, found), cwd, problems)) readInto(own, file, cwd, problems);
    }
  }
  return { variables, problems };
}

const ENDINGS = ["", ".yml", ".yaml", ".json"];

function isAbsent(error: Error): boolean {
  return "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function unreadable(path: string, error: unknown): Diagnostic {
  return { code: "FILE_UNREADABLE", message: `cannot read ${path}: ${reasonOf(error)}` };
}

/** The file itself, or the files of the folder and of its folders, without hidden files and editors' copies. */
function filesAt(path: string, cwd: string, problems: Diagnostic[]): string[] {
  try {
    if (!statSync(resolve(cwd, path)).isDirectory()) return [path];
  } catch (error) {
    problems.push(unreadable(path, error));
    return [];
  }
  const names = namesIn(resolve(cwd, path));
  if (names instanceof Error) {
    problems.push(unreadable(path, names));
    return [];
  }
  return names
    .filter((name) => !name.startsWith(".") && !name.endsWith("~") && ENDINGS.includes(extname(name)))
    .flatMap((name) => filesAt(join(path, name), cwd, problems));
}

function readInto(into: Map<string, DocumentNode>, file: string, cwd: string, problems: Diagnostic[]): void {
  const read = readInventoryFile(file, cwd);
  problems.push(...read.problems);
  if (read.source === undefined) return;
  if (read.source.text.startsWith("$ANSIBLE_VAULT")) {
    problems.push(vaulted(read.source));
    return;
  }
  const document = readYaml(read.source);
  problems.push(...document.problems);
  const { node } = document;
  if (node === undefined || (node.kind === "scalar" && node.value === null)) return;
  if (node.kind !== "map") {
    const message = `${file} is ${kindOfNode(node)}, expected a map of variables`;
    problems.push({ code: "WRONG_TYPE", message, at: node.at });
    return;
  }
  for (const { key, value } of node.entries) into.set(key, value);
}

function vaulted(source: SourceFile): Diagnostic {
  return {
    code: "UNSUPPORTED",
    message: "files encrypted with Ansible Vault are not supported",
    at: startOf(source),
    hint: "keys stay on the hosts, so pgmtls needs no secrets in variables: decrypt the file, or move what is secret out of it",
  };
}
