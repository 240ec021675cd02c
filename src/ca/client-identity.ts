import { webcrypto } from "node:crypto";
import type { Signer } from "./signer.ts";
import { loadX509 } from "./x509.ts";

/**
 * A client certificate that lives as long as a proof needs it: key and request are made in memory, `signer` signs for an hour at most,
 * and nothing reaches a disk. Throws SigningError as the signer does.
 */
export async function makeClientIdentity(
  signer: Signer,
  commonName: string,
  signal: AbortSignal,
): Promise<{ certPem: string; keyPem: string }> {
  const x509 = await loadX509();
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    { name: [{ CN: [commonName] }], keys: keys as never, signingAlgorithm: algorithm },
    webcrypto as never,
  );
  const wanted = { commonName, dns: [], ip: [], key: "ec-p256", purpose: "client", lifetimeSeconds: 3600 } as const;
  const { chainPem } = await signer.sign(request.toString("pem"), wanted, signal);
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = pkcs8.match(/.{1,64}/g) ?? [];
  return {
    certPem: chainPem,
    keyPem: ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n"),
  };
}
