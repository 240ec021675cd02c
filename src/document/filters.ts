import type { Value } from "./node.ts";
import { asText, compareOrder, holdsIn, isEqual, isTruthy } from "./operators.ts";
import { pythonRegex, pythonReplacement } from "./python-regex.ts";
import { badTemplate } from "./template-fault.ts";
import { isList, isMap, kindOf, mapOf, ownValue, type ValueMap } from "./value.ts";

export type Argument = Value | undefined;

/** How `map('upper')` and `select('match', 'x')` reach other filters and tests by name. */
export type Named = {
  filter(name: string, input: Value, args: readonly Value[]): Value;
  holds(name: string, input: Value, args: readonly Value[]): boolean;
};

/**
 * What may follow `|`. `parameters` are the names of its arguments, in order; `rest` says that more may follow without a name.
 * `apply` gives undefined where there is no value (the first item of an empty list); `whenUndefined` is what an undefined input gives,
 * and without it that is a mistake.
 */
export type Filter = {
  parameters: readonly string[];
  rest?: true;
  apply(input: Value, args: readonly Argument[], named: Named): Value | undefined;
  whenUndefined?: (args: readonly Argument[]) => Value;
};

const defaultFilter: Filter = {
  parameters: ["default_value", "boolean"],
  apply: (input, [fallback = "", alsoWhenFalsy]) => (alsoWhenFalsy === true && !isTruthy(input) ? fallback : input),
  whenUndefined: ([fallback = ""]) => fallback,
};
const lengthFilter: Filter = { parameters: [], apply: (input) => itemsOf(input, "length").length };

/** A new filter is one more entry. */
export const filters: ReadonlyMap<string, Filter> = new Map(
  Object.entries<Filter>({
    default: defaultFilter,
    d: defaultFilter,
    mandatory: {
      parameters: ["msg"],
      apply: (input) => input,
      whenUndefined: ([message]) => {
        throw badTemplate(message === undefined ? "a mandatory variable is not defined" : asText(message));
      },
    },
    lower: { parameters: [], apply: (input) => asText(input).toLowerCase() },
    upper: { parameters: [], apply: (input) => asText(input).toUpperCase() },
    capitalize: { parameters: [], apply: (input) => capitalize(asText(input)) },
    trim: { parameters: [], apply: (input) => asText(input).trim() },
    replace: {
      parameters: ["old", "new"],
      apply: (input, [old, by]) => asText(input).replaceAll(textOf(old, "replace"), () => textOf(by, "replace")),
    },
    regex_replace: { parameters: ["pattern", "replacement", "ignorecase"], apply: regexReplace },
    split: { parameters: ["separator"], apply: (input, [separator]) => splitText(asText(input), separator) },
    join: {
      parameters: ["d", "attribute"],
      apply: (input, [separator, attribute]) =>
        attributesOf(input, attribute, "join")
          .map(asText)
          .join(asText(separator ?? "")),
    },
    basename: { parameters: [], apply: (input) => asText(input).replace(/^.*\//s, "") },
    dirname: {
      parameters: [],
      apply: (input) => asText(input).replace(/\/*[^/]*$/, "") || (asText(input).startsWith("/") ? "/" : ""),
    },
    string: { parameters: [], apply: (input) => asText(input) },
    int: {
      parameters: ["default", "base"],
      apply: (input, [fallback = 0, base]) => toInteger(input, base) ?? fallback,
    },
    bool: { parameters: [], apply: toBoolean },
    to_json: { parameters: [], apply: pythonJson },
    b64encode: { parameters: [], apply: (input) => Buffer.from(asText(input), "utf8").toString("base64") },
    b64decode: { parameters: [], apply: (input) => Buffer.from(asText(input), "base64").toString("utf8") },
    abs: { parameters: [], apply: (input) => Math.abs(numberOf(input, "abs")) },
    ternary: { parameters: ["true_val", "false_val", "none_val"], apply: ternary },
    length: lengthFilter,
    count: lengthFilter,
    first: { parameters: [], apply: (input) => itemsOf(input, "first")[0] },
    last: { parameters: [], apply: (input) => itemsOf(input, "last").at(-1) },
    list: { parameters: [], apply: (input) => itemsOf(input, "list") },
    sum: {
      parameters: ["attribute"],
      apply: (input, [attribute]) =>
        attributesOf(input, attribute, "sum").reduce<number>((sum, item) => sum + numberOf(item, "sum"), 0),
    },
    min: { parameters: [], apply: (input) => [...itemsOf(input, "min")].sort(compareOrder)[0] },
    max: { parameters: [], apply: (input) => [...itemsOf(input, "max")].sort(compareOrder).at(-1) },
    unique: { parameters: [], apply: (input) => uniqueItems(itemsOf(input, "unique")) },
    union: {
      parameters: ["other"],
      apply: (input, [other]) => uniqueItems([...itemsOf(input, "union"), ...itemsOf(other, "union")]),
    },
    intersect: {
      parameters: ["other"],
      apply: (input, [other]) =>
        uniqueItems(itemsOf(input, "intersect")).filter((item) => holdsIn(item, itemsOf(other, "intersect"))),
    },
    difference: {
      parameters: ["other"],
      apply: (input, [other]) =>
        uniqueItems(itemsOf(input, "difference")).filter((item) => !holdsIn(item, itemsOf(other, "difference"))),
    },
    sort: { parameters: ["reverse", "case_sensitive", "attribute"], apply: sortItems },
    reverse: {
      parameters: [],
      apply: (input) =>
        typeof input === "string" ? [...input].reverse().join("") : [...itemsOf(input, "reverse")].reverse(),
    },
    flatten: {
      parameters: ["levels"],
      apply: (input, [levels]) =>
        flattenItems(itemsOf(input, "flatten"), levels === undefined ? Infinity : numberOf(levels, "flatten")),
    },
    map: { parameters: ["attribute", "default"], rest: true, apply: mapItems },
    select: {
      parameters: [],
      rest: true,
      apply: (input, args, named) => itemsOf(input, "select").filter((item) => selects(item, args, named)),
    },
    reject: {
      parameters: [],
      rest: true,
      apply: (input, args, named) => itemsOf(input, "reject").filter((item) => !selects(item, args, named)),
    },
    selectattr: {
      parameters: [],
      rest: true,
      apply: (input, args, named) => itemsOf(input, "selectattr").filter((item) => selectsAttribute(item, args, named)),
    },
    rejectattr: {
      parameters: [],
      rest: true,
      apply: (input, args, named) =>
        itemsOf(input, "rejectattr").filter((item) => !selectsAttribute(item, args, named)),
    },
    combine: {
      parameters: ["recursive"],
      rest: true,
      apply: (input, [recursive, ...others]) => combineMaps([input, ...others], recursive === true),
    },
    dict2items: {
      parameters: [],
      apply: (input) =>
        Object.entries(mapOnly(input, "dict2items")).map(([key, value]) =>
          mapOf([
            ["key", key],
            ["value", value],
          ]),
        ),
    },
  }),
);

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
}

function regexReplace(input: Value, [pattern, replacement, ignoreCase]: readonly Argument[]): Value {
  const regex = pythonRegex(textOf(pattern, "regex_replace"), ignoreCase === true ? "gi" : "g");
  return asText(input).replace(regex, pythonReplacement(asText(replacement ?? "")));
}

function splitText(text: string, separator: Argument): Value {
  if (separator === undefined || separator === null) return text.split(/\s+/).filter((word) => word !== "");
  return text.split(textOf(separator, "split"));
}

function ternary(input: Value, [whenTrue, whenFalse, whenNone]: readonly Argument[]): Argument {
  if (input === null && whenNone !== undefined) return whenNone;
  return isTruthy(input) ? whenTrue : whenFalse;
}

function toInteger(input: Value, base: Argument): number | undefined {
  if (typeof input === "boolean") return Number(input);
  if (typeof input === "number") return Number.isFinite(input) ? Math.trunc(input) : undefined;
  if (typeof input !== "string") return undefined;
  const radix = base === undefined ? 10 : numberOf(base, "int");
  if (radix === 10) return /^\s*[-+]?\d+(\.\d*)?\s*$/.test(input) ? Math.trunc(Number(input)) : undefined;
  const number = Number.parseInt(input.replace(/^0[xob]/i, ""), radix);
  return Number.isNaN(number) ? undefined : number;
}

/** Ansible's words for true; everything else is false. */
function toBoolean(input: Value): Value {
  if (input === null || typeof input === "boolean") return input;
  return ["yes", "on", "1", "true"].includes(String(typeof input === "object" ? "" : input).toLowerCase());
}

/** As Python's json.dumps spaces it, since the text may be compared with what is on a host. */
function pythonJson(input: Value): string {
  if (isList(input)) return `[${input.map(pythonJson).join(", ")}]`;
  if (!isMap(input)) return JSON.stringify(input);
  return `{${Object.entries(input)
    .map(([key, value]) => `${JSON.stringify(key)}: ${pythonJson(value)}`)
    .join(", ")}}`;
}

function uniqueItems(items: readonly Value[]): Value[] {
  return items.filter((item, i) => items.findIndex((other) => isEqual(item, other)) === i);
}

function sortItems(input: Value, [reverse, caseSensitive, attribute]: readonly Argument[]): Value {
  const keyOf = (item: Value) => {
    const key = attribute === undefined ? item : attributeOf(item, attribute);
    return caseSensitive !== true && typeof key === "string" ? key.toLowerCase() : key;
  };
  const sorted = [...itemsOf(input, "sort")].sort((a, b) => compareOrder(keyOf(a), keyOf(b)));
  return reverse === true ? sorted.reverse() : sorted;
}

function flattenItems(items: readonly Value[], levels: number): Value[] {
  return items.flatMap((item) => (isList(item) && levels > 0 ? flattenItems(item, levels - 1) : [item]));
}

function mapItems(input: Value, [attribute, fallback, name, ...args]: readonly Argument[], named: Named): Value {
  const items = itemsOf(input, "map");
  if (attribute !== undefined) return items.map((item) => attributeOf(item, attribute, fallback));
  const filter = textOf(name, "map");
  return items.map((item) => named.filter(filter, item, present(args)));
}

function selects(item: Value, [name, ...args]: readonly Argument[], named: Named): boolean {
  return name === undefined ? isTruthy(item) : named.holds(textOf(name, "select"), item, present(args));
}

function selectsAttribute(item: Value, [attribute, ...test]: readonly Argument[], named: Named): boolean {
  const value = isMap(item) ? ownPath(item, textOf(attribute, "selectattr")) : undefined;
  const [name] = test;
  if (name === "defined" || name === "undefined") return (value !== undefined) === (name === "defined");
  return selects(value ?? attributeOf(item, attribute ?? ""), test, named);
}

function combineMaps(maps: readonly Argument[], isRecursive: boolean): ValueMap {
  const all = maps.flatMap((map) => (isList(map) ? map : [map ?? null])).map((map) => mapOnly(map, "combine"));
  const combined = new Map<string, Value>();
  for (const [key, value] of all.flatMap((map) => Object.entries(map))) {
    const before = combined.get(key);
    const isMerged = isRecursive && before !== undefined && isMap(before) && isMap(value);
    combined.set(key, isMerged ? combineMaps([before, value], true) : value);
  }
  return mapOf(combined);
}

function itemsOf(input: Argument, filter: string): readonly Value[] {
  if (isList(input)) return input;
  if (typeof input === "string") return [...input];
  if (input !== undefined && isMap(input)) return Object.keys(input);
  throw badTemplate(`"${filter}" needs a list, found ${kindOf(input ?? null)}`);
}

function attributesOf(input: Value, attribute: Argument, filter: string): readonly Value[] {
  const items = itemsOf(input, filter);
  return attribute === undefined ? items : items.map((item) => attributeOf(item, attribute));
}

function attributeOf(item: Value, attribute: Value, fallback?: Argument): Value {
  const path = asText(attribute);
  const found = ownPath(item, path) ?? fallback;
  if (found === undefined) throw badTemplate(`${kindOf(item)} in the list has no "${path}"`);
  return found;
}

/** `a.b` or `a.0`, by own keys only. */
function ownPath(item: Value, path: string): Value | undefined {
  return path.split(".").reduce<Value | undefined>((value, key) => {
    if (value === undefined) return undefined;
    if (isMap(value)) return ownValue(value, key);
    return isList(value) && /^\d+$/.test(key) ? value[Number(key)] : undefined;
  }, item);
}

function mapOnly(value: Value, filter: string): ValueMap {
  if (isMap(value)) return value;
  throw badTemplate(`"${filter}" needs a map, found ${kindOf(value)}`);
}

function textOf(value: Argument, filter: string): string {
  if (typeof value === "string") return value;
  throw badTemplate(`"${filter}" needs a string, found ${value === undefined ? "nothing" : kindOf(value)}`);
}

function numberOf(value: Value, filter: string): number {
  if (typeof value === "number") return value;
  throw badTemplate(`"${filter}" needs a number, found ${kindOf(value)}`);
}

function present(args: readonly Argument[]): Value[] {
  return args.filter((arg) => arg !== undefined);
}
