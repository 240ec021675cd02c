import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode } from "./node.ts";
import { placeFinder, type SourceFile, startOf } from "./source-file.ts";
import { kindOfNode } from "./value.ts";
import { checkVariableNames, isVariableName } from "./variable-names.ts";
import { readYaml } from "./yaml.ts";

/** The text of a file; throws what node:fs throws. */
export type ReadFile = (path: string) => string;

export type ExtraVars = { variables: ReadonlyMap<string, DocumentNode>; problems: Diagnostic[] };

/**
 * One `-e`: `key=value ...` (values are strings, quotes may hold spaces), a map in YAML or JSON (`{...}`), or `@file` with one. Places
 * name the file, or `-e` with the argument as its only line.
 */
export function readExtraVars(argument: string, readFile: ReadFile): ExtraVars {
  const source = { file: "-e", text: argument };
  if (argument.startsWith("@")) return readFromFile(argument.slice(1), source, readFile);
  return /^\s*[{[]/.test(argument) ? readMap(source) : readPairs(source);
}

function readFromFile(path: string, source: SourceFile, readFile: ReadFile): ExtraVars {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    return { variables: new Map(), problems: [unreadable(path, error, placeFinder(source)(1, path.length))] };
  }
  return readMap({ file: path, text });
}

function unreadable(path: string, error: unknown, at: Place): Diagnostic {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return { code: "FILE_MISSING", message: `no file ${path}`, at };
  return { code: "FILE_UNREADABLE", message: `cannot read ${path}: ${code ?? message}`, at };
}

function readMap(source: SourceFile): ExtraVars {
  const { node, problems } = readYaml(source);
  const entries = node?.kind === "map" ? node.entries : [];
  if (node !== undefined && node.kind !== "map") {
    const message = `extra variables are ${kindOfNode(node)}, expected a map`;
    problems.push({ code: "WRONG_TYPE", message, at: node.at });
  }
  problems.push(...checkVariableNames(entries));
  return { variables: new Map(entries.map(({ key, value }) => [key, value])), problems };
}

/** Words as a shell would cut them, each `key=value`. */
function readPairs(source: SourceFile): ExtraVars {
  const place = placeFinder(source);
  const variables = new Map<string, DocumentNode>();
  const problems: Diagnostic[] = [];
  for (const match of source.text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"']|["'])+/g)) {
    const [word] = match;
    const equals = word.indexOf("=");
    const key = word.slice(0, Math.max(equals, 0));
    if (!isVariableName(key)) {
      problems.push(badPair(word, place(match.index, word.length)));
      continue;
    }
    const value = word.slice(equals + 1);
    const at = place(match.index + equals + 1, value.length);
    variables.set(key, { kind: "scalar", value: withoutQuotes(value), at });
  }
  if (variables.size === 0 && problems.length === 0) problems.push(badPair(source.text, startOf(source)));
  return { variables, problems };
}

function badPair(word: string, at: Place): Diagnostic {
  return {
    code: "BAD_ARGUMENT",
    message: `"${word}" is no variable, expected name=value, {name: value} or @file`,
    at,
  };
}

function withoutQuotes(text: string): string {
  return text.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
    double === undefined ? (single ?? "") : double.replace(/\\(["\\])/g, "$1"),
  );
}
