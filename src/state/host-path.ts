/**
 * Where a file is. What lies in a cluster's directories is named by its role, and the host resolves it: one exec can both find the
 * cluster and read its files. `cluster` is a selector as a task gives it ("" = the only cluster of the host, "15/main", or a data
 * directory).
 */
export type HostPath =
  | { base: "root"; path: string }
  | { base: "data_directory"; cluster: string; path: string }
  /** What the setting of that name points at: `config_file`, `hba_file`, `ident_file`, `ssl_key_file` ... */
  | { base: "setting"; cluster: string; setting: string };

/** `path` as a task gives it: absolute, or relative to the data directory of `cluster`, as PostgreSQL reads such settings. */
export function hostPath(path: string, cluster: string): HostPath {
  return path.startsWith("/") ? { base: "root", path } : { base: "data_directory", cluster, path };
}
