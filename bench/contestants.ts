import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programEnd } from "../test/fleet/program.ts";
import type { SshdFleet } from "../test/fleet/sshd-hosts.ts";

/** What is run as a program of its own, so that starting up counts for each. */
export type Contestant = {
  name: string;
  /** Changes files: the floor does not, it only shows what the way there costs. */
  doesTheJob: boolean;
  firstJob: readonly string[];
  secondRun: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Closes what it keeps open for a next run. */
  forget(): Promise<void>;
};

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export function pgmtls({ inventoryFile, hosts }: SshdFleet): Contestant {
  const forks = ["--forks", String(hosts.length)];
  const run = [
    process.execPath,
    file("../dist/cli.js"),
    "run",
    file("first-job/pgmtls.yml"),
    "-i",
    inventoryFile,
    ...forks,
  ];
  const argv = [...run, "--output", "plain"];
  return { name: "pgmtls", doesTheJob: true, firstJob: argv, secondRun: argv, env: {}, forget: async () => {} };
}

/** As its users tune it: as many forks as hosts, pipelining, one connection kept for all tasks and the next run. */
export function ansible({ inventoryFile, knownHostsFile, directory, hosts }: SshdFleet): Contestant {
  const sockets = join(directory, "cp");
  mkdirSync(sockets);
  const config = join(directory, "ansible.cfg");
  const sshArgs = `-F none -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=${knownHostsFile}`;
  const lines = [
    ...["[defaults]", `forks = ${hosts.length}`, "host_key_checking = True", "interpreter_python = /usr/bin/python3"],
    ...["[ssh_connection]", "pipelining = True", `ssh_args = ${sshArgs}`, `control_path_dir = ${sockets}`],
  ];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const argv = ["ansible-playbook", "-i", inventoryFile, file("first-job/ansible.yml")];
  const forget = async () => {
    for (const socket of readdirSync(sockets)) {
      await programEnd(["ssh", "-F", "none", "-O", "exit", "-o", `ControlPath=${join(sockets, socket)}`, "any"]);
    }
  };
  const env = { ANSIBLE_CONFIG: config, ANSIBLE_NOCOLOR: "1" };
  return { name: "ansible-playbook", doesTheJob: true, firstJob: argv, secondRun: argv, env, forget };
}

/** `execs`: how many pgmtls uses for each. */
export function floor(fleet: SshdFleet, execs: { firstJob: number; secondRun: number }): Contestant {
  const description = join(fleet.directory, "floor.json");
  const { user, identityFile, knownHostsFile, hosts } = fleet;
  writeFileSync(description, JSON.stringify({ user, identityFile, knownHostsFile, hosts }));
  const argv = (count: number) => [process.execPath, file("floor.mjs"), description, String(count)];
  const [firstJob, secondRun] = [argv(execs.firstJob), argv(execs.secondRun)];
  return { name: "floor (bare ssh2)", doesTheJob: false, firstJob, secondRun, env: {}, forget: async () => {} };
}

/**
 * Runs it and gives its milliseconds; a run that failed is an error, not a time. Its output goes to a file: Ansible's kept
 * connections would hold a pipe open long after its end.
 */
export async function timeOf(argv: readonly string[], env: NodeJS.ProcessEnv, outputFile: string): Promise<number> {
  const output = openSync(outputFile, "w");
  try {
    const [program = "", ...args] = argv;
    const start = performance.now();
    const child = spawn(program, args, { stdio: ["ignore", output, output], env: { ...process.env, ...env } });
    const [exitCode] = await once(child, "exit");
    const duration = performance.now() - start;
    if (exitCode === 0) return duration;
    const tail = readFileSync(outputFile, "utf8").trim().split("\n").slice(-15).join("\n");
    throw new Error(`${argv.join(" ")} ended with ${exitCode}:\n${tail}`);
  } finally {
    closeSync(output);
  }
}
