import type { FileChange, Planned } from "../plan/change.ts";
import { isWrittenByPatroni } from "../postgres/patroni.ts";
import type { HostPath } from "../state/host-path.ts";
import type { ClusterState, FileState, HostState } from "../state/host-state.ts";
import { clusterOf, fileAt, resolvePath } from "../state/resolve.ts";

/** A configuration file of a running cluster, found where the server itself says. `text` holds a byte in each character. */
export type ClusterFile = { cluster: ClusterState; path: string; before: FileState; text: string };

/** The file that `setting` of the cluster names; or why no task can edit it. */
export function clusterFile(
  state: HostState,
  task: { cluster: string; force: boolean },
  setting: "hba_file" | "config_file",
): ClusterFile | Planned {
  const found = clusterOf(state, task.cluster);
  if ("problem" in found) return { outcome: "refused", problems: [found.problem] };
  const { cluster } = found;
  const where: HostPath = { base: "setting", cluster: task.cluster, setting };
  const path = resolvePath(state, where);
  if (path === undefined)
    return refused("REMOTE_FILE_MISSING", `cluster ${cluster.name} does not say where its ${setting} is`);
  if (state.unknown.has(path))
    return { outcome: "unknown", because: `${path} depends on a task whose outcome cannot be predicted` };
  const before = fileAt(state, where);
  if (before === undefined || before === "absent") return refused("REMOTE_FILE_MISSING", `no file ${path} on the host`);
  if (before.kind !== "file") return refused("NOT_A_REGULAR_FILE", `${path} is no regular file`);
  if (before.content.kind !== "text") return { outcome: "unknown", because: `what ${path} holds is not known` };
  const text = before.content.latin1;
  if (!task.force && isWrittenByPatroni(text))
    return refused(
      "MANAGED_BY_PATRONI",
      `${path} is written by Patroni, a change here would be lost`,
      "change postgresql.parameters or postgresql.pg_hba of Patroni (patronictl edit-config); force: true edits the file all the same",
    );
  return { cluster, path, before, text };
}

export function contentChange(
  { path, before }: ClusterFile,
  text: string,
  because: string,
  backup: boolean,
): FileChange {
  const after: FileState = { ...before, content: { kind: "text", latin1: text }, changedAt: "in this run" };
  return { kind: "file", path, before, after, because, ...(backup ? { backup } : {}) };
}

function refused(
  code: "REMOTE_FILE_MISSING" | "NOT_A_REGULAR_FILE" | "MANAGED_BY_PATRONI",
  message: string,
  hint?: string,
): Planned {
  return { outcome: "refused", problems: [{ code, message, ...(hint === undefined ? {} : { hint }) }] };
}
