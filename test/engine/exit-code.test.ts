import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodeOf } from "../../src/engine/exit-code.ts";
import { countOutcomes } from "../../src/engine/outcome.ts";

const NONE = countOutcomes([]);
const run = { check: false, detailedExitCode: false, interrupted: false };
const check = { ...run, check: true };
const detailed = { ...check, detailedExitCode: true };

for (const [name, counts, how, code] of [
  ["all is well", { ok: 2, changed: 1, skipped: 1 }, run, 0],
  ["a host failed", { ok: 1, failed: 1 }, run, 2],
  ["a host was put back", { "rolled-back": 1 }, run, 2],
  ["a host was unreachable", { ok: 1, unreachable: 1 }, run, 4],
  ["both", { failed: 1, unreachable: 1 }, run, 6],
  ["a run did not know what to do on a host", { ok: 1, unknown: 1 }, run, 2],
  ["a check does not know", { unknown: 1 }, check, 0],
  ["a check with the detailed code does not know", { unknown: 1 }, detailed, 3],
  ["a check would change something", { "would-change": 1 }, check, 0],
  ["a check with the detailed code would change something", { "would-change": 1 }, detailed, 3],
  ["a check fails before it asks for more", { "would-change": 1, failed: 1 }, detailed, 2],
  ["interrupted, whatever else", { failed: 1 }, { ...run, interrupted: true }, 130],
] as const) {
  test(`exit code ${code}: ${name}`, () => assert.equal(exitCodeOf({ ...NONE, ...counts }, how), code));
}
