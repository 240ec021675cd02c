import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { HostConnection } from "../../src/inventory/connection-variables.ts";
import { type LoginEnvironment, targetOf } from "../../src/ssh/default-target.ts";
import { whyNoSshd } from "./sshd.ts";

describe("the target of a host", { skip: whyNoSshd() ?? false }, () => {
  const home = mkdtempSync(join(tmpdir(), "pgmtls-home-"));
  const key = join(home, "key");
  const locked = join(home, "locked");
  const at = { file: "prod.yml", line: 3, col: 7, length: 4, text: "  key: key" };
  before(() => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "a secret", "-f", locked]);
  });
  after(() => rmSync(home, { recursive: true }));

  const connection = (over: Partial<HostConnection> = {}): HostConnection => ({
    address: "10.0.0.1",
    port: 22,
    user: undefined,
    identityFiles: [],
    knownHostsFiles: undefined,
    connectTimeoutMs: 10_000,
    become: { on: undefined, user: undefined },
    agent: true,
    ...over,
  });
  const environment = (over: Partial<LoginEnvironment> = {}) => ({
    user: "me",
    home,
    agentSocket: "/run/agent",
    ...over,
  });

  async function target(over: Partial<HostConnection>, env: Partial<LoginEnvironment> = {}) {
    const made = await targetOf("db1", connection(over), environment(env), at);
    if ("problems" in made) assert.fail(made.problems.map((problem) => problem.message).join("; "));
    return made.target;
  }

  test("has ssh's own defaults where the inventory is silent", async () => {
    mkdirSync(join(home, ".ssh"));
    copyFileSync(key, join(home, ".ssh/id_rsa"));
    copyFileSync(locked, join(home, ".ssh/id_ed25519"));
    const { user, agent, knownHostsFiles, identities } = await target({});
    assert.equal(user, "me");
    assert.equal(agent, "/run/agent");
    assert.deepEqual(knownHostsFiles, [join(home, ".ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"]);
    assert.deepEqual(
      identities.map(({ path }) => path),
      [join(home, ".ssh/id_rsa")],
    );
  });

  test("has what the inventory says, and then no default keys", async () => {
    const made = await target({ user: "admin", identityFiles: [key], knownHostsFiles: ["/kh"], agent: false });
    assert.equal(made.user, "admin");
    assert.equal(made.agent, undefined);
    assert.deepEqual(made.knownHostsFiles, ["/kh"]);
    assert.deepEqual(
      made.identities.map(({ path }) => path),
      [key],
    );
  });

  test("passes over a locked key where an agent may hold it, or another key may do", async () => {
    assert.deepEqual((await target({ identityFiles: [locked] })).identities, []);
    const { identities } = await target({ identityFiles: [locked, key] }, { agentSocket: undefined });
    assert.deepEqual(
      identities.map(({ path }) => path),
      [key],
    );
  });

  for (const [what, path, said] of [
    ["is missing", () => join(home, "none"), /none is missing/],
    ["is a folder", () => home, /can't be read/],
    ["holds something else", () => file("hello"), /holds no private key/],
    ["is empty", () => file(""), /holds no private key/],
    ["is the public half", () => `${key}.pub`, /holds a public key/],
    ["can be read by others", () => open(key), /can be read by others \(mode 0644\)/],
    ["is locked, without an agent", () => locked, /needs a passphrase, and there is no agent/],
  ] as const) {
    test(`a key file that ${what} is a problem before anything is contacted`, async () => {
      const made = await targetOf(
        "db1",
        connection({ identityFiles: [path()] }),
        environment({ agentSocket: undefined }),
        at,
      );
      assert.ok("problems" in made);
      assert.equal(made.problems.length, 1);
      assert.equal(made.problems[0]?.code, "SSH_KEY_UNREADABLE");
      assert.match(made.problems[0]?.message ?? "", said);
      assert.equal(made.problems[0]?.at, at);
      assert.doesNotMatch(JSON.stringify(made.problems), /BEGIN|hello/);
    });
  }

  function file(text: string): string {
    const path = join(home, "something");
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
  function open(from: string): string {
    const path = join(home, "open");
    copyFileSync(from, path);
    chmodSync(path, 0o644);
    return path;
  }
});
