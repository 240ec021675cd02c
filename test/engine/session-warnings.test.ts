import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionWarnings } from "../../src/engine/session-warnings.ts";
import type { ClusterState, FileState, HostState, Session } from "../../src/state/host-state.ts";

const HBA_FILE = "/data/pg_hba.conf";
const session = (over: Partial<Session>): Session => ({
  pid: 1,
  user: "app",
  database: "app",
  application: "",
  address: "10.0.0.5",
  replication: false,
  tls: false,
  gss: false,
  clientDn: undefined,
  ...over,
});

function state(sessions: readonly Session[], latin1: string): HostState {
  const setting = {
    running: HBA_FILE,
    context: "postmaster",
    vartype: "string",
    source: "override",
    pendingRestart: false,
  } as const;
  const cluster: ClusterState = {
    name: "/data",
    major: 16,
    version: "16.1",
    owner: "postgres",
    group: "postgres",
    dataDirectory: "/data",
    settings: new Map([["hba_file", setting]]),
    fileSettings: [],
    hbaErrors: [],
    sessions,
    pending: new Map(),
    loadedAt: 0,
    inRecovery: false,
    control: { kind: "pg_ctl", program: "/bin/pg_ctl" },
  };
  const file: FileState = {
    path: HBA_FILE,
    kind: "file",
    content: { kind: "text", latin1 },
    mode: 0o600,
    owner: "postgres",
    group: "postgres",
    changedAt: 0,
  };
  return {
    clockMs: 0,
    user: "root",
    group: "root",
    files: new Map([[HBA_FILE, file]]),
    publicKeys: new Map(),
    clusters: new Map([["", cluster]]),
    unknown: new Set(),
  };
}

const BEFORE = "local all all peer\nhost all all 0.0.0.0/0 md5\n";
const AFTER =
  "local all all peer\nhostssl all all 10.0.0.0/8 md5 clientcert=verify-ca\nhost replication rep 10.0.0.0/8 md5\n";

for (const [name, sessions, after, expected] of [
  [
    "a plain session must come with TLS and a certificate",
    [session({})],
    AFTER,
    ["1 session of app on app from 10.0.0.5 must connect with TLS and show a client certificate next time"],
  ],
  [
    "equal sessions are told once, with their number",
    [session({}), session({ pid: 2 })],
    AFTER,
    ["2 sessions of app on app from 10.0.0.5 must connect with TLS and show a client certificate next time"],
  ],
  [
    "TLS alone is not enough",
    [session({ tls: true, application: "psql" })],
    AFTER,
    ["1 session of app on app from 10.0.0.5 (psql) must show a client certificate next time"],
  ],
  ["who shows a certificate stays", [session({ tls: true, clientDn: "/CN=app" })], AFTER, []],
  ["who is on the socket stays", [session({ address: undefined })], AFTER, []],
  [
    "an address that no record names is refused",
    [session({ address: "192.0.2.1" })],
    AFTER,
    ["1 session of app on app from 192.0.2.1 will be refused next time"],
  ],
  [
    "replication stays where its record stays",
    [session({ user: "rep", database: undefined, replication: true })],
    AFTER,
    [],
  ],
  [
    "what only the server can judge is said to be so",
    [session({})],
    "host all +staff all md5\n",
    [
      "1 session of app on app from 10.0.0.5 may be concerned: line 1 of the new pg_hba.conf can be judged by the server alone",
    ],
  ],
  ["rules that stay as they are concern nobody", [session({})], BEFORE, []],
] as const) {
  test(`who would not get in as they are connected now: ${name}`, () => {
    const told = sessionWarnings(state(sessions, BEFORE), state(sessions, after));
    assert.deepEqual(
      told.map(({ message }) => message),
      expected,
    );
  });
}
