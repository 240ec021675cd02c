import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initLocalCa, openLocalCa } from "../../src/ca/local-ca.ts";
import type { CertificateRequest, KeyKind } from "../../src/certificates/request.ts";

export const DAY_MS = 24 * 60 * 60 * 1000;
/** When the tests' CAs were made, and "now" for most of them. */
export const NOW_MS = Date.UTC(2026, 5, 1);

/** A real certificate with its request and the public half of its key. */
export type Issued = { chainPem: string; csrPem: string; publicKeyPem: string };
export type TestCa = {
  directory: string;
  roots: string;
  intermediate: string;
  issue(request: CertificateRequest, nowMs?: number): Promise<Issued>;
  remove(): void;
};

export async function makeTestCa(label: string): Promise<TestCa> {
  const directory = mkdtempSync(join(tmpdir(), "pgmtls-test-ca-"));
  await initLocalCa({ directory, organization: label, now: () => NOW_MS });
  const read = (name: string) => readFileSync(join(directory, name), "utf8");
  return {
    directory,
    roots: read("root.crt"),
    intermediate: read("intermediate.crt"),
    async issue(request, nowMs = NOW_MS) {
      const signer = await openLocalCa({ name: label, directory, now: () => nowMs });
      const { csrPem, publicKeyPem } = newKey(directory, request.key);
      const { chainPem } = await signer.sign(csrPem, request, new AbortController().signal);
      return { chainPem, csrPem, publicKeyPem };
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}

export const request = (over: Partial<CertificateRequest> = {}): CertificateRequest => ({
  commonName: "db1.example.net",
  dns: ["db1.example.net", "db1"],
  ip: ["10.0.0.1", "2001:db8::1"],
  key: "ec-p256",
  purpose: "server",
  lifetimeSeconds: 30 * 24 * 3600,
  ...over,
});

const GENPKEY: Readonly<Record<KeyKind, readonly string[]>> = {
  "ec-p256": ["EC", "ec_paramgen_curve:P-256"],
  "ec-p384": ["EC", "ec_paramgen_curve:P-384"],
  "rsa-2048": ["RSA", "rsa_keygen_bits:2048"],
  "rsa-3072": ["RSA", "rsa_keygen_bits:3072"],
  "rsa-4096": ["RSA", "rsa_keygen_bits:4096"],
  ed25519: ["ED25519"],
};

function newKey(directory: string, kind: KeyKind): Pick<Issued, "csrPem" | "publicKeyPem"> {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
  const [algorithm = "", ...options] = GENPKEY[kind];
  const key = join(directory, "tmp.key");
  openssl("genpkey", "-algorithm", algorithm, ...options.flatMap((o) => ["-pkeyopt", o]), "-out", key);
  return {
    csrPem: openssl("req", "-new", "-key", key, "-subj", "/CN=whoever"),
    publicKeyPem: openssl("pkey", "-in", key, "-pubout"),
  };
}
