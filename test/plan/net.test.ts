import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateRequest } from "../../src/certificates/request.ts";
import type { CertificateChange, Change, FileChange } from "../../src/plan/change.ts";
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

const request: CertificateRequest = {
  commonName: "db1",
  dns: [],
  ip: [],
  key: "ec-p256",
  purpose: "server",
  lifetimeSeconds: undefined,
};
const key: FileState = { ...file("/k", ""), content: { kind: "key-to-be-made", key: "ec-p256" }, mode: 0o600 };
const certificate: FileState = { ...file("/c", ""), content: { kind: "to-be-issued", request } };
const pair: CertificateChange = {
  kind: "certificate",
  key: { before: "absent", after: key },
  certificate: { before: "absent", after: certificate },
  request,
  authority: "ca",
  because: "missing",
};

test("a later mode of a key that is about to be made belongs to the pair", () => {
  const [net, ...rest] = netChanges([pair, write("/k", key, { ...key, owner: "root", mode: 0o640 })]);
  assert.ok(net?.kind === "certificate");
  assert.deepEqual(rest, []);
  assert.deepEqual(
    [net.key.after.owner, net.key.after.mode, net.key.after.content.kind],
    ["root", 0o640, "key-to-be-made"],
  );
});

test("a pair expects what is on the host, not what an earlier change would have made of it", () => {
  const [was, copied] = [file("/c", "old"), file("/c", "copied")];
  const onCopied = { ...pair, certificate: { before: copied, after: certificate } };
  const onHost = { ...pair, certificate: { before: was, after: certificate } };
  assert.deepEqual(netChanges([write("/c", was, copied), onCopied]), [onHost]);
  const backup = { ...write("/c", was, copied), backup: true };
  assert.deepEqual(netChanges([backup, onCopied]), [backup, onHost]);
  assert.deepEqual(netChanges([write("/c", was, copied), reload, onCopied]), [
    write("/c", was, copied),
    reload,
    onCopied,
  ]);
});

test("so does its key", () => {
  const [was, changed] = [file("/k", "", 0o644), file("/k", "", 0o600)];
  const net = netChanges([write("/k", was, changed), { ...pair, key: { before: changed, after: key } }]);
  assert.deepEqual(net, [{ ...pair, key: { before: was, after: key } }]);
});

test("of two pairs in the same files the second is made, once", () => {
  const second = {
    ...pair,
    key: { before: key, after: key },
    certificate: { before: certificate, after: certificate },
    because: "another",
  };
  assert.deepEqual(netChanges([pair, second]), [{ ...pair, because: "another" }]);
});

test("other content of a pair's file is written after the pair, not lost", () => {
  const later = write("/c", certificate, file("/c", "mine"));
  assert.deepEqual(netChanges([pair, later]), [pair, later]);
  const gone = write("/k", key, "absent");
  assert.deepEqual(netChanges([pair, gone]), [pair, gone]);
  const mode = write("/c", file("/c", "mine"), file("/c", "mine", 0o600));
  assert.deepEqual(netChanges([pair, later, mode]), [
    pair,
    { ...write("/c", certificate, file("/c", "mine", 0o600)), because: "x" },
  ]);
});
