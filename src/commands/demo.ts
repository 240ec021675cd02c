import { mkdtemp, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { makeClientIdentity } from "../ca/client-identity.ts";
import { openLocalCa } from "../ca/local-ca.ts";
import { fingerprint } from "../demo/fingerprint.ts";
import { type DemoFleet, startDemoFleet } from "../demo/fleet.ts";
import { leaveLastWill } from "../demo/last-will.ts";
import { packageRoot } from "../demo/package-root.ts";
import { type Client, logIn, proveHost } from "../demo/proof.ts";
import { type ProvenHost, proofTable } from "../demo/proof-table.ts";
import { shortTempDirectory } from "../demo/short-temp.ts";
import { defaultFleetDirectory, endFleet, raiseFleet } from "../demo/standing-fleet.ts";
import { InputError } from "../diagnostics/diagnostic.ts";
import type { Proof } from "../engine/event.ts";

/** How the demo runs a playbook: `pgmtls run` with its live screen. Gives the exit code. */
export type RunPlaybook = (options: { playbook: string; inventory: string[] }) => Promise<number>;
type Print = (line: string) => void;

const MOST_HOSTS = 99;
const INTERRUPTED = 130;

/**
 * `pgmtls demo`: starts a fleet, puts it on mutual TLS with `run`, runs again, and proves what came of it as clients would. Gives 0
 * only if all of it holds. What it started is stopped in any case.
 */
export async function demo(options: { hosts: number; run: RunPlaybook; print?: Print }): Promise<number> {
  const { hosts, run, print = printLine } = options;
  checkHosts(hosts);
  return await untilInterrupted(async (signal) => {
    const directory = await mkdtemp(join(shortTempDirectory(), "pgmtls-demo-"));
    leaveLastWill(directory);
    try {
      await using fleet = await startDemoFleet({ hosts, directory, signal, onProgress: print });
      return await showRuns(fleet, run, print, signal);
    } finally {
      // A host's program that was broken off may still write its last file.
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}

/** `pgmtls demo up`: leaves a fleet standing and says what to try on it. */
export async function demoUp(options: { directory?: string; hosts: number; print?: Print }): Promise<number> {
  const { print = printLine } = options;
  checkHosts(options.hosts);
  const directory = resolve(options.directory ?? defaultFleetDirectory());
  return await untilInterrupted(async (signal) => {
    const { inventoryFile } = await raiseFleet({ directory, hosts: options.hosts, signal, onProgress: print });
    const playbook = relative(process.cwd(), playbookFile());
    for (const line of [
      "",
      `the fleet stands; its inventory: ${inventoryFile}`,
      "try:",
      `  pgmtls run ${playbook} -i ${inventoryFile} --check --diff`,
      `  pgmtls run ${playbook} -i ${inventoryFile}`,
      "and in the end:",
      `  pgmtls demo down${options.directory === undefined ? "" : ` --dir ${options.directory}`}`,
    ]) {
      print(line);
    }
    return 0;
  });
}

/** `pgmtls demo down`: ends what `demo up` left standing. It is no mistake where nothing stands. */
export async function demoDown(options: { directory?: string; print?: Print }): Promise<number> {
  const { print = printLine } = options;
  const directory = resolve(options.directory ?? defaultFleetDirectory());
  const wasThere = await endFleet(directory);
  print(wasThere ? `the fleet in ${directory} is down` : `no fleet stands in ${directory}`);
  return 0;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

function checkHosts(hosts: number): void {
  if (Number.isInteger(hosts) && hosts >= 1 && hosts <= MOST_HOSTS) return;
  throw new InputError([
    { code: "BAD_ARGUMENT", message: `--hosts is ${hosts}, expected a whole number from 1 to ${MOST_HOSTS}` },
  ]);
}

/** Ctrl-C ends `work` through its signal, so that everything it started is stopped before we end. */
async function untilInterrupted(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new Error("interrupted"));
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await work(interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) return INTERRUPTED;
    throw error;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function showRuns(fleet: DemoFleet, run: RunPlaybook, print: Print, signal: AbortSignal): Promise<number> {
  const runOptions = { playbook: playbookFile(), inventory: [fleet.inventoryFile] };
  const before = await Promise.all(fleet.hosts.map((host) => proveOpen(host.port, fleet)));

  print("\nthe first run: mutual TLS on all hosts");
  const firstExitCode = await run(runOptions);
  signal.throwIfAborted();
  if (firstExitCode !== 0) return firstExitCode;

  print("\nthe second run: nothing to do");
  const first = await Promise.all(fleet.hosts.map(fingerprint));
  const secondExitCode = await run(runOptions);
  signal.throwIfAborted();
  const second = await Promise.all(fleet.hosts.map(fingerprint));

  const client = await newClient(fleet, signal);
  const proved = await Promise.all(
    fleet.hosts.map(async ({ name, major, port }, at): Promise<ProvenHost> => {
      const server = { address: "127.0.0.1", port, serverName: name };
      const proofs = await proveHost(server, fleet.application, client);
      return { name, major, proofs: [before[at] ?? [], proofs, unchanged(first[at], second[at])].flat() };
    }),
  );
  print("\nproved on each host, as an application with the right password:");
  for (const line of proofTable(proved)) print(line);
  const isProved = proved.every(({ proofs }) => proofs.every(({ held }) => held));
  print(isProved ? `\nall of it holds on ${hostCount(fleet)}` : "\nNOT all of it holds");
  return isProved && secondExitCode === 0 ? 0 : Math.max(2, secondExitCode);
}

function playbookFile(): string {
  return join(packageRoot(), "playbooks", "enable-mtls.yml");
}

/** Without this, a server that refuses everybody would look the same as one on mutual TLS. */
async function proveOpen(port: number, fleet: DemoFleet): Promise<Proof> {
  const login = await logIn({ address: "127.0.0.1", port, serverName: "" }, fleet.application, false);
  return { what: "before the run, plain text was let in", held: login.outcome === "in", said: login.said };
}

async function newClient(fleet: DemoFleet, signal: AbortSignal): Promise<Client> {
  const signer = await openLocalCa({ name: "demo", directory: fleet.caDirectory, now: Date.now });
  return { ...(await makeClientIdentity(signer, fleet.application.user, signal)), roots: signer.roots };
}

function unchanged(before: readonly string[] = [], after: readonly string[] = []): Proof {
  const changed = after.filter((line) => !before.includes(line));
  const held = changed.length === 0 && before.length === after.length;
  const said = held ? "same files, same mode and time, not reloaded" : changed.join(", ");
  return { what: "the second run changed nothing", held, said };
}

function hostCount({ hosts }: DemoFleet): string {
  return hosts.length === 1 ? "the one host" : `all ${hosts.length} hosts`;
}
