import assert from "node:assert/strict";
import { test } from "node:test";
import { marksFor } from "../../src/report/marks.ts";
import { paletteFor } from "../../src/report/palette.ts";

for (const [isTTY, env, isColoured] of [
  [true, {}, true],
  [false, {}, false],
  [true, { TERM: "dumb" }, false],
  [true, { NO_COLOR: "1" }, false],
  [true, { NO_COLOR: "" }, true],
  [false, { FORCE_COLOR: "1" }, true],
  [true, { FORCE_COLOR: "0" }, false],
  [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
] as const) {
  test(`colours ${isTTY ? "on a terminal" : "in a pipe"} with ${JSON.stringify(env)}: ${isColoured}`, () => {
    const { red } = paletteFor({ write: () => {}, isTTY }, env);
    assert.equal(red("x") !== "x", isColoured);
  });
}

for (const [env, isUnicode] of [
  [{ LANG: "en_GB.UTF-8" }, true],
  [{ LANG: "C.utf8" }, true],
  [{ LANG: "en_GB.UTF-8", LC_ALL: "C" }, false],
  [{ LANG: "C", LC_CTYPE: "C.UTF-8" }, true],
  [{ LANG: "C.UTF-8", LC_ALL: "" }, true],
  [{}, false],
] as const) {
  test(`unicode marks with ${JSON.stringify(env)}: ${isUnicode}`, () => {
    const { of, frames, more } = marksFor(env);
    const all = [...Object.values(of), ...frames, more].join("");
    assert.equal(/[^\x20-\x7e]/.test(all), isUnicode);
  });
}
