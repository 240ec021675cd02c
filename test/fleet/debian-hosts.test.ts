import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { useDebianFleet } from "./debian.ts";
import type { DebianHost } from "./debian-host.ts";
import type { DebianFleet } from "./debian-hosts.ts";
import { identityOf } from "./process.ts";
import { type ProgramEnd, programEnd } from "./program.ts";

const use = useDebianFleet();
const fleetTest = (title: string, body: (fleet: DebianFleet) => Promise<void>) =>
  test(title, { skip: use.skip }, async () => body(await use.get()));

fleetTest(
  "every host lets its operator in with the fleet's key, known by its own host key, and to root by sudo",
  async (fleet) => {
    for (const host of fleet.hosts) {
      const { exitCode, stdout } = await ssh(fleet, host, "deploy", "hostname; sudo -n id -un");
      assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: `${host.name}\nroot\n` });
    }
    const keys = readFileSync(fleet.knownHostsFile, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[2]);
    assert.equal(new Set(keys).size, keys.length, "no two hosts have the same key");
  },
);

fleetTest("the user asks can log in, but sudo asks for the password", async (fleet) => {
  const [host] = fleet.hosts;
  assert(host !== undefined);
  const refused = await ssh(fleet, host, "asks", "sudo -n id -un");
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /a password is required/);
  const { stdout } = await ssh(fleet, host, "asks", "echo asks-password | sudo -S -p '' id -un");
  assert.equal(stdout, "root\n");
});

fleetTest("PostgreSQL takes clients over the network with a password and without TLS", async ({ hosts }) => {
  for (const host of hosts) {
    const login = `postgresql://app:app-password@${host.address}/app`;
    const plain = await hosts[0]?.exec(["psql", "-At", `${login}?sslmode=disable`, "-c", "SELECT current_user"]);
    assert.equal(plain, "app\n");
    const tls = await hosts[0]?.execEnd(["psql", "-At", `${login}?sslmode=require`, "-c", "SELECT 1"]);
    assert.match(tls?.stderr ?? "", /server does not support SSL/);
  }
  assert.deepEqual(
    hosts.map((host) => host.clusterName),
    ["main", "main", "orders"],
  );
});

fleetTest(
  "systemd's own units of a host are its own: a restart of sshd there leaves the others alone",
  async ({ hosts }) => {
    const [one, two] = hosts;
    assert(one !== undefined && two !== undefined);
    const pidOf = (host: DebianHost) => host.exec(["systemctl", "show", "--property=MainPID", "--value", "ssh"]);
    const before = [await pidOf(one), await pidOf(two)];
    await one.exec(["systemctl", "restart", "ssh"]);
    assert.notEqual(await pidOf(one), before[0]);
    assert.equal(await pidOf(two), before[1]);
  },
);

fleetTest("a host whose link is down does not answer, and does again when it is up", async ({ hosts }) => {
  const [host] = hosts;
  assert(host !== undefined);
  await host.setLink("down");
  assert.equal(await answers(host), false);
  await host.setLink("up");
  assert.equal(await answers(host), true);
});

fleetTest(
  "a host that lost its power boots again with what was on its disk, and reset gives the first state back",
  async (fleet) => {
    const [host] = fleet.hosts;
    assert(host !== undefined);
    await host.exec(["sh", "-c", "echo kept > /etc/mark; sync; pg_dropcluster --stop 15 main"]);
    await host.kill();
    assert.equal(await answers(host), false);
    await assert.rejects(host.exec(["true"]), /does not run/);
    await host.start();
    assert.equal(await host.exec(["cat", "/etc/mark"]), "kept\n");
    assert.equal(await host.exec(["pg_lsclusters", "--no-header"]), "");
    await host.reset();
    assert.equal((await host.execEnd(["test", "-e", "/etc/mark"])).exitCode, 1);
    assert.match(await host.exec(["pg_lsclusters", "--no-header"]), / online /);
    assert.equal((await ssh(fleet, host, "deploy", "true")).exitCode, 0, "its host key is still the known one");
  },
);

for (const how of ["SIGTERM", "SIGKILL"] as const) {
  fleetTest(
    `nothing is left of a fleet whose owner ended by ${how}, and the living ones are left alone`,
    async (shared) => {
      const file = join(shared.directory, `other-${how}.json`);
      const owner = await serve(file);
      const other = JSON.parse(readFileSync(file, "utf8")) as DebianFleet;
      assert.notEqual(leftovers(other).length, 0);
      await endOf(owner, () => owner.kill(how));
      // What nobody could clean up, the next fleet does before it starts.
      if (how === "SIGKILL") {
        const next = await serve(join(shared.directory, "next.json"), "0");
        await endOf(next, () => next.stdin.end());
      }
      assert.deepEqual(leftovers(other), []);
      for (const host of shared.hosts) assert.equal(await host.exec(["hostname"]), `${host.name}\n`);
    },
  );
}

async function serve(file: string, count = "1") {
  const program = fileURLToPath(new URL("./serve-debian-hosts.ts", import.meta.url));
  const options = ["--import", "tsx", program, count, file];
  const server = spawn(process.execPath, options, { stdio: ["pipe", "ignore", "inherit"] });
  // Else a failed test would wait for it for ever, and it for the end of the test.
  after(() => server.kill());
  while (!existsSync(file)) {
    assert.equal(server.exitCode, null, "the fleet started");
    await sleep(50);
  }
  return server;
}

async function endOf(child: ChildProcess, end: () => void): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  end();
  await ended;
}

/** Everything on this computer that carries the names of the fleet's hosts, or is their process. */
function leftovers({ directory, hosts }: DebianFleet): string[] {
  const named = ["/run/netns", "/sys/class/net", "/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => hosts.some(({ machine, cable }) => path.endsWith(`/${machine}`) || path.endsWith(`/${cable}`)));
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(directory));
  const processes = readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && identityOf(Number(pid)) !== undefined)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(directory));
  return [...named, ...mounts, ...processes, ...(existsSync(directory) ? [directory] : [])];
}

function ssh(fleet: DebianFleet, host: DebianHost, user: string, command: string): Promise<ProgramEnd> {
  const options = ["BatchMode=yes", "StrictHostKeyChecking=yes", `UserKnownHostsFile=${fleet.knownHostsFile}`];
  const flags = options.flatMap((option) => ["-o", option]);
  return programEnd(["ssh", "-F", "none", "-i", fleet.identityFile, ...flags, `${user}@${host.address}`, command]);
}

function answers({ address, port }: DebianHost): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 700 });
    for (const [event, answer] of [
      ["data", true],
      ["error", false],
      ["timeout", false],
    ] as const) {
      socket.once(event, () => {
        socket.destroy();
        resolve(answer);
      });
    }
  });
}
