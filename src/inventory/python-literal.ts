import type { DocumentNode, MapEntry } from "../document/node.ts";
import type { PlaceOf } from "./part.ts";

/**
 * `text` as the Python literal that it is, or undefined where it is none: values of INI inventories are literals when they parse
 * as such, and plain text otherwise (Ansible's ini.py, `_parse_value`, `ast.literal_eval`). Two differences: integers with a leading
 * zero or `0o` stay text (they are file modes), and so do numbers that a double can't hold.
 */
export function readPythonLiteral(text: string, placeOf: PlaceOf): DocumentNode | undefined {
  const reader: Reader = { text, at: 0, placeOf, depth: 0 };
  skipBlanks(reader);
  const start = reader.at;
  const value = readItems(reader, start, undefined);
  skipBlanks(reader);
  return reader.at < text.length && text[reader.at] !== "#" ? undefined : value;
}

type Reader = { readonly text: string; at: number; readonly placeOf: PlaceOf; depth: number };

const DEEPEST = 90; // Python's own parser gives up at about twice that, and nobody nests so deep.

function skipBlanks(reader: Reader): void {
  while (reader.text[reader.at] === " " || reader.text[reader.at] === "\t") reader.at++;
}

function skip(reader: Reader, char: string): boolean {
  skipBlanks(reader);
  if (reader.text[reader.at] !== char) return false;
  reader.at++;
  return true;
}

/** One value, or a list where commas follow: `1, 2` is a tuple, with or without parentheses. */
function readItems(reader: Reader, start: number, close: string | undefined): DocumentNode | undefined {
  const first = readValue(reader);
  if (first === undefined) return undefined;
  const items = [first];
  let commas = 0;
  while (skip(reader, ",")) {
    commas++;
    skipBlanks(reader);
    if (reader.at >= reader.text.length || reader.text[reader.at] === close || reader.text[reader.at] === "#") break;
    const item = readValue(reader);
    if (item === undefined) return undefined;
    items.push(item);
  }
  if (close !== undefined && !skip(reader, close)) return undefined;
  return commas === 0 ? first : { kind: "list", items, at: reader.placeOf(start, reader.at) };
}

function readValue(reader: Reader): DocumentNode | undefined {
  if (reader.depth > DEEPEST) return undefined;
  skipBlanks(reader);
  const start = reader.at;
  const char = reader.text[start] ?? "";
  reader.depth++;
  const value =
    char === "["
      ? readList(reader, start)
      : char === "{"
        ? readMap(reader, start)
        : char === "("
          ? readParentheses(reader, start)
          : (readStrings(reader, start) ?? readNumber(reader, start) ?? readName(reader, start));
  reader.depth--;
  return value;
}

function readList(reader: Reader, start: number): DocumentNode | undefined {
  reader.at++;
  const items: DocumentNode[] = [];
  while (!skip(reader, "]")) {
    if (items.length > 0 && !skip(reader, ",")) return undefined;
    if (items.length > 0 && skip(reader, "]")) break;
    const item = readValue(reader);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return { kind: "list", items, at: reader.placeOf(start, reader.at) };
}

function readParentheses(reader: Reader, start: number): DocumentNode | undefined {
  reader.at++;
  if (skip(reader, ")")) return { kind: "list", items: [], at: reader.placeOf(start, reader.at) };
  return readItems(reader, start, ")");
}

function readMap(reader: Reader, start: number): DocumentNode | undefined {
  reader.at++;
  const entries = new Map<string, MapEntry>();
  let isFirst = true;
  while (!skip(reader, "}")) {
    if (!isFirst && !skip(reader, ",")) return undefined;
    if (!isFirst && skip(reader, "}")) break;
    isFirst = false;
    const key = readValue(reader);
    if (key?.kind !== "scalar" || !skip(reader, ":")) return undefined;
    const value = readValue(reader);
    if (value === undefined) return undefined;
    const name = keyText(key.value);
    entries.set(name, { key: name, keyAt: key.at, value });
  }
  return { kind: "map", entries: [...entries.values()], at: reader.placeOf(start, reader.at) };
}

/** A key as Ansible prints it: JSON has no other keys than text. */
function keyText(key: string | number | boolean | null): string {
  return key === null ? "null" : String(key);
}

/** Strings that stand side by side are one string. */
function readStrings(reader: Reader, start: number): DocumentNode | undefined {
  let value: string | undefined;
  let end = start;
  for (;;) {
    const one = readString(reader);
    if (one === undefined) break;
    value = (value ?? "") + one;
    end = reader.at;
    skipBlanks(reader);
  }
  if (value === undefined) {
    reader.at = start;
    return undefined;
  }
  reader.at = end;
  return { kind: "scalar", value, at: reader.placeOf(start, end) };
}

const STRING_START = /([rRuU]?)("""|'''|"|')/y;

function readString(reader: Reader): string | undefined {
  STRING_START.lastIndex = reader.at;
  const opening = STRING_START.exec(reader.text);
  if (opening === null) return undefined;
  const [all, prefix = "", quote = ""] = opening;
  const isRaw = prefix.toLowerCase() === "r";
  let value = "";
  let i = reader.at + all.length;
  while (!reader.text.startsWith(quote, i)) {
    const char = reader.text[i];
    if (char === undefined) return undefined;
    if (char !== "\\") {
      value += char;
      i++;
      continue;
    }
    const found = isRaw ? rawEscape(reader.text, i) : readEscape(reader.text, i);
    if (found === undefined) return undefined;
    value += found.value;
    i += found.length;
  }
  reader.at = i + quote.length;
  return value;
}

function rawEscape(text: string, at: number): { value: string; length: number } | undefined {
  const value = text.slice(at, at + 2);
  return value.length < 2 ? undefined : { value, length: 2 };
}

const ESCAPES = new Map(
  Object.entries({ "\\": "\\", "'": "'", '"': '"', a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }),
);
const CODED_ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U(0[0-9a-fA-F]{7})|([0-7]{1,3}))/y;

/** The escape that begins at `at`; an unknown one stays as it is written, as in Python. */
function readEscape(text: string, at: number): { value: string; length: number } | undefined {
  const next = text[at + 1];
  if (next === undefined) return undefined;
  const plain = ESCAPES.get(next);
  if (plain !== undefined) return { value: plain, length: 2 };
  CODED_ESCAPE.lastIndex = at;
  const coded = CODED_ESCAPE.exec(text);
  if (coded === null) return /[xuUN]/.test(next) ? undefined : { value: `\\${next}`, length: 2 };
  const octal = coded[4];
  const code =
    octal === undefined ? Number.parseInt(coded[1] ?? coded[2] ?? coded[3] ?? "", 16) : Number.parseInt(octal, 8);
  return code > 0x10ffff ? undefined : { value: String.fromCodePoint(code), length: coded[0].length };
}

const DIGITS = `[0-9](?:_?[0-9])*`;
const FLOAT = String.raw`(?:(?:${DIGITS})?\.${DIGITS}|${DIGITS}\.)(?:[eE][+-]?${DIGITS})?|${DIGITS}[eE][+-]?${DIGITS}`;
const NUMBER = new RegExp(
  String.raw`([+-]?)[ \t]*(?:(${FLOAT})|(0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|${DIGITS}))(?![\w.])`,
  "y",
);

function readNumber(reader: Reader, start: number): DocumentNode | undefined {
  NUMBER.lastIndex = start;
  const found = NUMBER.exec(reader.text);
  if (found === null) return undefined;
  const [all, sign, float, integer = ""] = found;
  reader.at = start + all.length;
  const at = reader.placeOf(start, reader.at);
  const isMode = float === undefined && (/^0[0-9]/.test(integer) || /^0o/i.test(integer));
  const size = Number((float ?? integer).replaceAll("_", ""));
  const isExact = float === undefined ? Number.isSafeInteger(size) : Number.isFinite(size);
  if (isMode || !isExact) return { kind: "scalar", value: all, at };
  return { kind: "scalar", value: sign === "-" && size !== 0 ? -size : size, at };
}

const NAMES = new Map([
  ["True", true],
  ["False", false],
  ["None", null],
]);

function readName(reader: Reader, start: number): DocumentNode | undefined {
  const name = /^[A-Za-z]+(?!\w)/.exec(reader.text.slice(start, start + 6))?.[0] ?? "";
  const value = NAMES.get(name);
  if (value === undefined) return undefined;
  reader.at = start + name.length;
  return { kind: "scalar", value, at: reader.placeOf(start, reader.at) };
}
