import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readHba, recordLines, sameMatch } from "../../src/postgres/hba-file.ts";
import { type Placement, type Position, place } from "../../src/postgres/hba-place.ts";
import type { HbaRule } from "../../src/postgres/hba-record.ts";
import { MAJORS } from "./corpus.ts";

function ruleIn(text: string): HbaRule {
  const [line] = readHba(text, 18).lines;
  if (line?.kind !== "record") throw new Error(`no record: ${text}`);
  return line.record;
}

const present = (text: string, position: Position = { at: "last" }): Placement => ({
  state: "present",
  rule: ruleIn(text),
  position,
});
const absent = (text: string, method?: string): Placement => ({
  state: "absent",
  match: ruleIn(text),
  ...(method === undefined ? {} : { method }),
});
const squeezed = (text: string) => text.replace(/ +/g, " ");
const DEBIAN =
  "# local\nlocal all all peer\n# IPv4\nhost all all 127.0.0.1/32 md5\nhost all all ::1/128 md5\n# rep\nhost replication all ::1/128 md5\n";

for (const [title, text, placement, expected] of [
  [
    "mixed address families are never sorted (ansible/ansible#59182)",
    DEBIAN,
    present("host app app 10.0.0.0/8 md5"),
    `${DEBIAN}host app app 10.0.0.0/8 md5\n`,
  ],
  [
    "comments behind records stay (community.postgresql#134)",
    "host db1 u1 2001:db8::1/128 md5 # TICKET-1\nhost db2 u2 192.0.2.2/32 md5 # TICKET-2\n",
    present("host db3 u3 10.0.0.0/8 md5"),
    "host db1 u1 2001:db8::1/128 md5 # TICKET-1\nhost db2 u2 192.0.2.2/32 md5 # TICKET-2\nhost db3 u3 10.0.0.0/8 md5\n",
  ],
  [
    "a list in another order is the same record (community.postgresql#885)",
    "host foo,bar u1,u2 127.0.0.1/32 md5\n",
    present("host bar,foo u2,u1 127.0.0.1/32 md5"),
    "host foo,bar u1,u2 127.0.0.1/32 md5\n",
  ],
  [
    "so is an address spelled otherwise",
    "host a a 10.0.0.0 255.0.0.0 md5\n",
    present("host a a 10.1.2.3/8 md5"),
    "host a a 10.0.0.0 255.0.0.0 md5\n",
  ],
  [
    "another method is changed in place (sous-chefs/postgresql#747)",
    "host a a all md5 # T\nlocal all all peer\n",
    present("host a a all scram-sha-256"),
    "host a a all scram-sha-256 # T\nlocal all all peer\n",
  ],
  [
    "options too",
    "hostssl a a all ldap ldapbasedn=a ldapserver=l # T",
    present("hostssl a a all cert map=m"),
    "hostssl a a all cert map=m # T",
  ],
  [
    "options in another order are the same",
    "host a a all ldap ldapbasedn=a ldapserver=l",
    present("host a a all ldap ldapserver=l ldapbasedn=a"),
    "host a a all ldap ldapbasedn=a ldapserver=l",
  ],
  [
    "keyword addresses are found again (sous-chefs/postgresql#712)",
    "host a a samenet md5\n",
    present("host a a samenet md5"),
    "host a a samenet md5\n",
  ],
  [
    "a name in quotes is the same, a keyword is not",
    'host "app" "all" all md5\n',
    present("host app all all md5"),
    'host "app" "all" all md5\nhost app all all md5\n',
  ],
  [
    "first is before the first record and include",
    "# c\n\ninclude x.conf\nlocal all all peer\n",
    present("local a a peer", { at: "first" }),
    "# c\n\nlocal a a peer\ninclude x.conf\nlocal all all peer\n",
  ],
  [
    "before the first that matches",
    "local a a peer\nlocal all all peer\nlocal all b peer\n",
    present("local c c peer", { at: "before", match: { databases: [{ text: "all", quoted: false }] } }),
    "local a a peer\nlocal c c peer\nlocal all all peer\nlocal all b peer\n",
  ],
  [
    "after the last that matches",
    "local a a peer\nlocal all all peer\nlocal all b peer\n# end\n",
    present("local c c peer", { at: "after", match: { databases: [{ text: "all", quoted: false }] } }),
    "local a a peer\nlocal all all peer\nlocal all b peer\nlocal c c peer\n# end\n",
  ],
  [
    "CRLF files stay so (ansible/ansible#85283)",
    "local all all peer\r\n",
    present("local a a peer", { at: "first" }),
    "local a a peer\r\nlocal all all peer\r\n",
  ],
  [
    "a file without a last newline stays so",
    "local all all peer",
    present("local a a peer"),
    "local all all peer\nlocal a a peer",
  ],
  ["an empty file", "", present("local a a peer"), "local a a peer\n"],
  [
    "removed with every equal one",
    'local a a peer\n# c\nlocal "a" a trust\nlocal b b peer\n',
    absent("local a a peer"),
    "# c\nlocal b b peer\n",
  ],
  [
    "removed where the method is that one only",
    "local a a peer\nlocal a a trust\n",
    absent("local a a peer", "trust"),
    "local a a peer\n",
  ],
  [
    "the last one of a file without a last newline",
    "local b b peer\nlocal a a peer",
    absent("local a a peer"),
    "local b b peer",
  ],
  [
    "two at the end of such a file",
    "local b b peer\r\nlocal a a peer\r\nlocal a a trust",
    absent("local a a peer"),
    "local b b peer",
  ],
  ["nothing to remove", "local b b peer", absent("local a a peer"), "local b b peer"],
] as const) {
  test(`place: ${title}`, () => {
    const once = place(text, 16, placement);
    assert.equal(once.problem, undefined);
    assert.equal(squeezed(once.text), squeezed(expected));
    const twice = place(once.text, 16, placement);
    assert.deepEqual([twice.text, twice.did], [once.text, []], "a second time changes nothing");
  });
}

for (const [title, text, placement, shadow] of [
  [
    "behind a broader one (puppetlabs-postgresql#180)",
    "local all all peer\n",
    present("local app app scram-sha-256"),
    1,
  ],
  [
    "behind a broader network (ubicloud#4753)",
    "host all,replication all 10.0.0.0/8 scram-sha-256\n",
    present("hostssl replication rep 10.0.1.0/24 cert"),
    1,
  ],
  [
    "all does not cover replication",
    "host all all 10.0.0.0/8 scram-sha-256\n",
    present("hostssl replication,all rep 10.0.1.0/24 cert"),
    undefined,
  ],
  ["hostssl does not cover host", "hostssl all all all md5\n", present("host a a all md5"), undefined],
  ["IPv4 does not cover IPv6", "host all all 0.0.0.0/0 md5\n", present("host a a ::1/128 md5"), undefined],
  ["a quoted all is one database", 'local "all" all peer\n', present("local a a peer"), undefined],
  [
    "an equal one that is there already is looked at too",
    "local all all peer\nlocal a a md5\n",
    present("local a a md5"),
    1,
  ],
  ["first is never behind", "local all all peer\n", present("local a a md5", { at: "first" }), undefined],
] as const) {
  test(`place tells what the record is shadowed by: ${title}`, () =>
    assert.equal(place(text, 16, placement).shadowedBy?.number, shadow));
}

for (const [title, text, placement] of [
  [
    "there is no match to be before",
    "local all all peer\n",
    present("local a a peer", { at: "before", match: { types: ["hostssl"] } }),
  ],
  ["the file ends in a line that goes on", "local all all peer\n# end \\", present("local a a peer")],
  ["what comes before goes on", "local all all peer # \\\n", present("local a a peer")],
] as const) {
  test(`place changes nothing where ${title}`, () => {
    const { text: result, did, problem } = place(text, 16, placement);
    assert.deepEqual([result, did], [text, []]);
    assert.notEqual(problem, undefined);
  });
}

const anyLine = fc.constantFrom(
  "# c",
  "",
  "local all all peer",
  "host all all 10.0.0.0/8 md5 # T",
  'host "a b" u all md5',
  "include x",
  "host broken",
  "hostssl all +g ::/0 cert map=m",
);
const anyText = fc
  .tuple(fc.array(anyLine, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), fc.boolean())
  .map(([lines, newline, open]) => lines.join(newline) + (open || lines.length === 0 ? "" : newline));
const anyName = fc.oneof(
  fc.constantFrom("app", "x y", 'q"q', "c,c", "h#h", "@f", "+g", "all", "\\", "é"),
  fc.string({ minLength: 1, maxLength: 5 }).filter((text) => !/[\0\r\n]/.test(text) && /^[\x00-\xff]*$/.test(text)),
);
const anyRule: fc.Arbitrary<HbaRule> = fc
  .record({
    databases: fc.array(fc.record({ text: anyName, quoted: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    users: fc.array(fc.record({ text: anyName, quoted: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    value: anyName,
  })
  .filter(({ databases, users }) => [...databases, ...users].every(({ text }) => !text.startsWith("/")))
  .map(({ databases, users, value }) => ({
    type: "hostssl" as const,
    databases,
    users,
    address: { kind: "hostname" as const, name: "only.here.example.net" },
    method: "cert",
    options: [{ name: "map", value }],
  }));

test("place: adding then removing gives the first text, and what is added is found again", () => {
  const position = fc.constantFrom<Position>({ at: "first" }, { at: "last" });
  fc.assert(
    fc.property(anyText, anyRule, position, fc.constantFrom(...MAJORS), (text, rule, at, major) => {
      const added = place(text, major, { state: "present", rule, position: at });
      assert.equal(added.problem, undefined);
      const found = recordLines(readHba(added.text, major)).filter(({ record }) => sameMatch(record, rule));
      assert.equal(found.length, 1);
      assert.deepEqual(place(added.text, major, { state: "present", rule, position: at }).did, []);
      assert.equal(place(added.text, major, { state: "absent", match: rule }).text, text);
    }),
  );
});
