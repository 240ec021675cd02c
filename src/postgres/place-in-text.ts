import type { Place } from "../diagnostics/diagnostic.ts";
import { asText } from "./text-edit.ts";

/** The place of `length` bytes at `offset` of a host's file, as a person's editor counts. `text` holds a byte in each character. */
export function placeInText(file: string, text: string, offset: number, length: number): Place {
  const start = text.slice(0, offset).lastIndexOf("\n") + 1;
  const newline = text.indexOf("\n", start);
  const end = newline === -1 ? text.length : newline;
  const line = text.slice(0, start).split("\n").length;
  return {
    file,
    line,
    col: asText(text.slice(start, offset)).length + 1,
    length: asText(text.slice(offset, Math.min(end, offset + length))).length,
    text: asText(text.slice(start, end)).replace(/\r+$/, ""),
  };
}
