import type { Duplex } from "node:stream";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";

/** Where and as whom to log in, all of it decided before anything is contacted. */
export type Target = {
  /** The inventory's name, for messages. */
  host: string;
  address: string;
  port: number;
  user: string;
  /** Private keys to try in this order, after the agent's; already read and parsed. */
  identities: readonly { path: string; privateKey: string }[];
  /** Path of the agent's socket; undefined = no agent. */
  agent: string | undefined;
  /** known_hosts files that are looked at; a missing one is empty. */
  knownHostsFiles: readonly string[];
  connectTimeoutMs: number;
};

/** One program on a host. Bytes both ways; `end` closes its input. */
export type RemoteProcess = {
  stdin: { write(bytes: string | Buffer): void; end(): void };
  /** Standard output as it comes. */
  stdout: AsyncIterable<Buffer>;
  /** Last 64 KiB of standard error, once it has ended. */
  finished: Promise<{ exitCode: number | undefined; signal: string | undefined; stderr: string }>;
};

/** One connection to one host, used for all that a run does there. */
export type Connection = AsyncDisposable & {
  handshakeMs: number;
  /** The address that the name led to; undefined where somebody else made the connection for us (a jump). */
  remoteAddress: string | undefined;
  /** `command` reaches the login shell as it is: it must be plain characters. */
  exec(command: string, signal: AbortSignal): Promise<RemoteProcess>;
  /** A channel to a TCP address or a Unix socket as seen from the host, through this connection. */
  openStream(to: { host: string; port: number } | { socketPath: string }, signal: AbortSignal): Promise<Duplex>;
  /** How many execs and bytes this connection has carried. */
  counters(): { execs: number; bytes: number };
};

/** Why there is no connection. The code says which of the usual reasons it is; the message is for people. */
export class ConnectError extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic, options?: ErrorOptions) {
    super(diagnostic.message, options);
    this.name = "ConnectError";
    this.diagnostic = diagnostic;
  }
}
