import assert from "node:assert/strict";
import { test } from "node:test";
import { readYamlInventory } from "../../src/inventory/yaml.ts";

// What is right is compared with Ansible in ansible.test.ts.

for (const [name, text, places] of [
  ["a list instead of groups", "- db1\n", ["WRONG_TYPE 1:1"]],
  ["a word instead of groups", "db1\n", ["WRONG_TYPE 1:1"]],
  ["a group that is a word", "db: h1\n", ["WRONG_TYPE 1:5"]],
  ["a list of hosts", "db:\n  hosts:\n    - h1\n", ["WRONG_TYPE 3:5"]],
  ["a list of children", "db:\n  children: [a]\n", ["WRONG_TYPE 2:13"]],
  ["variables that are a word", "db:\n  vars: x\n", ["WRONG_TYPE 2:9"]],
  ["a host that is a word", "db:\n  hosts:\n    h1: 10.0.0.1\n", ["WRONG_TYPE 3:9"]],
  ["an unknown key", "db:\n  host: { h1: }\n", ["UNKNOWN_KEY 2:3"]],
  ["a host without `hosts`", "db:\n  h1:\n", ["UNKNOWN_KEY 2:3"]],
  ["a bad range", "db:\n  hosts:\n    h[3:1]:\n", ["BAD_RANGE 3:6"]],
  ["a bad range in quotes", 'db:\n  hosts:\n    "h[3:1]": {}\n', ["BAD_RANGE 3:7"]],
  ["a host as INI writes it", "db:\n  hosts:\n    h1 a=1:\n", ["BAD_VALUE 3:5"]],
  ["a plugin", "plugin: aws_ec2\nregions: [x]\n", ["UNSUPPORTED 1:1"]],
  ["two mistakes at once", "db:\n  var: {}\n  hosts: [a]\n", ["WRONG_TYPE 3:10", "UNKNOWN_KEY 2:3"]],
  ["the same key twice", "db:\n  hosts:\n    h1:\n    h1:\n", ["DUPLICATE_KEY 4:5"]],
] as const) {
  test(`readYamlInventory refuses ${name}`, () => {
    const { problems } = readYamlInventory({ file: "prod.yml", text });
    assert.deepEqual(
      problems.map(({ code, at }) => `${code} ${at?.line}:${at?.col}`),
      places,
    );
  });
}

for (const [key, hint] of [
  ["host", 'did you mean "hosts"?'],
  ["childern", 'did you mean "children"?'],
  ["frankfurt", 'groups belong under "children", variables under "vars"'],
] as const) {
  test(`readYamlInventory: advice for the key "${key}"`, () => {
    const { problems } = readYamlInventory({ file: "prod.yml", text: `db:\n  ${key}: {}\n` });
    assert.equal(problems[0]?.hint, hint);
  });
}

test("readYamlInventory: an empty file holds no groups", () =>
  assert.deepEqual(readYamlInventory({ file: "prod.yml", text: "# nothing\n" }), {
    part: { hosts: [], groups: [] },
    problems: [],
  }));
