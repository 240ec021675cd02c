import { didYouMean } from "../diagnostics/suggest.ts";
import { type HbaAddress, maskOfBits, parseIp } from "./hba-address.ts";
import type { HbaMatch } from "./hba-file.ts";
import { methodProblem, methodsOf, missingOption, optionProblem } from "./hba-methods.ts";
import type { HbaName, HbaRule } from "./hba-record.ts";
import { HBA_TYPES, isHbaType } from "./hba-type.ts";
import { readName } from "./hba-write.ts";
import { regexProblem } from "./regex.ts";

/** A record as people ask for it, one character a byte. `method` may be absent where a record shall only be found. */
export type RecordWish = {
  type: string;
  databases: readonly string[];
  users: readonly string[];
  address?: string;
  method?: string;
  options: Readonly<Record<string, string>>;
};

/** What is wrong with a wish, and in which of its fields. */
export type WishProblem = { field: keyof RecordWish; message: string; hint?: string };

/** The rule that `wish` describes, for PostgreSQL `major`; or everything that is wrong with it. */
export function ruleOf(wish: RecordWish, major: number): { rule: HbaRule } | { problems: WishProblem[] } {
  const match = matchOf(wish, major);
  const problems = "problems" in match ? match.problems : [];
  if (wish.method === undefined)
    return { problems: [...problems, { field: "method", message: "a record needs a method" }] };
  const options = Object.entries(wish.options).map(([name, value]) => ({ name, value }));
  const type = isHbaType(wish.type) ? wish.type : "host";
  // Asking for `ident` on a socket is asking for `peer`: the server reads it so.
  const method = type === "local" && wish.method === "ident" ? "peer" : wish.method;
  problems.push(...methodProblems(method, type, major));
  if (problems.length === 0) problems.push(...optionProblems(options, { type, method }, major));
  if (problems.length > 0 || "problems" in match) return { problems };
  return { rule: { ...match, method, options } };
}

/** As ruleOf, without method and options. */
export function matchOf(wish: RecordWish, major: number): HbaMatch | { problems: WishProblem[] } {
  const problems = controlCharacters(wish);
  if (problems.length > 0) return { problems };
  const { type } = wish;
  if (!isHbaType(type))
    return {
      problems: [
        {
          field: "type",
          message: `unknown record type "${type}", expected ${HBA_TYPES.slice(0, -1).join(", ")} or ${HBA_TYPES.at(-1)}`,
          ...didYouMean(type, HBA_TYPES),
        },
      ],
    };
  const databases = namesOf("databases", wish.databases, major, problems);
  const users = namesOf("users", wish.users, major, problems);
  const address = wishedAddress(wish, type === "local", problems);
  return problems.length > 0 ? { problems } : { type, databases, users, address };
}

/** An address as pg_hba.conf takes it (`10.0.0.0 255.0.0.0` for one with a mask of its own), or what is wrong with it. */
export function addressOf(text: string): HbaAddress | { message: string; hint?: string } {
  if (text === "all" || text === "samehost" || text === "samenet") return { kind: text };
  const [host = "", spelledMask] = text.trim().split(/[ \t]+/, 2);
  const slash = host.indexOf("/");
  const ip = parseIp(slash === -1 ? host : host.slice(0, slash));
  if (ip === undefined) return nameAddress(host, slash !== -1 || spelledMask !== undefined);
  if (slash === -1 && spelledMask === undefined)
    return {
      message: `address "${host}" has no mask`,
      hint: `for that one address write ${host}/${ip.length * 8}`,
    };
  const mask = slash === -1 ? parseIp(spelledMask ?? "") : maskOfBits(host.slice(slash + 1), ip.length);
  if (mask === undefined || mask.length !== ip.length)
    return {
      message: `mask of address "${text}" fits no IPv${ip.length === 4 ? 4 : 6} address`,
      hint: "write it as 10.0.0.0/8 or fd00::/8",
    };
  return { kind: "network", ip, mask };
}

const KEYWORDS = new Set(["all", "samehost", "samenet", "sameuser", "samerole", "samegroup", "replication"]);
const CONTROL = /[\0\r\n]/;

function controlCharacters(wish: RecordWish): WishProblem[] {
  const fields: [WishProblem["field"], readonly string[]][] = [
    ["type", [wish.type]],
    ["databases", wish.databases],
    ["users", wish.users],
    ["address", [wish.address ?? ""]],
    ["method", [wish.method ?? ""]],
    ["options", Object.entries(wish.options).flat()],
  ];
  return fields
    .filter(([, values]) => values.some((value) => CONTROL.test(value)))
    .map(([field]) => ({ field, message: "a line break or NUL character would begin a record of its own" }));
}

function namesOf(
  field: "databases" | "users",
  texts: readonly string[],
  major: number,
  problems: WishProblem[],
): readonly HbaName[] {
  if (texts.length === 0) problems.push({ field, message: `a record needs ${field}` });
  return texts.map((text) => {
    const name = readName(text);
    if (name.text === "") problems.push({ field, message: "an empty name matches nobody" });
    const keyword = text.toLowerCase();
    if (keyword !== text && KEYWORDS.has(keyword))
      problems.push({
        field,
        message: `"${text}" is a plain name to PostgreSQL, keywords are in lower case`,
        hint: `write ${keyword}, or '"${text}"' where that very name is meant`,
      });
    if (name.text.startsWith("/")) problems.push(...regexProblems(field, name.text.slice(1), major));
    return name;
  });
}

const REGEX_SINCE = 16;

function regexProblems(field: "databases" | "users", source: string, major: number): WishProblem[] {
  if (major < REGEX_SINCE)
    return [
      { field, message: `PostgreSQL ${major} takes "/${source}" for a plain name, regular expressions came with 16` },
    ];
  const problem = regexProblem(source);
  return problem === undefined ? [] : [{ field, message: `regular expression "${source}": ${problem}` }];
}

function wishedAddress(wish: RecordWish, isLocal: boolean, problems: WishProblem[]): HbaAddress | undefined {
  if (isLocal) {
    if (wish.address !== undefined)
      problems.push({
        field: "address",
        message: `a local record has no address, found "${wish.address}"`,
        hint: "for connections over the network use host or hostssl",
      });
    return undefined;
  }
  if (wish.address === undefined) {
    problems.push({
      field: "address",
      message: `a ${wish.type} record needs an address`,
      hint: "all is every address",
    });
    return undefined;
  }
  const address = addressOf(wish.address);
  if ("kind" in address) return address;
  problems.push({ field: "address", ...address });
  return undefined;
}

function nameAddress(name: string, hasMask: boolean): HbaAddress | { message: string; hint?: string } {
  if (/^[\d./]+$/.test(name) || name.includes(":")) return { message: `"${name}" is no IP address` };
  if (hasMask) return { message: `host name "${name}" has a mask`, hint: "a mask goes with an IP address only" };
  if (KEYWORDS.has(name.toLowerCase()))
    return { message: `"${name}" is a host name to PostgreSQL`, hint: `write ${name.toLowerCase()}` };
  if (!/^\.?[A-Za-z0-9_\x80-\xff](?:[A-Za-z0-9_.\x80-\xff-]*)$/.test(name))
    return { message: `"${name}" is no host name` };
  return { kind: name.startsWith(".") ? "suffix" : "hostname", name };
}

function methodProblems(method: string, type: HbaRule["type"], major: number): WishProblem[] {
  if (!methodsOf(major).includes(method))
    return [
      {
        field: "method",
        message: `PostgreSQL ${major} has no authentication method "${method}"`,
        ...didYouMean(method, methodsOf(major)),
      },
    ];
  const problem = methodProblem(method, type);
  return problem === undefined ? [] : [{ field: "method", message: problem }];
}

function optionProblems(
  options: HbaRule["options"],
  record: Pick<HbaRule, "type" | "method">,
  major: number,
): WishProblem[] {
  const problems = options.flatMap(({ name, value }) => optionProblem(name, value, record, major) ?? []);
  if (problems.length > 0)
    return problems.map(({ message }) => ({
      field: "options",
      message,
      ...(message.startsWith("invalid value for clientcert") ? { hint: "verify-ca or verify-full" } : {}),
    }));
  const missing = missingOption(record.method, new Map(options.map(({ name, value }) => [name, value])));
  return missing === undefined ? [] : [{ field: "options", message: missing }];
}
