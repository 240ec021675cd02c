// Makes an SVG of what a terminal showed: node scripts/terminal-picture.mjs CAPTURE... > docs/live-screen.svg
// A CAPTURE is a file with text and colours (SGR), as `tmux capture-pane -e -p` writes it; several are shown one below the other, each a
// window of its own. docs/live-screen.svg is made so: `pgmtls demo up`, a tmux window of 96 x 24, `pgmtls run ...` in it, captured while it
// runs and when it is over.
import { readFileSync } from "node:fs";

const CELL = { width: 8.4, height: 18 };
const MARGIN = 14;
const BASELINE = 13; // of a line, from its top
const FOREGROUND = "#d4d7dd";
const BACKGROUND = "#16181d";
/** SGR 30 to 37 and 90 to 97: bright enough to be read on the background. */
const COLOURS = ["#5c6370", "#f0717b", "#8fd06f", "#e8c46a", "#6cb2f7", "#d38ae8", "#5fd0d6", "#d4d7dd"];

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node scripts/terminal-picture.mjs CAPTURE... > PICTURE.svg");
  process.exit(1);
}
process.stdout.write(picture(files.map((file) => screenOf(readFileSync(file, "utf8")))));

/** @typedef {{ bold: boolean, dim: boolean, colour: string | undefined }} Style */
/** @typedef {Style & { column: number, text: string }} Piece */

/** @param {string} capture @returns {Piece[][]} Rows of pieces of one style each, without the blank rows at the end. */
function screenOf(capture) {
  /** @type {Style} */
  let style = { bold: false, dim: false, colour: undefined };
  const rows = capture.split(/\r?\n/).map((line) => {
    /** @type {Piece[]} */
    const pieces = [];
    let column = 0;
    for (const [, codes, text] of line.matchAll(/\x1b\[([0-9;]*)m|([^\x1b]+)/g)) {
      if (codes !== undefined) style = codes.split(";").reduce(applied, style);
      if (text === undefined) continue;
      pieces.push({ ...style, column, text });
      column += [...text].length;
    }
    return pieces;
  });
  return rows.slice(0, rows.findLastIndex((row) => row.some(({ text }) => text.trim() !== "")) + 1);
}

/** @param {Style} style @param {string} code @returns {Style} ECMA-48, 8.3.117. */
function applied(style, code) {
  const number = Number(code);
  if (number === 0) return { bold: false, dim: false, colour: undefined };
  if (number === 1) return { ...style, bold: true };
  if (number === 2) return { ...style, dim: true };
  if (number === 22) return { ...style, bold: false, dim: false };
  if (number === 39) return { ...style, colour: undefined };
  const colour = COLOURS[(number - 30) % 60];
  return colour === undefined ? style : { ...style, colour };
}

/** @param {readonly Piece[][][]} screens */
function picture(screens) {
  const columns = Math.max(...screens.flat(2).map(({ column, text }) => column + [...text.trimEnd()].length));
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN);
  let top = 0;
  const windows = screens.map((rows) => {
    const height = rows.length * CELL.height + 2 * MARGIN;
    const shown = window(rows, top, width, height);
    top += height + MARGIN;
    return shown;
  });
  const height = top - MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<style>text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre; fill: ${FOREGROUND}; }</style>`,
    ...windows,
    "</svg>\n",
  ].join("\n");
}

/** @param {readonly Piece[][]} rows @param {number} top @param {number} width @param {number} height */
function window(rows, top, width, height) {
  const lines = rows.flatMap((row, i) => row.flatMap((piece) => words(piece, top + MARGIN + i * CELL.height)));
  return [`<rect y="${top}" width="${width}" height="${height}" rx="6" fill="${BACKGROUND}"/>`, ...lines].join("\n");
}

/**
 * Each piece between wide gaps is put at its column and given its width, so that columns stay columns in whatever font is there.
 * @param {Piece} piece @param {number} top
 */
function words({ bold, dim, colour, column, text }, top) {
  return [...text.matchAll(/\S+(?: \S+)*/g)].map((match) => {
    const [word] = match;
    const start = column + [...text.slice(0, match.index)].length;
    const attributes = [
      `x="${round(MARGIN + start * CELL.width)}" y="${top + BASELINE}" textLength="${round([...word].length * CELL.width)}"`,
      ...(colour === undefined ? [] : [`style="fill: ${colour}"`]),
      ...(bold ? ['font-weight="bold"'] : []),
      ...(dim ? ['opacity="0.6"'] : []),
    ];
    return `<text ${attributes.join(" ")}>${escaped(word)}</text>`;
  });
}

/** @param {number} number */
function round(number) {
  return Number(number.toFixed(1));
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
