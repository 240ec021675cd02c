import assert from "node:assert/strict";
import { test } from "node:test";
import { asksForCertificate, decide, type HbaConnection } from "../../src/postgres/hba-decide.ts";
import { readHba, recordLines } from "../../src/postgres/hba-file.ts";

const FILE = `# 1
local   all         postgres               peer
local   sameuser    all                    scram-sha-256
hostssl replication rep     10.1.0.0/16    cert
hostnossl all       all     all            reject
host    "all"       all     0.0.0.0/0      trust
hostssl app,other   app     10.0.0.0/8     scram-sha-256 clientcert=verify-full
host    all         +staff  192.0.2.0/24   md5
hostgssenc all      all     0.0.0.0/0      gss
hostssl all         all     db.example.net md5
`;

const base: HbaConnection = { wire: "ssl", address: "10.2.3.4", user: "app", database: "app", replication: false };

for (const [name, over, expected] of [
  ["the socket's own record", { wire: "socket", address: undefined, user: "postgres" }, 2],
  ["sameuser is the database of the user's name", { wire: "socket", address: undefined }, 3],
  ["nothing for the socket", { wire: "socket", address: undefined, database: "x" }, "no-record"],
  ["replication is matched by its own keyword", { user: "rep", address: "10.1.2.3", replication: true }, 4],
  [
    "replication is not matched by other databases",
    { user: "app", replication: true, address: "10.2.3.4" },
    "no-record",
  ],
  ["plain text ends at the reject", { wire: "plain" }, 5],
  ["a quoted all is a database of that name", { database: "all" }, 6],
  ["a list of databases", { database: "other" }, 7],
  ["an address outside the network goes on to what only DNS can tell", { address: "203.0.113.1" }, "unknown"],
  ["a group may hold the user", { user: "bob", address: "192.0.2.7" }, "unknown"],
  ["GSS is let in by hostgssenc alone", { wire: "gss", user: "zoe" }, 5],
  ["IPv6 is not matched by IPv4 networks", { address: "2001:db8::1" }, "unknown"],
] as const) {
  test(`decide: ${name}`, () => {
    const decision = decide(readHba(FILE, 16), { ...base, ...over });
    assert.equal(decision.decision === "record" ? decision.line.number : decision.decision, expected);
  });
}

test("an include comes first: what it holds is not known here", () => {
  const file = readHba("include_if_exists extra.conf\nhost all all all md5\n", 16);
  assert.equal(decide(file, base).decision, "unknown");
});

test("who asks for a certificate", () => {
  const records = recordLines(
    readHba("hostssl a a all cert\nhostssl a a all md5 clientcert=verify-ca\nhostssl a a all md5\n", 15),
  );
  assert.deepEqual(
    records.map(({ record }) => asksForCertificate(record)),
    [true, true, false],
  );
});
