import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type DemoFleet, startDemoFleet } from "../../src/demo/fleet.ts";

export type EmbeddedHost = DemoFleet["hosts"][number];

/** The embedded fleet for a test file, started by the first test that asks and gone with the last. Its hosts are db1, db2 ... */
export function useEmbeddedFleet(majors: readonly number[]): () => Promise<DemoFleet> {
  let fleet: Promise<DemoFleet> | undefined;
  let directory: string | undefined;
  after(async () => {
    const started = await fleet?.catch(() => undefined);
    await started?.[Symbol.asyncDispose]();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });
  const start = async () => {
    directory = await mkdtemp(join(tmpdir(), "pgmtls-e2e-"));
    const signal = AbortSignal.timeout(300_000); // also for the first one of all, which has to install PostgreSQL
    return await startDemoFleet({ hosts: majors.length, majors, directory, signal });
  };
  return () => {
    fleet ??= start();
    return fleet;
  };
}

export function hostNamed(fleet: DemoFleet, name: string): EmbeddedHost {
  const host = fleet.hosts.find((one) => one.name === name);
  if (host === undefined) throw new Error(`the fleet has no ${name}`);
  return host;
}

export type FileOnHost = { bytes: Buffer; mode: string; owner: string; group: string; changedAt: string };

/** A file with all that a failed run must put back; undefined where there is none. */
export async function fileOf(path: string): Promise<FileOnHost | undefined> {
  const { stdout } = await promisify(execFile)("stat", ["-c", "%a %U %G %z", path]).catch(() => ({ stdout: "" }));
  const [mode = "", owner = "", group = "", ...changedAt] = stdout.trim().split(" ");
  if (mode === "") return undefined;
  return { bytes: await readFile(path), mode, owner, group, changedAt: changedAt.join(" ") };
}

/** Everything at the top of the data directory that people and pgmtls write, by name: what it is, and when it was last touched. */
export async function filesOf({ dataDirectory }: EmbeddedHost): Promise<Record<string, FileOnHost>> {
  const files: Record<string, FileOnHost> = {};
  for (const name of await readdir(dataDirectory)) {
    // The server's own.
    if (name.startsWith("postmaster.") || name.endsWith(".log")) continue;
    const path = join(dataDirectory, name);
    const file = (await stat(path)).isFile() ? await fileOf(path) : undefined;
    if (file !== undefined) files[name] = file;
  }
  return files;
}

/** `files` without the times, which a file that was written and put back can't keep. */
export function withoutTimes(
  files: Readonly<Record<string, FileOnHost>>,
): Record<string, Omit<FileOnHost, "changedAt">> {
  return Object.fromEntries(Object.entries(files).map(([name, { changedAt: _, ...rest }]) => [name, rest]));
}

export async function loadTime(host: EmbeddedHost): Promise<string> {
  const [row] = await host.query("SELECT pg_conf_load_time()::text AS at");
  return String(row?.at);
}

/** Gives what puts the host's configuration back to what it is now, and activates it. Settings that need a restart are not for it. */
export async function remember(host: EmbeddedHost): Promise<() => Promise<void>> {
  const before = await filesOf(host);
  return async () => {
    for (const name of Object.keys(await filesOf(host)))
      if (before[name] === undefined) await rm(join(host.dataDirectory, name));
    for (const [name, { bytes }] of Object.entries(before)) {
      const path = join(host.dataDirectory, name);
      // Only what differs: a rewritten file would count as not yet read.
      if (!(await readFile(path)).equals(bytes)) await writeFile(path, bytes);
    }
    await reload(host);
  };
}

export async function reload(host: EmbeddedHost): Promise<void> {
  const before = await loadTime(host);
  await host.query("SELECT pg_reload_conf()");
  for (let tries = 0; (await loadTime(host)) === before; tries++) {
    if (tries > 500) throw new Error(`${host.name} does not read its files again`);
    await delay(10);
  }
}
