import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import ssh2, {
  type AuthContext,
  type Connection,
  type ExecInfo,
  type PublicKeyAuthContext,
  type ServerChannel,
} from "ssh2";
import { type ServerUser, spawnAs } from "./server-user.ts";

export type SshHost = AsyncDisposable & { port: number };

/**
 * An SSH server on 127.0.0.1 at a port of its own, as sshd(8) behaves towards a run: one key may log in (as `user`, whoever that
 * is), `exec` runs /bin/sh, channels lead to TCP addresses and Unix sockets. No terminal, shell or sftp. Disposing ends the
 * connections and what still runs in them.
 */
export async function startSshHost(options: {
  /** Private key of the host, OpenSSH's or PEM format. */
  hostKey: string;
  /** Public key of the one client, a line as in authorized_keys. */
  authorizedKey: string;
  user: ServerUser;
  /** The user's home; programs start in it. */
  home: string;
}): Promise<SshHost> {
  const authorized = publicKey(options.authorizedKey);
  const programs = new Set<ChildProcess>();
  const ssh = new ssh2.Server({ hostKeys: [options.hostKey] }, (connection) => {
    connection.on("error", () => {}); // a client that breaks off is nothing to report
    connection.on("authentication", (attempt) => authenticate(attempt, authorized, options.user.name));
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec, _reject, info) => {
        const program = startProgram(info, options);
        programs.add(program);
        program.once("close", () => programs.delete(program));
        joinProgram(program, acceptExec(), connection);
      });
    });
    connection.on("tcpip", (accept, reject, to) => forward({ host: to.destIP, port: to.destPort }, accept, reject));
    connection.on("openssh.streamlocal", (accept, reject, to) => forward({ path: to.socketPath }, accept, reject));
  });

  // The listener is ours, not ssh2's, for two things that it doesn't give: no delay (an exec takes 48 ms otherwise, instead of 5,
  // since small answers wait for the client's acknowledgement), and an end also for clients that don't hang up.
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    ssh.injectSocket(socket);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;

  return {
    port,
    async [Symbol.asyncDispose]() {
      if (!listener.listening) return;
      const closed = once(listener, "close");
      listener.close();
      for (const socket of sockets) socket.destroy();
      for (const program of programs) endProgram(program);
      await closed;
    },
  };
}

type PublicKey = Exclude<ReturnType<typeof ssh2.utils.parseKey>, Error>;

function publicKey(text: string): PublicKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

function authenticate(attempt: AuthContext, authorized: PublicKey, user: string): void {
  if (attempt.method === "publickey" && attempt.username === user && isProven(attempt, authorized)) attempt.accept();
  else attempt.reject(["publickey"]);
}

function isProven(attempt: PublicKeyAuthContext, authorized: PublicKey): boolean {
  if (attempt.key.algo !== authorized.type || !attempt.key.data.equals(authorized.getPublicSSH())) return false;
  // Without a signature the client only asks whether the key would do.
  return attempt.signature === undefined || authorized.verify(attempt.blob ?? "", attempt.signature) === true;
}

/** A session leader of its own, as sshd makes it, with the few variables that sshd sets. */
function startProgram(info: ExecInfo, { user, home }: { user: ServerUser; home: string }): ChildProcess {
  const env = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: home,
    USER: user.name,
    LOGNAME: user.name,
    SHELL: "/bin/sh",
  };
  return spawn("/bin/sh", ["-c", info.command], { ...spawnAs(user), cwd: home, env, detached: true });
}

/**
 * The program's three streams through `channel`. A client that goes away closes the program's input and output and nothing more:
 * as under sshd, it may finish what it does.
 */
function joinProgram(program: ChildProcess, channel: ServerChannel, connection: Connection): void {
  const { stdin, stdout, stderr } = program;
  if (stdin === null || stdout === null || stderr === null) throw new Error("the program was started without pipes");
  const outputs = [carry(stdout, channel), carry(stderr, channel.stderr)];
  stdin.on("error", () => {}); // it has ended without reading all of its input
  channel.pipe(stdin);
  const leave = () => {
    stdin.end();
    stdout.destroy();
    stderr.destroy();
  };
  channel.once("close", leave);
  connection.once("close", leave);
  program.once("error", (error) => {
    channel.stderr.write(`${error.message}\n`);
    channel.exit(126);
    channel.end();
  });
  program.once("exit", async (status, killer) => {
    // As sshd does: what was left in the background and holds the output open also holds the channel.
    await Promise.all(outputs);
    if (status === null) channel.exit(killer?.replace(/^SIG/, "") ?? "KILL", false, "");
    else channel.exit(status);
    channel.end();
    connection.off("close", leave);
  });
}

/** Each piece is handed on once the one before is out, so that a slow client slows the program and fills no memory. */
async function carry(from: Readable, to: Writable): Promise<void> {
  try {
    for await (const bytes of from) {
      await new Promise<void>((resolve) => {
        to.write(bytes, () => resolve());
      });
    }
  } catch {
    // The client went away and closed the output.
  }
}

function endProgram({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL"); // with its children: it leads a group
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function forward(to: NetConnectOpts, accept: () => ServerChannel, reject: () => void): void {
  const socket = connect(to);
  socket.once("error", reject);
  socket.once("connect", () => {
    socket.off("error", reject);
    socket.on("error", () => channel.close());
    if (!("path" in to)) socket.setNoDelay(true);
    const channel = accept();
    channel.pipe(socket).pipe(channel);
    channel.once("close", () => socket.destroy());
  });
}
