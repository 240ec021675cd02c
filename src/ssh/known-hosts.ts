import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";

/** One line of a known_hosts file that counts for a host. `type` is the key's ("ssh-ed25519"), `blob` the key as the protocol has it. */
export type KnownKey = { file: string; line: number; type: string; blob: Buffer; isRevoked: boolean };

/** What known_hosts files say of one host. */
export type KnownHost = {
  keys: readonly KnownKey[];
  /** Keys of the same name without its port. They can vouch for a host on another port, but never against it. */
  keysOfPort22: readonly KnownKey[];
};

export type Verdict =
  | { verdict: "known" }
  | { verdict: "unknown" }
  /** `instead` is the line that has another key for the host, preferably one of the same type. */
  | { verdict: "changed"; instead: KnownKey }
  | { verdict: "revoked"; by: KnownKey };

/** What `files` say of a host, in their order; a missing file is empty. Fails with the error of the file system. */
export async function readKnownHost(files: readonly string[], address: string, port: number): Promise<KnownHost> {
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await readIfThere(file) })));
  const keysOf = (name: string) => texts.flatMap(({ file, text }) => keysFor(text, name, file));
  const name = knownHostsName(address, port);
  const plain = knownHostsName(address, 22);
  return { keys: keysOf(name), keysOfPort22: name === plain ? [] : keysOf(plain) };
}

/** How known_hosts names a host: `[address]:port` unless the port is 22. */
export function knownHostsName(address: string, port: number): string {
  const name = address.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** The keys that the lines of `text` have for the host that is named `name`, as ssh(1) reads them (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export function keysFor(text: string, name: string, file: string): KnownKey[] {
  const found: KnownKey[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const read = readLine(line);
    if (read === undefined || !namesMatch(read.names, name)) continue;
    const blob = Buffer.from(read.key, "base64");
    // A line whose key isn't of the type it claims is damaged; ssh passes it over as well.
    if (keyType(blob) !== read.type) continue;
    found.push({ file, line: index + 1, type: read.type, blob, isRevoked: read.marker === "@revoked" });
  }
  return found;
}

/** Whether the key that a server presents is the host's. A host of which only keys of other types are known counts as changed. */
export function judgeHostKey(host: KnownHost, blob: Buffer): Verdict {
  const revoked = [...host.keys, ...host.keysOfPort22].find((key) => key.isRevoked && key.blob.equals(blob));
  if (revoked !== undefined) return { verdict: "revoked", by: revoked };
  const known = host.keys.filter((key) => !key.isRevoked);
  if (known.some((key) => key.blob.equals(blob))) return { verdict: "known" };
  const [first] = known;
  if (first !== undefined) {
    return { verdict: "changed", instead: known.find((key) => key.type === keyType(blob)) ?? first };
  }
  return host.keysOfPort22.some((key) => key.blob.equals(blob)) ? { verdict: "known" } : { verdict: "unknown" };
}

/**
 * The algorithms to offer for the host's key: those whose keys are known come first, so that a host known by its ed25519 key isn't
 * asked for another one. The rest stays on offer: refusing a changed host by its key says more than a failed negotiation.
 */
export function hostKeyAlgorithms(host: KnownHost): HostKeyAlgorithm[] {
  const known = [...host.keys, ...host.keysOfPort22].filter((key) => !key.isRevoked).map((key) => key.type);
  const isKnown = (algorithm: HostKeyAlgorithm) => known.includes(KEY_TYPE_OF[algorithm]);
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((algorithm) => !isKnown(algorithm))];
}

/** As `ssh-keygen -l` shows it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** The type that a key says it has: the first string of its blob (RFC 4253, 6.6); empty where there is none. */
export function keyType(blob: Buffer): string {
  if (blob.length < 4) return "";
  return blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
}

type HostKeyAlgorithm = keyof typeof KEY_TYPE_OF;

const KEY_TYPE_OF = {
  "ssh-ed25519": "ssh-ed25519",
  "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
  "rsa-sha2-512": "ssh-rsa",
  "rsa-sha2-256": "ssh-rsa",
} as const;
const ALGORITHMS = Object.keys(KEY_TYPE_OF) as HostKeyAlgorithm[];

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function readLine(line: string): { marker: string | undefined; names: string; type: string; key: string } | undefined {
  const fields = line.split(/[ \t\r]+/).filter((field) => field !== "");
  const marker = fields[0]?.startsWith("@") ? fields.shift() : undefined;
  // A certificate authority's key is no host's key; host certificates are a later release's.
  if (marker !== undefined && marker !== "@revoked") return undefined;
  const [names, type, key] = fields;
  if (names === undefined || names.startsWith("#") || type === undefined || key === undefined) return undefined;
  return { marker, names, type, key };
}

function namesMatch(names: string, name: string): boolean {
  if (names.startsWith("|")) return isHashOf(names, name);
  let isNamed = false;
  for (const pattern of names.toLowerCase().split(",")) {
    if (pattern.startsWith("!")) {
      // One negated match outweighs all others on the line.
      if (isGlobMatch(pattern.slice(1), name)) return false;
    } else if (isGlobMatch(pattern, name)) {
      isNamed = true;
    }
  }
  return isNamed;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name (ssh_config(5), HashKnownHosts). */
function isHashOf(hashed: string, name: string): boolean {
  const [, magic, salt, hash] = hashed.split("|");
  if (magic !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest().equals(Buffer.from(hash, "base64"));
}

/** `*` any characters, `?` one; everything else, brackets too, stands for itself. */
function isGlobMatch(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === name;
  const source = pattern
    .replace(/\*+/g, "*")
    .replace(/[^a-z0-9]/g, (c) => (c === "*" ? ".*" : c === "?" ? "." : `\\u{${c.codePointAt(0)?.toString(16)}}`));
  return new RegExp(`^${source}$`, "su").test(name);
}
