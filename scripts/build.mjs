// npm run build: dist/cli.js with all it needs beside it. Bundled, since a command that is run by hand all day must not spend half a
// second on opening a thousand files. Types are checked by `npm run check`.
import { chmodSync, cpSync, readdirSync, rmSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { installPackages, root } from "./install.mjs";

export async function build() {
  installPackages();
  const { build: bundle } = await import("esbuild");
  rmSync(`${root}/dist`, { recursive: true, force: true });
  await bundle({
    absWorkingDir: root,
    // `serve` is a program of its own, which `demo up` leaves running.
    entryPoints: { cli: "src/cli.ts", serve: "src/demo/serve.ts" },
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    // The CommonJS form of a package that is imported late has only a default export once it is bundled.
    mainFields: ["module", "main"],
    target: "node20.19",
    legalComments: "linked",
    // ssh2 loads files from beside its own; the native part of pg is optional, and not used.
    external: ["ssh2", "pg-native"],
    // Packages in CommonJS ask for Node's own modules by `require`.
    banner: {
      js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  copyShellProgram();
  chmodSync(`${root}/dist/cli.js`, 0o755);
}

/** The program that runs on hosts is shell; it is read from beside the code that sends it. */
function copyShellProgram() {
  for (const name of readdirSync(`${root}/src/remote`)) {
    if (name.endsWith(".sh")) cpSync(`${root}/src/remote/${name}`, `${root}/dist/${name}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await build();
