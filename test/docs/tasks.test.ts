import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { taskDocs } from "../../scripts/task-docs.ts";

test("docs/tasks.md says what the modules say of themselves", () => {
  const written = readFileSync(new URL("../../docs/tasks.md", import.meta.url), "utf8");
  assert.equal(written, taskDocs(), "write it anew: node --import tsx scripts/task-docs.ts");
});
