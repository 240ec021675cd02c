import type { Code } from "../diagnostics/codes.ts";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { describePlace } from "./source-file.ts";

type Details = { hint?: string; offset?: number; length?: number };

/**
 * How a template stops, from wherever in an expression it finds that it cannot go on; never leaves `document/`. `offset` counts from the start of the
 * template's text; the scalar that holds the template turns it into `at`.
 */
export class TemplateFault extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  offset: number | undefined;
  length: number | undefined;
  at: Place | undefined;
  /** Where the template stands that wanted this one, when the fault is in a variable's own value. */
  usedAt: Place | undefined;

  constructor(code: Code, message: string, { hint, offset, length }: Details = {}) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.offset = offset;
    this.length = length;
  }

  diagnostic(): Diagnostic {
    const used = this.usedAt === undefined ? undefined : `used by ${describePlace(this.usedAt)}`;
    const hint = this.hint !== undefined && used !== undefined ? `${this.hint} (${used})` : (this.hint ?? used);
    return {
      code: this.code,
      message: this.message,
      ...(this.at === undefined ? {} : { at: this.at }),
      ...(hint === undefined ? {} : { hint }),
    };
  }
}

export function badTemplate(message: string, details: Details = {}): TemplateFault {
  return new TemplateFault("BAD_TEMPLATE", message, details);
}
