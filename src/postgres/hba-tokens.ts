/** A word of pg_hba.conf or pg_ident.conf. `text` is without its quotes; offset and length are the source's, quotes included. */
export type HbaToken = {
  text: string;
  /** It begins with a quote, which takes the meaning from `all`, `+role`, `@file` and the like, but not from a leading `/`. */
  quoted: boolean;
  offset: number;
  length: number;
};

/** What stands between blanks: one token, or several joined by commas. */
export type HbaField = readonly [HbaToken, ...HbaToken[]];

/** A logical line: several physical ones where a backslash continues it. `number` is that of the first, as the server counts. */
export type HbaLogicalLine = {
  number: number;
  offset: number;
  /** With its newline, so that all lines join to the file. */
  length: number;
  fields: readonly HbaField[];
  error: string | undefined;
};

const CONTINUATION_SINCE = 14;
const TOKENS_OF_ANY_LENGTH_SINCE = 16;
const MAX_TOKEN_BYTES = 255; // MAX_TOKEN of hba.c up to 15, less the closing NUL
const LINES_OF_ANY_LENGTH_SINCE = 14;
const MAX_LINE_BYTES = 8190; // MAX_LINE of hba.c up to 13, less the newline and the closing NUL

/**
 * The logical lines of `source` with their tokens, as tokenize_auth_file and next_token of hba.c cut them. No error but a token or a
 * line too long for old servers: an open quote runs to the end of the line, as there.
 */
export function tokenizeHba(source: string, major: number): HbaLogicalLine[] {
  const lines: HbaLogicalLine[] = [];
  let offset = 0;
  let number = 1;
  while (offset < source.length) {
    const line = logicalLine(source, offset, major);
    const { fields, error } = fieldsOf(line, major);
    lines.push({ number, offset, length: line.end - offset, fields, error });
    offset = line.end;
    number += line.physicalLines;
  }
  return lines;
}

/** The characters that the server tokenizes, and where each of them is in the source: `starts[i]` begins at `text[at]`. */
type Joined = { text: string; starts: { at: number; offset: number }[]; end: number; physicalLines: number };

function logicalLine(source: string, offset: number, major: number): Joined {
  const starts = [{ at: 0, offset }];
  let text = "";
  let from = offset;
  for (let physicalLines = 1; ; physicalLines++) {
    const newline = source.indexOf("\n", from);
    const end = newline === -1 ? source.length : newline + 1;
    const afterLastBackslash = text.length;
    text = stripped(text + source.slice(from, newline === -1 ? end : newline));
    const continues = major >= CONTINUATION_SINCE && text.length > afterLastBackslash && text.endsWith("\\");
    if (!continues) return { text, starts, end, physicalLines };
    text = text.slice(0, -1);
    if (end === source.length) return { text, starts, end, physicalLines };
    from = end;
    starts.push({ at: text.length, offset: from });
  }
}

/** A line as a C string without its line ending: a NUL ends it, and all carriage returns at the end go. */
function stripped(text: string): string {
  const nul = text.indexOf("\0");
  let end = nul === -1 ? text.length : nul;
  while (end > 0 && (text[end - 1] === "\r" || text[end - 1] === "\n")) end--;
  return text.slice(0, end);
}

function fieldsOf(line: Joined, major: number): { fields: HbaField[]; error: string | undefined } {
  if (major < LINES_OF_ANY_LENGTH_SINCE && line.text.length > MAX_LINE_BYTES)
    return { fields: [], error: "authentication file line too long" };
  const fields: HbaField[] = [];
  let field: [HbaToken, ...HbaToken[]] | undefined;
  let at = 0;
  for (;;) {
    const next = nextToken(line.text, at);
    if (next === undefined) break;
    if (major < TOKENS_OF_ANY_LENGTH_SINCE && next.text.length > MAX_TOKEN_BYTES)
      return { fields, error: "authentication file token too long" };
    const offset = sourceOffset(line, next.start);
    const token = {
      text: next.text,
      quoted: next.quoted,
      offset,
      length: sourceOffset(line, next.end - 1) + 1 - offset,
    };
    if (field === undefined) {
      field = [token];
      fields.push(field);
    } else {
      field.push(token);
    }
    if (!next.comma) field = undefined;
    at = next.end;
  }
  return { fields, error: undefined };
}

type Found = { text: string; quoted: boolean; comma: boolean; start: number; end: number };

function isBlank(char: string): boolean {
  return char === " " || char === "\t" || char === "\r";
}

/** next_token of hba.c; undefined at the end of the line and at a comment. */
function nextToken(line: string, from: number): Found | undefined {
  let at = from;
  while (at < line.length && (isBlank(line.charAt(at)) || line[at] === ",")) at++;
  const start = at;
  while (at < line.length && !isBlank(line.charAt(at)) && !SPECIAL.has(line.charAt(at))) at++;
  if (line[at] !== '"') {
    if (at === start) return undefined;
    return { text: line.slice(start, at), quoted: false, comma: line[at] === ",", start, end: at };
  }
  return quotedToken(line, start);
}

const SPECIAL = new Set([",", "#", '"']);

/** A token that holds a quote somewhere, at which it need not begin. */
function quotedToken(line: string, start: number): Found {
  let at = start;
  let text = "";
  let inQuote = false;
  let afterQuote = false;
  let quoted = false;
  while (at < line.length) {
    const char = line.charAt(at);
    if (!inQuote && (isBlank(char) || char === "#" || char === ",")) break;
    // A doubled quote closes and opens again, and the second one counts.
    if (char !== '"' || afterQuote) text += char;
    afterQuote = inQuote && char === '"' ? !afterQuote : false;
    if (char === '"') {
      inQuote = !inQuote;
      if (text === "") quoted = true;
    }
    at++;
  }
  return { text, quoted, comma: line[at] === "," && !inQuote, start, end: at };
}

function sourceOffset(line: Joined, at: number): number {
  for (let i = line.starts.length - 1; i >= 0; i--) {
    const start = line.starts[i];
    if (start !== undefined && start.at <= at) return start.offset + (at - start.at);
  }
  throw new RangeError(`position ${at} is outside the line`);
}
