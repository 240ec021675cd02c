import { isDeepStrictEqual } from "node:util";
import type { FileState } from "../state/host-state.ts";
import type { Change, FileChange } from "./change.ts";
import { octal } from "./diff.ts";
import { lineDiff } from "./line-diff.ts";
import { shownText } from "./shown-text.ts";

/** `change` in one line: "write /etc/postgresql/15/main/pg_hba.conf (4 lines)". */
export function summaryOfChange(change: Change): string {
  switch (change.kind) {
    case "file":
      return fileSummary(change);
    case "certificate":
      return `key and certificate ${fileName(change.certificate.after.path)} for ${change.request.commonName}`;
    case "activate":
      return `${change.by} ${change.clusterName}`;
  }
}

function fileSummary({ path, before, after }: FileChange): string {
  if (after === "absent") return `remove ${path}`;
  if (after.kind === "directory" && before === "absent") return `create directory ${path}`;
  if (before === "absent") return `create ${path}${extent("", after)}`;
  if (isDeepStrictEqual(before.content, after.content)) return `set ${metadata(before, after)} on ${path}`;
  return `write ${path}${extent(before.content.kind === "text" ? before.content.latin1 : undefined, after)}`;
}

/** How much of a text changes; nothing where the content is not known or not for showing. */
function extent(before: string | undefined, { content }: FileState): string {
  if (before === undefined || content.kind !== "text") return "";
  const [was, is] = [shownText(before), shownText(content.latin1)];
  if (was === undefined || is === undefined) return ` (${content.latin1.length} bytes)`;
  const { lines } = lineDiff(was, is);
  if (lines === 0) return "";
  return lines === 1 ? " (1 line)" : ` (${lines} lines)`;
}

function metadata(before: FileState, after: FileState): string {
  const [owner, group] = [before.owner !== after.owner, before.group !== after.group];
  return [
    ...(before.mode === after.mode ? [] : [`mode ${octal(after.mode)}`]),
    ...(owner ? [`owner ${after.owner}`] : []),
    ...(group ? [`group ${after.group}`] : []),
  ].join(", ");
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
