import assert from "node:assert/strict";
import { test } from "node:test";
import { readHba } from "../../src/postgres/hba-file.ts";
import { type RecordWish, ruleOf } from "../../src/postgres/hba-wish.ts";
import { formatRule } from "../../src/postgres/hba-write.ts";

const host: RecordWish = {
  type: "host",
  databases: ["all"],
  users: ["all"],
  address: "10.0.0.0/8",
  method: "md5",
  options: {},
};
const local: RecordWish = { type: "local", databases: ["all"], users: ["all"], method: "peer", options: {} };

function problemsOf(wish: RecordWish, major = 15): string[] {
  const found = ruleOf(wish, major);
  return "rule" in found
    ? []
    : found.problems.map(({ field, message, hint }) => `${field}: ${message}${hint === undefined ? "" : ` (${hint})`}`);
}

for (const [title, wish, problem] of [
  [
    "address on a local record (community.postgresql#777)",
    { ...local, address: "0.0.0.0/0" },
    'address: a local record has no address, found "0.0.0.0/0" (for connections over the network use host or hostssl)',
  ],
  [
    "host without an address",
    { ...local, type: "hostssl", method: "md5" },
    "address: a hostssl record needs an address (all is every address)",
  ],
  [
    "host name with a mask (princeton_ansible#7047)",
    { ...host, address: "web1.example.net/32" },
    'address: host name "web1.example.net" has a mask (a mask goes with an IP address only)'.replace(
      '"web1.example.net"',
      '"web1.example.net/32"',
    ),
  ],
  [
    "a mask without an address (puppetlabs-postgresql#1373)",
    { ...host, address: "/12" },
    'address: "/12" is no IP address',
  ],
  [
    "a bare IP (ome/ansible-role-postgresql#12)",
    { ...host, address: "203.0.113.65" },
    'address: address "203.0.113.65" has no mask (for that one address write 203.0.113.65/32)',
  ],
  [
    "a bare IPv6 address",
    { ...host, address: "2001:db8::1" },
    'address: address "2001:db8::1" has no mask (for that one address write 2001:db8::1/128)',
  ],
  [
    "a mask too long",
    { ...host, address: "10.0.0.0/33" },
    'address: mask of address "10.0.0.0/33" fits no IPv4 address (write it as 10.0.0.0/8 or fd00::/8)',
  ],
  ["an address that is none", { ...host, address: "10.0.0.300/32" }, 'address: "10.0.0.300/32" is no IP address'],
  [
    "a keyword in capitals (sous-chefs/postgresql#712)",
    { ...host, address: "ALL" },
    'address: "ALL" is a host name to PostgreSQL (write all)',
  ],
  [
    "a database keyword in capitals",
    { ...host, databases: ["ALL"] },
    `databases: "ALL" is a plain name to PostgreSQL, keywords are in lower case (write all, or '"ALL"' where that very name is meant)`,
  ],
  [
    "a line break in a name (ubicloud#6438)",
    { ...host, users: ["u\nhost all all 0.0.0.0/0 trust"] },
    "users: a line break or NUL character would begin a record of its own",
  ],
  [
    "NUL in an option",
    { ...host, options: { map: "a\0" } },
    "options: a line break or NUL character would begin a record of its own",
  ],
  [
    "a method that is none",
    { ...host, method: "scram-sha256" },
    'method: PostgreSQL 15 has no authentication method "scram-sha256" (did you mean "scram-sha-256"?)',
  ],
  [
    "cert without TLS",
    { ...host, method: "cert" },
    "method: cert authentication is only supported on hostssl connections",
  ],
  [
    "clientcert without TLS",
    { ...host, options: { clientcert: "verify-ca" } },
    'options: clientcert can only be configured for "hostssl" rows',
  ],
  [
    "clientcert=1 from 14 on (kartoza/docker-postgis#334)",
    { ...host, type: "hostssl", options: { clientcert: "1" } },
    'options: invalid value for clientcert: "1" (verify-ca or verify-full)',
  ],
  [
    "an include is no record",
    { ...host, type: "include" },
    'type: unknown record type "include", expected local, host, hostssl, hostnossl, hostgssenc or hostnogssenc',
  ],
  [
    "a type nearly right",
    { ...host, type: "hostsl" },
    'type: unknown record type "hostsl", expected local, host, hostssl, hostnossl, hostgssenc or hostnogssenc (did you mean "hostssl"?)',
  ],
  [
    "a regular expression before 16",
    { ...host, users: ["/^a"] },
    'users: PostgreSQL 15 takes "/^a" for a plain name, regular expressions came with 16',
  ],
  ["no method", { ...host, method: undefined }, "method: a record needs a method"],
] as const) {
  test(`ruleOf refuses ${title}`, () => assert.deepEqual(problemsOf(wish as RecordWish), [problem]));
}

for (const [title, wish, line] of [
  ["plain", host, "host    all             all             10.0.0.0/8              md5"],
  ["local", local, "local   all             all                                     peer"],
  [
    "a mask of its own",
    { ...host, address: "10.0.0.0 255.0.255.0" },
    "host    all             all             10.0.0.0 255.0.255.0    md5",
  ],
  [
    "a long mask gets short",
    { ...host, address: "10.0.0.0 255.0.0.0" },
    "host    all             all             10.0.0.0/8              md5",
  ],
  [
    "lists",
    { ...host, databases: ["a", "b"], users: ["+ops", "u"] },
    "host    a,b             +ops,u          10.0.0.0/8              md5",
  ],
  [
    "names that need quotes (community.postgresql#705)",
    { ...host, users: ["my user", 'o"neil', "a,b", "x#y", '{ "oh": "no" }'] },
    'host    all             "my user",o""neil,"a,b","x#y","{ ""oh"": ""no"" }" 10.0.0.0/8              md5'.replace(
      'o""neil',
      '"o""neil"',
    ),
  ],
  [
    "a role with a blank keeps its plus outside",
    { ...host, users: ["+my group"] },
    'host    all             +"my group"     10.0.0.0/8              md5',
  ],
  [
    "a keyword in its own quotes is a name",
    { ...host, databases: ['"replication"'] },
    'host    "replication"   all             10.0.0.0/8              md5',
  ],
  [
    "an option with a comma",
    { ...host, method: "ldap", options: { ldapserver: "l", ldapbasedn: "dc=a, dc=b" } },
    'host    all             all             10.0.0.0/8              ldap ldapserver=l ldapbasedn="dc=a, dc=b"',
  ],
  [
    "a backslash at the end continues no line",
    { ...host, method: "ldap", options: { ldapbasedn: "dc=a", ldapbindpasswd: "pa\\" } },
    'host    all             all             10.0.0.0/8              ldap ldapbasedn=dc=a ldapbindpasswd="pa\\"',
  ],
] as const satisfies readonly (readonly [string, RecordWish, string])[]) {
  test(`a wished record is written so that it is read again: ${title}`, () => {
    const found = ruleOf(wish, 15);
    assert.ok("rule" in found);
    assert.equal(formatRule(found.rule), line);
    const [read] = readHba(`${line}\nlocal all all peer`, 15).lines;
    assert.ok(read?.kind === "record");
    const names = (list: readonly { text: string; quoted: boolean }[]) => list.map(({ text }) => text);
    assert.deepEqual(names(read.record.users), names(found.rule.users));
    assert.deepEqual(names(read.record.databases), names(found.rule.databases));
    assert.deepEqual(
      read.record.options.map(({ name, value }) => ({ name, value })),
      found.rule.options,
    );
  });
}
