import { homedir } from "node:os";
import { resolve } from "node:path";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { Value } from "../document/node.ts";
import { isList, kindOf } from "../document/value.ts";
import type { Inventory, InventoryHost } from "./inventory.ts";
import { hostKeyCheckRefused, readSshOptions, type SshOptions } from "./ssh-options.ts";

/** How to reach a host, as its variables say; `undefined` leaves it to the caller's default. Paths are absolute. */
export type HostConnection = {
  address: string;
  port: number;
  user: string | undefined;
  identityFiles: string[];
  knownHostsFiles: string[] | undefined;
  connectTimeoutMs: number;
  become: BecomeWish;
  /** Whether keys of the agent are tried; not with `IdentitiesOnly=yes`. */
  agent: boolean;
};

/** Whether to become another user, and whom; undefined = not said here. */
export type BecomeWish = { on: boolean | undefined; user: string | undefined };

/** The value of a variable of the host, templates rendered. */
type GetVariable = (name: string) => Placed | undefined;
type Placed = { value: Value; at: Place };

/** What our own variables are called; any other name that begins with `pgmtls_` is a slip. */
const PGMTLS_VARIABLES = ["pgmtls_known_hosts_file", "pgmtls_connect_timeout", "pgmtls_state_dir"] as const;

const DEFAULT_CONNECT_TIMEOUT_SECONDS = 10; // as Ansible's `timeout`

/** Ansible's connection variables and ours. Where there are problems, their variables count as not set. */
export function connectionOf(
  host: InventoryHost,
  get: GetVariable,
  paths: { home: string; cwd: string } = { home: homedir(), cwd: process.cwd() },
): { connection: HostConnection; problems: readonly Diagnostic[] } {
  const read = reader(get);
  const problems = read.problems;
  refuseOtherConnections(read);
  refuseUnsafeHostKeys(read);
  const ssh: SshOptions = {};
  for (const name of ["ansible_ssh_common_args", "ansible_ssh_extra_args"]) {
    const text = read.text(name);
    if (text !== undefined) problems.push(...readSshOptions(text.value, name, text.at, ssh));
  }
  const absolute = (path: string) => resolve(paths.cwd, path.replace(/^~(?=\/|$)/, paths.home));
  const knownHosts = read.texts("pgmtls_known_hosts_file") ?? ssh.knownHostsFiles;
  const timeoutSeconds =
    read.seconds("pgmtls_connect_timeout") ??
    read.seconds("ansible_ssh_timeout") ??
    ssh.connectTimeoutSeconds ??
    DEFAULT_CONNECT_TIMEOUT_SECONDS;
  const keyFiles = read.texts("ansible_ssh_private_key_file") ?? read.texts("ansible_private_key_file") ?? [];
  const connection = {
    address: read.name("ansible_host") ?? read.name("ansible_ssh_host") ?? host.name,
    port: read.port("ansible_port") ?? read.port("ansible_ssh_port") ?? 22,
    user: read.name("ansible_user") ?? read.name("ansible_ssh_user"),
    identityFiles: keyFiles.map(absolute),
    knownHostsFiles: knownHosts?.map(absolute),
    connectTimeoutMs: Math.round(timeoutSeconds * 1000),
    become: becomeOf(read),
    agent: ssh.identitiesOnly !== true,
  };
  return { connection, problems };
}

/** Names that begin with `pgmtls_` and mean nothing, each place once however many hosts share it. */
export function unknownConnectionVariables(inventory: Inventory): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const { variables } of [...inventory.groups.values(), ...inventory.hosts.values()]) {
    for (const [name, { at }] of variables) {
      if (!name.startsWith("pgmtls_") || PGMTLS_VARIABLES.some((known) => known === name)) continue;
      const place = namePlace(name, at);
      const message = `unknown variable "${name}", expected one of ${PGMTLS_VARIABLES.join(", ")}`;
      const problem = { code: "UNKNOWN_KEY", message, at: place, ...didYouMean(name, PGMTLS_VARIABLES) } as const;
      found.set(`${place.file}:${place.line}:${place.col}`, problem);
    }
  }
  return [...found.values()];
}

/** A variable knows where its value is; its name mostly stands before it on the same line. */
function namePlace(name: string, value: Place): Place {
  const start = value.text.slice(0, value.col - 1).lastIndexOf(name);
  return start < 0 ? value : { ...value, col: start + 1, length: name.length };
}

type Reader = ReturnType<typeof reader>;

/** Typed reading: a value of the wrong type is a problem and counts as not set. */
function reader(get: GetVariable) {
  const problems: Diagnostic[] = [];
  const wrong = (name: string, { value, at }: Placed, expected: string): undefined => {
    const found = typeof value === "string" ? `"${value}"` : typeof value === "number" ? String(value) : kindOf(value);
    problems.push({ code: "WRONG_TYPE", message: `${name} is ${found}, expected ${expected}`, at });
  };
  const given = (name: string): Placed | undefined => {
    const found = get(name);
    return found === undefined || found.value === null ? undefined : found;
  };
  const text = (name: string): { value: string; at: Place } | undefined => {
    const found = given(name);
    if (found === undefined) return undefined;
    if (typeof found.value === "string") return { value: found.value, at: found.at };
    return wrong(name, found, "a string");
  };
  const numberIn = (name: string, min: number, max: number, expected: string): number | undefined => {
    const found = given(name);
    if (found === undefined) return undefined;
    // Templates always give text, so a number may come as its digits.
    const { value } = found;
    const isDigits = typeof value === "string" && /^[0-9]+(?:\.[0-9]+)?$/.test(value);
    const number = typeof value === "number" || isDigits ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : wrong(name, found, expected);
  };
  return {
    problems,
    text,
    given,
    /** A user or host: one word, that no option could be mistaken for. Digits alone may come as a number. */
    name(name: string): string | undefined {
      const found = given(name);
      if (found === undefined) return undefined;
      const word = typeof found.value === "number" ? String(found.value) : found.value;
      if (typeof word === "string" && /^[^\s\x00-\x1f-][^\s\x00-\x1f]*$/.test(word)) return word;
      return wrong(name, found, "one word");
    },
    texts(name: string): readonly string[] | undefined {
      const found = given(name);
      if (found === undefined) return undefined;
      const items = isList(found.value) ? found.value : [found.value];
      const isPaths = items.every((item): item is string => typeof item === "string" && item !== "");
      return isPaths ? items : wrong(name, found, "a path");
    },
    port(name: string): number | undefined {
      const expected = "a whole number from 1 to 65535";
      const found = numberIn(name, 1, 65_535, expected);
      const place = given(name);
      if (found === undefined || place === undefined || Number.isInteger(found)) return found;
      return wrong(name, place, expected);
    },
    seconds: (name: string) => numberIn(name, 0.001, 86_400, "a number of seconds above 0"),
    truth(name: string): boolean | undefined {
      const found = given(name);
      if (found === undefined) return undefined;
      const answer = TRUTHS.get(String(found.value).toLowerCase());
      return answer === undefined || isList(found.value) ? wrong(name, found, "true or false") : answer;
    },
  };
}

/** Ansible's module_utils/parsing/convert_bool.py. */
const TRUTHS = new Map<string, boolean>([
  ...["y", "yes", "on", "1", "1.0", "true", "t"].map((word) => [word, true] as const),
  ...["n", "no", "off", "0", "0.0", "false", "f"].map((word) => [word, false] as const),
]);

function becomeOf(read: Reader): BecomeWish {
  const method = read.text("ansible_become_method");
  if (method !== undefined && method.value !== "sudo") {
    const message = `ansible_become_method "${method.value}" is not supported yet, expected sudo`;
    read.problems.push({ code: "UNSUPPORTED", message, at: method.at });
  }
  return { on: read.truth("ansible_become"), user: read.name("ansible_become_user") };
}

function refuseOtherConnections(read: Reader): void {
  const kind = read.text("ansible_connection");
  if (kind === undefined || kind.value === "ssh" || kind.value === "smart") return;
  read.problems.push({
    code: "UNSUPPORTED",
    message: `ansible_connection "${kind.value}" is not supported, expected ssh`,
    at: kind.at,
    hint: "this machine itself is reached over SSH too: ansible_host: 127.0.0.1",
  });
}

function refuseUnsafeHostKeys(read: Reader): void {
  for (const name of ["ansible_host_key_checking", "ansible_ssh_host_key_checking"]) {
    const found = read.given(name);
    if (found === undefined || read.truth(name) !== false) continue;
    read.problems.push({ at: found.at, ...hostKeyCheckRefused(`${name}: false`) });
  }
}
