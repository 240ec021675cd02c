import { execFile, execFileSync } from "node:child_process";

type Options = { input?: string; signal?: AbortSignal | undefined; env?: NodeJS.ProcessEnv };
export type ProgramEnd = { exitCode: number; stdout: string; stderr: string };

/** Runs a program to its end, whatever its exit code. 128 stands for a program that a signal ended. */
export function programEnd(argv: readonly string[], options: Options = {}): Promise<ProgramEnd> {
  const [file = "", ...args] = argv;
  const limits = { maxBuffer: 64 * 1024 * 1024, env: options.env ?? process.env };
  const { promise, resolve, reject } = withResolvers<ProgramEnd>();
  const child = execFile(
    file,
    args,
    options.signal === undefined ? limits : { ...limits, signal: options.signal },
    (error, stdout, stderr) => {
      if (error !== null && child.exitCode === null && child.signalCode === null) reject(error);
      else if (options.signal?.aborted === true) reject(options.signal.reason);
      else resolve({ exitCode: child.exitCode ?? 128, stdout, stderr });
    },
  );
  // A program that ends without reading its input is judged by its exit code, not by our broken pipe.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  return promise;
}

/** What a program prints. An exit code other than 0 is an error with the last lines of its standard error. */
export async function programOutput(argv: readonly string[], options: Options = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await programEnd(argv, options);
  if (exitCode === 0) return stdout;
  throw new Error(
    `${argv.join(" ")} ended with ${exitCode}: ${(stderr || stdout).trim().split("\n").slice(-8).join("\n")}`,
  );
}

/** As `programOutput`, without letting anything else of the process run: for clean-up at its exit. */
export function programOutputSync(argv: readonly string[]): string {
  const [file = "", ...args] = argv;
  return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
