import { createPublicKey, type KeyObject } from "node:crypto";

/**
 * The public key of a PKCS#10 request (RFC 2986, 4.1), which Node can't read: the third field of its first field, after the version
 * and the subject. undefined where the text is no such request.
 */
export function csrPublicKey(csrPem: string): KeyObject | undefined {
  const [, base64] = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]*)-----END/.exec(csrPem) ?? [];
  if (base64 === undefined) return undefined;
  try {
    const request = element(Buffer.from(base64, "base64"));
    const info = element(request.content);
    const version = element(info.content);
    const subject = element(version.rest);
    const publicKey = element(subject.rest);
    return createPublicKey({ key: publicKey.whole, format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}

/** The first DER element of `bytes` (X.690, 8.1), and what follows it. */
function element(bytes: Buffer): { whole: Buffer; content: Buffer; rest: Buffer } {
  const first = bytes.readUInt8(1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = 2 + lengthBytes;
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  if (start + length > bytes.length) throw new RangeError("the element is longer than its surroundings");
  return {
    whole: bytes.subarray(0, start + length),
    content: bytes.subarray(start, start + length),
    rest: bytes.subarray(start + length),
  };
}
