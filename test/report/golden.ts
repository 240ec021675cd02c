import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { RunEvent } from "../../src/engine/event.ts";
import type { Output, Reader } from "../../src/report/reader.ts";

/** Compares with test/golden/report/NAME; UPDATE_GOLDEN=1 writes the file instead, for a person to read in the diff. */
export function assertGolden(name: string, actual: string): void {
  const path = new URL(`../golden/report/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, "utf8"));
}

/** All that a reader writes for `events`. */
export async function written(open: (output: Output) => Reader, events: readonly RunEvent[]): Promise<string> {
  const texts: string[] = [];
  const reader = open({ write: (text) => texts.push(text) });
  for (const event of events) reader.onEvent(event);
  await reader.close();
  return texts.join("");
}
