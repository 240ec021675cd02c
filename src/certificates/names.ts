import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { CertificateRequest } from "./request.ts";

/** RFC 5280, appendix A.1, ub-common-name: openssl refuses a longer one. */
const LONGEST_COMMON_NAME = 64;

/** Every name of `commonName`, `dns` and `ip` once, in the order given, the common name first. */
export function namesOf(
  commonName: string,
  dns: readonly string[],
  ip: readonly string[],
): Pick<CertificateRequest, "commonName" | "dns" | "ip"> {
  const isIp = isAddress(commonName);
  return {
    commonName,
    dns: unique(isIp ? dns : [commonName, ...dns], comparableDns),
    ip: unique(isIp ? [commonName, ...ip] : ip, comparableIp),
  };
}

/** What is wrong with the names of a request, in words; none where all can stand in a certificate. */
export function nameProblems({ commonName, dns, ip }: Pick<CertificateRequest, "commonName" | "dns" | "ip">): string[] {
  return [
    ...(commonName.length > LONGEST_COMMON_NAME
      ? [`the common name "${commonName}" is longer than ${LONGEST_COMMON_NAME} characters`]
      : []),
    ...dns.filter((name) => !isDnsName(name)).map((name) => `"${name}" is not a DNS name`),
    ...ip.filter((address) => !isAddress(address)).map((address) => `"${address}" is not an IP address`),
  ];
}

/** What of the names in `cert` is not as `request` has it, in words; none where they are the same. */
export function nameDifferences(cert: X509Certificate, request: CertificateRequest): string[] {
  const commonName = commonNameOf(cert);
  const has = new Set(subjectAltNames(cert));
  const wants = new Set([
    ...request.dns.map((name) => `DNS ${comparableDns(name)}`),
    ...request.ip.map((address) => `IP ${comparableIp(address)}`),
  ]);
  const missing = [...wants].filter((name) => !has.has(name));
  const extra = [...has].filter((name) => !wants.has(name));
  return [
    ...(commonName === request.commonName
      ? []
      : [`its common name is ${commonName ?? "missing"}, not ${request.commonName}`]),
    ...(missing.length === 0 ? [] : [`it lacks the names ${missing.join(", ")}`]),
    ...(extra.length === 0 ? [] : [`it has names that are not wanted: ${extra.join(", ")}`]),
  ];
}

/** The subject alternative names in a form that can be compared: "DNS db1", "IP 10.0.0.1", "URI ...". */
function subjectAltNames(cert: X509Certificate): string[] {
  // Node puts a value in JSON quotes where it holds a character that could end it (CVE-2021-44532).
  const found = (cert.subjectAltName ?? "").matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found].map(([, kind = "", value = ""]) => {
    const plain = value.startsWith('"') ? String(JSON.parse(value)) : value;
    if (kind === "DNS") return `DNS ${comparableDns(plain)}`;
    if (kind === "IP Address") return `IP ${comparableIp(plain)}`;
    return `${kind} ${plain}`;
  });
}

/** The last common name of the subject; undefined where it has none. */
export function commonNameOf(cert: X509Certificate): string | undefined {
  // Node writes one attribute a line and escapes as RFC 2253.
  return /(?:^|\n|\+)CN=(.*)$/.exec(cert.subject)?.[1]?.replace(/\\(.)/g, "$1");
}

/** A zone ("fe80::1%eth0") means something on one machine only, and has no place in a certificate. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** Host names as they stand in certificates (RFC 5890, 2.3.1), a star as the whole first label; underscores do occur. */
function isDnsName(name: string): boolean {
  if (name.length > 253) return false;
  const labels = name.split(".");
  if (labels[0] === "*" && labels.length > 1) labels.shift();
  return labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
}

function comparableDns(name: string): string {
  return name.toLowerCase();
}

/** One address can be written in many ways. */
function comparableIp(address: string): string {
  return isIP(address) === 0 ? address : ipaddr.parse(address).toNormalizedString();
}

function unique(names: readonly string[], comparable: (name: string) => string): string[] {
  const seen = new Map<string, string>();
  for (const name of names) if (!seen.has(comparable(name))) seen.set(comparable(name), name);
  return [...seen.values()];
}
