import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readIni } from "../../src/inventory/ini.ts";

// What is right is compared with Ansible in ansible.test.ts.

test("readIni: hosts, groups and values know where they stand", () => {
  const { part, problems } = readIni({
    file: "hosts",
    text: "\n  [db]\n db1:22  role='a b' n=5\n[db:vars]\n k = [1]\n",
  });
  assert.deepEqual(problems, []);
  const where = (at: { line: number; col: number; length: number } | undefined) => [at?.line, at?.col, at?.length];
  const [host] = part.hosts;
  assert.deepEqual(where(host?.at), [3, 2, 6]);
  assert.deepEqual(where(host?.variables.get("ansible_port")?.at), [3, 6, 2]);
  assert.deepEqual(where(host?.variables.get("role")?.at), [3, 16, 3]);
  assert.deepEqual(where(host?.variables.get("n")?.at), [3, 23, 1]);
  assert.deepEqual(where(part.groups[0]?.at), [2, 4, 2]);
  assert.deepEqual(where(part.groups[1]?.variables.get("k")?.at), [5, 6, 3]);
});

for (const [name, text] of [
  ["a byte order mark", "\uFEFF[db]\nh k=1\n"],
  ["Windows line ends", "[db]\r\nh k=1\r\n"],
  ["no last newline", "[db]\nh k=1"],
] as const) {
  test(`readIni takes ${name}`, () => {
    const { part, problems } = readIni({ file: "hosts", text });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      part.hosts.map(({ name, group, variables }) => [name, group, variables.size]),
      [["h", "db", 1]],
    );
    assert.equal(part.hosts[0]?.variables.get("k")?.at.col, 5);
  });
}

for (const [name, text, places] of [
  ["a section of an unknown kind", "[db:var]\nx=1\n", ["BAD_INI 1:5+3"]],
  ["spaces in a section", "[db servers]\nh k=1\n", ["BAD_INI 1:1+12"]],
  ["a section without its end", "[db\nh\n", ["BAD_INI 1:1+3"]],
  ["an INI comment after a section", "[db] ; x\n", ["BAD_INI 1:1+8"]],
  ["a word after a host that is no assignment", "db1 db2\n", ["BAD_INI 1:5+3"]],
  ["an assignment without a name", "db1 =5\n", ["BAD_INI 1:5+2"]],
  ["spaces around =", "db1 k = 5\n", ["BAD_INI 1:5+1"]],
  ["an odd name of a variable", "db1 'k[0]=5'\n", ["BAD_INI 1:5+8"]],
  ["an open quote", "db1 k='abc\n", ["BAD_INI 1:7+1"]],
  ["a backslash at the end", "db1 k=a\\\n", ["BAD_INI 1:8+1"]],
  ["a variable set twice for a host", "db1 k=1 k=2\n", ["DUPLICATE_KEY 1:9+3"]],
  ["a variable set twice for a group", "[a]\n[a:vars]\nk=1\n k = 2\n", ["DUPLICATE_KEY 4:2+1"]],
  ["a variable without =", "[a:vars]\nk\n", ["BAD_INI 2:1+1"]],
  ["a variable without a name", "[a:vars]\n=5\n", ["BAD_INI 2:1+1"]],
  ["a colon instead of =", "[a:vars]\nk: 5\n", ["BAD_INI 2:1+4"]],
  ["a host among children", "[a:children]\ndb1 x=1\n", ["BAD_INI 2:1+7"]],
  ["a bad range", "db[3:1]\n", ["BAD_RANGE 1:3+5"]],
  ["a bad port", "db:99999\n", ["BAD_VALUE 1:1+8"]],
  ["YAML", "---\n", ["BAD_INI 1:1+3"]],
  ["a control character", "db\u00001\n", ["CONTROL_CHARACTER 1:3+1"]],
  ["a carriage return within a line", "db1\rdb2\n", ["CONTROL_CHARACTER 1:4+1"]],
  [
    "several mistakes, all at once",
    "db1 x\n[a:b]\n[c]\ndb[1]\n",
    ["BAD_INI 1:5+1", "BAD_INI 2:4+1", "BAD_RANGE 4:3+3"],
  ],
] as const) {
  test(`readIni refuses ${name}`, () => {
    const { problems } = readIni({ file: "hosts", text });
    const found = problems.map(({ code, at }) => `${code} ${at?.line}:${at?.col}+${at?.length}`);
    assert.deepEqual(found, places);
  });
}

test("readIni offers the kind of section that was meant", () =>
  assert.equal(readIni({ file: "hosts", text: "[db:var]\n" }).problems[0]?.hint, 'did you mean "vars"?'));

test("readIni never throws, and every place lies within its line", () => {
  const nasty = fc.string({
    unit: fc.constantFrom("[db]", "[db:vars]", "[db:children]", "\n", "k=", ..."[]:'\"\\#;=, \t\r\u000001a\u{1f600}"),
  });
  fc.assert(
    fc.property(nasty, (text) => {
      const { problems } = readIni({ file: "hosts", text });
      const lines = text.split("\n");
      for (const { at } of problems) {
        assert.ok(at !== undefined && at.col >= 1);
        assert.ok(at.col - 1 + at.length <= Math.max(1, (lines[at.line - 1] ?? "").length));
      }
    }),
    { numRuns: 3000 },
  );
});
