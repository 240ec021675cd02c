import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { jsonReader } from "../../src/report/json.ts";
import { ndjsonReader } from "../../src/report/ndjson.ts";
import { everyOutcome, file, fortyHostsChecked, hostFinished, started, taskFinished } from "./events.ts";
import { assertGolden, written } from "./golden.ts";

test("ndjson: each event is a line that gives it back, but for the texts of files", async () => {
  const events = everyOutcome();
  const text = await written(ndjsonReader, events);
  assertGolden("ndjson-every-outcome.txt", text);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const withoutChanges = (event: object) => ({ ...event, changes: undefined });
  assert.deepEqual(lines.map(withoutChanges), JSON.parse(JSON.stringify(events)).map(withoutChanges));
});

test("ndjson: a file is told by its digest and what becomes of it, not by its text", async () => {
  const rest = "# nobody asked for this line\n".repeat(1000);
  const before = file("/etc/a.conf", `a = 1\n${rest}`);
  const after = file("/etc/a.conf", `a = 2\n${rest}`);
  const changes = [{ kind: "file", path: before.path, before, after, because: "a differs" } as const];
  const text = await written(ndjsonReader, [taskFinished("db1", "Set a", "changed", { changes })]);
  assert.ok(text.length < 2000, `${text.length} characters`);
  const [told] = JSON.parse(text).changes;
  assert.deepEqual(told.before.content, {
    kind: "text",
    sha256: createHash("sha256").update(`a = 1\n${rest}`).digest("hex"),
    bytes: 6 + rest.length,
  });
  assert.deepEqual(told.after.mode, 0o640);
  assert.match(told.diff, /^-a = 1\n\+a = 2$/m);
});

test("ndjson: of a text with a password there is not even a digest, and of a secret setting no value", async () => {
  const after = file("/etc/a.conf", "ssl_passphrase_command = 'echo hunter2'\n");
  const settings = { cluster: "", values: { ssl_passphrase_command: "echo hunter2", port: "5432" } };
  const changes = [{ kind: "file", path: after.path, before: "absent", after, because: "x", settings } as const];
  const text = await written(ndjsonReader, [taskFinished("db1", "Set", "changed", { changes })]);
  assert.ok(!text.includes("hunter2"));
  const [told] = JSON.parse(text).changes;
  assert.deepEqual(told.after.content, { kind: "text", bytes: 40 });
  assert.deepEqual(told.settings.values, { ssl_passphrase_command: "(not shown)", port: "5432" });
});

test("json: one document", async () => {
  const text = await written((output) => jsonReader(output, { diff: true }), everyOutcome());
  assertGolden("json-every-outcome.txt", text);
});

test("json: without --diff there is no diff in it", async () => {
  const run = JSON.parse(await written((output) => jsonReader(output, { diff: false }), fortyHostsChecked()));
  assert.equal(run.hosts.length, 40);
  assert.deepEqual(run.hosts[0].tasks[2].changes, [
    { kind: "activate", summary: "reload 15/main", because: "ssl and ssl_cert_file differ from what the server runs" },
  ]);
});

test("json: a run that was interrupted has hosts without outcome, and no exit code", async () => {
  const run = JSON.parse(await written((output) => jsonReader(output, { diff: false }), started(["db1"], false)));
  assert.equal(run.hosts[0].outcome, null);
  assert.ok(!("exitCode" in run));
});

for (const [name, open] of [
  ["ndjson", ndjsonReader],
  ["json", (output) => jsonReader(output, { diff: true })],
] as const satisfies [string, Parameters<typeof written>[0]][]) {
  test(`${name}: no private key comes out, also where a file was given as text`, async () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n";
    const after = file("/etc/app.key", key);
    const changes = [{ kind: "file", path: after.path, before: "absent", after, because: "missing" } as const];
    const events = [
      ...started(["db1"], false),
      taskFinished("db1", "Copy", "changed", { changes }),
      hostFinished("db1", "changed", 9),
    ];
    const text = await written(open, events);
    assert.ok(!text.includes("MIGHAgEAMBMG"));
    assert.match(text, /private key not shown/);
  });
}
