import { createPublicKey } from "node:crypto";
import { chainProblems, dateProblems, readPem, usageProblems } from "./chain.ts";
import { nameDifferences } from "./names.ts";
import { isDue, type RenewBefore, whyDue } from "./renewal.ts";
import type { CertificateRequest } from "./request.ts";

/** What a host has of a pair, and what it shall have. */
export type PairInQuestion = {
  /** The certificate file's text; undefined = there is none. */
  certificatePem: string | undefined;
  /** The key file's public half as PEM; undefined = there is no key file. */
  publicKeyPem: string | "unreadable" | undefined;
  request: CertificateRequest;
  /** PEM. */
  roots: string;
  /** By the host's clock: it is the one that will judge the dates. */
  nowMs: number;
  renewBefore: RenewBefore;
};

/** Every reason to make a new key and certificate, in words; none where the pair can stay. */
export function reasonsToIssue(pair: PairInQuestion): string[] {
  const { certificatePem, publicKeyPem, request, nowMs, renewBefore } = pair;
  const keyReasons =
    publicKeyPem === undefined
      ? ["the key is missing"]
      : publicKeyPem === "unreadable"
        ? ["the key can't be read"]
        : [];
  if (certificatePem === undefined) return ["the certificate is missing", ...keyReasons];
  const chain = readPem(certificatePem);
  if (chain === undefined) return ["the certificate can't be read", ...keyReasons];

  const [leaf] = chain;
  if (keyReasons.length === 0 && !isPair(leaf.publicKey, publicKeyPem)) {
    keyReasons.push("certificate and key don't match");
  }
  const dates = dateProblems(leaf, nowMs);
  if (dates.length === 0 && isDue(leaf, nowMs, renewBefore)) dates.push(whyDue(leaf, nowMs, renewBefore));
  return [
    ...keyReasons,
    ...dates,
    ...nameDifferences(leaf, request),
    ...usageProblems(leaf, request),
    ...chainProblems(chain, readPem(pair.roots) ?? [], nowMs),
  ];
}

function isPair(certified: ReturnType<typeof createPublicKey>, publicKeyPem: string | undefined): boolean {
  try {
    return publicKeyPem !== undefined && certified.equals(createPublicKey(publicKeyPem));
  } catch {
    return false;
  }
}
