import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hbaFile } from "../../src/demo/hba-files.ts";
import { installPostgres } from "../../src/demo/postgres-install.ts";
import { startPostgres, stopPostgres } from "../../src/demo/postgres-server.ts";
import { makePrivateDirectory, serverUser } from "../../src/demo/server-user.ts";

const lastWill = new URL("../../src/demo/last-will.ts", import.meta.url).href;
const root = fileURLToPath(new URL("../../", import.meta.url));

test("servers of a process that was killed are stopped, and their directory is removed", async (t) => {
  const signal = AbortSignal.timeout(60_000);
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-"));
  const host = join(directory, "db1");
  t.after(async () => {
    await stopPostgres(join(host, "data"));
    await rm(directory, { recursive: true, force: true });
  });
  await chmod(directory, 0o711);
  const user = serverUser();
  await makePrivateDirectory(host, user);
  const programs = await installPostgres(18, { signal });
  await startPostgres({ programs, directory: host, user, hba: hbaFile(0), signal });
  const pid = Number((await readFile(join(host, "data", "postmaster.pid"), "utf8")).split("\n")[0]);

  const victim = startVictim(directory);
  await once(victim.stdout, "data");
  victim.kill("SIGKILL");
  for (let tries = 0; tries < 250 && existsSync(directory); tries++) await delay(20);
  assert.ok(!existsSync(directory));
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("a process with a last will ends as soon as its own work is done", async () => {
  const victim = startVictim(join(tmpdir(), "pgmtls-not-there"), "");
  assert.deepEqual(await once(victim, "exit"), [0, null]);
});

function startVictim(directory: string, andThen = "setInterval(() => {}, 1000);") {
  const program = `import { leaveLastWill } from "${lastWill}"; leaveLastWill(process.argv[1]); console.log("left"); ${andThen}`;
  const options = ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", program, directory];
  return spawn(process.execPath, options, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
}
