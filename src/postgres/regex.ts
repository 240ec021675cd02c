/**
 * Why PostgreSQL can't compile `source` as an advanced regular expression, in its words (regerrs.h); undefined where it seems to.
 * Looks for what people get wrong (a comma that splits `{2,4}`, an open bracket), not for everything that regcomp.c refuses.
 */
export function regexProblem(source: string): string | undefined {
  if (source.startsWith("***=")) return undefined; // the rest is literal text
  let depth = 0;
  let canRepeat = false;
  for (let at = 0; at < source.length; ) {
    const part = nextPart(source, at);
    if ("problem" in part) return part.problem;
    if (part.is === "quantifier" && !canRepeat) return "quantifier operand invalid";
    if (part.is === "open") depth++;
    if (part.is === "close" && depth-- === 0) return "parentheses () not balanced";
    canRepeat = part.is === "atom" || part.is === "close";
    at = part.end;
  }
  return depth > 0 ? "parentheses () not balanced" : undefined;
}

type Part = { is: "atom" | "quantifier" | "open" | "close" | "start"; end: number } | { problem: string };

function nextPart(source: string, at: number): Part {
  switch (source[at]) {
    case "\\":
      return at + 1 === source.length ? { problem: "invalid escape \\ sequence" } : { is: "atom", end: at + 2 };
    case "[": {
      const end = endOfBracket(source, at);
      return end === undefined ? { problem: "brackets [] not balanced" } : { is: "atom", end };
    }
    case "(":
      // What follows `(?` says what kind of group it is.
      return { is: "open", end: source[at + 1] === "?" ? at + 3 : at + 1 };
    case ")":
      return { is: "close", end: at + 1 };
    case "{":
      return bound(source, at);
    case "*":
    case "+":
    case "?":
      return { is: "quantifier", end: source[at + 1] === "?" ? at + 2 : at + 1 };
    case "|":
    case "^":
      return { is: "start", end: at + 1 };
    default:
      return { is: "atom", end: at + 1 };
  }
}

function bound(source: string, at: number): Part {
  // A brace before anything but a digit is an ordinary character (regc_lex.c).
  if (!/\d/.test(source.charAt(at + 1))) return { is: "atom", end: at + 1 };
  const found = /^\{\d+(?:,\d*)?\}\??/.exec(source.slice(at, at + LONGEST_BOUND));
  if (found !== null) return { is: "quantifier", end: at + found[0].length };
  return { problem: source.includes("}", at) ? "invalid repetition count(s)" : "braces {} not balanced" };
}

const LONGEST_BOUND = "{255,255}?".length; // DUPMAX is 255

/** Behind the bracket expression that begins at `start`; undefined where it does not end. */
function endOfBracket(source: string, start: number): number | undefined {
  let at = start + 1;
  if (source[at] === "^") at++;
  if (source[at] === "]") at++;
  while (at < source.length) {
    const char = source[at];
    if (char === "]") return at + 1;
    const named = char === "[" ? source[at + 1] : undefined;
    if (named === ":" || named === "." || named === "=") {
      const end = source.indexOf(`${named}]`, at + 2);
      if (end === -1) return undefined;
      at = end + 2;
    } else {
      at += char === "\\" ? 2 : 1;
    }
  }
  return undefined;
}
