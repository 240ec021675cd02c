import type { Palette } from "./palette.ts";

/** A unified diff with what goes in red and what comes in green. */
export function colouredDiff(text: string, palette: Palette): string {
  return text
    .split("\n")
    .map((line) => colourOf(line, palette)(line))
    .join("\n");
}

function colourOf(line: string, { bold, cyan, green, red, dim }: Palette): (text: string) => string {
  if (line.startsWith("--- before: ") || line.startsWith("+++ after: ")) return bold;
  if (line.startsWith("@@")) return cyan;
  if (line.startsWith("+")) return green;
  if (line.startsWith("-")) return red;
  return line.startsWith("(") || line.startsWith("\\") ? dim : String;
}
