import { didYouMean } from "../diagnostics/suggest.ts";
import { conditionTests } from "./condition-tests.ts";
import type { Arguments, Expression, Span } from "./expression.ts";
import { type Argument, filters, type Named } from "./filters.ts";
import type { Value } from "./node.ts";
import { calculate, compare, isTruthy } from "./operators.ts";
import { badTemplate, TemplateFault } from "./template-fault.ts";
import { isList, isMap, kindOf, mapOf, ownValue } from "./value.ts";

/** What names mean. `lookUp` gives an `Undefined` for a name without a value, and throws a `TemplateFault` for one that cannot be had. */
export type Names = { lookUp(name: string): Value | Undefined; known(): Iterable<string> };

/** What has no value. It is a mistake only where the value is needed: `default` and `is defined` do without. */
export class Undefined {
  readonly fault: TemplateFault;
  constructor(fault: TemplateFault) {
    this.fault = fault;
  }
}

type Result = Value | Undefined;

/**
 * The value of `expression`, by own keys, our filters and our tests alone: nothing in it can reach a prototype, a global, or code.
 * Throws a `TemplateFault` with an offset, or, where it came from a variable's own template, with a place.
 */
export function evaluate(expression: Expression, names: Names): Value {
  return needed(resultOf(expression, names), expression);
}

function needed(result: Result, span: Span): Value {
  if (!(result instanceof Undefined)) return result;
  located(result, span);
  throw result.fault;
}

/** A name without a value is found to be one long after it was read; where it stands is kept with it. */
function located(result: Result, { offset, length }: Span): Result {
  if (!(result instanceof Undefined)) return result;
  const { fault } = result;
  if (fault.offset === undefined && fault.at === undefined) Object.assign(fault, { offset, length });
  return result;
}

function resultOf(expression: Expression, names: Names): Result {
  try {
    return evaluators(expression, names);
  } catch (error) {
    // The innermost expression that a fault passes is where it is; a fault with a place comes from another template.
    if (error instanceof TemplateFault && error.at === undefined && error.offset === undefined) {
      Object.assign(error, { offset: expression.offset, length: expression.length });
    }
    throw error;
  }
}

function evaluators(expression: Expression, names: Names): Result {
  const value = (operand: Expression) => evaluate(operand, names);
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "name":
      return located(names.lookUp(expression.name), expression);
    case "list":
      return expression.items.map(value);
    case "map":
      return mapOf(expression.pairs.map(({ key, value: item }) => [mapKey(value(key)), value(item)]));
    case "lookup":
      return lookUpIn(resultOf(expression.target, names), value(expression.key), expression);
    case "filter":
      return applyFilter(expression, names);
    case "test":
      return applyTest(expression, names);
    case "not":
      return !isTruthy(value(expression.operand));
    case "minus":
    case "plus":
      return signed(expression.kind, value(expression.operand));
    case "and": {
      const left = value(expression.left);
      return isTruthy(left) ? value(expression.right) : left;
    }
    case "or": {
      const left = value(expression.left);
      return isTruthy(left) ? left : value(expression.right);
    }
    case "compare":
      return compareAll(expression, value);
    case "arithmetic":
      return calculate(expression.operator, value(expression.left), value(expression.right));
    case "if":
      if (isTruthy(value(expression.condition))) return resultOf(expression.whenTrue, names);
      return expression.whenFalse === undefined ? "" : resultOf(expression.whenFalse, names);
  }
}

function mapKey(key: Value): string {
  if (typeof key === "string") return key;
  if (typeof key === "number" || typeof key === "boolean") return String(key);
  throw badTemplate(`${kindOf(key)} cannot be a key`);
}

function signed(sign: "minus" | "plus", operand: Value): Value {
  if (typeof operand !== "number") throw badTemplate(`expected a number after the sign, found ${kindOf(operand)}`);
  return sign === "minus" ? -operand : operand;
}

function compareAll(expression: Expression & { kind: "compare" }, value: (operand: Expression) => Value): boolean {
  let left = value(expression.first);
  for (const { operator, operand } of expression.rest) {
    const right = value(operand);
    if (!compare(operator, left, right)) return false;
    left = right;
  }
  return true;
}

/** What is looked up in something undefined is undefined in the same way, so that `a.b | default(c)` covers a missing `a`. */
function lookUpIn(target: Result, key: Value, expression: Expression & { kind: "lookup" }): Result {
  if (target instanceof Undefined) return target;
  const found = ownItem(target, key);
  if (found !== undefined) return found;
  const known = isMap(target) && typeof key === "string" ? didYouMean(key, Object.keys(target)) : {};
  const message = `undefined variable "${pathOf(expression.target)}${typeof key === "number" ? `[${key}]` : `.${asKey(key)}`}"`;
  return new Undefined(new TemplateFault("UNDEFINED_VARIABLE", message, { ...known, ...spanOf(expression) }));
}

function pathOf(expression: Expression): string {
  if (expression.kind === "name") return expression.name;
  if (expression.kind !== "lookup") return "(...)";
  const { target, key } = expression;
  if (key.kind !== "literal") return `${pathOf(target)}[...]`;
  return typeof key.value === "number" ? `${pathOf(target)}[${key.value}]` : `${pathOf(target)}.${key.value}`;
}

function asKey(key: Value): string {
  return typeof key === "object" ? kindOf(key) : String(key);
}

function ownItem(target: Value, key: Value): Value | undefined {
  if (isMap(target)) return typeof key === "object" ? undefined : ownValue(target, String(key));
  if (typeof key !== "number" || !Number.isInteger(key)) return undefined;
  if (isList(target)) return target.at(key);
  return typeof target === "string" ? target.at(key) : undefined;
}

function applyFilter({ name, input, args, ...span }: Expression & { kind: "filter" }, names: Names): Result {
  return callFilter(name, resultOf(input, names), input, given(args, names), span);
}

function callFilter(name: string, result: Result, inputSpan: Span, given: Given, span: Span): Result {
  const filter = filters.get(name);
  if (filter === undefined) {
    throw badTemplate(`unknown filter "${name}"`, { ...didYouMean(name, filters.keys()), ...spanOf(span) });
  }
  const args = bindArguments(name, filter, given, span);
  if (result instanceof Undefined && filter.whenUndefined !== undefined) return filter.whenUndefined(args);
  const output = filter.apply(needed(result, inputSpan), args, callsByName(span));
  if (output !== undefined) return output;
  return new Undefined(new TemplateFault("UNDEFINED_VARIABLE", `"${name}" gives nothing here`, spanOf(span)));
}

function applyTest({ name, input, args, ...span }: Expression & { kind: "test" }, names: Names): boolean {
  return callTest(name, resultOf(input, names), input, given(args, names), span);
}

function callTest(name: string, result: Result, inputSpan: Span, given: Given, span: Span): boolean {
  const test = conditionTests.get(name);
  if (test === undefined) {
    throw badTemplate(`unknown test "${name}"`, { ...didYouMean(name, conditionTests.keys()), ...spanOf(span) });
  }
  const args = bindArguments(name, test, given, span);
  if (result instanceof Undefined && test.whenUndefined !== undefined) return test.whenUndefined;
  return test.holds(needed(result, inputSpan), ...args);
}

/** Filters and tests that are named by a string: `map('upper')`, `select('match', '^db')`. */
function callsByName(span: Span): Named {
  return {
    filter: (name, input, positional) => needed(callFilter(name, input, span, { positional, named: [] }, span), span),
    holds: (name, input, positional) => callTest(name, input, span, { positional, named: [] }, span),
  };
}

type Given = { positional: readonly Value[]; named: readonly { name: string; value: Value }[] };

function given({ positional, named }: Arguments, names: Names): Given {
  return {
    positional: positional.map((arg) => evaluate(arg, names)),
    named: named.map(({ name, value }) => ({ name, value: evaluate(value, names) })),
  };
}

type Parameters = { parameters: readonly string[]; rest?: true };

/**
 * The arguments in the order of the parameters. Where more may follow without a name, the parameters can be given by name only:
 * `map('upper')` against `map(attribute='x')`.
 */
function bindArguments(
  of: string,
  { parameters, rest }: Parameters,
  { positional, named }: Given,
  span: Span,
): Argument[] {
  if (rest !== true && positional.length > parameters.length) {
    throw badTemplate(`"${of}" takes at most ${parameters.length} arguments, found ${positional.length}`, spanOf(span));
  }
  const byName = new Map(named.map(({ name, value }) => [name, value]));
  for (const name of byName.keys()) {
    if (parameters.includes(name)) continue;
    throw badTemplate(`"${of}" has no argument "${name}"`, { ...didYouMean(name, parameters), ...spanOf(span) });
  }
  const bound = parameters.map((name, i) => byName.get(name) ?? (rest === true ? undefined : positional[i]));
  return rest === true ? [...bound, ...positional] : bound;
}

function spanOf({ offset, length }: Span): Span {
  return { offset, length };
}
