import { readFileSync } from "node:fs";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { SourceFile } from "./source-file.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** A file that the user named, as text; what stands in the way is a problem of theirs, not an exception. */
export function readTextFile(path: string): { source: SourceFile } | { problem: Diagnostic } {
  try {
    return { source: { file: path, text: UTF8.decode(readFileSync(path)) } };
  } catch (error) {
    return { problem: unreadable(path, error as NodeJS.ErrnoException) };
  }
}

function unreadable(path: string, error: NodeJS.ErrnoException): Diagnostic {
  if (error.code === "ENOENT") return { code: "FILE_MISSING", message: `no file ${path}` };
  if (error.code === "EISDIR") return { code: "FILE_UNREADABLE", message: `${path} is a folder, expected a file` };
  if (error instanceof TypeError) return { code: "FILE_UNREADABLE", message: `${path} is no UTF-8 text` };
  return { code: "FILE_UNREADABLE", message: `${path} can't be read: ${error.message}` };
}
