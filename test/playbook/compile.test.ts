import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import { readYaml } from "../../src/document/yaml.ts";
import type { Variables } from "../../src/inventory/inventory.ts";
import { type CompileOptions, compilePlay } from "../../src/playbook/compile.ts";
import { mergeProblems } from "../../src/playbook/merge-problems.ts";
import { readPlaybook } from "../../src/playbook/read.ts";
import { checkTags } from "../../src/playbook/tags.ts";
import { MODULES } from "./modules.ts";

function variables(text: string, file = "host_vars/db1.yml"): Variables {
  const { node } = readYaml({ file, text });
  return new Map(node?.kind === "map" ? node.entries.map(({ key, value }) => [key, value]) : []);
}

const UNSAID = { on: undefined, user: undefined };

type Given = { host?: string; vars?: string; extra?: string } & Partial<CompileOptions>;

function compile(text: string, { host = "db1.example.com", vars = "", extra = "", ...options }: Given = {}) {
  const { playbook, problems } = readPlaybook({ file: "site.yml", text }, MODULES);
  assert.deepEqual(problems, []);
  const [play] = playbook?.plays ?? [];
  assert.ok(play !== undefined);
  const become = { variables: UNSAID, commandLine: UNSAID };
  const settings = { extraVars: variables(extra, "-e"), magic: {}, modules: MODULES, become, ...options };
  return compilePlay(play, { name: host, groups: ["all", "db", "big"], variables: variables(vars) }, settings);
}

const play = (tasks: string, head = "") => `- hosts: all\n${head}  tasks:\n${tasks.replace(/^/gm, "    ")}\n`;
const shown = (text: string, given: Given = {}) => compile(text, given).problems.map(formatDiagnostic).join("\n");

test("compilePlay renders names and arguments, fills in defaults and keeps places", () => {
  const { compiled, problems } = compile(
    play('- name: copy to {{ inventory_hostname_short }}\n  copy-file: { src: a, dest: "{{ dir }}/a" }'),
    { vars: "dir: /etc" },
  );
  assert.deepEqual(problems, []);
  const [task] = compiled.tasks;
  assert.equal(task?.name, "copy to db1");
  assert.deepEqual({ ...task?.args }, { src: "a", dest: "/etc/a", backup: false });
  assert.equal(task?.places.get("/dest")?.col, 34);
  assert.equal(task?.id, "site.yml:3:13");
  assert.equal(task?.skipped, undefined);
});

for (const [given, value] of [
  [{ vars: "" }, "play"],
  [{ vars: "x: host" }, "play"],
  [{ vars: "x: host", extra: "x: extra" }, "extra"],
] as const) {
  test(`variables: ${JSON.stringify(given)} gives the one of ${value}`, () => {
    assert.equal(
      compile(play('- issue-cert: { cn: "{{ x }}" }', "  vars: { x: play }\n"), given).compiled.tasks[0]?.args.cn,
      value,
    );
  });
}
test("variables: a task's win over the play's, and -e over both", () => {
  const text = play(
    '- issue-cert: { cn: "{{ x }}" }\n  vars: { x: task }\n- issue-cert: { cn: "{{ x }}" }',
    "  vars: { x: play }\n",
  );
  const names = (given: Given) => compile(text, given).compiled.tasks.map(({ args }) => args.cn);
  assert.deepEqual(names({}), ["task", "play"]);
  assert.deepEqual(names({ extra: "x: extra" }), ["extra", "extra"]);
});
test("variables: the inventory's are seen where no play sets them", () => {
  assert.equal(
    compile(play('- issue-cert: { cn: "{{ x }}" }'), { vars: "x: host" }).compiled.tasks[0]?.args.cn,
    "host",
  );
});
test("variables: magic ones can be had", () => {
  const text = play(
    "- issue-cert: { cn: \"{{ group_names | join('+') }} {{ hostvars.db2.ip }} {{ inventory_hostname }}\" }",
  );
  const { compiled } = compile(text, { magic: { hostvars: { db2: { ip: "10.0.0.2" } } } });
  assert.equal(compiled.tasks[0]?.args.cn, "big+db 10.0.0.2 db1.example.com");
});

for (const [name, when, skipped] of [
  ["a condition that holds", "dir is defined", undefined],
  ["one that does not", "zork is defined", "condition is false: zork is defined"],
  ["a list of which one does not", "[dir is defined, dir == '/']", "condition is false: dir is defined and dir == '/'"],
  ["a plain no", "no", "condition is false: no"],
] as const) {
  test(`when: ${name}`, () => {
    const { compiled, problems } = compile(play(`- restart: {}\n  when: ${when}`), { vars: "dir: /etc" });
    assert.deepEqual(problems, []);
    assert.equal(compiled.tasks[0]?.skipped, skipped);
  });
}

test("a task that is skipped needs none of the variables it names", () => {
  const text = play(
    '- name: copy {{ zork }}\n  copy-file: { dest: "{{ zork }}" }\n  when: zork is defined\n  notify: "{{ zork }}"',
  );
  const { compiled, problems } = compile(text);
  assert.deepEqual(problems, []);
  assert.deepEqual([compiled.tasks[0]?.name, compiled.tasks[0]?.notify], ["copy {{ zork }}", []]);
});

const TAGGED = play(
  "- { name: none, restart: }\n- { name: a, restart: , tags: a }\n- { name: b, restart: , tags: [b] }\n- { name: always, restart: , tags: always }\n- { name: never, restart: , tags: [never, n] }",
);
for (const [options, names] of [
  [{}, ["none", "a", "b", "always"]],
  [{ tags: ["a"] }, ["a", "always"]],
  [{ tags: ["a", "n"] }, ["a", "always", "never"]],
  [{ tags: ["tagged"] }, ["a", "b", "always"]],
  [{ tags: ["untagged"] }, ["none", "always"]],
  [{ tags: ["all"] }, ["none", "a", "b", "always"]],
  [{ tags: ["never"] }, ["always", "never"]],
  [{ skipTags: ["a"] }, ["none", "b", "always"]],
  [{ skipTags: ["always"] }, ["none", "a", "b"]],
  [{ skipTags: ["tagged"] }, ["none"]],
  [{ skipTags: ["all"] }, ["always"]],
  [{ tags: ["a", "b"], skipTags: ["b"] }, ["a", "always"]],
] as const) {
  test(`tags: ${JSON.stringify(options)} runs ${names.join(", ")}`, () => {
    const { tasks } = compile(TAGGED, options).compiled;
    assert.equal(tasks.length, 5);
    assert.deepEqual(
      tasks.filter(({ skipped }) => skipped === undefined).map(({ name }) => name),
      names,
    );
  });
}

test("checkTags tells of tags that no task has", () => {
  const { playbook } = readPlaybook(
    { file: "site.yml", text: play("- { restart: , tags: [reload, certs] }") },
    MODULES,
  );
  const problems = checkTags(playbook ?? assert.fail(), ["certs", "all", "relod"], ["cert"]);
  assert.deepEqual(problems.map(formatDiagnostic), [
    '--tags:1:11: unknown tag "relod", expected reload or certs [UNKNOWN_TAG]\n  1 | certs,all,relod\n    |           ^^^^^\n  hint: did you mean "reload"?',
    '--skip-tags:1:1: unknown tag "cert", expected reload or certs [UNKNOWN_TAG]\n  1 | cert\n    | ^^^^\n  hint: did you mean "certs"?',
  ]);
});

const HANDLERS =
  '  handlers:\n    - { name: reload, restart: { mode: reload }, listen: activate }\n    - { name: restart it, restart: { mode: restart }, listen: [activate] }\n    - { name: chained, restart: , notify: reload }\n    - { name: "broken {{ zork }}", issue-cert: { cn: "{{ zork }}" } }\n';
for (const [notify, names, run] of [
  ["activate", ["reload", "restart it"], ["reload", "restart it"]],
  ["[reload, activate]", ["reload", "restart it"], ["reload", "restart it"]],
  ['"re{{ x }}"', ["reload"], ["reload"]],
  ["chained", ["chained"], ["reload", "chained"]],
] as const) {
  test(`notify: ${notify} means ${names.join(", ")}`, () => {
    const { compiled, problems } = compile(`${play(`- restart:\n  notify: ${notify}`)}${HANDLERS}`, {
      vars: "x: load",
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(compiled.tasks[0]?.notify, names);
    assert.deepEqual(
      compiled.handlers.filter(({ skipped }) => skipped === undefined).map(({ name }) => name),
      run,
    );
  });
}

for (const [become, given, expected] of [
  ["", {}, undefined],
  ["  become: yes\n", {}, { user: "root" }],
  ["  become: false\n", {}, undefined],
  ['  become: "{{ b }}"\n  become_user: "{{ u }}"\n', { vars: "b: yes\nu: postgres" }, { user: "postgres" }],
  ['  become: "{{ b }}"\n', { vars: "b: no" }, undefined],
] as const) {
  test(`become: ${JSON.stringify(become)}`, () => {
    const { compiled, problems } = compile(play("- restart:", become), given);
    assert.deepEqual(problems, []);
    assert.deepEqual(compiled.become, expected);
  });
}

for (const [name, inPlay, variablesSay, commandLineSays, expected] of [
  ["the command line alone", "", {}, { on: true, user: "admin" }, "admin"],
  ["a user alone becomes nobody", "  become_user: a\n", { user: "b" }, { user: "root" }, undefined],
  ["the play's no wins over --become", "  become: false\n", {}, { on: true, user: "root" }, undefined],
  [
    "the play's user wins over the command line's",
    "  become_user: postgres\n",
    {},
    { on: true, user: "root" },
    "postgres",
  ],
  ["the inventory's yes wins over the play's no", "  become: false\n", { on: true }, {}, "root"],
  ["the inventory's no wins over the play", "  become: true\n", { on: false }, {}, undefined],
  ["the inventory's no wins over --become", "", { on: false }, { on: true, user: "root" }, undefined],
  [
    "the inventory's user wins over the play's",
    "  become: true\n  become_user: a\n",
    { user: "postgres" },
    { on: true, user: "root" },
    "postgres",
  ],
] as const) {
  test(`become, as in Ansible: ${name}`, () => {
    const become = { variables: { ...UNSAID, ...variablesSay }, commandLine: { ...UNSAID, ...commandLineSays } };
    const { compiled, problems } = compile(play("- restart:", inPlay), { become });
    assert.deepEqual(problems, []);
    assert.equal(compiled.become?.user, expected);
  });
}

for (const [name, text, given, expected] of [
  [
    "an undefined variable",
    play('- issue-cert: { cn: "x{{ hostnme }}" }'),
    { vars: "hostname: a" },
    'site.yml:3:30: undefined variable "hostnme" [UNDEFINED_VARIABLE]\n  3 |     - issue-cert: { cn: "x{{ hostnme }}" }\n    |                              ^^^^^^^\n  hint: did you mean "hostname"?',
  ],
  [
    "one inside a variable",
    play('- issue-cert: { cn: "{{ fqdn }}" }'),
    { vars: 'fqdn: "{{ short }}.example.com"' },
    'host_vars/db1.yml:1:11: undefined variable "short" [UNDEFINED_VARIABLE]\n  1 | fqdn: "{{ short }}.example.com"\n    |           ^^^^^\n  hint: used by site.yml:3:25',
  ],
  [
    "a value of the wrong type",
    play('- issue-cert: { cn: "{{ n }}" }'),
    { vars: "n: 5" },
    'site.yml:3:25: "cn" is a number, expected a string [WRONG_TYPE]\n  3 |     - issue-cert: { cn: "{{ n }}" }\n    |                         ^^^^^^^^^\n  hint: put quotes around it: "5"',
  ],
  [
    "a decimal mode out of a variable",
    play('- chmod: { path: /x, mode: "{{ m }}" }'),
    { vars: "m: 600" },
    'site.yml:3:32: "mode" is the number 600, which looks decimal [BAD_MODE]\n  3 |     - chmod: { path: /x, mode: "{{ m }}" }\n    |                                ^^^^^^^^^\n  hint: write it in octal, as text: "0600"',
  ],
  [
    "a condition on something undefined",
    play("- restart:\n  when: zork"),
    {},
    'site.yml:4:13: undefined variable "zork" [UNDEFINED_VARIABLE]\n  4 |       when: zork\n    |             ^^^^',
  ],
  [
    "a handler that a template names wrongly",
    `${play('- restart:\n  notify: "{{ n }}"')}  handlers:\n    - { name: reload, restart: }\n`,
    { vars: "n: relod" },
    'site.yml:4:15: unknown handler "relod", expected reload [UNKNOWN_HANDLER]\n  4 |       notify: "{{ n }}"\n    |               ^^^^^^^^^\n  hint: did you mean "reload"?',
  ],
  [
    "become that is neither",
    play("- restart:", '  become: "{{ b }}"\n'),
    { vars: "b: sure" },
    'site.yml:2:11: "become" is neither true nor false [WRONG_TYPE]\n  2 |   become: "{{ b }}"\n    |           ^^^^^^^^^',
  ],
  [
    "a user that is none",
    play("- restart:", "  become: yes\n  become_user: a b\n"),
    {},
    'site.yml:3:16: "become_user" is "a b", expected the name of a user [BAD_VALUE]\n  3 |   become_user: a b\n    |                ^^^',
  ],
] as const) {
  test(`compilePlay tells of ${name}`, () => assert.equal(shown(text, given), expected));
}

test("a mode that a variable holds as octal text passes", () => {
  assert.equal(
    compile(play('- chmod: { path: /x, mode: "{{ m }}" }'), { vars: "m: 0600" }).compiled.tasks[0]?.args.mode,
    "0600",
  );
});

const problem = (message: string, line = 1) => ({
  code: "BAD_VALUE" as const,
  message,
  at: { file: "f", line, col: 1, length: 1, text: "" },
});
for (const [having, message] of [
  [["db1", "db2", "db3", "db4", "db5", "db6"], "x"],
  [["db1"], "x, on db1"],
  [["db1", "db3"], "x, on db1 and db3"],
  [["db1", "db2", "db3"], "x, on db1, db2 and db3"],
  [["db1", "db2", "db3", "db4", "db5"], "x, on db1, db2 and 3 more"],
] as const) {
  test(`mergeProblems: on ${having.length} of 6 hosts`, () => {
    const hosts = ["db1", "db2", "db3", "db4", "db5", "db6"];
    const perHost = hosts.map((host) => ({
      host,
      problems: having.some((name) => name === host) ? [problem("x"), problem("x")] : [],
    }));
    assert.deepEqual(
      mergeProblems(perHost).map((merged) => merged.message),
      [message],
    );
  });
}
test("mergeProblems keeps apart what differs in place or message, and leaves out what is told already", () => {
  const perHost = [{ host: "db1", problems: [problem("x", 1), problem("x", 2), problem("y", 1), problem("z")] }];
  assert.deepEqual(
    mergeProblems(perHost, [problem("z")]).map(({ message, at }) => [message, at?.line]),
    [
      ["x", 1],
      ["x", 2],
      ["y", 1],
    ],
  );
});
