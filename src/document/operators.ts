import type { Arithmetic, Comparison } from "./expression.ts";
import type { Value } from "./node.ts";
import { badTemplate } from "./template-fault.ts";
import { isList, isMap, kindOf, ownValue } from "./value.ts";

/** What Python takes for true: everything but none, false, zero and what is empty. */
export function isTruthy(value: Value): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/**
 * A value as it stands in the middle of a text, in Ansible's manner: booleans are "True" and "False", none is nothing. Lists and maps
 * are refused: what Python would show of them is never what a file should hold.
 */
export function asText(value: Value): string {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return String(value);
  throw badTemplate(`${kindOf(value)} cannot stand in the middle of a text`, {
    hint: isList(value) ? "join its items: | join(', ')" : "write it as JSON: | to_json",
  });
}

export function isEqual(a: Value, b: Value): boolean {
  if (isList(a)) return isList(b) && a.length === b.length && a.every((item, i) => isEqual(item, b[i] ?? null));
  if (!isMap(a)) return a === b;
  if (!isMap(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(ownValue(a, key) ?? null, ownValue(b, key) ?? null))
  );
}

/** Negative, zero or positive, as `sort` wants it. Throws where the two have no order. */
export function compareOrder(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (isList(a) && isList(b)) {
    const i = a.findIndex((item, at) => at >= b.length || !isEqual(item, b[at] ?? null));
    return i === -1 || i >= b.length ? a.length - b.length : compareOrder(a[i] ?? null, b[i] ?? null);
  }
  throw badTemplate(`${kindOf(a)} and ${kindOf(b)} have no order`, orderHint(a, b));
}

function orderHint(a: Value, b: Value): { hint?: string } {
  const mixed = [typeof a, typeof b].sort().join() === "number,string";
  return mixed ? { hint: "turn the string into a number: | int" } : {};
}

export function holdsIn(item: Value, container: Value): boolean {
  if (isList(container)) return container.some((one) => isEqual(one, item));
  if (isMap(container)) return typeof item === "string" && Object.hasOwn(container, item);
  if (typeof container === "string" && typeof item === "string") return container.includes(item);
  throw badTemplate(`cannot look for ${kindOf(item)} in ${kindOf(container)}`);
}

export function compare(operator: Comparison, a: Value, b: Value): boolean {
  switch (operator) {
    case "==":
      return isEqual(a, b);
    case "!=":
      return !isEqual(a, b);
    case "<":
      return compareOrder(a, b) < 0;
    case ">":
      return compareOrder(a, b) > 0;
    case "<=":
      return compareOrder(a, b) <= 0;
    case ">=":
      return compareOrder(a, b) >= 0;
    case "in":
      return holdsIn(a, b);
    case "not in":
      return !holdsIn(a, b);
  }
}

export function calculate(operator: Arithmetic, a: Value, b: Value): Value {
  if (operator === "~") return asText(a) + asText(b);
  if (operator === "+" && typeof a === "string" && typeof b === "string") return a + b;
  if (operator === "+" && isList(a) && isList(b)) return [...a, ...b];
  if (typeof a !== "number" || typeof b !== "number") {
    const hint = operator === "+" ? { hint: "~ puts values of any kind into one text" } : {};
    throw badTemplate(`cannot compute ${kindOf(a)} ${operator} ${kindOf(b)}`, hint);
  }
  if (b === 0 && ["/", "//", "%"].includes(operator)) throw badTemplate("division by zero");
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return Math.floor(a / b);
    case "%":
      return a - b * Math.floor(a / b); // the sign of the divisor, as in Python
    case "**":
      return a ** b;
  }
}
