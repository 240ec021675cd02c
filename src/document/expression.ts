import type { SyntaxNode } from "nunjucks/src/nodes.js";
import { parseJinja } from "./jinja-grammar.ts";
import { badTemplate } from "./template-fault.ts";
import { isVariableName } from "./variable-names.ts";

/** Where in the template's text, in UTF-16 units. */
export type Span = { offset: number; length: number };

/** An expression as it is evaluated: data, and nothing of the library that parsed it. */
export type Expression = Span &
  (
    | { kind: "literal"; value: string | number | boolean | null }
    | { kind: "name"; name: string }
    | { kind: "list"; items: readonly Expression[] }
    | { kind: "map"; pairs: readonly { key: Expression; value: Expression }[] }
    | { kind: "lookup"; target: Expression; key: Expression }
    | { kind: "filter"; name: string; input: Expression; args: Arguments }
    | { kind: "test"; name: string; input: Expression; args: Arguments }
    | { kind: "not" | "minus" | "plus"; operand: Expression }
    | { kind: "and" | "or"; left: Expression; right: Expression }
    | { kind: "compare"; first: Expression; rest: readonly { operator: Comparison; operand: Expression }[] }
    | { kind: "arithmetic"; operator: Arithmetic; left: Expression; right: Expression }
    | { kind: "if"; condition: Expression; whenTrue: Expression; whenFalse: Expression | undefined }
  );
export type Arguments = { positional: readonly Expression[]; named: readonly { name: string; value: Expression }[] };
export type Comparison = "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" | "not in";
export type Arithmetic = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "~";

/** Plain text and expressions, in order. */
export type Template = readonly (string | Expression)[];

/** Throws a `TemplateFault` with an offset where `text` is not a template. */
export function parseTemplate(text: string): Template {
  const toOffset = offsets(text);
  let root: SyntaxNode;
  try {
    root = parseJinja(text);
  } catch (error) {
    throw syntaxFault(error, text, toOffset);
  }
  return children(root)
    .flatMap((output) => children(output))
    .map((piece) => (piece.typename === "TemplateData" ? String(piece.value) : toExpression(piece, toOffset)));
}

/** Whether `text` is a template at all; everything else is taken as it stands. */
export function isTemplate(text: string): boolean {
  return text.includes("{{") || text.includes("{%");
}

type ToOffset = (lineno: number, colno: number) => number;

function offsets(text: string): ToOffset {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (lineno, colno) => (starts[lineno] ?? 0) + Math.max(colno, 0);
}

function syntaxFault(error: unknown, text: string, toOffset: ToOffset) {
  if (!(error instanceof Error)) throw error;
  const { lineno, colno } = error as { lineno?: number; colno?: number };
  // nunjucks looks at the token after the last one, which is none, where a template ends too early.
  if (lineno === undefined || colno === undefined) {
    const start = Math.max(text.lastIndexOf("{{"), 0);
    const message =
      error instanceof RangeError ? "template is nested too deeply" : "template is not closed, expected }}";
    return badTemplate(message, { offset: start, length: 2 });
  }
  const offset = Math.min(toOffset(lineno - 1, colno - 1), Math.max(text.length - 1, 0));
  return badTemplate(ownWords(error.message, text.slice(offset)), { offset, length: 1 });
}

/** nunjucks names its own functions in its messages, and gives a place twice. */
function ownWords(message: string, rest: string): string {
  const fact = message
    .replace(/^\((?:[^()]*)\)\s*(?:\[Line \d+, Column \d+\])?\s*/, "")
    .trim()
    .replace(/^parse\w+: /, "");
  const found = /^[\w.]+|^\S/.exec(rest)?.[0] ?? "";
  if (/^expected variable end|^expected comma/.test(fact)) return `unexpected "${found}" in the template`;
  if (/^unexpected token/.test(fact))
    return rest.startsWith("}}") ? "template is empty or ends too early" : `unexpected "${found}" in the template`;
  return fact
    .replace("expected symbol, got variable-end", "expected a name")
    .replace(/^expected symbol, got .*/, `expected a name, found "${found}"`);
}

function toExpression(node: SyntaxNode | null, toOffset: ToOffset): Expression {
  // nunjucks goes on without an operand in places: `~.name`.
  if (node === null || node === undefined) throw badTemplate("an operand is missing in the template");
  const span = (length = 1): Span => ({ offset: toOffset(node.lineno, node.colno), length });
  const convert = (child: unknown) => toExpression(child as SyntaxNode | null, toOffset);
  switch (node.typename) {
    case "Literal":
      return { kind: "literal", value: node.value as string | number | boolean | null, ...span() };
    case "Symbol":
      return toName(String(node.value), span(String(node.value).length));
    case "Group":
      return children(node).length === 1
        ? convert(children(node)[0])
        : { kind: "list", items: children(node).map(convert), ...span() };
    case "Array":
      return { kind: "list", items: children(node).map(convert), ...span() };
    case "Dict":
      return {
        kind: "map",
        pairs: children(node).map(({ key, value }) => ({ key: convert(key), value: convert(value) })),
        ...span(),
      };
    case "LookupVal":
      if (node.val === undefined || node.val === null) throw badTemplate("expected an index between [ and ]", span());
      return toLookup(convert(node.target), convert(node.val));
    case "Filter": {
      const [input, ...args] = children(node.args as SyntaxNode);
      const name = String((node.name as SyntaxNode).value);
      return { kind: "filter", name, input: convert(input), args: toArguments(args, convert), ...span(name.length) };
    }
    case "Is": {
      const name = String((node.right as SyntaxNode).value);
      const args = toArguments(children(node.args as SyntaxNode), convert);
      return { kind: "test", name, input: convert(node.left), args, ...span(name.length) };
    }
    case "Not":
      return { kind: "not", operand: convert(node.target), ...span() };
    case "Neg":
      return { kind: "minus", operand: convert(node.target), ...span() };
    case "Pos":
      return { kind: "plus", operand: convert(node.target), ...span() };
    case "And":
      return { kind: "and", left: convert(node.left), right: convert(node.right), ...span() };
    case "Or":
      return { kind: "or", left: convert(node.left), right: convert(node.right), ...span() };
    case "Compare": {
      const operands = node.ops as SyntaxNode[];
      const rest = operands.map(({ type, expr }) => ({ operator: type as Comparison, operand: convert(expr) }));
      return { kind: "compare", first: convert(node.expr), rest, ...span(String(operands[0]?.type).length) };
    }
    case "InlineIf": {
      const whenFalse = node.else_ === null ? undefined : convert(node.else_);
      return { kind: "if", condition: convert(node.cond), whenTrue: convert(node.body), whenFalse, ...span() };
    }
    case "FunCall":
      throw badTemplate("functions and methods cannot be called in a template", {
        ...span(),
        hint: "a filter may do what is wanted: {{ name | lower }}",
      });
    default:
      return toArithmetic(node, convert, span());
  }
}

const ARITHMETIC: Readonly<Record<string, Arithmetic>> = {
  Add: "+",
  Sub: "-",
  Mul: "*",
  Div: "/",
  FloorDiv: "//",
  Mod: "%",
  Pow: "**",
  Concat: "~",
};

function toArithmetic(node: SyntaxNode, convert: (child: unknown) => Expression, span: Span): Expression {
  const operator = ARITHMETIC[node.typename];
  if (operator === undefined) throw badTemplate(`templates cannot hold ${node.typename}`, span);
  return { kind: "arithmetic", operator, left: convert(node.left), right: convert(node.right), ...span };
}

/** A lookup is where its key is, for there a slip is found. */
function toLookup(target: Expression, key: Expression): Expression {
  const length = key.kind === "literal" ? String(key.value).length : key.length;
  return { kind: "lookup", target, key, offset: key.offset, length };
}

/** Jinja spells these with a capital letter too. */
function toName(name: string, span: Span): Expression {
  if (name === "True" || name === "False") return { kind: "literal", value: name === "True", ...span };
  if (name === "None") return { kind: "literal", value: null, ...span };
  if (!isVariableName(name)) throw badTemplate(`unexpected "${name}" in the template`, span);
  return { kind: "name", name, ...span };
}

function toArguments(args: readonly SyntaxNode[], convert: (child: unknown) => Expression): Arguments {
  const pairs = args.filter(({ typename }) => typename === "KeywordArgs").flatMap(children);
  return {
    positional: args.filter(({ typename }) => typename !== "KeywordArgs").map(convert),
    named: pairs.map(({ key, value }) => ({ name: String((key as SyntaxNode).value), value: convert(value) })),
  };
}

function children(node: SyntaxNode): SyntaxNode[] {
  return (node.children ?? []) as SyntaxNode[];
}
