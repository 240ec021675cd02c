import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync } from "node:fs";
import { appendFile, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { initLocalCa } from "../../src/ca/local-ca.ts";
import type { Code } from "../../src/diagnostics/codes.ts";
import type { Outcome, Phase, RunEvent } from "../../src/engine/event.ts";
import { runCli } from "./cli.ts";
import { type EmbeddedHost, filesOf, loadTime, remember, useEmbeddedFleet, withoutTimes } from "./embedded-fleet.ts";
import {
  finishOf,
  outcomesOf,
  type PlaybookRun,
  proofsOf,
  runPlaybook,
  runPlaybookFile,
  saidOf,
} from "./run-playbook.ts";

const enableMtls = fileURLToPath(new URL("../../playbooks/enable-mtls.yml", import.meta.url));
const fleet = useEmbeddedFleet([17]);
const limit = { timeout: 120_000 };

type Failure = { exitCode: number; outcome: Outcome; code: Code; said: RegExp };

test(
  "PostgreSQL refuses the new pg_hba.conf: never activated, everything as before, its own words told",
  limit,
  async () => {
    const host = await onlyHost();
    await chmod(join(host.dataDirectory, "pg_hba.conf"), 0o640);
    await assertUntouched(
      host,
      {
        exitCode: 2,
        outcome: "failed",
        code: "POSTGRES_REFUSED",
        said: /pg_hba\.conf:\d+: .*not supported by this build; what had been written was put back/,
      },
      () =>
        runPlaybook(
          play(`
    - edit-hba: { cluster: "{{ own }}", records: [ ${LDAP_RECORD} ] }
    - restart: { cluster: "{{ own }}" }`),
          host.inventory,
        ),
    );
  },
);

test("the same where TLS has just been turned on for it: TLS is off again, and that is activated", limit, async () => {
  const host = await onlyHost();
  const run = await assertPutBack(
    host,
    {
      exitCode: 2,
      outcome: "rolled-back",
      code: "POSTGRES_REFUSED",
      said: /not supported by this build; everything was put back and activated/,
    },
    () => runPlaybookFile(enableMtls, host.inventory, { extraVars: [JSON.stringify({ mtls_records: [LDAP] })] }),
  );
  assert.deepEqual(
    outcomesOf(run, "db1").map((told) => told.replace(/.*: /, "")),
    Array(4).fill("rolled-back"),
  );
});

test("a value that only the server can refuse is refused before it counts", limit, async () => {
  const host = await onlyHost();
  await assertUntouched(
    host,
    {
      exitCode: 2,
      outcome: "failed",
      code: "POSTGRES_REFUSED",
      said: /postgresql\.conf:\d+: log_destination: .*what had been written was put back/,
    },
    () =>
      runPlaybook(
        play(`
    - edit-conf: { cluster: "{{ own }}", set: { log_destination: nowhere, work_mem: 5MB } }
    - restart: { cluster: "{{ own }}" }`),
        host.inventory,
      ),
  );
});

test(
  "a key that does not load: the proof finds no TLS where SHOW ssl says on, and all is put back",
  limit,
  async () => {
    const host = await onlyHost();
    const run = await assertPutBack(
      host,
      {
        exitCode: 2,
        outcome: "rolled-back",
        code: "PROOF_FAILED",
        said: /TLS stands: no, The server does not support SSL connections/,
      },
      () =>
        runPlaybook(
          play(`
    - copy-file: { cluster: "{{ own }}", dest: server.key, content: "no key\\n", mode: "0600" }
    - copy-file: { cluster: "{{ own }}", dest: server.crt, content: "no certificate\\n" }
    - edit-conf: { cluster: "{{ own }}", set: { ssl: on } }
    - edit-hba: { cluster: "{{ own }}", require_tls: true }
    - restart: { cluster: "{{ own }}" }`),
          host.inventory,
        ),
    );
    assert.deepEqual(
      proofsOf(run, "db1")
        .filter(({ held }) => !held)
        .map(({ what }) => what),
      ["TLS stands"],
    );
  },
);

test("a certificate of somebody else's is served: the proof says so, and all is put back", limit, async () => {
  const host = await onlyHost();
  const { keyPem, certPem } = await selfSigned();
  await assertPutBack(
    host,
    {
      exitCode: 2,
      outcome: "rolled-back",
      code: "PROOF_FAILED",
      said: /the certificate served leads to our root: no, CN=stranger/,
    },
    () =>
      runPlaybook(
        play(`
    - issue-cert: { cluster: "{{ own }}", ca: "{{ mtls_ca }}", cn: db1 }
    - copy-file: { cluster: "{{ own }}", dest: other.key, src: other.key, mode: "0600" }
    - copy-file: { cluster: "{{ own }}", dest: other.crt, src: other.crt }
    - edit-conf: { cluster: "{{ own }}", set: { ssl: on, ssl_cert_file: other.crt, ssl_key_file: other.key } }
    - restart: { cluster: "{{ own }}" }`),
        host.inventory,
        { files: { "other.key": keyPem, "other.crt": certPem } },
      ),
  );
});

test("a CA that can't sign any more: nothing is touched", limit, async () => {
  const host = await onlyHost();
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-old-ca-"));
  try {
    await initLocalCa({ directory, now: () => Date.parse("1990-01-01T00:00:00Z") });
    await assertUntouched(
      host,
      {
        exitCode: 2,
        outcome: "failed",
        code: "CA_REFUSED",
        said: /did not sign: the CA's intermediate certificate expired on .*; nothing was changed/,
      },
      () =>
        runPlaybookFile(enableMtls, host.inventory, {
          extraVars: [JSON.stringify({ mtls_ca: { type: "local", directory } })],
        }),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("a server that does not start again after a restart: it runs as before", limit, async () => {
  const host = await onlyHost();
  const taken = `the port of its own SSH server, ${host.sshPort}`;
  const run = await assertPutBack(
    host,
    {
      exitCode: 2,
      outcome: "rolled-back",
      code: "HOST_PROGRAM_FAILED",
      said: /restart failed: .*; everything was put back and activated/s,
    },
    () =>
      runPlaybook(
        play(`
    - edit-conf: { cluster: "{{ own }}", set: { port: "{{ ansible_port }}" } } # ${taken}
    - restart: { cluster: "{{ own }}" }`),
        host.inventory,
      ),
  );
  assert.match(saidOf(run), /FATAL: .*could not create any TCP\/IP sockets/, "in PostgreSQL's own words");
});

test("a file that somebody else changes after it was looked at is theirs: told as a conflict", limit, async () => {
  const host = await onlyHost();
  const putBack = await remember(host);
  const path = join(host.dataDirectory, "pg_hba.conf");
  const theirs = "# changed by another\n";
  const before = await loadTime(host);
  const run = await runPlaybook(
    play(`
    - edit-hba: { cluster: "{{ own }}", records: [{ type: hostssl, address: 192.0.2.0/24, method: cert }] }
    - restart: { cluster: "{{ own }}" }`),
    host.inventory,
    { onEvent: at("planning", () => appendFileSync(path, theirs)) },
  );
  assertFailure(run, {
    exitCode: 2,
    outcome: "failed",
    code: "REMOTE_FILE_CHANGED",
    said: /pg_hba\.conf was changed by somebody else since it was looked at; nothing was changed/,
  });
  assert.match(finishOf(run, "db1").problems[0]?.hint ?? "", /run again/);
  const text = await readFile(path, "utf8");
  assert.ok(text.endsWith(theirs) && !text.includes("hostssl"), text);
  assert.equal(await loadTime(host), before, "not activated");
  await putBack();
});

test("the same after TLS was turned on: what this run wrote is put back, the other's change stays", limit, async () => {
  const host = await onlyHost();
  const putBack = await remember(host);
  const path = join(host.dataDirectory, "pg_hba.conf");
  const before = await filesOf(host);
  const run = await runPlaybookFile(enableMtls, host.inventory, {
    onEvent: at("proving", () => appendFileSync(path, "# changed by another\n")),
  });
  assertFailure(run, {
    exitCode: 2,
    outcome: "rolled-back",
    code: "REMOTE_FILE_CHANGED",
    said: /pg_hba\.conf was changed by somebody else/,
  });
  const { "pg_hba.conf": hba, ...others } = withoutTimes(await filesOf(host));
  const { "pg_hba.conf": hbaBefore, ...othersBefore } = withoutTimes(before);
  assert.deepEqual(others, othersBefore);
  assert.equal(hba?.bytes.toString(), `${hbaBefore?.bytes}# changed by another\n`);
  assert.deepEqual(await serves(host), { plain: "in", ssl: "off" });
  await putBack();
});

test("a second play that fails goes back to what the first one made", limit, async () => {
  const host = await onlyHost();
  const putBack = await remember(host);
  const copy = (content: string) => `
    - copy-file: { cluster: "{{ own }}", dest: note, content: ${content}, backup: true }`;
  const hba = `
    - edit-hba: { cluster: "{{ own }}", records: [ ${LDAP_RECORD} ] }`;
  const run = await runPlaybook(play(copy("zero")) + play(copy("one")) + play(copy("two") + hba), host.inventory);
  assertFailure(run, {
    exitCode: 2,
    outcome: "failed",
    code: "POSTGRES_REFUSED",
    said: /; what had been written was put back/,
  });
  const [started] = run.events;
  assert.ok(started?.event === "run-started");
  const files = await filesOf(host);
  const notes = Object.entries(files).filter(([name]) => name.startsWith("note"));
  assert.deepEqual(Object.fromEntries(notes.map(([name, { bytes }]) => [name, bytes.toString()])), {
    note: "one",
    [`note.${started.run}.2~`]: "zero",
  });
  await putBack();
});

test("a host whose lock is held by a living run is left alone, and told who holds it since when", limit, async () => {
  const host = await onlyHost();
  const lock = join(host.stateDirectory, "lock");
  // A process that is there, of the user that the host's programs run as.
  const pid = Number((await readFile(join(host.dataDirectory, "postmaster.pid"), "utf8")).split("\n")[0]);
  await holdLock(
    lock,
    pid,
    await startTicks(pid),
    "ann@desk, run 20261125T010203Z-abcdef, since 2026-11-25T01:02:03.000Z",
  );
  const said = /another run holds the host: ann@desk, run 20261125T010203Z-abcdef, since 2026-11-25T01:02:03/;
  await assertUntouched(host, { exitCode: 2, outcome: "failed", code: "LOCKED_BY_ANOTHER_RUN", said }, () =>
    runPlaybookFile(enableMtls, host.inventory),
  );
  assert.match(await readFile(join(lock, "holder"), "utf8"), /ann@desk/, "the lock is still theirs");
  const check = await runPlaybookFile(enableMtls, host.inventory, { check: true });
  assert.equal(check.exitCode, 0, "looking needs no lock");
  // The same number, but another process: its holder is gone.
  await holdLock(lock, pid, "1", "bob@desk");
  const run = await runPlaybook(
    play('\n    - copy-file: { cluster: "{{ own }}", dest: x, content: x }'),
    host.inventory,
  );
  assert.equal(run.exitCode, 0, saidOf(run));
  await assert.rejects(readFile(join(lock, "holder")), { code: "ENOENT" });
  await rm(join(host.dataDirectory, "x"));
});

test("a run that died between write and reload is mended by the next one", limit, async () => {
  const host = await onlyHost();
  const putBack = await remember(host);
  const done = await runPlaybookFile(enableMtls, host.inventory);
  assert.equal(done.exitCode, 0, saidOf(done));
  await delay(20); // ctime and load time have milliseconds
  // As such a run leaves it: the file is written, the server has not read it.
  await appendFile(join(host.dataDirectory, "postgresql.conf"), "work_mem = 7MB\n");
  await appendFile(join(host.dataDirectory, "pg_hba.conf"), "hostssl late late 192.0.2.1/32 cert\n");
  const mend = await runPlaybookFile(enableMtls, host.inventory);
  assert.equal(mend.exitCode, 0, saidOf(mend));
  assert.deepEqual(
    outcomesOf(mend, "db1").map((told) => told.replace(/.*: /, "")),
    ["ok", "ok", "ok", "changed"],
  );
  assert.deepEqual(await host.query("SELECT setting FROM pg_settings WHERE name = 'work_mem'"), [{ setting: "7168" }]);
  const again = await runPlaybookFile(enableMtls, host.inventory);
  assert.deepEqual(
    outcomesOf(again, "db1").map((told) => told.replace(/.*: /, "")),
    Array(4).fill("ok"),
  );
  await putBack();
});

for (const phase of ["signing", "proving"] as const) {
  test(
    `a controller that is killed while ${phase} leaves a host that puts everything back by itself`,
    limit,
    async () => {
      const host = await onlyHost();
      const before = withoutTimes(await filesOf(host));
      const { signal } = await runCli(["run", enableMtls, "-i", host.inventory, "--output", "ndjson"], {
        onStart: (program) =>
          program.stdout?.on("data", (text) => text.includes(`"phase":"${phase}"`) && program.kill("SIGKILL")),
      });
      assert.equal(signal, "SIGKILL", "it was killed in the middle");
      await until(async () => assert.deepEqual(withoutTimes(await filesOf(host)), before));
      await until(async () => assert.deepEqual(await serves(host), { plain: "in", ssl: "off" }));
      await until(async () =>
        assert.rejects(readFile(join(host.stateDirectory, "lock", "holder")), { code: "ENOENT" }),
      );
    },
  );
}

test(
  "Ctrl-C lets the host in work finish and prove, keeps the next from starting, and ends with 130",
  limit,
  async () => {
    const host = await onlyHost();
    const putBack = await remember(host);
    const end = await runCli(["run", enableMtls, "-i", host.inventory, "--output", "ndjson"], {
      onStart: (program) =>
        program.stdout?.on("data", (text) => text.includes('"phase":"signing"') && program.kill("SIGINT")),
    });
    assert.deepEqual([end.exitCode, end.signal], [130, null], end.stderr);
    const events = end.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as RunEvent);
    const finished = events.find((event) => event.event === "host-finished");
    assert.ok(finished?.event === "host-finished" && finished.outcome === "changed", end.stdout);
    assert.deepEqual(await serves(host), { plain: "refused", ssl: "on" });
    await putBack();
  },
);

const LDAP = {
  type: "hostssl",
  users: "staff",
  address: "192.0.2.0/24",
  method: "ldap",
  options: { ldapserver: "ldap.example.net", ldapprefix: "cn=" },
};
const LDAP_RECORD = JSON.stringify(LDAP);

function play(tasks: string): string {
  return `- hosts: db1\n  vars: { own: "{{ postgres_cluster }}" }\n  tasks:${tasks}\n`;
}

async function onlyHost(): Promise<EmbeddedHost & { inventory: string; login: pg.ClientConfig }> {
  const { hosts, inventoryFile, application } = await fleet();
  const [host] = hosts;
  assert.ok(host);
  return { ...host, inventory: inventoryFile, login: { host: "127.0.0.1", port: host.port, ...application } };
}

function assertFailure(run: PlaybookRun, { exitCode, outcome, code, said }: Failure): void {
  const finished = finishOf(run, "db1");
  assert.deepEqual(
    { exitCode: run.exitCode, outcome: finished.outcome, codes: finished.problems.map((problem) => problem.code) },
    { exitCode, outcome, codes: [code] },
    saidOf(run),
  );
  assert.match(finished.problems[0]?.message ?? "", said);
}

/** Every file as before with its mode, owner and even its times; the server has not read anything anew. */
async function assertUntouched(
  host: Awaited<ReturnType<typeof onlyHost>>,
  failure: Failure,
  work: () => Promise<PlaybookRun>,
): Promise<PlaybookRun> {
  const [files, loadedAt] = [await filesOf(host), await loadTime(host)];
  const run = await work();
  assertFailure(run, failure);
  const after = await filesOf(host);
  // A file that was in place for the judge's look is a new one with the old content.
  assert.deepEqual(withoutTimes(after), withoutTimes(files));
  assert.equal(await loadTime(host), loadedAt, "nothing was activated");
  assert.deepEqual(await serves(host), { plain: "in", ssl: "off" });
  return run;
}

/** The same where something had been activated: the server has read the old files again, and serves as before. */
async function assertPutBack(
  host: Awaited<ReturnType<typeof onlyHost>>,
  failure: Failure,
  work: () => Promise<PlaybookRun>,
): Promise<PlaybookRun> {
  const [files, loadedAt] = [await filesOf(host), await loadTime(host)];
  const run = await work();
  assertFailure(run, failure);
  assert.deepEqual(withoutTimes(await filesOf(host)), withoutTimes(files));
  await until(async () => assert.deepEqual(await serves(host), { plain: "in", ssl: "off" }));
  assert.notEqual(await loadTime(host), loadedAt, "what was put back is activated, too");
  return run;
}

/** How the server meets the application in plain text, and what it says of its TLS. */
async function serves(host: Awaited<ReturnType<typeof onlyHost>>): Promise<{ plain: "in" | "refused"; ssl: unknown }> {
  const client = new pg.Client(host.login);
  client.on("error", () => {});
  const plain = await client.connect().then(
    () => "in" as const,
    () => "refused" as const,
  );
  await client.end().catch(() => {});
  const [row] = await host.query("SHOW ssl");
  return { plain, ssl: row?.ssl };
}

/** Does `work` when the host gets to `phase` for the first time, before anything else goes on. */
function at(phase: Phase, work: () => void): (event: RunEvent) => void {
  let isDone = false;
  return (event) => {
    if (isDone || event.event !== "host-phase" || event.phase !== phase) return;
    isDone = true;
    work();
  };
}

async function holdLock(lock: string, pid: number, start: string, holder: string): Promise<void> {
  await mkdir(lock, { recursive: true });
  await chmod(lock, 0o777);
  await writeFile(join(lock, "holder"), `${pid}\n${start}\n${holder}\n`);
}

async function startTicks(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

async function selfSigned(): Promise<{ keyPem: string; certPem: string }> {
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-stranger-"));
  try {
    const [key, cert] = [join(directory, "key"), join(directory, "crt")];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await promisify(execFile)("openssl", [
      "req",
      "-x509",
      ...kind,
      "-subj",
      "/CN=stranger",
      "-keyout",
      key,
      "-out",
      cert,
    ]);
    return { keyPem: await readFile(key, "utf8"), certPem: await readFile(cert, "utf8") };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Waits until `holds` does not throw any more, 15 s at most. */
async function until(holds: () => Promise<void>): Promise<void> {
  const end = Date.now() + 15_000;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(50);
    }
  }
}
