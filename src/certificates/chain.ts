import { X509Certificate } from "node:crypto";
import { csrPublicKey } from "./csr.ts";
import { keyKindOf } from "./key-kind.ts";
import { commonNameOf, nameDifferences } from "./names.ts";
import { lifetime } from "./renewal.ts";
import type { CertificateRequest } from "./request.ts";

/** The certificates of a PEM file, each as PEM ending in a newline; text around and between them is left out. */
export function splitPem(text: string): string[] {
  return (text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((one) => `${one}\n`);
}

/** The certificates of a PEM file, parsed; undefined where there is none or one can't be read. */
export function readPem(text: string): [X509Certificate, ...X509Certificate[]] | undefined {
  try {
    const [first, ...more] = splitPem(text).map((one) => new X509Certificate(one));
    return first === undefined ? undefined : [first, ...more];
  } catch {
    return undefined;
  }
}

/**
 * Why a client that trusts `roots` would not follow `chain` (leaf first, each signed by the next, as a server sends it), in words; none
 * where it would. The leaf's own dates are not looked at.
 */
export function chainProblems(
  [leaf, ...intermediates]: readonly [X509Certificate, ...X509Certificate[]],
  roots: readonly X509Certificate[],
  nowMs: number,
): string[] {
  let current = leaf;
  for (const next of intermediates) {
    if (rootOf(current, roots) !== undefined) break;
    if (!isSignedBy(current, next)) {
      const isThere = intermediates.some((other) => isSignedBy(current, other));
      return [
        isThere
          ? `the chain is out of order: ${named(next)} follows ${named(current)}, which ${issuerName(current)} signed`
          : `the chain is broken: ${named(next)} did not sign ${named(current)}, ${issuerName(current)} did`,
      ];
    }
    const problem = caProblem(next, nowMs);
    if (problem !== undefined) return [problem];
    current = next;
  }
  const root = rootOf(current, roots);
  if (root === undefined) {
    return [`the chain does not lead to a wanted root: ${issuerName(current)} is neither in the file nor such a root`];
  }
  const problem = caProblem(root, nowMs);
  return problem === undefined ? [] : [problem];
}

/**
 * What is wrong with a chain that a CA has just given, before anything is installed: in words, none where it is what was asked for and
 * clients that trust `roots` (PEM) will take it.
 */
export function checkIssuedChain(
  chainPem: string,
  asked: { csrPem: string; request: CertificateRequest; roots: string; nowMs: number },
): string[] {
  const chain = readPem(chainPem);
  if (chain === undefined) return ["the answer holds no certificate that can be read"];
  const [leaf] = chain;
  const publicKey = csrPublicKey(asked.csrPem);
  const problems: string[] = [];
  if (publicKey === undefined || !leaf.publicKey.equals(publicKey))
    problems.push("it is for another key than the request");
  problems.push(...nameDifferences(leaf, asked.request), ...usageProblems(leaf, asked.request));
  problems.push(...dateProblems(leaf, asked.nowMs));
  problems.push(...chainProblems(chain, readPem(asked.roots) ?? [], asked.nowMs));
  if (chain.some((cert) => isSignedBy(cert, cert)))
    problems.push("the chain holds a root, which servers must not send");
  return problems;
}

/** What `cert` can't be used for though `request` asks for it. */
export function usageProblems(cert: X509Certificate, request: CertificateRequest): string[] {
  const kind = keyKindOf(cert.publicKey);
  // Node calls the extended key usage `keyUsage`; without one the certificate is for every use (RFC 5280, 4.2.1.12).
  const usages: readonly string[] | undefined = cert.keyUsage;
  const isUsable =
    usages === undefined || usages.includes(USAGE_OIDS[request.purpose]) || usages.includes(ANY_USAGE_OID);
  return [
    ...(kind === request.key ? [] : [`its key is ${kind}, not ${request.key}`]),
    ...(isUsable ? [] : [`it is not for ${request.purpose}s (extended key usage)`]),
  ];
}

/** Whether `cert` is over or has not begun; `nowMs` by the clock of whoever uses it. */
export function dateProblems(cert: X509Certificate, nowMs: number): string[] {
  const [startMs, endMs] = lifetime(cert);
  if (nowMs < startMs) return [`it is not valid before ${new Date(startMs).toISOString()}`];
  return nowMs >= endMs ? [`it expired on ${new Date(endMs).toISOString()}`] : [];
}

const USAGE_OIDS = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;
const ANY_USAGE_OID = "2.5.29.37.0";

function rootOf(cert: X509Certificate, roots: readonly X509Certificate[]): X509Certificate | undefined {
  return roots.find((root) => isSignedBy(cert, root));
}

function isSignedBy(cert: X509Certificate, issuer: X509Certificate): boolean {
  return cert.checkIssued(issuer) && cert.verify(issuer.publicKey);
}

function caProblem(cert: X509Certificate, nowMs: number): string | undefined {
  if (!cert.ca) return `the chain is broken: ${named(cert)} is not a CA`;
  const [startMs, endMs] = lifetime(cert);
  if (nowMs < startMs) return `${named(cert)} in the chain is not valid before ${new Date(startMs).toISOString()}`;
  return nowMs >= endMs ? `${named(cert)} in the chain expired on ${new Date(endMs).toISOString()}` : undefined;
}

function named(cert: X509Certificate): string {
  return `"${commonNameOf(cert) ?? cert.subject?.replaceAll("\n", ", ") ?? "?"}"`;
}

function issuerName(cert: X509Certificate): string {
  return `"${/(?:^|\n)CN=(.*)$/.exec(cert.issuer)?.[1] ?? cert.issuer?.replaceAll("\n", ", ")}"`;
}
