import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { installPostgres } from "../../src/demo/postgres-install.ts";
import { isRoot } from "../../src/demo/server-user.ts";

/** Debian's, macOS's and most others' for nobody; no account is needed for an id. */
const SOMEBODY = 65534;
const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

test("the demo needs no root", { skip: isRoot() ? false : "not root: the other tests show it" }, async (t) => {
  const home = await mkdtemp(join(tmpdir(), "pgmtls-"));
  t.after(() => rm(home, { recursive: true }));
  await chown(home, SOMEBODY, SOMEBODY);
  await chmod(home, 0o700);
  // Root's cache is for everybody to read: nothing needs to be installed a second time.
  const { bin } = await installPostgres(18, { signal: AbortSignal.timeout(120_000) });
  await installPostgres(17, { signal: AbortSignal.timeout(120_000) });

  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), cli, "demo", "--hosts", "2"], {
    uid: SOMEBODY,
    gid: SOMEBODY,
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, PGMTLS_CACHE: join(bin, "..", "..", "..") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (bytes: Buffer) => {
      said += bytes.toString();
    });
  }
  const [status] = await once(child, "close");
  assert.equal(status, 0, said);
  assert.match(said, /^all of it holds on all 2 hosts$/m);
});
