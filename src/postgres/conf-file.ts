import { scanConfLine, unquoteConf } from "./conf-tokens.ts";

type Piece = { number: number; offset: number; length: number };

/** A line of postgresql.conf. Offsets and lengths join to the file; a length includes the newline. */
export type ConfLine = Piece &
  (
    | { kind: "empty"; comment: number | undefined }
    | ({ kind: "setting" } & ConfAssignment)
    | ({ kind: "include"; directive: "include" | "include_if_exists" | "include_dir" } & ConfAssignment)
    /** A syntax error, for which the whole file is not read. `near` is the token, undefined for the end of the line. */
    | { kind: "broken"; near: string | undefined; at: number }
  );

export type ConfAssignment = {
  /** As written: names are the same in any case. */
  name: string;
  /** Without quotes and escapes. */
  value: string;
  /** The value as it stands in the file, quotes included. */
  valueAt: { offset: number; length: number };
};

export type ConfFile = { text: string; lines: readonly ConfLine[]; hasBom: boolean };

export const UTF8_BOM = "\xef\xbb\xbf";

/** postgresql.conf as guc-file.l reads it, one character a byte. A byte order mark is part of the first word there, and no blank. */
export function readConf(text: string): ConfFile {
  const lines: ConfLine[] = [];
  for (let offset = 0; offset < text.length; ) {
    const newline = text.indexOf("\n", offset);
    const end = newline === -1 ? text.length : newline + 1;
    const piece = { number: lines.length + 1, offset, length: end - offset };
    lines.push({ ...piece, ...readConfLine(text.slice(offset, newline === -1 ? end : newline), offset) });
    offset = end;
  }
  return { text, lines, hasBom: text.startsWith(UTF8_BOM) };
}

/** Names of settings are ASCII and the same in any case. */
export function settingKey(name: string): string {
  return name.toLowerCase();
}

/** The active lines of the setting, in the order read: the last one counts. */
export function linesOf(file: ConfFile, name: string): (ConfLine & { kind: "setting" })[] {
  const key = settingKey(name);
  return file.lines.filter((line) => line.kind === "setting" && settingKey(line.name) === key) as (ConfLine & {
    kind: "setting";
  })[];
}

type Read<L> = L extends unknown ? Omit<L, keyof Piece> : never;

function readConfLine(source: string, offset: number): Read<ConfLine> {
  const { tokens, comment } = scanConfLine(source, offset);
  const [name, ...rest] = tokens;
  if (name === undefined) return { kind: "empty", comment };
  if (name.kind !== "id" && name.kind !== "qualified-id") return { kind: "broken", near: name.text, at: name.offset };
  if (rest[0]?.kind === "equals") rest.shift();
  const [value, extra] = rest;
  if (value === undefined) return { kind: "broken", near: undefined, at: comment ?? offset + source.length };
  if (value.kind === "error" || value.kind === "equals" || value.kind === "qualified-id")
    return { kind: "broken", near: value.text, at: value.offset };
  if (extra !== undefined) return { kind: "broken", near: extra.text, at: extra.offset };
  const assignment = {
    name: name.text,
    value: value.kind === "string" ? unquoteConf(value.text) : value.text,
    valueAt: { offset: value.offset, length: value.text.length },
  };
  const key = settingKey(name.text);
  if (key === "include" || key === "include_if_exists" || key === "include_dir")
    return { kind: "include", directive: key, ...assignment };
  return { kind: "setting", ...assignment };
}
