import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FileChange } from "../../src/plan/change.ts";
import { type ApplyScript, applyProgram } from "../../src/remote/apply.ts";
import { type Answer, converse, type Question } from "../../src/remote/conversation.ts";
import type { Frame } from "../../src/remote/frames.ts";
import { HostStateBuilder, mergeObservations, observeProgram } from "../../src/remote/observe.ts";
import { connect } from "../../src/ssh/connect.ts";
import type { Connection } from "../../src/ssh/connection.ts";
import type { FileState, HostState } from "../../src/state/host-state.ts";
import type { Observation } from "../../src/state/observation.ts";
import { type Sshd, startSshd, whyNoSshd } from "../ssh/sshd.ts";

const signal = new AbortController().signal;
const skip = whyNoSshd() ?? false;

describe("the host programs, over a real sshd", { skip }, () => {
  let sshd: Sshd;
  let connection: Connection;
  let directory: string;
  before(async () => {
    sshd = await startSshd();
    connection = await connect(sshd.target(), signal);
    directory = mkdtempSync(join(tmpdir(), "pgmtls-host-"));
  });
  after(async () => {
    await connection[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  test("observing tells of files what stat and cat tell, and changes nothing", async () => {
    const path = join(directory, 'a file\'s "name"');
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => i % 256));
    writeFileSync(path, bytes);
    chmodSync(path, 0o640);
    const link = join(directory, "link");
    symlinkSync(path, link);
    const state = await observe([
      file(path, "content"),
      file(link, "digest"),
      file(directory, "metadata"),
      file(`${directory}/none`, "content"),
    ]);
    const found = state.files.get(path);
    assert.ok(found !== undefined && found !== "absent");
    assert.deepEqual(found.content, { kind: "text", latin1: bytes.toString("latin1") });
    assert.deepEqual([found.mode, found.owner, found.kind], [0o640, userInfo().username, "file"]);
    assert.ok(typeof found.changedAt === "number" && Math.abs(found.changedAt - statSync(path).ctimeMs) < 2);
    const linked = state.files.get(link);
    assert.ok(linked !== undefined && linked !== "absent");
    assert.deepEqual([linked.link, linked.path, linked.content.kind], [link, path, "digest"]);
    const folder = state.files.get(directory);
    assert.ok(folder !== undefined && folder !== "absent" && folder.kind === "directory");
    assert.equal(state.files.get(`${directory}/none`), "absent");
    assert.ok(Math.abs(state.clockMs - Date.now()) < 5000);
    assert.equal(state.user, userInfo().username);
  });

  test("a file is written byte for byte with its mode, the one before is kept, nothing else is left", async () => {
    const path = join(directory, "written");
    writeFileSync(path, "old\n");
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
    const frames = await apply([write(path, (await observed(path)) as FileState, bytes.toString("latin1"), 0o600)]);
    assert.equal(frames.at(-1)?.verb, "finish");
    assert.deepEqual(readFileSync(path), bytes);
    assert.equal(statSync(path).mode & 0o7777, 0o600);
    const images = frames.at(-1)?.payload.toString() ?? "";
    assert.equal(readFileSync(join(images, "0.before"), "utf8"), "old\n");
    assertTidy();
  });

  test("a file that changed since it was looked at is a conflict, and no file of the run is touched", async () => {
    const [one, two] = [join(directory, "one"), join(directory, "two")];
    writeFileSync(one, "1");
    writeFileSync(two, "2");
    const changes = [
      write(one, (await observed(one)) as FileState, "new", 0o644),
      write(two, (await observed(two)) as FileState, "new", 0o644),
    ];
    writeFileSync(two, "somebody else's");
    const frames = await apply(changes);
    assert.deepEqual([frames.at(-1)?.verb, frames.at(-1)?.words], ["failed", ["unchanged", "conflict"]]);
    assert.match(frames.at(-1)?.payload.toString() ?? "", /two was changed by somebody else/);
    assert.deepEqual([readFileSync(one, "utf8"), readFileSync(two, "utf8")], ["1", "somebody else's"]);
    assertTidy();
  });

  test("a failure after some files were replaced puts them back with content and mode", async () => {
    const [one, made] = [join(directory, "put-back"), join(directory, "made-and-gone")];
    writeFileSync(one, "before");
    chmodSync(one, 0o604);
    const changes = [
      write(one, (await observed(one)) as FileState, "after", 0o600),
      write(made, "absent", "new", 0o644),
    ];
    // A cluster that is not there makes the step after the commit fail.
    const frames = await apply(changes, [
      { do: "commit", ids: [0, 1] },
      { do: "use-cluster", selector: join(directory, "no-cluster") },
    ]);
    assert.deepEqual(frames.at(-1)?.words, ["restored", "error"]);
    assert.equal(readFileSync(one, "utf8"), "before");
    assert.equal(statSync(one).mode & 0o7777, 0o604);
    assert.equal(existsSync(made), false);
    assertTidy();
  });

  test("the second of two runs at once is told who holds the host", async () => {
    const key = join(directory, "held.key");
    let said: Frame[] = [];
    const change = certificate(key, join(directory, "held.crt"));
    const frames = await apply([change], undefined, async (question) => {
      assert.equal(question.verb, "sign");
      said = await apply([write(join(directory, "x"), "absent", "x", 0o644)]);
      return { yes: false, text: "the CA is down" };
    });
    assert.deepEqual(said.at(-1)?.words, ["locked"]);
    assert.match(said.at(-1)?.payload.toString() ?? "", /tester, run/);
    assert.deepEqual(frames.at(-1)?.words, ["unchanged", "error"]);
    assert.equal(existsSync(key), false);
    assertTidy();
  });

  test("the key is made on the host, 0600 from its first moment, and only the request leaves it", async () => {
    const key = join(directory, "server.key");
    let csr = "";
    let modes: number[] = [];
    const frames = await apply([certificate(key, join(directory, "server.crt"))], undefined, async ({ text }) => {
      csr = text;
      modes = readdirSync(directory)
        .filter((name) => name.startsWith(".pgmtls."))
        .map((name) => statSync(join(directory, name)).mode & 0o777);
      return { yes: true, text: "-----BEGIN CERTIFICATE-----\nthe chain\n-----END CERTIFICATE-----\n" };
    });
    assert.equal(frames.at(-1)?.verb, "finish");
    assert.match(csr, /^-----BEGIN CERTIFICATE REQUEST-----/);
    assert.deepEqual(modes, [0o600, 0o600]);
    assert.equal(statSync(key).mode & 0o777, 0o600);
    assert.match(readFileSync(key, "utf8"), /PRIVATE KEY/);
    assert.match(readFileSync(join(directory, "server.crt"), "utf8"), /^-----BEGIN CERTIFICATE-----\nthe chain\n/);
    for (const frame of frames) assert.doesNotMatch(frame.payload.toString(), /PRIVATE KEY/);
    assertTidy();
  });

  test("a controller that goes away while it is asked leaves the host as it was", async () => {
    const key = join(directory, "lost.key");
    const lost = await connect(sshd.target(), signal);
    await assert.rejects(
      applyOver(lost, [certificate(key, join(directory, "lost.crt"))], undefined, async () => {
        await lost[Symbol.asyncDispose]();
        return { yes: true, text: "" };
      }),
    );
    const lock = join(directory, "state", "lock");
    for (let i = 0; i < 100 && existsSync(lock); i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(existsSync(key), false);
    assertTidy();
  });

  test("a program that is told to end puts everything back first", async () => {
    const [path, key] = [join(directory, "ended"), join(directory, "ended.key")];
    writeFileSync(path, "before");
    const changes = [
      write(path, (await observed(path)) as FileState, "after", 0o644),
      certificate(key, join(directory, "ended.crt")),
    ];
    const frames = await apply(changes, undefined, async () => {
      const holder = readFileSync(join(directory, "state", "lock", "holder"), "utf8");
      process.kill(Number(holder.split("\n", 1)[0]), "SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { yes: true, text: "too late" };
    });
    assert.deepEqual(frames.at(-1)?.words, ["unchanged", "error"]);
    assert.match(frames.at(-1)?.payload.toString() ?? "", /told to end by a signal/);
    assert.equal(readFileSync(path, "utf8"), "before");
    assert.equal(existsSync(key), false);
    assertTidy();
  });

  test("of many that find a stale lock at once, one at a time holds it", async () => {
    mkdirSync(join(directory, "state", "lock"), { recursive: true });
    writeFileSync(join(directory, "state", "lock", "holder"), "999999999\n1\na run that died\n");
    let inside = 0;
    let most = 0;
    const one = async (i: number) =>
      await apply(
        [certificate(join(directory, `race-${i}.key`), join(directory, `race-${i}.crt`))],
        undefined,
        async () => {
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setTimeout(resolve, 100));
          inside -= 1;
          return { yes: true, text: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n" };
        },
      );
    const ends = await Promise.all([1, 2, 3, 4, 5, 6].map(one));
    const words = ends.map((frames) => frames.at(-1)?.verb);
    assert.ok(words.includes("finish"), words.join());
    assert.equal(most, 1);
    assertTidy();
  });

  const skipAsOther = process.getuid?.() === 0 ? false : "only root can make files of others";
  test("root does not follow a link that the owner of a directory has laid", { skip: skipAsOther }, async () => {
    const theirs = join(directory, "theirs");
    mkdirSync(theirs);
    const [link, own] = [join(theirs, "root.crt"), join(theirs, "own.crt")];
    symlinkSync("/etc/shadow", link);
    lchownSync(link, 65534, 65534);
    writeFileSync(join(theirs, "real"), "theirs");
    chownSync(join(theirs, "real"), 65534, 65534);
    symlinkSync("real", own);
    lchownSync(own, 65534, 65534);
    const state = await observe([file(link, "content"), file(own, "content")]);
    const [laid, harmless] = [state.files.get(link), state.files.get(own)];
    assert.ok(laid !== undefined && laid !== "absent" && harmless !== undefined && harmless !== "absent");
    assert.deepEqual([laid.kind, laid.content.kind], ["other", "unread"]);
    assert.deepEqual([harmless.kind, harmless.content], ["file", { kind: "text", latin1: "theirs" }]);
  });

  test("a lock file that anybody may lay into /tmp makes no cluster", { skip: skipAsOther }, async () => {
    const lock = "/tmp/.s.PGSQL.59999.lock";
    const forged = join(directory, "forged");
    mkdirSync(join(forged, "bin"), { recursive: true });
    writeFileSync(lock, `${process.pid}\n${forged}\n1\n59999\n/tmp\n`);
    writeFileSync(join(forged, "postmaster.pid"), `${process.pid}\n${forged}\n1\n59999\n/tmp\n`);
    writeFileSync(join(forged, "postmaster.opts"), `${forged}/bin/postgres "-D" "${forged}"\n`);
    writeFileSync(join(forged, "bin", "psql"), `#!/bin/sh\ntouch ${forged}/was-run\n`);
    chmodSync(join(forged, "bin", "psql"), 0o755);
    try {
      const state = await observe([
        { kind: "cluster", cluster: "" },
        { kind: "cluster", cluster: forged },
      ]);
      for (const selector of ["", forged]) {
        const found = state.clusters.get(selector);
        assert.ok(
          found !== undefined && "problem" in found && !found.known.some((name) => name === forged && selector === ""),
          JSON.stringify(found),
        );
      }
      assert.equal(existsSync(join(forged, "was-run")), false);
    } finally {
      rmSync(lock);
    }
  });

  for (const shell of ["/bin/dash", "/bin/bash", "/bin/busybox sh"].filter((shell) =>
    existsSync(shell.split(" ")[0] ?? ""),
  )) {
    test(`the program runs the same under ${shell}`, async () => {
      const path = join(directory, `by-${shell.replaceAll(/\W/g, "-")}`);
      const under: Connection = {
        ...connection,
        exec: (command, abort) => connection.exec(command.replace("/bin/sh", shell), abort),
        openStream: connection.openStream,
      };
      const frames = await applyOver(under, [write(path, "absent", "content\n", 0o640)]);
      assert.equal(frames.at(-1)?.verb, "finish", frames.at(-1)?.payload.toString());
      assert.equal(readFileSync(path, "utf8"), "content\n");
      assert.equal(statSync(path).mode & 0o7777, 0o640);
      assertTidy();
    });
  }

  function file(path: string, want: "content" | "digest" | "metadata"): Observation {
    return { kind: "file", path: { base: "root", path }, want };
  }

  async function observe(observations: readonly Observation[]): Promise<HostState> {
    const question = mergeObservations(observations);
    const builder = new HostStateBuilder(question);
    await converse({
      connection,
      become: undefined,
      program: (marker) => observeProgram(question, marker),
      onFrame: (frame) => builder.add(frame),
      onQuestion: async () => ({ yes: false, text: "" }),
      signal,
    });
    return builder.state();
  }

  async function observed(path: string) {
    return (await observe([file(path, "content")])).files.get(path);
  }

  function write(path: string, before: FileState | "absent", latin1: string, mode: number): FileChange {
    const { username } = userInfo();
    const after: FileState = {
      path,
      kind: "file",
      content: { kind: "text", latin1 },
      mode,
      owner: username,
      group: username,
      changedAt: "in this run",
    };
    return { kind: "file", path, before, after, because: "a test wants it" };
  }

  function certificate(keyPath: string, path: string): ApplyScript["prepare"][number] {
    const { username } = userInfo();
    const request = {
      commonName: "db1.example.net",
      dns: ["db1.example.net"],
      ip: ["192.0.2.1"],
      key: "ec-p256",
      purpose: "server",
      lifetimeSeconds: undefined,
    } as const;
    const attributes = { kind: "file", owner: username, group: username, changedAt: "in this run" } as const;
    return {
      kind: "certificate",
      key: {
        before: "absent",
        after: { path: keyPath, content: { kind: "key-to-be-made", key: "ec-p256" }, mode: 0o600, ...attributes },
      },
      certificate: {
        before: "absent",
        after: { path, content: { kind: "to-be-issued", request }, mode: 0o644, ...attributes },
      },
      request,
      authority: "test",
      because: "a test wants it",
    };
  }

  function apply(
    prepare: ApplyScript["prepare"],
    steps?: ApplyScript["steps"],
    answer?: (question: Question) => Promise<Answer>,
  ) {
    return applyOver(connection, prepare, steps, answer);
  }

  let runs = 0;
  async function applyOver(
    over: Connection,
    prepare: ApplyScript["prepare"],
    steps?: ApplyScript["steps"],
    answer?: (question: Question) => Promise<Answer>,
  ): Promise<Frame[]> {
    const frames: Frame[] = [];
    runs += 1;
    const script: ApplyScript = {
      run: `run-${runs}`,
      stateDirectory: join(directory, "state"),
      holder: `tester, run ${runs}`,
      user: userInfo().username,
      group: userInfo().username,
      prepare,
      steps: steps ?? [{ do: "commit", ids: prepare.map((_, id) => id) }],
    };
    await converse({
      connection: over,
      become: undefined,
      program: (marker) => applyProgram(script, new Map(), marker),
      onFrame: (frame) => frames.push(frame),
      onQuestion: answer ?? (async () => ({ yes: false, text: "nothing was to be asked" })),
      signal,
    });
    return frames;
  }

  function assertTidy() {
    mkdirSync(join(directory, "state"), { recursive: true });
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith(".pgmtls.")),
      [],
    );
    assert.equal(existsSync(join(directory, "state", "lock")), false);
  }
});
