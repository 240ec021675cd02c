import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { applyMode } from "../document/file-mode.ts";
import type { Planned } from "../plan/change.ts";
import { type HostPath, hostPath } from "../state/host-path.ts";
import type { Content, FileState } from "../state/host-state.ts";
import { parentObservation, parentProblems } from "../state/parent-directory.ts";
import { clusterOf, fileAt, resolvePath } from "../state/resolve.ts";
import { differences } from "./chmod.ts";
import type { ControllerFile, TaskModule } from "./module.ts";

export type CopyFileArgs = {
  src?: ControllerFile;
  content?: string;
  dest: string;
  owner?: string;
  group?: string;
  mode?: string;
  backup: boolean;
  replace: boolean;
  secret: boolean;
  cluster: string;
};

/** Larger files are compared by their digest: nobody reads such a diff, and the host need not send it. */
const LARGEST_DIFF_BYTES = 256 * 1024;

/** Puts a file of the controller, or given content, on the host: byte for byte, atomically. */
export const copyFile: TaskModule<CopyFileArgs> = {
  name: "copy-file",
  doc: {
    summary: "puts a file of the controller, or given content, on the host",
    description:
      "Bytes arrive as they are. A relative dest lies in the data directory of the cluster; one that ends in / is a directory, and the file keeps " +
      "its name. A new file belongs to the cluster's owner where dest is relative, else to the user that pgmtls works as; its mode is 0644, or " +
      "0600 for a secret. An existing file keeps owner and mode unless told. What holds a private key is a secret by itself: " +
      "it is compared by digest and never shown.",
    examples: [
      "- copy-file: { src: files/root.crt, dest: root.crt }",
      '- copy-file: { content: "managed by pgmtls\\n", dest: /etc/motd.d/pgmtls, mode: 0644, backup: true }',
    ],
  },
  schema: {
    type: "object",
    additionalProperties: false,
    required: ["dest"],
    properties: {
      src: {
        type: "string",
        minLength: 1,
        format: "controller-file",
        description: "file on the controller, relative to the playbook (or its files/)",
      },
      content: { type: "string", description: "what the file shall hold, instead of src" },
      dest: {
        type: "string",
        minLength: 1,
        format: "host-path",
        description: "where; absolute, or relative to the cluster's data directory",
      },
      owner: { type: "string", minLength: 1, format: "name", description: "name of the owner" },
      group: { type: "string", minLength: 1, format: "name", description: "name of the group" },
      mode: { type: "string", format: "file-mode", description: "permission bits, octal or symbolic" },
      backup: { type: "boolean", default: false, description: "leave a copy of what was there beside it, DEST.RUN~" },
      replace: { type: "boolean", default: true, description: "false: only where there is no file yet" },
      secret: { type: "boolean", default: false, description: "never show the content, compare by digest" },
      cluster: {
        type: "string",
        default: "",
        format: "one-line",
        description: "which cluster a relative dest means, where the host has several",
      },
    },
    oneOf: [{ required: ["src"] }, { required: ["content"] }],
  },

  observes(args) {
    const bytes = bytesOf(args);
    const want = isSecret(args, bytes) || bytes.length > LARGEST_DIFF_BYTES ? "digest" : "content";
    const path = destination(args);
    return [{ kind: "file", path, want }, ...parentObservation(path)];
  },

  plan(args, state) {
    const where = destination(args);
    let owner = { owner: state.user, group: state.group };
    if (where.base !== "root") {
      const found = clusterOf(state, args.cluster);
      if ("problem" in found) return { outcome: "refused", problems: [found.problem] };
      owner = { owner: found.cluster.owner, group: found.cluster.group };
    }
    const path = resolvePath(state, where) ?? args.dest;
    const nowhere = parentProblems(state, where);
    if (nowhere.length > 0) return { outcome: "refused", problems: nowhere };
    if (state.unknown.has(path))
      return { outcome: "unknown", because: `${path} depends on a task whose outcome cannot be predicted` };
    return planCopy(args, path, fileAt(state, where) ?? "absent", owner);
  },
};

function planCopy(
  args: CopyFileArgs,
  path: string,
  before: FileState | "absent",
  newOwner: { owner: string; group: string },
): Planned {
  if (before !== "absent" && before.kind !== "file") return refused(notAFile(args, path, before));
  if (before !== "absent" && !args.replace) return { outcome: "ok" };
  const made = before === "absent" ? undefined : MADE_BY_TASKS.get(before.content.kind);
  if (made !== undefined) return refused(placeTaken(path, made));
  const bytes = bytesOf(args);
  const secret = isSecret(args, bytes);
  const start: FileState =
    before === "absent"
      ? {
          path,
          kind: "file",
          content: { kind: "unread" },
          mode: secret ? 0o600 : 0o644,
          ...newOwner,
          changedAt: "in this run",
        }
      : before;
  const same = before !== "absent" && isSame(before.content, bytes);
  const after: FileState = {
    ...start,
    content: same ? start.content : contentOf(bytes, secret),
    mode: args.mode === undefined ? start.mode : applyMode(args.mode, start.mode, false),
    owner: args.owner ?? start.owner,
    group: args.group ?? start.group,
    changedAt: "in this run",
  };
  const because = [
    ...(before === "absent" ? ["the file is missing"] : same ? [] : ["the content differs"]),
    ...(before === "absent" ? [] : differences(before, after)),
  ];
  if (because.length === 0) return { outcome: "ok" };
  return {
    outcome: "change",
    changes: [
      { kind: "file", path, before, after, because: because.join(", "), ...(args.backup ? { backup: true } : {}) },
    ],
  };
}

function refused(problem: Diagnostic): Planned {
  return { outcome: "refused", problems: [problem] };
}

function notAFile({ dest }: CopyFileArgs, path: string, { kind }: FileState): Diagnostic {
  const code = "NOT_A_REGULAR_FILE";
  if (kind !== "directory") return { code, message: `${path} is no regular file, expected a file` };
  const message = `${path} is a directory, expected a file`;
  return { code, message, hint: `write dest: ${dest}/ to copy into it` };
}

const MADE_BY_TASKS: ReadonlyMap<Content["kind"], string> = new Map([
  ["to-be-issued", "certificate"],
  ["key-to-be-made", "key"],
]);

/** Each run would make a pair and then break it. */
function placeTaken(path: string, made: string): Diagnostic {
  const message = `${path} would hold this file and the ${made} that an earlier task makes there: each needs a file of its own`;
  return { code: "BAD_VALUE", message, hint: "mend dest, or leave that task out" };
}

function destination(args: CopyFileArgs): HostPath {
  const dest =
    args.dest.endsWith("/") && args.src !== undefined ? `${args.dest}${posix.basename(args.src.path)}` : args.dest;
  return hostPath(dest, args.cluster);
}

function bytesOf(args: CopyFileArgs): Buffer {
  return args.src === undefined ? Buffer.from(args.content ?? "", "utf8") : Buffer.from(args.src.latin1, "latin1");
}

function isSecret(args: CopyFileArgs, bytes: Buffer): boolean {
  return args.secret || bytes.includes("PRIVATE KEY-----");
}

function isSame(content: Content, bytes: Buffer): boolean {
  switch (content.kind) {
    case "text":
      return content.latin1 === bytes.toString("latin1");
    case "digest":
    case "secret":
      return content.sha256 === sha256(bytes);
    default:
      return false;
  }
}

/** A secret enters the plan as its digest; the run looks its bytes up when it writes. */
function contentOf(bytes: Buffer, secret: boolean): Content {
  return secret ? { kind: "secret", sha256: sha256(bytes) } : { kind: "text", latin1: bytes.toString("latin1") };
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
