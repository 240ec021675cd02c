import { posix } from "node:path";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Planned } from "../plan/change.ts";
import { FILE_SETTINGS } from "../postgres/cluster-facts.ts";
import { sameValue } from "../postgres/setting-value.ts";
import type { ClusterState, FileState, HostState } from "../state/host-state.ts";
import { clusterOf, resolvePath } from "../state/resolve.ts";
import type { TaskModule } from "./module.ts";

export type RestartArgs = { cluster: string; mode: "auto" | "reload" | "restart"; force: boolean };

/**
 * Makes the server run with what its files say. What is needed follows from the state of the server (its own pg_settings, and when it
 * last read its files), never from what this run edited: a run that died between write and reload is mended by the next.
 */
export const restart: TaskModule<RestartArgs> = {
  name: "restart",
  doc: {
    summary: "makes the server run with what its files say: by reload, or by restart where it has to be",
    description:
      "mode auto reloads where pg_settings says that a reload is enough, and restarts only for settings that need it. reload never restarts and " +
      "tells what stays pending. restart restarts where anything is pending. Nothing pending: nothing is done, unless force. Debian's " +
      "pg_ctlcluster, systemd units and pg_ctl are used, whichever runs the cluster.",
    examples: ["- restart: { mode: auto }", "- restart: { mode: reload, cluster: 15/main }"],
  },
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      cluster: {
        type: "string",
        default: "",
        format: "one-line",
        description: 'which cluster, where the host has several: "15/main" or its data directory',
      },
      mode: {
        type: "string",
        enum: ["auto", "reload", "restart"],
        default: "auto",
        description: "auto: reload where that is enough, else restart",
      },
      force: { type: "boolean", default: false, description: "also where nothing is pending" },
    },
  },

  observes: ({ cluster }) => [{ kind: "cluster", cluster }],

  plan(args, state) {
    const found = clusterOf(state, args.cluster);
    if ("problem" in found) return { outcome: "refused", problems: [found.problem] };
    const { cluster } = found;
    const toReload = notYetRead(cluster, args.cluster, state);
    const toRestart = needRestart(cluster);
    if (toReload.length === 0 && toRestart.length === 0 && !args.force) return { outcome: "ok" };
    const by = args.mode === "auto" ? (toRestart.length > 0 ? "restart" : "reload") : args.mode;
    const warnings: Diagnostic[] =
      by === "reload" && toRestart.length > 0
        ? [
            {
              code: "RESTART_NOT_ALLOWED",
              message: `${toRestart.join(", ")} of ${cluster.name} take effect only with a restart`,
              hint: "run a restart with mode: auto when it suits",
            },
          ]
        : [];
    if (by === "reload" && toReload.length === 0 && !args.force) return { outcome: "ok", warnings };
    return activation(
      args.cluster,
      cluster,
      by,
      [...toRestart.map((name) => `${name} needs a restart`), ...toReload],
      warnings,
    );
  },
};

function activation(
  selector: string,
  cluster: ClusterState,
  by: "reload" | "restart",
  reasons: readonly string[],
  warnings: readonly Diagnostic[],
): Planned {
  const because = reasons.length === 0 ? "asked for by force" : reasons.join("; ");
  return {
    outcome: "change",
    changes: [{ kind: "activate", cluster: selector, clusterName: cluster.name, by, because }],
    warnings,
  };
}

/** Files of the cluster that are newer than what the server has read, and settings that a planned change leaves pending. */
function notYetRead(cluster: ClusterState, selector: string, state: HostState): string[] {
  const newer = new Set<string>();
  for (const setting of FILE_SETTINGS) {
    const path = resolvePath(state, { base: "setting", cluster: selector, setting });
    const file = path === undefined ? undefined : state.files.get(path);
    if (path !== undefined && file !== undefined && file !== "absent" && isNewer(file, cluster))
      newer.add(posix.basename(path));
  }
  const pending = [...cluster.pending.keys()].filter((name) => cluster.settings.get(name)?.context !== "postmaster");
  return [
    ...(pending.length > 0 ? [`${pending.join(", ")} changed`] : []),
    ...(newer.size > 0 ? [`newer than what the server has read: ${[...newer].join(", ")}`] : []),
  ];
}

function isNewer(file: FileState, cluster: ClusterState): boolean {
  if (file.changedAt === "in this run") return true;
  return cluster.loadedAt !== "in this run" && file.changedAt > cluster.loadedAt;
}

/** Settings whose new value the server takes only at its start: said by the server, or predicted from its own `context`. */
function needRestart(cluster: ClusterState): string[] {
  const names = new Set<string>();
  for (const [name, setting] of cluster.settings) if (setting.pendingRestart) names.add(name);
  for (const [name, value] of cluster.pending) {
    const setting = cluster.settings.get(name);
    if (setting?.context !== "postmaster") continue;
    const wanted = value ?? setting.bootValue;
    if (wanted === undefined || !sameValue(setting, wanted, setting.running)) names.add(name);
  }
  return [...names];
}
