import ipaddr from "ipaddr.js";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { ScalarNode } from "../document/node.ts";
import type { PlaceOf } from "./part.ts";

type HostNames = { names: readonly string[]; port: ScalarNode | undefined; problems: readonly Diagnostic[] };

/**
 * The hosts that one entry of an inventory stands for: `db1`, `db1:2222`, `db[01:40:2].example.com`, `[a:f]-[1:3]`, `2001:db8::5`,
 * `[2001:db8::5]:22`. No names where there are problems.
 */
export function readHostNames(text: string, placeOf: PlaceOf): HostNames {
  const { host, hostStart, port, portStart } = splitPort(text);
  const whole = placeOf(0, text.length);
  const wrong = badName(host, port);
  if (wrong !== undefined) return { names: [], port: undefined, problems: [{ ...wrong, at: whole }] };
  const expanded = expandRanges(host);
  if ("message" in expanded) {
    const { message, hint, start, end } = expanded;
    const at = placeOf(hostStart + start, hostStart + end);
    return { names: [], port: undefined, problems: [{ code: "BAD_RANGE", message, at, ...(hint && { hint }) }] };
  }
  const at = placeOf(portStart, text.length);
  return {
    names: expanded.names,
    port: port === undefined ? undefined : { kind: "scalar", value: Number(port), at },
    problems: [],
  };
}

/** Whether `text` is one address or host name, maybe with ranges and a port, so that its colons separate nothing. */
export function isHostAddress(text: string): boolean {
  const { host } = splitPort(text);
  return isIpv6(host) || HOST_NAME.test(host);
}

type Parts = { host: string; hostStart: number; port: string | undefined; portStart: number };

/** As Ansible's addresses.py: a port after an IPv6 address needs brackets around the address; a range is no port. */
function splitPort(text: string): Parts {
  const bracketed = /^\[([^\]]+)\](?::([0-9]+))?$/.exec(text);
  const inner = bracketed?.[1] ?? "";
  const withPort = /^((?:[^:[\]]|\[[^\]]*\])*):([0-9]+)$/.exec(text);
  if (bracketed !== null && (isIpv6(inner) || (bracketed[2] !== undefined && !inner.includes(":")))) {
    return { host: inner, hostStart: 1, port: bracketed[2], portStart: inner.length + 3 };
  }
  if (withPort === null) return { host: text, hostStart: 0, port: undefined, portStart: text.length };
  const host = withPort[1] ?? "";
  return { host, hostStart: 0, port: withPort[2], portStart: host.length + 1 };
}

function isIpv6(host: string): boolean {
  return host.includes(":") && ipaddr.IPv6.isValid(host.replace(/\[[^\]]*\]/g, "0"));
}

const RANGE = String.raw`\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`;
const LABEL = String.raw`(?:[\p{L}\p{N}_]|${RANGE})(?:[\p{L}\p{N}_-]|${RANGE})*(?<![_-])`;
const HOST_NAME = new RegExp(String.raw`^${LABEL}(?:\.${LABEL})*$`, "iu");

function badName(host: string, port: string | undefined): Pick<Diagnostic, "code" | "message" | "hint"> | undefined {
  const outsideRanges = host.replace(/\[[^\]]*(?:\]|$)/g, "");
  if (host === "") return { code: "BAD_VALUE", message: "no host name" };
  if (outsideRanges.includes(":") && !isIpv6(host)) {
    return {
      code: "BAD_VALUE",
      message: `"${host}" is neither an IPv6 address nor a host name with a port`,
      hint: "a port is a number after one colon, as in db1:2222 or [2001:db8::5]:2222",
    };
  }
  // A pattern could not name such a host.
  const odd = /[\s,*?]|^[!&~@]/.exec(outsideRanges);
  if (odd !== null) return { code: "BAD_VALUE", message: `a host name cannot hold "${odd[0]}"` };
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    return { code: "BAD_VALUE", message: `port ${port} is not a number from 1 to 65535` };
  }
  return undefined;
}

type RangeProblem = { message: string; hint?: string; start: number; end: number };

const MOST_NAMES = 65_536; // More is a slip of the finger, and would fill the memory before anybody sees it.

/** `db[1:3]` as db1, db2, db3; several ranges are combined, the last one counting fastest. */
function expandRanges(text: string): { names: readonly string[] } | RangeProblem {
  let names = [""];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("[", at);
    const literal = text.slice(at, open < 0 ? text.length : open);
    const stray = literal.indexOf("]");
    if (stray >= 0) return { message: 'a "]" without its "["', start: at + stray, end: at + stray + 1 };
    if (open < 0) return { names: names.map((name) => name + literal) };
    const close = text.indexOf("]", open);
    if (close < 0) return { message: 'a range without its closing "]"', start: open, end: text.length };
    const place = { start: open, end: close + 1 };
    const items = rangeItems(text.slice(open + 1, close), MOST_NAMES / names.length);
    if ("message" in items) return { ...items, ...place };
    names = names.flatMap((name) => items.values.map((value) => name + literal + value));
    at = close + 1;
  }
  return { names };
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"; // Python's string.ascii_letters

function rangeItems(range: string, atMost: number): { values: readonly string[] } | { message: string; hint?: string } {
  const bounds = range.split(":");
  const [begin = "", end = "", step = "1"] = bounds;
  if (bounds.length < 2 || bounds.length > 3) {
    return { message: `[${range}] is not a range, expected [begin:end] or [begin:end:step]` };
  }
  if (end === "") return { message: `range [${range}] has no end`, hint: "both ends belong to a range, as in [1:9]" };
  if (!/^[0-9]+$/.test(step) || Number(step) === 0) {
    return { message: `step "${step}" of range [${range}] is not a number above 0` };
  }
  // Fifteen digits are still exact in a double.
  const isNumeric = /^[0-9]{0,15}$/.test(begin) && /^[0-9]{1,15}$/.test(end);
  const isAlphabetic = /^[a-zA-Z]$/.test(begin) && /^[a-zA-Z]$/.test(end);
  if (!isNumeric && !isAlphabetic) {
    return { message: `range [${range}] goes neither from number to number nor from letter to letter` };
  }
  const first = isNumeric ? Number(begin) : LETTERS.indexOf(begin);
  const last = isNumeric ? Number(end) : LETTERS.indexOf(end);
  if (first > last) return { message: `range [${range}] begins after its end` };
  const isPadded = isNumeric && begin.length > 1 && begin.startsWith("0");
  if (isPadded && begin.length !== end.length) {
    return {
      message: `the ends of range [${range}] differ in length, expected equal numbers of digits after a leading zero`,
      hint: `write [${begin.padStart(end.length, "0")}:${end.padStart(begin.length, "0")}]`,
    };
  }
  const count = Math.floor((last - first) / Number(step)) + 1;
  if (count > atMost) return { message: `range [${range}] gives more than ${MOST_NAMES} hosts` };
  const values = Array.from({ length: count }, (_, i) => first + i * Number(step));
  if (isAlphabetic) return { values: values.map((value) => LETTERS.charAt(value)) };
  return { values: values.map((value) => String(value).padStart(isPadded ? begin.length : 0, "0")) };
}
