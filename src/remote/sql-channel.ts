import type { Duplex } from "node:stream";
import pg from "pg";
import type { Connection } from "../ssh/connection.ts";

/** A cluster's Unix socket and whom to be there, as the host program tells it. */
export type SocketAddress = { socketDirectory: string; port: number; user: string };

/**
 * SQL for hosts that have no psql: `pg` speaks over a channel of the same connection to the cluster's Unix socket. Rows come back as
 * `psql -At` would print them. Throws pg's own error with PostgreSQL's words.
 */
export async function queryOverChannel(
  connection: Connection,
  to: SocketAddress,
  query: string,
  signal: AbortSignal,
): Promise<string> {
  const channel = await connection.openStream({ socketPath: `${to.socketDirectory}/.s.PGSQL.${to.port}` }, signal);
  const client = new pg.Client({
    user: to.user,
    database: "postgres",
    application_name: "pgmtls",
    options: "-c search_path=pg_catalog -c lc_messages=C -c statement_timeout=30s",
    stream: () => asSocket(channel),
  } as pg.ClientConfig);
  // An error after the end (the channel closing) has no one left to tell.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<(string | null)[]>({
      text: query,
      rowMode: "array",
      types: { getTypeParser: () => String },
    });
    return rows.map((row) => row.map((value) => value ?? "").join("|")).join("\n");
  } finally {
    await client.end().catch(() => {});
    channel.destroy();
  }
}

/** `channel` with the few methods of a net.Socket that pg calls; it is connected already, and pg is told so. */
export function asSocket(channel: Duplex): Duplex {
  return Object.assign(channel, {
    setNoDelay: () => channel,
    setKeepAlive: () => channel,
    ref: () => channel,
    unref: () => channel,
    connect: () => {
      process.nextTick(() => channel.emit("connect"));
      return channel;
    },
  });
}
