import type { Signer } from "../ca/signer.ts";
import type { CertificateChange, Change, FileChange } from "../plan/change.ts";
import { netChanges } from "../plan/net.ts";
import { predict } from "../plan/predict.ts";
import type { ApplyScript, Step } from "../remote/apply.ts";
import { type ClusterState, type HostState, isCluster } from "../state/host-state.ts";
import { resolvePath } from "../state/resolve.ts";

/** Signers that the run opened, by the name that certificate changes give. */
export type Signers = ReadonlyMap<string, Signer>;

/** `changes` as the host program does them: all of it prepared first, then committed and activated in the order that is safe. */
export function applySteps(changes: readonly Change[], observed: HostState): Pick<ApplyScript, "prepare" | "steps"> {
  const prepare: (FileChange | CertificateChange)[] = [];
  const steps: Step[] = [];
  let waiting: number[] = [];
  let state = observed;
  for (const change of netChanges(changes)) {
    if (change.kind === "activate") {
      const [now, later] = splitByCluster(waiting, prepare, change.cluster, state);
      steps.push(...activationSteps(change, now, prepare, state));
      waiting = later;
    } else {
      waiting.push(prepare.push(change) - 1);
    }
    state = predict(state, change);
  }
  steps.push(...unactivatedSteps(waiting, prepare, observed));
  return { prepare, steps };
}

/** Files of another cluster wait for that cluster's own activation. */
function splitByCluster(
  waiting: readonly number[],
  prepare: ApplyScript["prepare"],
  selector: string,
  state: HostState,
): [now: number[], later: number[]] {
  const activated = state.clusters.get(selector);
  const others = [...state.clusters].filter(
    ([, cluster]) => isCluster(cluster) && isCluster(activated) && cluster.dataDirectory !== activated.dataDirectory,
  );
  const isOthers = (id: number) =>
    others.some(([name]) =>
      OWN_FILES.some((setting) => isPath(prepare[id], resolvePath(state, { base: "setting", cluster: name, setting }))),
    );
  return [waiting.filter((id) => !isOthers(id)), waiting.filter(isOthers)];
}

const OWN_FILES = ["config_file", "hba_file", "ident_file"];

/**
 * Where TLS is first turned on, pg_hba.conf waits until a handshake has shown that TLS stands: rules that demand TLS from a server that
 * has none lock everybody out (POSTGRES.md 3, 15). Otherwise one reload takes all.
 */
function activationSteps(
  change: Change & { kind: "activate" },
  waiting: readonly number[],
  prepare: ApplyScript["prepare"],
  state: HostState,
): Step[] {
  const cluster = state.clusters.get(change.cluster);
  if (!isCluster(cluster)) return [];
  const activate: Step = { do: change.by, label: activationLabel(change.cluster) };
  const rules = waiting.filter((id) =>
    isPath(prepare[id], resolvePath(state, { base: "setting", cluster: change.cluster, setting: "hba_file" })),
  );
  const useCluster: Step = { do: "use-cluster", selector: change.cluster };
  const last: Step[] = [{ do: "judge" }, activate, { do: "prove", what: "clients", selector: change.cluster }];
  if (rules.length === 0 || change.by === "restart" || !turnsTlsOn(cluster))
    return [useCluster, { do: "commit", ids: waiting }, ...last];
  const first = waiting.filter((id) => !rules.includes(id));
  return [
    useCluster,
    { do: "commit", ids: first },
    { do: "judge" },
    activate,
    { do: "prove", what: "tls", selector: change.cluster },
    { do: "commit", ids: rules },
    ...last,
  ];
}

/** Files that no activation follows; where they are a cluster's own, the server still judges them before they stay. */
function unactivatedSteps(waiting: readonly number[], prepare: ApplyScript["prepare"], state: HostState): Step[] {
  if (waiting.length === 0) return [];
  const commit: Step = { do: "commit", ids: waiting };
  for (const [selector, cluster] of state.clusters) {
    if (!isCluster(cluster)) continue;
    const own = ["hba_file", "config_file"].map((setting) =>
      resolvePath(state, { base: "setting", cluster: selector, setting }),
    );
    if (waiting.some((id) => own.some((path) => isPath(prepare[id], path))))
      return [{ do: "use-cluster", selector }, commit, { do: "judge" }];
  }
  return [commit];
}

/** What the host program calls an activation when it tells where it is. */
export function activationLabel(cluster: string): string {
  return `activate ${cluster}`;
}

function turnsTlsOn(cluster: ClusterState): boolean {
  return cluster.settings.get("ssl")?.running === "off" && cluster.pending.get("ssl") === "on";
}

function isPath(change: FileChange | CertificateChange | undefined, path: string | undefined): boolean {
  return change?.kind === "file" && path !== undefined && change.path === path;
}
