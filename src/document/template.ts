import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { evaluate } from "./evaluate.ts";
import { type Expression, isTemplate, parseTemplate } from "./expression.ts";
import type { DocumentNode, MapEntry, ScalarNode, Value } from "./node.ts";
import { isTruthy } from "./operators.ts";
import { OMIT, placed, renderScalar } from "./render.ts";
import type { Scope } from "./scope.ts";
import { badTemplate, TemplateFault } from "./template-fault.ts";
import { BOOLEAN_WORDS, fromValue } from "./value.ts";

/**
 * `node` with every template in it rendered. What a template gives is placed where the template is written. A template that cannot be
 * rendered is a problem, and an empty value in the result.
 */
export function renderNode(node: DocumentNode, scope: Scope): { node: DocumentNode; problems: Diagnostic[] } {
  const problems: Diagnostic[] = [];
  return { node: renderTree(node, scope, problems) ?? { kind: "scalar", value: null, at: node.at }, problems };
}

/** Whether anything in `node` is a template, so that its value hangs on the host. */
export function hasTemplate(node: DocumentNode): boolean {
  if (node.kind === "scalar") return typeof node.value === "string" && isTemplate(node.value);
  return node.kind === "list" ? node.items.some(hasTemplate) : node.entries.some(({ value }) => hasTemplate(value));
}

/** What is wrong with templates whatever the variables hold: those that cannot be read at all. */
export function checkTemplates(node: DocumentNode): Diagnostic[] {
  if (node.kind === "list") return node.items.flatMap(checkTemplates);
  if (node.kind === "map") return node.entries.flatMap(({ value }) => checkTemplates(value));
  return hasTemplate(node) ? faultsOf(() => placed(node, 0, () => parseTemplate(String(node.value)))) : [];
}

/** The same for `when`. */
export function checkCondition(node: DocumentNode): Diagnostic[] {
  if (node.kind === "list") return node.items.flatMap(checkCondition);
  if (node.kind === "map") return [mapCondition(node)];
  return faultsOf(() => placed(node, EXPRESSION_START.length, () => parseCondition(node)));
}

/** `when`: an expression without braces, a boolean, or a list of which all must hold. With problems it does not hold. */
export function evaluateCondition(node: DocumentNode, scope: Scope): { holds: boolean; problems: Diagnostic[] } {
  if (node.kind === "list") {
    const problems: Diagnostic[] = [];
    for (const item of node.items) {
      const one = evaluateCondition(item, scope);
      problems.push(...one.problems);
      // What comes later may rest on this one: `x is defined` before `x > 1`.
      if (!one.holds) return { holds: false, problems };
    }
    return { holds: problems.length === 0, problems };
  }
  if (node.kind === "map") {
    return { holds: false, problems: [mapCondition(node)] };
  }
  let holds = false;
  const problems = faultsOf(() => {
    holds = placed(node, EXPRESSION_START.length, () => conditionHolds(node, scope));
  });
  return { holds, problems };
}

function mapCondition({ at }: DocumentNode): Diagnostic {
  return { code: "WRONG_TYPE", message: "a condition cannot be a map", at };
}

function faultsOf(work: () => unknown): Diagnostic[] {
  try {
    work();
    return [];
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    return [error.diagnostic()];
  }
}

function renderTree(node: DocumentNode, scope: Scope, problems: Diagnostic[]): DocumentNode | undefined {
  switch (node.kind) {
    case "scalar":
      return renderLeaf(node, scope, problems);
    case "list": {
      const items = node.items.map((item) => renderTree(item, scope, problems));
      return { ...node, items: items.filter((item) => item !== undefined) };
    }
    case "map": {
      const entries: MapEntry[] = [];
      for (const entry of node.entries) {
        const value = renderTree(entry.value, scope, problems);
        if (value !== undefined) entries.push({ ...entry, value });
      }
      return { ...node, entries };
    }
  }
}

/** Undefined where it is to be omitted. */
function renderLeaf(node: ScalarNode, scope: Scope, problems: Diagnostic[]): DocumentNode | undefined {
  if (!hasTemplate(node)) return node;
  try {
    const value = renderScalar(node, scope);
    return value === OMIT ? undefined : fromValue(value, node.at);
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    problems.push(error.diagnostic());
    return { kind: "scalar", value: null, at: node.at };
  }
}

const EXPRESSION_START = "{{ ";

function conditionHolds(node: ScalarNode, scope: Scope): boolean {
  const condition = parseCondition(node);
  return typeof condition === "boolean" ? condition : truthOf(evaluate(condition, scope), String(node.value));
}

function parseCondition({ value }: ScalarNode): Expression | boolean {
  if (value === null) return true; // `when:` with nothing after it asks for nothing
  if (typeof value !== "string") return isTruthy(value);
  const word = BOOLEAN_WORDS.get(value.trim().toLowerCase());
  if (word !== undefined) return word;
  const template = parseTemplate(`${EXPRESSION_START}${withoutBraces(value)} }}`);
  const [expression] = template;
  if (template.length === 1 && expression !== undefined && typeof expression !== "string") return expression;
  throw badTemplate("a condition is one expression", { offset: EXPRESSION_START.length, length: value.length });
}

/**
 * `{{ a }} == 'x'` as `( a ) == 'x'`: the same length, so places stay right, and what `a` holds is never read as an expression.
 * Braces inside quotes cannot be meant that way.
 */
function withoutBraces(text: string): string {
  let quote = "";
  let isOpen = false;
  let result = "";
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    const two = text.slice(i, i + 2);
    if (quote !== "") {
      if (two === "{{") {
        throw badTemplate("braces inside quotes in a condition", {
          offset: EXPRESSION_START.length + i,
          length: 2,
          hint: "a condition is an expression already: write the name alone, without quotes and braces",
        });
      }
      if (char === "\\") {
        result += two;
        i += 1;
        continue;
      }
      if (char === quote) quote = "";
    } else if (char === "'" || char === '"') quote = char;
    else if ((two === "{{" && !isOpen) || (two === "}}" && isOpen)) {
      isOpen = !isOpen;
      result += isOpen ? "( " : " )";
      i += 1;
      continue;
    }
    result += char;
  }
  return result;
}

/** A string is not yes or no, and one that says "false" (as `-e x=false` gives it) would count as true: only its plain words are taken. */
function truthOf(value: Value, text: string): boolean {
  if (typeof value !== "string") return isTruthy(value);
  const word = value === "" ? false : BOOLEAN_WORDS.get(value.toLowerCase());
  if (word !== undefined) return word;
  throw badTemplate(`condition gives the string "${value}", expected true or false`, {
    offset: EXPRESSION_START.length,
    length: text.length,
    hint: "compare it (name == 'x'), ask for its length (name | length > 0), or turn it: | bool",
  });
}
