import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change, FileChange } from "../../src/plan/change.ts";
import { inverse } from "../../src/plan/inverse.ts";
import type { FileState } from "../../src/state/host-state.ts";

const fileState: fc.Arbitrary<FileState> = fc.record({
  path: fc.constant("/etc/x"),
  kind: fc.constant("file"),
  content: fc.record({ kind: fc.constant("text"), latin1: fc.string() }),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  owner: fc.constantFrom("root", "postgres"),
  group: fc.constantFrom("root", "postgres"),
  changedAt: fc.constant(0),
});
const side = fc.oneof(fileState, fc.constant("absent" as const));
const fileChange: fc.Arbitrary<FileChange> = fc.record(
  {
    kind: fc.constant("file"),
    path: fc.constant("/etc/x"),
    before: side,
    after: side,
    because: fc.string(),
    backup: fc.boolean(),
  },
  { requiredKeys: ["kind", "path", "before", "after", "because"], noNullPrototype: true },
);

test("inverse of a file change puts back what was there", () => {
  fc.assert(
    fc.property(fileChange, (change) => {
      const [undo] = inverse(change);
      assert.ok(undo?.kind === "file");
      assert.deepEqual([undo.before, undo.after], [change.after, change.before]);
    }),
  );
});

test("inverse twice is the change itself", () => {
  const reload: Change = { kind: "activate", cluster: "", clusterName: "15/main", by: "reload", because: "x" };
  fc.assert(
    fc.property(fc.oneof(fileChange, fc.constant(reload)), (change) => {
      assert.deepEqual(inverse(change).flatMap(inverse), [change]);
    }),
  );
});

test("inverse tells nothing of what the server will want, which the change doesn't know", () => {
  const settings = { cluster: "", values: { ssl: "on" } };
  const [undo] = inverse({ kind: "file", path: "/etc/x", before: "absent", after: "absent", because: "", settings });
  assert.ok(undo !== undefined && !("settings" in undo));
});

test("a key and its certificate are put back as files, the pair together", () => {
  const state = (path: string, content: FileState["content"]): FileState => ({
    path,
    kind: "file",
    content,
    mode: 0o600,
    owner: "postgres",
    group: "postgres",
    changedAt: 0,
  });
  const request = {
    commonName: "db1",
    dns: [],
    ip: [],
    key: "ec-p256",
    purpose: "server",
    lifetimeSeconds: undefined,
  } as const;
  const key = {
    before: state("/d/k", { kind: "secret", sha256: "aa" }),
    after: state("/d/k", { kind: "key-to-be-made", key: "ec-p256" }),
  };
  const certificate = { before: "absent", after: state("/d/c", { kind: "to-be-issued", request }) } as const;
  assert.deepEqual(inverse({ kind: "certificate", key, certificate, request, authority: "CA", because: "due" }), [
    { kind: "file", path: "/d/c", before: certificate.after, after: "absent", because: "due" },
    { kind: "file", path: "/d/k", before: key.after, after: key.before, because: "due" },
  ]);
});
