import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type ListenOptions } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import ssh2, { type Client, type ClientChannel, type ConnectConfig } from "ssh2";
import { makePrivateDirectory, serverUser } from "../../src/demo/server-user.ts";
import { type SshHost, startSshHost } from "../../src/demo/ssh-host.ts";
import { newSshKey } from "../../src/demo/ssh-key.ts";

const user = serverUser();
const hostKey = newSshKey();
const clientKey = newSshKey();
let folder: string;
let home: string;
let host: SshHost;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgmtls-"));
  await chmod(folder, 0o711);
  home = join(folder, "home");
  await makePrivateDirectory(home, user);
  host = await startSshHost({ hostKey: hostKey.privateKey, authorizedKey: clientKey.publicKey, user, home });
});
after(async () => {
  await host[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

for (const [name, command, expected] of [
  ["its status", "exit 3", { status: 3, stdout: "", stderr: "" }],
  ["the signal that ended it", "kill -TERM $$", { status: null, signal: "SIGTERM", stdout: "", stderr: "" }],
  ["output and errors apart", "echo out; echo err >&2", { status: 0, stdout: "out\n", stderr: "err\n" }],
  ["who and where it is", "id -un; pwd", { status: 0, stdout: `${user.name}\nHOME\n`, stderr: "" }],
] as const) {
  test(`a program's end tells ${name}`, async () => {
    await using client = await logIn();
    const channel = await exec(client, command);
    channel.end();
    assert.deepEqual(await finished(channel), { ...expected, stdout: expected.stdout.replace("HOME", home) });
  });
}

test("the host shows the key that it was given", async () => {
  let shown: Buffer | undefined;
  await using _client = await logIn({
    hostVerifier: (key: Buffer) => {
      shown = key;
      return true;
    },
  });
  assert.equal(`ssh-ed25519 ${shown?.toString("base64")}`, hostKey.publicKey);
});

for (const [name, config] of [
  ["another key", { privateKey: newSshKey().privateKey }],
  ["another user", { username: "somebody" }],
  ["a password", { privateKey: "", password: "secret" }],
] as const) {
  test(`${name} is not let in`, async () => {
    await assert.rejects(logIn(config), { level: "client-authentication" });
  });
}

test("a script sent on standard input holds a dialogue", async () => {
  await using client = await logIn();
  const channel = await exec(client, "exec /bin/sh");
  const exited = once(channel, "exit");
  const lines = readLines(channel);
  channel.write('echo "ready?"; read answer; echo "got $answer"; cat >/dev/null; echo "end of input"\n');
  assert.equal(await lines(), "ready?");
  await delay(20); // nothing is lost when the answer comes late
  channel.write("yes\n");
  assert.equal(await lines(), "got yes");
  channel.end();
  assert.equal(await lines(), "end of input");
  assert.deepEqual(await exited, [0]);
});

test("megabytes pass through a program both ways, unharmed, while the reader is slow", async () => {
  await using client = await logIn();
  const channel = await exec(client, "cat; echo done >&2");
  const sent = Buffer.alloc(8 * 1024 * 1024, (Math.random() + 1).toString(36));
  channel.end(sent);
  await delay(200); // more than a window has to wait
  const { stdout, stderr, status } = await finished(channel);
  assert.equal(status, 0);
  assert.equal(stderr, "done\n");
  assert.ok(Buffer.from(stdout).equals(sent));
});

test("a client that vanishes ends the program's input; the program goes on", async () => {
  const client = await logIn();
  const channel = await exec(client, "trap '' HUP; echo started; cat >/dev/null; sleep 0.2; echo survived > after");
  assert.equal(await readLines(channel)(), "started");
  client.destroy();
  await until(async () => (await readFile(join(home, "after"), "utf8").catch(() => "")) === "survived\n");
});

test("what is left in the background with its own output does not hold the channel", async () => {
  await using client = await logIn();
  const channel = await exec(client, "(sleep 30) >/dev/null 2>&1 </dev/null & echo $!");
  const { stdout, status } = await finished(channel);
  assert.equal(status, 0);
  process.kill(Number(stdout), "SIGKILL");
});

test("channels lead to TCP addresses and Unix sockets, and a missing one is refused", async () => {
  const socketPath = join(folder, "echo.sock");
  await using byPath = await echo({ path: socketPath });
  await using byPort = await echo({ port: 0, host: "127.0.0.1" });
  await using client = await logIn();
  const { port } = byPort.server.address() as { port: number };
  for (const channel of [await toSocket(client, socketPath), await toPort(client, port)]) {
    channel.end("hello");
    assert.equal((await finished(channel)).stdout, "hello");
  }
  await byPath[Symbol.asyncDispose]();
  await assert.rejects(toSocket(client, join(folder, "nothing")), /Channel open failure/);
  await assert.rejects(toPort(client, 1), /Channel open failure/);
});

test("closing the host ends connections and their programs", async () => {
  const own = await startSshHost({ hostKey: hostKey.privateKey, authorizedKey: clientKey.publicKey, user, home });
  await using client = await logIn({ port: own.port });
  const channel = await exec(client, "echo $$; exec sleep 30");
  const pid = Number(await readLines(channel)());
  const closed = once(client, "close");
  await own[Symbol.asyncDispose]();
  await closed;
  await until(async () => !isAlive(pid));
  await assert.rejects(logIn({ port: own.port }), { code: "ECONNREFUSED" });
});

test("keys are sound, though ssh2 makes some that are not", () => {
  for (let at = 0; at < 500; at++) {
    const { privateKey, publicKey } = newSshKey();
    assert.ok(!(ssh2.utils.parseKey(privateKey) instanceof Error), privateKey);
    assert.match(publicKey, /^ssh-ed25519 [A-Za-z0-9+/]{68}$/);
  }
});

async function logIn(config: Partial<ConnectConfig> = {}): Promise<Client & AsyncDisposable> {
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once("ready", resolve).once("error", reject);
    const key = { username: user.name, privateKey: clientKey.privateKey };
    client.connect({ host: "127.0.0.1", port: host.port, ...key, ...config });
  });
  client.on("error", () => {});
  return Object.assign(client, {
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  });
}

function exec(client: Client, command: string): Promise<ClientChannel> {
  return opened((done) => client.exec(command, done));
}

function toSocket(client: Client, path: string): Promise<ClientChannel> {
  return opened((done) => client.openssh_forwardOutStreamLocal(path, done));
}

function toPort(client: Client, port: number): Promise<ClientChannel> {
  return opened((done) => client.forwardOut("127.0.0.1", 0, "127.0.0.1", port, done));
}

function opened(open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void) {
  return new Promise<ClientChannel>((resolve, reject) => {
    open((error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

async function finished(channel: ClientChannel) {
  const exit = new Promise<{ status?: number | null; signal?: string }>((resolve) => {
    channel.once("exit", (status: number | null, signal?: string) =>
      resolve({ status, ...(signal === undefined ? {} : { signal }) }),
    );
    channel.once("close", () => resolve({}));
  });
  const closed = new Promise((resolve) => channel.once("close", resolve));
  const [stdout, stderr] = await Promise.all([textOf(channel), textOf(channel.stderr), closed]);
  return { ...(await exit), stdout, stderr };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** Gives the next line of the channel's output at each call. */
function readLines(channel: ClientChannel): () => Promise<string> {
  let text = "";
  channel.on("data", (bytes: Buffer) => {
    text += bytes.toString();
  });
  return async () => {
    await until(async () => text.includes("\n"));
    const end = text.indexOf("\n");
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
}

async function echo(address: ListenOptions) {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => server.listen(address, resolve));
  return {
    server,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isSo()) return;
    await delay(10);
  }
  assert.fail("it did not come about in 5 s");
}
