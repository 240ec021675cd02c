import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { DemoFleet } from "../../src/demo/fleet.ts";
import { type EmbeddedHost, hostNamed, remember, useEmbeddedFleet } from "./embedded-fleet.ts";
import { outcomeByHost, outcomesOf, runPlaybook, saidOf } from "./run-playbook.ts";

const fleet = useEmbeddedFleet([18, 16, 15]);
const limit = { timeout: 120_000 };
const temporary: string[] = [];
after(() => Promise.all(temporary.map((directory) => rm(directory, { recursive: true, force: true }))));

const PLAYBOOK = `- name: Notes
  hosts: databases:!spare
  vars:
    own: "{{ postgres_cluster }}"
    greeting: from the play
    tier: "{{ tier_of_group | default('none') }}"
  tasks:
    - name: Say who
      copy-file:
        cluster: "{{ own }}"
        dest: who.txt
        content: "{{ inventory_hostname }} {{ region }} {{ tier }} {{ greeting }} {{ group_names | join('+') }} {{ groups['eu'] | length }}\\n"
      tags: [files]
      notify: notes changed
    - name: Only in the east
      copy-file: { cluster: "{{ own }}", dest: east.txt, content: "{{ only_eu_knows }}" }
      when: region == 'eu'
      tags: [files, east]
      notify: [Write a note]
    - name: Memory
      edit-conf: { cluster: "{{ own }}", set: { work_mem: "{{ memory }}" } }
      tags: settings
      notify: Activate
  handlers:
    - name: Activate
      restart: { cluster: "{{ own }}" }
    - name: Write a note
      copy-file: { cluster: "{{ own }}", dest: note.txt, content: "changed" }
    - name: Never called
      copy-file: { cluster: "{{ own }}", dest: never.txt, content: "{{ nobody_defines_this }}" }
    - name: Listens
      listen: notes changed
      copy-file: { cluster: "{{ own }}", dest: heard.txt, content: "heard" }
- name: Second play
  hosts: us
  tasks:
    - name: Last word
      copy-file: { cluster: "{{ postgres_cluster }}", dest: last.txt, content: "{{ memory }}" }
`;

for (const form of ["INI", "YAML"] as const) {
  test(`groups and their variables in ${form}, conditions and handlers play together in a run`, limit, async () => {
    const { all, inventory, putBack } = await given(form);
    const run = await runPlaybook(PLAYBOOK, inventory);
    assert.equal(run.exitCode, 0, saidOf(run));
    assert.deepEqual(outcomeByHost(run), { db1: "changed", db2: "changed" }, "db3 is spare");
    assert.deepEqual(outcomesOf(run, "db1"), [
      "Say who: changed",
      "Only in the east: changed",
      "Memory: changed",
      "Activate: changed",
      "Write a note: changed",
      "Listens: changed",
    ]);
    assert.deepEqual(outcomesOf(run, "db2"), [
      "Say who: changed",
      "Only in the east: skipped",
      "Memory: changed",
      "Activate: changed",
      "Listens: changed",
      "Last word: changed",
    ]);
    const [db1, db2] = [hostNamed(all, "db1"), hostNamed(all, "db2")];
    assert.equal(await textOn(db1, "who.txt"), "db1 eu gold from the play databases+eu 1\n");
    assert.equal(await textOn(db2, "who.txt"), "db2 us none from the play databases+us 1\n");
    assert.equal(await textOn(db1, "east.txt"), "a secret of the east");
    // db1's own value wins over its group's, which wins over that of all.
    assert.deepEqual([await memoryOf(db1), await memoryOf(db2)], ["6MB", "5MB"]);
    assert.equal(await textOn(db2, "last.txt"), "5MB");

    const again = await runPlaybook(PLAYBOOK, inventory);
    assert.deepEqual(
      outcomesOf(again, "db1"),
      ["Say who: ok", "Only in the east: ok", "Memory: ok"],
      "no handler runs where nothing changed",
    );
    await putBack();
  });
}

test("--tags, --skip-tags, --limit and -e choose what is done, where, and with which values", limit, async () => {
  const { all, inventory, putBack } = await given("YAML");
  const files = await runPlaybook(PLAYBOOK, inventory, {
    limit: "eu,db3",
    tags: ["files"],
    skipTags: ["east"],
    extraVars: ["greeting='by hand'", '{"region": "mars", "memory": "1MB"}'],
  });
  assert.equal(files.exitCode, 0, saidOf(files));
  assert.deepEqual(outcomeByHost(files), { db1: "changed" });
  assert.deepEqual(outcomesOf(files, "db1"), [
    "Say who: changed",
    "Only in the east: skipped",
    "Memory: skipped",
    "Listens: changed",
  ]);
  assert.equal(await textOn(hostNamed(all, "db1"), "who.txt"), "db1 mars gold by hand databases+eu 1\n");
  const memory = await runPlaybook(PLAYBOOK, inventory, { tags: ["settings"], extraVars: ["memory=3MB"] });
  assert.equal(memory.exitCode, 0, saidOf(memory));
  for (const name of ["db1", "db2"]) assert.equal(await memoryOf(hostNamed(all, name)), "3MB");
  await putBack();
});

async function given(
  form: "INI" | "YAML",
): Promise<{ all: DemoFleet; inventory: string; putBack: () => Promise<void> }> {
  const all = await fleet();
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-inventory-"));
  temporary.push(directory);
  const inventory = join(directory, form === "INI" ? "hosts.ini" : "hosts.yml");
  const files = { clientKey: join(all.directory, "client_key"), knownHosts: join(all.directory, "known_hosts") };
  await writeFile(inventory, form === "INI" ? iniText(all.hosts, files) : yamlText(all.hosts, files));
  await mkdir(join(directory, "group_vars"));
  await writeFile(join(directory, "group_vars", "eu.yml"), "only_eu_knows: a secret of the east\n");
  const put = await Promise.all(all.hosts.map(remember));
  return { all, inventory, putBack: async () => void (await Promise.all(put.map((one) => one()))) };
}

type Files = { clientKey: string; knownHosts: string };

function iniText(hosts: readonly EmbeddedHost[], { clientKey, knownHosts }: Files): string {
  return `[all:vars]
ansible_host=127.0.0.1
ansible_ssh_private_key_file=${clientKey}
pgmtls_known_hosts_file=${knownHosts}
memory=4MB

[eu]
db1 memory=6MB

[us]
db2

[spare]
db3

[databases:children]
eu
us
spare

[databases:vars]
memory=5MB
region=nowhere

[eu:vars]
region=eu
tier_of_group=gold

[us:vars]
region=us

[all]
${hosts
  .map((host) => {
    const own = [`ansible_port=${host.sshPort}`, `ansible_user=${host.user}`, `postgres_cluster=${host.dataDirectory}`];
    return `${host.name} ${own.join(" ")} pgmtls_state_dir=${host.stateDirectory}`;
  })
  .join("\n")}
`;
}

function yamlText(hosts: readonly EmbeddedHost[], { clientKey, knownHosts }: Files): string {
  return `all:
  vars:
    ansible_host: 127.0.0.1
    ansible_ssh_private_key_file: ${clientKey}
    pgmtls_known_hosts_file: ${knownHosts}
    memory: 4MB
  hosts:
${hosts
  .map(
    (host) => `    ${host.name}:
      ansible_port: ${host.sshPort}
      ansible_user: ${host.user}
      postgres_cluster: ${host.dataDirectory}
      pgmtls_state_dir: ${host.stateDirectory}
`,
  )
  .join("")}
databases:
  vars: { memory: 5MB, region: nowhere }
  children:
    eu:
      vars: { region: eu, tier_of_group: gold }
      hosts:
        db1: { memory: 6MB }
    us:
      vars: { region: us }
      hosts: { db2: }
    spare:
      hosts: { db3: }
`;
}

async function textOn({ dataDirectory }: EmbeddedHost, name: string): Promise<string> {
  return await readFile(join(dataDirectory, name), "utf8");
}

async function memoryOf(host: EmbeddedHost): Promise<unknown> {
  return (await host.query("SHOW work_mem"))[0]?.work_mem;
}
