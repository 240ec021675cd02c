import type { Setting } from "../state/host-state.ts";
import { type ConfFile, type ConfLine, linesOf, readConf, settingKey } from "./conf-file.ts";
import { sameValue, settingNamed } from "./setting-value.ts";
import { applyEdits, type Edit, newlineOf } from "./text-edit.ts";

/** What a setting shall be; null: no active line, so that PostgreSQL's default returns. One character a byte. */
export type WantedSettings = ReadonlyMap<string, string | null>;

export type ConfEdit = {
  text: string;
  changed: readonly SettingChange[];
  /** Lines that a later line of the same setting makes void; they are left as they are. */
  duplicates: readonly { name: string; line: number; decidedBy: number }[];
  /** Where the text would not be read as it is meant, `text` is the old one. */
  problem: string | undefined;
};

export type SettingChange = { name: string; before: string | undefined; after: string | undefined };

export type ConfEditOptions = {
  /** What the server knows of settings, so that `yes` is found to be `on` already. */
  types?: ReadonlyMap<string, Setting>;
  /** Settings whose new line must stand at the end, for what included files say of them would win over an earlier one. */
  atEnd?: ReadonlySet<string>;
};

/**
 * Sets the last active line of each name in place, its value alone; where there is none, behind the commented default or at the end.
 * What is unset is commented out. Values are written in quotes, but for plain numbers and booleans.
 */
export function setSettings(text: string, wanted: WantedSettings, options: ConfEditOptions = {}): ConfEdit {
  const file = readConf(text);
  const edits: Edit[] = [];
  const appended: string[] = [];
  const changed: SettingChange[] = [];
  const newline = newlineOf(text);
  for (const [name, value] of wanted) {
    const active = linesOf(file, name);
    const last = active.at(-1);
    if (value === null) {
      edits.push(...active.map(({ offset }) => ({ offset, length: 0, text: "#" })));
      if (last !== undefined) changed.push({ name, before: last.value, after: undefined });
      continue;
    }
    if (last !== undefined) {
      if (sameValue(settingNamed(options.types ?? new Map(), name)?.setting, last.value, value)) continue;
      edits.push({ ...last.valueAt, text: formatValue(value) });
      changed.push({ name, before: last.value, after: value });
      continue;
    }
    const line = `${name} = ${formatValue(value)}`;
    const hint = options.atEnd?.has(settingKey(name)) === true ? undefined : commentedDefault(file, name);
    if (hint === undefined) appended.push(line);
    else edits.push(behind(file, hint, line, newline));
    changed.push({ name, before: undefined, after: value });
  }
  if (appended.length > 0) edits.push(atEnd(text, appended, newline));
  const result = applyEdits(text, edits);
  const after = readConf(result);
  const problem = misread(file, after, wanted, changed);
  if (problem !== undefined) return { text, changed: [], duplicates: [], problem };
  return { text: result, changed, duplicates: duplicatesOf(after, wanted), problem: undefined };
}

/** As the scanner takes it whatever is in it: `''` and `\\` are what it reads as a quote and a backslash. */
export function formatValue(value: string): string {
  if (/^(?:on|off|true|false|yes|no|[-+]?\d+(?:\.\d+)?)$/.test(value)) return value;
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

function commentedDefault(file: ConfFile, name: string): ConfLine | undefined {
  const key = settingKey(name);
  return file.lines.find((line) => {
    if (line.kind !== "empty" || line.comment === undefined) return false;
    const source = file.text.slice(line.comment, line.offset + line.length).replace(/^#+/, "");
    // A sentence may begin with the name; only an assignment is a default.
    if (!source.includes("=")) return false;
    const [commented] = readConf(source).lines;
    return commented?.kind === "setting" && settingKey(commented.name) === key;
  });
}

function behind(file: ConfFile, line: ConfLine, text: string, newline: string): Edit {
  const end = line.offset + line.length;
  const isOpen = end === file.text.length && !file.text.endsWith("\n");
  return { offset: end, length: 0, text: isOpen ? newline + text : text + newline };
}

function atEnd(text: string, lines: readonly string[], newline: string): Edit {
  const isOpen = text !== "" && !text.endsWith("\n");
  const block = lines.join(newline);
  return { offset: text.length, length: 0, text: isOpen ? newline + block : block + newline };
}

/** What was changed must be read as it is meant, and all else as before; where that is not so, the edit is given up. */
function misread(
  before: ConfFile,
  after: ConfFile,
  wanted: WantedSettings,
  changed: readonly SettingChange[],
): string | undefined {
  const wrong = changed.find((change) => linesOf(after, change.name).at(-1)?.value !== change.after);
  if (wrong !== undefined) return `PostgreSQL would not read "${wrong.name}" in the changed file as it is meant`;
  const keys = new Set([...wanted.keys()].map(settingKey));
  const others = ({ lines }: ConfFile) =>
    lines.flatMap((line) => {
      if (line.kind === "setting") return keys.has(settingKey(line.name)) ? [] : [`${line.name}=${line.value}`];
      return line.kind === "empty" ? [] : [line.kind];
    });
  return others(before).join("\n") === others(after).join("\n")
    ? undefined
    : "the changed file would mean something else in other settings too";
}

function duplicatesOf(file: ConfFile, wanted: WantedSettings): ConfEdit["duplicates"] {
  return [...wanted.keys()].flatMap((name) => {
    const lines = linesOf(file, name);
    const last = lines.at(-1);
    if (last === undefined) return [];
    return lines.slice(0, -1).map(({ number }) => ({ name, line: number, decidedBy: last.number }));
  });
}
