export type KeyKind = "ec-p256" | "ec-p384" | "rsa-2048" | "rsa-3072" | "rsa-4096" | "ed25519";

/** What a certificate shall be for. Names are exactly those that were asked; the common name is in no list by itself. */
export type CertificateRequest = {
  commonName: string;
  dns: readonly string[];
  ip: readonly string[];
  key: KeyKind;
  /** "server" or "client" decides the extended key usage (RFC 5280, 4.2.1.12). */
  purpose: "server" | "client";
  /** undefined leaves it to the CA. */
  lifetimeSeconds: number | undefined;
};
