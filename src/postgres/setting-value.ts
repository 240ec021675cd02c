import { didYouMean } from "../diagnostics/suggest.ts";
import type { Setting } from "../state/host-state.ts";

/** What is known of a setting's type; pg_settings has it for every name that the server knows. */
export type SettingType = Pick<Setting, "vartype" | "unit" | "enumValues">;

/** The setting of that name, which is the same in any case (`datestyle` is `DateStyle`), with the server's own spelling. */
export function settingNamed(
  settings: ReadonlyMap<string, Setting>,
  name: string,
): { name: string; setting: Setting } | undefined {
  const exact = settings.get(name);
  if (exact !== undefined) return { name, setting: exact };
  const key = name.toLowerCase();
  for (const [known, setting] of settings) if (known.toLowerCase() === key) return { name: known, setting };
  return undefined;
}

/**
 * Whether PostgreSQL would take both texts for the same value: `on`, `yes` and `1` of a boolean, `1GB` and `131072` of one that
 * counts 8kB pages. Texts that are no values of that type are the same only where they are equal, as all are without a type.
 */
export function sameValue(type: SettingType | undefined, a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [canonicalValue(type, a), canonicalValue(type, b)];
  return left !== undefined && left === right;
}

/** Why the setting can't have that value; undefined where it can. Limits are not known here: the server checks them. */
export function valueProblem(
  type: SettingType | undefined,
  value: string,
): { message: string; hint?: string } | undefined {
  if (type === undefined || canonicalValue(type, value) !== undefined) return undefined;
  switch (type.vartype) {
    case "bool":
      return { message: `"${value}" is no boolean, expected on or off` };
    case "enum": {
      const known = type.enumValues ?? [];
      return {
        message: `"${value}" is no value for it, expected one of ${known.join(", ")}`,
        ...didYouMean(value, known),
      };
    }
    default: {
      const units = unitsFor(type.unit);
      const expected =
        units === undefined ? "a number" : `a number, maybe with a unit (${[...units.keys()].join(", ")})`;
      return { message: `"${value}" is no number as it takes, expected ${expected}` };
    }
  }
}

/** true or false as parse_bool takes it: any beginning of the words that is not ambiguous. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (word === "") return undefined;
  if (word === "1" || "true".startsWith(word) || "yes".startsWith(word) || word === "on") return true;
  if (word === "0" || "false".startsWith(word) || "no".startsWith(word) || word === "of" || word === "off")
    return false;
  return undefined;
}

/** The same text for the same value; undefined where `value` is none of that type. */
function canonicalValue(type: SettingType | undefined, value: string): string | undefined {
  switch (type?.vartype) {
    case "bool":
      return asWord(parseBoolean(value));
    case "enum":
      return canonicalEnum(type.enumValues ?? [], value);
    case "integer":
    case "real":
      return canonicalNumber(value, type.unit, type.vartype === "integer");
    default:
      return value;
  }
}

function asWord(value: boolean | undefined): string | undefined {
  return value === undefined ? undefined : value ? "on" : "off";
}

function canonicalEnum(known: readonly string[], value: string): string | undefined {
  const lower = value.toLowerCase();
  const listed = known.find((candidate) => candidate.toLowerCase() === lower);
  if (listed !== undefined) return listed;
  // Enums with an "on" take the other spellings of a boolean too, without showing them in enumvals.
  const word = BOOLEAN_ALIASES.get(lower);
  return word !== undefined && known.includes(word) ? word : undefined;
}

const BOOLEAN_ALIASES = new Map([
  ["true", "on"],
  ["yes", "on"],
  ["1", "on"],
  ["false", "off"],
  ["no", "off"],
  ["0", "off"],
]);

const KB = 1024;
const BYTES: ReadonlyMap<string, number> = new Map([
  ["B", 1],
  ["kB", KB],
  ["MB", KB ** 2],
  ["GB", KB ** 3],
  ["TB", KB ** 4],
]);
const MICROSECONDS: ReadonlyMap<string, number> = new Map([
  ["us", 1],
  ["ms", 1e3],
  ["s", 1e6],
  ["min", 60e6],
  ["h", 3600e6],
  ["d", 86400e6],
]);

function unitsFor(baseUnit: string | undefined): ReadonlyMap<string, number> | undefined {
  if (baseUnit === undefined) return undefined;
  return BYTES.has(baseUnit.replace(/^\d+/, "")) ? BYTES : MICROSECONDS;
}

function canonicalNumber(text: string, baseUnit: string | undefined, isInteger: boolean): string | undefined {
  const found = /^\s*([-+]?(?:0[xX][0-9a-fA-F]+|\d*\.?\d+(?:[eE][-+]?\d+)?|\d+\.))\s*([A-Za-z]*)\s*$/.exec(text);
  const [, digits = "", unit = ""] = found ?? [];
  if (digits === "") return undefined;
  const number = isInteger ? integerOf(digits) : Number(digits);
  if (unit === "") return canonical(number, isInteger);
  const factor = unitsFor(baseUnit)?.get(unit);
  const base = baseFactor(baseUnit);
  return factor === undefined || base === undefined ? undefined : canonical((number * factor) / base, isInteger);
}

/** As strtol(3) with base 0: a leading zero is octal. */
function integerOf(digits: string): number {
  const [, sign = "", rest = ""] = /^([-+]?)(.*)$/.exec(digits) ?? [];
  const value = /^0[0-7]+$/.test(rest) ? Number.parseInt(rest, 8) : Number(rest);
  return sign === "-" ? -value : value;
}

/** How much one of the server's own unit is, `8kB` being one as well. */
function baseFactor(baseUnit: string | undefined): number | undefined {
  const [, count = "", unit = ""] = /^(\d*)(.*)$/.exec(baseUnit ?? "") ?? [];
  const factor = unitsFor(baseUnit)?.get(unit);
  return factor === undefined ? undefined : factor * (count === "" ? 1 : Number(count));
}

function canonical(number: number, isInteger: boolean): string {
  return String(isInteger ? Math.round(number) : number);
}
