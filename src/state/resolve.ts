import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { HostPath } from "./host-path.ts";
import { type ClusterState, type FileState, type HostState, isCluster } from "./host-state.ts";

/** The cluster that `selector` names ("" = the only one), or why there is none to work on. */
export function clusterOf(state: HostState, selector: string): { cluster: ClusterState } | { problem: Diagnostic } {
  const found = state.clusters.get(selector);
  if (isCluster(found)) return { cluster: found };
  const known = found?.known ?? [];
  switch (found?.problem) {
    case "several":
      return {
        problem: {
          code: "MANY_CLUSTERS",
          message: `the host has ${known.length} clusters (${known.join(", ")}), expected one`,
          hint: `name it: cluster: "${known[0]}"`,
        },
      };
    case "down":
      return {
        problem: {
          code: "CLUSTER_DOWN",
          message: `cluster ${known.join(", ")} is not running`,
          hint: "start it first: what a server runs with can only be asked of a running one",
        },
      };
    case "hidden":
      return {
        problem: {
          code: "CLUSTER_HIDDEN",
          message: "a PostgreSQL cluster runs on the host, but the login user may not look at it",
          hint: "become root (ansible_become: true, or --become), or log in as the cluster's owner",
        },
      };
    case "query-failed":
      return {
        problem: {
          code: "CLUSTER_QUERY_FAILED",
          message: `asking the server failed: ${found.said ?? "no answer"}`,
          hint: "the cluster's owner must get in over the local socket: method peer or trust for the role with the name of that operating system user",
        },
      };
    default:
      return {
        problem: {
          code: "NO_CLUSTER",
          message:
            selector === ""
              ? "no PostgreSQL cluster found on the host"
              : `no PostgreSQL cluster "${selector}" on the host`,
          ...(known.length > 0
            ? { hint: `the host has: ${known.join(", ")}` }
            : { hint: "if it runs elsewhere than the usual places, name its data directory in `cluster`" }),
        },
      };
  }
}

/** `path` as an absolute path on this host; undefined where its cluster is not known or the setting is empty. */
export function resolvePath(state: HostState, path: HostPath): string | undefined {
  if (path.base === "root") return path.path;
  const cluster = state.clusters.get(path.cluster);
  if (!isCluster(cluster)) return undefined;
  if (path.base === "data_directory") return `${cluster.dataDirectory}/${path.path}`;
  const value = cluster.settings.get(path.setting)?.running;
  if (value === undefined || value === "") return undefined;
  return value.startsWith("/") ? value : `${cluster.dataDirectory}/${value}`;
}

/** The file at `path` as far as it was observed or predicted; undefined where nobody asked. */
export function fileAt(state: HostState, path: HostPath): FileState | "absent" | undefined {
  const resolved = resolvePath(state, path);
  return resolved === undefined ? undefined : state.files.get(resolved);
}
