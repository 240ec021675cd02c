import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Inventory } from "../../src/inventory/inventory.ts";
import { loadInventory } from "../../src/inventory/load.ts";
import { selectHosts } from "../../src/inventory/patterns.ts";
import { withFiles } from "./folder.ts";

const TEXT = `lonely
[eu]
db1
db2
[us]
db3
db10.example.com
[standby]
db2
db3
[empty]
[v6]
2001:db8::5
[databases:children]
eu
us
`;

const inventory: Inventory = withFiles({ hosts: TEXT }, (cwd) => {
  const loaded = loadInventory(["hosts"], { cwd, adjacentTo: [] });
  assert.ok(loaded.inventory !== undefined, JSON.stringify(loaded.problems));
  return loaded.inventory;
});

const all = ["lonely", "db2", "db3", "2001:db8::5", "db1", "db10.example.com"];

for (const [pattern, hosts] of [
  ["all", all],
  ["*", all],
  ["db1", ["db1"]],
  ["eu", ["db1", "db2"]],
  ["ungrouped", ["lonely"]],
  ["databases", ["db1", "db2", "db3", "db10.example.com"]],
  ["eu:us", ["db1", "db2", "db3", "db10.example.com"]],
  ["us,db1", ["db3", "db10.example.com", "db1"]],
  [" us , db1 ,", ["db3", "db10.example.com", "db1"]],
  ["databases:&standby", ["db2", "db3"]],
  ["databases:!standby", ["db1", "db10.example.com"]],
  ["!standby:databases", ["db1", "db10.example.com"]],
  ["&standby", ["db2", "db3"]],
  ["!databases", ["lonely", "2001:db8::5"]],
  ["eu,us,&standby,!db3", ["db2"]],
  ["db?", ["db1", "db2", "db3"]],
  ["db*", ["db1", "db2", "db3", "db10.example.com"]],
  ["db[12]*", ["db1", "db2", "db10.example.com"]],
  ["db[!1]", ["db2", "db3"]],
  ["*.example.com", ["db10.example.com"]],
  ["e*", ["db1", "db2"]],
  ["~db\\d$", ["db1", "db2", "db3"]],
  ["~(?P<what>e)u", ["db1", "db2"]],
  ["~(?i)DB1$", ["db1"]],
  ["databases[0]", ["db1"]],
  ["databases[-1]", ["db10.example.com"]],
  ["databases[0:2]", ["db1", "db2", "db3"]],
  ["databases[2:]", ["db3", "db10.example.com"]],
  ["databases[1:99]", ["db2", "db3", "db10.example.com"]],
  ["databases[0]:us[0]", ["db1", "db3"]],
  ["databases[0:1],!eu[0]", ["db2"]],
  ["2001:db8::5", ["2001:db8::5"]],
  ["2001:db8::5,db1", ["2001:db8::5", "db1"]],
  ["empty", []],
  ["eu:eu:db1", ["db1", "db2"]],
  [
    ["eu", "us:!db3"],
    ["db1", "db2", "db10.example.com"],
  ],
] as const) {
  test(`selectHosts: ${JSON.stringify(pattern)}`, () => {
    const selected = selectHosts(inventory, pattern);
    assert.deepEqual(selected.hosts, hosts);
    assert.deepEqual(selected.problems, []);
  });
}

for (const [pattern, code, col, length, hint] of [
  ["datbases", "UNKNOWN_HOST", 1, 8, /did you mean "databases"/],
  ["eu:datbases", "UNKNOWN_HOST", 4, 8, /did you mean "databases"/],
  ["databases:!stanby", "UNKNOWN_HOST", 12, 6, /did you mean "standby"/],
  ["db1, db9", "UNKNOWN_HOST", 6, 3, /did you mean "db1"/],
  ["eu[2]", "UNKNOWN_HOST", 1, 5, /the last eu\[-1\]/],
  ["eu[0", "UNKNOWN_HOST", 1, 4, undefined],
  ["db1:22", "UNKNOWN_HOST", 1, 6, /a port is no part/],
  ["zz*", "UNKNOWN_HOST", 1, 3, undefined],
  ["~b1", "UNKNOWN_HOST", 1, 3, undefined], // from the beginning of the name, as Python's match
  ["~(", "BAD_VALUE", 1, 2, undefined],
  ["@failed.txt", "UNSUPPORTED", 1, 11, /name the hosts/],
  ["", "BAD_VALUE", 1, 1, /write "all"/],
  [" , ", "BAD_VALUE", 1, 3, /write "all"/],
] as const) {
  test(`selectHosts refuses ${JSON.stringify(pattern)}`, () => {
    const at = { file: "--limit", line: 1, col: 1, length: Math.max(1, pattern.length), text: pattern };
    const { hosts, problems } = selectHosts(inventory, pattern, at);
    assert.deepEqual(hosts, []);
    assert.deepEqual(
      problems.map((p) => [p.code, p.at?.col, p.at?.length]),
      [[code, col, length]],
    );
    if (hint !== undefined) assert.match(problems[0]?.hint ?? "", hint);
  });
}

test("selectHosts: all that is wrong in a pattern is said at once", () => {
  assert.equal(selectHosts(inventory, "nope1,db1,!nope2").problems.length, 2);
});

test("selectHosts never throws, and names hosts that are there, each once", () => {
  const nasty = fc.string({ unit: fc.constantFrom("db1", "eu", ..."[]:!&~,*?@0-( ") });
  fc.assert(
    fc.property(nasty, (pattern) => {
      const { hosts } = selectHosts(inventory, pattern);
      assert.equal(new Set(hosts).size, hosts.length);
      assert.ok(hosts.every((host) => inventory.hosts.has(host)));
    }),
    { numRuns: 2000 },
  );
});
