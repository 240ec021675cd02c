#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { formatDiagnostic, InputError } from "./diagnostics/diagnostic.ts";

/** Arguments in, exit code out: the only place that exits. Commands are loaded when they are called, so `--version` costs nothing. */
const program = new Command("pgmtls")
  .description("Puts fleets of PostgreSQL servers on mutual TLS and keeps them there.")
  .version(version(), "-V, --version")
  .showSuggestionAfterError()
  // `demo --hosts 3` and `demo up --hosts 3` are two options, each of its own command.
  .enablePositionalOptions()
  .showHelpAfterError("(run with --help for the usage)")
  .exitOverride();

let exitCode = 0;
const collect = (value: string, before: readonly string[] = []) => [...before, value];
const collectWords = (value: string, before: readonly string[] = []) => [
  ...before,
  ...value
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== ""),
];

program
  .command("run")
  .description("run a playbook on the hosts of an inventory")
  .argument("<playbook>", "the playbook, a YAML file")
  .requiredOption(
    "-i, --inventory <name>",
    "inventory: a name in inventory/, a path, or hosts with commas (repeatable)",
    collect,
  )
  .option("-C, --check", "tell what would change, and change nothing")
  .option("-D, --diff", "show the changes of files")
  .option("-l, --limit <pattern>", "only hosts that match as well")
  .option("-t, --tags <tags>", "only tasks with one of these tags", collectWords)
  .option("--skip-tags <tags>", "leave out tasks with one of these tags", collectWords)
  .option("-e, --extra-vars <vars>", "key=value, {json} or @file; wins over every other variable (repeatable)", collect)
  .option("-f, --forks <n>", "hosts in work at once", wholeNumber, 50)
  .option("-b, --become", "become another user on the hosts with sudo -n")
  .option("--become-user <user>", "whom to become", "root")
  .addOption(
    new Option("-o, --output <form>", "how to report; live on a terminal, else plain").choices([
      "live",
      "plain",
      "json",
      "ndjson",
    ]),
  )
  .option("--detailed-exitcode", "with --check: exit 3 when something would change")
  .action(async (playbook: string, given) => {
    const { runCommand } = await import("./commands/run.ts");
    exitCode = await runCommand({ ...given, playbook, detailedExitCode: given.detailedExitcode });
  });

program
  .command("doc")
  .description("what a task module takes; without a name, the list of them")
  .argument("[module]", "name of a task module")
  .action(async (module: string | undefined) => {
    const { docCommand } = await import("./commands/doc.ts");
    exitCode = docCommand(module);
  });

const ca = program.command("ca").description("the local certificate authority");
ca.command("init")
  .description("make a root and an intermediate CA in a directory")
  .requiredOption("--dir <directory>", "where; must not hold a CA yet")
  .option("--passphrase-file <file>", "encrypt the keys with the first line of this file")
  .option("--organization <name>", "organization in the CA's names")
  .action(async (given) => {
    const { caInit } = await import("./commands/ca.ts");
    exitCode = await caInit({
      directory: given.dir,
      passphraseFile: given.passphraseFile,
      organization: given.organization,
    });
  });

const demo = program
  .command("demo")
  .description("a fleet on this machine: real PostgreSQL and SSH servers, put on mutual TLS and proved")
  .option("--hosts <n>", "how many hosts", wholeNumber, 5)
  .action(async (given: { hosts: number }) => {
    const [{ demo }, { runCommand }] = await Promise.all([import("./commands/demo.ts"), import("./commands/run.ts")]);
    exitCode = await demo({ hosts: given.hosts, run: runCommand });
  });
demo
  .command("up")
  .description("start the fleet and leave it standing")
  .option("--dir <directory>", "where it lives")
  .option("--hosts <n>", "how many hosts", wholeNumber, 5)
  .action(async (given: { dir?: string; hosts: number }) => {
    const { demoUp } = await import("./commands/demo.ts");
    exitCode = await demoUp({ ...(given.dir === undefined ? {} : { directory: given.dir }), hosts: given.hosts });
  });
demo
  .command("down")
  .description("end the fleet that `demo up` left standing")
  .option("--dir <directory>", "where it lives")
  .action(async (given: { dir?: string }) => {
    const { demoDown } = await import("./commands/demo.ts");
    exitCode = await demoDown(given.dir === undefined ? {} : { directory: given.dir });
  });

try {
  await program.parseAsync();
} catch (error) {
  exitCode = failed(error);
}
process.exitCode = exitCode;

/** Wrong usage and wrong input are 1, with what is wrong; anything else is our own failure, and says so. */
function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof InputError) {
    for (const problem of error.problems) process.stderr.write(`${formatDiagnostic(problem)}\n`);
    return 1;
  }
  process.stderr.write(
    `pgmtls itself failed; please report this:\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
  return 70;
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("expected a whole number from 1 up");
  return Number(text);
}
