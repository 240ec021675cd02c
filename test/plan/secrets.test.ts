import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withoutSecrets } from "../../src/plan/secrets.ts";

const LABELS = [
  "PRIVATE KEY",
  "RSA PRIVATE KEY",
  "EC PRIVATE KEY",
  "ENCRYPTED PRIVATE KEY",
  "OPENSSH PRIVATE KEY",
  "PGP PRIVATE KEY BLOCK",
];

for (const label of LABELS) {
  test(`a ${label} never comes out, wherever it stands and however its lines end`, () => {
    const around = fc.string({ unit: fc.constantFrom("a", " ", "\n", "-", '"') });
    fc.assert(
      fc.property(
        around,
        around,
        fc.constantFrom("\n", "\r\n", "\\n", "\n    "),
        fc.boolean(),
        (before, after, newline, isWhole) => {
          const key = `-----BEGIN ${label}-----${newline}SECRETSECRET${newline}${isWhole ? `-----END ${label}-----` : ""}`;
          const shown = withoutSecrets(before + key + after);
          assert.ok(!shown.includes("SECRET"));
          assert.ok(shown.startsWith(before));
          if (isWhole) assert.ok(shown.endsWith(after));
        },
      ),
    );
  });
}

for (const [name, text, shown] of [
  [
    "two keys are two notes",
    "-----BEGIN PRIVATE KEY-----a-----END PRIVATE KEY-----|-----BEGIN PRIVATE KEY-----b-----END PRIVATE KEY-----",
    /^\(.*\)\|\(.*\)$/,
  ],
  [
    "a certificate stays",
    "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
    /^-----BEGIN CERTIFICATE-----\nabc\n/,
  ],
  [
    "a bind password",
    'host all all ::/0 ldap ldapbindpasswd="a b" ldapport=1',
    /ldapbindpasswd=\(not shown\) ldapport=1$/,
  ],
  [
    "a standby's password",
    "primary_conninfo = 'user=r password=hunter2 host=p'",
    /user=r password=\(not shown\) host=p'$/,
  ],
  ["the last word of a quoted string", "primary_conninfo = 'password=hunter2'", /'password=\(not shown\)'$/],
  ["a quoted one in it", "primary_conninfo = 'password=''hun ter'' host=p'", /'password=\(not shown\) host=p'$/],
  ["RADIUS secrets", 'radius radiussecrets="one,two"', /radiussecrets=\(not shown\)$/],
  ["a key's passphrase", "sslpassword=hunter2 host=p", /^sslpassword=\(not shown\) host=p$/],
  ["the environment's", "PGPASSWORD=hunter2 psql", /^PGPASSWORD=\(not shown\) psql$/],
  ["the environment's, quoted", "PGPASSWORD='hun ter2' psql", /^PGPASSWORD=\(not shown\) psql$/],
  ["one in a URI", "postgresql://u:hun@ter2@host/db", /^postgresql:\/\/u:\(not shown\)@host\/db$/],
  ["a URI without one stays", "postgresql://u@host:5432/db", /^postgresql:\/\/u@host:5432\/db$/],
  [
    "one after backslashes in a string",
    "primary_conninfo = 'user=r password=\\'my secret\\' host=p'",
    /user=r password=\(not shown\) host=p'$/,
  ],
  ["one in a string that isn't whole", "user=r password=''my secret'' host=p", /password=\(not shown\) host=p$/],
  ["one by itself", "password='my \\' secret' host=p", /^password=\(not shown\) host=p$/],
  ["one after an apostrophe", "the server's password='my secret'", /^the server's password=\(not shown\)$/],
  ["one in double quotes", '"user=r password=hunter2" said', /^"user=r password=\(not shown\)" said$/],
  ["a token that goes on after its quote", 'ldapbindpasswd=sec"ret2 x"y ldapport=1', /=\(not shown\) ldapport=1$/],
  ["a token that is quoted whole", '"ldapbindpasswd=a b" ldapport=1', /^"ldapbindpasswd=\(not shown\) ldapport=1$/],
  ["a token on two lines", "ldapbindpasswd=sec\\\nret ldapport=1", /^ldapbindpasswd=\(not shown\) ldapport=1$/],
  ["a command that gives a passphrase", "ssl_passphrase_command = 'echo ''a b''' # x", /command = \(not shown\) # x$/],
  ["the same without =", "ssl_passphrase_command 'echo a b'", /^ssl_passphrase_command \(not shown\)$/],
  ["no such command stays", "#ssl_passphrase_command = ''\t\t# x", /^#ssl_passphrase_command = ''\t\t# x$/],
  [
    "whether it is asked again stays",
    "ssl_passphrase_command_supports_reload = on",
    /^ssl_passphrase_command_supports_reload = on$/,
  ],
  ["a value on the next line is another's", "password=\nhost=p", /^password=\nhost=p$/],
  ["the method named password stays", "host all all ::/0 password", /::\/0 password$/],
  ["password_encryption stays", "password_encryption = 'scram-sha-256'", /^password_encryption = 'scram-sha-256'$/],
] as const) {
  test(`withoutSecrets: ${name}`, () => assert.match(withoutSecrets(text), shown));
}

test("a key that changes gets another note", () => {
  const note = (body: string) => withoutSecrets(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`);
  assert.notEqual(note("a"), note("b"));
});

const quoted = (text: string) => text.replace(/[\\']/g, "\\$&");
const doubled = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("'", "''");
for (const [syntax, write] of [
  ["a connection string", (password) => `user=r password='${quoted(password)}' host=p`],
  ["one without quotes", (password) => `user=r password=x${password.replace(/[\\' ]/g, "\\$&")} host=p`],
  ["a setting, quotes doubled", (password) => `x = 'password=${doubled(`'${quoted(password)}'`)} host=p'`],
  ["a setting, with backslashes", (password) => `x = 'password=${quoted(`'${quoted(password)}'`)} host=p'`],
  ["a shell", (password) => `PGPASSWORD='${password.replaceAll("'", "'\\''")}' psql`],
  ["a token of pg_hba.conf", (password) => `ldap ldapbindpasswd="${password.replaceAll('"', '""')}" ldapport=1`],
  ["a token that begins before", (password) => `ldap "ldapbindpasswd=${password.replaceAll('"', '""')}" ldapport=1`],
  ["a URI", (password) => `postgresql://u:${encodeURIComponent(password)}@host/db`],
  ["a command", (password) => `ssl_passphrase_command = '${doubled(password)}'`],
] as const satisfies [string, (password: string) => string][]) {
  test(`no piece of a password comes out of ${syntax}`, () => {
    const piece = fc.string({ unit: fc.constantFrom(" ", "'", '"', "\\", "=", "@", ",", "#", "a") });
    fc.assert(
      fc.property(piece, piece, piece, piece, (...pieces) => {
        const shown = withoutSecrets(write(pieces.join("S3CRET")));
        assert.ok(!shown.includes("S3CRET"), shown);
      }),
      { numRuns: 2000 },
    );
  });
}
