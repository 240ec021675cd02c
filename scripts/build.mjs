// npm run build: dist/cli.js with all it needs beside it.
import { chmodSync, cpSync, existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { installPackages, root, run } from "./install.mjs";

export function build() {
  installPackages();
  run("npx", ["tsc", "-p", "tsconfig.build.json"]);
  copyShellProgram();
  if (existsSync(`${root}/dist/cli.js`)) chmodSync(`${root}/dist/cli.js`, 0o755);
}

/** The program that runs on hosts is shell, which tsc leaves behind. */
function copyShellProgram() {
  if (!existsSync(`${root}/src/remote`)) return;
  cpSync(`${root}/src/remote`, `${root}/dist/remote`, {
    recursive: true,
    filter: (path) => !path.endsWith(".ts"),
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) build();
