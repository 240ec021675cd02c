import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const codes = [...read("src/diagnostics/codes.ts").matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map(([, code]) => code);
const entries = read("docs/errors.md").split(/^### /m).slice(1);

test("docs/errors.md explains every code of src/diagnostics/codes.ts, each once, and no other", () => {
  assert.ok(codes.length > 50);
  assert.deepEqual(entries.map((entry) => entry.split("\n", 1)[0]).sort(), codes.sort());
});

for (const entry of entries) {
  const [code = "", ...text] = entry.split(/^## /m)[0]?.split("\n") ?? [];
  test(`${code} has an explanation and says what to do`, () => {
    assert.match(text.join("\n"), /\w[\s\S]*\*\*What to do:\*\* \S/);
  });
}
