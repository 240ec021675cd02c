import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What each purpose needs from Debian: these lists are the only place that says so. */
export const debianPackages = {
  check: ["shellcheck"],
  test: [
    // the test fleet
    ["systemd-container", "debootstrap", "debian-archive-keyring", "iproute2", "util-linux", "mount"],
    // the real thing as a judge
    [
      "openssh-server",
      "openssh-client",
      "openssl",
      "postgresql-client",
      "sudo",
      "dash",
      "busybox",
      "tmux",
      "ansible-core",
    ],
  ].flat(),
  bench: ["openssh-server", "openssh-client", "ansible-core"],
};

/** Installs the npm packages where they are missing or not those of package-lock.json. */
export function installPackages() {
  if (packagesAreInstalled()) return;
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
}

/**
 * Installs Debian packages, as root on Debian.
 * @param {readonly string[]} wanted
 * @returns {string | undefined} why nothing was done; undefined when all of them are there
 */
export function installDebianPackages(wanted) {
  if (!existsSync("/etc/debian_version")) return "this machine is not Debian";
  const missing = missingDebianPackages(wanted);
  if (missing.length === 0) return undefined;
  if (process.getuid?.() !== 0) return `only root can install ${missing.join(", ")}`;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "--quiet", "--quiet"], { env });
  run("apt-get", ["install", "--quiet", "--quiet", "--yes", "--no-install-recommends", ...missing], { env });
  return undefined;
}

/**
 * Runs a program to its end with our own output. Where it fails, so do we, with its exit code.
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 */
export function run(file, args, { env = process.env } = {}) {
  const status = exitCodeOf(file, args, { env });
  if (status !== 0) process.exit(status);
}

/**
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {number} 128 for a program that a signal ended
 */
export function exitCodeOf(file, args, { env = process.env } = {}) {
  const { error, status } = spawnSync(file, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) throw error;
  return status ?? 128;
}

/** npm keeps what it installed in a lock file of its own, which tells more than any date. */
function packagesAreInstalled() {
  const installedLock = `${root}/node_modules/.package-lock.json`;
  if (!existsSync(installedLock)) return false;
  const installed = packagesOf(installedLock);
  return Object.entries(packagesOf(`${root}/package-lock.json`)).every(
    ([path, { version, optional }]) => path === "" || optional === true || installed[path]?.version === version,
  );
}

/** @param {string} lockFile @returns {Record<string, { version?: string; optional?: boolean }>} */
const packagesOf = (lockFile) => JSON.parse(readFileSync(lockFile, "utf8")).packages;

/** @param {readonly string[]} wanted */
function missingDebianPackages(wanted) {
  const { stdout } = spawnSync("dpkg", ["--get-selections", ...wanted], { encoding: "utf8" });
  const installed = new Set(
    stdout
      .split("\n")
      .filter((line) => /\s(install|hold)$/.test(line))
      .map((line) => line.split(/\s/)[0]),
  );
  return wanted.filter((name) => !installed.has(name));
}
