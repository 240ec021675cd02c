/** A word as the shell would read it. `offsets[i]` is where its i-th UTF-16 unit stands in the line; quotes and escapes have gone. */
export type Word = { text: string; offsets: readonly number[]; start: number; end: number };

type SplitLine = { words: readonly Word[]; problem?: { message: string; start: number; end: number } };

/**
 * `line` in words, as Python's `shlex.split(line, comments=True)` has them, which Ansible reads host lines with: an unquoted `#` begins
 * a comment even inside a word. What stands before a problem is still given.
 */
export function splitWords(line: string): SplitLine {
  const words: Word[] = [];
  let offset = 0;
  for (;;) {
    while (isBlank(line[offset])) offset++;
    if (offset >= line.length || line[offset] === "#") return { words };
    const read = readWord(line, offset);
    if ("message" in read) return { words, problem: read };
    words.push(read);
    offset = read.end;
  }
}

function isBlank(char: string | undefined): boolean {
  return char === " " || char === "\t" || char === "\r" || char === "\n";
}

function readWord(line: string, start: number): Word | { message: string; start: number; end: number } {
  let text = "";
  const offsets: number[] = [];
  let quote: { char: string; at: number } | undefined;
  let i = start;
  const take = (at: number) => {
    text += line[at];
    offsets.push(at);
  };
  for (; i < line.length; i++) {
    const char = line[i] ?? "";
    if (quote === undefined && (isBlank(char) || char === "#")) break;
    if (char === quote?.char) quote = undefined;
    else if (quote === undefined && (char === '"' || char === "'")) quote = { char, at: i };
    else if (char === "\\" && quote?.char !== "'") {
      const next = line[i + 1];
      if (next === undefined) return { message: "a backslash with nothing after it", start: i, end: i + 1 };
      // Between double quotes a backslash stays, unless it guards a quote or another backslash.
      if (quote !== undefined && next !== '"' && next !== "\\") take(i);
      take(i + 1);
      i++;
    } else take(i);
  }
  if (quote !== undefined) {
    return { message: `a quote (${quote.char}) that is not closed`, start: quote.at, end: quote.at + 1 };
  }
  return { text, offsets, start, end: i };
}
