import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import ssh2 from "ssh2";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";

/** A private key that was read and can be used. */
export type Identity = { path: string; privateKey: string };

/** A key that is there and needs a passphrase, which only an agent can give. */
type LockedIdentity = { path: string; needsPassphrase: true };

/** The private key in `path`; a locked one is told apart from a bad one. The key's text is in no message. */
export async function readIdentity(path: string): Promise<Identity | LockedIdentity | Diagnostic> {
  let text: string;
  let openMode: string | undefined;
  try {
    const { mode, uid } = await stat(path);
    // As ssh(1): a key that others can read is not used. Others' files (a mounted secret) are theirs to keep.
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) openMode = `0${(mode & 0o777).toString(8)}`;
    text = await readFile(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return {
      code: "SSH_KEY_UNREADABLE",
      message: missing
        ? `the private key ${path} is missing`
        : `the private key ${path} can't be read: ${(error as Error).message}`,
    };
  }
  const parsed = ssh2.utils.parseKey(text);
  const isLocked = parsed instanceof Error && /encrypted|passphrase/i.test(parsed.message);
  if (parsed instanceof Error && !isLocked) {
    return {
      code: "SSH_KEY_UNREADABLE",
      message: `${path} holds no private key that can be read`,
      hint: "expected a key as ssh-keygen makes it: OpenSSH or PEM form; Ed25519, ECDSA or RSA",
    };
  }
  if (!(parsed instanceof Error) && !parsed.isPrivateKey()) {
    return {
      code: "SSH_KEY_UNREADABLE",
      message: `${path} holds a public key, expected a private one`,
      hint: `usually the name without .pub: ${path.replace(/\.pub$/, "")}`,
    };
  }
  if (openMode !== undefined) {
    return {
      code: "SSH_KEY_UNREADABLE",
      message: `the private key ${path} can be read by others (mode ${openMode}), so it is not used`,
      hint: `chmod 0600 ${path}`,
    };
  }
  if (isLocked) return { path, needsPassphrase: true };
  return { path, privateKey: text };
}

/** The keys that ssh(1) tries unasked and that can be used; others (missing, locked) are passed over. */
export async function defaultIdentities(home: string): Promise<Identity[]> {
  const found: Identity[] = [];
  for (const name of ["id_ed25519", "id_ecdsa", "id_rsa"]) {
    const read = await readIdentity(join(home, ".ssh", name));
    if ("privateKey" in read) found.push(read);
  }
  return found;
}
