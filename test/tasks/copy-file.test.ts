import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Content } from "../../src/state/host-state.ts";
import { type CopyFileArgs, copyFile } from "../../src/tasks/copy-file.ts";
import { fileOf, hostWith, planAgain } from "./host.ts";

const KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const sha256 = (text: string) => createHash("sha256").update(text, "latin1").digest("hex");
const args = (over: Partial<CopyFileArgs>): CopyFileArgs => ({
  dest: "/f",
  backup: false,
  replace: true,
  secret: false,
  cluster: "",
  ...over,
});
const REQUEST = {
  commonName: "db1",
  dns: [],
  ip: [],
  key: "ec-p256",
  purpose: "server",
  lifetimeSeconds: undefined,
} as const;
const text = (latin1: string): Content => ({ kind: "text", latin1 });

for (const [name, given, before, expected] of [
  [
    "a file that is missing",
    { content: "new\n" },
    undefined,
    { content: text("new\n"), mode: 0o644, owner: "deploy", because: "the file is missing" },
  ],
  ["the same content is nothing to do", { content: "same" }, { content: text("same") }, undefined],
  [
    "the same content by digest",
    { content: "same" },
    { content: { kind: "digest", sha256: sha256("same") } },
    undefined,
  ],
  [
    "other content keeps owner and mode",
    { content: "new" },
    { content: text("old"), mode: 0o640 },
    { content: text("new"), mode: 0o640, owner: "root", because: "the content differs" },
  ],
  [
    "bytes of a file of the controller",
    { src: { path: "a.bin", latin1: "\u0000\u00ff\r\n" } },
    undefined,
    { content: text("\u0000\u00ff\r\n"), mode: 0o644, owner: "deploy", because: "the file is missing" },
  ],
  [
    "text is written as UTF-8",
    { content: "ä" },
    undefined,
    { content: text("\u00c3\u00a4"), mode: 0o644, owner: "deploy", because: "the file is missing" },
  ],
  [
    "only the mode differs",
    { content: "same", mode: "0600" },
    { content: text("same") },
    { content: text("same"), mode: 0o600, owner: "root", because: "mode 0644 -> 0600" },
  ],
  [
    "a private key is a secret, 0600",
    { content: KEY },
    undefined,
    { content: { kind: "secret", sha256: sha256(KEY) }, mode: 0o600, owner: "deploy", because: "the file is missing" },
  ],
  ["replace: false leaves what is there", { content: "new", replace: false }, { content: text("old") }, undefined],
] as const) {
  test(`copy-file: ${name}`, () => {
    const full = args(given);
    const state = hostWith(before === undefined ? {} : { "/f": fileOf("/f", before) });
    const planned = copyFile.plan(full, state);
    if (expected === undefined) return assert.deepEqual(planned, { outcome: "ok" });
    assert.ok(planned.outcome === "change");
    const [change] = planned.changes;
    assert.ok(change?.kind === "file" && change.after !== "absent");
    const { content, mode, owner } = change.after;
    assert.deepEqual({ content, mode, owner, because: change.because }, expected);
    assert.deepEqual(planAgain(copyFile, full, state, planned), { outcome: "ok" });
  });
}

test("copy-file: a dest that ends in / is a directory, and the file keeps its name", () => {
  const given = args({ src: { path: "files/root.crt", latin1: "x" }, dest: "/etc/ssl/" });
  assert.deepEqual(copyFile.observes(given)[0], {
    kind: "file",
    path: { base: "root", path: "/etc/ssl/root.crt" },
    want: "content",
  });
});

test("copy-file: a secret is compared by digest, so that it never comes back", () => {
  assert.deepEqual(
    copyFile.observes(args({ content: KEY })).map((one) => one.kind === "file" && one.want),
    ["digest", "metadata"],
  );
});

test("copy-file: a directory in the way is refused", () => {
  const planned = copyFile.plan(args({ content: "x" }), hostWith({ "/f": fileOf("/f", { kind: "directory" }) }));
  assert.ok(planned.outcome === "refused");
  assert.equal(planned.problems[0]?.code, "NOT_A_REGULAR_FILE");
});

test("copy-file: a directory that is not there is told by a check already", () => {
  const state = hostWith({});
  const planned = copyFile.plan(args({ content: "x", dest: "/none/f" }), {
    ...state,
    files: new Map([["/none", "absent"]]),
  });
  assert.ok(planned.outcome === "refused");
  assert.deepEqual(
    planned.problems.map(({ message }) => message),
    ["no directory /none on the host"],
  );
});

for (const [content, what] of [
  [{ kind: "key-to-be-made", key: "ec-p256" }, "key"],
  [{ kind: "to-be-issued", request: REQUEST }, "certificate"],
] as const) {
  test(`copy-file: a file in the place of a ${what} that an earlier task makes is refused, as each run would break the pair`, () => {
    const state = hostWith({ "/f": fileOf("/f", { content, changedAt: "in this run" }) });
    const planned = copyFile.plan(args({ content: "x" }), state);
    assert.ok(planned.outcome === "refused");
    assert.match(planned.problems[0]?.message ?? "", new RegExp(`^/f would hold this file and the ${what} that`));
    assert.deepEqual(copyFile.plan(args({ content: "x", replace: false }), state), { outcome: "ok" });
  });
}
