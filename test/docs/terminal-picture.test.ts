import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../scripts/terminal-picture.mjs", import.meta.url));

function pictureOf(...captures: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "pgmtls-picture-"));
  try {
    const files = captures.map((capture, i) => {
      const file = join(folder, String(i));
      writeFileSync(file, capture);
      return file;
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...files], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The pieces of text, each with what was said of how it looks. */
function pieces(svg: string): [text: string, attributes: string][] {
  return [...svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)].map(([, attributes = "", text = ""]) => [
    text,
    attributes,
  ]);
}

test("colours, bold and faint text are kept, and end where they end", () => {
  const svg = pictureOf("\x1b[32mok\x1b[39m  plain  \x1b[1mbold\x1b[0m  \x1b[0;2mfaint\x1b[0m\n");
  const [ok, plain, bold, faint] = pieces(svg);
  assert.deepEqual([ok?.[0], plain?.[0], bold?.[0], faint?.[0]], ["ok", "plain", "bold", "faint"]);
  assert.match(ok?.[1] ?? "", /fill: #8fd06f/);
  assert.doesNotMatch(plain?.[1] ?? "", /fill|bold|opacity/);
  assert.match(bold?.[1] ?? "", /font-weight="bold"/);
  assert.match(faint?.[1] ?? "", /opacity/);
});

test("a colour that is still on at the end of a line goes on in the next", () => {
  const [, second] = pieces(pictureOf("\x1b[31mone\ntwo\x1b[0m\n"));
  assert.match(second?.[1] ?? "", /fill: #f0717b/);
});

test("columns stand below each other, whatever stands before them", () => {
  const svg = pictureOf("db1   ✓\n\x1b[2mdb22\x1b[0m  ✓\n");
  const columns = pieces(svg).flatMap(([text, attributes]) =>
    text === "✓" ? [/x="([^"]*)"/.exec(attributes)?.[1]] : [],
  );
  assert.equal(columns.length, 2);
  assert.equal(columns[0], columns[1]);
});

test("what XML takes for its own is escaped, and blank rows at the end are left out", () => {
  const svg = pictureOf("a < b && c\n\n\n");
  assert.deepEqual(pieces(svg)[0]?.[0], "a &lt; b &amp;&amp; c");
  assert.match(svg, /height="46"/);
});

test("several captures are windows below each other", () => {
  assert.equal([...pictureOf("one\n", "two\n").matchAll(/<rect /g)].length, 2);
});

test("the picture of the README is well formed and shows no path of the machine it was made on", () => {
  const svg = readFileSync(new URL("../../docs/live-screen.svg", import.meta.url), "utf8");
  assert.match(svg, /^<svg [^>]*>[\s\S]*<\/svg>\n$/);
  assert.ok(pieces(svg).length > 20);
  assert.doesNotMatch(svg, /\/(tmp|work|home|root)\//);
});
