import assert from "node:assert/strict";
import { test } from "node:test";
import { proofTable } from "../../src/demo/proof-table.ts";

const refused = { what: "plain text is refused", held: true, said: "no encryption" };
const letIn = { what: "a client with a certificate gets in", held: true, said: "TLSv1.3" };

for (const [name, hosts, lines] of [
  [
    "what all hosts agree on is said once",
    [
      { name: "db1", major: 18, proofs: [refused, letIn] },
      { name: "db10", major: 9, proofs: [refused, letIn] },
    ],
    [
      "  host  PostgreSQL  (1)  (2)",
      "  db1   18          yes  yes",
      "  db10  9           yes  yes",
      "",
      "  (1) plain text is refused",
      "      no encryption",
      "  (2) a client with a certificate gets in",
      "      TLSv1.3",
    ],
  ],
  [
    "what differs is said host by host",
    [
      { name: "db1", major: 18, proofs: [refused] },
      { name: "db2", major: 17, proofs: [{ ...refused, held: false, said: "let in without TLS" }] },
    ],
    [
      "  host  PostgreSQL  (1)",
      "  db1   18          yes",
      "  db2   17          NO",
      "",
      "  (1) plain text is refused",
      "      db1: no encryption",
      "      db2: let in without TLS",
    ],
  ],
] as const) {
  test(`the table of proofs: ${name}`, () => assert.deepEqual(proofTable(hosts), lines));
}
