import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toValue } from "../../src/document/value.ts";
import { readPythonLiteral } from "../../src/inventory/python-literal.ts";

const place = (start: number, end: number) => ({ file: "x", line: 1, col: start + 1, length: end - start, text: "" });

// What Ansible reads the same way is compared with Ansible itself in ansible.test.ts.
for (const [name, text, value] of [
  ["a file mode stays text", "0600", "0600"],
  ["an octal literal stays text", "0o600", "0o600"],
  ["a mode in a list stays text", "[0640, 1]", ["0640", 1]],
  ["zeros stay text", "00", "00"],
  ["a whole number too large for a double stays text", "9007199254740993", "9007199254740993"],
  ["a float that is infinite stays text", "1e999", "1e999"],
  ["the largest exact number is one", "9007199254740991", 9007199254740991],
  ["the last of equal keys counts", "{'a': 1, 'a': 2}", { a: 2 }],
  ["__proto__ is a key like any other", "{'__proto__': 1}", JSON.parse('{"__proto__": 1}')],
] as const) {
  test(`readPythonLiteral: ${name}`, () => {
    const node = readPythonLiteral(text, place);
    assert.ok(node !== undefined);
    assert.equal(JSON.stringify(toValue(node)), JSON.stringify(value));
  });
}

for (const text of [
  "",
  " ",
  "abc",
  "1 2",
  "[1",
  "[1 2]",
  "{1}",
  "{'a' 1}",
  "'a",
  "1j",
  "b'x'",
  "f'x'",
  "[,]",
  "--1",
  "'\\x1'",
]) {
  test(`readPythonLiteral: ${JSON.stringify(text)} is none`, () =>
    assert.equal(readPythonLiteral(text, place), undefined));
}

test("readPythonLiteral: every value knows where it stands", () => {
  const node = readPythonLiteral(" {'ab': [1, 'x']}", place);
  assert.ok(node?.kind === "map");
  const list = node.entries[0]?.value;
  assert.ok(list?.kind === "list");
  const columns = [node.at, node.entries[0]?.keyAt, list.at, list.items[1]?.at].map((at) => [at?.col, at?.length]);
  assert.deepEqual(columns, [
    [2, 16],
    [3, 4],
    [9, 8],
    [13, 3],
  ]);
});

test("readPythonLiteral: nesting without end is none", () =>
  assert.equal(readPythonLiteral("[".repeat(100_000), place), undefined));

test("readPythonLiteral never throws", () => {
  const nasty = fc.string({ unit: fc.constantFrom(..."[]{}()'\"\\,:#0123xoe._+-jrTruNn \t\u{1f600}") });
  fc.assert(
    fc.property(nasty, (text) => void readPythonLiteral(text, place)),
    { numRuns: 2000 },
  );
});

test("readPythonLiteral reads back what JSON writes, true, false and null aside", () => {
  const unit = fc.string({ unit: fc.constantFrom(..."a'\"\\\n\t é\u{1f600}0") });
  const leaf = fc.oneof(unit, fc.integer());
  const { value: json } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value")),
      fc.dictionary(unit, tie("value"), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(json, (value) => {
      const node = readPythonLiteral(JSON.stringify(value), place);
      assert.equal(JSON.stringify(node && toValue(node)), JSON.stringify(value));
    }),
  );
});
