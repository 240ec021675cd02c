import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cleanUpAtExit } from "./at-exit.ts";
import { programEnd, programOutput } from "./program.ts";

/** A host as far as SSH can tell: all of them share this computer's disk and processes. */
export type SshdHost = {
  name: string;
  address: string;
  port: number;
  /** A folder of its own, which its user owns. */
  directory: string;
};

export type SshdFleet = AsyncDisposable & {
  hosts: readonly SshdHost[];
  /** Who logs in: without password, with /bin/sh and no start-up file, so that timings are those of the protocol. */
  user: string;
  directory: string;
  identityFile: string;
  knownHostsFile: string;
  inventoryFile: string;
};

/** "shared": one sshd that answers on every host's address. "own": one sshd a host, each with its own host key and port. */
export type SshdKind = "shared" | "own";

/** One line that says why there can be no such hosts; undefined where there can. */
export function sshdHostsUnavailable(): string | undefined {
  if (!existsSync("/usr/sbin/sshd")) return "loopback hosts need /usr/sbin/sshd (npm test installs openssh-server)";
  if (process.platform !== "linux") return "loopback hosts need 127.0.0.0/8, which only Linux gives to everybody";
  return undefined;
}

/** `count` hosts on loopback addresses, each an sshd as Debian has it. They end with `dispose`, or with this process. */
export async function startSshdHosts(
  count: number,
  kind: SshdKind = "shared",
  signal?: AbortSignal,
): Promise<SshdFleet> {
  const user = await loginUser(signal);
  const directory = mkdtempSync(join(tmpdir(), "pgmtls-sshd-hosts-"));
  const servers: ChildProcess[] = [];
  const release = cleanUpAtExit(() => {
    for (const server of servers) server.kill("SIGTERM");
    rmSync(directory, { recursive: true, force: true });
  });
  try {
    // The user that logs in must reach its keys and folders in here, but need not list it.
    chmodSync(directory, 0o711);
    const identityFile = await makeKey(join(directory, "id_ed25519"), signal);
    writeFileSync(join(directory, "authorized_keys"), readFileSync(`${identityFile}.pub`), { mode: 0o644 });
    const serverCount = kind === "own" ? count : Math.min(1, count);
    const ports = await freePorts(serverCount);
    const hosts = await makeHosts(count, ports, directory, user, signal);
    const hostKeys: string[] = [];
    for (const [i, port] of ports.entries()) {
      const hostKey = await makeKey(join(directory, `host_key_${i}`), signal);
      hostKeys.push(readFileSync(`${hostKey}.pub`, "utf8"));
      const address = kind === "own" ? (hosts[i]?.address ?? "") : "0.0.0.0";
      servers.push(await startSshd({ directory, address, port, hostKey }, signal));
    }
    const files = writeFiles(directory, user, identityFile, hosts, hostKeys);
    return { hosts, user, directory, identityFile, ...files, [Symbol.asyncDispose]: () => endAll(servers, release) };
  } catch (error) {
    release();
    throw error;
  }
}

const benchUser = "pgmtls-bench";

/** As root a user made for this, else whoever we are: sshd lets nobody become another without root. */
async function loginUser(signal: AbortSignal | undefined): Promise<string> {
  if (process.getuid?.() !== 0) return userInfo().username;
  if ((await programEnd(["id", benchUser], { signal })).exitCode !== 0) {
    // The password is "*", not "!": sshd refuses the keys of a locked account. No skeleton: it would bring start-up files.
    const looks = ["--create-home", "--skel", "/nonexistent", "--shell", "/bin/sh", "--password", "*"];
    await programOutput(["useradd", ...looks, benchUser], { signal });
  }
  return benchUser;
}

async function makeKey(path: string, signal: AbortSignal | undefined): Promise<string> {
  await programOutput(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pgmtls", "-f", path], { signal });
  return path;
}

async function makeHosts(
  count: number,
  ports: readonly number[],
  directory: string,
  user: string,
  signal: AbortSignal | undefined,
): Promise<SshdHost[]> {
  const [uid = 0, gid = 0] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number(await programOutput(["id", flag, user], { signal }))),
  );
  return Array.from({ length: count }, (_, i) => {
    const name = `host${String(i + 1).padStart(String(count).length, "0")}`;
    const ownDirectory = join(directory, name);
    mkdirSync(ownDirectory);
    chownSync(ownDirectory, uid, gid);
    const address = `127.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`;
    return { name, address, port: ports[i] ?? ports[0] ?? 0, directory: ownDirectory };
  });
}

type Server = { directory: string; address: string; port: number; hostKey: string };

async function startSshd(server: Server, signal: AbortSignal | undefined): Promise<ChildProcess> {
  const { directory, address, port, hostKey } = server;
  const configFile = join(directory, `sshd_config_${port}`);
  const config = [
    ...[`ListenAddress ${address}:${port}`, `HostKey ${hostKey}`, `PidFile ${directory}/sshd_${port}.pid`],
    ...[`AuthorizedKeysFile ${directory}/authorized_keys`, "UsePAM no", "StrictModes no", "MaxStartups 100"],
    ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "PrintMotd no", "UseDNS no", "LogLevel ERROR"],
  ];
  writeFileSync(configFile, `${config.join("\n")}\n`);
  // Its chroot for the time before the login, which Debian's unit file would make.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const child = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", configFile], { stdio: ["ignore", "ignore", "pipe"] });
  const complaints: Buffer[] = [];
  child.stderr.on("data", (bytes: Buffer) => complaints.length < 100 && complaints.push(bytes));
  const pidFile = join(directory, `sshd_${port}.pid`);
  // sshd writes its process id once it listens.
  for (const end = Date.now() + 10_000; !existsSync(pidFile); await sleep(10)) {
    signal?.throwIfAborted();
    if (child.exitCode === null && Date.now() < end) continue;
    child.kill();
    throw new Error(`sshd does not start: ${Buffer.concat(complaints)}`);
  }
  return child;
}

function writeFiles(directory: string, user: string, identityFile: string, hosts: readonly SshdHost[], keys: string[]) {
  const knownHostsFile = join(directory, "known_hosts");
  const inventoryFile = join(directory, "inventory.yml");
  const publicKey = (i: number) => (keys[i] ?? keys[0] ?? "").split(" ").slice(0, 2).join(" ");
  writeFileSync(knownHostsFile, hosts.map(({ address, port }, i) => `[${address}]:${port} ${publicKey(i)}\n`).join(""));
  const lines = [
    "all:",
    "  vars:",
    `    ansible_user: ${user}`,
    `    ansible_ssh_private_key_file: ${identityFile}`,
    `    pgmtls_known_hosts_file: ${knownHostsFile}`,
    "  hosts:",
    ...hosts.flatMap((host) => [
      `    ${host.name}:`,
      `      ansible_host: ${host.address}`,
      `      ansible_port: ${host.port}`,
      `      own_directory: ${host.directory}`,
      // One disk for all, so each needs a place of its own for its lock.
      `      pgmtls_state_dir: ${host.directory}/state`,
    ]),
  ];
  writeFileSync(inventoryFile, `${lines.join("\n")}\n`);
  return { knownHostsFile, inventoryFile };
}

async function endAll(servers: readonly ChildProcess[], release: () => void): Promise<void> {
  const ends = servers.map((server) => server.exitCode === null && server.signalCode === null && once(server, "exit"));
  release();
  await Promise.all(ends);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "0.0.0.0"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
