import { InputError } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { PropertySchema } from "../document/schema.ts";
import { type AnyTaskModule, TASK_MODULES } from "../tasks/registry.ts";

/** `pgmtls doc [MODULE]`: what is known about task modules, from the same schemas that check playbooks. */
export function docCommand(name: string | undefined): number {
  if (name === undefined) {
    for (const module of TASK_MODULES.values())
      process.stdout.write(`${module.name.padEnd(12)} ${module.doc.summary}\n`);
    return 0;
  }
  const module = TASK_MODULES.get(name.replaceAll("_", "-"));
  if (module === undefined) {
    const known = [...TASK_MODULES.keys()];
    throw new InputError([
      {
        code: "UNKNOWN_TASK",
        message: `unknown task "${name}", expected ${known.join(", ")}`,
        ...didYouMean(name, known),
      },
    ]);
  }
  process.stdout.write(`${moduleText(module)}\n`);
  return 0;
}

function moduleText({ name, doc, schema }: AnyTaskModule): string {
  const required = new Set(schema.required ?? []);
  const args = Object.entries(schema.properties).map(([key, property]) =>
    argumentText(key, property, required.has(key)),
  );
  return [
    `${name}: ${doc.summary}`,
    "",
    ...wrapped(doc.description, ""),
    "",
    "arguments",
    ...args.flat(),
    "",
    "examples",
    ...doc.examples.map(indented),
  ].join("\n");
}

function argumentText(key: string, property: PropertySchema, isRequired: boolean): string[] {
  const type = typeof property.type === "string" ? property.type : "see below";
  const choices = Array.isArray(property.enum) ? ` (${property.enum.join(" | ")})` : "";
  const fallback =
    property.default === undefined || property.default === "" ? "" : `, default ${JSON.stringify(property.default)}`;
  return [
    `  ${key}: ${type}${choices}${isRequired ? ", required" : fallback}`,
    ...wrapped(property.description, "      "),
  ];
}

const WIDTH = 100;

function wrapped(text: string, indent: string): string[] {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && indent.length + last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.map((line) => indent + line);
}

function indented(example: string): string {
  return example.replace(/^/gm, "  ");
}
