/** Which quotations are open on a line. */
export type OpenQuotes = { single: boolean; double: boolean };

export const NO_QUOTES: OpenQuotes = { single: false, double: false };

/** What is open after `text`, which follows what left `open`. No quotation goes beyond its line. */
export function quotesAfter(open: OpenQuotes, text: string): OpenQuotes {
  const lineStart = text.lastIndexOf("\n") + 1;
  const line = text.slice(lineStart).replace(/\\./g, "");
  const from = lineStart === 0 ? open : NO_QUOTES;
  const isOdd = (quote: string) => line.split(quote).length % 2 === 0;
  return { single: from.single !== isOdd("'"), double: from.double !== isOdd('"') };
}

/**
 * Where the value of a password option ends that begins at `start` of `text`; `start` where there is none. What is `open` before the
 * option decides how the value is written; `isVariable`: it is one of the environment. No value goes beyond its line, unless that is
 * continued.
 */
export function passwordEnd(
  text: string,
  start: number,
  option: { name: string; open: OpenQuotes; isVariable: boolean },
): number {
  for (const form of formsOf(option)) {
    form.lastIndex = start;
    const [value = ""] = form.exec(text) ?? [];
    if (value !== "") return start + value.length;
  }
  return start;
}

// Options of pg_hba.conf: quotes may begin and end anywhere in a token, a backslash continues the line, and nothing else is special
// (hba.c, next_token, tokenize_auth_file).
const HBA_TOKEN = /(?:\\\r?\n|"(?:\\\r?\n|[^"\n])*"?|[^\s"])+/y;
const HBA_TOKEN_IN_QUOTES = /(?:\\\r?\n|[^"\n])*(?:"(?:"[^"\n]*"?|[^\s"])*)?/y;

// A connection string in a string of postgresql.conf: there '' and \' are a quote, \\ is a backslash (guc-file.l), so that the string's
// own \' becomes \\\' or \\''.
const IN_SINGLE =
  /(?:''|\\')(?:\\\\(?:\\.|''|[^'\\\n])|\\[^'\\\n]|[^'\\\n])*(?:''|\\')?|(?:\\\\(?:\\.|''|[^'\\\n])|\\[^\n]|''|[^\s'\\])+/y;

// A connection string in double quotes, as a shell or a program has it.
const IN_DOUBLE = /'(?:\\.|[^'\\\n])*'?|(?:\\.|[^\s"\\])+/y;

// A whole string of postgresql.conf.
const CONF_STRING = /'(?:''|\\.|[^'\\\n])+'?|[^\s'#]+/y;

// PGPASSWORD and its like, as a shell takes them: no backslash counts in single quotes.
const IN_SHELL = /(?:"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|\\[^\n]|[^\s"'\\])+/y;

// A connection string by itself. Its quotes may be doubled, or have backslashes, for a string around it
// that is not shown.
const BY_ITSELF =
  /''[^'\n]+''|\\'(?:\\\\.|[^'\\\n])*\\'|(?:"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|\\[^\n]|[^\s"'\\])+/y;

function formsOf(option: { name: string; open: OpenQuotes; isVariable: boolean }): readonly RegExp[] {
  const { open, isVariable } = option;
  const name = option.name.toLowerCase();
  if (name === "ssl_passphrase_command") return [CONF_STRING];
  if (name === "ldapbindpasswd" || name === "radiussecrets") return [open.double ? HBA_TOKEN_IN_QUOTES : HBA_TOKEN];
  if (isVariable) return [IN_SHELL];
  // An apostrophe in a sentence looks like an open quotation: where nothing fits that, the value stands by itself.
  return [...(open.single ? [IN_SINGLE] : open.double ? [IN_DOUBLE] : []), BY_ITSELF];
}
