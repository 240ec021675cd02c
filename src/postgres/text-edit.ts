/** Replace `length` characters at `offset` with `text`. */
export type Edit = { offset: number; length: number; text: string };

/** `source` with `edits`, which must not overlap; those at one offset stand in the order given. Linear in the text's length. */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const { offset, length, text } of [...edits].sort((a, b) => a.offset - b.offset)) {
    if (offset < done) throw new RangeError(`edits overlap at offset ${offset}`);
    parts.push(source.slice(done, offset), text);
    done = offset + length;
  }
  parts.push(source.slice(done));
  return parts.join("");
}

/** The line ending that new lines of `source` shall have: that of its first line, `\n` where it has none. */
export function newlineOf(source: string): "\n" | "\r\n" {
  const end = source.indexOf("\n");
  return end > 0 && source[end - 1] === "\r" ? "\r\n" : "\n";
}

/** UTF-8 as the files hold it, one character a byte. Text of playbooks becomes this before it meets a file's text. */
export function asBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** What a person reads: the bytes as UTF-8, or as they are where they are no UTF-8. */
export function asText(latin1: string): string {
  const text = Buffer.from(latin1, "latin1").toString("utf8");
  return text.includes("\ufffd") ? latin1 : text;
}
