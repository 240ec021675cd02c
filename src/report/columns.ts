import stringWidth from "string-width";

/** `text` filled with blanks to `width` columns of the terminal, not characters. */
export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - stringWidth(text))) + text;
}

/** The widest of `texts`, in columns. */
export function widest(texts: Iterable<string>): number {
  let width = 0;
  for (const text of texts) width = Math.max(width, stringWidth(text));
  return width;
}

/** `text` cut to `width` columns, ending in `more` where something is missing. Without colours: a cut would lose their end. */
export function cut(text: string, width: number, more: string): string {
  if (stringWidth(text) <= width) return text;
  let [kept, used] = ["", 0];
  for (const { segment } of graphemes.segment(text)) {
    used += stringWidth(segment);
    if (used > width - stringWidth(more)) break;
    kept += segment;
  }
  return width < stringWidth(more) ? "" : kept + more;
}

const graphemes = new Intl.Segmenter();
