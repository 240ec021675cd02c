import { printable } from "./printable.ts";
import { withoutSecrets } from "./secrets.ts";

/** The bytes of a file (latin1) as people may see them: UTF-8 where it is that, else escaped; undefined where it is no text. */
export function shownText(latin1: string): string | undefined {
  if (latin1.includes("\0")) return undefined;
  return printable(withoutSecrets(decoded(latin1)));
}

function decoded(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, "latin1"));
  } catch {
    return latin1.replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
  }
}
