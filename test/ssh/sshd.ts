import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Target } from "../../src/ssh/connection.ts";

/** Why there is no real sshd to test with; undefined = there is one. With `CI=true` a missing one is a failure. */
export function whyNoSshd(): string | undefined {
  const missing = ["/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/ssh-agent"].filter((path) => !existsSync(path));
  if (missing.length === 0) return undefined;
  const why = `no ${missing.join(", ")}: install openssh-server`;
  if (process.env.CI === "true") throw new Error(why);
  return why;
}

/** A real sshd on a port of its own, with a client's key that it takes. */
export type Sshd = AsyncDisposable & {
  directory: string;
  port: number;
  user: string;
  clientKey: string;
  knownHosts: string;
  target(over?: Partial<Target>): Target;
  /** A new pair in the directory; gives the private key's path. */
  keygen(name: string, ...args: string[]): string;
};

export async function startSshd(settings: readonly string[] = []): Promise<Sshd> {
  const directory = mkdtempSync(join(tmpdir(), "pgmtls-sshd-"));
  const port = await freePort();
  const { username: user } = userInfo();
  const keygen = (name: string, ...args: string[]) => {
    const path = join(directory, name);
    execFileSync("ssh-keygen", ["-q", "-f", path, ...(args.includes("-N") ? [] : ["-N", ""]), ...args]);
    return path;
  };
  const hostKeys = ["ed25519", "ecdsa", "rsa"].map((type) => keygen(`host_${type}`, "-t", type, "-C", `host ${type}`));
  const clientKey = keygen("client", "-t", "ed25519", "-C", "client");
  writeFileSync(join(directory, "authorized_keys"), readFileSync(`${clientKey}.pub`));
  const conf = [
    ...[`Port ${port}`, "ListenAddress 127.0.0.1", "UsePAM no", "StrictModes no", "MaxStartups 100", "PrintMotd no"],
    ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", "LogLevel ERROR"],
    ...[`PidFile ${directory}/pid`, `AuthorizedKeysFile ${directory}/authorized_keys`],
    // The tester's own shell start-up files can take seconds, at each exec.
    `SetEnv HOME=${directory}`,
    ...hostKeys.map((path) => `HostKey ${path}`),
    ...settings,
  ];
  writeFileSync(join(directory, "conf"), `${conf.join("\n")}\n`);
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  const sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(directory, "conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  sshd.stderr.on("data", (text) => process.env.SSHD_LOG && process.stderr.write(text));
  // A test file that fails before its `after` must not leave a server behind.
  process.once("exit", () => sshd.kill("SIGTERM"));
  await untilItListens(port, sshd);

  const knownHosts = join(directory, "known_hosts");
  const lines = hostKeys.map((path) => `[127.0.0.1]:${port} ${readFileSync(`${path}.pub`, "utf8")}`);
  writeFileSync(knownHosts, lines.join(""));
  return {
    directory,
    port,
    user,
    clientKey,
    knownHosts,
    keygen,
    target: (over = {}) => ({
      host: "db1",
      address: "127.0.0.1",
      port,
      user,
      identities: [{ path: clientKey, privateKey: readFileSync(clientKey, "utf8") }],
      agent: undefined,
      knownHostsFiles: [knownHosts],
      connectTimeoutMs: 10_000,
      ...over,
    }),
    async [Symbol.asyncDispose]() {
      await ended(sshd);
      rmSync(directory, { recursive: true });
    },
  };
}

/** An ssh-agent that holds `keys`. */
export async function startAgent(socket: string, keys: readonly string[]): Promise<AsyncDisposable> {
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "inherit"] });
  await once(agent.stdout, "data");
  if (keys.length > 0) {
    execFileSync("ssh-add", ["-q", ...keys], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "pipe" });
  }
  return { [Symbol.asyncDispose]: () => ended(agent) };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function untilItListens(port: number, sshd: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (sshd.exitCode !== null) throw new Error(`sshd ended with ${sshd.exitCode}`);
    const socket = connectTcp(port, "127.0.0.1");
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`sshd does not listen on ${port}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}
