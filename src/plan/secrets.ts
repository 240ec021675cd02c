import { createHash } from "node:crypto";
import { NO_QUOTES, passwordEnd, quotesAfter } from "./password-end.ts";

/**
 * `text` without private keys and without the passwords that PostgreSQL's files can hold. A key is known by a digest, so that a diff
 * still tells that it changed; a password is not, since it could be guessed from one. Where it isn't clear where a password ends,
 * rather more is hidden.
 */
export function withoutSecrets(text: string): string {
  return withoutPasswords(text.replace(PRIVATE_KEY, keyNote)).replace(USER_INFO, `$1${HIDDEN}@`);
}

export const HIDDEN = "(not shown)";

/** Whether what is called `name` (a setting, an option) is for nobody to see. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

// A block that was cut off before its end is hidden to the end of the text. The closing line may name another kind: still a key.
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)/g;

// postgresql://user:password@host. libpq ends user-info at the first slash (fe-connect.c, conninfo_uri_parse_options).
const USER_INFO = /(:\/\/[^\s:@/]*:)[^\s/]+@/g;

// pg_hba.conf: ldapbindpasswd, radiussecrets; connection strings (libpq, "Parameter Key Words") and the environment: password,
// sslpassword, PGPASSWORD ...; postgresql.conf: ssl_passphrase_command, where the = may be left out.
const NAMES = "ldapbindpasswd|radiussecrets|password|passwd|passphrase|oauth_client_secret|scram_(?:client|server)_key";
const SECRET = new RegExp(
  `(?:(${NAMES})[ \\t]*=[ \\t]*|(ssl_passphrase_command)(?:[ \\t]*=[ \\t]*|[ \\t]+(?=')))`,
  "gi",
);
const SECRET_NAME = new RegExp(`(?:${NAMES}|ssl_passphrase_command)$`, "i");

function keyNote(block: string): string {
  const digest = createHash("sha256").update(block, "latin1").digest("hex").slice(0, 16);
  return `(private key not shown: sha256 ${digest}...)`;
}

function withoutPasswords(text: string): string {
  let shown = "";
  let done = 0;
  let looked = 0;
  let open = NO_QUOTES;
  for (const found of text.matchAll(SECRET)) {
    if (found.index < done) continue;
    open = quotesAfter(open, text.slice(looked, found.index));
    looked = found.index;
    const start = found.index + found[0].length;
    const name = found[1] ?? found[2] ?? "";
    const end = passwordEnd(text, start, { name, open, isVariable: text.startsWith("PG", found.index - 2) });
    if (end === start) continue;
    shown += text.slice(done, start) + HIDDEN;
    done = end;
  }
  return shown + text.slice(done);
}
