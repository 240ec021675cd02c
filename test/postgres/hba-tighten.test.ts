import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLoopback } from "../../src/postgres/hba-address.ts";
import { readHba, recordLines } from "../../src/postgres/hba-file.ts";
import { takesPlainText } from "../../src/postgres/hba-match.ts";
import { loads } from "../../src/postgres/hba-rows.ts";
import { requireTls, type TightenOptions, tighten } from "../../src/postgres/hba-tighten.ts";
import { CORPUS, corpusFiles, corpusText, hasCorpus, MAJORS } from "./corpus.ts";

const TLS = { requireTls: true } as const;
const name = (text: string) => [{ text, quoted: false }];

for (const [title, text, options, expected] of [
  [
    "columns stay where they are",
    "host    all   all   10.0.0.0/8   md5 # T-1\n",
    TLS,
    "hostssl all   all   10.0.0.0/8   md5 # T-1\n",
  ],
  ["one blank stays", "host all all 10.0.0.0/8 md5", TLS, "hostssl all all 10.0.0.0/8 md5"],
  ["as many blanks go as there are to spare", "host  all all all md5", TLS, "hostssl all all all md5"],
  ["a tab stays", "host\tall\tall\tall\tmd5\r\n", TLS, "hostssl\tall\tall\tall\tmd5\r\n"],
  ["a tab among blanks stays with them", "host  \t all all all md5", TLS, "hostssl  \t all all all md5"],
  ["a quoted type too", '"host" all all all md5', TLS, "hostssl all all all md5"],
  [
    "hostnossl and hostnogssenc too",
    "hostnossl all all all md5\nhostnogssenc all all all md5",
    TLS,
    "hostssl all all all md5\nhostssl all all all md5",
  ],
  ["hostgssenc is encrypted", "hostgssenc all all all gss", TLS, "hostgssenc all all all gss"],
  [
    "reject stays",
    "hostnossl all all all reject\nhost all bad all reject",
    TLS,
    "hostnossl all all all reject\nhost all bad all reject",
  ],
  [
    "local and loopback stay",
    "local all all peer\nhost all all 127.0.0.1/32 md5\nhost all all ::1/128 md5\nhost all all localhost md5\nhost all all samehost md5",
    TLS,
    "local all all peer\nhost all all 127.0.0.1/32 md5\nhost all all ::1/128 md5\nhost all all localhost md5\nhost all all samehost md5",
  ],
  ["unless asked", "host all all ::1/128 md5", { ...TLS, loopback: true }, "hostssl all all ::1/128 md5"],
  [
    "replication is changed with the others (patroni/patroni#172)",
    "host replication all 10.0.0.0/8 md5",
    TLS,
    "hostssl replication all 10.0.0.0/8 md5",
  ],
  [
    "unless it is left out",
    "host replication all 10.0.0.0/8 md5\nhost all all 10.0.0.0/8 md5",
    { ...TLS, select: { replication: false } },
    "host replication all 10.0.0.0/8 md5\nhostssl all all 10.0.0.0/8 md5",
  ],
  [
    "a selection by database",
    "host a,b all all md5\nhost c all all md5",
    { ...TLS, select: { databases: name("b") } },
    "hostssl a,b all all md5\nhost c all all md5",
  ],
  ["a broken line passes through", "host all all\nhost all all all md5", TLS, "host all all\nhostssl all all all md5"],
  ["so does a continued one, with its backslash", "host \\\n all all all md5", TLS, "hostssl \\\n all all all md5"],
  [
    "clientcert goes behind the method",
    "host all all all scram-sha-256 # T",
    { ...TLS, clientCert: "verify-full" },
    "hostssl all all all scram-sha-256 clientcert=verify-full # T",
  ],
  [
    "and before a glued comment",
    "hostssl all all all md5#c",
    { requireTls: false, clientCert: "verify-ca" },
    "hostssl all all all md5 clientcert=verify-ca#c",
  ],
  [
    "and behind the options that are there",
    'hostssl all all all ldap ldapserver=l ldapbasedn="dc=a, dc=b"',
    { requireTls: false, clientCert: "verify-ca" },
    'hostssl all all all ldap ldapserver=l ldapbasedn="dc=a, dc=b" clientcert=verify-ca',
  ],
  [
    "the stronger stays",
    "hostssl all all all md5 clientcert=verify-full",
    { requireTls: false, clientCert: "verify-ca" },
    "hostssl all all all md5 clientcert=verify-full",
  ],
  [
    "the weaker is replaced in its place",
    "hostssl all all all md5 clientcert=verify-ca clientname=CN",
    { requireTls: false, clientCert: "verify-full" },
    "hostssl all all all md5 clientcert=verify-full clientname=CN",
  ],
  [
    "cert and reject ask for none",
    "hostssl all all all cert\nhostssl all x all reject",
    { requireTls: false, clientCert: "verify-full" },
    "hostssl all all all cert\nhostssl all x all reject",
  ],
  [
    "a host record gets none",
    "host all all all md5",
    { requireTls: false, clientCert: "verify-full" },
    "host all all all md5",
  ],
  [
    "method cert drops what it implies and what it can't have, and keeps the map",
    "hostssl all all all ldap ldapserver=l ldapprefix=cn= clientcert=verify-full clientname=DN",
    { requireTls: false, method: "cert" },
    "hostssl all all all cert clientname=DN",
  ],
  ["map stays", "host all all all ident map=m", { ...TLS, method: "cert" }, "hostssl all all all cert map=m"],
  [
    "what goes may stand in a comma list",
    "hostssl all all all gss krb_realm=R,map=m",
    { requireTls: false, method: "cert" },
    "hostssl all all all cert map=m",
  ],
  [
    "a new method and clientcert together",
    "host all all all md5",
    { ...TLS, method: "scram-sha-256", clientCert: "verify-ca" },
    "hostssl all all all scram-sha-256 clientcert=verify-ca",
  ],
  ["reject is not made a way in", "host all all all reject", { ...TLS, method: "cert" }, "host all all all reject"],
  [
    "hostgssenc can't have cert and stays",
    "hostgssenc all all all gss",
    { ...TLS, method: "cert" },
    "hostgssenc all all all gss",
  ],
] as const satisfies readonly (readonly [string, string, TightenOptions, string])[]) {
  test(`tighten: ${title}`, () => {
    const result = tighten(text, 15, options);
    assert.deepEqual(result.problems, []);
    assert.equal(result.text, expected);
    assert.equal(tighten(expected, 15, options).text, expected, "a second time changes nothing");
  });
}

for (const [title, major, before, after] of [
  ["1 becomes verify-ca where that is what it says", 13, "clientcert=1", "clientcert=verify-ca"],
  ["0 is replaced", 12, "clientcert=0", "clientcert=verify-ca"],
  ["no-verify is replaced", 13, "clientcert=no-verify", "clientcert=verify-ca"],
  ["up to 11 it is 1", 11, "", "clientcert=1"],
  ["up to 11 any word means 0 and is replaced", 11, "clientcert=verify-ca", "clientcert=1"],
  ["from 12 it is verify-ca", 12, "", "clientcert=verify-ca"],
] as const) {
  test(`tighten, ${major}: ${title}`, () => {
    const { text } = tighten(`hostssl all all all md5 ${before}`, major, {
      requireTls: false,
      clientCert: "verify-ca",
    });
    assert.equal(text.trimEnd().replace(/ +/g, " "), `hostssl all all all md5 ${after}`);
  });
}

test("tighten: a name can't be compared by clientcert up to 11", () => {
  const { problems, text } = tighten("host all all all md5", 11, { ...TLS, clientCert: "verify-full" });
  assert.equal(text, "host all all all md5");
  assert.equal(problems.length, 1);
});

test("tighten: cert on a record that stays host is said, and nothing is changed", () => {
  const source = "host all all all md5\nhostssl all all all md5";
  const { problems, text } = tighten(source, 15, { requireTls: false, method: "cert" });
  assert.equal(text, source);
  assert.deepEqual(
    problems.map(({ message }) => message),
    ["cert authentication is only supported on hostssl connections"],
  );
});

test("tighten: an option that would fall into an open quote is noticed", () => {
  const source = 'hostssl all all all ldap ldapserver=l "ldapbasedn=a';
  const { problems, text } = tighten(source, 15, { requireTls: false, clientCert: "verify-ca" });
  assert.equal(text, source);
  assert.equal(problems.length, 1);
});

for (const [title, text, major, open] of [
  [
    "what is left, in the order asked (zalando/postgres-operator#2975)",
    "local all all peer\nhost all all ::1/128 md5\nhostnossl all all all reject\nhost all all 10.0.0.0/8 md5",
    15,
    ["2 this machine itself may still connect in plain text"],
  ],
  [
    "all does not keep out replication (POSTGRES.md 13)",
    "hostnossl all all all reject\nhost replication all samehost md5",
    15,
    ["2 this machine itself may still connect in plain text"],
  ],
  [
    "included files are not searched",
    "include_if_exists extra.conf\nhost all all all md5",
    16,
    ["1 included files are not searched: plain text may get in by them"],
  ],
  ["nothing", "local all all peer\nhost all all all md5", 15, []],
] as const) {
  test(`requireTls: still open is ${title}`, () => {
    const { stillOpen } = requireTls(text, major);
    assert.deepEqual(
      stillOpen.map(({ line, why }) => `${line.number} ${why}`),
      open,
    );
  });
}

test("requireTls: what is not selected is still open, replication by its name", () => {
  const text = "host replication all all md5\nhost app all all md5\nhost all all all md5";
  const { stillOpen } = requireTls(text, 15, { select: { users: name("nobody") } });
  assert.deepEqual(
    stillOpen.map(({ line, why }) => [line.number, why]),
    [
      [1, "replication may still come in plain text"],
      [2, "clients may still connect in plain text"],
      [3, "clients may still connect in plain text"],
    ],
  );
});

test("requireTls tells each change with its line", () => {
  const { changed } = requireTls("# c\nhost all all all md5 # T\r\n", 15, { clientCert: "verify-ca" });
  assert.deepEqual(changed, [
    {
      line: 2,
      before: "host all all all md5 # T",
      after: "hostssl all all all md5 clientcert=verify-ca # T",
      did: ["host -> hostssl", "clientcert=verify-ca"],
    },
  ]);
});

const word = fc.constantFrom(
  "host",
  "hostssl",
  "hostnossl",
  "local",
  "all",
  "app",
  "replication",
  "10.0.0.0/8",
  "::1/128",
  "md5",
  "reject",
  "cert",
  "map=x",
  "clientcert=1",
  "clientcert=verify-ca",
  '"a b"',
  "\\\n",
  "# c",
  ",",
  '"',
);
const hbaText = fc
  .array(
    fc.tuple(fc.array(word, { maxLength: 8 }), fc.constantFrom(" ", "  ", "\t"), fc.constantFrom("\n", "\r\n", "")),
    { maxLength: 8 },
  )
  .map((lines) => lines.map(([words, blank, end]) => words.join(blank) + end).join(""));

test("tighten: twice is once, and lines that are not said to be changed keep their bytes", () => {
  const options = fc.record<TightenOptions>(
    {
      requireTls: fc.boolean(),
      loopback: fc.boolean(),
      clientCert: fc.constantFrom("verify-ca" as const, "verify-full" as const),
      method: fc.constantFrom("cert", "scram-sha-256"),
    },
    { requiredKeys: ["requireTls"] },
  );
  fc.assert(
    fc.property(hbaText, options, fc.constantFrom(...MAJORS), (text, wish, major) => {
      const once = tighten(text, major, wish);
      if (once.problems.length > 0) {
        assert.equal(once.text, text);
        return;
      }
      assert.equal(tighten(once.text, major, wish).text, once.text);
      const changed = new Set(once.changed.map(({ line }) => line));
      const [before, after] = [readHba(text, major), readHba(once.text, major)];
      assert.equal(after.lines.length, before.lines.length);
      for (const [i, line] of before.lines.entries()) {
        const now = after.lines[i];
        assert.ok(now);
        const same =
          once.text.slice(now.offset, now.offset + now.length) === text.slice(line.offset, line.offset + line.length);
        assert.equal(same, !changed.has(line.number));
      }
    }),
  );
});

if (hasCorpus) {
  for (const major of MAJORS) {
    test(`requireTls, ${major}: of real files only the records change that must, byte for byte`, (t) => {
      let changes = 0;
      for (const file of corpusFiles("hba", ".conf")) {
        const text = corpusText(`hba/${file}`);
        const result = requireTls(text, major);
        assert.deepEqual(result.problems, [], file);
        const must = recordLines(readHba(text, major)).filter(
          ({ record }) =>
            takesPlainText(record.type) &&
            record.method !== "reject" &&
            !(record.address !== undefined && isLoopback(record.address)),
        );
        assert.deepEqual(
          result.changed.map(({ line }) => line),
          must.map(({ number }) => number),
          file,
        );
        changes += must.length;
        const lines = new Set(must.map(({ number }) => number));
        const [before, after] = [text.split("\n"), result.text.split("\n")];
        assert.equal(after.length, before.length);
        for (const [i, line] of before.entries()) {
          const now = after[i] ?? "";
          if (!lines.has(i + 1)) assert.equal(now, line, `${file}:${i + 1}`);
          else
            assert.equal(
              now.replace(/^(\s*)hostssl\s+/, "$1"),
              line.replace(/^(\s*)host\w*\s+/, "$1"),
              `${file}:${i + 1}`,
            );
        }
        assert.equal(loads(readHba(result.text, major)), loads(readHba(text, major)), file);
        const again = requireTls(result.text, major);
        assert.equal(again.text, result.text, file);
        assert.deepEqual(again.changed, [], file);
      }
      t.diagnostic(`${changes} records changed`);
      assert.ok(changes > 50);
    });
  }
} else {
  test(`no corpus at ${CORPUS.pathname}`, { skip: true }, () => {});
}
