import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterState, FileState, HostState, Setting } from "../../src/state/host-state.ts";
import { restart } from "../../src/tasks/restart.ts";
import { fileOf, hostWith, planAgain } from "./host.ts";

const LOADED = 1_700_000_000_000;
const setting = (running: string, over: Partial<Setting> = {}): Setting => ({
  running,
  context: "sighup",
  vartype: "string",
  source: "default",
  pendingRestart: false,
  ...over,
});

function host(over: Partial<ClusterState>, files: Record<string, FileState> = {}): HostState {
  const cluster: ClusterState = {
    name: "15/main",
    major: 15,
    version: "15.1",
    owner: "postgres",
    group: "postgres",
    dataDirectory: "/data",
    settings: new Map([
      ["hba_file", setting("/etc/pg_hba.conf", { context: "postmaster" })],
      ["ssl_cert_file", setting("server.crt")],
      ["ssl", setting("off", { vartype: "bool" })],
      ["max_connections", setting("100", { vartype: "integer", context: "postmaster", bootValue: "100" })],
    ]),
    fileSettings: [],
    hbaErrors: [],
    sessions: [],
    pending: new Map(),
    loadedAt: LOADED,
    inRecovery: false,
    control: { kind: "pg_ctlcluster", version: "15", name: "main" },
    ...over,
  };
  return { ...hostWith(files), clusters: new Map([["", cluster]]) };
}

const NEWER = { "/etc/pg_hba.conf": fileOf("/etc/pg_hba.conf", { changedAt: LOADED + 1 }) };
const pendingRestart = new Map([["max_connections", setting("100", { context: "postmaster", pendingRestart: true })]]);

for (const [name, mode, state, by] of [
  ["nothing pending is nothing to do", "auto", host({}), undefined],
  [
    "files older than the server's last reading are nothing to do",
    "auto",
    host({}, { "/etc/pg_hba.conf": fileOf("/etc/pg_hba.conf", { changedAt: LOADED - 1 }) }),
    undefined,
  ],
  ["a file that is newer, whoever changed it", "auto", host({}, NEWER), "reload"],
  [
    "a certificate that is newer, named relative to the data directory",
    "auto",
    host({}, { "/data/server.crt": fileOf("/data/server.crt", { changedAt: "in this run" }) }),
    "reload",
  ],
  ["a setting that takes a reload", "auto", host({ pending: new Map([["ssl", "on"]]) }), "reload"],
  ["a setting that takes a restart", "auto", host({ pending: new Map([["max_connections", "200"]]) }), "restart"],
  [
    "a setting that the server runs already, spelled otherwise",
    "auto",
    host({ pending: new Map([["max_connections", "0x64"]]) }),
    undefined,
  ],
  ["what the server says is pending", "auto", host({ settings: pendingRestart }), "restart"],
  [
    "reload never restarts",
    "reload",
    host({
      pending: new Map([
        ["max_connections", "200"],
        ["ssl", "on"],
      ]),
    }),
    "reload",
  ],
  ["restart also where a reload would do", "restart", host({}, NEWER), "restart"],
] as const) {
  test(`restart: ${name}`, () => {
    const args = { cluster: "", mode, force: false };
    const planned = restart.plan(args, state);
    if (by === undefined) return assert.equal(planned.outcome, "ok");
    assert.ok(planned.outcome === "change");
    assert.deepEqual(
      planned.changes.map((change) => change.kind === "activate" && change.by),
      [by],
    );
    assert.equal(planAgain(restart, args, state, planned).outcome, "ok");
  });
}

test("restart: reload says what stays pending", () => {
  const planned = restart.plan(
    { cluster: "", mode: "reload", force: false },
    host({ pending: new Map([["max_connections", "200"]]) }),
  );
  assert.ok(planned.outcome === "ok");
  assert.deepEqual(
    planned.warnings?.map(({ code, message }) => [code, message]),
    [["RESTART_NOT_ALLOWED", "max_connections of 15/main take effect only with a restart"]],
  );
});

for (const [problem, known, code] of [
  ["none", [], "NO_CLUSTER"],
  ["several", ["13/main", "15/main"], "MANY_CLUSTERS"],
  ["down", ["15/main"], "CLUSTER_DOWN"],
  ["hidden", [], "CLUSTER_HIDDEN"],
  ["query-failed", ["15/main"], "CLUSTER_QUERY_FAILED"],
] as const) {
  test(`restart: a cluster that can't be worked on is refused (${problem})`, () => {
    const planned = restart.plan(
      { cluster: "", mode: "auto", force: false },
      { ...hostWith({}), clusters: new Map([["", { problem, known }]]) },
    );
    assert.ok(planned.outcome === "refused");
    assert.equal(planned.problems[0]?.code, code);
  });
}
