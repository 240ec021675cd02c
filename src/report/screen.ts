import type { Board, HostRow } from "./board.ts";
import { countOutcomes } from "./closing-line.ts";
import { cut, padEnd, padStart, widest } from "./columns.ts";
import type { Marks } from "./marks.ts";
import { BY_WEIGHT, isTrouble, outcomeColour, outcomeWord } from "./outcomes.ts";
import type { Palette } from "./palette.ts";
import { counted, duration, wholeSeconds } from "./words.ts";

export type View = { columns: number; rows: number; nowMs: number; spinner: string; palette: Palette; marks: Marks };

/**
 * The live screen as lines, each narrower than the terminal and fewer than it has rows: every host where they fit, else those in
 * trouble and those that have been running longest. The last line counts them all.
 */
export function screenLines(board: Board, view: View): string[] {
  const hosts = [...board.hosts.values()];
  const space = Math.max(0, view.rows - 2); // the line of counts, and the one on which the cursor rests
  const shown = hosts.length <= space ? hosts : worthALine(hosts, space);
  const hostWidth = Math.min(widest(shown.map(({ host }) => host)), Math.floor(view.columns / 3));
  return [...shown.map((row) => hostLine(row, hostWidth, view)), countsLine(board, hosts, view)];
}

/** Trouble gets half of the space at most, so that there is always something to see moving. */
function worthALine(hosts: readonly HostRow[], space: number): HostRow[] {
  const running = hosts.filter(({ state }) => state === "running").sort((a, b) => a.startedAtMs - b.startedAtMs);
  const trouble = hosts.filter(({ state, outcome }) => state === "done" && outcome !== undefined && isTrouble(outcome));
  const forTrouble = Math.max(Math.floor(space / 2), space - running.length);
  const shownTrouble = trouble.slice(0, forTrouble);
  return [...shownTrouble, ...running.slice(0, space - shownTrouble.length)];
}

const TIME_WIDTH = "9 min 59 s".length;
const STATUS_WIDTH = "would change".length;

function hostLine(row: HostRow, hostWidth: number, view: View): string {
  const { palette, marks, columns } = view;
  const { mark, time, status, detail, colour } = cellsOf(row, view);
  const host = padEnd(cut(row.host, hostWidth, marks.more), hostWidth);
  const left = columns - 1 - "m ".length - hostWidth - 2 - TIME_WIDTH - 2 - STATUS_WIDTH - 2;
  if (left < 0) return cut(`${mark} ${host}  ${status}`, columns - 1, marks.more);
  const before = `${colour(mark)} ${host}  ${palette.dim(padStart(time, TIME_WIDTH))}  `;
  if (detail === "") return before + colour(status);
  return `${before}${colour(padEnd(status, STATUS_WIDTH))}  ${palette.dim(cut(detail, left, marks.more))}`;
}

type Cells = { mark: string; time: string; status: string; detail: string; colour: (text: string) => string };

function cellsOf(row: HostRow, { nowMs, spinner, palette, marks }: View): Cells {
  const { state, outcome } = row;
  if (state === "waiting")
    return { mark: marks.of.waiting, time: "", status: "waiting", detail: "", colour: palette.dim };
  if (state === "done" && outcome !== undefined) {
    const detail = isTrouble(outcome) ? row.problem : row.changes > 0 ? counted(row.changes, "change") : "";
    const colour = outcomeColour(outcome, palette);
    return { mark: marks.of[outcome], time: duration(row.tookMs), status: outcomeWord(outcome), detail, colour };
  }
  const time = wholeSeconds(Math.max(0, nowMs - row.startedAtMs));
  return { mark: spinner, time, status: row.phase ?? "connected", detail: row.task, colour: palette.cyan };
}

/** "  37 of 60 hosts done · 2 failed · 25 changed · 12 running · 11 waiting · 12 s" */
function countsLine({ startedAtMs }: Board, hosts: readonly HostRow[], view: View): string {
  const done = hosts.filter(({ state }) => state === "done");
  const counts = countOutcomes(done);
  const running = hosts.filter(({ state }) => state === "running").length;
  const waiting = hosts.length - done.length - running;
  const parts = [
    `${done.length} of ${counted(hosts.length, "host")} done`,
    ...BY_WEIGHT.flatMap((outcome) => (counts.has(outcome) ? [`${counts.get(outcome)} ${outcomeWord(outcome)}`] : [])),
    ...(running > 0 ? [`${running} running`] : []),
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
    wholeSeconds(Math.max(0, view.nowMs - startedAtMs)),
  ];
  return view.palette.dim(cut(`  ${parts.join(` ${view.marks.dot} `)}`, view.columns - 1, view.marks.more));
}
