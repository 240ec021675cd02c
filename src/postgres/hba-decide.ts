import { contains, type HbaAddress, parseIp } from "./hba-address.ts";
import type { HbaFile, HbaLine } from "./hba-file.ts";
import type { HbaName, HbaRecord, HbaRule } from "./hba-record.ts";
import type { HbaType } from "./hba-type.ts";

/** One connection as pg_hba.conf looks at it. `address` is numeric and undefined for the Unix socket. */
export type HbaConnection = {
  wire: "socket" | "plain" | "ssl" | "gss";
  address: string | undefined;
  user: string;
  database: string;
  replication: boolean;
};

export type HbaDecision =
  | { decision: "record"; line: HbaLine & { kind: "record" } }
  | { decision: "no-record" }
  /** Only the server can tell: DNS, `samenet`, group membership, regular expressions, `@file` or an include come first. */
  | { decision: "unknown"; line: HbaLine };

/**
 * The first record that matches decides; there is no fall-through, and no match is a refusal
 * (https://www.postgresql.org/docs/current/auth-pg-hba-conf.html). What can't be known here is `unknown`, never a guess.
 */
export function decide(file: HbaFile, connection: HbaConnection): HbaDecision {
  for (const line of file.lines) {
    if (line.kind === "include") return { decision: "unknown", line };
    if (line.kind !== "record") continue;
    const matches = recordMatches(line.record, connection, file.major);
    if (matches === "yes") return { decision: "record", line };
    if (matches === "unknown") return { decision: "unknown", line };
  }
  return { decision: "no-record" };
}

/** Whether a client has to show a certificate to get past `record`. */
export function asksForCertificate({ method, options }: HbaRule): boolean {
  const value = options.findLast(({ name }) => name === "clientcert")?.value;
  return method === "cert" || value === "verify-ca" || value === "verify-full" || value === "1";
}

type Answer = "yes" | "no" | "unknown";

const TYPES_OF_WIRE: Readonly<Record<HbaConnection["wire"], readonly HbaType[]>> = {
  socket: ["local"],
  plain: ["host", "hostnossl", "hostnogssenc"],
  ssl: ["host", "hostssl", "hostnogssenc"],
  gss: ["host", "hostnossl", "hostgssenc"],
};

function recordMatches(record: HbaRecord, connection: HbaConnection, major: number): Answer {
  if (!TYPES_OF_WIRE[connection.wire].includes(record.type)) return "no";
  return all([
    addressMatches(record.address, connection.address),
    any(record.databases.map((name) => databaseMatches(name, connection, major))),
    any(record.users.map((name) => userMatches(name, connection, major))),
  ]);
}

function addressMatches(record: HbaAddress | undefined, address: string | undefined): Answer {
  if (record === undefined || record.kind === "all") return "yes";
  if (record.kind !== "network") return "unknown";
  const ip = address === undefined ? undefined : parseIp(address);
  if (ip === undefined) return "unknown";
  return contains(record, { kind: "network", ip, mask: ip.map(() => 255) }) ? "yes" : "no";
}

function databaseMatches(name: HbaName, { database, user, replication }: HbaConnection, major: number): Answer {
  if (replication) return !name.quoted && name.text === "replication" ? "yes" : "no";
  if (!name.quoted) {
    if (name.text === "all") return "yes";
    if (name.text === "sameuser") return database === user ? "yes" : "no";
    if (name.text === "samerole" || name.text === "samegroup") return database === user ? "yes" : "unknown";
    if (name.text === "replication") return "no";
    if (name.text.startsWith("@")) return "unknown";
  }
  return nameMatches(name, database, major);
}

function userMatches(name: HbaName, { user }: HbaConnection, major: number): Answer {
  if (!name.quoted) {
    if (name.text === "all") return "yes";
    if (name.text.startsWith("+")) return name.text.slice(1) === user ? "yes" : "unknown";
    if (name.text.startsWith("@")) return "unknown";
  }
  return nameMatches(name, user, major);
}

const REGEX_SINCE = 16;

function nameMatches({ text }: HbaName, wanted: string, major: number): Answer {
  if (major >= REGEX_SINCE && text.startsWith("/")) return "unknown";
  return text === wanted ? "yes" : "no";
}

function all(answers: readonly Answer[]): Answer {
  return answers.includes("no") ? "no" : answers.includes("unknown") ? "unknown" : "yes";
}

function any(answers: readonly Answer[]): Answer {
  return answers.includes("yes") ? "yes" : answers.includes("unknown") ? "unknown" : "no";
}
