import { isDeepStrictEqual } from "node:util";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { FileState, HostState } from "../state/host-state.ts";
import type { Change } from "./change.ts";

/**
 * What of `changes` the user as whom we work on the host may not do: only root gives files to somebody else, and owner and mode are
 * changed by the owner alone (chown(2), chmod(2)). A group is left to the host: a user may give a file to any group it is in.
 */
export function ownershipProblems({ user }: HostState, changes: readonly Change[]): Diagnostic[] {
  if (user === "root") return [];
  return changes.flatMap(filesOf).flatMap(({ before, after }) => {
    const message = forbidden(before, after, user);
    return message === undefined ? [] : [{ code: "NOT_PERMITTED", message, hint: HINT }];
  });
}

const HINT = "become root (ansible_become: true, or --become)";

type Sides = { before: FileState | "absent"; after: FileState };

function filesOf(change: Change): Sides[] {
  if (change.kind === "certificate") return [change.key, change.certificate];
  if (change.kind === "activate" || change.after === "absent") return [];
  return [{ before: change.before, after: change.after }];
}

/** A file that gets other content is made anew beside the old one, by us. */
function forbidden(before: FileState | "absent", after: FileState, user: string): string | undefined {
  if (after.owner !== user) {
    return `${after.path} would belong to ${after.owner}: only root can give a file to another user, and this is ${user}`;
  }
  if (before === "absent" || before.owner === user || !isDeepStrictEqual(before.content, after.content))
    return undefined;
  return `${after.path} belongs to ${before.owner}: only root can take it over, and this is ${user}`;
}
