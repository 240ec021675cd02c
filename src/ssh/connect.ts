import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import ssh2, { type Client, type ClientChannel } from "ssh2";
import { Authentication } from "./authentication.ts";
import {
  connectFailure,
  connectTimeout,
  dropped,
  hostKeyFailure,
  knownHostsUnreadable,
  type Stage,
} from "./connect-failure.ts";
import type { ConnectError, Connection, RemoteProcess, Target } from "./connection.ts";
import { hostKeyAlgorithms, judgeHostKey, type KnownHost, readKnownHost } from "./known-hosts.ts";
import { remoteProcess } from "./remote-process.ts";

/** Three of these unanswered, and the link counts as dead. */
const KEEPALIVE_INTERVAL_MS = 10_000;

/**
 * Logs in to `target`. The host's key is checked before any authentication. Throws `ConnectError`, or the signal's reason; the whole
 * of it, name lookup to login, takes at most `target.connectTimeoutMs`.
 */
export async function connect(
  target: Target,
  signal: AbortSignal,
  { keepaliveIntervalMs = KEEPALIVE_INTERVAL_MS }: { keepaliveIntervalMs?: number } = {},
): Promise<Connection> {
  signal.throwIfAborted();
  const startMs = performance.now();
  const knownHost = await knownHostOf(target);
  const login = new Login(target, knownHost, keepaliveIntervalMs);
  try {
    await login.finished(signal);
  } catch (error) {
    login.socket.destroy();
    throw error;
  }
  return new OpenConnection(target, login.client, login.socket, performance.now() - startMs);
}

async function knownHostOf(target: Target): Promise<KnownHost> {
  try {
    return await readKnownHost(target.knownHostsFiles, target.address, target.port);
  } catch (error) {
    throw knownHostsUnreadable(target, error);
  }
}

/** One attempt to log in: socket, handshake, host key, authentication. */
class Login {
  readonly client: Client = new ssh2.Client();
  readonly socket: Socket;
  readonly #target: Target;
  readonly #authentication: Authentication;
  #stage: Stage = "tcp";
  #untrusted: ConnectError | undefined;
  /** The first bytes that came: an SSH server's begin with "SSH-", others tell what they are. */
  #greeting = "";

  constructor(target: Target, knownHost: KnownHost, keepaliveIntervalMs: number) {
    this.#target = target;
    this.#authentication = new Authentication(target);
    this.socket = connectTcp({ host: target.address, port: target.port });
    // Without it each exec waits for the other side's delayed acknowledgement: 48 ms instead of 5 (POSTGRES.md, 31).
    this.socket.setNoDelay(true);
    this.socket.once("connect", () => {
      this.#stage = "handshake";
    });
    this.client.connect({
      sock: this.socket,
      username: target.user,
      // Our own limit covers the name lookup as well.
      readyTimeout: 0,
      keepaliveInterval: keepaliveIntervalMs,
      keepaliveCountMax: 3,
      algorithms: { serverHostKey: hostKeyAlgorithms(knownHost) },
      hostVerifier: (key: Buffer) => this.#isTrusted(knownHost, key),
      authHandler: (accepts, _partial, next) => {
        this.#stage = "authentication";
        // ssh2's types lack `false`, which ends the login (its README, authHandler).
        next(this.#authentication.next(accepts) as never);
      },
    });
  }

  finished(signal: AbortSignal): Promise<void> {
    // ssh2 has paused the socket until it listens itself, so that listening first loses nothing.
    this.socket.once("data", (bytes: Buffer) => {
      this.#greeting = bytes.toString("latin1");
    });
    const { connectTimeoutMs } = this.#target;
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => fail(connectTimeout(this.#target, this.#stage, connectTimeoutMs)),
        connectTimeoutMs,
      );
      const onAbort = () => fail(signal.reason);
      const onError = (error: Error & { level?: string }) => {
        // The agent failed to sign with one key: the next one is tried.
        if (error.level === "agent") return;
        fail(
          this.#untrusted ??
            connectFailure(this.#target, this.#stage, error, { login: this.#authentication, greeting: this.#greeting }),
        );
      };
      const onClose = () => onError(new Error("Connection lost before handshake"));
      const stop = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        this.client.off("error", onError).off("close", onClose);
        // Whatever the socket still says after its end is of no interest, and must not be thrown.
        this.client.on("error", () => {});
      };
      const fail = (error: unknown) => {
        stop();
        reject(error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.client.on("error", onError).on("close", onClose);
      this.client.once("ready", () => {
        stop();
        resolve();
      });
    });
  }

  #isTrusted(knownHost: KnownHost, key: Buffer): boolean {
    const verdict = judgeHostKey(knownHost, key);
    if (verdict.verdict === "known") return true;
    this.#untrusted = hostKeyFailure(this.#target, key, verdict);
    return false;
  }
}

class OpenConnection implements Connection {
  readonly handshakeMs: number;
  readonly remoteAddress: string | undefined;
  readonly #target: Target;
  readonly #client: Client;
  readonly #socket: Socket;
  #execs = 0;
  /** Aborts when the connection is lost or closed, with the reason. */
  readonly #gone = new AbortController();

  constructor(target: Target, client: Client, socket: Socket, handshakeMs: number) {
    this.handshakeMs = handshakeMs;
    this.remoteAddress = socket.remoteAddress?.replace(/^::ffff:/, "");
    this.#target = target;
    this.#client = client;
    this.#socket = socket;
    // The first error is the reason, the end only what follows.
    client.on("error", (error) => this.#lose(dropped(target, error)));
    // Before ssh2 ends the channels as if their programs had ended.
    socket.prependListener("end", () => this.#lose(dropped(target)));
    client.on("close", () => this.#lose(dropped(target)));
  }

  async exec(command: string, signal: AbortSignal): Promise<RemoteProcess> {
    const channel = await this.#open("the command was not started", signal, (opened) =>
      this.#client.exec(command, opened),
    );
    this.#execs++;
    return remoteProcess(channel, signal, this.#gone.signal);
  }

  async openStream(to: { host: string; port: number } | { socketPath: string }, signal: AbortSignal): Promise<Duplex> {
    const what = "socketPath" in to ? to.socketPath : `${to.host} port ${to.port}`;
    const channel = await this.#open(`no way to ${what} through ${this.#target.host}`, signal, (opened) => {
      if ("socketPath" in to) this.#client.openssh_forwardOutStreamLocal(to.socketPath, opened);
      else this.#client.forwardOut("127.0.0.1", 0, to.host, to.port, opened);
    });
    const abort = () => channel.close();
    signal.addEventListener("abort", abort, { once: true });
    channel.once("close", () => signal.removeEventListener("abort", abort));
    return channel;
  }

  counters(): { execs: number; bytes: number } {
    return { execs: this.#execs, bytes: this.#socket.bytesRead + this.#socket.bytesWritten };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lose(new Error(`the connection to ${this.#target.host} was closed`));
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    // The goodbye is on its way once written; waiting for a dead host's answer would take for ever.
    this.#client.end();
    this.#socket.destroy();
    await closed;
  }

  /** A channel that `request` asks for. `failed` is what to say when the host refuses it. */
  #open(
    failed: string,
    signal: AbortSignal,
    request: (opened: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      this.#gone.signal.throwIfAborted();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      request((error, channel) => {
        signal.removeEventListener("abort", onAbort);
        if (error) reject(this.#refusal(failed, error));
        else if (signal.aborted) channel.close();
        else resolve(channel);
      });
    });
  }

  #refusal(failed: string, error: Error): unknown {
    const { aborted, reason } = this.#gone.signal;
    return aborted ? reason : new Error(`${failed}: ${error.message}`, { cause: error });
  }

  #lose(reason: Error): void {
    if (!this.#gone.signal.aborted) this.#gone.abort(reason);
  }
}
