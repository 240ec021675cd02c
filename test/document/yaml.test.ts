import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import type { DocumentNode } from "../../src/document/node.ts";
import { entryOf, toValue } from "../../src/document/value.ts";
import { readYaml } from "../../src/document/yaml.ts";

const read = (text: string) => readYaml({ file: "f.yml", text });
const shown = (text: string) => read(text).problems.map(formatDiagnostic).join("\n");
const plain = (text: string): unknown => {
  const { node, problems } = read(text);
  assert.deepEqual(problems, []);
  return node === undefined ? undefined : JSON.parse(JSON.stringify(toValue(node)));
};
const at = (node: DocumentNode | undefined) => node && [node.at.line, node.at.col, node.at.length];

for (const [name, text, value] of [
  ["an integer with a leading zero stays text", "a: 0600", { a: "0600" }],
  ["an integer with 0o stays text", "a: 0o600", { a: "0o600" }],
  ["zero is a number", "a: 0", { a: 0 }],
  ["a fraction is a number", "a: 0.5", { a: 0.5 }],
  ["digits that no number can hold stay text", "a: 12345678901234567890", { a: "12345678901234567890" }],
  ["yes and no stay strings", "a: yes\nb: no", { a: "yes", b: "no" }],
  ["yes stays a string under %YAML 1.1 as well", "%YAML 1.1\n---\na: yes\nb: 0600", { a: "yes", b: "0600" }],
  ["keys become strings", "1: a\ntrue: b\n0600: c", { "1": "a", true: "b", "0600": "c" }],
  ["an empty value is null", "a:\nb: 1", { a: null, b: 1 }],
  ["a BOM is nothing", "\uFEFFa: 1", { a: 1 }],
  ["an alias gives its anchor's value", "a: &x [1]\nb: *x", { a: [1], b: [1] }],
  [
    "a merge fills in, and an override is silent",
    "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3",
    { a: { b: 1, c: 2 }, d: { b: 3, c: 2 } },
  ],
  [
    "of several merges the first wins",
    "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}",
    { a: { b: 1 }, c: { b: 2, d: 3 }, e: { b: 1, d: 3 } },
  ],
  ["a quoted << is a key", 'a: {"<<": 1}', { a: { "<<": 1 } }],
  ["a tag that says string makes one", "a: !!str 12", { a: "12" }],
] as const) {
  test(`readYaml: ${name}`, () => assert.deepEqual(plain(text), value));
}

for (const text of ["", "# nothing\n", "---\n", "\uFEFF"]) {
  test(`readYaml: ${JSON.stringify(text)} holds nothing`, () => assert.equal(plain(text), undefined));
}

test("readYaml: __proto__ is a key like any other", () => {
  const value = toValue(read("__proto__: {polluted: 1}\nconstructor: 2").node ?? assert.fail());
  assert.deepEqual(Object.keys(value as object), ["__proto__", "constructor"]);
  assert.equal(Object.getPrototypeOf(value), null);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("readYaml: every value and key knows its place", () => {
  const { node } = read('top:\r\n  key: "quoted"\r\n  list:\r\n    - plain\r\n');
  assert.ok(node?.kind === "map");
  const top = entryOf(node, "top");
  assert.ok(top?.kind === "map");
  assert.deepEqual(at(entryOf(top, "key")), [2, 8, 8]);
  assert.equal(entryOf(top, "key")?.at.text, '  key: "quoted"');
  const list = entryOf(top, "list");
  assert.ok(list?.kind === "list");
  assert.deepEqual(at(list.items[0]), [4, 7, 5]);
  assert.equal(top.entries[1]?.keyAt.col, 3);
});

for (const [name, text, expected] of [
  [
    "a key given twice names both lines",
    "a: 1\nb: 2\na: 3",
    'f.yml:3:1: "a" is given twice, in line 1 and line 3 [DUPLICATE_KEY]\n  3 | a: 3\n    | ^\n  hint: remove one of them (the other is f.yml:1:1)',
  ],
  [
    "a tab in the indentation",
    "a:\n\tb: 1",
    "f.yml:2:1: tab in the indentation, expected spaces [TAB_INDENT]\n  2 | \tb: 1\n    | ^\n  hint: YAML allows only spaces before a key or an item",
  ],
  [
    "a tab after spaces",
    "a:\n  - b\n  \t- c: d",
    "f.yml:3:3: tab in the indentation, expected spaces [TAB_INDENT]\n  3 |   \t- c: d\n    |   ^\n  hint: YAML allows only spaces before a key or an item",
  ],
  [
    "Ansible's vault",
    "a: !vault |\n  3131",
    "f.yml:1:4: pgmtls does not know the tag !vault yet [UNSUPPORTED]\n  1 | a: !vault |\n    |    ^^^^^^\n  hint: Ansible's vault is not supported; keep secrets out of the file",
  ],
  [
    "another tag",
    "a: !!binary aGk=",
    "f.yml:1:4: pgmtls does not know the tag !!binary yet [UNSUPPORTED]\n  1 | a: !!binary aGk=\n    |    ^^^^^^^^",
  ],
  [
    "a template without quotes",
    "a: {{ x }}/y",
    'f.yml:1:11: unexpected scalar at node end [BAD_YAML]\n  1 | a: {{ x }}/y\n    |           ^^\n  hint: a value that starts with {{ needs quotes: "{{ name }}"',
  ],
  [
    "a template without quotes that YAML takes for maps",
    "a: {{ x }}",
    'f.yml:1:5: a map cannot be a key [BAD_YAML]\n  1 | a: {{ x }}\n    |     ^^^^^\n  hint: a value that starts with {{ needs quotes: "{{ name }}"',
  ],
  [
    "an unknown anchor",
    "a: &home 1\nb: *hom",
    'f.yml:2:4: unknown anchor "hom" [BAD_YAML]\n  2 | b: *hom\n    |    ^^^^\n  hint: did you mean "home"?',
  ],
  [
    "an alias inside its own anchor",
    "a: &x [*x]",
    'f.yml:1:8: alias "x" stands inside its own anchor [BAD_YAML]\n  1 | a: &x [*x]\n    |        ^^',
  ],
  [
    "a merge of what is no map",
    "a: &x 1\nb: {<<: *x}",
    'f.yml:1:7: "<<" merges maps, found a number [BAD_YAML]\n  1 | a: &x 1\n    |       ^',
  ],
  [
    "a second document",
    "a: 1\n---\nb: 2",
    'f.yml:2:1: a second document in the same file [UNSUPPORTED]\n  2 | ---\n    | ^^^\n  hint: remove the line "---" or "...", or split the file',
  ],
  [
    "a bracket that is not closed",
    "a: [1, 2",
    "f.yml:1:9: missing closing ], or too little indentation before it [BAD_YAML]\n  1 | a: [1, 2\n    |         ^",
  ],
  ["a quote that is not closed", "a: 'x", "f.yml:1:6: missing closing quote [BAD_YAML]\n  1 | a: 'x\n    |      ^"],
  [
    "a missing colon",
    "- name: x\n  foo\n  bar: 1",
    'f.yml:2:3: a key without a colon [BAD_YAML]\n  2 |   foo\n    |   ^^^\n  hint: is there a ":" missing after "foo"?',
  ],
  [
    "two mistakes in two lines",
    "a: @x\nb: `y`",
    "f.yml:1:4: plain value cannot start with reserved character @ [BAD_YAML]\n  1 | a: @x\n    |    ^\n  hint: put quotes around the value\nf.yml:2:4: plain value cannot start with reserved character ` [BAD_YAML]\n  2 | b: `y`\n    |    ^\n  hint: put quotes around the value",
  ],
] as const) {
  test(`readYaml tells of ${name}`, () => assert.equal(shown(text), expected));
}

test("readYaml: aliases cannot make a file grow without end", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i += 1)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
    );
  const [problem] = read(lines.join("\n")).problems;
  assert.equal(problem?.message, "aliases stand for more than 200000 values");
});

for (const depth of [300, 50_000]) {
  test(`readYaml: ${depth} brackets are one problem`, () => {
    const { problems } = read("[".repeat(depth) + "]".repeat(depth));
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["BAD_YAML"],
    );
  });
}

test("readYaml never throws, and every problem has a place inside the file", () => {
  const nasty = fc.string({
    unit: fc.constantFrom(
      "a",
      ":",
      " ",
      "\n",
      "-",
      "\t",
      "[",
      "]",
      "{",
      "}",
      "&a ",
      "*a",
      "<<: ",
      "!t ",
      "'",
      '"',
      "|",
      ">",
      "#",
      "0",
      "? ",
      "\r",
      "\0",
      "%",
      "\uFEFF",
    ),
    maxLength: 60,
  });
  fc.assert(
    fc.property(nasty, (text) => {
      const { node, problems } = read(text);
      if (node !== undefined) toValue(node);
      for (const { at: place } of problems) {
        assert.ok(place !== undefined && place.line >= 1 && place.col >= 1 && place.col <= place.text.length + 1);
      }
    }),
    { numRuns: 2000 },
  );
});
