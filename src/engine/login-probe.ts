import { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import pg from "pg";
import { asSocket } from "../remote/sql-channel.ts";
import type { Connection } from "../ssh/connection.ts";

/** How a client comes: plain, or with TLS that should lead to `roots`, with or without a certificate of its own. */
export type ClientTransport =
  | { tls: false }
  | { tls: true; roots: string | undefined; clientCertificate?: { certPem: string; keyPem: string } };

/**
 * How far it got. `asked-for-password` is past pg_hba.conf and past the certificate check; `forbidden` is the SSH server's own refusal
 * to open a way to the server (sshd_config: AllowTcpForwarding, PermitOpen).
 */
export type LoginOutcome = {
  reached: "in" | "asked-for-password" | "refused" | "unreachable" | "forbidden";
  /** PostgreSQL's own words, or the network's. */
  said: string;
  /**
   * Who refused: the words are in the server's language (lc_messages), but its function's name is not. Undefined where the refusal did
   * not come as a message of PostgreSQL (https://www.postgresql.org/docs/current/protocol-error-fields.html).
   */
  refusedBy: { code: string; routine: string } | undefined;
  /** The certificate that the server showed, once TLS stood. */
  served: X509Certificate | undefined;
  /** Whether the served certificate leads to the roots. */
  trusted: boolean;
};

/**
 * Tries to log in as `user` at `address`:`port` as seen from the host, over a channel of the connection that is there anyway, so that no
 * firewall is in the way. Never sends a password: a server that asks for one has shown all that the proof wants to know.
 */
export async function probeLogin(
  connection: Connection,
  to: { address: string; port: number; user: string; database: string },
  transport: ClientTransport,
  signal: AbortSignal,
): Promise<LoginOutcome> {
  const opened = await openChannel(connection, to, signal);
  if ("error" in opened) {
    return { reached: opened.reached, said: opened.error, refusedBy: undefined, served: undefined, trusted: false };
  }
  let asked = false;
  const client = new pg.Client({
    user: to.user,
    database: to.database,
    application_name: "pgmtls proof",
    connectionTimeoutMillis: 10_000,
    password: () => {
      asked = true;
      throw new Error("the server asks for a password");
    },
    stream: () => asSocket(opened.channel),
    ...(transport.tls ? { ssl: tlsOptions(transport) } : { ssl: false }),
  } as pg.ClientConfig);
  client.on("error", () => {});
  try {
    await client.connect();
    return { reached: "in", said: "let in", refusedBy: undefined, ...shown(client) };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return { reached: asked ? "asked-for-password" : "refused", said, refusedBy: refusalOf(error), ...shown(client) };
  } finally {
    await client.end().catch(() => {});
    opened.channel.destroy();
  }
}

function refusalOf(error: unknown): LoginOutcome["refusedBy"] {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined || error.routine === undefined) return undefined;
  return { code: error.code, routine: error.routine };
}

/** As long as a proof waits for a way to the server: an address that swallows packets must not hold a host. */
const OPEN_TIMEOUT_MS = 10_000;

async function openChannel(
  connection: Connection,
  to: { address: string; port: number },
  signal: AbortSignal,
): Promise<{ channel: Duplex } | { reached: "unreachable" | "forbidden"; error: string }> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(OPEN_TIMEOUT_MS)]);
    return { channel: await connection.openStream({ host: to.address, port: to.port }, limit) };
  } catch (error) {
    const reached = isForbidden(error) ? "forbidden" : "unreachable";
    return { reached, error: error instanceof Error ? error.message : String(error) };
  }
}

/** RFC 4254, 5.1: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
const ADMINISTRATIVELY_PROHIBITED = 1;

function isForbidden(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { reason?: unknown } | undefined) : undefined;
  return cause?.reason === ADMINISTRATIVELY_PROHIBITED;
}

/**
 * An untrusted certificate is looked at too, or a failed proof could not say what was served. Nothing is lost by it: the probe knows no
 * password, the way there is the verified SSH connection, and `trusted` tells what a client would have thought.
 */
function tlsOptions({ roots, clientCertificate }: ClientTransport & { tls: true }) {
  return {
    rejectUnauthorized: false,
    // The address is the host's own, not the name that clients use; that the certificate is the one written is known by its fingerprint.
    checkServerIdentity: () => undefined,
    ...(roots === undefined ? {} : { ca: roots }),
    ...(clientCertificate === undefined ? {} : { cert: clientCertificate.certPem, key: clientCertificate.keyPem }),
  };
}

/** pg keeps its socket to itself in the types; it is where the served certificate can be seen. */
function shown(client: pg.Client): { served: X509Certificate | undefined; trusted: boolean } {
  const { connection } = client as unknown as { connection?: { stream?: Partial<TLSSocket> } };
  const raw = connection?.stream?.getPeerCertificate?.(false)?.raw;
  if (raw === undefined) return { served: undefined, trusted: false };
  return { served: new X509Certificate(raw), trusted: connection?.stream?.authorized === true };
}
