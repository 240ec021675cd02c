import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { PostgresPrograms } from "./postgres-install.ts";
import { runProgram } from "./program.ts";
import { giveTo, makePrivateDirectory, type ServerUser, spawnAs } from "./server-user.ts";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

type ServerPlace = { dataDirectory: string; socketDirectory: string; port: number };

export type PostgresServer = AsyncDisposable &
  ServerPlace & {
    major: number;
    /** As the superuser, who is named after the server's user (as initdb does it), over the Unix socket. */
    query(sql: string, database?: string): Promise<Record<string, unknown>[]>;
  };

/**
 * A new cluster in `directory` (which must exist and belong to `user`) and a server on it: 127.0.0.1 at a free port and a Unix
 * socket. `hba` is its pg_hba.conf; `settings` go into postgresql.conf in their places. Disposing stops the server, also where it
 * was restarted by somebody else; the files stay.
 */
export async function startPostgres(options: {
  programs: PostgresPrograms;
  directory: string;
  user: ServerUser;
  hba: string;
  settings?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}): Promise<PostgresServer> {
  const { programs, directory, user, signal } = options;
  const place = {
    dataDirectory: join(directory, "data"),
    socketDirectory: join(directory, "socket"),
    port: await freePort(),
  };
  await makePrivateDirectory(place.socketDirectory, user);
  await createCluster(options, place);
  const server: PostgresServer = {
    ...place,
    major: programs.major,
    query: (sql, database) => query(place, user.name, sql, database),
    [Symbol.asyncDispose]: () => stopPostgres(place.dataDirectory),
  };
  await startServer(programs, place, join(directory, "server.log"), user, signal);
  return server;
}

/**
 * Stops the server of `dataDirectory`, clients or not; does nothing where none runs. pgmtls may have restarted it with pg_ctl, so its
 * process is the one of postmaster.pid, not the one we started. That file can be older than the last boot and name a stranger's
 * process: only a server that answers on its socket is signalled.
 */
export async function stopPostgres(dataDirectory: string): Promise<void> {
  for (const how of ["SIGINT", "SIGQUIT"] as const) {
    const lock = await readLockFile(dataDirectory);
    if (lock === undefined || !(await isListening(lock.socket))) return;
    signalProcess(lock.pid, how); // fast, then immediate shutdown
    if (await hasStopped(dataDirectory, lock.pid)) return;
  }
  throw new Error(`the PostgreSQL server of ${dataDirectory} does not stop`);
}

async function createCluster(options: Parameters<typeof startPostgres>[0], place: ServerPlace): Promise<void> {
  const { programs, directory, user, signal } = options;
  const { dataDirectory } = place;
  // Trust is for the local socket alone, whose directory only the server's own user can enter; pg_hba.conf is replaced below.
  const initOptions = [`--username=${user.name}`, "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"];
  await runProgram(programs.initdb, [`--pgdata=${dataDirectory}`, ...initOptions], {
    ...spawnAs(user),
    cwd: directory,
    env: serverEnvironment(),
    signal,
  });
  const confFile = join(dataDirectory, "postgresql.conf");
  const settings = {
    listen_addresses: "'127.0.0.1'",
    port: String(place.port),
    unix_socket_directories: `'${place.socketDirectory.replaceAll("'", "''")}'`,
    shared_buffers: "16MB",
    max_connections: "40",
    // Said here for 12 and 13, where the default is md5.
    password_encryption: "'scram-sha-256'",
    ...options.settings,
  };
  let conf = await readFile(confFile, "utf8");
  for (const [name, value] of Object.entries(settings)) conf = withSetting(conf, name, value);
  await writeFile(confFile, conf);
  await writeFile(join(dataDirectory, "pg_hba.conf"), options.hba);
}

/** As a person would: the sample's own line, its comment kept. */
function withSetting(conf: string, name: string, value: string): string {
  const line = new RegExp(`^#?${name} = (?:'[^']*'|\\S+)`, "m");
  const setting = `${name} = ${value}`;
  return line.test(conf) ? conf.replace(line, () => setting) : `${conf}${setting}\n`;
}

async function startServer(
  programs: PostgresPrograms,
  place: ServerPlace,
  logFile: string,
  user: ServerUser,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const log = await open(logFile, "a", 0o600);
  await giveTo(logFile, user);
  const server = spawn(programs.postgres, ["-D", place.dataDirectory], {
    ...spawnAs(user),
    cwd: place.dataDirectory,
    env: serverEnvironment(),
    // A group of its own: Ctrl-C is for us, and a run that is being broken off still needs its servers.
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await log.close();
  try {
    await untilReady(server, place, AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)]));
  } catch (cause) {
    // Not by its lock file: it may not have written one yet.
    server.kill("SIGQUIT");
    const said = (await readFile(logFile, "utf8")).trim();
    throw new Error(`PostgreSQL ${programs.major} did not start: ${(cause as Error).message}: ${said}`, { cause });
  }
}

async function untilReady(server: ChildProcess, place: ServerPlace, signal: AbortSignal): Promise<void> {
  let failure: Error | undefined;
  server.once("error", (error) => {
    failure = error;
  });
  server.once("exit", (status, killer) => {
    failure = new Error(`it ended with ${killer ?? `status ${status}`}`);
  });
  while ((await readLockFile(place.dataDirectory))?.isReady !== true) {
    if (failure !== undefined) throw failure;
    await delay(POLL_MS, undefined, { signal });
  }
}

/** Nothing of the caller's PG... variables, and messages in English whatever the language here. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" };
}

async function query(
  place: ServerPlace,
  user: string,
  sql: string,
  database = "postgres",
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ host: place.socketDirectory, port: place.port, user, database });
  client.on("error", () => {}); // a connection that breaks also rejects the query
  await client.connect();
  try {
    const result: pg.QueryResult | pg.QueryResult[] = await client.query(sql);
    return (Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows) as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/**
 * postmaster.pid (pidfile.h): line 1 the process, 4 and 5 port and socket directory, 8 "ready" once it takes connections. Undefined
 * where no server is, or one that has only begun to write it.
 */
async function readLockFile(
  dataDirectory: string,
): Promise<{ pid: number; socket: string; isReady: boolean } | undefined> {
  try {
    const lines = (await readFile(join(dataDirectory, "postmaster.pid"), "utf8")).split("\n");
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 1) return undefined;
    return { pid, socket: join(lines[4] ?? "", `.s.PGSQL.${lines[3]}`), isReady: lines[7]?.trim() === "ready" };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isListening(socketPath: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Whether it is gone in time. The lock file goes at the very end; the process may stay a zombie where nobody reaps it. */
async function hasStopped(dataDirectory: string, pid: number): Promise<boolean> {
  const end = performance.now() + STOP_TIMEOUT_MS;
  while (performance.now() < end) {
    if ((await readLockFile(dataDirectory))?.pid !== pid) return true;
    await delay(POLL_MS);
  }
  return false;
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it is gone already
  }
}

/**
 * A port that nobody listens on, below those that systems give to outgoing connections (from 32768 on Linux): between our look and
 * the server's start, and at each restart, none of those can take it.
 */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port between 20000 and 32000 on 127.0.0.1");
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
