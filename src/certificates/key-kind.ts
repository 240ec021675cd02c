import type { KeyObject } from "node:crypto";
import type { KeyKind } from "./request.ts";

/** All kinds that a task can ask for. */
export const KEY_KINDS: readonly KeyKind[] = ["ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"];

/**
 * What kind of key `key` is: one of `KEY_KINDS`, or for any other a description of the same form ("ec-secp256k1", "rsa-1024",
 * "dsa"), so that it can be compared and shown all the same.
 */
export function keyKindOf(key: KeyObject): string {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case "ec":
      return `ec-${CURVES[details?.namedCurve ?? ""] ?? details?.namedCurve ?? "unknown"}`;
    case "rsa":
    case "rsa-pss":
      return `${key.asymmetricKeyType}-${details?.modulusLength ?? "unknown"}`;
    default:
      return key.asymmetricKeyType ?? key.type;
  }
}

// OpenSSL's names of the NIST curves are not the ones people write.
const CURVES: Readonly<Record<string, string>> = { prime256v1: "p256", secp384r1: "p384", secp521r1: "p521" };
