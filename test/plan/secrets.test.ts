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
  ["the method named password stays", "host all all ::/0 password", /::\/0 password$/],
  ["password_encryption stays", "password_encryption = 'scram-sha-256'", /^password_encryption = 'scram-sha-256'$/],
] as const) {
  test(`withoutSecrets: ${name}`, () => assert.match(withoutSecrets(text), shown));
}

test("a key that changes gets another note", () => {
  const note = (body: string) => withoutSecrets(`-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`);
  assert.notEqual(note("a"), note("b"));
});
