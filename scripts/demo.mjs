// npm run demo: from a fresh clone to a fleet on mutual TLS. Arguments go on to `pgmtls demo`.
import { build } from "./build.mjs";
import { root } from "./install.mjs";

await build();
// In this same process, so that its screen, its keys and its signals are the terminal's own.
process.argv = [process.argv[0] ?? "node", `${root}/dist/cli.js`, "demo", ...process.argv.slice(2)];
await import(`${root}/dist/cli.js`);
