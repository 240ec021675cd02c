import type { Place } from "../diagnostics/diagnostic.ts";
import { evaluate, type Names } from "./evaluate.ts";
import { isTemplate, parseTemplate, type Template } from "./expression.ts";
import type { DocumentNode, ScalarNode, Value } from "./node.ts";
import { asText } from "./operators.ts";
import { badTemplate, TemplateFault } from "./template-fault.ts";
import { mapOf } from "./value.ts";

/** What the name `omit` means: the entry or item that becomes this is left out. Known by identity, so no text can pretend to be it. */
export const OMIT: Value = Object.freeze(mapOf([]));

/**
 * The value of a scalar: a lone `{{ expression }}` keeps its type, text around it makes it a string. What a variable holds is put in as
 * it is and never read as a template again. Throws a `TemplateFault` that has its place.
 */
export function renderScalar(node: ScalarNode, names: Names): Value {
  const { value } = node;
  if (typeof value !== "string" || !isTemplate(value)) return value;
  return placed(node, 0, () => renderText(templateOf(value), names));
}

/** The value of a tree, everything in it rendered. */
export function renderValue(node: DocumentNode, names: Names): Value {
  switch (node.kind) {
    case "scalar":
      return renderScalar(node, names);
    case "list":
      return node.items.map((item) => renderValue(item, names)).filter((item) => item !== OMIT);
    case "map": {
      const entries = node.entries.map(({ key, value }) => [key, renderValue(value, names)] as const);
      return mapOf(entries.filter(([, value]) => value !== OMIT));
    }
  }
}

/**
 * Runs `work` on the text of `node` (after `added` characters that the text got in front) and gives its faults the place they have in
 * the file. A fault that has a place already is from a variable's own value; it learns who wanted that value.
 */
export function placed<T>(node: ScalarNode, added: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const fault = error instanceof RangeError ? badTemplate("template is too large or too deep") : error;
    if (!(fault instanceof TemplateFault)) throw error;
    if (fault.at === undefined) fault.at = placeWithin(node, (fault.offset ?? 0) - added, fault.length ?? 1);
    else fault.usedAt = node.at;
    throw fault;
  }
}

/** Where `offset` of a scalar's value is written: exact where the value stands in the file as it is, else the scalar. */
export function placeWithin({ value, at, lines }: ScalarNode, offset: number, length: number): Place {
  const text = String(value ?? "");
  if (offset < 0 || offset >= text.length) return at;
  if (lines !== undefined) {
    const before = text.slice(0, offset).split("\n");
    const line = lines[before.length - 1];
    const column = before.at(-1)?.length ?? 0;
    return line === undefined
      ? at
      : { ...line, col: line.col + column, length: Math.min(length, line.length - column) };
  }
  const start = at.text.indexOf(text, at.col - 1) - (at.col - 1);
  // One character further where there are quotes; any other distance is another place that looks the same.
  if (start !== 0 && start !== 1) return at;
  return { ...at, col: at.col + start + offset, length };
}

function renderText(template: Template, names: Names): Value {
  const [first] = template;
  if (template.length === 1 && first !== undefined && typeof first !== "string") return evaluate(first, names);
  return template.map((piece) => (typeof piece === "string" ? piece : textOf(piece, names))).join("");
}

function textOf(piece: Exclude<Template[number], string>, names: Names): string {
  const value = evaluate(piece, names);
  try {
    return asText(value);
  } catch (error) {
    if (error instanceof TemplateFault) Object.assign(error, { offset: piece.offset, length: piece.length });
    throw error;
  }
}

/** Fleets render the same few templates for every host. */
const parsed = new Map<string, Template>();
const MAX_PARSED = 5000;

function templateOf(text: string): Template {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const template = parseTemplate(text);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(text, template);
  return template;
}
