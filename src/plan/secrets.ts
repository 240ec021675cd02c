import { createHash } from "node:crypto";

/**
 * `text` without private keys and without the passwords that PostgreSQL's files can hold. A key is known by a digest, so that a diff
 * still tells that it changed; a password is not, since it could be guessed from one.
 */
export function withoutSecrets(text: string): string {
  return text.replace(PRIVATE_KEY, keyNote).replace(PASSWORD, "$1(not shown)");
}

// A block that was cut off before its end is hidden to the end of the text. The closing line may name another kind: still a key.
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)/g;

// pg_hba.conf: ldapbindpasswd, radiussecrets; postgresql.conf: the password in primary_conninfo. A quoted value may hold blanks.
const PASSWORD = /\b((?:ldapbindpasswd|radiussecrets|password)\s*=\s*)(?:"[^"\n]*"|''[^'\n]*''|[^\s'"]+)/gi;

function keyNote(block: string): string {
  const digest = createHash("sha256").update(block, "latin1").digest("hex").slice(0, 16);
  return `(private key not shown: sha256 ${digest}...)`;
}
