import { readFileSync } from "node:fs";

/** A process that can't be mistaken for a later one with the same id. `startTicks` is field 22 of /proc/PID/stat. */
export type ProcessIdentity = { pid: number; startTicks: string };

export function ownIdentity(): ProcessIdentity {
  return identityOf(process.pid) ?? { pid: process.pid, startTicks: "" };
}

/** Undefined where there is no such process, or only its zombie. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTicks] = [fields[0], fields[19]];
    return state === "Z" || state === "X" || startTicks === undefined ? undefined : { pid, startTicks };
  } catch {
    return undefined;
  }
}

export function isSameProcess({ pid, startTicks }: ProcessIdentity): boolean {
  return identityOf(pid)?.startTicks === startTicks;
}

export function isAlive(pid: number): boolean {
  return identityOf(pid) !== undefined;
}

/** Sends a signal to exactly this process; one that is gone is no error. */
export function signalProcess(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isSameProcess(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits without letting anything else run, as clean-up at exit must. False when `limitMs` is over first. */
export function waitForEndSync(identity: ProcessIdentity, limitMs: number): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const end = Date.now() + limitMs; Date.now() < end; Atomics.wait(pause, 0, 0, 10)) {
    if (!isSameProcess(identity)) return true;
  }
  return !isSameProcess(identity);
}
