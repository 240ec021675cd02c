import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { endFleet, type FleetDescription, raiseFleet } from "../../src/demo/standing-fleet.ts";
import { InputError } from "../../src/diagnostics/diagnostic.ts";

const signal = AbortSignal.timeout(180_000);
const quietly = { hosts: 1, signal, onProgress: () => {} };

test("a fleet stands in the background until it is taken down, and is not started twice", async (t) => {
  const directory = await emptyDirectory(t);
  const fleet = await raiseFleet({ ...quietly, directory });
  const described = JSON.parse(await readFile(join(directory, "fleet.json"), "utf8")) as FleetDescription;
  assert.deepEqual(described, fleet);
  assert.equal((await stat(join(directory, "fleet.json"))).mode & 0o777, 0o600, "it holds a password");
  for (const port of portsOf(fleet)) assert.ok(await isOpen(port));

  await refused(raiseFleet({ ...quietly, directory }), /a demo fleet is up in /, /pgmtls demo down --dir /);
  for (const port of portsOf(fleet)) assert.ok(await isOpen(port), "the second start left it alone");

  assert.equal(await endFleet(directory), true);
  for (const port of portsOf(fleet)) assert.ok(!(await isOpen(port)));
  await assert.rejects(stat(directory), { code: "ENOENT" });
  await until(() => !isAlive(fleet.pid));
  assert.equal(await endFleet(directory), false);
});

test("a fleet whose background process was killed is told as broken off, and taken down all the same", async (t) => {
  const directory = await emptyDirectory(t);
  const fleet = await raiseFleet({ ...quietly, directory });
  process.kill(fleet.pid, "SIGKILL");
  await until(() => !isAlive(fleet.pid));
  assert.ok(await isOpen(fleet.hosts[0]?.port ?? 0), "PostgreSQL outlives it");
  await refused(
    raiseFleet({ ...quietly, directory }),
    /holds a demo fleet that was broken off/,
    /pgmtls demo down --dir /,
  );
  assert.equal(await endFleet(directory), true);
  for (const port of portsOf(fleet)) assert.ok(!(await isOpen(port)));
  await assert.rejects(stat(directory), { code: "ENOENT" });
});

test("a start that is interrupted leaves nothing", async (t) => {
  const directory = await emptyDirectory(t);
  const interrupt = new AbortController();
  const ports: number[] = [];
  const onProgress = (line: string) => {
    const port = /PostgreSQL \d+ on port (\d+)/.exec(line)?.[1];
    if (port === undefined) return;
    ports.push(Number(port));
    interrupt.abort(new Error("interrupted"));
  };
  await assert.rejects(raiseFleet({ directory, hosts: 3, signal: interrupt.signal, onProgress }));
  assert.ok(ports.length > 0);
  for (const port of ports) assert.ok(!(await isOpen(port)));
  await assert.rejects(stat(directory), { code: "ENOENT" });
});

test("a directory with other things in it is neither used nor removed", async (t) => {
  const directory = await emptyDirectory(t);
  await mkdir(join(directory, "db1"));
  await writeFile(join(directory, "precious"), "");
  await refused(raiseFleet({ ...quietly, directory }), /holds something other than a demo fleet/, /--dir/);
  await refused(endFleet(directory), /holds something other than a demo fleet/, /--dir/);
  await refused(endFleet(join(directory, "precious")), /holds something other than a demo fleet/, /--dir/);
  assert.deepEqual((await readdir(directory)).sort(), ["db1", "precious"]);
});

async function emptyDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-"));
  t.after(async () => {
    // What a failed test left standing goes as well.
    await endFleet(directory).catch(() => {});
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}

async function refused(work: Promise<unknown>, message: RegExp, hint: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof InputError);
    const [problem] = error.problems;
    assert.match(problem?.message ?? "", message);
    assert.match(problem?.hint ?? "", hint);
    return true;
  });
}

function portsOf({ hosts }: FleetDescription): number[] {
  return hosts.flatMap(({ port, sshPort }) => [port, sshPort]);
}

async function isOpen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    if (isSo()) return;
    await delay(20);
  }
  assert.fail("it did not come about in 5 s");
}
