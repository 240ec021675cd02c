import { readdirSync, readFileSync, type Stats, statSync } from "node:fs";
import { extname, isAbsolute, join, resolve } from "node:path";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "../document/source-file.ts";

/**
 * What `-i` named. `folder` is where group_vars and host_vars are looked for beside it; a list of hosts has none. Paths are as
 * people see them: relative to the current folder where the user wrote them so.
 */
export type FoundInventory =
  | { kind: "files"; files: readonly string[]; folder: string }
  | { kind: "host-list"; text: string; at: Place };

/**
 * `-i NAME`: inventory/NAME.yml, .yaml or .ini, a folder inventory/NAME/, a path, or with a comma the hosts themselves. The first
 * of these that exists is taken.
 */
export function findInventory(name: string, cwd: string): { found?: FoundInventory; problems: readonly Diagnostic[] } {
  const named = NAMED_ENDINGS.map((ending) => join("inventory", `${name}${ending}`));
  const isName = name !== "" && !isAbsolute(name) && !/^\.{1,2}(?:\/|$)/.test(name);
  for (const path of [...(isName ? named : []), ...(name === "" ? [] : [name])]) {
    const status = statusOf(resolve(cwd, path));
    if (status?.isDirectory()) return findInFolder(path.replace(/(?<=.)\/+$/, ""), cwd);
    if (status !== undefined) return findFile(path, status, cwd);
  }
  if (name.includes(",")) return { found: { kind: "host-list", text: name, at: optionPlace(name) }, problems: [] };
  const looked = [...(isName ? named : []), name].join(", ");
  return {
    problems: [
      {
        code: "INVENTORY_MISSING",
        message: name === "" ? "the name of the inventory is empty" : `no inventory "${name}": looked for ${looked}`,
        at: optionPlace(name),
        hint: `to give hosts instead of a file, end the list with a comma: -i ${name || "db1"},`,
      },
    ],
  };
}

/** The text of `path` (as `findInventory` gives it), or why it can't be had. */
export function readInventoryFile(path: string, cwd: string): { source?: SourceFile; problems: readonly Diagnostic[] } {
  try {
    const text = UTF8.decode(readFileSync(resolve(cwd, path)));
    return { source: { file: path, text }, problems: [] };
  } catch (error) {
    return { problems: [{ code: "FILE_UNREADABLE", message: `cannot read ${path}: ${reasonOf(error)}` }] };
  }
}

/** Whether the text is YAML (JSON is, too); by the name where that tells, else by its first line with content. */
export function isYamlInventory({ file, text }: SourceFile): boolean {
  if (isDataName(file)) return extname(file) !== ".ini";
  const first = text.split("\n").find((line) => /^[^#;\s]/.test(line.trim())) ?? "";
  return /^(?:---|%YAML|\{)|^[^\s[\]=:]+:(?:\s|$)/.test(first.trim());
}

const NAMED_ENDINGS = [".yml", ".yaml", ".ini", "/"];
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function optionPlace(name: string): Place {
  return { file: "-i", line: 1, col: 1, length: Math.max(1, name.length), text: name };
}

function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // A file where a folder is meant, say: not there. What is there but unreadable fails when it is read.
  }
}

function findFile(path: string, status: Stats, cwd: string): ReturnType<typeof findInventory> {
  const program = programProblem(path, status, cwd);
  if (program !== undefined) return { problems: [program] };
  return { found: { kind: "files", files: [path], folder: join(path, "..") }, problems: [] };
}

/** Some file systems call every file executable: a data file is a program only if it also begins like one. */
function programProblem(path: string, status: Stats, cwd: string): Diagnostic | undefined {
  if (!status.isFile() || (status.mode & 0o111) === 0) return undefined;
  if (isDataName(path) && !readInventoryFile(path, cwd).source?.text.startsWith("#!")) return undefined;
  return {
    code: "UNSUPPORTED",
    message: `${path} is executable, and inventories that are programs are not supported yet`,
    hint: `save what it prints as a file, or if it is no program: chmod -x ${path}`,
  };
}

function isDataName(path: string): boolean {
  return [".yml", ".yaml", ".json", ".ini"].includes(extname(path));
}

/** `hosts`, *.yml, *.yaml and *.ini, in the order of their names. */
function findInFolder(folder: string, cwd: string): ReturnType<typeof findInventory> {
  const names = namesIn(resolve(cwd, folder));
  if (names instanceof Error) {
    return { problems: [{ code: "FILE_UNREADABLE", message: `cannot read folder ${folder}: ${reasonOf(names)}` }] };
  }
  const problems: Diagnostic[] = [];
  const files: string[] = [];
  for (const name of names.filter(isInventoryName)) {
    const path = join(folder, name);
    const status = statusOf(resolve(cwd, path));
    if (status === undefined || status.isDirectory()) continue;
    const program = programProblem(path, status, cwd);
    if (program === undefined) files.push(path);
    else problems.push(program);
  }
  if (files.length === 0 && problems.length === 0) {
    const message = `folder ${folder} holds no inventory: looked for hosts, *.yml, *.yaml and *.ini in it`;
    return { problems: [{ code: "INVENTORY_MISSING", message, at: optionPlace(folder) }] };
  }
  return { found: { kind: "files", files, folder }, problems };
}

function isInventoryName(name: string): boolean {
  return !name.startsWith(".") && (name === "hosts" || [".yml", ".yaml", ".ini"].includes(extname(name)));
}

/** The names in a folder, sorted as Python sorts them; an error is given back, since a missing folder is often no mistake. */
export function namesIn(folder: string): string[] | Error {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const REASONS = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EISDIR", "it is a folder"],
  ["ENOENT", "no such file"],
  ["ENOTDIR", "a part of the path is not a folder"],
  ["ELOOP", "its links lead in a circle"],
  ["ERR_ENCODING_INVALID_ENCODED_DATA", "it is not UTF-8 text"],
]);

/** The usual errors in plain words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS.get(code) ?? (error instanceof Error ? error.message : String(error));
}
