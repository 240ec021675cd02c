import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonReader } from "../../src/report/json.ts";
import { ndjsonReader } from "../../src/report/ndjson.ts";
import { everyOutcome, file, fortyHostsChecked, hostFinished, started, taskFinished } from "./events.ts";
import { assertGolden, written } from "./golden.ts";

test("ndjson: each event is a line that gives it back", async () => {
  const events = everyOutcome();
  const text = await written(ndjsonReader, events);
  assertGolden("ndjson-every-outcome.txt", text);
  assert.deepEqual(
    text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
    JSON.parse(JSON.stringify(events)),
  );
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
