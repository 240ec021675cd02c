import type { Code } from "./codes.ts";

/** A place in a file: line and column are 1-based, the column in UTF-16 units; `text` is that line without its newline. */
export type Place = { file: string; line: number; col: number; length: number; text: string };

/** One problem that a user can mend. `message` is a fact (lower case, no full stop); advice goes in `hint`. */
export type Diagnostic = { code: Code; message: string; at?: Place; hint?: string };

/** Mistakes of the user, all of them, thrown where a result cannot be given. `commands/` prints them; nobody else catches. */
export class InputError extends Error {
  readonly problems: readonly Diagnostic[];
  constructor(problems: readonly Diagnostic[]) {
    super(problems.map((problem) => problem.message).join("; "));
    this.name = "InputError";
    this.problems = problems;
  }
}

/** One diagnostic as the terminal shows it: a line a person can click, the line of the file with a caret, and what to do. */
export function formatDiagnostic({ code, at, message, hint }: Diagnostic): string {
  const advice = hint === undefined ? [] : [`  hint: ${hint}`];
  if (at === undefined) return [`${message} [${code}]`, ...advice].join("\n");
  const number = String(at.line);
  // Tabs stay tabs, so the caret is under its character at any tab width.
  const indent = at.text.slice(0, at.col - 1).replace(/[^\t]/g, " ");
  return [
    `${at.file}:${at.line}:${at.col}: ${message} [${code}]`,
    `  ${number} | ${at.text}`,
    `  ${" ".repeat(number.length)} | ${indent}${"^".repeat(Math.max(1, at.length))}`,
    ...advice,
  ].join("\n");
}
