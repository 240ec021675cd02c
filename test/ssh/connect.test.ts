import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect } from "../../src/ssh/connect.ts";
import { ConnectError, type Connection, type RemoteProcess, type Target } from "../../src/ssh/connection.ts";
import { freePort, type Sshd, startAgent, startSshd, whyNoSshd } from "./sshd.ts";

const never = new AbortController().signal;
const noSshd = whyNoSshd();

describe("a connection to a real sshd", { skip: noSshd ?? false }, () => {
  let sshd: Sshd;
  before(async () => {
    sshd = await startSshd();
  });
  after(() => sshd?.[Symbol.asyncDispose]());

  const identity = (path: string) => ({ path, privateKey: readFileSync(path, "utf8") });
  const publicKey = (type: string) => readFileSync(join(sshd.directory, `host_${type}.pub`), "utf8").trim();
  const name = () => `[127.0.0.1]:${sshd.port}`;
  function knownHosts(file: string, text: string): string {
    const path = join(sshd.directory, file);
    writeFileSync(path, text);
    return path;
  }

  describe("logs in", () => {
    for (const [type, ...args] of [["ed25519"], ["ecdsa"], ["rsa", "-b", "2048"], ["rsa", "-m", "PEM"]]) {
      test(`with a key file: ${[type, ...args].join(" ")}`, async () => {
        const key = sshd.keygen(`login_${[type, ...args].join("")}`, "-t", type ?? "", ...args);
        appendFileSync(join(sshd.directory, "authorized_keys"), readFileSync(`${key}.pub`));
        await using connection = await connect(sshd.target({ identities: [identity(key)] }), never);
        assert.equal((await run(connection, "echo in")).stdout, "in\n");
        assert.ok(connection.handshakeMs > 0);
      });
    }

    test("with the second key when the server refuses the first", async () => {
      const stranger = sshd.keygen("stranger_first", "-t", "ed25519");
      await using connection = await connect(
        sshd.target({ identities: [identity(stranger), identity(sshd.clientKey)] }),
        never,
      );
      assert.equal((await run(connection, "echo in")).stdout, "in\n");
    });

    test("with a key that only the agent holds, behind one that the server refuses", async () => {
      const stranger = sshd.keygen("stranger_agent", "-t", "rsa");
      const agent = join(sshd.directory, "agent");
      await using _agent = await startAgent(agent, [stranger, sshd.clientKey]);
      await using connection = await connect(sshd.target({ identities: [], agent }), never);
      assert.equal((await run(connection, "echo in")).stdout, "in\n");
    });

    test("with a key file when the agent is not there", async () => {
      await using connection = await connect(sshd.target({ agent: join(sshd.directory, "no-agent") }), never);
      assert.equal((await run(connection, "echo in")).stdout, "in\n");
    });
  });

  describe("knows the host by", () => {
    for (const type of ["ed25519", "ecdsa", "rsa"]) {
      test(`its ${type} key alone`, async () => {
        const file = knownHosts(`only_${type}`, `${name()} ${publicKey(type)}\n`);
        await using connection = await connect(sshd.target({ knownHostsFiles: [file] }), never);
        assert.ok(connection);
      });
    }
    test("a hashed name, as ssh-keygen -H writes it", async () => {
      const file = knownHosts("hashed", readFileSync(sshd.knownHosts, "utf8"));
      execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "pipe" });
      assert.match(readFileSync(file, "utf8"), /^\|1\|/);
      await using connection = await connect(sshd.target({ knownHostsFiles: [file] }), never);
      assert.ok(connection);
    });
    test("a line without the port, as ssh(1) does", async () => {
      const file = knownHosts("without_port", `127.0.0.1 ${publicKey("ed25519")}\n`);
      await using connection = await connect(sshd.target({ knownHostsFiles: [file] }), never);
      assert.ok(connection);
    });
    test("the second of two files", async () => {
      const files = [join(sshd.directory, "no_such_file"), sshd.knownHosts];
      await using connection = await connect(sshd.target({ knownHostsFiles: files }), never);
      assert.ok(connection);
    });
  });

  test("an unknown host is refused, and the line to add lets it in", async () => {
    const file = join(sshd.directory, "unknown");
    const target = sshd.target({ knownHostsFiles: [file] });
    const { diagnostic } = await connectError(target);
    assert.equal(diagnostic.code, "HOST_KEY_UNKNOWN");
    const [, print = ""] = execFileSync("ssh-keygen", ["-lf", join(sshd.directory, "host_ed25519.pub")], {
      encoding: "utf8",
    }).split(" ");
    assert.match(diagnostic.message, new RegExp(`is not known: it shows ssh-ed25519 key ${escaped(print)}$`));
    const line = /then add this line to (\S+): (.*)$/.exec(diagnostic.hint ?? "");
    assert.equal(line?.[1], file);
    writeFileSync(file, `${line?.[2]}\n`);
    await using connection = await connect(target, never);
    assert.ok(connection);
  });

  for (const [what, text, said] of [
    [
      "another key of the same type",
      (other: string) => `# a comment\n${name()} ${other}\n`,
      /:2 has ssh-ed25519 key SHA256/,
    ],
    [
      "only a key of another type, which the host does not have",
      (other: string) => `\n${name()} ${other}\n`,
      /:2 has ecdsa-sha2-nistp384 key SHA256/,
    ],
  ] as const) {
    test(`a host that is known by ${what} is refused, naming the line`, async () => {
      const type = what.includes("another type") ? ["ecdsa", "-b", "384"] : ["ed25519"];
      const other = sshd.keygen(`other_${type.join("")}`, "-t", ...type);
      const file = knownHosts(`changed_${type.join("")}`, text(readFileSync(`${other}.pub`, "utf8").trim()));
      const { diagnostic } = await connectError(sshd.target({ knownHostsFiles: [file] }));
      assert.equal(diagnostic.code, "HOST_KEY_CHANGED");
      assert.match(diagnostic.message, said);
      assert.match(diagnostic.message, new RegExp(escaped(file)));
    });
  }

  test("a revoked key is refused though another line knows it", async () => {
    const file = knownHosts("revoked", `${name()} ${publicKey("ed25519")}\n@revoked * ${publicKey("ed25519")}\n`);
    const { diagnostic } = await connectError(sshd.target({ knownHostsFiles: [file] }));
    assert.equal(diagnostic.code, "HOST_KEY_CHANGED");
    assert.match(diagnostic.message, /is revoked by .*revoked:2: ssh-ed25519 key SHA256/);
  });

  test("no key is shown to a host whose key is not known", async () => {
    const agent = join(sshd.directory, "asked-agent");
    let asked = 0;
    const server = createServer((socket) => {
      asked++;
      socket.destroy();
    }).listen(agent);
    await once(server, "listening");
    await connectError(sshd.target({ knownHostsFiles: [], agent }));
    server.close();
    assert.equal(asked, 0);
  });

  test("a login that is refused says which keys were tried, and as whom", async () => {
    const stranger = sshd.keygen("stranger", "-t", "ed25519");
    const held = sshd.keygen("held", "-t", "rsa", "-C", "held by the agent");
    const agent = join(sshd.directory, "refused-agent");
    await using _agent = await startAgent(agent, [held]);
    const { diagnostic } = await connectError(sshd.target({ identities: [identity(stranger)], agent }));
    assert.equal(diagnostic.code, "SSH_AUTHENTICATION");
    assert.equal(
      diagnostic.message,
      `no key lets us in as ${sshd.user} on 127.0.0.1 port ${sshd.port}; tried the agent's held by the agent (ssh-rsa), ${stranger}`,
    );
  });

  test("a login that is refused for too many keys says so", async () => {
    await using strict = await startSshd(["MaxAuthTries 2"]);
    const identities = ["a", "b", "c"].map((name) => identity(strict.keygen(name, "-t", "ed25519")));
    const { diagnostic } = await connectError(strict.target({ identities }));
    assert.equal(diagnostic.code, "SSH_AUTHENTICATION");
    assert.match(diagnostic.message, /too many keys/);
  });

  test("a login without any key says so", async () => {
    const { diagnostic } = await connectError(sshd.target({ identities: [] }));
    assert.equal(diagnostic.code, "SSH_AUTHENTICATION");
    assert.match(diagnostic.message, /there is no key to log in with/);
  });

  test("a login that is aborted ends with the reason, at once", async () => {
    const silent = await listen(() => {});
    const reason = new Error("interrupted");
    const abort = new AbortController();
    const begun = connect(sshd.target({ port: silent.port }), abort.signal);
    setTimeout(() => abort.abort(reason), 50);
    await assert.rejects(begun, reason);
    silent.close();
  });

  describe("an exec", () => {
    let connection: Connection;
    before(async () => {
      connection = await connect(sshd.target(), never);
    });
    after(() => connection?.[Symbol.asyncDispose]());

    test("gives exit code, output and standard error", async () => {
      const { stdout, finished } = await run(connection, "echo out; echo err >&2; exit 7");
      assert.equal(stdout, "out\n");
      assert.deepEqual(finished, { exitCode: 7, signal: undefined, stderr: "err\n" });
    });

    test("gives the signal that ended it", async () => {
      const { finished } = await run(connection, "kill -TERM $$");
      assert.deepEqual(finished, { exitCode: undefined, signal: "SIGTERM", stderr: "" });
    });

    test("gives its exit code though it closed its output long before", async () => {
      const { finished } = await run(connection, "exec >&- 2>&-; sleep 0.3; exit 9");
      assert.equal(finished.exitCode, 9);
    });

    test("carries 4 MiB there and back, byte for byte", async () => {
      const sent = randomBytes(4 * 1024 * 1024);
      const process = await connection.exec("exec cat", never);
      process.stdin.write(sent);
      process.stdin.end();
      assert.equal(sha256(await bytesOf(process)), sha256(sent));
      assert.equal((await process.finished).exitCode, 0);
      assert.ok(connection.counters().bytes > 8 * 1024 * 1024);
    });

    test("waits for a slow reader", async () => {
      const process = await connection.exec("dd if=/dev/zero bs=65536 count=128 2>/dev/null; echo end >&2", never);
      let bytes = 0;
      for await (const chunk of process.stdout) {
        if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 200));
        bytes += chunk.length;
      }
      assert.equal(bytes, 8 * 1024 * 1024);
      assert.equal((await process.finished).stderr, "end\n");
    });

    test("keeps the last 64 KiB of a long standard error, and doesn't stall on it", async () => {
      const { finished, stdout } = await run(
        connection,
        "dd if=/dev/zero bs=65536 count=80 >&2 2>/dev/null; printf last >&2; echo done",
      );
      assert.equal(stdout, "done\n");
      assert.equal(finished.stderr.length, 64 * 1024);
      assert.match(finished.stderr, /\0last$/);
    });

    test("holds a dialogue: what is written is answered before more is written", async () => {
      const process = await connection.exec('while read line; do echo "<$line>"; done', never);
      const said: string[] = [];
      process.stdin.write("one\n");
      for await (const chunk of process.stdout) {
        said.push(chunk.toString());
        if (said.length === 1) process.stdin.write("two\n");
        else process.stdin.end();
      }
      assert.deepEqual(said, ["<one>\n", "<two>\n"]);
    });

    test("runs beside another one", async () => {
      const first = await connection.exec("read line; echo first $line", never);
      const second = await run(connection, "echo second");
      first.stdin.write("after second\n");
      first.stdin.end();
      assert.equal(second.stdout, "second\n");
      assert.equal((await bytesOf(first)).toString(), "first after second\n");
    });

    test("ends when its reader stops", async () => {
      const process = await connection.exec("exec yes", never);
      for await (const _ of process.stdout) break;
      const { signal, exitCode } = await process.finished;
      assert.ok(signal !== undefined || exitCode !== 0);
      assert.equal((await run(connection, "echo still here")).stdout, "still here\n");
    });

    test("is given up when its signal aborts, and the connection stays", async () => {
      const abort = new AbortController();
      const process = await connection.exec("echo begun; exec sleep 60", abort.signal);
      const reason = new Error("interrupted");
      await assert.rejects(async () => {
        for await (const _ of process.stdout) abort.abort(reason);
      }, reason);
      await assert.rejects(process.finished, reason);
      assert.equal((await run(connection, "echo still here")).stdout, "still here\n");
    });

    test("is counted", async () => {
      const before = connection.counters().execs;
      await run(connection, "true");
      assert.equal(connection.counters().execs, before + 1);
    });
  });

  describe("a stream", () => {
    async function echoThrough(
      to: (path: string, port: number) => { host: string; port: number } | { socketPath: string },
    ) {
      const path = join(sshd.directory, "s.5432");
      const server = createServer((socket) => socket.pipe(socket));
      const port = await freePort();
      const address = to(path, port);
      if ("socketPath" in address) server.listen(path);
      else server.listen(port, "127.0.0.1");
      await once(server, "listening");
      await using connection = await connect(sshd.target(), never);
      const stream = await connection.openStream(address, never);
      stream.write("hello");
      const [answer] = await once(stream, "data");
      stream.end();
      server.close();
      return String(answer);
    }
    test("reaches a Unix socket of the host", async () => {
      assert.equal(await echoThrough((socketPath) => ({ socketPath })), "hello");
    });
    test("reaches a TCP port of the host", async () => {
      assert.equal(await echoThrough((_, port) => ({ host: "127.0.0.1", port })), "hello");
    });
    test("to nobody fails, naming whom", async () => {
      await using connection = await connect(sshd.target(), never);
      await assert.rejects(
        connection.openStream({ socketPath: "/no/such/socket" }, never),
        /no way to \/no\/such\/socket through db1/,
      );
    });
  });

  describe("a connection that is cut", () => {
    test("fails the exec under way, its reader and what comes later", async () => {
      const relay = await startRelay(sshd.port);
      await using connection = await connect(throughRelay(relay.port), never);
      const process = await connection.exec("echo begun; sleep 60", never);
      await assert.rejects(async () => {
        for await (const _ of process.stdout) relay.cut();
      }, isDropped);
      await assert.rejects(process.finished, isDropped);
      await assert.rejects(connection.exec("true", never), isDropped);
      relay.close();
    });

    test("is noticed by itself when the link goes silent", async () => {
      const relay = await startRelay(sshd.port);
      await using connection = await connect(throughRelay(relay.port), never, { keepaliveIntervalMs: 100 });
      const process = await connection.exec("echo begun; sleep 60", never);
      await assert.rejects(async () => {
        for await (const _ of process.stdout) relay.stall();
      }, isDropped);
      relay.close();
    });

    function throughRelay(port: number): Target {
      const text = readFileSync(sshd.knownHosts, "utf8").replaceAll(`:${sshd.port} `, `:${port} `);
      return sshd.target({ port, knownHostsFiles: [knownHosts(`relay_${port}`, text)] });
    }
  });

  test("disposal ends the socket and what runs on it", { timeout: 30_000 }, async () => {
    const connection = await connect(sshd.target(), never);
    const process = await connection.exec("sleep 60", never);
    await connection[Symbol.asyncDispose]();
    await connection[Symbol.asyncDispose]();
    await assert.rejects(process.finished, /was closed/);
  });
});

describe("a host that can't be reached has its own words", () => {
  const target = (over: Partial<Target>): Target => ({
    host: "db1",
    address: "127.0.0.1",
    port: 22,
    user: "me",
    identities: [],
    agent: undefined,
    knownHostsFiles: [],
    connectTimeoutMs: 300,
    ...over,
  });

  test("a port that nobody listens on", async () => {
    const port = await freePort();
    const { diagnostic } = await connectError(target({ port }));
    assert.equal(diagnostic.code, "SSH_REFUSED");
    assert.equal(
      diagnostic.message,
      `127.0.0.1 port ${port} refuses connections: no SSH server listens on port ${port}`,
    );
  });

  test("a name without an address", async () => {
    const { diagnostic } = await connectError(target({ address: "no-such-host.invalid", connectTimeoutMs: 20_000 }));
    assert.equal(diagnostic.code, "SSH_NO_ROUTE");
    assert.match(diagnostic.message, /the name no-such-host\.invalid (has no address|can't be looked up)/);
  });

  for (const [what, serve, code, said] of [
    ["a host that takes the connection and never speaks", () => {}, "SSH_TIMEOUT", /said nothing for 0\.3 s/],
    [
      "a host that greets and then never speaks",
      (s: Socket) => s.write("SSH-2.0-Slow\r\n"),
      "SSH_TIMEOUT",
      /said nothing for 0\.3 s/,
    ],
    ["a host that hangs up at once", (s: Socket) => s.end(), "SSH_DROPPED", /closed the connection before the login$/],
    [
      "a host that is full",
      (s: Socket) => s.end("Exceeded MaxStartups\r\n"),
      "SSH_DROPPED",
      /closed the connection before the login: Exceeded MaxStartups$/,
    ],
    [
      "a server of something else",
      (s: Socket) => s.end("HTTP/1.1 400 Bad Request\r\n\r\nSSH is not spoken here\r\n".repeat(9)),
      "SSH_DROPPED",
      /is not an SSH server, it says "HTTP\/1\.1 400 Bad Request"/,
    ],
  ] as const) {
    test(what, { timeout: 30_000 }, async () => {
      const server = await listen(serve);
      const { diagnostic } = await connectError(target({ port: server.port }));
      server.close();
      assert.equal(diagnostic.code, code);
      assert.match(diagnostic.message, said);
    });
  }
});

async function run(connection: Connection, command: string) {
  const process = await connection.exec(command, never);
  process.stdin.end();
  const stdout = (await bytesOf(process)).toString();
  return { stdout, finished: await process.finished };
}

async function bytesOf(process: RemoteProcess): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdout) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function connectError(target: Target): Promise<ConnectError> {
  try {
    const connection = await connect(target, never);
    await connection[Symbol.asyncDispose]();
  } catch (error) {
    assert.ok(error instanceof ConnectError, String(error));
    return error;
  }
  return assert.fail("connected, expected an error");
}

function isDropped(error: unknown): boolean {
  assert.ok(error instanceof ConnectError, String(error));
  assert.equal(error.diagnostic.code, "SSH_DROPPED");
  return true;
}

async function listen(serve: (socket: Socket) => unknown): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    serve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A relay to `port` that can cut the connection, or hold back all bytes from then on. */
async function startRelay(port: number) {
  const pairs: Socket[] = [];
  const server = await listen((near) => {
    const far = connectTcp(port, "127.0.0.1").on("error", () => {});
    near.pipe(far).pipe(near);
    pairs.push(near, far);
  });
  return {
    ...server,
    cut: () => pairs.forEach((socket) => void socket.destroy()),
    stall: () => pairs.forEach((socket) => void socket.unpipe().pause()),
    close() {
      for (const socket of pairs) socket.destroy();
      server.close();
    },
  };
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
