import { contains } from "./hba-address.ts";
import { type HbaFile, type HbaLine, nameKey, recordLines } from "./hba-file.ts";
import type { HbaName, HbaRule } from "./hba-record.ts";
import type { HbaType } from "./hba-type.ts";

/** The first record before `line` that matches every connection that `line` could match, which so is never met. */
export function shadowOf(
  file: HbaFile,
  line: HbaLine & { kind: "record" },
): (HbaLine & { kind: "record" }) | undefined {
  for (const earlier of recordLines(file)) {
    if (earlier.offset >= line.offset) return undefined;
    if (covers(earlier.record, line.record)) return earlier;
  }
  return undefined;
}

/** Whether each connection that `inner` matches is matched by `outer`; false where only the server could tell (regex, `@file`, DNS). */
export function covers(outer: HbaRule, inner: HbaRule): boolean {
  return (
    WIRES[inner.type].every((wire) => WIRES[outer.type].includes(wire)) &&
    inner.databases.every((name) => databaseCovered(outer.databases, name)) &&
    inner.users.every((name) => userCovered(outer.users, name)) &&
    (outer.address === undefined || (inner.address !== undefined && contains(outer.address, inner.address)))
  );
}

/** Whether the record takes connections that are not encrypted over a network. */
export function takesPlainText(type: HbaType): boolean {
  return WIRES[type].includes("plain");
}

/** `replication` in the database column: physical replication matches nothing else, not even `all` (POSTGRES.md 13). */
export function isReplication({ databases }: Pick<HbaRule, "databases">): boolean {
  return databases.some(isReplicationKeyword);
}

/** How a connection comes in. */
type Wire = "socket" | "plain" | "ssl" | "gss";

const WIRES: Readonly<Record<HbaType, readonly Wire[]>> = {
  local: ["socket"],
  host: ["plain", "ssl", "gss"],
  hostssl: ["ssl"],
  hostnossl: ["plain", "gss"],
  hostgssenc: ["gss"],
  hostnogssenc: ["plain", "ssl"],
};

function databaseCovered(outer: readonly HbaName[], inner: HbaName): boolean {
  if (isReplicationKeyword(inner)) return outer.some(isReplicationKeyword);
  return outer.some((name) => isAll(name) || nameKey(name) === nameKey(inner));
}

function userCovered(outer: readonly HbaName[], inner: HbaName): boolean {
  return outer.some((name) => isAll(name) || nameKey(name) === nameKey(inner));
}

function isAll({ text, quoted }: HbaName): boolean {
  return text === "all" && !quoted;
}

function isReplicationKeyword({ text, quoted }: HbaName): boolean {
  return text === "replication" && !quoted;
}
