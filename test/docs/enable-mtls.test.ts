import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const rows = [...read("docs/enable-mtls.md").matchAll(/^\| `((?:mtls|postgres)_\w+)` \|.*\| (yes)? ?\|$/gm)];

/** Variables in templates; what a comment says of them does not count. */
function variablesOf(playbook: string): string[] {
  const templates =
    read(playbook)
      .replace(/^\s*#.*$/gm, "")
      .match(/\{\{[\s\S]*?\}\}/g) ?? [];
  return [...new Set(templates.join(" ").match(/\b(?:mtls|postgres)_\w+/g))].sort();
}

test("docs/enable-mtls.md tells each variable of enable-mtls.yml, and no other", () => {
  assert.deepEqual(rows.map(([, name]) => name).sort(), variablesOf("playbooks/enable-mtls.yml"));
});

test("docs/enable-mtls.md says which of them renew.yml knows", () => {
  const known = rows.filter(([, , inRenewal]) => inRenewal === "yes").map(([, name]) => name);
  assert.deepEqual(known.sort(), variablesOf("playbooks/renew.yml"));
});
