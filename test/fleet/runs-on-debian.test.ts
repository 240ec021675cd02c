import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { makeClientIdentity } from "../../src/ca/client-identity.ts";
import { initLocalCa, openLocalCa } from "../../src/ca/local-ca.ts";
import { assertCheckIsRun, type Inspect } from "../engine/check-equals-run.ts";
import { MODULE_CASES, type ModuleCase, playbookOf } from "../engine/module-cases.ts";
import {
  changesOf,
  type PlaybookOptions,
  proofsOf,
  runPlaybook,
  runPlaybookFile,
  saidOf,
} from "../engine/run-playbook.ts";
import { useDebianFleet } from "./debian.ts";
import type { DebianHost } from "./debian-host.ts";
import { type ProgramEnd, programEnd } from "./program.ts";

const enableMtls = fileURLToPath(new URL("../../playbooks/enable-mtls.yml", import.meta.url));
const use = useDebianFleet();
const limits = { skip: use.skip, timeout: 180_000 };
/** Two hosts are enough, of different cluster names; for a module alone one: the machine is small. */
const HOSTS = ["pg1", "pg3"];
const ONE_HOST = ["pg3"];

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "pgmtls-debian-"));
  await initLocalCa({ directory: join(directory, "ca"), now: Date.now });
});
after(() => rm(directory, { recursive: true, force: true }));

test(
  "the main job on Debian: check is the run, one exec the second time, and every open session is kept",
  limits,
  async () => {
    const { hosts, inventoryFile } = await chosenHosts();
    const sessions = await Promise.all(hosts.map(openSessions));
    const run = await assertCheckIsRun(
      (options) => runPlaybookFile(enableMtls, inventoryFile, given(options)),
      hosts.map(inspect),
    );
    for (const [at, host] of hosts.entries()) {
      const proofs = proofsOf(run, host.name);
      assert.ok(proofs.length >= 5 && proofs.every(({ held }) => held), JSON.stringify(proofs));
      const open = sessions[at] ?? assert.fail();
      assert.deepEqual(await open.ask(), open.pids, "each session answers, from the same backend");
      await open.close();
      const data = `/var/lib/postgresql/15/${host.clusterName}`;
      const stat = await host.exec([
        "stat",
        "-c",
        "%n %U:%G %a",
        `${data}/server.key`,
        `${data}/server.crt`,
        `${data}/root.crt`,
      ]);
      assert.equal(
        stat,
        `${data}/server.key postgres:postgres 600\n${data}/server.crt postgres:postgres 644\n${data}/root.crt postgres:postgres 644\n`,
      );
    }
  },
);

test(
  "clients of the network: plain text refused, no certificate refused, a certificate let in and known",
  limits,
  async () => {
    const { hosts } = await chosenHosts();
    const files = await clientFiles();
    for (const host of hosts) {
      const verified = `sslmode=verify-full sslrootcert=${files.root}`;
      const known = await psql(host, `${verified} sslcert=${files.cert} sslkey=${files.key}`);
      assert.deepEqual([known.exitCode, known.stdout], [0, "t|/CN=app\n"], known.stderr);
      const plain = await psql(host, "sslmode=disable");
      assert.match(
        plain.stderr,
        /no pg_hba\.conf entry for host "10\.99\.\d+\.1", user "app", database "app", no encryption/,
      );
      const anonymous = await psql(host, `${verified} sslcert= sslkey=`);
      assert.match(anonymous.stderr, /connection requires a valid client certificate/);
      const stranger = await psql(host, `sslmode=verify-full sslrootcert=${files.strangeRoot} sslcert= sslkey=`);
      assert.match(stranger.stderr, /certificate verify failed/);
    }
  },
);

test(
  "a restart is systemd's own: the unit is active with another main process, and the cluster is online",
  limits,
  async () => {
    const { hosts, inventoryFile } = await chosenHosts();
    const mainPid = (host: DebianHost) =>
      host.exec(["systemctl", "show", "--property=MainPID", "--value", `postgresql@15-${host.clusterName}`]);
    const before = await Promise.all(hosts.map(mainPid));
    const run = await runPlaybook(
      "- hosts: all\n  tasks:\n    - edit-conf: { set: { max_connections: 77 } }\n    - restart:\n",
      inventoryFile,
      given({}),
    );
    assert.equal(run.exitCode, 0, saidOf(run));
    for (const [at, host] of hosts.entries()) {
      assert.ok(changesOf(run, host.name).some((change) => change.kind === "activate" && change.by === "restart"));
      const after = await mainPid(host);
      assert.ok(Number(after) > 1 && after !== before[at], `${before[at]} -> ${after}`);
      const unit = ["systemctl", "is-active", `postgresql@15-${host.clusterName}`];
      assert.equal(await host.exec(unit), "active\n");
      assert.match(await host.exec(["pg_lsclusters", "--no-header"]), /^15 +\w+ +5432 online postgres /);
      assert.equal(await host.exec(["systemctl", "--failed", "--no-legend", "--plain"]), "", "no unit has failed");
    }
  },
);

/** Owners, absolute paths and links, which need root. */
const ROOT_CASES: readonly ModuleCase[] = [
  {
    title: "copy-file outside of the cluster belongs to root, or to whom it is given",
    files: { motd: "hello\n" },
    tasks: `
    - copy-file: { src: motd, dest: /srv/ }
    - copy-file: { content: "for postgres\\n", dest: /srv/theirs, owner: postgres, group: ssl-cert, mode: "2640" }`,
  },
  {
    title: "copy-file follows a link and keeps it",
    tasks: `
    - copy-file: { content: "by the link\\n", dest: /srv/link }`,
  },
  {
    title: "chmod changes owners, and directories",
    tasks: `
    - chmod: { path: /srv/motd, owner: postgres, group: postgres, mode: a-w }
    - chmod: { path: /srv, mode: 'u=rwx,g=rx,o=X', group: postgres }`,
  },
];

for (const one of [...MODULE_CASES, ...ROOT_CASES]) {
  test(`check is the run on Debian: ${one.title}`, limits, async () => {
    const { hosts, inventoryFile } = await chosenHosts(ONE_HOST);
    await freshFor(one, hosts);
    const files = one.files ?? {};
    const playbook = playbookOf(one, "*");
    await assertCheckIsRun(
      (options) => runPlaybook(playbook, inventoryFile, { ...given(options, ONE_HOST), files }),
      hosts.map(inspect),
    );
  });
}

test("a link that was written through is still one", limits, async () => {
  const { hosts } = await chosenHosts(ONE_HOST);
  for (const host of hosts) assert.equal(await host.exec(["readlink", "/srv/link"]), "real file\n");
});

async function chosenHosts(names = HOSTS) {
  const { hosts, inventoryFile } = await use.get();
  return { hosts: hosts.filter(({ name }) => names.includes(name)), inventoryFile };
}

/** The first case wants hosts without certificates again; the one with a link, a link. */
async function freshFor(one: ModuleCase, hosts: readonly DebianHost[]): Promise<void> {
  if (one === MODULE_CASES[0]) await Promise.all(hosts.map((host) => host.reset()));
  if (one === ROOT_CASES[1])
    for (const host of hosts) await host.exec(["sh", "-c", "echo old > '/srv/real file'; ln -s 'real file' /srv/link"]);
}

function given(options: PlaybookOptions, names = HOSTS): PlaybookOptions {
  const variables = { mtls_ca: { type: "local", directory: join(directory, "ca") }, mtls_ip: ["{{ ansible_host }}"] };
  return { ...options, limit: names.join(","), extraVars: [JSON.stringify(variables)] };
}

function inspect(host: DebianHost): Inspect {
  return {
    host: host.name,
    publicKey: (path) => host.exec(["openssl", "pkey", "-in", path, "-pubout"]),
    file: async (path) => {
      const found = await host.execEnd(["stat", "-c", "%a %U %G %F", path]);
      if (found.exitCode !== 0) return undefined;
      const [mode = "", owner = "", group = "", kind] = found.stdout.trim().split(" ");
      const base64 = kind === "directory" ? "" : await host.exec(["base64", path]);
      return { bytes: Buffer.from(base64, "base64"), mode, owner, group };
    },
  };
}

/** Sessions of the application in plain text, as it is before the run. */
async function openSessions({ address }: DebianHost) {
  const to = { host: address, user: "app", database: "app", password: "app-password" };
  const clients = [1, 2].map(() => new pg.Client(to));
  await Promise.all(clients.map((client) => client.connect()));
  const ask = () =>
    Promise.all(
      clients.map(
        async (client) => (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid,
      ),
    );
  return { pids: await ask(), ask, close: async () => void (await Promise.all(clients.map((client) => client.end()))) };
}

async function clientFiles() {
  const signer = await openLocalCa({ name: "ca", directory: join(directory, "ca"), now: Date.now });
  const { certPem, keyPem } = await makeClientIdentity(signer, "app", AbortSignal.timeout(10_000));
  const stranger = join(directory, "stranger");
  await initLocalCa({ directory: stranger, now: Date.now });
  const path = (name: string) => join(directory, name);
  await writeFile(path("app.crt"), certPem);
  await writeFile(path("app.key"), keyPem, { mode: 0o600 });
  await writeFile(path("root.crt"), signer.roots);
  const strange = await openLocalCa({ name: "stranger", directory: stranger, now: Date.now });
  await writeFile(path("strange-root.crt"), strange.roots);
  return { cert: path("app.crt"), key: path("app.key"), root: path("root.crt"), strangeRoot: path("strange-root.crt") };
}

/** From this computer, so over the network. */
async function psql({ address }: DebianHost, options: string): Promise<ProgramEnd> {
  const query = "SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  const to = `host=${address} user=app dbname=app connect_timeout=10 ${options}`;
  const env = { PATH: process.env.PATH, PGPASSWORD: "app-password", PGSSLCERT: "", HOME: directory };
  return await programEnd(["psql", "-XAt", to, "-c", query], { env });
}
