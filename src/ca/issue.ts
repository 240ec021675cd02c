import { type KeyObject, webcrypto } from "node:crypto";
import type { Extension, PublicKey, X509CertificateCreateParamsName } from "@peculiar/x509";
import type { CertificateRequest } from "../certificates/request.ts";
import { loadX509 } from "./x509.ts";

/** Who signs: the certificate (undefined = the new one signs itself) and its private key. */
export type Issuer = { certificatePem: string | undefined; key: KeyObject };
type Dates = { notBefore: Date; notAfter: Date };

/** A CA's certificate as PEM. `pathLength` is how many CAs may follow it; undefined = any number. */
export async function issueCaCertificate(
  wanted: {
    commonName: string;
    organization: string | undefined;
    publicKey: KeyObject;
    pathLength: number | undefined;
  },
  dates: Dates,
  issuer: Issuer,
): Promise<string> {
  const x509 = await loadX509();
  const flags = x509.KeyUsageFlags;
  const extensions = [
    new x509.BasicConstraintsExtension(true, wanted.pathLength, true),
    new x509.KeyUsagesExtension(flags.keyCertSign | flags.cRLSign, true),
  ];
  const name = [
    ...(wanted.organization === undefined ? [] : [{ O: [wanted.organization] }]),
    { CN: [wanted.commonName] },
  ];
  return await certify(name, spki(wanted.publicKey), extensions, dates, issuer);
}

/**
 * A server's or client's certificate as PEM, for exactly the names of `request`. Of the CSR only the public key is taken: the host
 * can't slip in a name or a usage that nobody asked for.
 */
export async function issueLeafCertificate(
  request: CertificateRequest,
  publicKey: PublicKey,
  dates: Dates,
  issuer: Issuer,
): Promise<string> {
  const x509 = await loadX509();
  const flags = x509.KeyUsageFlags;
  const names = [
    ...request.dns.map((value) => ({ type: "dns" as const, value })),
    ...request.ip.map((value) => ({ type: "ip" as const, value })),
  ];
  const usage = request.purpose === "server" ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  // Only RSA keys can transport a key; the bit on others is a defect that strict verifiers name (RFC 5480, 3; RFC 8410, 5).
  const bits = request.key.startsWith("rsa-") ? flags.digitalSignature | flags.keyEncipherment : flags.digitalSignature;
  const extensions = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(bits, true),
    new x509.ExtendedKeyUsageExtension([usage]),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
  ];
  return await certify([{ CN: [request.commonName] }], publicKey.rawData, extensions, dates, issuer);
}

async function certify(
  subject: X509CertificateCreateParamsName,
  publicKey: ArrayBuffer,
  extensions: Extension[],
  dates: Dates,
  issuer: Issuer,
): Promise<string> {
  const x509 = await loadX509();
  const parent = issuer.certificatePem === undefined ? undefined : new x509.X509Certificate(issuer.certificatePem);
  const subjectKeyId = await x509.SubjectKeyIdentifierExtension.create(new x509.PublicKey(publicKey));
  const parentKeyId = parent?.getExtension(x509.SubjectKeyIdentifierExtension);
  const authorityKeyId =
    parent === undefined
      ? new x509.AuthorityKeyIdentifierExtension(subjectKeyId.keyId)
      : parentKeyId === null || parentKeyId === undefined
        ? await x509.AuthorityKeyIdentifierExtension.create(parent.publicKey)
        : new x509.AuthorityKeyIdentifierExtension(parentKeyId.keyId);
  const made = await x509.X509CertificateGenerator.create({
    subject,
    issuer: parent?.subjectName ?? subject,
    publicKey,
    // Random 128 bits (x509's own default) need no counter on disk, which two operators would have to share.
    ...dates,
    extensions: [...extensions, subjectKeyId, authorityKeyId],
    ...(await signingKey(issuer.key)),
  });
  return `${made.toString("pem").trim()}\n`;
}

function spki(key: KeyObject): ArrayBuffer {
  return Uint8Array.from(key.export({ type: "spki", format: "der" })).buffer;
}

async function signingKey(key: KeyObject) {
  const algorithm = signingAlgorithm(key);
  const der = key.export({ type: "pkcs8", format: "der" });
  return {
    signingKey: await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]),
    signingAlgorithm: algorithm,
  };
}

/** A CA made elsewhere may have another kind of key than ours. */
function signingAlgorithm(key: KeyObject) {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  switch (key.asymmetricKeyType) {
    case "ec":
      if (curve === "secp384r1") return { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
      if (curve === "prime256v1") return { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
      throw new Error(`keys on the curve ${curve} can't sign here, expected P-256 or P-384`);
    case "rsa":
      return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    case "ed25519":
      return { name: "Ed25519" };
    default:
      throw new Error(`keys of type ${key.asymmetricKeyType} can't sign here, expected EC, RSA or Ed25519`);
  }
}
