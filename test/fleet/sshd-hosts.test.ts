import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { programEnd } from "./program.ts";
import { type SshdFleet, type SshdHost, sshdHostsUnavailable, startSshdHosts } from "./sshd-hosts.ts";

const skip = process.env.CI === "true" ? false : (sshdHostsUnavailable() ?? false);

for (const kind of ["shared", "own"] as const) {
  test(`${kind} sshd: every host lets its user in at its own address, and nothing is left afterwards`, {
    skip,
  }, async () => {
    const fleet = await startSshdHosts(3, kind);
    try {
      for (const host of fleet.hosts) {
        const command = `id -un; echo "$SSH_CONNECTION" | cut -d' ' -f3; touch ${host.directory}/mark`;
        const { stdout, stderr } = await ssh(fleet, host, command);
        assert.equal(stdout, `${fleet.user}\n${host.address}\n`, stderr);
        assert(existsSync(`${host.directory}/mark`));
      }
      assert.equal(new Set(fleet.hosts.map(({ address }) => address)).size, 3);
      const keys = readFileSync(fleet.knownHostsFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[2]);
      assert.equal(new Set(keys).size, kind === "own" ? 3 : 1);
    } finally {
      await fleet[Symbol.asyncDispose]();
    }
    assert(!existsSync(fleet.directory));
    for (const host of fleet.hosts) assert.equal(await listens(host), false);
  });
}

function ssh(fleet: SshdFleet, host: SshdHost, command: string) {
  const options = ["BatchMode=yes", "StrictHostKeyChecking=yes", `UserKnownHostsFile=${fleet.knownHostsFile}`];
  const flags = options.flatMap((option) => ["-o", option]);
  const to = ["-p", String(host.port), `${fleet.user}@${host.address}`];
  return programEnd(["ssh", "-F", "none", "-i", fleet.identityFile, ...flags, ...to, command]);
}

function listens({ address, port }: SshdHost): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
