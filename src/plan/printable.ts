/**
 * `text` with every character spelt out that would move the cursor, ring, colour or reorder what follows, so that nothing a host
 * sends reaches the terminal as a command. Newlines and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, spelt);
}

// C0 without \t and \n, DEL and C1, line and paragraph separators, and the marks that turn the direction of text (UAX 9).
const UNPRINTABLE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function spelt(character: string): string {
  if (character === "\r") return "\\r";
  const code = character.charCodeAt(0);
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
