import { applyMode } from "../document/file-mode.ts";
import type { Planned } from "../plan/change.ts";
import { hostPath } from "../state/host-path.ts";
import type { FileState, HostState } from "../state/host-state.ts";
import { clusterOf, fileAt, resolvePath } from "../state/resolve.ts";
import type { TaskModule } from "./module.ts";

export type ChmodArgs = { path: string; mode?: string; owner?: string; group?: string; cluster: string };

/** Mode, owner and group of a file or directory that is there. A link is followed, as chmod(1) does. */
export const chmod: TaskModule<ChmodArgs> = {
  name: "chmod",
  doc: {
    summary: "sets mode, owner and group of a file or directory",
    description:
      'The file must be there already. A relative path lies in the data directory of the cluster. The mode is written as "0600", 0600, 0o600 ' +
      "or u=rw,go=; a bare decimal such as 600 is refused, since YAML would read it as another mode than the one meant.",
    examples: [
      "- chmod: { path: server.key, mode: 0600, owner: postgres }",
      '- chmod: { path: /etc/app/client.key, mode: "u=rw,go=" }',
    ],
  },
  schema: {
    type: "object",
    additionalProperties: false,
    required: ["path"],
    properties: {
      path: {
        type: "string",
        minLength: 1,
        format: "host-path",
        description: "absolute, or relative to the cluster's data directory",
      },
      mode: { type: "string", format: "file-mode", description: "permission bits, octal or symbolic" },
      owner: { type: "string", minLength: 1, format: "name", description: "name of the owner" },
      group: { type: "string", minLength: 1, format: "name", description: "name of the group" },
      cluster: {
        type: "string",
        default: "",
        format: "one-line",
        description: "which cluster a relative path means, where the host has several",
      },
    },
    anyOf: [{ required: ["mode"] }, { required: ["owner"] }, { required: ["group"] }],
  },

  observes: ({ path, cluster }) => [{ kind: "file", path: hostPath(path, cluster), want: "metadata" }],

  plan(args, state) {
    const where = hostPath(args.path, args.cluster);
    if (where.base !== "root") {
      const found = clusterOf(state, args.cluster);
      if ("problem" in found) return { outcome: "refused", problems: [found.problem] };
    }
    const path = resolvePath(state, where) ?? args.path;
    const before = fileAt(state, where);
    if (before === undefined || before === "absent") {
      const hint = "a task that makes it must come before this one";
      return {
        outcome: "refused",
        problems: [{ code: "REMOTE_FILE_MISSING", message: `no file ${path} on the host`, hint }],
      };
    }
    return planAttributes(args, path, before, state);
  },
};

function planAttributes(args: ChmodArgs, path: string, before: FileState, state: HostState): Planned {
  if (state.unknown.has(path))
    return { outcome: "unknown", because: `${path} depends on a task whose outcome cannot be predicted` };
  const after: FileState = {
    ...before,
    mode: args.mode === undefined ? before.mode : applyMode(args.mode, before.mode, before.kind === "directory"),
    owner: args.owner ?? before.owner,
    group: args.group ?? before.group,
    changedAt: "in this run",
  };
  const because = differences(before, after);
  if (because.length === 0) return { outcome: "ok" };
  return { outcome: "change", changes: [{ kind: "file", path, before, after, because: because.join(", ") }] };
}

/** What differs, in words: `mode 0644 -> 0600`, `owner root -> postgres`. */
export function differences(before: FileState, after: FileState): string[] {
  const octal = (mode: number) => mode.toString(8).padStart(4, "0");
  return [
    ...(before.mode === after.mode ? [] : [`mode ${octal(before.mode)} -> ${octal(after.mode)}`]),
    ...(before.owner === after.owner ? [] : [`owner ${before.owner} -> ${after.owner}`]),
    ...(before.group === after.group ? [] : [`group ${before.group} -> ${after.group}`]),
  ];
}
