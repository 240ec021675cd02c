import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { alternatives } from "../document/alternatives.ts";
import type { Playbook } from "./play.ts";

export type TagChoice = { tags?: readonly string[]; skipTags?: readonly string[] };

/** Why a task with these tags is left out, in Ansible's rules (playbook/taggable.py); undefined where it is not. */
export function leftOutByTags(
  taskTags: readonly string[],
  { tags = [], skipTags = [] }: TagChoice,
): string | undefined {
  const own = new Set(taskTags.length === 0 ? ["untagged"] : taskTags);
  if (!isAskedFor(own, tags.length === 0 ? ["all"] : tags)) {
    return own.has("never") && tags.length === 0 ? 'tagged "never"' : "none of its tags is asked for";
  }
  return isToBeSkipped(own, skipTags) ? "its tags are to be skipped" : undefined;
}

/** Tags on the command line that no task has. */
export function checkTags(
  playbook: Playbook,
  tags: readonly string[] = [],
  skipTags: readonly string[] = [],
): Diagnostic[] {
  const tasks = playbook.plays.flatMap((play) => [...play.tasks, ...play.handlers]);
  const known = [...new Set(tasks.flatMap((task) => task.tags))];
  const special = ["all", "tagged", "untagged", "always", "never"];
  const unknown = (given: readonly string[], option: string) =>
    given
      .filter((tag) => !known.includes(tag) && !special.includes(tag))
      .map((tag): Diagnostic => {
        const expected = known.length === 0 ? `no task of ${playbook.file} has one` : `expected ${alternatives(known)}`;
        const message = `unknown tag "${tag}", ${expected}`;
        return { code: "UNKNOWN_TAG", message, at: placeInOption(option, given, tag), ...didYouMean(tag, known) };
      });
  return [...unknown(tags, "--tags"), ...unknown(skipTags, "--skip-tags")];
}

/** An option's value is shown as a file of one line; several of the same option are one with commas. */
function placeInOption(option: string, words: readonly string[], word: string): Place {
  const before = words.slice(0, words.indexOf(word)).map((other) => other.length + 1);
  const col = before.reduce((sum, length) => sum + length, 1);
  return { file: option, line: 1, col, length: word.length, text: words.join(",") };
}

function isAskedFor(own: ReadonlySet<string>, asked: readonly string[]): boolean {
  if (own.has("always") || asked.some((tag) => own.has(tag))) return true;
  if (own.has("never")) return false;
  return asked.includes("all") || (asked.includes("tagged") && !own.has("untagged"));
}

function isToBeSkipped(own: ReadonlySet<string>, skipped: readonly string[]): boolean {
  if (skipped.includes("all")) return !own.has("always") || skipped.includes("always");
  return skipped.some((tag) => own.has(tag)) || (skipped.includes("tagged") && !own.has("untagged"));
}
