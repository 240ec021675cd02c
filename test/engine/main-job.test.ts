import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { type EmbeddedHost, filesOf, loadTime, useEmbeddedFleet } from "./embedded-fleet.ts";
import {
  changesOf,
  finishOf,
  outcomesOf,
  type PlaybookRun,
  proofsOf,
  runPlaybookFile,
  saidOf,
} from "./run-playbook.ts";

const enableMtls = fileURLToPath(new URL("../../playbooks/enable-mtls.yml", import.meta.url));
const fleet = useEmbeddedFleet([18, 16, 14]);
const limit = { timeout: 120_000 };

const TASKS = [
  "Certificate, key and root",
  "TLS on",
  "TLS and a client certificate for everybody from the network",
  "Activate",
];

test("the main job puts the hosts on mutual TLS, proves it, and keeps every open session", limit, async () => {
  const { hosts, inventoryFile, application } = await fleet();
  const sessions = await Promise.all(hosts.map((host) => openSessions(host, application)));
  const run = await runPlaybookFile(enableMtls, inventoryFile);
  assert.equal(run.exitCode, 0, saidOf(run));
  for (const [at, host] of hosts.entries()) {
    assert.deepEqual(
      outcomesOf(run, host.name),
      TASKS.map((task) => `${task}: changed`),
    );
    assert.deepEqual(proofsHeld(run, host), {
      "plain text is refused": true,
      "the certificate served is the one written": true,
      "TLS without a client certificate is refused": true,
      "a client certificate of our CA is accepted": true,
      "sessions opened before are still open": true,
    });
    const { pids, ask, close } = sessions[at] ?? assert.fail();
    assert.deepEqual(await ask(), pids, "each session answers, from the same backend");
    await close();
  }
});

test("a second run finds nothing to do: one exec a host, nothing written, nothing reloaded", limit, async () => {
  const { hosts, inventoryFile } = await fleet();
  const before = await Promise.all(hosts.map(stateOf));
  const run = await runPlaybookFile(enableMtls, inventoryFile);
  assert.equal(run.exitCode, 0, saidOf(run));
  for (const { name } of hosts) {
    assert.deepEqual(
      outcomesOf(run, name),
      TASKS.map((task) => `${task}: ok`),
    );
    const { outcome, execs, problems } = finishOf(run, name);
    assert.deepEqual({ outcome, execs, problems }, { outcome: "ok", execs: 1, problems: [] });
  }
  assert.deepEqual(await Promise.all(hosts.map(stateOf)), before);
});

test("a host without psql is asked over the connection, to the same end", limit, async () => {
  const { hosts, inventoryFile } = await fleet();
  const folder = await mkdtemp(join(tmpdir(), "pgmtls-path-"));
  const before = process.env.PATH;
  try {
    // The SSH servers of the fleet are in this process, and give programs its PATH.
    process.env.PATH = await folderWithout("psql", folder);
    const idle = await runPlaybookFile(enableMtls, inventoryFile);
    assert.equal(idle.exitCode, 0, saidOf(idle));
    const renewed = await runPlaybookFile(enableMtls, inventoryFile, {
      extraVars: ['{"mtls_dns": ["also.example.net"]}'],
    });
    assert.equal(renewed.exitCode, 0, saidOf(renewed));
    for (const host of hosts) {
      assert.deepEqual(
        outcomesOf(idle, host.name),
        TASKS.map((task) => `${task}: ok`),
      );
      assert.deepEqual(
        changesOf(renewed, host.name).map(({ kind }) => kind),
        ["certificate", "activate"],
      );
      assert.equal(proofsHeld(renewed, host)["the certificate served is the one written"], true);
    }
  } finally {
    process.env.PATH = before;
    await rm(folder, { recursive: true, force: true });
  }
});

type Application = { user: string; database: string; password: string };

/** Two sessions of the application over the network in plain text, and one of the administrator over the socket. */
async function openSessions(host: EmbeddedHost, application: Application) {
  const network = { host: "127.0.0.1", port: host.port, ...application };
  const socket = { host: host.socketDirectory, port: host.port, user: "postgres", database: "postgres" };
  const clients = [network, network, socket].map((to) => new pg.Client(to));
  await Promise.all(clients.map((client) => client.connect()));
  const ask = async () =>
    await Promise.all(
      clients.map(
        async (client) => (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid,
      ),
    );
  return { pids: await ask(), ask, close: async () => void (await Promise.all(clients.map((client) => client.end()))) };
}

function proofsHeld(run: PlaybookRun, { name }: EmbeddedHost): Record<string, boolean | "untried"> {
  return Object.fromEntries(proofsOf(run, name).map(({ what, held }) => [what, held]));
}

async function stateOf(host: EmbeddedHost) {
  return {
    files: await filesOf(host),
    loadedAt: await loadTime(host),
    kept: await readdir(join(host.stateDirectory, "runs")),
  };
}

/** A PATH with all that this machine's has but `program`. */
async function folderWithout(program: string, folder: string): Promise<string> {
  const names = new Set([program]);
  for (const from of (process.env.PATH ?? "").split(":")) {
    for (const name of await readdir(from).catch(() => [])) {
      if (!names.has(name)) await symlink(join(from, name), join(folder, name));
      names.add(name);
    }
  }
  await chmod(folder, 0o755); // the hosts' programs run as another user
  return folder;
}
