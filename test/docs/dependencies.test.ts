import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const declared: Record<string, Record<string, string>> = JSON.parse(read("package.json"));
const page = read("docs/dependencies.md");

for (const [title, kind] of [
  ["At run time", "dependencies"],
  ["For development", "devDependencies"],
] as const) {
  test(`docs/dependencies.md says why each of the ${kind} is there`, () => {
    const section = page.split(/^## /m).find((part) => part.startsWith(title)) ?? "";
    const lines = [...section.matchAll(/^- `([^`]+)`: \S/gm)].map(([, name]) => name);
    assert.deepEqual(lines, Object.keys(declared[kind] ?? {}).sort());
  });
}
