import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { assertCheckIsRun, type Inspect } from "./check-equals-run.ts";
import { type EmbeddedHost, fileOf, filesOf, remember, useEmbeddedFleet } from "./embedded-fleet.ts";
import { MODULE_CASES, playbookOf } from "./module-cases.ts";
import { changesOf, runPlaybook, runPlaybookFile, tasksOf } from "./run-playbook.ts";

const enableMtls = fileURLToPath(new URL("../../playbooks/enable-mtls.yml", import.meta.url));
const fleet = useEmbeddedFleet([18, 14]);
const limit = { timeout: 120_000 };

test("check is the run: the shipped playbook", limit, async () => {
  const { hosts, inventoryFile } = await fleet();
  const putBack = await Promise.all(hosts.map(remember));
  const run = await assertCheckIsRun(
    (options) => runPlaybookFile(enableMtls, inventoryFile, options),
    hosts.map(inspect),
  );
  const kinds = ["certificate", "file", "file", "file", "activate"];
  for (const { name } of hosts)
    assert.deepEqual(
      changesOf(run, name).map(({ kind }) => kind),
      kinds,
    );
  await Promise.all(putBack.map((put) => put()));
});

for (const one of MODULE_CASES) {
  test(`check is the run: ${one.title}`, limit, async () => {
    const { hosts, inventoryFile } = await fleet();
    const playbook = playbookOf(one, "127.0.0.1");
    const files = one.files ?? {};
    await assertCheckIsRun(
      (options) => runPlaybook(playbook, inventoryFile, { ...options, files }),
      hosts.map(inspect),
    );
  });
}

test("a check writes nothing on the host and leaves no directory of ours", limit, async () => {
  const { hosts, inventoryFile } = await fleet();
  const before = await Promise.all(hosts.map(everythingOf));
  const run = await runPlaybookFile(enableMtls, inventoryFile, {
    check: true,
    extraVars: [
      '{"mtls_dns": ["third.example.net"], "mtls_clientcert": "unchanged", "mtls_settings": {"work_mem": "9MB"}}',
    ],
  });
  assert.equal(run.exitCode, 0, "without --detailed-exitcode");
  for (const { name } of hosts) assert.notDeepEqual(changesOf(run, name), []);
  assert.deepEqual(await Promise.all(hosts.map(everythingOf)), before);
});

test("a backup is the file as it was, beside it, under the run's name", limit, async () => {
  const { hosts, inventoryFile } = await fleet();
  const before = await Promise.all(hosts.map((host) => readFile(join(host.dataDirectory, "pg_hba.conf"))));
  const records = "[{ type: host, users: guest, address: 198.51.100.0/24, method: reject }]";
  const run = await runPlaybook(
    `- hosts: all\n  tasks:\n    - edit-hba: { cluster: "{{ postgres_cluster }}", records: ${records} }\n`,
    inventoryFile,
  );
  const [started] = run.events;
  assert.ok(started?.event === "run-started");
  for (const [at, { dataDirectory }] of hosts.entries())
    assert.deepEqual(await readFile(join(dataDirectory, `pg_hba.conf.${started.run}~`)), before[at]);
});

test("a restart is told by the check, with the setting that needs it", limit, async () => {
  const { inventoryFile } = await fleet();
  const playbook = `- hosts: db1
  tasks:
    - edit-conf: { cluster: "{{ postgres_cluster }}", set: { max_connections: 61 } }
    - restart: { cluster: "{{ postgres_cluster }}" }
`;
  const check = await runPlaybook(playbook, inventoryFile, { check: true });
  const [change] = tasksOf(check, "db1").at(-1)?.changes ?? [];
  assert.ok(change?.kind === "activate");
  assert.equal(change.by, "restart");
  assert.match(change.because, /^max_connections needs a restart/);
});

function inspect(host: EmbeddedHost): Inspect {
  return {
    host: host.name,
    publicKey: async (path) => (await promisify(execFile)("openssl", ["pkey", "-in", path, "-pubout"])).stdout,
    file: async (path) => {
      const file = await fileOf(path);
      return file && { bytes: file.bytes, mode: file.mode, owner: file.owner, group: file.group };
    },
  };
}

async function everythingOf(host: EmbeddedHost) {
  return { files: await filesOf(host), kept: await readdir(host.stateDirectory, { recursive: true }) };
}
