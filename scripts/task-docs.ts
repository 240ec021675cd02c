// Writes docs/tasks.md from the task modules' own docs and schemas: node --import tsx scripts/task-docs.ts
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type AnyTaskModule, TASK_MODULES } from "../src/tasks/registry.ts";

/** docs/tasks.md as it should be. */
export function taskDocs(): string {
  const modules = [...TASK_MODULES.values()];
  return [
    "# Task modules",
    "",
    "Made from the modules themselves by `node --import tsx scripts/task-docs.ts`; a test holds it up to date. `pgmtls doc MODULE` shows the",
    "same in a terminal. How tasks stand in a playbook: [playbooks.md](playbooks.md).",
    "",
    ...modules.map(({ name, doc }) => `- [${name}](#${name}): ${doc.summary}`),
    "",
    "Paths on a host are absolute, or relative to the data directory of the cluster, as PostgreSQL reads `ssl_cert_file`. `cluster` is needed",
    "only where a host has several: Debian's `15/main`, or a data directory.",
    ...modules.flatMap(moduleSection),
    "",
  ].join("\n");
}

/** As much of JSON Schema as the modules' schemas use. */
type Schema = {
  type?: string | readonly string[];
  description?: string;
  format?: string;
  default?: unknown;
  enum?: readonly unknown[];
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
};

function moduleSection({ name, doc, schema }: AnyTaskModule): string[] {
  return [
    "",
    `## ${name}`,
    "",
    `${sentence(doc.summary)} ${doc.description}`,
    "",
    ...choices(schema as Schema),
    ...argumentTable(schema as Schema),
    ...nestedTables(schema as Schema, ""),
    "",
    "```yaml",
    ...doc.examples,
    "```",
  ];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** "One of src, content is needed.": what alternatives of required keys say. */
function choices({ oneOf = [], anyOf = [] }: Schema): string[] {
  const said = (word: string, schemas: readonly Schema[]) => {
    const names = schemas.flatMap(({ required = [] }) => required.map((name) => `\`${name}\``));
    return names.length === 0 ? [] : [`${word} of ${names.join(", ")} must be given.`, ""];
  };
  return [...said("Exactly one", oneOf), ...said("At least one", anyOf)];
}

function argumentTable({ properties = {}, required = [] }: Schema): string[] {
  return [
    "| argument | type | default | |",
    "|---|---|---|---|",
    ...Object.entries(properties).map(([name, property]) => {
      const fallback = required.includes(name) ? "required" : defaultOf(property);
      return `| \`${name}\` | ${cell(typeOf(property))} | ${fallback} | ${cell(property.description ?? "")} |`;
    }),
  ];
}

/** A table for each argument that is a map with keys of its own, or a list of such maps. */
function nestedTables({ properties = {} }: Schema, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    const inner = property.properties === undefined ? property.items : property;
    if (inner?.properties === undefined) return [];
    const title = property === inner ? `\`${prefix}${name}\` is a map:` : `Each item of \`${prefix}${name}\` is a map:`;
    // `match` of a record is chosen as `select` chooses: said once.
    const isRepeated = prefix !== "";
    return isRepeated
      ? ["", `\`${prefix}${name}\` has the keys of \`select\`.`]
      : ["", title, "", ...argumentTable(inner), ...nestedTables(inner, `${name}.`)];
  });
}

const FORMATS: Readonly<Record<string, string>> = {
  "file-mode": "mode",
  "controller-file": "path on the controller",
  "host-path": "path on the host",
  authority: "map",
};

function typeOf({ type, format = "", enum: words, items, anyOf, additionalProperties, properties }: Schema): string {
  const named = FORMATS[format];
  if (named !== undefined) return typeof type === "object" && type.includes("null") ? `${named} or null` : named;
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(", ");
  if (anyOf !== undefined) return anyOf.map(typeOf).join(" or ");
  if (type === "array") return `list of ${items?.properties === undefined ? `${typeOf(items ?? {})}s` : "maps"}`;
  if (type === "object")
    return properties === undefined && additionalProperties !== undefined ? "map of values" : "map";
  return String(type);
}

function defaultOf({ default: value }: Schema): string {
  if (value === undefined) return "";
  if (value === "") return "";
  if (typeof value === "object") return Object.keys(value ?? {}).length === 0 ? "none" : `\`${JSON.stringify(value)}\``;
  return `\`${String(value)}\``;
}

/** A `|` would end the cell, and Markdown takes the others for its own. */
function cell(text: string): string {
  return text.replace(/[\\|*<]/g, "\\$&");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(new URL("../docs/tasks.md", import.meta.url), taskDocs());
}
