import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import { conditionTests } from "../../src/document/condition-tests.ts";
import { filters } from "../../src/document/filters.ts";
import type { DocumentNode, Value } from "../../src/document/node.ts";
import { Scope } from "../../src/document/scope.ts";
import { checkCondition, checkTemplates, evaluateCondition, renderNode } from "../../src/document/template.ts";
import { entryOf, toValue } from "../../src/document/value.ts";
import { readYaml } from "../../src/document/yaml.ts";

function variables(text: string, file = "vars.yml"): ReadonlyMap<string, DocumentNode> {
  const { node, problems } = readYaml({ file, text });
  assert.deepEqual(problems, []);
  return new Map(node?.kind === "map" ? node.entries.map(({ key, value }) => [key, value]) : []);
}

const VARIABLES = variables(`
name: db1
count: 3
none_at_all: null
flag: true
words: [b, a, C, a]
cluster: { version: 15, dir: { data: /var/lib/pg } }
hosts: [{ name: a, port: 1 }, { name: b }]
composed: "{{ name }}-{{ count }}"
twice: "{{ composed }}!"
braces: "{{ '{{' }} name }}"
loop_a: "{{ loop_b }}"
loop_b: "x{{ loop_a }}"
broken: "{{ nam3 }}/x"
uses_broken: "{{ broken }}"
says_false: "false"
mode: 0600
`);
const scope = new Scope([VARIABLES], { inventory_hostname: "db1.example.com" });

function valueNode(text: string): DocumentNode {
  const at = { file: "t.yml", line: 1, col: 1, length: text.length, text };
  return { kind: "scalar", value: text, at };
}

const json = (value: Value): unknown => JSON.parse(JSON.stringify(value));
const rendered = (text: string) => {
  const { node, problems } = renderNode(valueNode(text), scope);
  assert.deepEqual(problems, []);
  return json(toValue(node));
};
const faults = (text: string) => renderNode(valueNode(text), scope).problems.map(formatDiagnostic).join("\n");

for (const [text, value] of [
  ["plain", "plain"],
  ["{{ name }}", "db1"],
  ["host {{ name }}, {{ count }}", "host db1, 3"],
  // a lone expression keeps its type
  ["{{ count }}", 3],
  ["{{ flag }}", true],
  ["{{ none_at_all }}", null],
  ["{{ words }}", ["b", "a", "C", "a"]],
  ["{{ cluster.dir }}", { data: "/var/lib/pg" }],
  ["{{ mode }}", "0600"],
  // in a text, values read as Ansible shows them
  ["{{ flag }} {{ none_at_all }}.", "True ."],
  // variables hold templates, which are rendered once
  ["{{ composed }}", "db1-3"],
  ["{{ twice }}", "db1-3!"],
  ["{{ braces }}", "{{ name }}"],
  ["<{{ braces }}>", "<{{ name }}>"],
  ["{{ inventory_hostname }}", "db1.example.com"],
  // look-ups
  ["{{ cluster.dir.data }}", "/var/lib/pg"],
  ["{{ cluster['dir']['data'] }}", "/var/lib/pg"],
  ["{{ words[0] }}{{ words[-1] }}", "ba"],
  ["{{ hosts[1].name }}", "b"],
  // operators, with Jinja's precedence
  ["{{ 1 + 2 * 3 }}", 7],
  ["{{ 10 * 7 // 4 }}", 17],
  ["{{ 7 - 2 + 1 }}", 6],
  ["{{ -7 // 2 }}", -4],
  ["{{ -7 % 3 }}", 2],
  ["{{ 2 ** 10 }}", 1024],
  ["{{ 7 / 2 }}", 3.5],
  ["{{ 'a' ~ 1 ~ flag }}", "a1True"],
  ["{{ 'a' + 'b' }}", "ab"],
  ["{{ [1] + [2] }}", [1, 2]],
  ["{{ 1 < 2 < 3 and not 3 < 2 }}", true],
  ["{{ 'a' in words and 'x' not in words and 'dir' in cluster and 'b1' in name }}", true],
  ["{{ 'yes' if flag else 'no' }}", "yes"],
  ["{{ 'yes' if zork is defined }}", ""],
  ["{{ {'a': {'b': 1}} }}", { a: { b: 1 } }],
  ["{{ (1, 2) }}", [1, 2]],
  ["{{ True and None }}", null],
  ["{{ name == 'db1' is string }}", false],
  ["{{ cluster == {'version': 15, 'dir': {'data': '/var/lib/pg'}} }}", true],
  // filters
  ["{{ zork | default('d') }}", "d"],
  ["{{ zork.a.b | default('d') }}", "d"],
  ["{{ broken | default('d') }}", "d"],
  ["{{ '' | default('d') }}", ""],
  ["{{ '' | default('d', true) }}", "d"],
  ["{{ zork | d(none) }}", null],
  ["{{ name | upper | lower | capitalize }}", "Db1"],
  ["{{ ' a ' | trim }}", "a"],
  ["{{ 'a.b.c' | replace('.', '$&') }}", "a$&b$&c"],
  ["{{ words | join(', ') }}", "b, a, C, a"],
  ["{{ hosts | join('+', attribute='name') }}", "a+b"],
  ["{{ words | first ~ words | last }}", "ba"],
  ["{{ words | length + name | length }}", 7],
  ["{{ '12' | int + 1 }}", 13],
  ["{{ 'x' | int(default=5) }}", 5],
  ["{{ '0x1f' | int(base=16) }}", 31],
  ["{{ count | string }}", "3"],
  ["{{ ['yes', 'no', '1', 'x', 1] | map('bool') | list }}", [true, false, true, false, true]],
  ["{{ words | unique }}", ["b", "a", "C"]],
  ["{{ words | sort }}", ["a", "a", "b", "C"]],
  ["{{ words | sort(case_sensitive=true, reverse=true) }}", ["b", "a", "a", "C"]],
  ["{{ cluster | to_json }}", '{"version": 15, "dir": {"data": "/var/lib/pg"}}'],
  ["{{ 'ä' | b64encode }}", "w6Q="],
  ["{{ 'ab' | list }}", ["a", "b"]],
  ["{{ hosts | map(attribute='name') | list }}", ["a", "b"]],
  ["{{ hosts | map(attribute='port', default=9) | list }}", [1, 9]],
  ["{{ words | map('upper') | list }}", ["B", "A", "C", "A"]],
  ["{{ words | map('replace', 'a', 'z') | list }}", ["b", "z", "C", "z"]],
  ["{{ words | select('match', '[ab]') | list }}", ["b", "a", "a"]],
  ["{{ words | reject('equalto', 'a') | list }}", ["b", "C"]],
  ["{{ [0, 1, '', 'x'] | select | list }}", [1, "x"]],
  ["{{ hosts | selectattr('port', 'defined') | map(attribute='name') | list }}", ["a"]],
  ["{{ hosts | rejectattr('name', '==', 'a') | length }}", 1],
  ["{{ 'db1.example.com' | regex_replace('^(\\w+)\\.(?P<rest>.*)$', '\\g<rest>-\\1$&') }}", "example.com-db1$&"],
  ["{{ flag | ternary('a', 'b') }}", "a"],
  ["{{ cluster | combine({'version': 16}) }}", { version: 16, dir: { data: "/var/lib/pg" } }],
  [
    "{{ cluster | combine({'dir': {'log': '/l'}}, recursive=true) }}",
    { version: 15, dir: { data: "/var/lib/pg", log: "/l" } },
  ],
  ["{{ [1, [2, [3]]] | flatten }}", [1, 2, 3]],
  ["{{ [1, [2, [3]]] | flatten(levels=1) }}", [1, 2, [3]]],
  ["{{ '/a/b.c' | basename }} {{ '/a/b.c' | dirname }}", "b.c /a"],
  ["{{ 'a,b' | split(',') }}", ["a", "b"]],
  // tests
  ["{{ name is defined and zork is not defined and zork is undefined }}", true],
  [
    "{{ none_at_all is none and name is string and count is number and cluster is mapping and words is sequence }}",
    true,
  ],
  ["{{ 'a' is in words and name is match('^db') and name is search('1') and name is not match('b') }}", true],
  ["{{ name is equalto 'db1' and count is eq 3 }}", true],
  ["{{ words is truthy }}", true],
] as const) {
  test(`renderNode: ${text}`, () => assert.deepEqual(rendered(text), value));
}

for (const [text, expected] of [
  [
    "{{ nam3 }}",
    't.yml:1:4: undefined variable "nam3" [UNDEFINED_VARIABLE]\n  1 | {{ nam3 }}\n    |    ^^^^\n  hint: did you mean "name"?',
  ],
  [
    "{{ cluster.dri }}",
    't.yml:1:12: undefined variable "cluster.dri" [UNDEFINED_VARIABLE]\n  1 | {{ cluster.dri }}\n    |            ^^^\n  hint: did you mean "dir"?',
  ],
  [
    "a {{ hosts[5] }}",
    't.yml:1:12: undefined variable "hosts[5]" [UNDEFINED_VARIABLE]\n  1 | a {{ hosts[5] }}\n    |            ^',
  ],
  [
    "{{ uses_broken }}",
    'vars.yml:14:13: undefined variable "nam3" [UNDEFINED_VARIABLE]\n  14 | broken: "{{ nam3 }}/x"\n     |             ^^^^\n  hint: did you mean "name"? (used by t.yml:1:1)',
  ],
  [
    "{{ loop_a }}",
    'vars.yml:13:14: variables refer to each other in a loop: loop_a -> loop_b -> loop_a [BAD_TEMPLATE]\n  13 | loop_b: "x{{ loop_a }}"\n     |              ^^^^^^\n  hint: used by t.yml:1:1',
  ],
  [
    "{{ name | uper }}",
    't.yml:1:11: unknown filter "uper" [BAD_TEMPLATE]\n  1 | {{ name | uper }}\n    |           ^^^^\n  hint: did you mean "upper"?',
  ],
  [
    "{{ name is strin }}",
    't.yml:1:12: unknown test "strin" [BAD_TEMPLATE]\n  1 | {{ name is strin }}\n    |            ^^^^^\n  hint: did you mean "string"?',
  ],
  [
    "{{ words | join(sep='x') }}",
    't.yml:1:12: "join" has no argument "sep" [BAD_TEMPLATE]\n  1 | {{ words | join(sep=\'x\') }}\n    |            ^^^^',
  ],
  [
    "{{ name | upper(1) }}",
    't.yml:1:11: "upper" takes at most 0 arguments, found 1 [BAD_TEMPLATE]\n  1 | {{ name | upper(1) }}\n    |           ^^^^^',
  ],
  [
    "x {{ words }}",
    "t.yml:1:6: a list cannot stand in the middle of a text [BAD_TEMPLATE]\n  1 | x {{ words }}\n    |      ^^^^^\n  hint: join its items: | join(', ')",
  ],
  [
    "{% if a %}b{% endif %}",
    "t.yml:1:1: blocks ({% %}) are not supported [BAD_TEMPLATE]\n  1 | {% if a %}b{% endif %}\n    | ^",
  ],
  ["{{ name", "t.yml:1:1: template is not closed, expected }} [BAD_TEMPLATE]\n  1 | {{ name\n    | ^^"],
  [
    "{{ name count }}",
    't.yml:1:9: unexpected "count" in the template [BAD_TEMPLATE]\n  1 | {{ name count }}\n    |         ^',
  ],
  ["{{ }}", "t.yml:1:4: template is empty or ends too early [BAD_TEMPLATE]\n  1 | {{ }}\n    |    ^"],
  ["{{ 'a }}", "t.yml:1:4: missing closing quote [BAD_TEMPLATE]\n  1 | {{ 'a }}\n    |    ^"],
  ["{{ count / 0 }}", "t.yml:1:10: division by zero [BAD_TEMPLATE]\n  1 | {{ count / 0 }}\n    |          ^"],
  [
    "{{ count < name }}",
    "t.yml:1:10: a number and a string have no order [BAD_TEMPLATE]\n  1 | {{ count < name }}\n    |          ^\n  hint: turn the string into a number: | int",
  ],
  [
    "{{ 1 + 'a' }}",
    "t.yml:1:6: cannot compute a number + a string [BAD_TEMPLATE]\n  1 | {{ 1 + 'a' }}\n    |      ^\n  hint: ~ puts values of any kind into one text",
  ],
  [
    "{{ zork | mandatory('give zork') }}",
    "t.yml:1:11: give zork [BAD_TEMPLATE]\n  1 | {{ zork | mandatory('give zork') }}\n    |           ^^^^^^^^^",
  ],
  [
    "{{ 'a' | regex_replace('(', '') }}",
    "t.yml:1:10: \"(\" is not a regular expression [BAD_TEMPLATE]\n  1 | {{ 'a' | regex_replace('(', '') }}\n    |          ^^^^^^^^^^^^^",
  ],
] as const) {
  test(`renderNode tells of ${text}`, () => assert.equal(faults(text), expected));
}

// What a template must never reach, however it is asked for.
for (const text of [
  "{{ constructor }}",
  "{{ __proto__ }}",
  "{{ process }}",
  "{{ process.env.HOME }}",
  "{{ globalThis }}",
  "{{ global.process }}",
  "{{ require }}",
  "{{ this }}",
  "{{ self }}",
  "{{ ''.constructor }}",
  "{{ ''['constructor'] }}",
  "{{ ''.__proto__ }}",
  "{{ name.length }}",
  "{{ words.length }}",
  "{{ words.map }}",
  "{{ cluster.constructor }}",
  "{{ cluster.__proto__ }}",
  "{{ cluster['__proto__']['constructor'] }}",
  "{{ cluster.hasOwnProperty }}",
  "{{ {}.constructor }}",
  "{{ [].constructor }}",
  "{{ (1).constructor }}",
  "{{ hosts | map(attribute='constructor') | list }}",
  "{{ hosts | map(attribute='__proto__.constructor') | list }}",
  "{{ words | map(attribute='length') | list }}",
  "{{ hosts | map('constructor') | list }}",
  "{{ words | select('constructor') | list }}",
  "{{ name | constructor }}",
  "{{ name | __proto__ }}",
  "{{ name is constructor }}",
  "{{ name | toString }}",
  "{{ ''.constructor.constructor('return process')() }}",
  "{{ name.toUpperCase() }}",
  "{{ range(3) }}",
  "{{ lookup('pipe', 'id') }}",
  "{{ cycler.__init__ }}",
  "{{ r/a/ }}",
]) {
  test(`renderNode reaches nothing by ${text}`, () => {
    const { node, problems } = renderNode(valueNode(text), scope);
    assert.equal(problems.length, 1);
    assert.ok(["UNDEFINED_VARIABLE", "BAD_TEMPLATE"].includes(problems[0]?.code ?? ""));
    assert.equal(toValue(node), null);
  });
}

test("a map written in a template has no prototype, and its __proto__ is a plain key", () => {
  const { node, problems } = renderNode(valueNode("{{ {'__proto__': {'polluted': 1}} | combine({'a': 1}) }}"), scope);
  assert.deepEqual(problems, []);
  assert.deepEqual(node.kind === "map" && node.entries.map(({ key }) => key), ["__proto__", "a"]);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("the tables of filters and tests hold functions under their own names only", () => {
  for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    assert.equal(filters.has(name), false);
    assert.equal(conditionTests.has(name), false);
  }
});

test("a variable's value is never read as a template, however often it passes through one", () => {
  const hostile = variables('evil: "{{ \'{{ secret }}\' }}"\nsecret: s3cret\nuser: "u-{{ evil }}"');
  const { node } = renderNode(valueNode("{{ user }} {{ evil | upper }}"), new Scope([hostile]));
  assert.equal(toValue(node), "u-{{ secret }} {{ SECRET }}");
});

test("later layers win, and values over all", () => {
  const two = new Scope([variables("a: 1\nb: 1\nc: 1"), variables("b: 2\nc: 2")], { c: 3 });
  assert.equal(toValue(renderNode(valueNode("{{ a }}{{ b }}{{ c }}"), two).node), "123");
});

test("omit leaves its entry or item out", () => {
  const tree =
    readYaml({ file: "t.yml", text: 'a: "{{ omit }}"\nb: ["{{ zork | default(omit) }}", 1]' }).node ?? assert.fail();
  assert.deepEqual(json(toValue(renderNode(tree, scope).node)), { b: [1] });
});

test("every mistake of a tree is told, each with its place", () => {
  const text = 'a: "{{ x1 }}"\nb:\n  - "ok {{ name }}"\n  - "{{ x2 }}"\nc: |\n  # comment\n    dir = {{ x3 }}\n';
  const { node } = readYaml({ file: "t.yml", text });
  const { problems } = renderNode(node ?? assert.fail(), scope);
  assert.deepEqual(
    problems.map(({ at, message }) => [at?.line, at?.col, message]),
    [
      [1, 8, 'undefined variable "x1"'],
      [4, 9, 'undefined variable "x2"'],
      [7, 14, 'undefined variable "x3"'],
    ],
  );
});

test("where a quoted scalar has escapes, the problem is at the scalar", () => {
  const { node } = readYaml({ file: "t.yml", text: 'a: "\\t{{ x1 }}"' });
  const [problem] = renderNode(node ?? assert.fail(), scope).problems;
  assert.deepEqual([problem?.at?.col, problem?.at?.length], [4, 12]);
});

function condition(text: string): DocumentNode {
  const { node } = readYaml({ file: "t.yml", text: `when: ${text}` });
  return (node?.kind === "map" ? entryOf(node, "when") : undefined) ?? assert.fail();
}

for (const [text, holds] of [
  ["count == 3", true],
  ["name == 'db2'", false],
  ["true", true],
  ["no", false],
  ["", true],
  ["zork is defined", false],
  ["[count == 3, name == 'db1']", true],
  ["[zork is defined, zork > 1]", false],
  ["words", true],
  ["[]", true],
  ["says_false", false],
  ["\"{{ name }} == 'db1'\"", true],
  ["\"{{ name == 'db1' }}\"", true],
  ["braces == '{' + '{ name }' + '}'", true],
  ["\"cluster == {'version': 15, 'dir': {'data': '/var/lib/pg'}}\"", true],
] as const) {
  test(`evaluateCondition: ${text} is ${holds}`, () =>
    assert.deepEqual(evaluateCondition(condition(text), scope), { holds, problems: [] }));
}

for (const [text, expected] of [
  ["zork", 't.yml:1:7: undefined variable "zork" [UNDEFINED_VARIABLE]\n  1 | when: zork\n    |       ^^^^'],
  [
    "count == 3 and nam3",
    't.yml:1:22: undefined variable "nam3" [UNDEFINED_VARIABLE]\n  1 | when: count == 3 and nam3\n    |                      ^^^^\n  hint: did you mean "name"?',
  ],
  [
    "name",
    "t.yml:1:7: condition gives the string \"db1\", expected true or false [BAD_TEMPLATE]\n  1 | when: name\n    |       ^^^^\n  hint: compare it (name == 'x'), ask for its length (name | length > 0), or turn it: | bool",
  ],
  [
    "\"'{{ name }}' == 'db1'\"",
    "t.yml:1:9: braces inside quotes in a condition [BAD_TEMPLATE]\n  1 | when: \"'{{ name }}' == 'db1'\"\n    |         ^^\n  hint: a condition is an expression already: write the name alone, without quotes and braces",
  ],
  [
    "a }} {{ b",
    "t.yml:1:7: a condition is one expression [BAD_TEMPLATE]\n  1 | when: a }} {{ b\n    |       ^^^^^^^^^",
  ],
  ["{a: 1}", "t.yml:1:7: a condition cannot be a map [WRONG_TYPE]\n  1 | when: {a: 1}\n    |       ^^^^^^"],
] as const) {
  test(`evaluateCondition tells of ${text}`, () => {
    const { holds, problems } = evaluateCondition(condition(text), scope);
    assert.equal(holds, false);
    assert.equal(problems.map(formatDiagnostic).join("\n"), expected);
  });
}

test("checkTemplates and checkCondition tell what is wrong whatever the variables hold, and nothing else", () => {
  assert.deepEqual(checkTemplates(valueNode("{{ zork }}")), []);
  assert.deepEqual(
    checkTemplates(valueNode("{{ zork ")).map(({ code }) => code),
    ["BAD_TEMPLATE"],
  );
  assert.deepEqual(checkCondition(condition("zork")), []);
  assert.deepEqual(
    checkCondition(condition("zork ==")).map(({ code }) => code),
    ["BAD_TEMPLATE"],
  );
});

const piece = fc.constantFrom(
  "{{",
  "}}",
  "{%",
  "{#",
  "#}",
  " ",
  "name",
  "words",
  "cluster",
  ".",
  "[",
  "]",
  "(",
  ")",
  "{",
  "}",
  "|",
  "default",
  "map",
  "is",
  "not",
  "in",
  "if",
  "else",
  "and",
  "'",
  '"',
  "\\",
  "1",
  "0",
  "-",
  "+",
  "/",
  "//",
  "*",
  "**",
  "%",
  "~",
  "==",
  "<",
  ",",
  ":",
  "=",
  "\n",
  "constructor",
  "__proto__",
  "omit",
  "join",
  "sort",
  "combine",
  "r/",
);
const nastyTemplate = fc.array(piece, { maxLength: 25 }).map((pieces) => `{{ ${pieces.join(" ")} }}`);
const nastyText = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(""));

test("templates and conditions never throw, and give plain values only", () => {
  const isPlain = (value: unknown): boolean =>
    value === null ||
    ["string", "number", "boolean"].includes(typeof value) ||
    (Array.isArray(value)
      ? value.every(isPlain)
      : typeof value === "object" && Object.getPrototypeOf(value) === null && Object.values(value).every(isPlain));
  fc.assert(
    fc.property(fc.oneof(nastyTemplate, nastyText), (text) => {
      const { node, problems } = renderNode(valueNode(text), scope);
      assert.ok(isPlain(toValue(node)));
      for (const { at } of problems) assert.ok(at !== undefined && at.col >= 1 && at.col <= at.text.length + 1);
      evaluateCondition(valueNode(text), scope);
    }),
    { numRuns: 5000 },
  );
});

test("a template that is nested without end is a problem", () => {
  for (const text of [
    `{{ ${"(".repeat(20_000)} }}`,
    `{{ ${"-".repeat(20_000)}1 }}`,
    `{{ ${"a.".repeat(20_000)}a }}`,
    `{{ 1${"+1".repeat(20_000)} }}`,
  ]) {
    const { problems } = renderNode(valueNode(text), scope);
    assert.ok(problems.length <= 1);
  }
});
