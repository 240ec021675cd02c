import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import type { DocumentNode } from "../../src/document/node.ts";
import type { ArgumentSchema } from "../../src/document/schema.ts";
import { validate, validateUnrendered } from "../../src/document/validate.ts";
import { readYaml } from "../../src/document/yaml.ts";
import { TASK_SCHEMAS } from "../../src/tasks/registry.ts";

const description = "for the test";
const SCHEMA: ArgumentSchema = {
  type: "object",
  additionalProperties: false,
  required: ["dest"],
  properties: {
    dest: { type: "string", minLength: 1, format: "host-path", description },
    owner: { type: "string", format: "name", description },
    label: { type: "string", format: "one-line", description },
    content: { type: "string", description },
    mode: { type: "string", format: "file-mode", description },
    backup: { type: "boolean", default: false, description },
    how: { type: "string", enum: ["auto", "reload"], default: "auto", description },
    days: { type: "integer", minimum: 1, maximum: 90, description },
    name: { type: "string", pattern: "^[a-z]+$", description: "lower case letters" },
    settings: { type: "object", additionalProperties: { type: ["string", "number", "boolean"] }, description },
    position: {
      anyOf: [
        { enum: ["first", "last"] },
        {
          type: "object",
          additionalProperties: false,
          required: ["before"],
          properties: { before: { type: "string" } },
        },
      ],
      description,
    },
    records: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["type"],
        properties: { type: { type: "string", enum: ["host", "hostssl"] }, on: { type: "boolean" } },
      },
      description,
    },
  },
};
const CHOICE: ArgumentSchema = {
  type: "object",
  additionalProperties: false,
  properties: { src: { type: "string", description }, content: { type: "string", description } },
  oneOf: [{ required: ["src"] }, { required: ["content"] }],
};

function node(text: string): DocumentNode {
  const { node: read, problems } = readYaml({ file: "t.yml", text });
  assert.deepEqual(problems, []);
  return read ?? assert.fail();
}
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

for (const [name, text, value] of [
  ["defaults are filled in", "dest: /x", { dest: "/x", backup: false, how: "auto" }],
  [
    "yes is a boolean where one is wanted",
    "{dest: x, backup: yes, records: [{type: host, on: 'off'}]}",
    { dest: "x", backup: true, how: "auto", records: [{ type: "host", on: false }] },
  ],
  [
    "yes stays a string where strings are allowed too",
    "{dest: x, content: yes, settings: {ssl: on}}",
    { dest: "x", content: "yes", settings: { ssl: "on" }, backup: false, how: "auto" },
  ],
  ["a mode keeps its text", "{dest: x, mode: 0600}", { dest: "x", mode: "0600", backup: false, how: "auto" }],
  ["quoted octal digits are a mode", "{dest: x, mode: '600'}", { dest: "x", mode: "600", backup: false, how: "auto" }],
  ["a symbolic mode", "{dest: x, mode: 'u=rw,go='}", { dest: "x", mode: "u=rw,go=", backup: false, how: "auto" }],
  [
    "content may have line feeds",
    '{dest: x, content: "a\\nb"}',
    { dest: "x", content: "a\nb", backup: false, how: "auto" },
  ],
  [
    "each alternative",
    "{dest: x, position: {before: y}}",
    { dest: "x", position: { before: "y" }, backup: false, how: "auto" },
  ],
] as const) {
  test(`validate: ${name}`, () => {
    const { value: found, problems } = validate(SCHEMA, node(text));
    assert.deepEqual(problems, []);
    assert.deepEqual(plain(found), value);
  });
}

test("validate says where each value is written, and nothing of defaults", () => {
  const { places } = validate(SCHEMA, node("dest: /x\nrecords:\n  - type: host\n"));
  const found = [...places].map(([pointer, { line, col }]) => [pointer, line, col]);
  assert.deepEqual(found, [
    ["", 1, 1],
    ["/dest", 1, 7],
    ["/records", 3, 3],
    ["/records/0", 3, 5],
    ["/records/0/type", 3, 11],
  ]);
});

for (const [name, text, expected] of [
  [
    "an unknown key",
    "{dest: x, ownr: y}",
    't.yml:1:11: unknown key "ownr", expected dest, owner, label, content, mode, backup, how, days, name, settings, position or records [UNKNOWN_KEY]\n  1 | {dest: x, ownr: y}\n    |           ^^^^\n  hint: did you mean "owner"?',
  ],
  [
    "an unknown key further down",
    "{dest: x, records: [{typ: host, type: host}]}",
    't.yml:1:22: unknown key "typ", expected type or on [UNKNOWN_KEY]\n  1 | {dest: x, records: [{typ: host, type: host}]}\n    |                      ^^^\n  hint: did you mean "type"?',
  ],
  ["a missing key", "{owner: y}", 't.yml:1:1: missing key "dest" [MISSING_KEY]\n  1 | {owner: y}\n    | ^^^^^^^^^^'],
  [
    "a wrong type",
    "{dest: 5}",
    't.yml:1:8: "dest" is a number, expected a string [WRONG_TYPE]\n  1 | {dest: 5}\n    |        ^\n  hint: put quotes around it: "5"',
  ],
  [
    "a wrong type in a list",
    "{dest: x, records: [5]}",
    't.yml:1:21: "records[0]" is a number, expected a map [WRONG_TYPE]\n  1 | {dest: x, records: [5]}\n    |                     ^',
  ],
  [
    "one of several types",
    "{dest: x, settings: {a: [1]}}",
    't.yml:1:25: "settings.a" is a list, expected a string, a number or a boolean [WRONG_TYPE]\n  1 | {dest: x, settings: {a: [1]}}\n    |                         ^^^',
  ],
  [
    "digits for a number",
    "{dest: x, days: '5'}",
    "t.yml:1:17: \"days\" is a string, expected a whole number [WRONG_TYPE]\n  1 | {dest: x, days: '5'}\n    |                 ^^^\n  hint: write it without quotes; where a variable gives it, turn it: | int",
  ],
  [
    "no boolean",
    "{dest: x, backup: maybe}",
    't.yml:1:19: "backup" is a string, expected a boolean [WRONG_TYPE]\n  1 | {dest: x, backup: maybe}\n    |                   ^^^^^\n  hint: write true or false',
  ],
  [
    "nothing where something is wanted",
    "{dest: x, owner: }",
    't.yml:1:18: "owner" is empty, expected a string [WRONG_TYPE]\n  1 | {dest: x, owner: }\n    |                  ^',
  ],
  ["an empty string", "{dest: ''}", "t.yml:1:8: \"dest\" is empty [BAD_VALUE]\n  1 | {dest: ''}\n    |        ^^"],
  [
    "a value that is not allowed",
    "{dest: x, how: rload}",
    't.yml:1:16: "how" is "rload", expected auto or reload [BAD_VALUE]\n  1 | {dest: x, how: rload}\n    |                ^^^^^\n  hint: did you mean "reload"?',
  ],
  [
    "a number that is too small",
    "{dest: x, days: 0}",
    't.yml:1:17: "days" is 0, expected at least 1 [BAD_VALUE]\n  1 | {dest: x, days: 0}\n    |                 ^',
  ],
  [
    "a pattern",
    "{dest: x, name: A}",
    't.yml:1:17: "name" is "A", expected what matches ^[a-z]+$ [BAD_VALUE]\n  1 | {dest: x, name: A}\n    |                 ^\n  hint: lower case letters',
  ],
  [
    "a mode written as a number",
    "{dest: x, mode: 600}",
    't.yml:1:17: "mode" is the number 600, which looks decimal [BAD_MODE]\n  1 | {dest: x, mode: 600}\n    |                 ^^^\n  hint: write it in octal, as text: "0600"',
  ],
  [
    "a mode that went through a number",
    "{dest: x, mode: 384}",
    't.yml:1:17: "mode" is the number 384, which looks decimal [BAD_MODE]\n  1 | {dest: x, mode: 384}\n    |                 ^^^\n  hint: write it in octal, as text: "0600"',
  ],
  [
    "a mode that is none",
    "{dest: x, mode: 0800}",
    't.yml:1:17: "mode": "0800" is not an octal mode of three or four digits [BAD_MODE]\n  1 | {dest: x, mode: 0800}\n    |                 ^^^^\n  hint: write it like "0600" or "u=rw,go="',
  ],
  [
    "a line feed in a path",
    '{dest: "a\\nb"}',
    't.yml:1:8: "dest" holds a line feed [CONTROL_CHARACTER]\n  1 | {dest: "a\\nb"}\n    |        ^^^^^^',
  ],
  [
    "a NUL in a name",
    '{dest: x, owner: "a\\0"}',
    't.yml:1:18: "owner" holds a NUL [CONTROL_CHARACTER]\n  1 | {dest: x, owner: "a\\0"}\n    |                  ^^^^^',
  ],
  [
    "a carriage return in a line",
    '{dest: x, label: "a\\r"}',
    't.yml:1:18: "label" holds a carriage return [CONTROL_CHARACTER]\n  1 | {dest: x, label: "a\\r"}\n    |                  ^^^^^',
  ],
  [
    "the alternative that is meant",
    "{dest: x, position: {befor: y}}",
    't.yml:1:21: missing key "before" [MISSING_KEY]\n  1 | {dest: x, position: {befor: y}}\n    |                     ^^^^^^^^^^',
  ],
  [
    "a word that is no alternative",
    "{dest: x, position: lst}",
    't.yml:1:21: "position" is "lst", expected first or last [BAD_VALUE]\n  1 | {dest: x, position: lst}\n    |                     ^^^\n  hint: did you mean "last"?',
  ],
  [
    "a kind that is no alternative",
    "{dest: x, position: 5}",
    't.yml:1:21: "position" is a number, expected first or last or a map [WRONG_TYPE]\n  1 | {dest: x, position: 5}\n    |                     ^',
  ],
] as const) {
  test(`validate tells of ${name}`, () => {
    const { value, problems } = validate(SCHEMA, node(text));
    assert.equal(value, undefined);
    assert.equal(problems.map(formatDiagnostic).join("\n"), expected);
  });
}

for (const [text, message] of [
  ["{}", 'missing key, expected "src" or "content"'],
  ["{src: a, content: b}", 'only one of "src" or "content" can be given'],
] as const) {
  test(`validate: ${text} is not one of two`, () => {
    assert.deepEqual(
      validate(CHOICE, node(text)).problems.map((problem) => problem.message),
      [message],
    );
  });
}

test("validate tells all mistakes, in the order of the file", () => {
  const { problems } = validate(SCHEMA, node("days: x\nzork: 1\nmode: 600\n"));
  assert.deepEqual(
    problems.map(({ code }) => code),
    ["MISSING_KEY", "WRONG_TYPE", "UNKNOWN_KEY", "BAD_MODE"],
  );
});

test("validateUnrendered tells what no template can mend, in the words of validate", () => {
  const args = node(
    "dest: '{{ x }}'\ndays: '{{ x }}'\nposition: {before: '{{ x }}', aft: 1}\nmode: 600\nzork: 1\nrecords: '{{ x }}'\n",
  );
  const found = validateUnrendered(SCHEMA, args);
  assert.deepEqual(
    found.map(({ code }) => code),
    ["BAD_MODE", "UNKNOWN_KEY"],
  );
  for (const problem of found)
    assert.ok(validate(SCHEMA, args).problems.some((other) => formatDiagnostic(other) === formatDiagnostic(problem)));
  assert.deepEqual(validateUnrendered(CHOICE, node("src: '{{ x }}'")), []);
  assert.deepEqual(
    validateUnrendered(CHOICE, node("zork: '{{ x }}'")).map(({ code }) => code),
    ["MISSING_KEY", "UNKNOWN_KEY"],
  );
});

test("validate leaves the node as it is, so that it can be used for the next host", () => {
  const args = node("dest: x");
  const before = JSON.stringify(args);
  validate(SCHEMA, args);
  assert.equal(JSON.stringify(args), before);
});

for (const [name, schema] of TASK_SCHEMAS) {
  test(`validate takes the schema of ${name}`, () => {
    const { problems } = validate(schema, node("zork: 1"));
    assert.ok(problems.some(({ code }) => code === "UNKNOWN_KEY"));
  });
}
