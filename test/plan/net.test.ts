import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateRequest } from "../../src/certificates/request.ts";
import type { Change, FileChange } from "../../src/plan/change.ts";
import { netChanges } from "../../src/plan/net.ts";
import type { FileState } from "../../src/state/host-state.ts";

const file = (path: string, latin1: string, mode = 0o644): FileState => ({
  path,
  kind: "file",
  content: { kind: "text", latin1 },
  mode,
  owner: "postgres",
  group: "postgres",
  changedAt: "in this run",
});
const write = (path: string, before: FileState | "absent", after: FileState | "absent", because = "x"): FileChange => ({
  kind: "file",
  path,
  before,
  after,
  because,
});
const reload: Change = { kind: "activate", cluster: "", clusterName: "15/main", by: "reload", because: "x" };

test("two changes of a file are one, from the first state to the last, at the place of the first", () => {
  const changes = [
    write("/a", "absent", file("/a", "1")),
    write("/b", "absent", file("/b", "b")),
    write("/a", file("/a", "1"), file("/a", "1", 0o600), "mode"),
  ];
  assert.deepEqual(netChanges(changes), [
    { ...write("/a", "absent", file("/a", "1", 0o600)), because: "x; mode" },
    changes[1],
  ]);
});

test("nothing moves across an activation", () => {
  const changes = [write("/a", "absent", file("/a", "1")), reload, write("/a", file("/a", "1"), file("/a", "2"))];
  assert.deepEqual(netChanges(changes), changes);
});

test("a backup that one of them wants is kept, and settings are joined", () => {
  const one = {
    ...write("/a", file("/a", "0"), file("/a", "1")),
    backup: true,
    settings: { cluster: "", values: { ssl: "on" } },
  };
  const two = { ...write("/a", file("/a", "1"), file("/a", "2")), settings: { cluster: "", values: { port: "5433" } } };
  const [net] = netChanges([one, two]);
  assert.ok(net?.kind === "file");
  assert.equal(net.backup, true);
  assert.deepEqual(net.settings, { cluster: "", values: { ssl: "on", port: "5433" } });
});

test("a later mode of a key that is about to be made belongs to the pair", () => {
  const request: CertificateRequest = {
    commonName: "db1",
    dns: [],
    ip: [],
    key: "ec-p256",
    purpose: "server",
    lifetimeSeconds: undefined,
  };
  const key: FileState = { ...file("/k", ""), content: { kind: "key-to-be-made", key: "ec-p256" }, mode: 0o600 };
  const pair: Change = {
    kind: "certificate",
    key: { before: "absent", after: key },
    certificate: { before: "absent", after: { ...file("/c", ""), content: { kind: "to-be-issued", request } } },
    request,
    authority: "ca",
    because: "missing",
  };
  const [net, ...rest] = netChanges([pair, write("/k", key, { ...key, owner: "root", mode: 0o640 })]);
  assert.ok(net?.kind === "certificate");
  assert.deepEqual(rest, []);
  assert.deepEqual(
    [net.key.after.owner, net.key.after.mode, net.key.after.content.kind],
    ["root", 0o640, "key-to-be-made"],
  );
});
