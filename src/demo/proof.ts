import pg from "pg";
import type { Proof } from "../engine/event.ts";
import type { DemoApplication } from "./demo-host.ts";

/** Where clients find the server, and the name that its certificate must have. */
export type ProvenServer = { address: string; port: number; serverName: string };
/** What a client logs in with, and the roots that it trusts; PEM all of them. */
export type Client = { certPem: string; keyPem: string; roots: string };

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Whether `server` is on mutual TLS, found out as clients would: over TCP, always with the right password, so that what refuses
 * can only be the transport. One proof each: plain text is refused, TLS without a certificate is refused, a client with one gets in
 * and the server says that it is there by TLS under that name.
 */
export async function proveHost(server: ProvenServer, application: DemoApplication, client: Client): Promise<Proof[]> {
  const { roots: ca, certPem: cert, keyPem: key } = client;
  const verified = { ca, servername: server.serverName, rejectUnauthorized: true };
  const plain = await logIn(server, application, false);
  const anonymous = await logIn(server, application, verified);
  const known = await logIn(server, application, { ...verified, cert, key });
  return [
    {
      what: "plain text is refused",
      held: plain.outcome === "refused" && /no pg_hba\.conf entry .*(no encryption|SSL off)/.test(plain.said),
      said: plain.said,
    },
    {
      what: "TLS without a client certificate is refused",
      held: anonymous.outcome === "refused" && /requires a valid client certificate/.test(anonymous.said),
      said: anonymous.said,
    },
    {
      what: "a client with a certificate gets in",
      held: known.outcome === "in" && known.tls && known.clientDn === `/CN=${application.user}`,
      said: known.said,
    },
  ];
}

type Login =
  /** `refused` is PostgreSQL's own answer, `broken` everything else: no server, a certificate that can't be verified. */
  | { outcome: "refused" | "broken"; said: string }
  | { outcome: "in"; tls: boolean; clientDn: string | null; said: string };

/** One attempt, and what came of it: by TLS as `ssl` says, in plain text where it is false. */
export async function logIn(
  server: ProvenServer,
  application: DemoApplication,
  ssl: pg.ClientConfig["ssl"] & ({ ca: string } | false),
): Promise<Login> {
  const client = new pg.Client({
    ...application,
    host: server.address,
    port: server.port,
    ssl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on("error", () => {}); // after a refusal the connection breaks as well
  try {
    await client.connect();
    // client_dn is clientdn up to major 11; to_jsonb would do for both, but the demo has none so old.
    const { rows } = await client.query<{ ssl: boolean; version: string | null; client_dn: string | null }>(
      "SELECT ssl, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    );
    const [row] = rows;
    if (row === undefined) return { outcome: "broken", said: "pg_stat_ssl has no row for the session" };
    const said = row.ssl ? `${row.version}, client_dn ${row.client_dn ?? "none"}` : "let in without TLS";
    return { outcome: "in", tls: row.ssl, clientDn: row.client_dn, said };
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { outcome: "refused", said: error.message };
    return { outcome: "broken", said: (error as Error).message };
  } finally {
    await client.end().catch(() => {});
  }
}
