import type { Proof } from "../engine/event.ts";
import { diffOfChange } from "../plan/diff.ts";
import type { ChangeGroup, ChangeGroups } from "../plan/group.ts";
import { printable } from "../plan/printable.ts";
import { withoutSecrets } from "../plan/secrets.ts";
import { summaryOfChange } from "../plan/summary.ts";
import { closingLine } from "./closing-line.ts";
import { colouredDiff } from "./coloured-diff.ts";
import { hostTable } from "./host-table.ts";
import type { Marks } from "./marks.ts";
import { BY_WEIGHT, isTrouble, outcomeColour } from "./outcomes.ts";
import type { Palette } from "./palette.ts";
import { indented } from "./problem-text.ts";
import type { Output, Reader } from "./reader.ts";
import { addEvent, emptyTally, type Tally, type TextGroup } from "./tally.ts";
import { hostList } from "./words.ts";

export type RecapOptions = {
  palette: Palette;
  marks: Marks;
  /** Changes as diffs, else as a line each. */
  diff: boolean;
  /** Whether another reader has already shown the problems in full. */
  problemsAreShown: boolean;
};

/**
 * What a run came to, printed once it is over: what changed, what was proved, the hosts, what went wrong, and one sentence. What
 * people look for first stands last, where the prompt is.
 */
export function recapReader(output: Output, options: RecapOptions): Reader {
  const tally = emptyTally();
  const show = options.diff ? diffOfChange : summaryOfChange;
  return {
    onEvent: (event) => addEvent(tally, event, show),
    close: async () => {
      output.write(`${recap(tally, options).join("\n")}\n`);
    },
  };
}

function recap(tally: Tally, options: RecapOptions): string[] {
  const { palette, diff, problemsAreShown } = options;
  const sections = [
    ...(diff ? diffs(tally, palette) : [summaries(tally, palette)]),
    proofs(tally, options),
    hostTable(tally.hosts, palette),
    texts("warning", palette.yellow, tally.warnings, palette),
    problemsAreShown ? [] : texts("problem", palette.red, tally.problems, palette),
    [closing(tally, palette)],
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines) => ["", ...lines]);
}

function diffs({ changes }: Tally, palette: Palette): string[][] {
  return byTask(changes).flatMap(([, groups]) =>
    groups.map((group) => [heading(group, palette), colouredDiff(group.text, palette)]),
  );
}

function heading({ task, because, hosts }: ChangeGroup, palette: Palette): string {
  const reason = because === undefined ? "" : palette.dim(`: ${printable(withoutSecrets(because))}`);
  return `${palette.bold(task)} ${on(hosts, palette)}${reason}`;
}

function summaries({ changes }: Tally, palette: Palette): string[] {
  return byTask(changes).flatMap(([task, groups]) => [
    palette.bold(task),
    ...groups.map(({ text, hosts }) => `  ${text} ${on(hosts, palette)}`),
  ]);
}

/** Tasks in the order of the play, since the first host that is done has run them so. */
function byTask(changes: ChangeGroups): [string, ChangeGroup[]][] {
  const tasks = new Map<string, ChangeGroup[]>();
  for (const group of changes.values()) {
    const groups = tasks.get(group.task);
    if (groups === undefined) tasks.set(group.task, [group]);
    else groups.push(group);
  }
  return [...tasks];
}

function proofs({ proofs: found }: Tally, { palette, marks }: RecapOptions): string[] {
  const lines = [...found.values()].map(({ held, text, hosts }) => {
    const mark = proofMark(held, palette, marks);
    return `  ${mark} ${text} ${on([...hosts], palette)}`;
  });
  return lines.length === 0 ? [] : [palette.bold("proofs"), ...lines];
}

function proofMark(held: Proof["held"], palette: Palette, marks: Marks): string {
  if (held === "untried") return palette.yellow(marks.of.unknown);
  return held ? palette.green(marks.of.ok) : palette.red(marks.of.failed);
}

function texts(
  word: string,
  colour: (text: string) => string,
  groups: ReadonlyMap<string, TextGroup>,
  palette: Palette,
): string[] {
  const all = [...groups.values()];
  const shown = all.slice(0, MAX_TEXTS).flatMap(({ text, task, hosts }) => {
    const where = task === undefined ? "" : ` in ${palette.bold(task)}`;
    return [`${colour(word)}${where} ${on([...hosts], palette)}`, indented(text, "  ")];
  });
  const missing = all.length - MAX_TEXTS;
  return missing > 0 ? [...shown, palette.dim(`and ${missing} more, which --output ndjson shows`)] : shown;
}

// Beyond this nobody reads on, and the sentence below it would be out of sight.
const MAX_TEXTS = 50;

function on(hosts: readonly string[], { dim }: Palette): string {
  return dim(`on ${hostList(hosts)}`);
}

function closing(tally: Tally, palette: Palette): string {
  const line = closingLine(tally);
  if (tally.finished === undefined) return palette.red(line);
  const worst = BY_WEIGHT.find((outcome) => [...tally.hosts.values()].some((host) => host.outcome === outcome)) ?? "ok";
  return isTrouble(worst) ? outcomeColour(worst, palette)(line) : palette.green(line);
}
