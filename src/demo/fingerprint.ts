import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { PostgresServer } from "./postgres-server.ts";

/**
 * Everything that a run on mutual TLS could touch, as lines: the configuration, certificates and keys (content, mode, owner, when
 * last changed), and when the server was started and last read its files. Equal before and after a run: it changed nothing.
 */
export async function fingerprint(server: Pick<PostgresServer, "dataDirectory" | "query">): Promise<string[]> {
  const [times] = await server.query(
    "SELECT pg_postmaster_start_time()::text AS started, pg_conf_load_time()::text AS loaded",
  );
  const names = (await readdir(server.dataDirectory)).filter((name) => /\.(?:conf|crt|key|crl)$/.test(name)).sort();
  const files = await Promise.all(names.map((name) => fileLine(server.dataDirectory, name)));
  return [...files, `started ${times?.started}`, `loaded ${times?.loaded}`];
}

async function fileLine(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const { mode, uid, gid, ctimeMs } = await stat(path);
  const digest = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  return `${name} ${digest} ${mode.toString(8)} ${uid}:${gid} ${ctimeMs}`;
}
