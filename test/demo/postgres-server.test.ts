import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { hbaFile } from "../../src/demo/hba-files.ts";
import { availableMajors, installPostgres } from "../../src/demo/postgres-install.ts";
import { startPostgres } from "../../src/demo/postgres-server.ts";
import { runProgram } from "../../src/demo/program.ts";
import { makePrivateDirectory, serverUser, spawnAs } from "../../src/demo/server-user.ts";

const signal = AbortSignal.timeout(120_000);
const user = serverUser();
const majors = (await availableMajors()).filter((major) => [12, 14, 18].includes(major));

for (const [at, major] of majors.entries()) {
  test(`PostgreSQL ${major} takes passwords over plain TCP, and is stopped also when somebody else restarted it`, async (t) => {
    const { directory, programs } = await prepare(t, major);
    const server = await startPostgres({ programs, directory, user, hba: hbaFile(at), signal });
    try {
      const rules = await server.query("SELECT type, error FROM pg_hba_file_rules ORDER BY line_number");
      assert.deepEqual(
        rules.filter(({ error }) => error !== null),
        [],
      );
      assert.ok(rules.some(({ type }) => type === "host"));

      await server.query("CREATE ROLE app LOGIN PASSWORD 'secret'");
      await server.query("CREATE DATABASE app OWNER app");
      const client = new pg.Client({
        host: "127.0.0.1",
        port: server.port,
        user: "app",
        password: "secret",
        ssl: false,
      });
      await client.connect();
      const { rows } = await client.query("SELECT current_setting('ssl') AS ssl, inet_client_addr() AS address");
      assert.deepEqual(rows, [{ ssl: "off", address: "127.0.0.1" }]);
      await client.end();

      const first = await server.query("SELECT pg_postmaster_start_time() AS at");
      await runProgram(
        programs.pgCtl,
        ["restart", "-w", "-D", server.dataDirectory, "-l", join(directory, "restart.log")],
        {
          ...spawnAs(user),
          cwd: directory,
          env: {},
          signal,
        },
      );
      assert.notDeepEqual(await server.query("SELECT pg_postmaster_start_time() AS at"), first);
    } finally {
      await server[Symbol.asyncDispose]();
    }
    await assert.rejects(server.query("SELECT 1"), { code: "ENOENT" });
    await server[Symbol.asyncDispose](); // a second time is no mistake
  });
}

test("a server that does not start is an error in PostgreSQL's words, and nothing is left", async (t) => {
  const { directory, programs } = await prepare(t, 18);
  const starting = startPostgres({ programs, directory, user, hba: "hots all all all trust\n", signal });
  await assert.rejects(starting, /PostgreSQL 18 did not start: .*invalid connection type "hots"/s);
  await assert.rejects(readFile(join(directory, "data", "postmaster.pid")), { code: "ENOENT" });
});

test("a start that is broken off leaves no server", async (t) => {
  const { directory, programs } = await prepare(t, 18);
  const broken = new AbortController();
  const starting = startPostgres({ programs, directory, user, hba: hbaFile(0), signal: broken.signal });
  const failed = assert.rejects(starting);
  // As soon as the server writes its log, it runs, and is not yet ready.
  while (!(await readFile(join(directory, "server.log"), "utf8").catch(() => "")).includes("starting")) await delay(2);
  broken.abort();
  await failed;
  await gone(join(directory, "data", "postmaster.pid"));
});

async function prepare(t: TestContext, major: number) {
  const folder = await mkdtemp(join(tmpdir(), "pgmtls-"));
  t.after(() => rm(folder, { recursive: true, maxRetries: 5 }));
  await chmod(folder, 0o711);
  const directory = join(folder, "host");
  await makePrivateDirectory(directory, user);
  return { directory, programs: await installPostgres(major, { signal }) };
}

async function gone(path: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if ((await readFile(path).catch(() => undefined)) === undefined) return;
    await delay(20);
  }
  assert.fail(`${path} is still there`);
}
