import { createHash } from "node:crypto";
import type { RunEvent } from "../engine/event.ts";
import type { Change } from "../plan/change.ts";
import { diffOfChange } from "../plan/diff.ts";
import { withoutSecrets } from "../plan/secrets.ts";
import type { Content, FileState } from "../state/host-state.ts";

/**
 * `event` as programs are told it (docs/output.md). The events hold files whole, before and after: thousands of hosts would make
 * gigabytes of that, and show what nobody changed. So a text is told by its digest, and what becomes of it by the diff.
 */
export function toldEvent(event: RunEvent): unknown {
  return event.event === "task-finished" ? { ...event, changes: event.changes.map(toldChange) } : event;
}

function toldChange(change: Change): unknown {
  switch (change.kind) {
    case "file":
      return { ...change, ...toldSides(change), diff: diffOfChange(change) };
    case "certificate":
      return {
        ...change,
        key: toldSides(change.key),
        certificate: toldSides(change.certificate),
        diff: diffOfChange(change),
      };
    case "activate":
      return change;
  }
}

type Side = FileState | "absent";

function toldSides({ before, after }: { before: Side; after: Side }) {
  return { before: toldFile(before), after: toldFile(after) };
}

function toldFile(file: Side): unknown {
  return file === "absent" ? file : { ...file, content: toldContent(file.content) };
}

/** Without a digest where the text holds a secret, which could be guessed from one. */
function toldContent(content: Content): unknown {
  if (content.kind !== "text") return content;
  const { latin1 } = content;
  const bytes = latin1.length;
  if (withoutSecrets(latin1) !== latin1) return { kind: "text", bytes };
  return { kind: "text", sha256: createHash("sha256").update(latin1, "latin1").digest("hex"), bytes };
}
