import type { ArgumentSchema } from "../../src/document/schema.ts";

const description = "for the test";
const schema = (properties: ArgumentSchema["properties"], required: readonly string[] = []): ArgumentSchema => ({
  type: "object",
  additionalProperties: false,
  required,
  properties,
});
const text = { type: "string", description };

/** Modules with schemas of their own, so that these tests hold whatever the real ones grow into. */
export const MODULES: ReadonlyMap<string, ArgumentSchema> = new Map([
  ["issue-cert", schema({ cn: text })],
  ["copy-file", schema({ src: text, dest: text, backup: { type: "boolean", default: false, description } }, ["dest"])],
  [
    "chmod",
    schema({ path: text, mode: { ...text, format: "file-mode" }, owner: text, group: text, cluster: text }, ["path"]),
  ],
  ["restart", schema({ mode: { ...text, enum: ["auto", "reload", "restart"], default: "auto" } })],
]);
