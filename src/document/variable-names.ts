import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { MapEntry } from "./node.ts";

/** Whether an expression can be written with `name`; any other variable would never be found. */
export function isVariableName(name: string): boolean {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name);
}

export function checkVariableNames(entries: readonly MapEntry[]): Diagnostic[] {
  return entries
    .filter(({ key }) => !isVariableName(key))
    .map(({ key, keyAt }) => {
      const message = `"${key}" cannot be the name of a variable, expected letters, digits and underscores`;
      const better = key.replace(/[^\p{L}\p{N}_]/gu, "_").replace(/^(?=\d)/, "_");
      return { code: "BAD_VALUE", message, at: keyAt, ...(better === "" ? {} : { hint: `call it "${better}"` }) };
    });
}
