import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { conditionTests } from "../../src/document/condition-tests.ts";
import { filters } from "../../src/document/filters.ts";

const page = readFileSync(new URL("../../docs/playbooks.md", import.meta.url), "utf8");

for (const [what, known] of [
  ["filters, with `|`:", filters],
  ["tests, with `is`:", conditionTests],
] as const) {
  test(`docs/playbooks.md names all ${what.split(",")[0]} and no other`, () => {
    const list = page.split(`- ${what}`)[1]?.split(/\n(?! {2})/)[0] ?? "";
    assert.deepEqual([...list.matchAll(/`([^`]+)`/g)].map(([, name]) => name).sort(), [...known.keys()].sort());
  });
}
