import { formatIp, type HbaAddress, maskOfBits, parseIp } from "./hba-address.ts";
import { methodProblem, methodsOf, missingOption, optionProblem } from "./hba-methods.ts";
import type { HbaField, HbaToken } from "./hba-tokens.ts";
import { type HbaType, isHbaType } from "./hba-type.ts";
import { regexProblem } from "./regex.ts";

/** What a record says. A name is special (`all`, `replication`, `+role`, `@file`) only where it is not quoted. */
export type HbaRule = {
  type: HbaType;
  databases: readonly HbaName[];
  users: readonly HbaName[];
  /** undefined for `local`, and for no other. */
  address: HbaAddress | undefined;
  method: string;
  options: readonly HbaOption[];
};
export type HbaName = { text: string; quoted: boolean };
export type HbaOption = { name: string; value: string };

/** A rule and where it stands in the file. */
export type HbaRecord = Omit<HbaRule, "databases" | "users" | "options"> & {
  databases: readonly HbaToken[];
  users: readonly HbaToken[];
  options: readonly (HbaOption & { token: HbaToken })[];
  tokens: {
    type: HbaToken;
    /** One, or two with a mask of its own; none for `local`. */
    address: readonly HbaToken[];
    method: HbaToken;
    /** The last of the record: what is added goes behind it. */
    last: HbaToken;
  };
};

/** Why the server refuses a line. `silent`: pg_hba_file_rules shows a row of NULLs and only the log says why (POSTGRES.md 14). */
export type HbaFault = { reason: string; silent: boolean };

/** parse_hba_line of hba.c with every method built in. */
export function parseRecord(fields: readonly [HbaField, ...HbaField[]], major: number): HbaRecord | HbaFault {
  const rest = [...fields];
  const type = single(rest.shift(), "", "multiple values specified for connection type");
  if ("reason" in type) return type;
  if (!isHbaType(type.text)) return fault(`invalid connection type "${type.text}"`);

  const databases = rest.shift();
  if (databases === undefined) return fault("end-of-line before database specification");
  const badDatabase = firstBadRegex(databases, major);
  if (badDatabase !== undefined) return badDatabase;
  const users = rest.shift();
  if (users === undefined) return fault("end-of-line before role specification");
  const badUser = firstBadRegex(users, major);
  if (badUser !== undefined) return badUser;

  const address = type.text === "local" ? { address: undefined, tokens: [] } : parseAddress(rest);
  if ("reason" in address) return address;

  const method = single(
    rest.shift(),
    "end-of-line before authentication method",
    "multiple values specified for authentication type",
  );
  if ("reason" in method) return method;
  if (!methodsOf(major).includes(method.text)) return fault(`invalid authentication method "${method.text}"`);
  // For compatibility with old files the server itself reads `ident` on a local socket as `peer`.
  const effective = type.text === "local" && method.text === "ident" ? "peer" : method.text;
  const misplaced = methodProblem(effective, type.text);
  if (misplaced !== undefined) return fault(misplaced);

  const options = parseOptions(rest.flat(), { type: type.text, method: effective }, major);
  if ("reason" in options) return options;
  return {
    type: type.text,
    databases,
    users,
    address: address.address,
    method: effective,
    options,
    tokens: { type, address: address.tokens, method, last: options.at(-1)?.token ?? method },
  };
}

function fault(reason: string, silent = false): HbaFault {
  return { reason, silent };
}

function single(field: HbaField | undefined, none: string, several: string): HbaToken | HbaFault {
  if (field === undefined) return fault(none);
  return field.length > 1 ? fault(several) : field[0];
}

const REGEX_SINCE = 16;

function firstBadRegex(names: HbaField, major: number): HbaFault | undefined {
  if (major < REGEX_SINCE) return undefined;
  for (const { text } of names) {
    if (!text.startsWith("/")) continue;
    const problem = regexProblem(text.slice(1));
    if (problem !== undefined) return fault(`invalid regular expression "${text.slice(1)}": ${problem}`);
  }
  return undefined;
}

/** Takes the address, and the mask where it stands on its own, off `rest`. */
function parseAddress(rest: HbaField[]): { address: HbaAddress; tokens: HbaToken[] } | HbaFault {
  const token = single(
    rest.shift(),
    "end-of-line before IP address specification",
    "multiple values specified for host address",
  );
  if ("reason" in token) return token;
  const { text, quoted } = token;
  if (!quoted && (text === "all" || text === "samehost" || text === "samenet"))
    return { address: { kind: text }, tokens: [token] };

  const slash = text.indexOf("/");
  const ip = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (ip === undefined) {
    if (slash !== -1) return fault(`specifying both host name and CIDR mask is invalid: "${text}"`);
    return { address: { kind: text.startsWith(".") ? "suffix" : "hostname", name: text }, tokens: [token] };
  }
  if (slash !== -1) {
    const mask = maskOfBits(text.slice(slash + 1), ip.length);
    if (mask === undefined) return fault(`invalid CIDR mask in address "${text}"`);
    return { address: { kind: "network", ip, mask }, tokens: [token] };
  }
  const maskToken = single(
    rest.shift(),
    "end-of-line before netmask specification",
    "multiple values specified for netmask",
  );
  if ("reason" in maskToken) return maskToken;
  const mask = parseIp(maskToken.text);
  if (mask === undefined) return fault(`invalid IP mask "${maskToken.text}": Name or service not known`);
  if (mask.length !== ip.length) return fault("IP address and mask do not match");
  return { address: { kind: "network", ip, mask }, tokens: [token, maskToken] };
}

function parseOptions(
  tokens: readonly HbaToken[],
  record: { type: HbaType; method: string },
  major: number,
): HbaRecord["options"] | HbaFault {
  const options: (HbaOption & { token: HbaToken })[] = [];
  for (const token of tokens) {
    const equals = token.text.indexOf("=");
    if (equals === -1) return fault(`authentication option not in name=value format: ${token.text}`);
    const name = token.text.slice(0, equals);
    const value = token.text.slice(equals + 1);
    const problem = optionProblem(name, value, record, major);
    if (problem !== undefined) return fault(problem.message, problem.silent === true);
    options.push({ name, value, token });
  }
  const missing = missingOption(record.method, new Map(options.map(({ name, value }) => [name, value])));
  return missing === undefined ? options : fault(missing);
}

/** An address as pg_hba.conf spells it best: with its prefix length where the mask has one. */
export function formatAddress(address: HbaAddress): string {
  if (address.kind === "hostname" || address.kind === "suffix") return address.name;
  if (address.kind !== "network") return address.kind;
  const bits = prefixLength(address.mask);
  return bits === undefined ? `${formatIp(address.ip)} ${formatIp(address.mask)}` : `${formatIp(address.ip)}/${bits}`;
}

function prefixLength(mask: readonly number[]): number | undefined {
  const bits = mask.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined;
}
