/** JSON Schema of a task module's arguments: an object that knows its keys, with a description and maybe a default for each. */
export type ArgumentSchema = {
  type: "object";
  additionalProperties: false;
  required?: readonly string[];
  properties: Readonly<Record<string, PropertySchema>>;
  [keyword: string]: unknown;
};
export type PropertySchema = { description: string; default?: unknown; format?: string; [keyword: string]: unknown };
