// npm test [-- FILE...]: all tests, or some, against real parts. The Debian fleet boots once, for all of them.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "./build.mjs";
import { debianPackages, installDebianPackages, root } from "./install.mjs";

const fleetHosts = 3;

const files = testFiles(process.argv.slice(2));
if (files.length === 0) {
  console.error(`no test file at ${process.argv.slice(2).join(", ")}`);
  process.exit(1);
}
await build();
const packagesLeftOut = installDebianPackages(debianPackages.test);
if (packagesLeftOut !== undefined) console.error(`test: Debian packages are not installed: ${packagesLeftOut}`);
process.exitCode = await testWithFleet();

async function testWithFleet() {
  if (!files.some(usesDebianFleet)) return runTests({});
  const unavailable = fleetUnavailable();
  if (unavailable !== undefined) {
    console.error(`test: fleet tests are left out: ${unavailable}`);
    if (process.env.CI === "true") return 1;
    return runTests({});
  }
  const folder = mkdtempSync(join(tmpdir(), "pgmtls-test-"));
  const fleet = startFleet(join(folder, "fleet.json"));
  try {
    if (!(await fleet.isReady())) return 1;
    return await runTests({ PGMTLS_TEST_FLEET: fleet.description });
  } finally {
    await fleet.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {NodeJS.ProcessEnv} variables */
async function runTests(variables) {
  // One more than there are processors, since a file that waits for its turn with the fleet uses none.
  const concurrency = `--test-concurrency=${availableParallelism() + 1}`;
  const args = ["--import", "tsx", "--test", "--test-reporter=spec", concurrency, ...files];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...variables },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return endOf(child);
}

/** @param {string} description The file that says what the fleet is, there when it is ready. */
function startFleet(description) {
  const started = Date.now();
  const program = ["--import", "tsx", "test/fleet/serve-debian-hosts.ts", String(fleetHosts), description];
  // The fleet ends when its input does, so it also ends when this process is killed.
  const child = spawn(process.execPath, program, { cwd: root, stdio: ["pipe", "inherit", "inherit"] });
  const ended = endOf(child);
  return {
    description,
    isReady: async () => {
      while (!existsSync(description)) {
        if (child.exitCode !== null || child.signalCode !== null) return false;
        await sleep(50);
      }
      console.log(`test: ${fleetHosts} Debian hosts are up (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      return true;
    },
    end: () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** @param {import("node:child_process").ChildProcess} child @returns {Promise<number>} */
function endOf(child) {
  // Ctrl-C reaches the whole terminal: they end by it themselves, and we wait so that nothing is left behind.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill());
  return new Promise((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code) => ended(code ?? 128));
  });
}

/** As the tests themselves see it: one line why there can be no fleet, or nothing. */
function fleetUnavailable() {
  const ask = 'import("./test/fleet/debian-image.ts").then((m) => console.log(m.debianFleetUnavailable() ?? ""))';
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--import", "tsx", "--eval", ask], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim() || undefined;
}

/** @param {string} file */
function usesDebianFleet(file) {
  return /fleet\/debian\.ts"|"\.\/debian\.ts"/.test(readFileSync(resolve(root, file), "utf8"));
}

/** @param {readonly string[]} chosen files or folders, from where npm was called */
function testFiles(chosen) {
  const places = chosen.length === 0 ? [join(root, "test")] : chosen.map((place) => resolve(place));
  return places.flatMap(filesIn).map((file) => relative(root, file));
}

/** @param {string} place @returns {string[]} */
function filesIn(place) {
  if (!existsSync(place)) return [];
  if (!statSync(place).isDirectory()) return [place];
  const names = readdirSync(place, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => join(place, name));
}
