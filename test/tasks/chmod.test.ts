import assert from "node:assert/strict";
import { test } from "node:test";
import { chmod } from "../../src/tasks/chmod.ts";
import { fileOf, hostWith, planAgain } from "./host.ts";

for (const [name, args, before, expected] of [
  ["a mode that is there already is nothing to do", { mode: "0644" }, {}, undefined],
  ["an octal mode", { mode: "0600" }, {}, { mode: 0o600, because: "mode 0644 -> 0600" }],
  ["octal as YAML 1.2 writes it", { mode: "0o600" }, {}, { mode: 0o600, because: "mode 0644 -> 0600" }],
  [
    "a symbolic mode goes from what is there",
    { mode: "u=rw,go=" },
    { mode: 0o755 },
    { mode: 0o600, because: "mode 0755 -> 0600" },
  ],
  [
    "X gives a directory its x",
    { mode: "u=rwX,go=" },
    { kind: "directory", mode: 0o600 },
    { mode: 0o700, because: "mode 0600 -> 0700" },
  ],
  [
    "owner and group",
    { owner: "postgres", group: "ssl-cert" },
    {},
    { mode: 0o644, because: "owner root -> postgres, group root -> ssl-cert" },
  ],
] as const) {
  test(`chmod: ${name}`, () => {
    const full = { path: "/f", cluster: "", ...args };
    const state = hostWith({ "/f": fileOf("/f", before) });
    const planned = chmod.plan(full, state);
    if (expected === undefined) return assert.deepEqual(planned, { outcome: "ok" });
    assert.ok(planned.outcome === "change");
    const [change] = planned.changes;
    assert.ok(change?.kind === "file" && change.after !== "absent");
    assert.deepEqual({ mode: change.after.mode, because: change.because }, expected);
    assert.deepEqual(planAgain(chmod, full, state, planned), { outcome: "ok" });
  });
}

test("chmod: a file that is not there is refused, with its path", () => {
  const planned = chmod.plan({ path: "/none", cluster: "", mode: "0600" }, hostWith({}));
  assert.ok(planned.outcome === "refused");
  assert.match(planned.problems[0]?.message ?? "", /no file \/none on the host/);
});

test("chmod: a relative path without a cluster is refused", () => {
  const planned = chmod.plan({ path: "server.key", cluster: "", mode: "0600" }, hostWith({}));
  assert.ok(planned.outcome === "refused");
  assert.equal(planned.problems[0]?.code, "NO_CLUSTER");
});
