import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Diagnostic, InputError, type Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { openLocalCa } from "./local-ca.ts";
import type { Signer } from "./signer.ts";

/**
 * The CA that `spec` (the value of an `authority` argument) describes, opened. Paths in it are relative to `baseDirectory`. Opens
 * anew at each call: whoever runs many hosts keeps one signer for the same spec.
 */
export async function openAuthority(
  spec: unknown,
  at: Place | undefined,
  baseDirectory: string,
): Promise<{ signer: Signer } | { problems: Diagnostic[] }> {
  const read = readSpec(spec);
  if ("problems" in read) return { problems: read.problems.map((problem) => placed(problem, at)) };
  const directory = resolve(baseDirectory, read.directory);
  try {
    const passphrase =
      read.passphraseFile === undefined
        ? {}
        : { passphrase: await readPassphrase(resolve(baseDirectory, read.passphraseFile)) };
    const name = `local CA ${directory}`;
    return { signer: await openLocalCa({ name, directory, ...passphrase, now: Date.now }) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problems: error.problems.map((problem) => placed(problem, at)) };
  }
}

/** The passphrase in `path`: its first line, since editors end a file with a newline. */
export async function readPassphrase(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).split(/\r?\n/, 1)[0] ?? "";
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const message = missing
      ? `the passphrase file ${path} is missing`
      : `the passphrase file ${path} can't be read: ${(error as Error).message}`;
    throw new InputError([{ code: "CA_UNREADABLE", message }]);
  }
}

const LATER = ["step-ca", "acme", "command"];
const LOCAL_KEYS = ["type", "directory", "passphrase_file"];

type LocalSpec = { directory: string; passphraseFile: string | undefined };

function readSpec(spec: unknown): LocalSpec | { problems: Diagnostic[] } {
  if (typeof spec !== "object" || spec === null || Array.isArray(spec)) {
    return refuse({
      code: "WRONG_TYPE",
      message: "the certificate authority is not a map",
      hint: "for example: { type: local, directory: ca }",
    });
  }
  const { type, directory, passphrase_file: passphraseFile } = spec as Record<string, unknown>;
  if (typeof type === "string" && LATER.includes(type)) {
    return refuse({
      code: "UNSUPPORTED",
      message: `certificate authorities of type ${type} are not supported yet`,
      hint: "step-ca, acme and command come with a later release; until then: type: local",
    });
  }
  if (type !== "local") {
    const found = type === undefined ? "no type" : `type ${JSON.stringify(type)}`;
    return refuse({
      code: type === undefined ? "MISSING_KEY" : "BAD_VALUE",
      message: `the certificate authority has ${found}, expected local`,
      ...(typeof type === "string" ? didYouMean(type, ["local", ...LATER]) : {}),
    });
  }
  const problems: Diagnostic[] = [];
  for (const key of Object.keys(spec)) {
    if (LOCAL_KEYS.includes(key)) continue;
    problems.push({
      code: "UNKNOWN_KEY",
      message: `unknown key "${key}" in a local certificate authority, expected ${LOCAL_KEYS.join(", ")}`,
      ...didYouMean(key, LOCAL_KEYS),
    });
  }
  if (passphraseFile !== undefined && typeof passphraseFile !== "string") {
    problems.push({ code: "WRONG_TYPE", message: "passphrase_file of the certificate authority is not text" });
  }
  if (typeof directory !== "string" || directory === "") {
    problems.push({
      code: directory === undefined ? "MISSING_KEY" : "WRONG_TYPE",
      message: "the local certificate authority names no directory",
      hint: "directory: where `pgmtls ca init --dir` put it",
    });
  }
  if (problems.length > 0 || typeof directory !== "string") return { problems };
  return { directory, passphraseFile: typeof passphraseFile === "string" ? passphraseFile : undefined };
}

function refuse(problem: Diagnostic): { problems: Diagnostic[] } {
  return { problems: [problem] };
}

function placed(problem: Diagnostic, at: Place | undefined): Diagnostic {
  return at === undefined ? problem : { ...problem, at };
}
