import type { Diagnostic } from "../../src/diagnostics/diagnostic.ts";
import type { Outcome, Proof, RunEvent } from "../../src/engine/event.ts";
import type { CertificateChange, Change, FileChange } from "../../src/plan/change.ts";
import type { FileState } from "../../src/state/host-state.ts";

/** Events of runs that never were, for the readers' tests. */

export const START_MS = Date.UTC(2026, 9, 19, 12, 0, 0);

export function file(path: string, latin1: string, rest: Partial<FileState> = {}): FileState {
  const content = { kind: "text", latin1 } as const;
  return {
    path,
    kind: "file",
    content,
    mode: 0o640,
    owner: "postgres",
    group: "postgres",
    changedAt: START_MS,
    ...rest,
  };
}

const HBA_BEFORE = `# TYPE  DATABASE  USER  ADDRESS       METHOD
local   all       all                 peer
host    all       all   127.0.0.1/32  scram-sha-256
host    all       all   10.0.0.0/8    scram-sha-256
host    replication  replicator  10.0.0.0/8  md5
`;
const HBA_AFTER = HBA_BEFORE.replace("host    all       all   10", "hostssl all       all   10").replace(
  "host    replication",
  "hostssl replication",
);

export function hbaChange(major: number): FileChange {
  const path = `/etc/postgresql/${major}/main/pg_hba.conf`;
  const because = "2 records let remote clients in without TLS";
  return { kind: "file", path, before: file(path, HBA_BEFORE), after: file(path, HBA_AFTER), because };
}

export function certificateChange(host: string): CertificateChange {
  const directory = "/var/lib/postgresql/15/main";
  const request = {
    commonName: `${host}.example.net`,
    dns: [`${host}.example.net`, host],
    ip: ["10.0.0.1"],
    key: "ec-p256",
    purpose: "server",
    lifetimeSeconds: 86_400,
  } as const;
  const key = file(`${directory}/server.key`, "", { mode: 0o600, content: { kind: "key-to-be-made", key: "ec-p256" } });
  const certificate = file(`${directory}/server.crt`, "", { mode: 0o644, content: { kind: "to-be-issued", request } });
  return {
    kind: "certificate",
    key: { before: "absent", after: key },
    certificate: { before: "absent", after: certificate },
    request,
    authority: "demo CA",
    because: "there is no certificate",
  };
}

export const RELOAD: Change = {
  kind: "activate",
  cluster: "",
  clusterName: "15/main",
  by: "reload",
  because: "ssl and ssl_cert_file differ from what the server runs",
};

export const UNREACHABLE: Diagnostic = {
  code: "SSH_TIMEOUT",
  message: "no answer from 10.0.0.4:22 within 10 s",
  hint: "is the host up, and does a firewall let port 22 through?",
};

export const REFUSED: Diagnostic = {
  code: "HBA_OPEN_TO_PLAIN_TEXT",
  message: 'user "app" would be locked out of "shop": its session from 10.1.2.3 has no TLS',
  at: {
    file: "playbooks/enable-mtls.yml",
    line: 24,
    col: 9,
    length: 8,
    text: "      - edit-hba: { require: tls }",
  },
  hint: "let the client use TLS first, or accept the lock-out",
};

export const ROLLED_BACK: Diagnostic = {
  code: "PROOF_FAILED",
  message: "the served certificate is not the one that was written; everything was put back",
};

const SHADOWED: Diagnostic = {
  code: "HBA_SHADOWED",
  message: "pg_hba.conf line 9 is never reached: line 4 matches before",
};

const PROOFS: readonly Proof[] = [
  { what: "the certificate served is the one written", held: true, said: "sha256 ab12" },
  { what: "plain text is refused", held: true, said: "no pg_hba.conf entry, no encryption" },
  { what: "a client with a certificate gets in", held: true, said: "TLSv1.3" },
];

type TaskDetails = Partial<
  Pick<Extract<RunEvent, { event: "task-finished" }>, "changes" | "problems" | "warnings" | "because">
>;

export function taskFinished(host: string, task: string, outcome: Outcome, details: TaskDetails = {}): RunEvent {
  const none = { changes: [], problems: [], warnings: [] };
  return { event: "task-finished", host, play: "Mutual TLS", task, module: "edit-hba", outcome, ...none, ...details };
}

export function hostFinished(
  host: string,
  outcome: Outcome,
  tookMs: number,
  problems: readonly Diagnostic[] = [],
): RunEvent {
  return {
    event: "host-finished",
    host,
    outcome,
    problems,
    tookMs,
    execs: outcome === "unreachable" ? 0 : 2,
    bytes: 4096,
  };
}

export function started(hosts: readonly string[], check: boolean): RunEvent[] {
  return [
    { event: "run-started", run: "r1", playbook: "playbooks/enable-mtls.yml", check, hosts, atMs: START_MS },
    { event: "play-started", play: "Mutual TLS", hosts, atMs: START_MS },
  ];
}

export function finished(outcomes: Partial<Record<Outcome, number>>, check: boolean, exitCode = 0): RunEvent {
  const none = {
    ok: 0,
    changed: 0,
    "would-change": 0,
    unknown: 0,
    skipped: 0,
    failed: 0,
    unreachable: 0,
    "rolled-back": 0,
  };
  return { event: "run-finished", run: "r1", check, counts: { ...none, ...outcomes }, exitCode, tookMs: 10_140 };
}

const CERTIFICATE = "Certificate from our CA";
const REQUIRE_TLS = "Require TLS in pg_hba.conf";
const ACTIVATE = "Activate";

/** What a host does that gets all of the main job. */
export function mainJob(host: string, major: number, outcome: "changed" | "would-change"): RunEvent[] {
  return [
    taskFinished(host, CERTIFICATE, outcome, { changes: [certificateChange(host)] }),
    taskFinished(host, REQUIRE_TLS, outcome, { changes: [hbaChange(major)], warnings: [SHADOWED] }),
    taskFinished(host, ACTIVATE, outcome, { changes: [RELOAD] }),
  ];
}

/** A run with a host for every outcome. */
export function everyOutcome(): RunEvent[] {
  const hosts = ["db1", "db2", "db3", "db4", "db5", "db6", "db7"];
  return [
    ...started(hosts, false),
    { event: "host-connected", host: "db1", atMs: START_MS + 80, handshakeMs: 75 },
    { event: "host-phase", host: "db1", phase: "writing", task: REQUIRE_TLS, atMs: START_MS + 200 },
    ...mainJob("db1", 15, "changed"),
    { event: "host-proved", host: "db1", cluster: "15/main", proofs: PROOFS },
    hostFinished("db1", "changed", 2_140),
    ...[CERTIFICATE, REQUIRE_TLS].map((task) => taskFinished("db2", task, "ok")),
    hostFinished("db2", "ok", 310),
    taskFinished("db3", CERTIFICATE, "changed", { changes: [certificateChange("db3")] }),
    taskFinished("db3", REQUIRE_TLS, "failed", { problems: [REFUSED] }),
    hostFinished("db3", "failed", 450),
    hostFinished("db4", "unreachable", 10_010, [UNREACHABLE]),
    taskFinished("db5", REQUIRE_TLS, "rolled-back", { changes: [hbaChange(15)] }),
    { event: "host-proved", host: "db5", cluster: "15/main", proofs: [failedProof()] },
    hostFinished("db5", "rolled-back", 5_300, [ROLLED_BACK]),
    taskFinished("db6", "Ask the monitoring", "unknown", {
      because: 'it runs "pgmon --status", whose answer nobody knows',
    }),
    hostFinished("db6", "unknown", 200),
    taskFinished("db7", REQUIRE_TLS, "skipped", { because: "when: tls_wanted is false" }),
    hostFinished("db7", "skipped", 90),
    finished({ changed: 1, ok: 1, failed: 1, unreachable: 1, "rolled-back": 1, unknown: 1, skipped: 1 }, false, 6),
  ];
}

function failedProof(): Proof {
  return { what: "the certificate served is the one written", held: false, said: "served sha256 00ff, written ab12" };
}

/** Two hosts that changed, and one of them could not be looked at as a client would. */
export function proofUntried(): RunEvent[] {
  const untried: Proof = {
    what: "a client with a certificate gets in",
    held: "untried",
    said: "the CA makes no certificates for clients",
  };
  return [
    ...started(["db1", "db2"], false),
    ...["db1", "db2"].flatMap((host) => mainJob(host, 15, "changed")),
    { event: "host-proved", host: "db1", cluster: "15/main", proofs: PROOFS },
    { event: "host-proved", host: "db2", cluster: "15/main", proofs: [...PROOFS.slice(0, 2), untried] },
    ...["db1", "db2"].map((host) => hostFinished(host, "changed", 2_000)),
    finished({ changed: 2 }, false),
  ];
}

/** Forty hosts in check mode: two majors, two hosts down, one that is refused. */
export function fortyHostsChecked(): RunEvent[] {
  const hosts = Array.from({ length: 40 }, (_, i) => `db${String(i + 1).padStart(2, "0")}`);
  return [
    ...started(hosts, true),
    ...hosts.flatMap((host, i) => {
      if (i === 6 || i === 30) return [hostFinished(host, "unreachable", 10_000, [UNREACHABLE])];
      if (i === 11)
        return [taskFinished(host, REQUIRE_TLS, "failed", { problems: [REFUSED] }), hostFinished(host, "failed", 500)];
      if (i === 12) return [taskFinished(host, REQUIRE_TLS, "ok"), hostFinished(host, "ok", 300)];
      return [...mainJob(host, i % 3 === 0 ? 16 : 15, "would-change"), hostFinished(host, "would-change", 700 + i)];
    }),
    finished({ "would-change": 36, ok: 1, unreachable: 2, failed: 1 }, true, 6),
  ];
}

/** A second run: five hosts with nothing to do. */
export function nothingToDo(): RunEvent[] {
  const hosts = ["db1", "db2", "db3", "db4", "db5"];
  return [
    ...started(hosts, false),
    ...hosts.flatMap((host) => [
      taskFinished(host, CERTIFICATE, "ok"),
      taskFinished(host, REQUIRE_TLS, "ok"),
      hostFinished(host, "ok", 300),
    ]),
    finished({ ok: 5 }, false),
  ];
}
