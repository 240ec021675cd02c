import type { CertificateRequest } from "../certificates/request.ts";

/**
 * `text` holds bytes as latin1, one character a byte, so that any encoding comes back unharmed. A `secret` is known by its digest
 * and stays where it is. `to-be-issued` is what a certificate is in the predicted state, before a CA has signed it, and what its
 * key is before the host has made it. `unread` is a file of which only the metadata was asked.
 */
export type Content =
  | { kind: "text"; latin1: string }
  | { kind: "digest"; sha256: string }
  | { kind: "secret"; sha256: string }
  | { kind: "to-be-issued"; request: CertificateRequest }
  | { kind: "key-to-be-made"; key: CertificateRequest["key"] }
  | { kind: "unread" };

/** When a file was last changed: milliseconds since 1970 UTC by the host's clock (its ctime), or by a change planned in this run. */
export type ChangedAt = number | "in this run";

export type FileState = {
  /** Absolute; where a link is followed, `link` is the path that was asked and `path` the real file. */
  path: string;
  kind: "file" | "directory" | "other";
  content: Content;
  /** Permission bits, 0 to 0o7777. */
  mode: number;
  owner: string;
  group: string;
  changedAt: ChangedAt;
  link?: string;
};

/** One row of pg_settings (https://www.postgresql.org/docs/current/view-pg-settings.html). */
export type Setting = {
  /** What the server runs with now, in the setting's base unit. */
  running: string;
  /** What it takes to change it: "postmaster" is a restart, "sighup" and others a reload. */
  context: string;
  vartype: "bool" | "integer" | "real" | "string" | "enum";
  unit?: string;
  enumValues?: readonly string[];
  source: string;
  sourceFile?: string;
  sourceLine?: number;
  bootValue?: string;
  pendingRestart: boolean;
};

/** One row of pg_file_settings: what the files on disk say, in the order the server reads them. */
export type FileSetting = {
  file: string;
  line: number;
  name: string | undefined;
  setting: string | undefined;
  applied: boolean;
  error: string | undefined;
};

/** A row of pg_hba_file_rules that the server finds wrong: an error, or a row whose type is null (POSTGRES.md 14). */
export type HbaFileError = { file: string | undefined; line: number; error: string };

/** One client session of pg_stat_activity joined with pg_stat_ssl and pg_stat_gssapi. */
export type Session = {
  pid: number;
  user: string;
  database: string | undefined;
  application: string;
  /** Address of the client; undefined for the Unix socket. */
  address: string | undefined;
  replication: boolean;
  tls: boolean;
  gss: boolean;
  clientDn: string | undefined;
};

export type ClusterControl =
  | { kind: "pg_ctlcluster"; version: string; name: string }
  | { kind: "systemd"; unit: string }
  | { kind: "pg_ctl"; program: string };

export type ClusterState = {
  /** "15/main" where Debian's layout names it, else the data directory. */
  name: string;
  major: number;
  /** As `SHOW server_version` says. */
  version: string;
  owner: string;
  group: string;
  dataDirectory: string;
  settings: ReadonlyMap<string, Setting>;
  fileSettings: readonly FileSetting[];
  hbaErrors: readonly HbaFileError[];
  sessions: readonly Session[];
  /** Settings that files will hold once planned changes are made and that the server does not run with yet. */
  pending: ReadonlyMap<string, string | undefined>;
  /** When the server last read its files: milliseconds since 1970 UTC by the host's clock, or by an activation planned in this run. */
  loadedAt: ChangedAt;
  inRecovery: boolean;
  control: ClusterControl;
};

/** A host as observed, or as it will be once the changes planned so far are made. Never mutated: `predict` gives the next one. */
export type HostState = {
  /** The host's clock when it was observed, milliseconds since 1970 UTC. */
  clockMs: number;
  /** Whom the program on the host runs as, after becoming: who owns a new file that nobody gave to somebody else. */
  user: string;
  group: string;
  /** By the path that was asked, resolved to an absolute one. */
  files: ReadonlyMap<string, FileState | "absent">;
  /** SubjectPublicKeyInfo as PEM of private keys, by the key file's path. */
  publicKeys: ReadonlyMap<string, string | "unreadable">;
  /** By selector as the tasks give it; a problem (none, several, down) is kept as text for the task that needs it. */
  clusters: ReadonlyMap<string, ClusterState | ClusterProblem>;
  /** Paths that earlier tasks made unpredictable. Whoever plans on one must answer `unknown`. */
  unknown: ReadonlySet<string>;
};

/** Why a selector names no usable cluster. `known` are the names that would do. */
export type ClusterProblem = {
  problem: "none" | "several" | "down" | "hidden" | "query-failed";
  known: readonly string[];
  said?: string;
};

export function isCluster(found: ClusterState | ClusterProblem | undefined): found is ClusterState {
  return found !== undefined && !("problem" in found);
}
