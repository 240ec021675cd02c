import { posix } from "node:path";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { HostPath } from "./host-path.ts";
import type { HostState } from "./host-state.ts";
import type { Observation } from "./observation.ts";
import { resolvePath } from "./resolve.ts";

/** What a task that may make a file at `path` has to ask as well: a run must not find out later than a check that it has nowhere to go. */
export function parentObservation(path: HostPath): Observation[] {
  const parent = parentOf(path);
  return parent === undefined ? [] : [{ kind: "file", path: parent, want: "metadata" }];
}

/** Why no file can be made at `path`: its directory is not there. */
export function parentProblems(state: HostState, path: HostPath): Diagnostic[] {
  const parent = parentOf(path);
  const resolved = parent === undefined ? undefined : resolvePath(state, parent);
  const found = resolved === undefined ? undefined : state.files.get(resolved);
  if (found === undefined || (found !== "absent" && found.kind === "directory")) return [];
  const message = found === "absent" ? `no directory ${resolved} on the host` : `${resolved} is no directory`;
  return [{ code: "REMOTE_FILE_MISSING", message, hint: "make it first: pgmtls makes files, not directories" }];
}

/** Undefined for a file in the data directory itself, which is there where the cluster is. */
function parentOf(path: HostPath): HostPath | undefined {
  if (path.base === "root") return { base: "root", path: posix.dirname(path.path) };
  if (path.base === "setting" || !path.path.includes("/")) return undefined;
  return { ...path, path: posix.dirname(path.path) };
}
