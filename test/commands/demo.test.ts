import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { demo, demoDown, demoUp, type RunPlaybook } from "../../src/commands/demo.ts";
import { runCommand } from "../../src/commands/run.ts";
import { InputError } from "../../src/diagnostics/diagnostic.ts";

for (const hosts of [0, -1, 1.5, 100, Number.NaN]) {
  test(`${hosts} hosts are refused before anything starts`, async () => {
    const isTold = (error: unknown) => error instanceof InputError && /--hosts is /.test(error.message);
    await assert.rejects(demo({ hosts, run: notReached, print: notReached }), isTold);
    await assert.rejects(demoUp({ hosts, print: notReached }), isTold);
  });
}

test("the shipped playbook holds on every major: the demo ends with 0 and says what was proved", async () => {
  const printed: string[] = [];
  assert.equal(await demo({ hosts: 5, run: runCommand, print: (line) => void printed.push(line) }), 0);
  const rows = printed.filter((line) => /^ {2}db\d/.test(line)).map((line) => line.trim().split(/ +/));
  assert.deepEqual(
    rows,
    [18, 17, 16, 15, 14].map((major, at) => [`db${at + 1}`, String(major), "yes", "yes", "yes", "yes", "yes"]),
  );
  assert.equal(printed.at(-1), "\nall of it holds on all 5 hosts");
});

test("a run that does nothing is found out: the demo fails, says what did not hold, and leaves nothing", async () => {
  let directory = "";
  const printed: string[] = [];
  const run: RunPlaybook = async ({ inventory: [inventory = ""] }) => {
    directory = dirname(inventory);
    assert.ok(existsSync(inventory));
    return 0;
  };
  assert.equal(await demo({ hosts: 1, run, print: (line) => void printed.push(line) }), 2);
  const text = printed.join("\n");
  assert.match(text, /db1 {3}18 {10}yes {2}NO {3}NO {3}NO {3}yes/);
  assert.match(text, /\(2\) plain text is refused\n {6}let in without TLS\n/);
  assert.match(text, /NOT all of it holds$/);
  assert.ok(!existsSync(directory));
  const [, port] = /db1: PostgreSQL 18 on port (\d+)/.exec(text) ?? [];
  await assert.rejects(reach(Number(port)), { code: "ECONNREFUSED" });
});

test("a run that fails ends the demo with its exit code", async () => {
  assert.equal(await demo({ hosts: 1, run: async () => 4, print: () => {} }), 4);
});

test("an interrupt during the run stops the fleet and exits as interrupted programs do", async () => {
  let directory = "";
  const run: RunPlaybook = async ({ inventory: [inventory = ""] }) => {
    directory = dirname(inventory);
    process.kill(process.pid, "SIGINT");
    await new Promise((resolve) => process.once("SIGINT", resolve));
    return 130;
  };
  assert.equal(await demo({ hosts: 1, run, print: () => {} }), 130);
  assert.ok(!existsSync(directory));
  assert.equal(process.listenerCount("SIGINT"), 0);
});

test("demo up says what to try, demo down ends it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "pgmtls-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const printed: string[] = [];
  const print = (line: string) => void printed.push(line);
  assert.equal(await demoUp({ directory, hosts: 1, print }), 0);
  assert.match(printed.join("\n"), new RegExp(`-i ${directory}/inventory.yml --check --diff\n`));
  assert.equal(printed.at(-1), `  pgmtls demo down --dir ${directory}`);
  assert.equal(await demoDown({ directory, print }), 0);
  assert.equal(printed.at(-1), `the fleet in ${directory} is down`);
  assert.equal(await demoDown({ directory, print }), 0);
  assert.equal(printed.at(-1), `no fleet stands in ${directory}`);
});

function notReached(): never {
  assert.fail("nothing should start");
}

async function reach(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}
