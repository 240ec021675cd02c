import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { groupHosts } from "./group-hosts.ts";
import { isHostAddress } from "./host-names.ts";
import type { Inventory } from "./inventory.ts";

/**
 * The hosts that a pattern of a play's `hosts` or of `--limit` names, each once, in Ansible's order (inventory/manager.py): first what is
 * named, then `&` keeps, then `!` takes away. Unlike there, a part that names nothing is a problem: a misspelt `!standby` would
 * otherwise be a play on the standby. A group without hosts is no problem, it gives none.
 */
export function selectHosts(
  inventory: Inventory,
  pattern: string | readonly string[],
  at?: Place,
): { hosts: readonly string[]; problems: readonly Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const parts = (typeof pattern === "string" ? [pattern] : pattern).flatMap(splitPattern);
  if (parts.length === 0) {
    const hint = 'to name every host, write "all"';
    problems.push({ code: "BAD_VALUE", message: "the pattern names no hosts", hint, ...(at && { at }) });
    return { hosts: [], problems };
  }
  const named = (part: string): ReadonlySet<string> => {
    const match = matchPart(inventory, part.replace(/^[&!]/, ""));
    if (!("code" in match)) return new Set(match.hosts);
    problems.push({ ...match, ...(at && { at: partPlace(at, part.replace(/^[&!]/, "")) }) });
    return new Set();
  };
  const plain = parts.filter((part) => !/^[&!]/.test(part));
  let hosts = (plain.length > 0 ? plain : ["all"]).flatMap((part) => [...named(part)]);
  for (const part of parts.filter((part) => part.startsWith("&"))) {
    const kept = named(part);
    hosts = hosts.filter((host) => kept.has(host));
  }
  for (const part of parts.filter((part) => part.startsWith("!"))) {
    const dropped = named(part);
    hosts = hosts.filter((host) => !dropped.has(host));
  }
  return problems.length > 0 ? { hosts: [], problems } : { hosts: [...new Set(hosts)], problems };
}

/** Commas separate, and where there is none, colons: but not those of an IPv6 address, of a port or between brackets. */
function splitPattern(pattern: string): readonly string[] {
  const parts = pattern.includes(",") || isHostAddress(pattern.trim()) ? pattern.split(",") : splitAtColons(pattern);
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

function splitAtColons(pattern: string): readonly string[] {
  // A bracket without its end stays in its part: without it, `db[0` would be all of db.
  return pattern.match(/(?:[^\s:[]|\[[^\]]*\]|\[)+/g) ?? [];
}

type Match = { hosts: readonly string[] } | Pick<Diagnostic, "code" | "message" | "hint">;

function matchPart(inventory: Inventory, part: string): Match {
  if (part.startsWith("@")) {
    const hint = "name the hosts, separated by commas";
    return { code: "UNSUPPORTED", message: `files of hosts (${part}) are not supported yet`, hint };
  }
  if (inventory.hosts.has(part)) return { hosts: [part] };
  const { name, subscript } = splitSubscript(part);
  const matcher = matcherOf(name);
  if (matcher === undefined) return { code: "BAD_VALUE", message: `"${name.slice(1)}" is not a regular expression` };
  const groups = [...inventory.groups.keys()].filter(matcher);
  const fromGroups = groups.flatMap((group) => groupHosts(inventory, group));
  // As Ansible: a plain word that is a group is never a host as well.
  const fromHosts = groups.length === 0 || /^~|[.?*[]/.test(name) ? [...inventory.hosts.keys()].filter(matcher) : [];
  const hosts = [...new Set([...fromGroups, ...fromHosts])];
  if (hosts.length === 0 && groups.length === 0) return unknown(inventory, name);
  return subscript === undefined ? { hosts } : pick(name, hosts, subscript);
}

function unknown(inventory: Inventory, name: string): Match {
  const near = didYouMean(name, [...inventory.hosts.keys(), ...inventory.groups.keys()]);
  const port = /^(.+):[0-9]+$/.exec(name)?.[1];
  const hint =
    port !== undefined && inventory.hosts.has(port) ? { hint: `a port is no part of a host's name: "${port}"` } : near;
  return { code: "UNKNOWN_HOST", message: `no host or group "${name}" in the inventory`, ...hint };
}

type Subscript = { text: string; index: number } | { text: string; from: number; to: number | undefined };

/** `db[0]`, `db[-1]`, `db[0:2]` (both ends count) and `db[1:]`; in a regular expression brackets are its own. */
function splitSubscript(part: string): { name: string; subscript: Subscript | undefined } {
  const found = part.startsWith("~") ? null : /^(.+)(\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\])$/.exec(part);
  if (found === null) return { name: part, subscript: undefined };
  const [, name = "", text = "", index, from, to = ""] = found;
  if (index !== undefined) return { name, subscript: { text, index: Number(index) } };
  return { name, subscript: { text, from: Number(from), to: to === "" ? undefined : Number(to) } };
}

function pick(name: string, hosts: readonly string[], subscript: Subscript): Match {
  if (!("index" in subscript)) {
    return { hosts: hosts.slice(subscript.from, subscript.to === undefined ? undefined : subscript.to + 1) };
  }
  const host = hosts.at(subscript.index);
  if (host !== undefined) return { hosts: [host] };
  const message = `"${name}" has ${hosts.length} hosts, so there is no ${name}${subscript.text}`;
  return { code: "UNKNOWN_HOST", message, hint: `the first is ${name}[0], the last ${name}[-1]` };
}

/** Undefined where a regular expression is none. */
function matcherOf(pattern: string): ((name: string) => boolean) | undefined {
  if (!pattern.startsWith("~")) {
    const glob = globExpression(pattern);
    return (name) => glob.test(name);
  }
  // What Python writes differently; as its `match`, from the beginning of the name but not to its end.
  const python = /^(\(\?i\))?(.*)$/s.exec(pattern.slice(1));
  const source = (python?.[2] ?? "").replaceAll("(?P<", "(?<").replaceAll("\\Z", "$").replaceAll("\\A", "^");
  try {
    const expression = new RegExp(`^(?:${source})`, python?.[1] === undefined ? "" : "i");
    return (name) => expression.test(name);
  } catch {
    return undefined;
  }
}

/** Python's fnmatch: `*` also matches dots and slashes, a bracket without its end is a character. */
function globExpression(glob: string): RegExp {
  const source = glob.replace(
    /\*+|\?|\[(!?)(\]?[^\]]+|\])\]|[^*?]/gsu,
    (token, not: string | undefined, set: string) => {
      if (token.startsWith("*")) return ".*";
      if (token === "?") return ".";
      if (not === undefined) return token.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
      return `[${not === "!" ? "^" : ""}${set.replace(/[\\[\]^]/g, "\\$&")}]`;
    },
  );
  try {
    return new RegExp(`^(?:${source})$`, "su");
  } catch {
    return /(?!)/; // A set that goes backwards, as in [z-a], matches nothing.
  }
}

/** Where `part` stands within the pattern at `at`; the whole pattern where it is not written out there. */
function partPlace(at: Place, part: string): Place {
  const start = at.text.slice(0, at.col - 1 + at.length).indexOf(part, at.col - 1);
  return start < 0 ? at : { ...at, col: start + 1, length: part.length };
}
