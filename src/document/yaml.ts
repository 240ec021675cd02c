import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  parseDocument,
  Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { DocumentNode, ListNode, MapEntry, MapNode, ScalarNode } from "./node.ts";
import { describePlace, type PlaceFinder, placeFinder, type SourceFile } from "./source-file.ts";
import { kindOfNode } from "./value.ts";

/** Aliases make a small file stand for a huge one ("billion laughs"); a real playbook stays far below this. */
const MAX_ALIASED_NODES = 200_000;
const MAX_DEPTH = 200;

export type YamlDocument = { node: DocumentNode | undefined; problems: Diagnostic[] };

/**
 * One YAML 1.2 document (core schema, anchors, aliases, `<<`) with a place for every value. `node` is undefined where the file holds
 * nothing or cannot be read; with problems of meaning only (a key given twice, an unknown tag), there are both. `yes` and `no` stay
 * strings, as YAML 1.2 has it: who wants a boolean knows.
 */
export function readYaml(file: SourceFile): YamlDocument {
  const source = { ...file, text: file.text.replace(/^\uFEFF/, "") };
  const place = placeFinder(source);
  const document = parse(source.text);
  if (document === "too deep") return { node: undefined, problems: [tooDeep(place(0, 1))] };
  const syntax = syntaxProblems(document.errors, source.text, place);
  if (syntax.length > 0) return { node: undefined, problems: syntax };
  const reading = new Reading(source.text, place);
  for (const warning of document.warnings) reading.problems.push(warningProblem(warning, place));
  const node = document.contents === null || isEmpty(document) ? undefined : reading.node(document.contents, 0);
  return { node, problems: reading.problems };
}

function parse(text: string): Document | "too deep" {
  try {
    return parseDocument(text, {
      merge: true,
      // Named, so that a %YAML 1.1 directive cannot make `yes` a boolean and 0600 the number 384.
      schema: "core",
      resolveKnownTags: false,
      // Keys given twice are found here, where both lines can be named.
      uniqueKeys: false,
      prettyErrors: false,
    });
  } catch (error) {
    if (error instanceof RangeError) return "too deep"; // the stack was used up
    throw error;
  }
}

function isEmpty(document: Document): boolean {
  const { contents } = document;
  return isScalar(contents) && contents.value === null && (contents.source ?? "") === "" && contents.tag === undefined;
}

/** What is left after the syntax is right: places, aliases, merges, keys given twice. */
class Reading {
  readonly problems: Diagnostic[] = [];
  readonly #text: string;
  readonly #place: PlaceFinder;
  readonly #anchors = new Map<string, DocumentNode>();
  /** Anchors whose own value is being read: an alias to one of them would hold itself. */
  readonly #open = new Set<string>();
  readonly #sizes = new WeakMap<DocumentNode, number>();
  #nodes = 0;
  #aliased = 0;

  constructor(text: string, place: PlaceFinder) {
    this.#text = text;
    this.#place = place;
  }

  node(raw: unknown, depth: number): DocumentNode {
    if (isAlias(raw)) return this.#alias(raw);
    const before = this.#nodes++;
    const anchor = isScalar(raw) || isMap(raw) || isSeq(raw) ? raw.anchor : undefined;
    if (anchor !== undefined) this.#open.add(anchor);
    const node = this.#collection(raw, depth);
    this.#sizes.set(node, this.#nodes - before);
    if (anchor !== undefined) {
      this.#open.delete(anchor);
      this.#anchors.set(anchor, node);
    }
    return node;
  }

  #collection(raw: unknown, depth: number): DocumentNode {
    if (depth > MAX_DEPTH) {
      const at = this.#at(raw);
      if (!this.problems.some(({ message }) => message === tooDeep(at).message)) this.problems.push(tooDeep(at));
      return nothing(at);
    }
    if (isMap(raw)) return this.#map(raw, depth);
    if (isSeq(raw)) return this.#list(raw, depth);
    return this.#scalar(raw);
  }

  #alias(raw: Alias): DocumentNode {
    const at = this.#at(raw);
    const found = this.#anchors.get(raw.source);
    if (found === undefined) {
      const message = this.#open.has(raw.source)
        ? `alias "${raw.source}" stands inside its own anchor`
        : `unknown anchor "${raw.source}"`;
      this.problems.push({ code: "BAD_YAML", message, at, ...didYouMean(raw.source, this.#anchors.keys()) });
      return nothing(at);
    }
    const size = this.#sizes.get(found) ?? 1;
    this.#nodes += size;
    this.#aliased += size;
    if (this.#aliased <= MAX_ALIASED_NODES) return found;
    const message = `aliases stand for more than ${MAX_ALIASED_NODES} values`;
    if (!this.problems.some((problem) => problem.message === message)) {
      this.problems.push({ code: "BAD_YAML", message, at });
    }
    return nothing(at);
  }

  #list(raw: YAMLSeq, depth: number): ListNode {
    const items = raw.items.map((item) => this.node(item, depth + 1));
    return { kind: "list", items, at: this.#at(raw) };
  }

  #map(raw: YAMLMap, depth: number): MapNode {
    const entries = new Map<string, MapEntry>();
    const merged: MapEntry[] = [];
    for (const pair of raw.items) {
      if (isMergeKey(pair)) {
        merged.push(...this.#mergedEntries(pair, depth));
        continue;
      }
      const entry = this.#entry(pair, depth);
      const first = entries.get(entry.key);
      if (first === undefined) entries.set(entry.key, entry);
      else this.problems.push(duplicateKey(first, entry));
    }
    // To override what is merged is the point of merging: no complaint.
    for (const entry of merged) if (!entries.has(entry.key)) entries.set(entry.key, entry);
    return { kind: "map", entries: [...entries.values()], at: this.#at(raw) };
  }

  #entry(pair: Pair, depth: number): MapEntry {
    const keyNode = this.node(pair.key, depth + 1);
    const value = pair.value === null ? nothing(keyNode.at) : this.node(pair.value, depth + 1);
    if (keyNode.kind !== "scalar") this.problems.push(badKey(keyNode));
    return { key: keyText(pair.key, keyNode), keyAt: keyNode.at, value };
  }

  #mergedEntries(pair: Pair, depth: number): readonly MapEntry[] {
    const source = this.node(pair.value, depth + 1);
    const maps = source.kind === "list" ? source.items : [source];
    return maps.flatMap((map) => {
      if (map.kind === "map") return map.entries;
      const message = `"<<" merges maps, found ${kindOfNode(map)}`;
      this.problems.push({ code: "BAD_YAML", message, at: map.at });
      return [];
    });
  }

  #scalar(raw: unknown): ScalarNode {
    const at = this.#at(raw);
    if (!isScalar(raw)) return nothing(at);
    const lines = raw.type === Scalar.BLOCK_LITERAL ? this.#literalLines(raw) : undefined;
    return { kind: "scalar", value: scalarValue(raw), at, ...(lines === undefined ? {} : { lines }) };
  }

  /** In a literal block only indentation is taken away, so each line of the value is the end of a line of the file. */
  #literalLines(raw: Scalar): readonly Place[] | undefined {
    const [start] = raw.range ?? [];
    if (start === undefined) return undefined;
    const places: Place[] = [];
    let lineStart = this.#text.indexOf("\n", start) + 1;
    for (const line of String(raw.value).replace(/\n$/, "").split("\n")) {
      const end = this.#text.indexOf("\n", lineStart);
      const text = this.#text.slice(lineStart, end === -1 ? undefined : end).replace(/\r$/, "");
      const indent = text.length - line.length;
      if (indent < 0 || !text.endsWith(line)) return undefined;
      places.push(this.#place(lineStart + indent, line.length));
      lineStart = end + 1;
    }
    return places;
  }

  #at(raw: unknown): Place {
    const range = isScalar(raw) || isMap(raw) || isSeq(raw) || isAlias(raw) ? raw.range : undefined;
    if (range === undefined || range === null) return this.#place(0, 1);
    const [start, end] = range;
    return this.#place(start, end - start);
  }
}

function nothing(at: Place): ScalarNode {
  return { kind: "scalar", value: null, at };
}

function scalarValue({ value, source, type }: Scalar): ScalarNode["value"] {
  if (typeof value === "number") {
    const text = type === Scalar.PLAIN ? (source ?? String(value)) : String(value);
    // File modes stay text (see node.ts), and so do digits that a number cannot hold.
    const isMode = /^[-+]?0(o|\d)/.test(text) && !text.includes(".");
    return isMode || (/^[-+]?\d+$/.test(text) && !Number.isSafeInteger(value)) ? text : value;
  }
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  return source ?? String(value);
}

function keyText(raw: unknown, node: DocumentNode): string {
  if (isScalar(raw) && typeof raw.value !== "string" && raw.source !== undefined) return raw.source;
  return node.kind === "scalar" ? String(node.value ?? "") : "";
}

function isMergeKey(pair: unknown): pair is Pair {
  if (!isPair(pair) || !isScalar(pair.key)) return false;
  return pair.key.source === "<<" && (pair.key.type ?? Scalar.PLAIN) === Scalar.PLAIN;
}

function duplicateKey(first: MapEntry, second: MapEntry): Diagnostic {
  return {
    code: "DUPLICATE_KEY",
    message: `"${second.key}" is given twice, in line ${first.keyAt.line} and line ${second.keyAt.line}`,
    at: second.keyAt,
    hint: `remove one of them (the other is ${describePlace(first.keyAt)})`,
  };
}

function badKey(node: DocumentNode): Diagnostic {
  const isTemplate = node.kind === "map" && node.at.text.includes("{{");
  return {
    code: "BAD_YAML",
    message: `${kindOfNode(node)} cannot be a key`,
    at: node.at,
    ...(isTemplate ? { hint: QUOTE_TEMPLATE } : {}),
  };
}

function tooDeep(at: Place): Diagnostic {
  return { code: "BAD_YAML", message: `nested more than ${MAX_DEPTH} levels deep`, at };
}

const QUOTE_TEMPLATE = 'a value that starts with {{ needs quotes: "{{ name }}"';

/** One mistake makes the parser stumble several times; only the first stumble in a line is told. */
function syntaxProblems(errors: readonly YAMLError[], text: string, place: PlaceFinder): Diagnostic[] {
  const byLine = new Map<number, Diagnostic>();
  for (const error of errors) {
    const problem = syntaxProblem(error, text, place);
    const line = problem.at?.line ?? 0;
    if (!byLine.has(line)) byLine.set(line, problem);
  }
  return [...byLine.values()];
}

function syntaxProblem(error: YAMLError, text: string, place: PlaceFinder): Diagnostic {
  const [start, end] = error.pos;
  const found = place(start, end - start);
  const tab = found.text.indexOf("\t");
  if (tab !== -1 && (error.code === "TAB_AS_INDENT" || /^ *\t/.test(found.text))) {
    return {
      code: "TAB_INDENT",
      message: "tab in the indentation, expected spaces",
      at: { ...found, col: tab + 1, length: 1 },
      hint: "YAML allows only spaces before a key or an item",
    };
  }
  // On an empty line, the end of what is written before it: there something is missing.
  const at = found.text.trim() === "" ? place(text.slice(0, start).trimEnd().length, 1) : found;
  if (error.code === "MULTIPLE_DOCS") {
    return {
      code: "UNSUPPORTED",
      message: "a second document in the same file",
      at,
      hint: 'remove the line "---" or "...", or split the file',
    };
  }
  if (error.code === "TAG_RESOLVE_FAILED") return warningProblem(error, place);
  return { code: "BAD_YAML", message: ownWords(error), at, ...syntaxHint(error, at) };
}

function syntaxHint({ code }: YAMLError, at: Place): { hint?: string } {
  if (/[:-]\s+\{\{/.test(at.text)) return { hint: QUOTE_TEMPLATE };
  if (code === "BLOCK_AS_IMPLICIT_KEY")
    return { hint: 'a value with ": " in it needs quotes, and keys of one map the same indentation' };
  if (code === "BAD_SCALAR_START") return { hint: "put quotes around the value" };
  if (code === "MULTILINE_IMPLICIT_KEY") return { hint: `is there a ":" missing after "${at.text.trim()}"?` };
  return {};
}

/** The parser's message in the manner of ours: lower case, without its name for this and that. */
function ownWords({ code, message }: YAMLError): string {
  if (code === "BLOCK_AS_IMPLICIT_KEY") return "a key inside a value of the same line, or a wrong indentation";
  if (code === "MULTILINE_IMPLICIT_KEY") return "a key without a colon";
  const bracket = /^Flow (?:sequence|map) .* end with a (.)$/.exec(message)?.[1];
  if (bracket !== undefined) return `missing closing ${bracket}, or too little indentation before it`;
  const plain = message
    .replace("'quote", "quote")
    .replace(/ in YAML stream/, "")
    .replace(/\.$/, "");
  return plain.charAt(0).toLowerCase() + plain.slice(1);
}

function warningProblem(error: YAMLError, place: PlaceFinder): Diagnostic {
  const [start, end] = error.pos;
  const at = place(start, end - start);
  const tag = /^Unresolved tag: (.*)$/.exec(error.message)?.[1];
  if (tag === undefined) return { code: "BAD_YAML", message: ownWords(error), at };
  const name = tag.replace("tag:yaml.org,2002:", "!!");
  const hint = name === "!vault" ? { hint: "Ansible's vault is not supported; keep secrets out of the file" } : {};
  return { code: "UNSUPPORTED", message: `pgmtls does not know the tag ${name} yet`, at, ...hint };
}
