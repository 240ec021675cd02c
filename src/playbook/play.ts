import type { Place } from "../diagnostics/diagnostic.ts";
import type { DocumentNode, MapNode, ScalarNode } from "../document/node.ts";
import type { Variables } from "../inventory/inventory.ts";

export type Playbook = { file: string; plays: readonly Play[] };

/** A play as it is written; nothing is rendered yet. */
export type Play = {
  name: string;
  at: Place;
  hosts: ScalarNode;
  variables: Variables;
  become: ScalarNode | undefined;
  becomeUser: ScalarNode | undefined;
  tags: readonly string[];
  tasks: readonly PlayTask[];
  handlers: readonly PlayTask[];
};

export type PlayTask = {
  /** As given, or the module's name. May hold templates. */
  name: ScalarNode;
  module: string;
  moduleAt: Place;
  args: MapNode;
  when: DocumentNode | undefined;
  /** Names of handlers, or topics that handlers listen to. */
  notify: readonly ScalarNode[];
  /** Topics that a handler listens to, besides its name. */
  listen?: readonly string[];
  /** The task's own and the play's. */
  tags: readonly string[];
  variables: Variables;
  at: Place;
};

/** A task for one host: rendered, checked against the module's schema, defaults filled in. */
export type CompiledTask = {
  /** The same on every host: where the task is written. */
  id: string;
  name: string;
  module: string;
  args: Readonly<Record<string, unknown>>;
  /** Where each argument was written, by JSON pointer ("" = the whole). */
  places: ReadonlyMap<string, Place>;
  /** Why the host skips it (`when` was false, its tags were not asked for); undefined = it runs. */
  skipped: string | undefined;
  /** Names of handlers; topics are resolved. */
  notify: readonly string[];
  at: Place;
};

export type CompiledPlay = {
  play: string;
  host: string;
  become: { user: string } | undefined;
  tasks: readonly CompiledTask[];
  handlers: readonly CompiledTask[];
};
