/** What the scanner of guc-file.l tells apart in a line. */
export type ConfTokenKind = "id" | "qualified-id" | "string" | "word" | "integer" | "real" | "equals" | "error";
export type ConfToken = { kind: ConfTokenKind; text: string; offset: number };

/** A physical line: no token of postgresql.conf reaches over a newline. `comment` is where its `#` stands. */
export type ConfScan = { tokens: readonly ConfToken[]; comment: number | undefined };

/** The tokens of `line`, which is without its newline, with offsets that begin at `offset`. */
export function scanConfLine(line: string, offset: number): ConfScan {
  const tokens: ConfToken[] = [];
  let at = 0;
  while (at < line.length) {
    const char = line.charAt(at);
    if (char === " " || char === "\t" || char === "\r") {
      at++;
      continue;
    }
    if (char === "#") return { tokens, comment: offset + at };
    const token = longestToken(line, at);
    tokens.push({ ...token, offset: offset + at });
    at += token.text.length;
  }
  return { tokens, comment: undefined };
}

const ID = "[A-Za-z_\\x80-\\xff][A-Za-z_0-9\\x80-\\xff]*";
// In the order of the rules in guc-file.l: of equally long tokens, the first rule wins.
const RULES: readonly [ConfTokenKind, RegExp][] = [
  ["id", new RegExp(ID, "y")],
  ["qualified-id", new RegExp(`${ID}\\.${ID}`, "y")],
  ["string", /'(?:[^'\\\n]|\\[^\n]|'')*'/y],
  ["word", /[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff._:/-]*/y],
  ["integer", /[-+]?(?:0x[0-9a-fA-F]+|\d+)[a-zA-Z]*/y],
  ["real", /[-+]?\d*\.\d*(?:[Ee][-+]?\d+)?/y],
  ["equals", /=/y],
];

function longestToken(line: string, at: number): { kind: ConfTokenKind; text: string } {
  let longest: { kind: ConfTokenKind; text: string } = { kind: "error", text: "" };
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const text = rule.exec(line)?.[0] ?? "";
    if (text.length > longest.text.length) longest = { kind, text };
  }
  return longest.text === "" ? { kind: "error", text: line.charAt(at) } : longest;
}

/** The text that a quoted value stands for (DeescapeQuotedString of guc-file.l). */
export function unquoteConf(quoted: string): string {
  return quoted.slice(1, -1).replace(/''|\\([0-7]{1,3}|.)/gs, (found, escaped: string | undefined) => {
    if (escaped === undefined) return found === "''" ? "'" : found;
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
    return ESCAPES.get(escaped) ?? escaped;
  });
}

const ESCAPES = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
