import pc from "picocolors";
import type { Output } from "./reader.ts";

/** Colours and marks that suit a terminal. */
export type Palette = ReturnType<typeof pc.createColors>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Colours as https://no-color.org and https://force-color.org want it: an empty variable counts as absent. */
export function paletteFor(output: Output, env: Environment): Palette {
  return pc.createColors(hasColours(output, env));
}

function hasColours({ isTTY = false }: Output, { NO_COLOR = "", FORCE_COLOR = "", TERM = "" }: Environment): boolean {
  if (NO_COLOR !== "") return false;
  if (FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return isTTY && TERM !== "dumb";
}
