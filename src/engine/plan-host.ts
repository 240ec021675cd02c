import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Change, Planned } from "../plan/change.ts";
import { ownershipProblems } from "../plan/ownership.ts";
import { predict } from "../plan/predict.ts";
import type { CompiledPlay, CompiledTask } from "../playbook/play.ts";
import type { HostState } from "../state/host-state.ts";
import type { Observation } from "../state/observation.ts";
import type { AnyTaskModule } from "../tasks/registry.ts";

export type PlannedTask = {
  task: CompiledTask;
  /** "not-planned": an earlier task was refused, so there is no state to plan on. */
  planned: Planned | { outcome: "skipped"; because: string } | { outcome: "not-planned" };
};

export type HostPlan = {
  tasks: readonly PlannedTask[];
  /** In the order of the tasks; none where one of them was refused. */
  changes: readonly Change[];
  predicted: HostState;
  refused: boolean;
};

/** What all tasks of a play, handlers included, want to know of the host: whether a handler will run is known only after planning. */
export function observationsOf(play: CompiledPlay, modules: ReadonlyMap<string, AnyTaskModule>): Observation[] {
  return [...play.tasks, ...play.handlers]
    .filter((task) => task.skipped === undefined)
    .flatMap((task) => moduleOf(task, modules).observes(task.args));
}

/**
 * Plans one segment: each task on the state that those before it predict, then the handlers that a changing task notified, in the order
 * in which they are written. Check mode and run share this and nothing else decides. Pure.
 */
export function planHost(
  play: CompiledPlay,
  observed: HostState,
  modules: ReadonlyMap<string, AnyTaskModule>,
): HostPlan {
  const tasks: PlannedTask[] = [];
  const changes: Change[] = [];
  const notified = new Set<string>();
  let state = observed;
  let refused = false;
  const planOne = (task: CompiledTask) => {
    const planned = refused ? ({ outcome: "not-planned" } as const) : planTask(task, state, modules);
    tasks.push({ task, planned });
    if (planned.outcome === "refused") refused = true;
    if (planned.outcome !== "change") return;
    changes.push(...planned.changes);
    state = planned.changes.reduce(predict, state);
    for (const name of task.notify) notified.add(name);
  };
  for (const task of play.tasks) planOne(task);
  for (const handler of play.handlers) if (notified.has(handler.name)) planOne(handler);
  return { tasks, changes: refused ? [] : changes, predicted: state, refused };
}

function planTask(
  task: CompiledTask,
  state: HostState,
  modules: ReadonlyMap<string, AnyTaskModule>,
): PlannedTask["planned"] {
  if (task.skipped !== undefined) return { outcome: "skipped", because: task.skipped };
  const planned = permitted(moduleOf(task, modules).plan(task.args, state), state);
  if (planned.outcome === "refused")
    return { ...planned, problems: planned.problems.map((problem) => placed(problem, task)) };
  if ("warnings" in planned && planned.warnings !== undefined) {
    return { ...planned, warnings: planned.warnings };
  }
  return planned;
}

/** A check must not promise what the host will refuse to the user that we are there. */
function permitted(planned: Planned, state: HostState): Planned {
  const problems = planned.outcome === "change" ? ownershipProblems(state, planned.changes) : [];
  return problems.length === 0 ? planned : { outcome: "refused", problems };
}

/** A module knows nothing of files of the controller: a problem without a place gets the task's. */
function placed(problem: Diagnostic, task: CompiledTask): Diagnostic {
  return problem.at === undefined ? { ...problem, at: task.at } : problem;
}

function moduleOf(task: CompiledTask, modules: ReadonlyMap<string, AnyTaskModule>): AnyTaskModule {
  const module = modules.get(task.module);
  if (module === undefined) throw new Error(`no task module ${task.module}`);
  return module;
}
