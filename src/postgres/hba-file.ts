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

/** What decides whether a connection is a record's. */
export type HbaMatch = Pick<HbaRule, "type" | "databases" | "users" | "address">;

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

/** Whether both decide about the same connections, whatever they then ask for: same type, databases, users and address. */
export function sameMatch(a: HbaMatch, b: HbaMatch): boolean {
  return (
    a.type === b.type &&
    sameNames(a.databases, b.databases) &&
    sameNames(a.users, b.users) &&
    (a.address === undefined ? "" : addressKey(a.address)) === (b.address === undefined ? "" : addressKey(b.address))
  );
}

/** Whether both decide about the same connections and ask the same of them. */
export function sameRule(a: HbaRule, b: HbaRule): boolean {
  return a.method === b.method && optionKeys(a).join("\0") === optionKeys(b).join("\0") && sameMatch(a, b);
}

/** What a line of a changed file shall be: the rule that it shall mean, or the text that it had. */
export type ExpectedLine = HbaRule | { text: string };

/**
 * Where `file` does not say what was asked for; lines of comments and blanks are not looked at. A wrong pg_hba.conf locks people out,
 * so after each edit this is asked, and where it finds something, nothing is written but an error said.
 */
export function misread(file: HbaFile, expected: readonly ExpectedLine[]): { line: HbaLine; message: string }[] {
  const lines = file.lines.filter(({ kind }) => kind !== "empty");
  const wrong = lines.find((line, i) => !isAsExpected(file, line, expected[i]));
  const line = wrong ?? (lines.length < expected.length ? file.lines.at(-1) : undefined);
  return line === undefined ? [] : [{ line, message: "PostgreSQL would not read the changed file as it is meant" }];
}

/** As an ExpectedLine: that the line shall stay as it is. Nothing for a comment. */
export function asItIs(file: HbaFile, line: HbaLine): ExpectedLine[] {
  return line.kind === "empty" ? [] : [{ text: sourceOf(file, line) }];
}

function isAsExpected(file: HbaFile, line: HbaLine, expected: ExpectedLine | undefined): boolean {
  if (expected === undefined) return false;
  if ("text" in expected) return sourceOf(file, line) === expected.text;
  return line.kind === "record" && sameRule(line.record, expected);
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

/** In any order. */
function sameNames(a: readonly HbaName[], b: readonly HbaName[]): boolean {
  const keys = new Set(a.map(canonicalKey));
  const others = new Set(b.map(canonicalKey));
  return keys.size === others.size && [...keys].every((key) => others.has(key));
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
