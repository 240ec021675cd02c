import type { Outcome, RunEvent } from "../engine/event.ts";
import { printable } from "../plan/printable.ts";
import { summaryOfChange } from "../plan/summary.ts";
import { outcomeColour, outcomeWord } from "./outcomes.ts";
import type { Palette } from "./palette.ts";
import { indented, problemText } from "./problem-text.ts";
import type { Output, Reader } from "./reader.ts";
import { counted, duration } from "./words.ts";

/** Lines for logs and pipes: what a host changed or what stopped it, as it happens; a task that found nothing to do says nothing. */
export function plainReader(output: Output, palette: Palette): Reader {
  return {
    onEvent: (event) => {
      for (const line of linesOf(event, palette)) output.write(`${line}\n`);
    },
    close: async () => {},
  };
}

function linesOf(event: RunEvent, palette: Palette): string[] {
  switch (event.event) {
    case "run-started":
      return [
        `${event.playbook} on ${counted(event.hosts.length, "host")}${event.check ? " (check: nothing is changed)" : ""}`,
      ];
    case "play-started":
      return [palette.bold(`play ${printable(event.play)}: ${counted(event.hosts.length, "host")}`)];
    case "task-finished":
      return taskLines(event, palette);
    case "host-proved":
      return event.proofs
        .filter((proof) => proof.held === false)
        .map((proof) => hostLine(event.host, palette.red(printable(`not proved: ${proof.what}: ${proof.said}`))));
    case "host-finished":
      return [
        hostLine(event.host, `finished: ${word(event.outcome, palette)} in ${duration(event.tookMs)}`),
        ...event.problems.map((problem) => indented(problemText(problem), "  ")),
      ];
    default:
      return [];
  }
}

function taskLines(event: Extract<RunEvent, { event: "task-finished" }>, palette: Palette): string[] {
  const { host, task, outcome, changes, problems, because } = event;
  if (outcome === "ok" || outcome === "skipped") return [];
  const what = changes.length > 0 ? changes.map(summaryOfChange) : because === undefined ? [] : [because];
  const said = what.length === 0 ? "" : `: ${what.join("; ")}`;
  return [
    hostLine(host, `${word(outcome, palette)}: ${printable(`${task}${said}`)}`),
    ...problems.map((problem) => indented(problemText(problem), "  ")),
  ];
}

function hostLine(host: string, text: string): string {
  return `${printable(host)}: ${text}`;
}

function word(outcome: Outcome, palette: Palette): string {
  return outcomeColour(outcome, palette)(outcomeWord(outcome));
}
