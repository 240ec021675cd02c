import { spawn } from "node:child_process";
import { once } from "node:events";

const KEPT_BYTES = 8 * 1024;

/** Runs a program to its end, without input. Throws with the end of what it said where it fails. */
export async function runProgram(
  file: string,
  argv: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number; signal: AbortSignal },
): Promise<void> {
  options.signal.throwIfAborted();
  const child = spawn(file, argv, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const keep = (bytes: Buffer) => {
    said = (said + bytes.toString("utf8")).slice(-KEPT_BYTES);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  // Rejects with the abort's or the start's own error: once() listens to "error" too.
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  if (status === 0) return;
  const how = status === null ? `was ended by ${signal}` : `failed with status ${status}`;
  throw new Error(`${[file, ...argv].join(" ")} ${how}: ${said.trim()}`);
}
