import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../../src/plan/change.ts";
import { diffOfChange } from "../../src/plan/diff.ts";
import { type ChangeGroup, groupByEqualChanges } from "../../src/plan/group.ts";
import { certificateChange, hbaChange } from "../report/events.ts";

function grouped(of: readonly [host: string, task: string, changes: readonly Change[]][]): ChangeGroup[] {
  const groups = new Map<string, ChangeGroup>();
  for (const [host, task, changes] of of) groupByEqualChanges(groups, { host, task, changes }, diffOfChange);
  return [...groups.values()];
}

const hostsOf = (groups: readonly ChangeGroup[]) => groups.map(({ hosts }) => hosts);

test("equal changes of a task are one group, others another", () => {
  const groups = grouped([
    ["db1", "tls", [hbaChange(15)]],
    ["db2", "tls", [hbaChange(16)]],
    ["db3", "tls", [hbaChange(15)]],
    ["db3", "later", [hbaChange(15)]],
  ]);
  assert.deepEqual(hostsOf(groups), [["db1", "db3"], ["db2"], ["db3"]]);
  assert.equal(groups[0]?.text, diffOfChange(hbaChange(15)));
});

test("a reason that is not everybody's is not told", () => {
  const [group] = grouped([
    ["db1", "tls", [hbaChange(15)]],
    ["db2", "tls", [{ ...hbaChange(15), because: "another" }]],
  ]);
  assert.equal(group?.because, undefined);
});

test("a host with the same change twice is named once", () => {
  assert.deepEqual(hostsOf(grouped([["db1", "tls", [hbaChange(15), hbaChange(15)]]])), [["db1"]]);
});

test("certificates that differ only in names are one group without names; one alone keeps its names", () => {
  const [alone] = grouped([["db1", "cert", [certificateChange("db1")]]]);
  assert.equal(alone?.text, diffOfChange(certificateChange("db1")));
  const both = grouped([
    ["db1", "cert", [certificateChange("db1")]],
    ["db2", "cert", [certificateChange("db2")]],
  ]);
  assert.deepEqual(hostsOf(both), [["db1", "db2"]]);
  assert.match(both[0]?.text ?? "", /names: DNS \(2 of its own\), IP \(1 of its own\)/);
  assert.doesNotMatch(both[0]?.text ?? "", /db1/);
});

test("a certificate with another key, lifetime or signer is another group", () => {
  const change = certificateChange("db1");
  const others = [
    { ...change, request: { ...change.request, key: "rsa-2048" as const } },
    { ...change, request: { ...change.request, lifetimeSeconds: 60 } },
    { ...change, authority: "other CA" },
  ];
  const groups = grouped([change, ...others].map((one, i) => [`db${i}`, "cert", [one]] as const));
  assert.equal(groups.length, 4);
});
