import {
  asItIs,
  type ExpectedLine,
  type HbaFile,
  type HbaLine,
  type HbaMatch,
  misread,
  optionKeys,
  readHba,
  recordLines,
  sameMatch,
  sameRule,
  sourceOf,
} from "./hba-file.ts";
import { shadowOf } from "./hba-match.ts";
import type { HbaRecord, HbaRule } from "./hba-record.ts";
import { type HbaSelection, selects } from "./hba-select.ts";
import { formatOption, formatRule } from "./hba-write.ts";
import { applyEdits, type Edit, newlineOf } from "./text-edit.ts";

export type Position = { at: "first" | "last" } | { at: "before" | "after"; match: HbaSelection };

/** A record that shall be there, or shall not. An equal record is one of the same type, databases, users and address. */
export type Placement =
  | { state: "present"; rule: HbaRule; position: Position }
  | { state: "absent"; match: HbaMatch; method?: string };

export type Placed = {
  text: string;
  /** "added", "changed" or "removed"; undefined where all was so. `line` is the record's in the new text, or in the old one. */
  did: { what: "added" | "changed" | "removed"; line: number; before?: string; after?: string }[];
  /** The earlier record for which the wished one is never asked. */
  shadowedBy: HbaLine | undefined;
  /** The wished record in the new text. */
  line: HbaLine | undefined;
  problem: string | undefined;
};

/**
 * The text with one record added, changed or removed. A present one that already has an equal stays where it is: moving it would
 * let two tasks that both say "first" flip for ever. Every other line keeps its bytes and its place.
 */
export function place(text: string, major: number, placement: Placement): Placed {
  const file = readHba(text, major);
  return placement.state === "absent" ? remove(file, placement) : put(file, placement);
}

type RecordLine = HbaLine & { kind: "record" };

function put(file: HbaFile, { rule, position }: Placement & { state: "present" }): Placed {
  const existing = recordLines(file).find(({ record }) => sameMatch(record, rule));
  if (existing !== undefined) return change(file, existing, rule);
  const index = indexOf(file, position);
  if (index === undefined) return nothing(file, `no record matches the one to be placed ${position.at}`);
  const inserted = insertion(file, index, formatRule(rule));
  const expected: ExpectedLine[] = [
    ...file.lines.slice(0, index).flatMap((line) => asItIs(file, line)),
    rule,
    ...file.lines.slice(index).flatMap((line) => asItIs(file, line)),
  ];
  return finish(file, [inserted], expected, rule, "added");
}

function change(file: HbaFile, existing: RecordLine, rule: HbaRule): Placed {
  const { record } = existing;
  if (sameRule(record, rule)) return { ...nothing(file), line: existing, shadowedBy: shadowOf(file, existing) };
  const edits: Edit[] = [];
  if (record.method !== rule.method) {
    const { offset, length } = record.tokens.method;
    edits.push({ offset, length, text: rule.method });
  }
  if (optionKeys(record).join("\0") !== optionKeys(rule).join("\0")) edits.push(optionsEdit(record, rule));
  const expected = file.lines.flatMap((line) => (line === existing ? [rule] : asItIs(file, line)));
  return finish(file, edits, expected, rule, "changed", existing);
}

function optionsEdit({ tokens }: HbaRecord, { options }: HbaRule): Edit {
  const offset = tokens.method.offset + tokens.method.length;
  return {
    offset,
    length: tokens.last.offset + tokens.last.length - offset,
    text: options.map((option) => ` ${formatOption(option)}`).join(""),
  };
}

function remove(file: HbaFile, { match, method }: Placement & { state: "absent" }): Placed {
  const gone = recordLines(file).filter(
    ({ record }) => sameMatch(record, match) && (method === undefined || record.method === method),
  );
  if (gone.length === 0) return nothing(file);
  const goneLines = new Set<HbaLine>(gone);
  const kept = file.lines.filter((line) => !goneLines.has(line));
  const expected = kept.flatMap((line) => asItIs(file, line));
  const text = withLastNewlineOf(file.text, kept.map((line) => wholeLine(file, line)).join(""));
  const problem = misread(readHba(text, file.major), expected)[0]?.message;
  if (problem !== undefined) return nothing(file, problem);
  const did = gone.map((line) => ({ what: "removed" as const, line: line.number, before: sourceOf(file, line) }));
  return { text, did, shadowedBy: undefined, line: undefined, problem: undefined };
}

function wholeLine({ text }: HbaFile, line: HbaLine): string {
  return text.slice(line.offset, line.offset + line.length);
}

/** A file that ends without a newline still does, when it was its last line that went. */
function withLastNewlineOf(before: string, after: string): string {
  return before.endsWith("\n") ? after : after.replace(/\r*\n$/, "");
}

function finish(
  file: HbaFile,
  edits: readonly Edit[],
  expected: readonly ExpectedLine[],
  rule: HbaRule,
  what: "added" | "changed",
  existing?: RecordLine,
): Placed {
  const text = applyEdits(file.text, edits);
  const after = readHba(text, file.major);
  const problem = misread(after, expected)[0]?.message;
  if (problem !== undefined) return nothing(file, problem);
  const line = recordLines(after).find(({ record }) => sameMatch(record, rule));
  if (line === undefined) return nothing(file, "the record would not be found again");
  const before = existing === undefined ? {} : { before: sourceOf(file, existing) };
  const did = [{ what, line: line.number, ...before, after: sourceOf(after, line) }];
  return { text, did, line, shadowedBy: shadowOf(after, line), problem: undefined };
}

function nothing(file: HbaFile, problem?: string): Placed {
  return { text: file.text, did: [], shadowedBy: undefined, line: undefined, problem };
}

/** Before which line a new record goes: `file.lines.length` for the end. */
function indexOf(file: HbaFile, position: Position): number | undefined {
  switch (position.at) {
    case "last":
      return file.lines.length;
    case "first": {
      const index = file.lines.findIndex(({ kind }) => kind !== "empty");
      return index === -1 ? file.lines.length : index;
    }
    case "before": {
      const index = file.lines.findIndex((line) => line.kind === "record" && selects(position.match, line.record));
      return index === -1 ? undefined : index;
    }
    case "after": {
      const index = file.lines.findLastIndex((line) => line.kind === "record" && selects(position.match, line.record));
      return index === -1 ? undefined : index + 1;
    }
  }
}

function insertion(file: HbaFile, index: number, line: string): Edit {
  const newline = newlineOf(file.text);
  const next = file.lines[index];
  if (next !== undefined) return { offset: next.offset, length: 0, text: line + newline };
  const offset = file.text.length;
  const isOpen = offset > 0 && !file.text.endsWith("\n");
  // A file that ends without a newline still does: removing the record gives back the same bytes.
  return { offset, length: 0, text: isOpen ? newline + line : line + newline };
}
