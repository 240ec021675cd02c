import type { CertificateRequest } from "../certificates/request.ts";

/**
 * Who signs. One interface for the local CA, step-ca, ACME and commands. `sign` gets the PKCS#10 request that the host made (PEM) and
 * the names that were asked; it gives the chain, leaf first, without the root, as PEM. Throws `SigningError` with what the CA said.
 */
export type Signer = {
  /** How plans and messages name it. */
  name: string;
  /** The roots that certificates of this CA lead to: PEM, ending in a newline. */
  roots: string;
  sign(csrPem: string, request: CertificateRequest, signal: AbortSignal): Promise<{ chainPem: string }>;
};

export class SigningError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SigningError";
  }
}
