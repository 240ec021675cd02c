import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { initLocalCa } from "../../src/ca/local-ca.ts";
import type { RunEvent } from "../../src/engine/event.ts";
import { runCli } from "../engine/cli.ts";
import { useDebianFleet } from "./debian.ts";
import type { DebianFleet } from "./debian-hosts.ts";

const enableMtls = fileURLToPath(new URL("../../playbooks/enable-mtls.yml", import.meta.url));
const use = useDebianFleet();

test("hosts that can't be used are each told by their own message, while the rest is done at once", {
  skip: use.skip,
  timeout: 120_000,
}, async () => {
  const fleet = await use.get();
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-failing-"));
  const [, , cut] = fleet.hosts;
  assert.ok(cut);
  try {
    await initLocalCa({ directory: join(directory, "ca"), now: Date.now });
    const inventory = await writeInventory(fleet, directory);
    await cut.setLink("down");
    const { exitCode, stdout, stderr } = await runCli(["run", enableMtls, "-i", inventory, "--output", "ndjson"]);
    assert.equal(exitCode, 6, stderr);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as RunEvent);
    const finished = events.filter((event) => event.event === "host-finished");
    assert.deepEqual(
      Object.fromEntries(
        finished.map(({ host, outcome, problems }) => [host, [outcome, ...problems.map(({ code }) => code)]]),
      ),
      {
        good: ["changed"],
        asks: ["failed", "BECOME_REFUSED"],
        down: ["unreachable", "SSH_TIMEOUT"],
        changed: ["unreachable", "HOST_KEY_CHANGED"],
        unknown: ["unreachable", "HOST_KEY_UNKNOWN"],
        closed: ["unreachable", "SSH_REFUSED"],
        stranger: ["unreachable", "SSH_AUTHENTICATION"],
      },
    );
    const said = (name: string) => {
      const [problem] = finished.find(({ host }) => host === name)?.problems ?? [];
      return `${problem?.message}\n${problem?.hint}`;
    };
    assert.match(said("asks"), /becoming root with sudo failed: sudo: a password is required\n.*NOPASSWD/);
    assert.match(said("changed"), /ssh-keygen -R/);
    assert.match(said("unknown"), /compare that with the host's own .* add this line to \S+\/nobody: \S+ ssh-/);
    assert.match(said("down"), /\b3 s\b/);
    assert.match(said("stranger"), /nobody-of-that-name/);
    const told = finished.map(({ problems }) => problems[0]?.message).filter((message) => message !== undefined);
    assert.equal(new Set(told).size, 6, "no two say the same");
    const at = (event: RunEvent["event"], name: string) =>
      events.findIndex((one) => one.event === event && "host" in one && one.host === name);
    assert.ok(at("host-connected", "good") < at("host-finished", "down"), "nobody waits for the host that is down");
  } finally {
    await cut.setLink("up");
    await rm(directory, { recursive: true, force: true });
  }
});

/** One host as it should be, and six that each lack something. */
async function writeInventory(
  { hosts, identityFile, knownHostsFile }: DebianFleet,
  directory: string,
): Promise<string> {
  const [good, asks, cut] = hosts;
  assert.ok(good && asks && cut);
  const lines = (await readFile(knownHostsFile, "utf8")).trim().split("\n");
  const keysOf = (address: string) =>
    lines.filter((line) => line.startsWith(`${address} `)).map((line) => line.slice(address.length + 1));
  // The address of one host with the keys of another, as when a machine was replaced.
  const mixedUp = join(directory, "mixed_up");
  await writeFile(
    mixedUp,
    keysOf(good.address)
      .map((key) => `${asks.address} ${key}\n`)
      .join(""),
  );
  const nobody = join(directory, "nobody");
  await writeFile(nobody, "");
  const inventory = join(directory, "inventory.yml");
  await writeFile(
    inventory,
    `all:
  vars:
    ansible_user: deploy
    ansible_become: true
    ansible_ssh_private_key_file: ${identityFile}
    pgmtls_known_hosts_file: ${knownHostsFile}
    pgmtls_connect_timeout: 3
    mtls_ca: { type: local, directory: ${join(directory, "ca")} }
  hosts:
    down: { ansible_host: ${cut.address} }
    good: { ansible_host: ${good.address} }
    asks: { ansible_host: ${asks.address}, ansible_user: asks }
    changed: { ansible_host: ${asks.address}, pgmtls_known_hosts_file: ${mixedUp} }
    unknown: { ansible_host: ${asks.address}, pgmtls_known_hosts_file: ${nobody} }
    closed: { ansible_host: ${good.address}, ansible_port: 1 }
    stranger: { ansible_host: ${good.address}, ansible_user: nobody-of-that-name }
`,
  );
  return inventory;
}
