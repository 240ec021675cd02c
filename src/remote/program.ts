import { readFileSync } from "node:fs";
import { quote } from "./quote.ts";

export type ProgramKind = "observe" | "apply";

const LONGEST_PRINTED_BYTES = 64 * 1024;

const sources = new Map<string, string>();

/**
 * The text that goes to `/bin/sh` on a host: the marker, our functions, the data, and the calls as the body of one function that runs
 * last. So a program that arrives cut short does nothing at all.
 */
export function composeProgram(
  kind: ProgramKind,
  marker: string,
  calls: readonly string[],
  data: readonly string[] = [],
): string {
  return [
    `M=${quote(marker)}`,
    source("common.sh"),
    source(`${kind}.sh`),
    ...data,
    "main() {",
    // Descriptor 3 is what the controller says, 4 what it hears; children get nothing to read, or they would swallow its answers. Not earlier: until
    // here the shell reads the program itself from descriptor 0.
    "exec 3<&0 4>&1 </dev/null",
    ...calls,
    "}",
    "main",
    "",
  ].join("\n");
}

/**
 * A function that prints `bytes`. Plain text is printed by the shell itself, which starts no program; anything else travels in base64, in
 * lines short enough for every decoder.
 */
export function dataFunction(name: string, bytes: Buffer): string {
  if (bytes.length < LONGEST_PRINTED_BYTES && /^[\t\n\x20-\x7e]*$/.test(bytes.toString("latin1"))) {
    return `${name}() { printf %s ${quote(bytes.toString("latin1"))}; }`;
  }
  const lines = bytes.toString("base64").match(/.{1,76}/g) ?? [];
  // The delimiter is quoted, so the shell expands nothing in between; base64 cannot hold a "_".
  return [`${name}() {`, "decode <<'END_OF_DATA'", ...lines, "END_OF_DATA", "}"].join("\n");
}

function source(file: string): string {
  let text = sources.get(file);
  if (text === undefined) {
    text = readFileSync(new URL(file, import.meta.url), "utf8").replace(/^\s*#.*\n/gm, "");
    sources.set(file, text);
  }
  return text;
}
