// npm run check: types, lint and format, layers, unused code, shell. All of them run, so that one look shows everything.
import { existsSync, readdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { debianPackages, exitCodeOf, installDebianPackages, installPackages, root } from "./install.mjs";

installPackages();
const left = installDebianPackages(debianPackages.check);
const shellFiles = filesEnding(".sh", ["src/remote", "test/fleet"]);

const results = [
  check("types", "npx", ["tsc", "-p", "tsconfig.json"]),
  check("lint and format", "npx", ["biome", "check", "--error-on-warnings"]),
  check("layers", "npx", ["depcruise", "--config", ".dependency-cruiser.cjs", "src"]),
  check("unused code", "npx", ["knip"]),
  left === undefined || canRun("shellcheck")
    ? check("shell", "shellcheck", ["--external-sources", "--source-path=SCRIPTDIR", ...shellFiles])
    : leaveOut("shell", left),
];
process.exitCode = results.every((passed) => passed) ? 0 : 1;

/** @param {string} title @param {string} file @param {readonly string[]} args */
function check(title, file, args) {
  const start = performance.now();
  const passed = exitCodeOf(file, args) === 0;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`check: ${title}: ${passed ? "passed" : "FAILED"} (${seconds} s)`);
  return passed;
}

/** @param {string} title @param {string} why */
function leaveOut(title, why) {
  console.log(`check: ${title}: left out, ${why}`);
  return process.env.CI !== "true";
}

/** @param {string} ending @param {readonly string[]} folders */
function filesEnding(ending, folders) {
  return folders
    .filter((folder) => existsSync(`${root}/${folder}`))
    .flatMap((folder) => readdirSync(`${root}/${folder}`).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith(ending));
}

/** @param {string} program */
function canRun(program) {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(`${folder}/${program}`));
}
