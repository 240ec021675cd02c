import type { Value } from "./node.ts";
import { compare, holdsIn, isEqual, isTruthy } from "./operators.ts";
import { pythonRegex } from "./python-regex.ts";
import { badTemplate } from "./template-fault.ts";
import { isList, isMap, kindOf } from "./value.ts";

/**
 * What may follow `is`. `parameters` are the names of its arguments; what `holds` gets are their values in that order. `whenUndefined` is
 * the answer for a name that has no value; without it, such a name is a mistake.
 */
export type ConditionTest = {
  parameters: readonly string[];
  holds(value: Value, ...args: readonly (Value | undefined)[]): boolean;
  whenUndefined?: boolean;
};

/** A new test is one more entry. */
export const conditionTests: ReadonlyMap<string, ConditionTest> = new Map(
  Object.entries<ConditionTest>({
    defined: { parameters: [], holds: () => true, whenUndefined: false },
    undefined: { parameters: [], holds: () => false, whenUndefined: true },
    none: { parameters: [], holds: (value) => value === null },
    string: { parameters: [], holds: (value) => typeof value === "string" },
    number: { parameters: [], holds: (value) => typeof value === "number" },
    integer: { parameters: [], holds: (value) => Number.isInteger(value) },
    float: { parameters: [], holds: (value) => typeof value === "number" && !Number.isInteger(value) },
    boolean: { parameters: [], holds: (value) => typeof value === "boolean" },
    true: { parameters: [], holds: (value) => value === true },
    false: { parameters: [], holds: (value) => value === false },
    mapping: { parameters: [], holds: isMap },
    sequence: { parameters: [], holds: (value) => isList(value) || typeof value === "string" },
    iterable: { parameters: [], holds: (value) => isList(value) || isMap(value) || typeof value === "string" },
    truthy: { parameters: ["convert_bool"], holds: isTruthy },
    falsy: { parameters: ["convert_bool"], holds: (value) => !isTruthy(value) },
    in: { parameters: ["seq"], holds: (value, seq) => holdsIn(value, seq ?? null) },
    contains: { parameters: ["value"], holds: (value, item) => holdsIn(item ?? null, value) },
    equalto: { parameters: ["other"], holds: isSame },
    eq: { parameters: ["other"], holds: isSame },
    "==": { parameters: ["other"], holds: isSame },
    sameas: { parameters: ["other"], holds: isSame },
    ne: { parameters: ["other"], holds: (value, other) => !isSame(value, other) },
    "!=": { parameters: ["other"], holds: (value, other) => !isSame(value, other) },
    lt: { parameters: ["other"], holds: (value, other) => compare("<", value, other ?? null) },
    le: { parameters: ["other"], holds: (value, other) => compare("<=", value, other ?? null) },
    gt: { parameters: ["other"], holds: (value, other) => compare(">", value, other ?? null) },
    ge: { parameters: ["other"], holds: (value, other) => compare(">=", value, other ?? null) },
    match: {
      parameters: ["pattern", "ignorecase"],
      holds: (value, pattern, ignoreCase) => matches(value, pattern, ignoreCase, (p) => `^(?:${p})`),
    },
    search: {
      parameters: ["pattern", "ignorecase"],
      holds: (value, pattern, ignoreCase) => matches(value, pattern, ignoreCase, (p) => p),
    },
    regex: {
      parameters: ["pattern", "ignorecase"],
      holds: (value, pattern, ignoreCase) => matches(value, pattern, ignoreCase, (p) => p),
    },
    even: { parameters: [], holds: (value) => typeof value === "number" && value % 2 === 0 },
    odd: { parameters: [], holds: (value) => typeof value === "number" && Math.abs(value % 2) === 1 },
    lower: { parameters: [], holds: (value) => typeof value === "string" && value === value.toLowerCase() },
    upper: { parameters: [], holds: (value) => typeof value === "string" && value === value.toUpperCase() },
  }),
);

function isSame(value: Value, other: Value | undefined): boolean {
  return isEqual(value, other ?? null);
}

function matches(
  value: Value,
  pattern: Value | undefined,
  ignoreCase: Value | undefined,
  anchor: (pattern: string) => string,
): boolean {
  if (typeof value !== "string") throw badTemplate(`a regular expression needs a string, found ${kindOf(value)}`);
  if (typeof pattern !== "string") throw badTemplate("a regular expression is a string");
  return pythonRegex(anchor(pattern), ignoreCase === true ? "i" : "").test(value);
}
