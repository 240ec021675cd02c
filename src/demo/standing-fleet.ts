import { spawn } from "node:child_process";
import { lstat, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../diagnostics/diagnostic.ts";
import type { DemoApplication, DemoHost } from "./demo-host.ts";
import { packageRoot } from "./package-root.ts";
import { stopPostgres } from "./postgres-server.ts";
import { shortTempDirectory } from "./short-temp.ts";

/** What `fleet.json` holds: all that a client of a standing fleet needs. The password is why only its owner can read it. */
export type FleetDescription = {
  pid: number;
  inventoryFile: string;
  caDirectory: string;
  application: DemoApplication;
  hosts: readonly DemoHost[];
};

/** What the background process tells the one that started it. */
export type ServeMessage = { progress: string } | { standing: true } | { failed: string };

/** In the fleet's directory. The mark is what makes a directory ours to remove. */
export const FLEET_FILES = {
  mark: ".pgmtls-demo",
  control: "control",
  description: "fleet.json",
  log: "serve.log",
} as const;

/** Where a fleet stands unless told otherwise: one for each user of the machine, under a short path for the sake of its sockets. */
export function defaultFleetDirectory(): string {
  return join(shortTempDirectory(), `pgmtls-demo-${userInfo().uid}`);
}

/**
 * Starts a fleet in a background process that outlives this one. Throws `InputError` where one stands in `directory` already, or
 * where it holds something else. When `signal` aborts before it stands, it is taken down again.
 */
export async function raiseFleet(options: {
  directory: string;
  hosts: number;
  signal: AbortSignal;
  onProgress: (line: string) => void;
}): Promise<FleetDescription> {
  const { directory, signal } = options;
  await claimDirectory(directory);
  try {
    await startServing(options);
    signal.throwIfAborted();
  } catch (error) {
    await endFleet(directory);
    throw error;
  }
  return await readDescription(directory);
}

/**
 * Ends the fleet in `directory` and removes the directory; false where there is none. A fleet whose background process was killed is
 * ended as well. Throws `InputError` where the directory is not a fleet's.
 */
export async function endFleet(directory: string): Promise<boolean> {
  const found = await lookAt(directory);
  if (found === "absent") return false;
  if (found !== "fleet") throw new InputError([notOurs(directory)]);
  // Nobody answers: its process is gone, or was never there.
  if (!(await callServing(directory, "down"))) await stopServers(directory);
  await rm(directory, { recursive: true, force: true });
  return true;
}

async function readDescription(directory: string): Promise<FleetDescription> {
  return JSON.parse(await readFile(join(directory, FLEET_FILES.description), "utf8")) as FleetDescription;
}

async function claimDirectory(directory: string): Promise<void> {
  const found = await lookAt(directory);
  if (found === "other") throw new InputError([notOurs(directory)]);
  if (found === "fleet") throw new InputError([await alreadyThere(directory)]);
  if (found === "absent") await mkdir(directory, { recursive: true, mode: 0o700 });
  // "wx": of two that start at once, one gets it.
  await (await open(join(directory, FLEET_FILES.mark), "wx")).close();
}

/** A link, a stranger's directory (temporary folders are everybody's) and one with other things in it are not ours. */
async function lookAt(directory: string): Promise<"absent" | "empty" | "fleet" | "other"> {
  try {
    const { uid } = await lstat(directory);
    if (uid !== userInfo().uid) return "other";
    const names = await readdir(directory);
    if (names.length === 0) return "empty";
    return names.includes(FLEET_FILES.mark) ? "fleet" : "other";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "absent";
    if (code === "ENOTDIR") return "other";
    throw error;
  }
}

function notOurs(directory: string) {
  return {
    code: "BAD_ARGUMENT" as const,
    message: `${directory} holds something other than a demo fleet`,
    hint: "name an empty or new directory: --dir",
  };
}

async function alreadyThere(directory: string) {
  const isUp = await callServing(directory, "look");
  const down = `pgmtls demo down${directory === defaultFleetDirectory() ? "" : ` --dir ${directory}`}`;
  return {
    code: "BAD_ARGUMENT" as const,
    message: isUp ? `a demo fleet is up in ${directory}` : `${directory} holds a demo fleet that was broken off`,
    hint: isUp
      ? `its inventory: ${join(directory, "inventory.yml")}; end it with: ${down}`
      : `clear it away with: ${down}`,
  };
}

async function startServing({ directory, hosts, signal, onProgress }: Parameters<typeof raiseFleet>[0]): Promise<void> {
  const log = await open(join(directory, FLEET_FILES.log), "a", 0o600);
  const program = fileURLToPath(new URL(`serve${extname(import.meta.url)}`, import.meta.url));
  const loader = program.endsWith(".ts") ? ["--import", import.meta.resolve("tsx")] : [];
  const serving = spawn(process.execPath, [...loader, program, directory, String(hosts)], {
    cwd: packageRoot(),
    detached: true,
    stdio: ["ignore", log.fd, log.fd, "ipc"],
  });
  await log.close();
  // Losing the channel is what tells it to stop, as long as it does not stand; then it waits for the end below.
  const leave = () => serving.connected && serving.disconnect();
  signal.addEventListener("abort", leave, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      serving.once("error", reject);
      serving.once("exit", () => reject(new Error(`the fleet did not start, see ${join(directory, FLEET_FILES.log)}`)));
      serving.on("message", (message: ServeMessage) => {
        if ("progress" in message) onProgress(message.progress);
        else if ("failed" in message) reject(new Error(message.failed));
        else resolve();
      });
    });
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
    serving.unref();
  }
}

/** Says `word` to the background process and waits until it hangs up; false where none listens. */
async function callServing(directory: string, word: "look" | "down"): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(join(directory, FLEET_FILES.control));
    let isUp = false;
    socket.once("connect", () => {
      isUp = true;
      socket.end(word);
    });
    socket.on("error", () => {});
    socket.once("close", () => resolve(isUp));
    socket.resume();
  });
}

async function stopServers(directory: string): Promise<void> {
  const hosts = (await readdir(directory)).filter((name) => /^db\d+$/.test(name));
  await Promise.all(hosts.map((host) => stopPostgres(join(directory, host, "data"))));
}
