import { type ClusterState, type FileState, type HostState, isCluster, type Setting } from "../state/host-state.ts";
import type { Change } from "./change.ts";

/** The state after `change`, as far as it can be known beforehand. `state` itself stays as it is. */
export function predict(state: HostState, change: Change): HostState {
  switch (change.kind) {
    case "file": {
      const files = withFile(state.files, change.path, change.after);
      const wanted = change.settings;
      if (wanted === undefined) return { ...state, files };
      const clusters = mapCluster(state, wanted.cluster, (cluster) => ({
        ...cluster,
        pending: new Map([
          ...cluster.pending,
          ...Object.entries(wanted.values).map(([name, value]) => [name, value ?? undefined] as const),
        ]),
      }));
      return { ...state, files, clusters };
    }
    case "certificate": {
      const files = withFile(
        withFile(state.files, change.key.after.link ?? change.key.after.path, change.key.after),
        change.certificate.after.link ?? change.certificate.after.path,
        change.certificate.after,
      );
      return { ...state, files };
    }
    case "activate": {
      const clusters = mapCluster(state, change.cluster, (cluster) => activated(cluster, change.by));
      return { ...state, files: settled(state.files, state.clockMs), clusters };
    }
  }
}

function withFile(files: HostState["files"], path: string, after: FileState | "absent"): HostState["files"] {
  const next = new Map(files);
  next.set(path, after === "absent" ? after : { ...after, changedAt: "in this run" });
  return next;
}

/** `selector` and every other selector that names the same cluster. */
function mapCluster(
  state: HostState,
  selector: string,
  map: (cluster: ClusterState) => ClusterState,
): HostState["clusters"] {
  const target = state.clusters.get(selector);
  if (!isCluster(target)) return state.clusters;
  return new Map(
    [...state.clusters].map(([name, found]) => [
      name,
      isCluster(found) && found.dataDirectory === target.dataDirectory ? map(found) : found,
    ]),
  );
}

/** A reload leaves settings of context `postmaster` pending; a restart leaves nothing. */
function activated(cluster: ClusterState, by: "reload" | "restart"): ClusterState {
  const settings = new Map(cluster.settings);
  const pending = new Map<string, string | undefined>();
  for (const [name, value] of cluster.pending) {
    const setting = settings.get(name);
    if (by === "reload" && setting?.context === "postmaster") pending.set(name, value);
    else if (setting !== undefined) settings.set(name, running(setting, value));
  }
  if (by === "restart")
    for (const [name, setting] of settings) settings.set(name, { ...setting, pendingRestart: false });
  return { ...cluster, settings, pending, loadedAt: "in this run" };
}

function running(setting: Setting, value: string | undefined): Setting {
  return { ...setting, running: value ?? setting.bootValue ?? setting.running };
}

/** After an activation no file is newer than what the server has read. */
function settled(files: HostState["files"], atMs: number): HostState["files"] {
  return new Map(
    [...files].map(([path, file]) => [
      path,
      file !== "absent" && file.changedAt === "in this run" ? { ...file, changedAt: atMs } : file,
    ]),
  );
}
