import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Change } from "../plan/change.ts";
import { type ApplyScript, applyProgram } from "../remote/apply.ts";
import { type Answer, converse, HostProgramError, type Question } from "../remote/conversation.ts";
import type { Frame } from "../remote/frames.ts";
import { HostStateBuilder, mergeObservations, observeProgram } from "../remote/observe.ts";
import { queryOverChannel } from "../remote/sql-channel.ts";
import { ConnectError, type Connection } from "../ssh/connection.ts";
import type { HostState } from "../state/host-state.ts";
import { activationLabel, applySteps } from "./apply-host.ts";
import { ControllerAnswers } from "./controller-answers.ts";
import type { Outcome, Phase, Proof } from "./event.ts";
import type { HostJob } from "./host-job.ts";
import { worstOf } from "./outcome.ts";
import { type HostPlan, observationsOf, type PlannedTask, planHost } from "./plan-host.ts";
import { sessionWarnings } from "./session-warnings.ts";

export type HostResult = { outcome: Outcome; problems: readonly Diagnostic[] };

/** Observe, plan, and unless it is a check, apply and prove: one play on one host whose connection is open. Never throws for the host's sake. */
export async function runPlayOnHost(connection: Connection, job: HostJob): Promise<HostResult> {
  try {
    phase(job, "observing");
    const observed = await observe(connection, job);
    phase(job, "planning");
    const plan = planHost(job.play, observed, job.modules);
    const warnings = sessionWarnings(observed, plan.predicted);
    if (job.check || plan.refused || plan.changes.length === 0)
      return report(job, plan, plannedOutcomes(plan, job.check), warnings, []);
    const { notes, failure } = await apply(connection, job, observed, plan);
    const told = [...warnings, ...notes];
    if (failure === undefined) return report(job, plan, plannedOutcomes(plan, false), told, []);
    return report(job, plan, failedOutcomes(plan, failure.outcome), told, [failure.problem]);
  } catch (error) {
    return failedHost(error, job);
  }
}

async function observe(connection: Connection, job: HostJob): Promise<HostState> {
  const question = mergeObservations(observationsOf(job.play, job.modules));
  const builder = new HostStateBuilder(question);
  await converse({
    connection,
    become: job.play.become,
    program: (marker) => observeProgram(question, marker),
    onFrame: (frame) => builder.add(frame),
    onQuestion: (asked) => answerSql(connection, asked, job.signal),
    signal: job.signal,
  });
  return builder.state();
}

/** SQL of a host without psql. The query is a constant of ours; the socket is where the host says that its server listens. */
async function answerSql(
  connection: Connection,
  { verb, words, text }: Question,
  signal: AbortSignal,
): Promise<Answer> {
  if (verb !== "sql") return { yes: false, text: `no answer to ${verb}` };
  const [port = "", user = "", ...directory] = words;
  try {
    return {
      yes: true,
      text: await queryOverChannel(
        connection,
        { socketDirectory: directory.join(" "), port: Number(port), user },
        text,
        signal,
      ),
    };
  } catch (error) {
    return { yes: false, text: error instanceof Error ? error.message : String(error) };
  }
}

/** The task behind a label of the host program: the first that changes that file, or that activates that cluster. */
function whereItIs(label: string, { prepare }: ApplyScript, plan: HostPlan): [Phase, string | undefined] {
  const change = prepare[Number(label)];
  const isMeant = (one: Change) =>
    change === undefined ? one.kind === "activate" && activationLabel(one.cluster) === label : sameTarget(one, change);
  const found = plan.tasks.find(({ planned }) => planned.outcome === "change" && planned.changes.some(isMeant));
  return [change === undefined ? "activating" : "writing", found?.task.name];
}

function sameTarget(one: Change, other: Change): boolean {
  if (one.kind === "certificate") return other.kind === "certificate" && one.key.after.path === other.key.after.path;
  return one.kind === "file" && other.kind === "file" && one.path === other.path;
}

type Failure = { outcome: "failed" | "rolled-back"; problem: Diagnostic };

async function apply(
  connection: Connection,
  job: HostJob,
  observed: HostState,
  plan: HostPlan,
): Promise<{ notes: readonly Diagnostic[]; failure: Failure | undefined }> {
  const script: ApplyScript = {
    run: job.run,
    stateDirectory: job.stateDirectory,
    holder: job.holder,
    user: observed.user,
    group: observed.group,
    ...applySteps(plan.changes, observed),
  };
  const answers = new ControllerAnswers({
    connection,
    job,
    script,
    observed,
    predicted: plan.predicted,
    phase: (name) => phase(job, name),
  });
  const notes: Diagnostic[] = [];
  let failed: Frame | undefined;
  phase(job, "writing");
  await converse({
    connection,
    become: job.play.become,
    program: (marker) => applyProgram(script, job.secrets, marker),
    onFrame: (frame) => {
      if (frame.verb === "failed") failed = frame;
      else if (frame.verb === "note") notes.push({ code: "HOST_NOTE", message: frame.payload.toString("utf8") });
      else if (frame.verb === "at") phase(job, ...whereItIs(frame.payload.toString("utf8"), script, plan));
    },
    onQuestion: (asked) => (asked.verb === "sql" ? answerSql(connection, asked, job.signal) : answers.answer(asked)),
    signal: job.signal,
  });
  for (const [cluster, proofs] of answers.proofs) emitProofs(job, cluster, proofs);
  return { notes, failure: failed === undefined ? undefined : readFailure(failed, answers) };
}

function emitProofs(job: HostJob, cluster: string, proofs: readonly Proof[]): void {
  if (proofs.length > 0) job.emit({ event: "host-proved", host: job.play.host, cluster, proofs });
}

/** `failed untouched|locked|broken`, or `failed unchanged|restored|rolled-back KIND`, as apply.sh says it. */
function readFailure({ words: [left, kind], payload }: Frame, answers: ControllerAnswers): Failure {
  const said = payload.toString("utf8").trim();
  if (left === "locked") {
    return {
      outcome: "failed",
      problem: {
        code: "LOCKED_BY_ANOTHER_RUN",
        message: `another run holds the host: ${said}`,
        hint: "wait until it has ended; nothing was changed here",
      },
    };
  }
  const undone = `; ${LEFT.get(left ?? "") ?? "nothing was changed"}`;
  const outcome = left === "rolled-back" ? "rolled-back" : "failed";
  if (kind === "conflict")
    return {
      outcome,
      problem: {
        code: "REMOTE_FILE_CHANGED",
        message: `${said}${undone}`,
        hint: "run again to plan on what is there now",
      },
    };
  if (kind === "refused")
    return {
      outcome,
      problem: { code: "POSTGRES_REFUSED", message: `PostgreSQL refuses the new files: ${said}${undone}` },
    };
  if (kind === "unproved")
    return { outcome, problem: { code: "PROOF_FAILED", message: `the proof failed: ${said}${undone}` } };
  if (answers.signingFailure !== undefined)
    return { outcome, problem: { ...answers.signingFailure, message: `${answers.signingFailure.message}${undone}` } };
  return { outcome, problem: { code: "HOST_PROGRAM_FAILED", message: `${said}${undone}` } };
}

/** What a failed program says that it left. */
const LEFT: ReadonlyMap<string, string> = new Map([
  ["broken", "NOT everything could be put back"],
  ["rolled-back", "everything was put back and activated"],
  ["restored", "what had been written was put back"],
]);

type Told = { task: PlannedTask; outcome: Outcome; because?: string };

/** What each task came to where the plan was carried out, or will be. */
function plannedOutcomes(plan: HostPlan, check: boolean): Told[] {
  return plan.tasks.map((task) => ({ task, ...outcomeOf(task.planned, plan.refused, check) }));
}

function outcomeOf(planned: PlannedTask["planned"], refused: boolean, check: boolean): Omit<Told, "task"> {
  switch (planned.outcome) {
    case "ok":
      return { outcome: "ok" };
    case "change":
      if (refused) return { outcome: "skipped", because: "not done, since a later task was refused" };
      return { outcome: check ? "would-change" : "changed" };
    case "unknown":
      return { outcome: "unknown", because: planned.because };
    case "refused":
      return { outcome: "failed" };
    case "skipped":
      return { outcome: "skipped", because: planned.because };
    case "not-planned":
      return { outcome: "skipped", because: "not planned, since an earlier task was refused" };
  }
}

function failedOutcomes(plan: HostPlan, outcome: "failed" | "rolled-back"): Told[] {
  return plannedOutcomes(plan, false).map((told) => (told.outcome === "changed" ? { ...told, outcome } : told));
}

/** Tells the stream what became of each task, and gives the host's outcome: the worst of them. */
function report(
  job: HostJob,
  plan: HostPlan,
  told: readonly Told[],
  warnings: readonly Diagnostic[],
  problems: readonly Diagnostic[],
): HostResult {
  for (const { task, outcome, because } of told) {
    const { planned } = task;
    const own = "warnings" in planned ? (planned.warnings ?? []) : [];
    const isLast = task === plan.tasks.at(-1);
    job.emit({
      event: "task-finished",
      host: job.play.host,
      play: job.play.play,
      task: task.task.name,
      module: task.task.module,
      outcome,
      changes: planned.outcome === "change" ? planned.changes : [],
      problems: planned.outcome === "refused" ? planned.problems : [],
      warnings: isLast ? [...own, ...warnings] : own,
      ...(because === undefined ? {} : { because }),
    });
  }
  const outcomes = told.map(({ outcome }) => outcome);
  return { outcome: outcomes.length === 0 ? "ok" : worstOf(outcomes), problems };
}

function failedHost(error: unknown, job: HostJob): HostResult {
  if (error instanceof ConnectError) return { outcome: "unreachable", problems: [error.diagnostic] };
  if (error instanceof HostProgramError) return { outcome: "failed", problems: [programProblem(error, job)] };
  const message = error instanceof Error ? error.message : String(error);
  return {
    outcome: "failed",
    problems: [{ code: "INTERNAL", message: `pgmtls itself failed: ${message}`, hint: "please report it" }],
  };
}

function programProblem({ began, exitCode, stderr, message }: HostProgramError, { play }: HostJob): Diagnostic {
  const said = stderr.trim().split("\n").slice(-3).join("; ");
  if (!began && play.become !== undefined) {
    return {
      code: "BECOME_REFUSED",
      message: `becoming ${play.become.user} with sudo failed: ${said === "" ? `exit status ${exitCode ?? "unknown"}` : said}`,
      hint: "pgmtls uses sudo -n, which never asks: give the login user NOPASSWD for /bin/sh, or log in as root",
    };
  }
  return { code: "HOST_PROGRAM_FAILED", message: said === "" ? message : `${message}: ${said}` };
}

function phase(job: HostJob, name: Phase, task?: string): void {
  const what = task === undefined ? {} : { task };
  job.emit({ event: "host-phase", host: job.play.host, phase: name, ...what, atMs: job.now() });
}
