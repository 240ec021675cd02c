import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import { alternatives } from "./alternatives.ts";
import { parseMode } from "./file-mode.ts";
import type { DocumentNode, Value } from "./node.ts";
import { type Pointers, pointerName, pointersOf, pointerTo } from "./pointer.ts";
import type { ArgumentSchema } from "./schema.ts";
import { hasTemplate } from "./template.ts";
import { BOOLEAN_WORDS, isList, isMap, kindOf, toValue } from "./value.ts";

export type Validated = {
  /** With defaults filled in; undefined where there are problems. */
  value: Record<string, unknown> | undefined;
  /** Where each value is written, by JSON pointer; a default is nowhere. */
  places: Map<string, Place>;
  problems: Diagnostic[];
};

/** `node`, rendered, against `schema`: every mistake at the key or value that is wrong, in the order of the file. */
export function validate(schema: ArgumentSchema, node: DocumentNode): Validated {
  const pointers = pointersOf(node);
  const { value, errors } = check(schema, node);
  const problems = toDiagnostics(errors, pointers);
  return {
    value: problems.length === 0 ? (value as Record<string, unknown>) : undefined,
    places: pointers.places,
    problems,
  };
}

/** What is wrong with `node` whatever its templates will give; the same mistakes as `validate` finds, in the same words. */
export function validateUnrendered(schema: ArgumentSchema, node: DocumentNode): Diagnostic[] {
  const pointers = pointersOf(node);
  const errors = check(schema, node).errors;
  const open = errors.filter((error) => hangsOnTemplate(error, pointers));
  return toDiagnostics(
    errors.filter((error) => !open.some((one) => one === error || isWithin(error, one))),
    pointers,
  );
}

function hangsOnTemplate(error: Mistake, { nodes }: Pointers): boolean {
  const found = nodes.get(error.instancePath);
  if (found === undefined || isAboutKeys(error)) return false;
  // Which of several shapes is meant may hang on a template anywhere below.
  return (found.kind === "scalar" || isChoice(error)) && hasTemplate(found);
}

type Mistake = ErrorObject<string, Record<string, unknown>>;

function check(schema: ArgumentSchema, node: DocumentNode): { value: Value; errors: Mistake[] } {
  const value = withBooleans(schema as Subschema, toValue(node));
  const validator = validatorOf(schema);
  return { value, errors: validator(value) ? [] : ((validator.errors ?? []) as Mistake[]) };
}

let ajv: Ajv | undefined;
const validators = new WeakMap<ArgumentSchema, ValidateFunction>();

function validatorOf(schema: ArgumentSchema): ValidateFunction {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  ajv ??= makeAjv();
  const validator = ajv.compile(schema);
  validators.set(schema, validator);
  return validator;
}

function makeAjv(): Ajv {
  const instance = new Ajv({
    allErrors: true,
    useDefaults: true,
    strict: true,
    strictRequired: false, // alternatives name keys that the schema around them describes
    allowUnionTypes: true,
    ownProperties: true,
    verbose: true,
  });
  instance.addFormat("file-mode", (text) => parseMode(text).kind !== "error");
  for (const format of ONE_LINE_FORMATS) instance.addFormat(format, (text) => controlCharacter(text) === undefined);
  // Resolved on the controller, after this (tasks/module.ts).
  for (const format of ["controller-file", "authority"]) instance.addFormat(format, true);
  return instance;
}

const ONE_LINE_FORMATS = ["host-path", "name", "one-line"];

function controlCharacter(text: unknown): string | undefined {
  const names: Readonly<Record<string, string>> = { "\r": "a carriage return", "\n": "a line feed", "\0": "a NUL" };
  const found = typeof text === "string" ? /[\r\n\0]/.exec(text)?.[0] : undefined;
  return found === undefined ? undefined : names[found];
}

type Subschema = {
  type?: unknown;
  properties?: Record<string, Subschema>;
  items?: Subschema;
  additionalProperties?: unknown;
};

/** `yes`, `no` and the like as booleans, where the schema wants a boolean and no string. */
function withBooleans(schema: Subschema, value: Value): Value {
  if (typeof value === "string")
    return wantsBoolean(schema) ? (BOOLEAN_WORDS.get(value.toLowerCase()) ?? value) : value;
  if (isList(value)) return value.map((item) => withBooleans(schema.items ?? {}, item));
  if (!isMap(value)) return value;
  const result: Record<string, Value> = Object.create(null);
  for (const [key, item] of Object.entries(value)) {
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    const other = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
    result[key] = withBooleans((known ? schema.properties?.[key] : (other as Subschema)) ?? {}, item);
  }
  return result;
}

function wantsBoolean({ type }: Subschema): boolean {
  return Array.isArray(type) ? type.includes("boolean") && !type.includes("string") : type === "boolean";
}

function toDiagnostics(errors: readonly Mistake[], pointers: Pointers): Diagnostic[] {
  const choices = errors.filter(isChoice);
  const told = errors.filter((error) => error.keyword !== "if" && !choices.some((choice) => isWithin(error, choice)));
  const problems = told.map((error) => {
    const inside = errors.filter((other) => isWithin(other, error));
    return toDiagnostic(error, inside, pointers);
  });
  return problems.sort((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.col ?? 0) - (b.at?.col ?? 0));
}

function isChoice({ keyword }: Mistake): boolean {
  return keyword === "anyOf" || keyword === "oneOf";
}

/** What ajv says of each alternative, besides that none fits. */
function isWithin(error: Mistake, choice: Mistake): boolean {
  return error !== choice && isChoice(choice) && error.schemaPath.startsWith(`${choice.schemaPath}/`);
}

/** Whether values play no part: a key is missing or too many. */
function isAboutKeys(error: Mistake): boolean {
  if (isChoice(error))
    return branchesOf(error).every(({ required, ...rest }) => required !== undefined && Object.keys(rest).length === 0);
  return ["additionalProperties", "required", "dependentRequired"].includes(error.keyword);
}

type Branch = { required?: readonly string[]; type?: string; const?: unknown; enum?: readonly unknown[] };

function branchesOf({ keyword, parentSchema }: Mistake): readonly Branch[] {
  return (parentSchema?.[keyword] ?? []) as readonly Branch[];
}

function toDiagnostic(error: Mistake, inside: readonly Mistake[], pointers: Pointers): Diagnostic {
  const { instancePath, params, data, parentSchema } = error;
  const at = placeOf(instancePath, pointers);
  const name = instancePath === "" ? "the value" : `"${pointerName(instancePath)}"`;
  switch (error.keyword) {
    case "additionalProperties":
      return unknownKey(String(params.additionalProperty), error, pointers);
    case "required":
      return { code: "MISSING_KEY", message: `missing key "${params.missingProperty}"`, at };
    case "dependentRequired":
      return { code: "MISSING_KEY", message: `"${params.property}" needs "${params.missingProperty}" beside it`, at };
    case "type":
      return wrongType(error, name, at);
    case "enum":
      return notAllowed(name, data, params.allowedValues as readonly unknown[], at);
    case "const":
      return notAllowed(name, data, [params.allowedValue], at);
    case "format":
      return badFormat(name, data as string, String(params.format), at);
    case "anyOf":
    case "oneOf":
      return noAlternative(error, inside, name, pointers);
    case "minimum":
    case "maximum": {
      const bound = error.keyword === "minimum" ? "at least" : "at most";
      return {
        code: "BAD_VALUE",
        message: `${name} is ${String(data)}, expected ${bound} ${String(params.limit)}`,
        at,
      };
    }
    case "minLength":
    case "minItems":
    case "minProperties":
      if (params.limit === 1) return { code: "BAD_VALUE", message: `${name} is empty`, at };
      break;
    case "pattern": {
      const wanted = (parentSchema as { description?: string } | undefined)?.description;
      const message = `${name} is "${String(data)}", expected what matches ${String(params.pattern)}`;
      return { code: "BAD_VALUE", message, at, ...(wanted === undefined ? {} : { hint: wanted }) };
    }
  }
  return { code: "BAD_VALUE", message: `${name} ${error.message ?? "is not allowed"}`, at };
}

function placeOf(pointer: string, { places, nodes }: Pointers): Place {
  const found = places.get(pointer) ?? nodes.get("")?.at;
  if (found === undefined) throw new Error(`no place for "${pointer}"`);
  return found;
}

function unknownKey(key: string, { instancePath, parentSchema }: Mistake, pointers: Pointers): Diagnostic {
  const known = Object.keys((parentSchema?.properties ?? {}) as object);
  const at = pointers.keyPlaces.get(pointerTo(instancePath, key)) ?? placeOf(instancePath, pointers);
  const message =
    known.length === 0
      ? `unknown key "${key}", expected none`
      : `unknown key "${key}", expected ${alternatives(known)}`;
  return { code: "UNKNOWN_KEY", message, at, ...didYouMean(key, known) };
}

function wrongType({ data, params, parentSchema }: Mistake, name: string, at: Place): Diagnostic {
  const value = data as Value;
  if (parentSchema?.format === "file-mode" && typeof value === "number") return decimalMode(value, name, at);
  const types = [params.type].flat().map(String);
  const message = `${name} is ${kindOf(value)}, expected ${alternatives(types.map(typeName))}`;
  return { code: "WRONG_TYPE", message, at, ...typeHint(value, types) };
}

function typeName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    integer: "a whole number",
    array: "a list",
    object: "a map",
    null: "nothing",
  };
  return names[type] ?? `a ${type}`;
}

function typeHint(value: Value, types: readonly string[]): { hint?: string } {
  const isScalar = typeof value === "number" || typeof value === "boolean";
  if (isScalar && types.includes("string")) return { hint: `put quotes around it: "${value}"` };
  const wantsNumber = types.includes("integer") || types.includes("number");
  if (wantsNumber && typeof value === "string" && /^-?\d+$/.test(value)) {
    return { hint: "write it without quotes; where a variable gives it, turn it: | int" };
  }
  return types.includes("boolean") && typeof value === "string" ? { hint: "write true or false" } : {};
}

/** YAML has read 600 as six hundred; what the user means is anybody's guess, and a wrong guess opens a key to the world. */
function decimalMode(value: number, name: string, at: Place): Diagnostic {
  const digits = String(value);
  const octal = /^[0-7]{3,4}$/.test(digits) ? digits : value.toString(8);
  return {
    code: "BAD_MODE",
    message: `${name} is the number ${digits}, which looks decimal`,
    at,
    hint: `write it in octal, as text: "${octal.padStart(4, "0")}"`,
  };
}

function notAllowed(name: string, data: unknown, allowed: readonly unknown[], at: Place): Diagnostic {
  const names = allowed.map(String);
  const found = typeof data === "object" ? kindOf(data as Value) : `"${String(data)}"`;
  const message = `${name} is ${found}, expected ${alternatives(names)}`;
  return { code: "BAD_VALUE", message, at, ...(typeof data === "string" ? didYouMean(data, names) : {}) };
}

function badFormat(name: string, data: string, format: string, at: Place): Diagnostic {
  if (format === "file-mode") {
    const mode = parseMode(data);
    const why = mode.kind === "error" ? mode.error : "no file mode";
    return { code: "BAD_MODE", message: `${name}: ${why}`, at, hint: 'write it like "0600" or "u=rw,go="' };
  }
  return { code: "CONTROL_CHARACTER", message: `${name} holds ${controlCharacter(data) ?? "a control character"}`, at };
}

/** Of the alternatives the one that was probably meant speaks; where that is unclear, all are named. */
function noAlternative(choice: Mistake, inside: readonly Mistake[], name: string, pointers: Pointers): Diagnostic {
  const at = placeOf(choice.instancePath, pointers);
  const branches = branchesOf(choice);
  if (isAboutKeys(choice)) return wrongKeys(choice, branches, at);
  const said = branches.map((_, i) =>
    inside.filter(({ schemaPath }) => schemaPath.startsWith(`${choice.schemaPath}/${i}/`)),
  );
  const meant = said.filter((_, i) => isOfKind(choice.data as Value, branches[i] ?? {}));
  const [first] = meant[0] ?? [];
  if (meant.length === 1 && first !== undefined) {
    return toDiagnostic(
      first,
      inside.filter((other) => isWithin(other, first)),
      pointers,
    );
  }
  const message = `${name} is ${kindOf(choice.data as Value)}, expected ${alternatives([...new Set(branches.map(branchName))])}`;
  return { code: meant.length === 0 ? "WRONG_TYPE" : "BAD_VALUE", message, at };
}

function isOfKind(value: Value, { type, const: only, enum: some }: Branch): boolean {
  const kinds =
    type === undefined
      ? [only, ...(some ?? [])].filter((one) => one !== undefined).map((one) => kindOf(one as Value))
      : [typeName(type)];
  return kinds.includes(kindOf(value)) || (type === "integer" && typeof value === "number");
}

function wrongKeys({ params }: Mistake, branches: readonly Branch[], at: Place): Diagnostic {
  const keys = branches.map(({ required = [] }) => required.map((key) => `"${key}"`).join(" with "));
  // ajv names the alternatives that fit where oneOf has too many of them.
  if (Array.isArray(params.passingSchemas)) {
    return { code: "BAD_VALUE", message: `only one of ${alternatives(keys)} can be given`, at };
  }
  return { code: "MISSING_KEY", message: `missing key, expected ${alternatives(keys)}`, at };
}

function branchName({ type, const: only, enum: some }: Branch): string {
  if (only !== undefined) return String(only);
  if (some !== undefined) return alternatives(some.map(String));
  return type === undefined ? "something else" : typeName(type);
}
