import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { ArgumentSchema } from "../document/schema.ts";
import type { Planned } from "../plan/change.ts";
import type { HostState } from "../state/host-state.ts";
import type { Observation } from "../state/observation.ts";

/**
 * All that a task module is. It cannot reach a host, a clock, the environment or the disk: it gets state and gives changes.
 *
 * `schema` is a JSON Schema (an object type, `additionalProperties: false`, defaults filled in by ajv): validation, `pgmtls doc` and
 * the editor's schema are all made from it. Three values of `format` are resolved on the controller before planning:
 * - `"file-mode"`: text like "0600", "0o600" or "u=rw,go="; checked at the door, stays text.
 * - `"controller-file"`: a path on the controller; the module gets a `ControllerFile` in its place.
 * - `"authority"`: how to reach a CA; the module gets an `AuthorityReference` in its place.
 */
export type TaskModule<Args> = {
  name: string;
  doc: { summary: string; description: string; examples: readonly string[] };
  schema: ArgumentSchema;
  /** What no schema can see wrong in the arguments, said before any host is contacted. Absent: nothing more to check. */
  check?(args: Args): readonly ArgumentProblem[];
  observes(args: Args): readonly Observation[];
  plan(args: Args, state: HostState): Planned;
};

/** A mistake in the arguments; `pointer` is the JSON pointer of the argument ("" = the whole), by which its place is found. */
export type ArgumentProblem = { pointer: string; problem: Diagnostic };

/** A file of the controller, read before planning; bytes as latin1. */
export type ControllerFile = { path: string; latin1: string };

/** A CA whose roots are known before planning. `roots` is PEM, one or more certificates, ending in a newline. */
export type AuthorityReference = { name: string; roots: string };
