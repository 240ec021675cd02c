import assert from "node:assert/strict";
import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import type { Change } from "../../src/plan/change.ts";
import type { FileState } from "../../src/state/host-state.ts";
import { finishOf, outcomesOf, type PlaybookOptions, type PlaybookRun, saidOf, tasksOf } from "./run-playbook.ts";

/** What a test finds on a host by itself, without anything of pgmtls. */
export type HostFile = { bytes: Buffer; mode: string; owner: string; group: string };
export type Inspect = {
  host: string;
  file: (path: string) => Promise<HostFile | undefined>;
  /** PEM of the public half of the private key there. */
  publicKey: (path: string) => Promise<string>;
};
type Run = (options: PlaybookOptions) => Promise<PlaybookRun>;

/**
 * Checks, runs, and runs again. What the check tells must be what the run tells, whole and in order: changes, reasons, warnings; what
 * the run tells must be what is then on the hosts; and the second run must find nothing to do, by one exec.
 */
export async function assertCheckIsRun(run: Run, hosts: readonly Inspect[]): Promise<PlaybookRun> {
  const check = await run({ check: true, detailedExitCode: true });
  assert.equal(check.exitCode, 3, saidOf(check) || "the check finds something to change");
  for (const { host } of hosts) assert.equal(finishOf(check, host).execs, 1, "a check only looks");
  const done = await run({});
  assert.equal(done.exitCode, 0, saidOf(done));
  for (const inspect of hosts) {
    const { host } = inspect;
    // The one difference: the outcome's own word. Nothing that is told is left out of the comparison.
    const told = tasksOf(check, host).map((task) =>
      task.outcome === "would-change" ? { ...task, outcome: "changed" } : task,
    );
    assert.deepEqual(tasksOf(done, host), told, `on ${host} the run does what the check told`);
    await assertDone(
      tasksOf(done, host).flatMap(({ changes }) => changes),
      inspect,
    );
  }
  const again = await run({});
  assert.equal(again.exitCode, 0, saidOf(again));
  for (const { host } of hosts) {
    const others = outcomesOf(again, host).filter((outcome) => !/: (ok|skipped)$/.test(outcome));
    assert.deepEqual({ others, execs: finishOf(again, host).execs }, { others: [], execs: 1 });
  }
  return done;
}

/** That the host is as `changes` say, at their end: of several changes of one file the last counts. */
async function assertDone(changes: readonly Change[], inspect: Inspect): Promise<void> {
  const last = new Map<string, FileState | "absent">();
  for (const change of changes) {
    if (change.kind === "file") last.set(realPath(change.path, change.after), change.after);
    if (change.kind !== "certificate") continue;
    for (const { after } of [change.key, change.certificate]) last.set(after.path, after);
  }
  for (const [path, after] of last) await assertFile(path, after, inspect);
  for (const change of changes) if (change.kind === "certificate") await assertPair(change, inspect);
}

function realPath(path: string, after: FileState | "absent"): string {
  return after === "absent" ? path : after.path;
}

async function assertFile(path: string, after: FileState | "absent", inspect: Inspect): Promise<void> {
  const file = await inspect.file(path);
  if (after === "absent" || file === undefined) {
    assert.equal(file ?? "absent", after, path);
    return;
  }
  const { mode, owner, group, content } = after;
  assert.deepEqual(
    { ...file, bytes: "", mode: Number.parseInt(file.mode, 8) },
    { bytes: "", mode, owner, group },
    path,
  );
  if (content.kind === "text") assert.equal(file.bytes.toString("latin1"), content.latin1, path);
  if (content.kind === "secret")
    assert.equal(createHash("sha256").update(file.bytes).digest("hex"), content.sha256, path);
}

async function assertPair(
  { key, certificate, request }: Change & { kind: "certificate" },
  inspect: Inspect,
): Promise<void> {
  const file = (await inspect.file(certificate.after.path)) ?? assert.fail(`no ${certificate.after.path}`);
  const leaf = new X509Certificate(file.bytes);
  assert.ok(leaf.subject.split("\n").includes(`CN=${request.commonName}`), leaf.subject);
  for (const name of request.dns) assert.ok(leaf.checkHost(name), name);
  for (const address of request.ip) assert.ok(leaf.checkIP(address), address);
  const publicKey = createPublicKey(await inspect.publicKey(key.after.path));
  assert.ok(leaf.publicKey.equals(publicKey), "key and certificate are a pair");
}
