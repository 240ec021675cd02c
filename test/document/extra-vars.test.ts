import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import { readExtraVars } from "../../src/document/extra-vars.ts";
import { toValue } from "../../src/document/value.ts";

const FILES: Readonly<Record<string, string>> = { "vars.yml": "a: 1\nb: [x]\n", "bad.yml": "a: [1\n" };

function readFile(path: string): string {
  const text = FILES[path];
  if (text !== undefined) return text;
  throw Object.assign(new Error("refused"), { code: path === "secret.yml" ? "EACCES" : "ENOENT" });
}

for (const [argument, expected] of [
  ["a=1", { a: "1" }],
  ["a=1 b=x=y", { a: "1", b: "x=y" }],
  ["a='x y' b=\"q\\\"\" c=p' 'q", { a: "x y", b: 'q"', c: "p q" }],
  ["mode=0600 empty=", { mode: "0600", empty: "" }],
  ["{a: 1, mode: 0600, on: yes}", { a: 1, mode: "0600", on: "yes" }],
  ['{"a": [1, null, true]}', { a: [1, null, true] }],
  ["@vars.yml", { a: 1, b: ["x"] }],
] as const) {
  test(`readExtraVars: ${argument}`, () => {
    const { variables, problems } = readExtraVars(argument, readFile);
    assert.deepEqual(problems, []);
    assert.deepEqual(Object.fromEntries([...variables].map(([name, node]) => [name, toValue(node)])), expected);
  });
}

test("readExtraVars: values know their place in the argument or the file", () => {
  const at = (argument: string, name: string) => readExtraVars(argument, readFile).variables.get(name)?.at;
  assert.deepEqual(at("a=1 b='x y'", "b"), { file: "-e", line: 1, col: 7, length: 5, text: "a=1 b='x y'" });
  assert.deepEqual(at("@vars.yml", "b"), { file: "vars.yml", line: 2, col: 4, length: 3, text: "b: [x]" });
});

for (const [argument, expected] of [
  [
    "a=1 zork",
    '-e:1:5: "zork" is no variable, expected name=value, {name: value} or @file [BAD_ARGUMENT]\n  1 | a=1 zork\n    |     ^^^^',
  ],
  [
    "my-var=1",
    '-e:1:1: "my-var=1" is no variable, expected name=value, {name: value} or @file [BAD_ARGUMENT]\n  1 | my-var=1\n    | ^^^^^^^^',
  ],
  ["", '-e:1:1: "" is no variable, expected name=value, {name: value} or @file [BAD_ARGUMENT]\n  1 | \n    | ^'],
  ["[1]", "-e:1:1: extra variables are a list, expected a map [WRONG_TYPE]\n  1 | [1]\n    | ^^^"],
  [
    "{my-var: 1}",
    '-e:1:2: "my-var" cannot be the name of a variable, expected letters, digits and underscores [BAD_VALUE]\n  1 | {my-var: 1}\n    |  ^^^^^^\n  hint: call it "my_var"',
  ],
  ["@nowhere.yml", "-e:1:2: no file nowhere.yml [FILE_MISSING]\n  1 | @nowhere.yml\n    |  ^^^^^^^^^^^"],
  ["@secret.yml", "-e:1:2: cannot read secret.yml: EACCES [FILE_UNREADABLE]\n  1 | @secret.yml\n    |  ^^^^^^^^^^"],
  [
    "@bad.yml",
    "bad.yml:1:6: missing closing ], or too little indentation before it [BAD_YAML]\n  1 | a: [1\n    |      ^",
  ],
] as const) {
  test(`readExtraVars tells of ${JSON.stringify(argument)}`, () => {
    assert.equal(readExtraVars(argument, readFile).problems.map(formatDiagnostic).join("\n"), expected);
  });
}
