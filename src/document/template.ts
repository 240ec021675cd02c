import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { evaluate } from "./evaluate.ts";
import { isTemplate, parseTemplate } from "./expression.ts";
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
    const problem: Diagnostic = { code: "WRONG_TYPE", message: "a condition cannot be a map", at: node.at };
    return { holds: false, problems: [problem] };
  }
  try {
    return { holds: placed(node, EXPRESSION_START.length, () => conditionHolds(node, scope)), problems: [] };
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    return { holds: false, problems: [error.diagnostic()] };
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

function conditionHolds({ value }: ScalarNode, scope: Scope): boolean {
  if (value === null) return true; // `when:` with nothing after it asks for nothing
  if (typeof value !== "string") return isTruthy(value);
  const word = BOOLEAN_WORDS.get(value.trim().toLowerCase());
  if (word !== undefined) return word;
  const template = parseTemplate(`${EXPRESSION_START}${withoutBraces(value)} }}`);
  const [expression] = template;
  if (template.length !== 1 || expression === undefined || typeof expression === "string") {
    throw badTemplate("a condition is one expression", { offset: EXPRESSION_START.length, length: value.length });
  }
  return truthOf(evaluate(expression, scope), value);
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
