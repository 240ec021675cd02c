import { hostname, userInfo } from "node:os";
import { prepareRun, type RunRequest } from "../engine/prepare.ts";
import { run } from "../engine/run.ts";
import { openReader, type ReaderOptions } from "../report/choose.ts";
import { printProblems } from "../report/problems.ts";
import { interruption } from "./interruption.ts";

export type RunCommandOptions = Partial<Omit<RunRequest, "playbook" | "inventory">> & {
  playbook: string;
  inventory: readonly string[];
  check?: boolean;
  diff?: boolean;
  detailedExitCode?: boolean;
  forks?: number;
  output?: ReaderOptions["output"];
};

/** As many connections as one process holds with ease; more than Ansible's 5, since nothing is forked here. */
const DEFAULT_FORKS = 50;
const INPUT_ERROR = 1;

/** `pgmtls run`: reads and checks everything, then runs. Gives the exit code. */
export async function runCommand(options: RunCommandOptions): Promise<number> {
  const request: RunRequest = {
    playbook: options.playbook,
    inventory: options.inventory,
    limit: options.limit,
    extraVars: options.extraVars ?? [],
    tags: options.tags ?? [],
    skipTags: options.skipTags ?? [],
    become: options.become ?? false,
    becomeUser: options.becomeUser,
    cwd: options.cwd ?? process.cwd(),
  };
  const ready = await prepareRun(request);
  if ("problems" in ready) {
    printProblems(ready.problems, process.stderr);
    return INPUT_ERROR;
  }
  const { stdout, stderr } = process;
  const reader = openReader({ output: options.output, diff: options.diff ?? false, stdout, stderr, now: Date.now });
  using interrupted = interruption();
  try {
    return await run(ready.prepared, {
      check: options.check ?? false,
      detailedExitCode: options.detailedExitCode ?? false,
      forks: options.forks ?? DEFAULT_FORKS,
      operator: `${userInfo().username}@${hostname()}`,
      emit: (event) => reader.onEvent(event),
      now: Date.now,
      stop: interrupted.signal,
    });
  } finally {
    await reader.close();
  }
}
