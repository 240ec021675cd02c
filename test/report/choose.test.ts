import assert from "node:assert/strict";
import { test } from "node:test";
import { openReader } from "../../src/report/choose.ts";
import { nothingToDo, START_MS } from "./events.ts";

/** What goes to which stream. */
async function streams(output: "plain" | "json" | "ndjson" | undefined): Promise<{ stdout: string; stderr: string }> {
  const texts = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") =>
    Object.assign(Object.create(process.stdout), {
      isTTY: false,
      write: (text: string) => {
        texts[name] += text;
        return true;
      },
    });
  const reader = openReader({
    output,
    diff: false,
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    now: () => START_MS,
    env: {},
  });
  for (const event of nothingToDo()) reader.onEvent(event);
  await reader.close();
  return texts;
}

for (const output of ["json", "ndjson"] as const) {
  test(`--output ${output} goes to standard output, and nothing to standard error`, async () => {
    const { stdout, stderr } = await streams(output);
    assert.match(stdout, /^\{/);
    assert.equal(stderr, "");
  });
}

for (const output of ["plain", undefined] as const) {
  test(`--output ${output}, where there is no terminal: lines and the recap on standard error`, async () => {
    const { stdout, stderr } = await streams(output);
    assert.equal(stdout, "");
    assert.match(stderr, /^playbooks\/enable-mtls.yml on 5 hosts\n/);
    assert.match(stderr, /\nnothing to do: 5 hosts ok\n$/);
  });
}
