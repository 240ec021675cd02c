import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { lstat, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { splitPem } from "../certificates/chain.ts";
import { keyKindOf } from "../certificates/key-kind.ts";
import type { CertificateRequest } from "../certificates/request.ts";
import { type Diagnostic, InputError } from "../diagnostics/diagnostic.ts";
import { type Issuer, issueCaCertificate, issueLeafCertificate } from "./issue.ts";
import { type Signer, SigningError } from "./signer.ts";
import { loadX509 } from "./x509.ts";

/** What a local CA is made of: four PEM files in one directory. `root.key` is needed only to make another intermediate. */
export const LOCAL_CA_FILES = {
  root: "root.crt",
  rootKey: "root.key",
  intermediate: "intermediate.crt",
  intermediateKey: "intermediate.key",
} as const;

/** How long a certificate of the local CA lives when the request doesn't say; never beyond the intermediate's own end. */
const DEFAULT_LIFETIME_SECONDS = 30 * 24 * 60 * 60;

/** Clocks of hosts run behind ours by a little, and a certificate from the future is refused. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/**
 * A new root and intermediate (EC P-256) in `directory`, which is made where it is missing. Throws `InputError` where one of the
 * files is there already: a CA is never overwritten.
 */
export async function initLocalCa(options: {
  directory: string;
  organization?: string;
  /** Encrypts both keys. */
  passphrase?: string;
  now: () => number;
  rootYears?: number;
  intermediateYears?: number;
}): Promise<void> {
  const { directory, organization, passphrase } = options;
  await refuseToOverwrite(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });

  const rootYears = options.rootYears ?? 10;
  const intermediateYears = Math.min(options.intermediateYears ?? 5, rootYears);
  const start = wholeSeconds(options.now() - CLOCK_SKEW_MS);
  const dates = (years: number) => ({ notBefore: new Date(start), notAfter: new Date(start + years * YEAR_MS) });
  const label = organization ?? "pgmtls";

  const rootKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const root = await issueCaCertificate(
    { commonName: `${label} root`, organization, publicKey: rootKeys.publicKey, pathLength: 1 },
    dates(rootYears),
    { certificatePem: undefined, key: rootKeys.privateKey },
  );
  const intermediateKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const intermediate = await issueCaCertificate(
    { commonName: `${label} intermediate`, organization, publicKey: intermediateKeys.publicKey, pathLength: 0 },
    dates(intermediateYears),
    { certificatePem: root, key: rootKeys.privateKey },
  );

  await writeNewFiles(directory, [
    [LOCAL_CA_FILES.rootKey, privateKeyPem(rootKeys.privateKey, passphrase), 0o600],
    [LOCAL_CA_FILES.intermediateKey, privateKeyPem(intermediateKeys.privateKey, passphrase), 0o600],
    [LOCAL_CA_FILES.root, root, 0o644],
    [LOCAL_CA_FILES.intermediate, intermediate, 0o644],
  ]);
}

/**
 * The CA in `directory` as a signer. Its files are read once, here. Throws `InputError` (CA_UNREADABLE) naming the file that is
 * missing, can't be read or doesn't belong to the others.
 */
export async function openLocalCa(options: {
  name: string;
  directory: string;
  passphrase?: string;
  now: () => number;
}): Promise<Signer> {
  const paths = {
    root: join(options.directory, LOCAL_CA_FILES.root),
    intermediate: join(options.directory, LOCAL_CA_FILES.intermediate),
    key: join(options.directory, LOCAL_CA_FILES.intermediateKey),
  };
  const roots = await readCertificates(paths.root);
  const [intermediate] = await readCertificates(paths.intermediate);
  const key = parseKey(paths.key, await readCaFile(paths.key), options.passphrase);

  if (!intermediate.publicKey.equals(createPublicKey(key))) {
    throw unreadable(`${paths.key} is not the key of ${paths.intermediate}`);
  }
  if (!roots.some((root) => intermediate.checkIssued(root) && intermediate.verify(root.publicKey))) {
    throw unreadable(`${paths.intermediate} is not signed by a root in ${paths.root}`);
  }
  return {
    name: options.name,
    roots: pem(roots),
    async sign(csrPem, request, signal) {
      signal.throwIfAborted();
      return { chainPem: await signRequest(csrPem, request, { intermediate, key, nowMs: options.now() }) };
    },
  };
}

async function refuseToOverwrite(directory: string): Promise<void> {
  const there: string[] = [];
  for (const name of Object.values(LOCAL_CA_FILES)) {
    const path = join(directory, name);
    if (await exists(path)) there.push(path);
  }
  if (there.length === 0) return;
  throw new InputError(
    there.map((path) => ({
      code: "BAD_ARGUMENT",
      message: `${path} exists already, a CA is not overwritten`,
      hint: "choose another directory, or move the old CA away",
    })),
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw new InputError([{ code: "FILE_UNREADABLE", message: `can't look at ${path}: ${(error as Error).message}` }]);
  }
}

function privateKeyPem(key: KeyObject, passphrase: string | undefined): string {
  const encrypted = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return key.export({ type: "pkcs8", format: "pem", ...encrypted }).toString();
}

/** Half a CA would keep the next try from starting: what was written goes when a later file fails. */
async function writeNewFiles(
  directory: string,
  files: readonly (readonly [name: string, text: string, mode: number])[],
) {
  const written: string[] = [];
  try {
    for (const [name, text, mode] of files) {
      const path = join(directory, name);
      // "wx": made by us with this mode, so that nobody else has the key file open already.
      const file = await open(path, "wx", mode);
      written.push(path);
      try {
        // The umask only takes away; a certificate is for everyone to read.
        await file.chmod(mode);
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    }
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  }
}

async function readCaFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw unreadable(
      missing ? `the CA's file ${path} is missing` : `the CA's file ${path} can't be read: ${(error as Error).message}`,
      missing ? "make a CA with: pgmtls ca init --dir DIRECTORY" : undefined,
    );
  }
}

async function readCertificates(path: string): Promise<[X509Certificate, ...X509Certificate[]]> {
  const text = await readCaFile(path);
  try {
    const [first, ...more] = splitPem(text).map((one) => new X509Certificate(one));
    if (first !== undefined) return [first, ...more];
  } catch (error) {
    throw unreadable(`${path} holds no certificate that can be read: ${(error as Error).message}`);
  }
  throw unreadable(`${path} holds no certificate in PEM form`);
}

function parseKey(path: string, text: string, passphrase: string | undefined): KeyObject {
  const isEncrypted = /ENCRYPTED/.test(text);
  if (isEncrypted && passphrase === undefined) {
    throw unreadable(`${path} is encrypted and no passphrase is given`, "name a file with it: passphrase_file");
  }
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // OpenSSL's words are left out: they say nothing to a person, and an error about a key should not quote it.
    throw unreadable(
      isEncrypted
        ? `${path} can't be decrypted with the passphrase that is given`
        : `${path} holds no private key in PEM form`,
    );
  }
}

function unreadable(message: string, hint?: string): InputError {
  const problem: Diagnostic = { code: "CA_UNREADABLE", message, ...(hint === undefined ? {} : { hint }) };
  return new InputError([problem]);
}

async function signRequest(
  csrPem: string,
  request: CertificateRequest,
  ca: { intermediate: X509Certificate; key: KeyObject; nowMs: number },
): Promise<string> {
  const publicKey = await provenPublicKey(csrPem, request);
  const caEnd = Date.parse(ca.intermediate.validTo);
  if (caEnd <= ca.nowMs)
    throw new SigningError(`the CA's intermediate certificate expired on ${ca.intermediate.validTo}`);

  const lifetimeMs = (request.lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS) * 1000;
  const notBefore = wholeSeconds(Math.max(ca.nowMs - CLOCK_SKEW_MS, Date.parse(ca.intermediate.validFrom)));
  const notAfter = Math.min(wholeSeconds(ca.nowMs + lifetimeMs), caEnd);
  const intermediatePem = pem([ca.intermediate]);
  const issuer: Issuer = { certificatePem: intermediatePem, key: ca.key };
  const dates = { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
  const leaf = await issueLeafCertificate(request, publicKey, dates, issuer);
  return leaf + intermediatePem;
}

/** The CSR's public key, once its signature shows that the sender has the private one and that it is of the kind that was asked. */
async function provenPublicKey(csrPem: string, request: CertificateRequest) {
  const x509 = await loadX509();
  const csr = await readCsr(csrPem);
  const kind = keyKindOf(createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: "der", type: "spki" }));
  if (kind !== request.key) throw new SigningError(`the request is for a key of kind ${kind}, expected ${request.key}`);
  if (!(await csr.verify())) throw new SigningError("the request's signature is not made by the key that it names");
  return csr.publicKey;

  async function readCsr(text: string) {
    try {
      return new x509.Pkcs10CertificateRequest(text);
    } catch (cause) {
      throw new SigningError("the host's certificate request can't be read", { cause });
    }
  }
}

function pem(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => `${certificate.toString().trim()}\n`).join("");
}

/** Dates in certificates have no fractions of a second. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
