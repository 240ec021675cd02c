import { addressKey } from "./hba-address.ts";
import { type HbaFault, type HbaName, type HbaRecord, type HbaRule, parseRecord } from "./hba-record.ts";
import { type HbaField, type HbaLogicalLine, type HbaToken, tokenizeHba } from "./hba-tokens.ts";

type Piece = { number: number; offset: number; length: number };

/** A logical line of pg_hba.conf. Offsets and lengths join to the file; a length includes the newline. */
export type HbaLine = Piece &
  (
    | { kind: "empty" }
    | { kind: "record"; record: HbaRecord }
    | { kind: "include"; directive: HbaInclude; target: HbaToken }
    /** The server refuses it, and with it the whole file. `fields` are what could be told apart. */
    | ({ kind: "broken"; fields: readonly HbaField[] } & HbaFault)
  );

export type HbaInclude = "include" | "include_if_exists" | "include_dir";

export type HbaFile = { text: string; major: number; lines: readonly HbaLine[] };

/** pg_hba.conf as PostgreSQL `major` reads it, one character a byte. Nothing is lost: edits are made on `text` by offset. */
export function readHba(text: string, major: number): HbaFile {
  return { text, major, lines: tokenizeHba(text, major).map((line) => readLine(line, major)) };
}

export function recordLines(file: HbaFile): (HbaLine & { kind: "record" })[] {
  return file.lines.filter((line) => line.kind === "record");
}

/** The text of `line` without its line ending. */
export function sourceOf(file: HbaFile, line: HbaLine): string {
  return file.text.slice(line.offset, line.offset + line.length).replace(/\r*\n?$/, "");
}

/** Equal for rules that decide about the same connections: what names a record, whatever it then asks for. */
export function ruleKey({ type, databases, users, address }: Omit<HbaRule, "method" | "options">): string {
  return JSON.stringify([type, nameKeys(databases), nameKeys(users), address === undefined ? "" : addressKey(address)]);
}

/** Equal for rules that decide about the same connections and ask the same of them. */
export function ruleMeaning(rule: HbaRule): string {
  return JSON.stringify([ruleKey(rule), rule.method, optionKeys(rule)]);
}

/** What each line that is not empty means, to compare two states of a file: nothing but comments and blanks is left out. */
export function lineMeanings(file: HbaFile, lines: readonly HbaLine[] = file.lines): string[] {
  return lines.flatMap((line) => {
    if (line.kind === "empty") return [];
    return [line.kind === "record" ? ruleMeaning(line.record) : sourceOf(file, line)];
  });
}

/**
 * Where `file` does not say what was asked for, line by line as lineMeanings gives it. A wrong pg_hba.conf locks people out, so after
 * each edit this is asked, and where it finds something, nothing is written but an error said.
 */
export function misread(file: HbaFile, expected: readonly string[]): { line: HbaLine; message: string }[] {
  const lines = file.lines.filter(({ kind }) => kind !== "empty");
  const meanings = lineMeanings(file, lines);
  const at = Math.max(meanings.length, expected.length);
  const wrong = Array.from({ length: at }, (_, i) => i).find((i) => meanings[i] !== expected[i]);
  if (wrong === undefined) return [];
  const line = lines[wrong] ?? file.lines.at(-1);
  return line === undefined ? [] : [{ line, message: "PostgreSQL would not read the changed file as it is meant" }];
}

/** `name=value` of each option, in the order that does not matter to the server: the last of a name wins. */
export function optionKeys({ options }: Pick<HbaRule, "options">): string[] {
  return [...new Map(options.map(({ name, value }) => [name, value]))]
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}

/** `"all"` in quotes is a database of that name, `all` without is every one. */
export function nameKey({ text, quoted }: HbaName): string {
  return quoted && !text.startsWith("/") ? `"${text}"` : text;
}

function nameKeys(names: readonly HbaName[]): string[] {
  return [...new Set(names.map(canonicalKey))].sort();
}

const SPECIAL_NAMES = new Set(["all", "sameuser", "samerole", "samegroup", "replication"]);

/** As nameKey, but the same for `app` and `"app"`, which the server doesn't tell apart. */
function canonicalKey(name: HbaName): string {
  return SPECIAL_NAMES.has(name.text) || /^[+@]/.test(name.text) ? nameKey(name) : name.text;
}

const INCLUDE_SINCE = 16;

function readLine(line: HbaLogicalLine, major: number): HbaLine {
  const piece = { number: line.number, offset: line.offset, length: line.length };
  const { fields, error } = line;
  if (error !== undefined) return { ...piece, kind: "broken", fields, reason: error, silent: false };
  const [first, ...rest] = fields;
  if (first === undefined) return { ...piece, kind: "empty" };
  const include = major >= INCLUDE_SINCE ? includeOf(fields) : undefined;
  if (include !== undefined) return { ...piece, kind: "include", ...include };
  const record = parseRecord([first, ...rest], major);
  return "reason" in record ? { ...piece, kind: "broken", fields, ...record } : { ...piece, kind: "record", record };
}

function includeOf(fields: readonly HbaField[]): { directive: HbaInclude; target: HbaToken } | undefined {
  const [directive, target] = fields;
  if (fields.length !== 2 || directive === undefined || target === undefined) return undefined;
  const word = directive[0].text;
  if (word !== "include" && word !== "include_if_exists" && word !== "include_dir") return undefined;
  return { directive: word, target: target[0] };
}
