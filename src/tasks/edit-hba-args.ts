import { didYouMean } from "../diagnostics/suggest.ts";
import type { HbaAddress } from "../postgres/hba-address.ts";
import { sameMatch } from "../postgres/hba-file.ts";
import { methodsOf } from "../postgres/hba-methods.ts";
import type { Placement, Position } from "../postgres/hba-place.ts";
import type { HbaName } from "../postgres/hba-record.ts";
import type { HbaSelection } from "../postgres/hba-select.ts";
import { HBA_TYPES } from "../postgres/hba-type.ts";
import { addressOf, matchOf, type RecordWish, ruleOf, type WishProblem } from "../postgres/hba-wish.ts";
import { readName } from "../postgres/hba-write.ts";
import { asBytes, asText } from "../postgres/text-edit.ts";
import type { ArgumentProblem } from "./module.ts";

/** A list, or one text in which commas separate, as in pg_hba.conf itself. */
type Names = string | readonly string[];

export type SelectArgs = {
  types?: readonly string[];
  databases?: Names;
  users?: Names;
  addresses?: Names;
  methods?: readonly string[];
  replication?: boolean;
};

export type RecordArgs = {
  type: string;
  databases: Names;
  users: Names;
  address?: string;
  method?: string;
  options: Readonly<Record<string, string | number | boolean>>;
  state: "present" | "absent";
  position: "first" | "last" | "before" | "after";
  match?: SelectArgs;
};

export type EditHbaArgs = {
  cluster: string;
  require_tls: boolean;
  loopback: boolean;
  clientcert: "verify-ca" | "verify-full" | "unchanged";
  method?: string;
  select?: SelectArgs;
  records: readonly RecordArgs[];
  backup: boolean;
  force: boolean;
};

/** What is wrong whichever major the server is of: said before any host is contacted. */
export function checkHbaArgs(args: EditHbaArgs): ArgumentProblem[] {
  return [
    ...(args.method === undefined ? [] : unknownWords("/method", "authentication method", [args.method], METHODS)),
    ...selectProblems(args.select, "/select"),
    ...args.records.flatMap((record, i) => recordProblems(record, `/records/${i}`)),
    ...contradictions(args.records),
  ];
}

export function selectionOf(select: SelectArgs | undefined): HbaSelection {
  if (select === undefined) return {};
  const { types, databases, users, addresses, methods, replication } = select;
  return {
    ...(types === undefined ? {} : { types }),
    ...(methods === undefined ? {} : { methods }),
    ...(replication === undefined ? {} : { replication }),
    ...(databases === undefined ? {} : { databases: names(databases) }),
    ...(users === undefined ? {} : { users: names(users) }),
    ...(addresses === undefined ? {} : { addresses: listOf(addresses).flatMap((text) => knownAddress(text) ?? []) }),
  };
}

/** Where and what record shall be, for that major; or everything that is wrong with it. */
export function placementOf(record: RecordArgs, major: number): Placement | { problems: ArgumentProblem[] } {
  const wish = wishOf(record);
  if (record.state === "absent") {
    const match = matchOf(wish, major);
    if ("problems" in match) return { problems: match.problems.map((problem) => argumentProblem("", problem)) };
    return { state: "absent", match, ...(record.method === undefined ? {} : { method: record.method }) };
  }
  const found = ruleOf(wish, major);
  if ("problems" in found) return { problems: found.problems.map((problem) => argumentProblem("", problem)) };
  return { state: "present", rule: found.rule, position: positionOf(record) };
}

const OLDEST_MAJOR = 12;
const NEWEST_MAJOR = 18;
const METHODS = methodsOf(NEWEST_MAJOR);

function wishOf(record: RecordArgs): RecordWish {
  const { type, databases, users, address, method, options } = record;
  return {
    type,
    databases: listOf(databases).map(asBytes),
    users: listOf(users).map(asBytes),
    ...(address === undefined ? {} : { address: asBytes(address) }),
    ...(method === undefined ? {} : { method }),
    options: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [asBytes(name), asBytes(optionText(value))]),
    ),
  };
}

/** pg_hba.conf knows no booleans but 1 and 0. */
function optionText(value: string | number | boolean): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

function positionOf({ position, match }: RecordArgs): Position {
  return position === "before" || position === "after" ? { at: position, match: selectionOf(match) } : { at: position };
}

function names(given: Names): HbaName[] {
  return listOf(given).map((text) => readName(asBytes(text)));
}

function listOf(given: Names): readonly string[] {
  if (typeof given !== "string") return given;
  // Commas within quotes separate nothing.
  return (given.match(/(?:"(?:[^"]|"")*"|[^,"]|")+/g) ?? []).map((name) => name.trim()).filter((name) => name !== "");
}

function knownAddress(text: string): HbaAddress | undefined {
  const address = addressOf(asBytes(text));
  return "kind" in address ? address : undefined;
}

function recordProblems(record: RecordArgs, pointer: string): ArgumentProblem[] {
  const needsMatch = record.position === "before" || record.position === "after";
  const problems =
    needsMatch && record.match === undefined
      ? [bad(`${pointer}/position`, `position ${record.position} needs a match`)]
      : [];
  // A host may be of any major: only what is wrong in the oldest and the newest is wrong for sure.
  const newest = placementOf(record, NEWEST_MAJOR);
  const oldest = placementOf(record, OLDEST_MAJOR);
  if ("problems" in newest && "problems" in oldest)
    problems.push(...newest.problems.map(({ pointer: field, problem }) => ({ pointer: pointer + field, problem })));
  return [...problems, ...selectProblems(record.match, `${pointer}/match`)];
}

function selectProblems(select: SelectArgs | undefined, pointer: string): ArgumentProblem[] {
  if (select === undefined) return [];
  const addresses = listOf(select.addresses ?? []).flatMap((text) => {
    const address = addressOf(asBytes(text));
    return "kind" in address ? [] : [bad(`${pointer}/addresses`, address.message, address.hint)];
  });
  return [
    ...unknownWords(`${pointer}/types`, "record type", select.types ?? [], HBA_TYPES),
    ...unknownWords(`${pointer}/methods`, "authentication method", select.methods ?? [], METHODS),
    ...addresses,
  ];
}

function unknownWords(
  pointer: string,
  what: string,
  words: readonly string[],
  known: readonly string[],
): ArgumentProblem[] {
  return words
    .filter((word) => !known.includes(word))
    .map((word) =>
      bad(pointer, `unknown ${what} "${word}", expected one of ${known.join(", ")}`, didYouMean(word, known).hint),
    );
}

/** Two records of the list that are the same one would undo each other in every run. */
function contradictions(records: readonly RecordArgs[]): ArgumentProblem[] {
  const matches = records.map((record) => matchOf(wishOf(record), NEWEST_MAJOR));
  return matches.flatMap((match, i) => {
    if ("problems" in match) return [];
    const earlier = matches.findIndex((other) => !("problems" in other) && sameMatch(other, match));
    const same = `records[${i}] is the same record as records[${earlier}]`;
    return earlier === i ? [] : [bad(`/records/${i}`, `${same}: type, databases, users and address are equal`)];
  });
}

function argumentProblem(pointer: string, { field, message, hint }: WishProblem): ArgumentProblem {
  const isControl = message.startsWith("a line break");
  const problem = {
    code: isControl ? "CONTROL_CHARACTER" : "BAD_VALUE",
    message: `${field}: ${asText(message)}`,
  } as const;
  return {
    pointer: `${pointer}/${field}`,
    problem: { ...problem, ...(hint === undefined ? {} : { hint: asText(hint) }) },
  };
}

function bad(pointer: string, message: string, hint?: string): ArgumentProblem {
  return { pointer, problem: { code: "BAD_VALUE", message, ...(hint === undefined ? {} : { hint }) } };
}
