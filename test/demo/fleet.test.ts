import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import ssh2 from "ssh2";
import { makeClientIdentity } from "../../src/ca/client-identity.ts";
import { openLocalCa } from "../../src/ca/local-ca.ts";
import type { Signer } from "../../src/ca/signer.ts";
import { loadX509 } from "../../src/ca/x509.ts";
import { type DemoFleet, startDemoFleet } from "../../src/demo/fleet.ts";
import { type Client, proveHost } from "../../src/demo/proof.ts";
import { serverUser } from "../../src/demo/server-user.ts";

const signal = AbortSignal.timeout(180_000);
let directory: string;
let fleet: DemoFleet;
let client: Client;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "pgmtls-"));
  fleet = await startDemoFleet({ hosts: 2, directory, signal });
  client = await newClient("app");
});
after(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

test("hosts have majors from the newest on, TLS off, and directories of their own", async () => {
  assert.deepEqual(
    fleet.hosts.map(({ name, major }) => [name, major]),
    [
      ["db1", 18],
      ["db2", 17],
    ],
  );
  for (const host of fleet.hosts) {
    assert.deepEqual(await host.query("SHOW ssl"), [{ ssl: "off" }]);
    assert.deepEqual(await host.query("SHOW data_directory"), [{ data_directory: join(directory, host.name, "data") }]);
  }
});

test("known_hosts, client key and inventory lead to each host", async () => {
  const knownHosts = await readFile(join(directory, "known_hosts"), "utf8");
  const inventory = await readFile(fleet.inventoryFile, "utf8");
  for (const host of fleet.hosts) {
    assert.ok(knownHosts.includes(`[127.0.0.1]:${host.sshPort} ${host.sshHostKey}\n`));
    assert.match(inventory, new RegExp(`\n    ${host.name}:.*\n      ansible_port: ${host.sshPort}\n`));
  }
});

test("SQL goes through a channel to the Unix socket, as for hosts without psql", async () => {
  const [host] = fleet.hosts;
  assert.ok(host);
  const ssh = new ssh2.Client();
  const privateKey = await readFile(join(directory, "client_key"), "utf8");
  await new Promise<void>((resolve, reject) => {
    ssh.once("ready", resolve).once("error", reject);
    ssh.connect({ host: "127.0.0.1", port: host.sshPort, username: host.user, privateKey });
  });
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) => {
    const path = join(host.socketDirectory, `.s.PGSQL.${host.port}`);
    ssh.openssh_forwardOutStreamLocal(path, (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  const stream = Object.assign(channel, {
    connect: () => process.nextTick(() => channel.emit("connect")),
    setNoDelay: () => channel,
    setKeepAlive: () => channel,
    ref: () => channel,
    unref: () => channel,
  });
  const sql = new pg.Client({ user: host.user, database: "postgres", stream: () => stream } as pg.ClientConfig);
  await sql.connect();
  const { rows } = await sql.query("SELECT current_user AS who, inet_client_addr() AS from");
  assert.deepEqual(rows, [{ who: host.user, from: null }]);
  await sql.end();
  ssh.end();
});

const MTLS = "hostssl all all 0.0.0.0/0 scram-sha-256 clientcert=verify-ca";
for (const [name, hba, serverName, held] of [
  ["a server without TLS", undefined, "db1", [false, false, false]],
  ["mutual TLS next to passwords", `${MTLS}\n`, "db1", [true, true, true]],
  ["mutual TLS that asks for the user's name", `${MTLS.replace("-ca", "-full")}\n`, "db1", [true, true, true]],
  ["method cert alone", "hostssl all all 0.0.0.0/0 cert\n", "db1", [true, true, true]],
  ["a record left open to plain text", `${MTLS}\nhost all all 0.0.0.0/0 scram-sha-256\n`, "db1", [false, true, true]],
  ["TLS that asks for no certificate", `${MTLS.replace(/ clientcert.*/, "")}\n`, "db1", [true, false, true]],
  ["a server with another name", `${MTLS}\n`, "db2", [true, false, false]],
  ["a server that lets nobody in", "hostssl all all 0.0.0.0/0 reject\n", "db1", [true, false, false]],
] as const) {
  test(`proof on ${name}: ${held.map((one) => (one ? "holds" : "does not hold")).join(", ")}`, async () => {
    const [host] = fleet.hosts;
    assert.ok(host);
    if (hba !== undefined) await configure(host, hba);
    const server = { address: "127.0.0.1", port: host.port, serverName };
    const proofs = await proveHost(server, fleet.application, client);
    assert.deepEqual(
      proofs.map((proof) => proof.held),
      held,
      JSON.stringify(proofs),
    );
  });
}

test("what was proved is told in the server's words", async () => {
  const [host] = fleet.hosts;
  assert.ok(host);
  await configure(host, `${MTLS}\n`);
  const server = { address: "127.0.0.1", port: host.port, serverName: "db1" };
  assert.deepEqual(await proveHost(server, fleet.application, client), [
    {
      what: "plain text is refused",
      held: true,
      said: 'no pg_hba.conf entry for host "127.0.0.1", user "app", database "app", no encryption',
    },
    {
      what: "TLS without a client certificate is refused",
      held: true,
      said: "connection requires a valid client certificate",
    },
    { what: "a client with a certificate gets in", held: true, said: "TLSv1.3, client_dn /CN=app" },
  ]);
});

test("a client certificate of another user does not count as the application's", async () => {
  const [host] = fleet.hosts;
  assert.ok(host);
  await configure(host, `${MTLS}\n`);
  const server = { address: "127.0.0.1", port: host.port, serverName: "db1" };
  const proofs = await proveHost(server, fleet.application, await newClient("somebody"));
  assert.deepEqual(
    proofs.map((proof) => proof.held),
    [true, true, false],
  );
});

test("after its end nothing of a fleet listens any more", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pgmtls-"));
  const own = await startDemoFleet({ hosts: 1, directory: folder, signal });
  await own[Symbol.asyncDispose]();
  for (const { port, sshPort } of own.hosts) {
    await assert.rejects(reach(port), { code: "ECONNREFUSED" });
    await assert.rejects(reach(sshPort), { code: "ECONNREFUSED" });
  }
  await rm(folder, { recursive: true });
});

test("a directory too long for Unix sockets is refused before anything is started", async () => {
  const long = join(tmpdir(), "x".repeat(100));
  await assert.rejects(startDemoFleet({ hosts: 1, directory: long, signal }), /too long.* can't be a Unix socket/);
});

async function newClient(commonName: string): Promise<Client> {
  const signer = await localCa();
  return { ...(await makeClientIdentity(signer, commonName, signal)), roots: signer.roots };
}

async function localCa(): Promise<Signer> {
  return await openLocalCa({ name: "demo", directory: fleet.caDirectory, now: Date.now });
}

/** What the guide tells a person to do by hand. */
async function configure(host: DemoFleet["hosts"][number], records: string): Promise<void> {
  const { roots } = await localCa();
  const { certificate, key } = await serverIdentity(host.name);
  const { uid, gid } = serverUser();
  for (const [name, text, mode] of [
    ["server.crt", certificate, 0o644],
    ["server.key", key, 0o600],
    ["root.crt", roots, 0o644],
  ] as const) {
    const path = join(host.dataDirectory, name);
    await writeFile(path, text, { mode });
    await chown(path, uid, gid);
  }
  await writeFile(join(host.dataDirectory, "pg_hba.conf"), `local all all trust\n${records}`);
  await host.query("ALTER SYSTEM SET ssl = on");
  await host.query("ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
  const loaded = () => host.query("SELECT pg_conf_load_time()::text AS at");
  const [before] = await loaded();
  await host.query("SELECT pg_reload_conf()");
  // The postmaster reloads after its backends may have: a new session shows its state.
  for (let tries = 0; tries < 100 && (await loaded())[0]?.at === before?.at; tries++);
}

async function serverIdentity(name: string): Promise<{ certificate: string; key: string }> {
  const x509 = await loadX509();
  const signingAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ["sign", "verify"]);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: [{ CN: [name] }], keys, signingAlgorithm });
  const request = { commonName: name, dns: [name], ip: [], key: "ec-p256", purpose: "server" } as const;
  const signer = await localCa();
  const { chainPem } = await signer.sign(csr.toString("pem"), { ...request, lifetimeSeconds: 3600 }, signal);
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { certificate: chainPem, key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
}

async function reach(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}
