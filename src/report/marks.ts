import type { Outcome } from "../engine/event.ts";
import type { Environment } from "./palette.ts";

/** The one-column signs that stand before a line, and the frames of what turns while something runs. */
export type Marks = {
  of: Readonly<Record<Outcome | "waiting", string>>;
  frames: readonly string[];
  dot: string;
  more: string;
};

/** Unicode where the locale has it (setlocale(3): LC_ALL before LC_CTYPE before LANG, empty counts as absent), else ASCII. */
export function marksFor({ LC_ALL, LC_CTYPE, LANG }: Environment): Marks {
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "") ? UNICODE : ASCII;
}

// None that is also an emoji (as U+2714 and U+2716 are): some terminals draw those two columns wide.
const UNICODE: Marks = {
  of: {
    ok: "✓",
    changed: "✓",
    "would-change": "~",
    unknown: "?",
    skipped: "-",
    failed: "✗",
    unreachable: "✗",
    "rolled-back": "↺",
    waiting: "·",
  },
  frames: ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"],
  dot: "·",
  more: "…",
};

const ASCII: Marks = {
  of: {
    ok: "+",
    changed: "+",
    "would-change": "~",
    unknown: "?",
    skipped: "-",
    failed: "x",
    unreachable: "x",
    "rolled-back": "<",
    waiting: ".",
  },
  frames: ["|", "/", "-", "\\"],
  dot: "|",
  more: "~",
};
