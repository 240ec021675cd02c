// npm run bench: timings beside Ansible and the bare protocol. Arguments go on to bench/first-job.ts.
import { build } from "./build.mjs";
import { debianPackages, exitCodeOf, installDebianPackages } from "./install.mjs";

await build();
const left = installDebianPackages(debianPackages.bench);
if (left !== undefined) console.error(`bench: Debian packages are not installed: ${left}`);
process.exitCode = exitCodeOf("node", ["--import", "tsx", "bench/first-job.ts", ...process.argv.slice(2)]);
