import type { Planned } from "../../src/plan/change.ts";
import { predict } from "../../src/plan/predict.ts";
import type { FileState, HostState } from "../../src/state/host-state.ts";
import type { TaskModule } from "../../src/tasks/module.ts";

/** A host without clusters, with these files. */
export function hostWith(files: Readonly<Record<string, FileState>>): HostState {
  return {
    clockMs: 1_700_000_000_000,
    user: "deploy",
    group: "deploy",
    files: new Map(Object.entries(files)),
    publicKeys: new Map(),
    clusters: new Map(),
    unknown: new Set(),
  };
}

export function fileOf(path: string, over: Partial<FileState> = {}): FileState {
  return {
    path,
    kind: "file",
    content: { kind: "unread" },
    mode: 0o644,
    owner: "root",
    group: "root",
    changedAt: 1_600_000_000_000,
    ...over,
  };
}

/** What is planned on the state that an earlier plan predicts: must be `ok`, or a second run would change something. */
export function planAgain<Args>(module: TaskModule<Args>, args: Args, state: HostState, planned: Planned): Planned {
  return module.plan(args, planned.outcome === "change" ? planned.changes.reduce(predict, state) : state);
}
