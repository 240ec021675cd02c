import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { type Environment, paletteFor } from "./palette.ts";
import { problemText } from "./problem-text.ts";
import type { Output } from "./reader.ts";
import { counted } from "./words.ts";

/** Prints the mistakes in what the user gave, all of them, and that they had no consequence. */
export function printProblems(problems: readonly Diagnostic[], stderr: Output, env: Environment = process.env): void {
  const { red } = paletteFor(stderr, env);
  for (const problem of problems) stderr.write(`${problemText(problem)}\n`);
  stderr.write(`${red(`${counted(problems.length, "mistake")}; no host was contacted`)}\n`);
}
