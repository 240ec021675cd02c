import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const LIMIT_MS = 90_000;

export type CliEnd = { exitCode: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

/**
 * `pgmtls ARGS` as a program of its own, whose folder for temporary files may be `temporary`. `onStart` gets it while it runs. What takes longer than a minute and a half is ended, which its
 * exit code then shows.
 */
export async function runCli(
  args: readonly string[],
  options: { cwd?: string; temporary?: string; onStart?: (program: ChildProcess) => void } = {},
): Promise<CliEnd> {
  const { cwd, temporary, onStart = () => {} } = options;
  const loader = import.meta.resolve("tsx");
  const program = spawn(process.execPath, ["--import", loader, cli, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // Nobody's agent and no colours: what comes out depends on the arguments alone.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1", TMPDIR: temporary ?? process.env.TMPDIR },
    ...(cwd === undefined ? {} : { cwd }),
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  program.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  program.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  onStart(program);
  return await new Promise((resolve, reject) => {
    program.once("error", reject);
    program.once("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
}
