import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import { toValue } from "../../src/document/value.ts";
import { readPlaybook } from "../../src/playbook/read.ts";
import { MODULES } from "./modules.ts";

const read = (text: string) => readPlaybook({ file: "site.yml", text }, MODULES);
const shown = (text: string) => read(text).problems.map(formatDiagnostic).join("\n");

test("readPlaybook reads a play with all it may have", () => {
  const { playbook, problems } = read(`---
- name: mutual TLS
  hosts: [db, "!db9"]
  gather_facts: false
  become: yes
  become_user: postgres
  tags: tls
  vars: { root: /r.crt }
  tasks:
    - name: copy
      copy_file: { src: a, dest: "{{ root }}" }
      when: root is defined
      notify: activate
      tags: [a, "b,c"]
      vars: { x: 1 }
    - restart:
  handlers:
    - name: reload
      restart: { mode: reload }
      listen: activate
`);
  assert.deepEqual(problems, []);
  const [play] = playbook?.plays ?? [];
  assert.ok(play !== undefined);
  assert.equal(play.name, "mutual TLS");
  assert.equal(play.hosts.value, "db,!db9");
  assert.equal(play.become?.value, true);
  assert.equal(play.becomeUser?.value, "postgres");
  assert.deepEqual([...play.variables.keys()], ["root"]);
  const [copy, restart] = play.tasks;
  assert.equal(copy?.module, "copy-file");
  assert.deepEqual({ ...(toValue(copy?.args ?? assert.fail()) as object) }, { src: "a", dest: "{{ root }}" });
  assert.deepEqual(copy?.tags, ["a", "b", "c", "tls"]);
  assert.deepEqual(
    copy?.notify.map(({ value }) => value),
    ["activate"],
  );
  assert.deepEqual([copy?.at.line, copy?.moduleAt.line], [10, 11]);
  assert.deepEqual([restart?.name.value, restart?.args.entries, restart?.tags], ["restart", [], ["tls"]]);
  assert.deepEqual(
    play.handlers.map(({ name, listen }) => [name.value, listen]),
    [["reload", ["activate"]]],
  );
});

const task = (text: string) => `- hosts: all\n  tasks:\n    - ${text}\n`;

for (const [name, text, expected] of [
  [
    "an empty file",
    "# nothing\n",
    "site.yml:1:1: the playbook is empty, expected a list of plays [BAD_VALUE]\n  1 | # nothing\n    | ^",
  ],
  [
    "a map for a playbook",
    "hosts: all\n",
    'site.yml:1:1: a playbook is a map, expected a list of plays [WRONG_TYPE]\n  1 | hosts: all\n    | ^^^^^^^^^^\n  hint: begin each play with "- "',
  ],
  [
    "a play without hosts",
    "- name: x\n",
    'site.yml:1:3: missing key "hosts" in a play [MISSING_KEY]\n  1 | - name: x\n    |   ^^^^^^^\n  hint: which hosts the play is for, as in "hosts: all"',
  ],
  [
    "a key that a play does not have",
    "- hosts: all\n  task: []\n",
    'site.yml:2:3: unknown key "task" in a play, expected name, hosts, vars, become, become_user, tags, tasks, handlers or gather_facts [UNKNOWN_KEY]\n  2 |   task: []\n    |   ^^^^\n  hint: did you mean "tasks"?',
  ],
  [
    "a key of Ansible's plays",
    "- hosts: all\n  serial: 2\n",
    'site.yml:2:3: pgmtls does not know "serial" yet [UNSUPPORTED]\n  2 |   serial: 2\n    |   ^^^^^^',
  ],
  [
    "roles",
    "- hosts: all\n  roles: [x]\n",
    'site.yml:2:3: pgmtls does not know "roles" yet [UNSUPPORTED]\n  2 |   roles: [x]\n    |   ^^^^^',
  ],
  [
    "become that is neither",
    "- hosts: all\n  become: sure\n",
    'site.yml:2:11: "become" is a string, expected true or false [WRONG_TYPE]\n  2 |   become: sure\n    |           ^^^^',
  ],
  [
    "tasks that are no list",
    "- hosts: all\n  tasks:\n    restart: {}\n",
    'site.yml:3:5: "tasks" is a map, expected a list of tasks [WRONG_TYPE]\n  3 |     restart: {}\n    |     ^^^^^^^^^^^\n  hint: begin each task with "- "',
  ],
  [
    "a task that is no map",
    task("restart"),
    "site.yml:3:7: a task is a string, expected a map [WRONG_TYPE]\n  3 |     - restart\n    |       ^^^^^^^",
  ],
  [
    "an unknown module",
    task("isue-cert: { cn: db1 }"),
    'site.yml:3:7: unknown task "isue-cert", expected issue-cert, copy-file, chmod or restart [UNKNOWN_TASK]\n  3 |     - isue-cert: { cn: db1 }\n    |       ^^^^^^^^^\n  hint: did you mean "issue-cert"?',
  ],
  [
    "a module of Ansible's",
    task("ansible.builtin.template: { src: a }"),
    'site.yml:3:7: unknown task "ansible.builtin.template", expected issue-cert, copy-file, chmod or restart [UNKNOWN_TASK]\n  3 |     - ansible.builtin.template: { src: a }\n    |       ^^^^^^^^^^^^^^^^^^^^^^^^\n  hint: what is Ansible\'s ansible.builtin.template is "copy-file" here',
  ],
  [
    "a task without a module",
    task("name: x"),
    "site.yml:3:7: a task without a module, expected issue-cert, copy-file, chmod or restart [MISSING_KEY]\n  3 |     - name: x\n    |       ^^^^^^^",
  ],
  [
    "a task with two modules",
    task("restart: {}\n      chmod: { path: /x, mode: '0600' }"),
    'site.yml:4:7: a second module, "chmod", in the same task as "restart" [BAD_VALUE]\n  4 |       chmod: { path: /x, mode: \'0600\' }\n    |       ^^^^^\n  hint: begin a task of its own with "- "',
  ],
  [
    "a key of Ansible's tasks",
    task("restart: {}\n      register: r"),
    'site.yml:4:7: pgmtls does not know "register" yet [UNSUPPORTED]\n  4 |       register: r\n    |       ^^^^^^^^',
  ],
  [
    "a block",
    task("block: []"),
    'site.yml:3:7: pgmtls does not know "block" yet [UNSUPPORTED]\n  3 |     - block: []\n    |       ^^^^^',
  ],
  [
    "a key that a task does not have",
    task("restart: {}\n      notfy: x"),
    'site.yml:4:7: unknown key "notfy" in a task, expected name, when, notify, tags, vars or a module [UNKNOWN_KEY]\n  4 |       notfy: x\n    |       ^^^^^\n  hint: did you mean "notify"?',
  ],
  [
    "listen on a task",
    task("restart: {}\n      listen: x"),
    'site.yml:4:7: unknown key "listen" in a task, expected name, when, notify, tags, vars or a module [UNKNOWN_KEY]\n  4 |       listen: x\n    |       ^^^^^^',
  ],
  [
    "arguments as a string",
    task("chmod: path=/x mode=0600"),
    'site.yml:3:14: the arguments of "chmod" are a string, expected a map [WRONG_TYPE]\n  3 |     - chmod: path=/x mode=0600\n    |              ^^^^^^^^^^^^^^^^^\n  hint: write the arguments as a map: "chmod: { argument: value }"',
  ],
  [
    "an unknown argument beside a template",
    task('chmod: { path: "{{ p }}", mode: "{{ m }}", ownr: x }'),
    'site.yml:3:50: unknown key "ownr", expected path, mode, owner, group or cluster [UNKNOWN_KEY]\n  3 |     - chmod: { path: "{{ p }}", mode: "{{ m }}", ownr: x }\n    |                                                  ^^^^\n  hint: did you mean "owner"?',
  ],
  [
    "a decimal mode",
    task("chmod: { path: /x, mode: 600 }"),
    'site.yml:3:32: "mode" is the number 600, which looks decimal [BAD_MODE]\n  3 |     - chmod: { path: /x, mode: 600 }\n    |                                ^^^\n  hint: write it in octal, as text: "0600"',
  ],
  [
    "a template that cannot be read",
    task('chmod: { path: "{{ p", mode: "0600" }'),
    'site.yml:3:23: template is not closed, expected }} [BAD_TEMPLATE]\n  3 |     - chmod: { path: "{{ p", mode: "0600" }\n    |                       ^^',
  ],
  [
    "a condition that cannot be read",
    task("restart: {}\n      when: a =="),
    "site.yml:4:13: template is empty or ends too early [BAD_TEMPLATE]\n  4 |       when: a ==\n    |             ^^^^",
  ],
  [
    "a handler that does not exist",
    `${task("restart: {}\n      notify: reload postgre")}  handlers:\n    - name: reload postgres\n      restart: {}\n`,
    'site.yml:4:15: unknown handler "reload postgre", expected reload postgres [UNKNOWN_HANDLER]\n  4 |       notify: reload postgre\n    |               ^^^^^^^^^^^^^^\n  hint: did you mean "reload postgres"?',
  ],
  [
    "notify without handlers",
    task("restart: {}\n      notify: x"),
    'site.yml:4:15: unknown handler "x", the play has none [UNKNOWN_HANDLER]\n  4 |       notify: x\n    |               ^',
  ],
  [
    "two handlers of one name",
    "- hosts: all\n  handlers:\n    - { name: x, restart: }\n    - { name: x, restart: }\n",
    'site.yml:4:15: a second handler named "x" [BAD_VALUE]\n  4 |     - { name: x, restart: }\n    |               ^',
  ],
  [
    "a variable that no template can name",
    "- hosts: all\n  vars: { my-var: 1 }\n",
    'site.yml:2:11: "my-var" cannot be the name of a variable, expected letters, digits and underscores [BAD_VALUE]\n  2 |   vars: { my-var: 1 }\n    |           ^^^^^^\n  hint: call it "my_var"',
  ],
  [
    "a template in tags",
    task('restart: {}\n      tags: "{{ t }}"'),
    'site.yml:4:13: pgmtls does not know templates in tags yet [UNSUPPORTED]\n  4 |       tags: "{{ t }}"\n    |             ^^^^^^^^^',
  ],
  [
    "vars that are no map",
    task("restart: {}\n      vars: [a]"),
    'site.yml:4:13: "vars" is a list, expected a map [WRONG_TYPE]\n  4 |       vars: [a]\n    |             ^^^',
  ],
] as const) {
  test(`readPlaybook tells of ${name}`, () => assert.equal(shown(text), expected));
}

test("readPlaybook tells all mistakes of a file, in its order, and keeps what could be read", () => {
  const { playbook, problems } = read(
    "- hosts: all\n  serail: 1\n  vars: { a-b: 1 }\n  tasks:\n    - isue-cert: {}\n    - chmod: { path: /x, mode: 600 }\n",
  );
  assert.deepEqual(
    problems.map(({ code, at }) => [code, at?.line]),
    [
      ["UNKNOWN_KEY", 2],
      ["BAD_VALUE", 3],
      ["UNKNOWN_TASK", 5],
      ["BAD_MODE", 6],
    ],
  );
  assert.deepEqual(
    playbook?.plays[0]?.tasks.map(({ module }) => module),
    ["chmod"],
  );
});

test("readPlaybook looks at a notify with a template later", () => {
  assert.equal(shown(task('restart: {}\n      notify: "{{ n }}"')), "");
});

test("readPlaybook tells of the handler that is wrong, not of those who call it", () => {
  const { problems } = read(`${task("restart: {}\n      notify: x")}  handlers:\n    - name: x\n      restrt: {}\n`);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ["UNKNOWN_TASK"],
  );
});

test("readPlaybook never throws, and every problem has a place", () => {
  const word = fc.constantFrom(
    "hosts",
    "name",
    "tasks",
    "handlers",
    "vars",
    "when",
    "notify",
    "tags",
    "restart",
    "chmod",
    "mode",
    "path",
    "become",
    "x",
    "loop",
    "listen",
    "__proto__",
    "constructor",
  );
  const scalar = fc.constantFrom("all", "yes", "0600", "600", '"{{ x }}"', '"{{ x"', "1", "null", "a b", "''");
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      scalar,
      fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
      fc
        .uniqueArray(fc.tuple(word, tie("value")), { maxLength: 4, selector: ([key]) => key })
        .map((pairs) => `{${pairs.map(([key, item]) => `${key}: ${item}`).join(", ")}}`),
    ),
  }));
  fc.assert(
    fc.property(value, (text) => {
      for (const { at } of read(`[{hosts: all, tasks: [${text}], handlers: ${text}}, ${text}]`).problems)
        assert.ok(at !== undefined);
    }),
    { numRuns: 1500 },
  );
});
