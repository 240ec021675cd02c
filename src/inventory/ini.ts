import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { DocumentNode } from "../document/node.ts";
import { placeFinder, type SourceFile } from "../document/source-file.ts";
import { readHostNames } from "./host-names.ts";
import type { GroupMention, HostMention, PlaceOf, ReadPart } from "./part.ts";
import { readPythonLiteral } from "./python-literal.ts";
import { splitWords, type Word } from "./shell-words.ts";

/** An inventory in Ansible's INI (its plugins/inventory/ini.py). All mistakes are collected; what can be read is still given. */
export function readIni(source: SourceFile): ReadPart {
  const find = placeFinder(source);
  const reading: Reading = { hosts: [], groups: [], problems: [] };
  let section: Section = { kind: "hosts", group: "ungrouped", mention: undefined };
  let offset = 0;
  for (const raw of source.text.split("\n")) {
    const start = offset + raw.length - raw.trimStart().length;
    const line: Line = { text: raw.trim(), place: (from, to) => find(start + from, to - from) };
    offset += raw.length + 1;
    if (line.text === "" || line.text.startsWith("#") || line.text.startsWith(";")) continue;
    const control = line.text.search(CONTROL_CHARACTER);
    if (control >= 0) reading.problems.push(controlCharacter(line, control));
    else section = readLine(reading, section, line);
  }
  return { part: { hosts: reading.hosts, groups: reading.groups }, problems: reading.problems };
}

type Reading = { hosts: HostMention[]; groups: GroupMention[]; problems: Diagnostic[] };
type Line = { text: string; place: PlaceOf };
/** `kind` is undefined in a section whose header is wrong: its lines are passed over, so that one mistake is one problem. */
type Section = { kind: SectionKind | undefined; group: string; mention: OpenMention | undefined };
type OpenMention = GroupMention & { children: { name: string; at: Place }[]; variables: Map<string, DocumentNode> };
type SectionKind = (typeof SECTION_KINDS)[number];

const SECTION_KINDS = ["hosts", "children", "vars"] as const;
const CONTROL_CHARACTER = /[\x00-\x08\x0b-\x1f\x7f]/;

function controlCharacter(line: Line, at: number): Diagnostic {
  const code = line.text.charCodeAt(at).toString(16).padStart(2, "0");
  return { code: "CONTROL_CHARACTER", message: `control character 0x${code}`, at: line.place(at, at + 1) };
}

function readLine(reading: Reading, section: Section, line: Line): Section {
  const header = readHeader(reading, line);
  if (header !== undefined) return header;
  if (section.kind === "hosts") readHostLine(reading, section.group, line);
  else if (section.mention !== undefined && section.kind === "vars") readVariable(reading, section.mention, line);
  else if (section.mention !== undefined && section.kind === "children") readChild(reading, section.mention, line);
  return section;
}

const HEADER = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/;

/** The section that `line` opens; undefined where it opens none. A host may begin with a bracket too: `[1:3].example.com`. */
function readHeader(reading: Reading, line: Line): Section | undefined {
  if (!line.text.startsWith("[")) return undefined;
  const header = HEADER.exec(line.text);
  if (header === null) {
    if (/^\[[^\]]*\][^\s\]#;]/.test(line.text)) return undefined;
    reading.problems.push({
      code: "BAD_INI",
      message: "not a section header, expected [group], [group:vars] or [group:children]",
      at: line.place(0, line.text.length),
      hint: "the name of a group holds no spaces, colons or brackets",
    });
    return { kind: undefined, group: "", mention: undefined };
  }
  const [, group = "", kindText = "hosts"] = header;
  const kind = SECTION_KINDS.find((known) => known === kindText);
  if (kind === undefined) {
    const start = 1 + group.length + 1;
    reading.problems.push({
      code: "BAD_INI",
      message: `unknown kind of section "${kindText}", expected hosts, children or vars`,
      at: line.place(start, start + kindText.length),
      ...didYouMean(kindText, SECTION_KINDS),
    });
    return { kind: undefined, group, mention: undefined };
  }
  const at = line.place(1, 1 + group.length);
  const mention: OpenMention = { name: group, at, declares: kind !== "vars", children: [], variables: new Map() };
  reading.groups.push(mention);
  return { kind, group, mention };
}

function readHostLine(reading: Reading, group: string, line: Line): void {
  const { words, problem } = splitWords(line.text);
  if (problem !== undefined) {
    const at = line.place(problem.start, problem.end);
    reading.problems.push({ code: "BAD_INI", message: `${problem.message} in a host line`, at });
    return;
  }
  const [hostWord, ...assignments] = words;
  if (hostWord === undefined) return;
  if (/^---/.test(hostWord.text)) {
    reading.problems.push({
      code: "BAD_INI",
      message: "--- begins a YAML document, expected INI",
      at: line.place(hostWord.start, hostWord.end),
      hint: "give the file the ending .yml",
    });
    return;
  }
  const { names, port, problems } = readHostNames(hostWord.text, wordPlace(line, hostWord));
  reading.problems.push(...problems);
  const variables = new Map<string, DocumentNode>();
  if (port !== undefined) variables.set("ansible_port", port);
  readAssignments(reading, line, assignments, variables);
  const at = line.place(hostWord.start, hostWord.end);
  for (const name of names) reading.hosts.push({ name, at, group, variables });
}

/** Places within a word of a line, quotes and escapes accounted for. */
function wordPlace(line: Line, word: Word): PlaceOf {
  return (start, end) => {
    if (word.text === "") return line.place(word.start, word.end);
    const from = word.offsets[start] ?? word.end;
    const last = word.offsets[end - 1];
    return line.place(from, end > start && last !== undefined ? last + 1 : from + 1);
  };
}

function readAssignments(reading: Reading, line: Line, words: readonly Word[], into: Map<string, DocumentNode>): void {
  const seen = new Set<string>();
  for (const word of words) {
    const equals = word.text.indexOf("=");
    const at = line.place(word.start, word.end);
    const key = word.text.slice(0, equals);
    const wrong = equals < 0 ? notAnAssignment(word.text) : badKey(key, "in a host line");
    if (wrong !== undefined) {
      reading.problems.push({ ...wrong, at });
      return; // The words after it are often the rest of the same mistake: a value with spaces, or spaces around "=".
    }
    if (seen.has(key))
      reading.problems.push({ code: "DUPLICATE_KEY", message: `"${key}" is set twice for this host`, at });
    seen.add(key);
    const place = wordPlace(line, word);
    into.set(key, readValue(word.text, equals + 1, place));
  }
}

function notAnAssignment(text: string): Pick<Diagnostic, "code" | "message" | "hint"> {
  return {
    code: "BAD_INI",
    message: `"${text}" after a host name, expected key=value`,
    hint: "one host a line; quote a value that holds spaces: key='a b'",
  };
}

function badKey(key: string, where: string): Pick<Diagnostic, "code" | "message" | "hint"> | undefined {
  if (key === "") {
    return { code: "BAD_INI", message: `no name before "=" ${where}, expected key=value`, hint: "no spaces around =" };
  }
  if (/^[\p{L}\p{N}_.-]+$/u.test(key)) return undefined;
  return { code: "BAD_INI", message: `"${key}" is not the name of a variable, expected letters, digits and _` };
}

/** The value that begins at `start` of `text`: a Python literal when it is one, else the text as it stands. */
function readValue(text: string, start: number, place: PlaceOf): DocumentNode {
  const value = text.slice(start);
  const literal = readPythonLiteral(value, (from, to) => place(start + from, start + to));
  return literal ?? { kind: "scalar", value, at: place(start, text.length) };
}

function readVariable(reading: Reading, group: OpenMention, line: Line): void {
  const equals = line.text.indexOf("=");
  const key = line.text.slice(0, Math.max(equals, 0)).trimEnd();
  const at = line.place(0, equals < 0 ? line.text.length : Math.max(key.length, 1));
  const wrong =
    equals < 0
      ? ({ code: "BAD_INI", message: `expected key=value in [${group.name}:vars]` } as const)
      : badKey(key, `in [${group.name}:vars]`);
  if (wrong !== undefined) {
    reading.problems.push({ ...wrong, at });
    return;
  }
  if (group.variables.has(key)) {
    reading.problems.push({ code: "DUPLICATE_KEY", message: `"${key}" is set twice in this section`, at });
  }
  const value = line.text.slice(equals + 1);
  const start = equals + 1 + value.length - value.trimStart().length;
  group.variables.set(key, readValue(line.text, start, line.place));
}

function readChild(reading: Reading, group: OpenMention, line: Line): void {
  const name = /^([^:\]\s]+)\s*(?:#.*)?$/.exec(line.text)?.[1];
  if (name === undefined) {
    reading.problems.push({
      code: "BAD_INI",
      message: `expected the name of one group in [${group.name}:children]`,
      at: line.place(0, line.text.length),
      hint: `hosts stand in [${group.name}], variables in [${group.name}:vars]`,
    });
    return;
  }
  group.children.push({ name, at: line.place(0, name.length) });
}
