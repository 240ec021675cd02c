import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { initLocalCa } from "../../src/ca/local-ca.ts";
import type { Code } from "../../src/diagnostics/codes.ts";
import { type Diagnostic, formatDiagnostic } from "../../src/diagnostics/diagnostic.ts";
import { runCli } from "./cli.ts";
import { type PlaybookOptions, runPlaybookFile } from "./run-playbook.ts";

/** What is wrong stands between « and »: there, and nowhere else, the one problem must be shown. */
type Case = {
  title: string;
  tasks?: string;
  playbook?: string;
  inventory?: string;
  options?: PlaybookOptions;
  code: Code;
  message: RegExp;
  hint?: RegExp;
  /** For what is wrong on the command line. */
  at?: string;
};

const CASES: readonly Case[] = [
  {
    title: "an unknown key of a play",
    playbook: "- hosts: all\n  «task»: []\n",
    code: "UNKNOWN_KEY",
    message: /^unknown key "task" in a play, expected name, hosts, /,
    hint: /did you mean "tasks"\?/,
  },
  {
    title: "an unknown task",
    tasks: "- «isue-cert»: { cn: db1 }",
    code: "UNKNOWN_TASK",
    message: /^unknown task "isue-cert", expected issue-cert, copy-file, /,
    hint: /did you mean "issue-cert"\?/,
  },
  {
    title: "an unknown argument",
    tasks: "- chmod: { path: /x, mode: '0600', «ower»: root }",
    code: "UNKNOWN_KEY",
    message: /^unknown key "ower", expected path, mode, owner, group or cluster$/,
    hint: /did you mean "owner"\?/,
  },
  {
    title: "a list where text is wanted",
    tasks: "- chmod: { path: «[/x]», mode: '0600' }",
    code: "WRONG_TYPE",
    message: /^"path" is a list, expected a string$/,
  },
  {
    title: "text where a list is wanted, which came from a variable",
    tasks: '- issue-cert: { ca: "{{ mtls_ca }}", cn: db1, dns: «"{{ names }}"» }',
    options: { extraVars: ["names=db1"] },
    code: "WRONG_TYPE",
    message: /^"dns" is a string, expected a list$/,
  },
  {
    title: "a word that is none of the choices",
    tasks: "- restart: { mode: «sometimes» }",
    code: "BAD_VALUE",
    message: /"sometimes".* expected auto, reload or restart/,
  },
  {
    title: "a key that is there twice",
    playbook: "- hosts: all\n  vars: { a: 1 }\n  «hosts»: db1\n",
    code: "DUPLICATE_KEY",
    message: /"hosts".*line 1/,
  },
  {
    title: "a tab at the beginning of a line",
    playbook: "- hosts: all\n  tasks:\n«\t»- chmod: { path: /x, mode: '0600' }\n",
    code: "TAB_INDENT",
    message: /tab/,
  },
  {
    title: "an undefined variable",
    tasks: '- copy-file: { dest: /x, content: "for {{ «nobody» }}" }',
    code: "UNDEFINED_VARIABLE",
    message: /"nobody"/,
  },
  {
    title: "an undefined variable that is nearly another",
    tasks: '- copy-file: { dest: /x, content: "{{ «mtls_cas» }}" }',
    code: "UNDEFINED_VARIABLE",
    message: /"mtls_cas"/,
    hint: /did you mean "mtls_ca"\?/,
  },
  {
    title: "an unknown filter",
    tasks: '- copy-file: { dest: /x, content: "{{ inventory_hostname | «uper» }}" }',
    code: "BAD_TEMPLATE",
    message: /"uper"/,
    hint: /did you mean "upper"\?/,
  },
  {
    title: "a condition that is no expression",
    tasks: "- chmod: { path: /x, mode: '0600' }\n      when: «region ==»",
    code: "BAD_TEMPLATE",
    message: /./,
  },
  {
    title: "a handler that nobody has",
    tasks: "- chmod: { path: /x, mode: '0600' }\n      notify: «reload»",
    code: "UNKNOWN_HANDLER",
    message: /^unknown handler "reload", the play has none$/,
  },
  {
    title: "a file that is not on the controller",
    tasks: "- copy-file: { src: «missing.txt», dest: /x }",
    code: "FILE_MISSING",
    message: /^no file "missing.txt" on the controller$/,
    hint: /^looked for /,
  },
  {
    title: "a mode that looks decimal",
    tasks: "- chmod: { path: /x, mode: «600» }",
    code: "BAD_MODE",
    message: /^"mode" is the number 600, which looks decimal$/,
    hint: /"0600"/,
  },
  {
    title: "a line break in a path",
    tasks: '- copy-file: { dest: «"/x\\ny"», content: x }',
    code: "CONTROL_CHARACTER",
    message: /./,
  },
  {
    title: "a record of the Unix socket with an address",
    tasks: "- edit-hba: { records: [{ type: local, address: «10.0.0.0/8», method: md5 }] }",
    code: "BAD_VALUE",
    message: /local/,
  },
  {
    title: "a record with an address that lacks its mask",
    tasks: "- edit-hba: { records: [{ type: host, address: «10.0.0.1», method: md5 }] }",
    code: "BAD_VALUE",
    message: /10\.0\.0\.1/,
    hint: /10\.0\.0\.1\/32/,
  },
  {
    title: "an authentication method that no major has",
    tasks: "- edit-hba: { require_tls: true, method: «scram-sha256» }",
    code: "BAD_VALUE",
    message: /unknown authentication method "scram-sha256"/,
    hint: /did you mean "scram-sha-256"\?/,
  },
  {
    title: "a CA that is not there",
    tasks: '- issue-cert: { ca: «"{{ mtls_ca }}"», cn: db1 }',
    options: { extraVars: ['{"mtls_ca": {"type": "local", "directory": "/nowhere"}}'] },
    code: "CA_UNREADABLE",
    message: /\/nowhere\/.* is missing$/,
    hint: /pgmtls ca init/,
  },
  {
    title: "a time that is none",
    tasks: "- issue-cert: { ca: x, cn: db1, lifetime: «soon» }",
    code: "BAD_VALUE",
    message: /"soon"/,
  },
  {
    title: "an SSH key that is not there",
    inventory: "all:\n  vars: { ansible_ssh_private_key_file: «/nowhere/id» }\n  hosts: { db1: , db2: }\n",
    code: "SSH_KEY_UNREADABLE",
    message: /\/nowhere\/id/,
  },
  {
    title: "a variable of ours that is spelt wrong",
    inventory: "all:\n  vars:\n    «pgmtls_conect_timeout»: 3\n  hosts: { db1: , db2: }\n",
    code: "UNKNOWN_KEY",
    message: /pgmtls_conect_timeout/,
    hint: /did you mean "pgmtls_connect_timeout"\?/,
  },
  {
    title: "a port that is none",
    inventory: "all:\n  vars: { ansible_port: «ssh» }\n  hosts: { db1: , db2: }\n",
    code: "WRONG_TYPE",
    message: /ansible_port is "ssh", expected a whole number from 1 to 65535/,
  },
  {
    title: "a host in --limit that nobody knows",
    options: { limit: "db1,dbx" },
    at: "--limit:1:5",
    code: "UNKNOWN_HOST",
    message: /^no host or group "dbx" in the inventory$/,
    hint: /did you mean "db1"\?/,
  },
  {
    title: "a tag that no task has",
    tasks: "- chmod: { path: /x, mode: '0600' }\n      tags: [files]",
    options: { tags: ["files", "fils"] },
    at: "--tags:1:7",
    code: "UNKNOWN_TAG",
    message: /"fils"/,
    hint: /did you mean "files"\?/,
  },
  {
    title: "an extra variable without a value",
    options: { extraVars: ["mtls_name"] },
    at: "-e:1:1",
    code: "BAD_ARGUMENT",
    message: /mtls_name/,
  },
];

const INVENTORY = "all:\n  hosts: { db1: , db2: }\n";
let connections = 0;
let directory = "";
let caDirectory = "";
const host = createServer((socket) => {
  connections += 1;
  socket.destroy();
});

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "pgmtls-bad-"));
  caDirectory = join(directory, "ca");
  await initLocalCa({ directory: caDirectory, now: Date.now });
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
});
after(async () => {
  host.close();
  await rm(directory, { recursive: true, force: true });
});

for (const one of CASES) {
  test(`bad input: ${one.title}`, { timeout: 30_000 }, async () => {
    const files = await written(one);
    const { exitCode, problems } = await runPlaybookFile(files.playbook, files.inventory, {
      ...one.options,
      extraVars: [...baseVariables(one), ...(one.options?.extraVars ?? [])],
    });
    const [problem] = problems;
    assert.ok(
      problem !== undefined && problems.length === 1,
      problems.map(formatDiagnostic).join("\n") || "no problem",
    );
    assert.equal(problem.code, one.code);
    assert.match(problem.message, one.message);
    if (one.hint !== undefined) assert.match(problem.hint ?? "", one.hint);
    assert.equal(placeOf(problem), one.at ?? files.marked, formatDiagnostic(problem));
    assert.match(formatDiagnostic(problem), /\n {2}\d+ \| .*\n {3,}\| \s*\^+(\n|$)/, "the line, and a caret below it");
    assert.deepEqual({ exitCode, connections }, { exitCode: 1, connections: 0 });
  });
}

/** `file:line:col`, and the length that the caret shows where it is a file's. */
function placeOf({ at }: Diagnostic): string {
  assert.ok(at !== undefined, "it has a place");
  const place = `${at.file}:${at.line}:${at.col}`;
  return at.file.startsWith("-") ? place : `${place}+${at.length}`;
}

async function written({
  tasks,
  playbook,
  inventory,
}: Case): Promise<{ playbook: string; inventory: string; marked: string }> {
  const texts = {
    playbook: playbook ?? `- hosts: all\n  tasks:\n    ${tasks ?? "- chmod: { path: /x, mode: '0600' }"}\n`,
    inventory: inventory ?? INVENTORY,
  };
  const paths = { playbook: join(directory, "play.yml"), inventory: join(directory, "hosts.yml") };
  let marked = "";
  for (const name of ["playbook", "inventory"] as const) {
    const text = texts[name];
    const lines = text.slice(0, text.indexOf("«") + 1).split("\n");
    const length = text.indexOf("»") - text.indexOf("«") - 1;
    if (length > 0) marked = `${paths[name]}:${lines.length}:${lines.at(-1)?.length}+${length}`;
    await writeFile(paths[name], text.replace(/[«»]/g, ""));
  }
  return { ...paths, marked };
}

/** What would make hosts of the names, where the case is not about that: a server that counts. */
function baseVariables({ inventory = "" }: Pick<Case, "inventory">): string[] {
  const { port } = host.address() as AddressInfo;
  const reached = inventory.includes("ansible_port") ? {} : { ansible_port: port };
  return [
    JSON.stringify({ ansible_host: "127.0.0.1", mtls_ca: { type: "local", directory: caDirectory }, ...reached }),
  ];
}

test("bad input: all of it at once, on standard error, with exit code 1 and nothing contacted", {
  timeout: 60_000,
}, async () => {
  const { playbook, inventory } = await written({ title: "", code: "INTERNAL", message: /./, ...EVERYTHING });
  const args = ["-i", inventory, "-e", ...baseVariables({}), "--skip-tags", "files,fils"];
  const { exitCode, stdout, stderr } = await runCli(["run", playbook, ...args], { cwd: directory });
  const headings = stderr.match(/^\S+:\d+:\d+: .* \[[A-Z_]+\]$/gm) ?? [];
  assert.deepEqual(
    headings.map((line) => line.replace(`${directory}/`, "").replace(/: .* \[/, " [")),
    [
      "play.yml:2:3 [UNKNOWN_KEY]",
      "play.yml:5:27 [BAD_MODE]",
      "play.yml:6:42 [UNKNOWN_KEY]",
      "hosts.yml:2:11 [UNKNOWN_KEY]",
      "--skip-tags:1:7 [UNKNOWN_TAG]",
      "play.yml:7:55 [UNDEFINED_VARIABLE]",
      "play.yml:8:27 [FILE_MISSING]",
      "play.yml:10:55 [BAD_VALUE]",
      "hosts.yml:2:47 [WRONG_TYPE]",
    ],
    stderr,
  );
  assert.equal(stderr.match(/^ {2,}\| \s*\^+$/gm)?.length, headings.length, "a caret for each");
  assert.match(stderr, /\n9 mistakes; no host was contacted\n$/);
  assert.deepEqual({ exitCode, stdout, connections }, { exitCode: 1, stdout: "", connections: 0 });
});

const EVERYTHING = {
  playbook: `- hosts: all
  gather_fact: no
  tasks:
    - chmod:
        { path: /x, mode: 600 }
    - copy-file: { dest: /x, content: x, bakup: true }
    - copy-file: { dest: /x, content: "this is for {{ nobody }}", mode: "0600" }
    - { copy-file: { src: missing.txt, dest: /y }, tags: other }
    - { restart: {}, tags: files }
    - { edit-hba: { records: [{ type: local, address: 10.0.0.0/8, method: peer }] }, tags: other }
`,
  inventory: `all:
  vars: { pgmtls_shel: /bin/sh, ansible_user: [a] }
  hosts: { db1: , db2: }
`,
};

for (const [title, args, said] of [
  ["a playbook that is not there", ["run", "nowhere.yml", "-i", "hosts.yml"], /nowhere\.yml.* \[FILE_MISSING\]/],
  ["an inventory that is not there", ["run", "play.yml", "-i", "nowhere"], /"?nowhere"?.* \[INVENTORY_MISSING\]/],
  ["neither of them there", ["run", "nowhere.yml", "-i", "nowhere"], /FILE_MISSING\][\s\S]*INVENTORY_MISSING\]/],
  [
    "an unknown option",
    ["run", "play.yml", "-i", "hosts.yml", "--chek"],
    /unknown option '--chek'\n\(Did you mean --check\?\)/,
  ],
  [
    "a number of forks that is none",
    ["run", "play.yml", "-i", "hosts.yml", "-f", "0"],
    /expected a whole number from 1 up/,
  ],
] as const) {
  test(`bad input: ${title}`, { timeout: 60_000 }, async () => {
    await written({ title, code: "INTERNAL", message: /./ });
    const { exitCode, stdout, stderr } = await runCli(args, { cwd: directory });
    assert.match(stderr, said);
    assert.deepEqual({ exitCode, stdout, connections }, { exitCode: 1, stdout: "", connections: 0 });
  });
}
