import { type Diagnostic, formatDiagnostic } from "../diagnostics/diagnostic.ts";
import { printable } from "../plan/printable.ts";
import { withoutSecrets } from "../plan/secrets.ts";

/** A problem as the terminal shows it, whatever a host may have put in it. */
export function problemText(problem: Diagnostic): string {
  return printable(withoutSecrets(formatDiagnostic(problem)));
}

export function indented(text: string, by: string): string {
  return text.replace(/^(?=.)/gm, by);
}
