import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf, isSameProcess, type ProcessIdentity, signalProcess, waitForEndSync } from "./process.ts";
import { type ProgramEnd, programEnd, programOutput, programOutputSync } from "./program.ts";

/** All that a process needs to use a host which another process started. */
export type DebianHostDescription = {
  name: string;
  address: string;
  port: number;
  /** Logs in with the fleet's key and may sudo without a password. The user `asks` is asked for `asks-password`. */
  user: string;
  /** PostgreSQL's cluster, `main` on most hosts. */
  clusterName: string;
  image: string;
  /** The machine, its network namespace and its cgroups have this name: unique on this computer. */
  machine: string;
  /** Our end of the host's network cable. */
  cable: string;
  directory: string;
};

export type DebianHost = DebianHostDescription & {
  /** What a program prints that runs as root inside; an exit code other than 0 is an error. */
  exec(argv: readonly string[], input?: string): Promise<string>;
  /** As `exec`, for programs that may fail. */
  execEnd(argv: readonly string[], input?: string): Promise<ProgramEnd>;
  /** An orderly shutdown. */
  stop(): Promise<void>;
  /** As if the power were cut. */
  kill(): Promise<void>;
  /** Boots after `stop` or `kill`, on the same disk. */
  start(): Promise<void>;
  /** Back to what the host was when the fleet started, with a boot (2 s). Its host keys stay the same. */
  reset(): Promise<void>;
  /** Plugs its network cable in or out. */
  setLink(state: "up" | "down"): Promise<void>;
};

/** A handle of a host, whoever started it. */
export function debianHost(host: DebianHostDescription): DebianHost {
  return {
    ...host,
    execEnd: async (argv, input = "") => programEnd(inside(host, argv), { input, env: insideEnv }),
    exec: async (argv, input = "") => programOutput(inside(host, argv), { input, env: insideEnv }),
    setLink: async (state) => void (await programOutput(["ip", "link", "set", host.cable, state])),
    stop: () => shutDown(host),
    kill: async () => killHost(host),
    start: () => bootHost(host),
    reset: async () => {
      killHost(host);
      unmountDisk(host);
      await programOutput(["ip", "link", "set", host.cable, "up"]);
      await mountDisk(host);
      await bootHost(host);
    },
  };
}

/**
 * Two layers lie over the image: `prepared`, what makes this host itself, and `changes`, what happens while it runs. The
 * latter starts empty, which is how `reset` works.
 */
export function diskFolders(host: DebianHostDescription) {
  const folder = (name: string) => join(host.directory, name);
  return { prepared: folder("prepared"), changes: folder("changes"), work: folder("work"), root: folder("root") };
}

/** Mounts the host's disk as it was when prepared. */
export async function mountDisk(host: DebianHostDescription): Promise<void> {
  const { prepared, changes, work } = diskFolders(host);
  for (const folder of [changes, work]) rmSync(folder, { recursive: true, force: true });
  await mountLayers(host, { lower: [prepared, host.image], upper: changes });
}

export async function mountLayers(
  host: DebianHostDescription,
  layers: { lower: string[]; upper: string },
): Promise<void> {
  const { work, root } = diskFolders(host);
  for (const folder of [layers.upper, work, root]) mkdirSync(folder, { recursive: true });
  // Without redirect_dir a folder of the image can't be renamed, as it could be on a disk.
  const options = `lowerdir=${layers.lower.join(":")},upperdir=${layers.upper},workdir=${work},redirect_dir=on`;
  await programOutput(["mount", "-t", "overlay", "-o", options, host.machine, root]);
}

/** Boots the host; its disk must be mounted. Comes back when sshd answers and systemd has started all it wants to start. */
export async function bootHost(host: DebianHostDescription, signal?: AbortSignal): Promise<void> {
  removeControlGroups(host);
  const groups = controlGroups(host);
  for (const group of groups) mkdirSync(group, { recursive: true });
  const machine = startMachine(host, groups);
  writeFileSync(machineFile(host), JSON.stringify(machine));
  const limit = AbortSignal.any([AbortSignal.timeout(90_000), ...(signal === undefined ? [] : [signal])]);
  while (!(await answersAsSshd(host)) || !(await hasStarted(host))) {
    if (limit.aborted || !isSameProcess(machine)) throw new Error(`${host.name} does not boot:\n${consoleTail(host)}`);
    await sleep(50);
  }
}

/** Ends the host at once and waits for that. Nothing happens where it does not run. Synchronous: it serves at our own exit. */
export function killHost(host: DebianHostDescription): void {
  const machine = runningMachine(host);
  if (machine === undefined) return;
  const leader = leaderOf(machine);
  if (leader !== undefined) signalProcess(leader, "SIGKILL");
  if (leader === undefined || !waitForEndSync(machine, 5_000)) signalProcess(machine, "SIGKILL");
  if (!waitForEndSync(machine, 5_000)) throw new Error(`${host.name} (process ${machine.pid}) can't be killed`);
}

/** Removes all that a host leaves on this computer outside its folder. Works on half-made and half-removed ones. */
export function removeHost(host: DebianHostDescription): void {
  killHost(host);
  unmountDisk(host);
  if (existsSync(`/run/netns/${host.machine}`)) programOutputSync(["ip", "netns", "delete", host.machine]);
  // The namespace takes the cable with it, though a moment later.
  if (existsSync(`/sys/class/net/${host.cable}`))
    tolerant(() => programOutputSync(["ip", "link", "delete", host.cable]));
  removeControlGroups(host);
  for (const kind of ["propagate", "unix-export"]) {
    rmSync(`/run/systemd/nspawn/${kind}/${host.machine}`, { recursive: true, force: true });
  }
}

function unmountDisk(host: DebianHostDescription): void {
  const { root } = diskFolders(host);
  const mounts = readFileSync("/proc/self/mounts", "utf8");
  if (mounts.includes(` ${root} `)) programOutputSync(["umount", root]);
}

async function shutDown(host: DebianHostDescription): Promise<void> {
  const machine = runningMachine(host);
  if (machine === undefined) return;
  signalProcess(machine, "SIGTERM");
  for (const end = Date.now() + 30_000; isSameProcess(machine); await sleep(50)) {
    if (Date.now() > end) throw new Error(`${host.name} does not shut down:\n${consoleTail(host)}`);
  }
}

/** In a session of its own, so that Ctrl-C in a terminal reaches the fleet's owner alone, who then ends its hosts. */
function startMachine(host: DebianHostDescription, groups: readonly string[]): ProcessIdentity {
  const output = openSync(consoleFile(host), "w");
  // Without a cgroup of its own, every machine's systemd would keep its units in the very same groups as the others'.
  const join = 'for group in $1; do echo $$ > "$group/cgroup.procs" || exit; done; shift; exec "$@"';
  const nspawn = [
    ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--resolv-conf=off", "--timezone=off"],
    ["--link-journal=no", "--settings=no", `--machine=${host.machine}`, `--hostname=${host.name}`],
    [`--directory=${diskFolders(host).root}`, `--network-namespace-path=/run/netns/${host.machine}`],
  ].flat();
  const child = spawn("sh", ["-c", join, "sh", groups.join(" "), ...nspawn], {
    stdio: ["ignore", output, output],
    detached: true,
    cwd: "/",
  });
  closeSync(output);
  child.on("error", () => {});
  child.unref();
  const machine = child.pid === undefined ? undefined : identityOf(child.pid);
  if (machine === undefined) throw new Error(`systemd-nspawn did not start:\n${consoleTail(host)}`);
  return machine;
}

function answersAsSshd({ address, port }: DebianHostDescription): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: 1_000 });
    const answer = (isSshd: boolean) => {
      socket.destroy();
      resolve(isSshd);
    };
    socket.once("data", (bytes) => answer(bytes.toString("latin1").startsWith("SSH-2.0-")));
    for (const event of ["error", "timeout", "close"]) socket.once(event, () => answer(false));
  });
}

async function hasStarted(host: DebianHostDescription): Promise<boolean> {
  if (runningLeader(host) === undefined) return false;
  const command = inside(host, ["systemctl", "is-system-running", "--wait"]);
  const { stdout } = await programEnd(command, { env: insideEnv });
  // "degraded" is for a test that broke a unit and boots to see what becomes of it.
  return ["running", "degraded"].includes(stdout.trim());
}

// The environment of whoever runs the tests would leak into what the tests look at.
const insideEnv = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" };

function inside(host: DebianHostDescription, argv: readonly string[]): string[] {
  const leader = runningLeader(host);
  if (leader === undefined) throw new Error(`${host.name} does not run`);
  return ["nsenter", "--target", String(leader.pid), "--all", "--", ...argv];
}

function runningLeader(host: DebianHostDescription): ProcessIdentity | undefined {
  const machine = runningMachine(host);
  return machine === undefined ? undefined : leaderOf(machine);
}

function runningMachine(host: DebianHostDescription): ProcessIdentity | undefined {
  try {
    const machine = JSON.parse(readFileSync(machineFile(host), "utf8")) as ProcessIdentity;
    return isSameProcess(machine) ? machine : undefined;
  } catch {
    return undefined;
  }
}

/** The machine's first process, its systemd; undefined while nspawn is still setting up or is already going. */
function leaderOf({ pid }: ProcessIdentity): ProcessIdentity | undefined {
  try {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").at(-1);
    return child === undefined || child === "" ? undefined : identityOf(Number(child));
  } catch {
    return undefined;
  }
}

/** Where systemd looks for its groups: one tree for version 2, two for the mixed kind. */
function controlGroups({ machine }: DebianHostDescription): string[] {
  const trees = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
  return trees.filter((tree) => existsSync(join(tree, "cgroup.procs"))).map((tree) => join(tree, machine));
}

function removeControlGroups(host: DebianHostDescription): void {
  for (const group of controlGroups(host)) if (existsSync(group)) removeGroup(group);
}

function removeGroup(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroup(join(group, entry.name));
  }
  // The kernel lets a group go a moment after its last process.
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || tries === 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

const machineFile = (host: DebianHostDescription) => join(host.directory, "machine.json");
const consoleFile = (host: DebianHostDescription) => join(host.directory, "console.log");

function consoleTail(host: DebianHostDescription): string {
  return readFileSync(consoleFile(host), "utf8").trim().split("\n").slice(-12).join("\n");
}

function tolerant(work: () => unknown): void {
  try {
    work();
  } catch {
    // what was to be removed is gone already
  }
}
