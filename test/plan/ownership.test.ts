import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../../src/plan/change.ts";
import { ownershipProblems } from "../../src/plan/ownership.ts";
import type { FileState } from "../../src/state/host-state.ts";
import { fileOf, hostWith } from "../tasks/host.ts";

const of = (owner: string, over: Partial<FileState> = {}) => fileOf("/f", { owner, ...over });
const text = (latin1: string) => ({ content: { kind: "text", latin1 } }) as const;

function change(before: FileState | "absent", after: FileState | "absent"): Change {
  return { kind: "file", path: "/f", before, after, because: "x" };
}

const GIVEN = /^\/f would belong to postgres: only root can give a file to another user, and this is deploy$/;
const TAKEN = /^\/f belongs to postgres: only root can take it over, and this is deploy$/;

for (const [name, user, before, after, expected] of [
  ["root makes a file for somebody", "root", "absent", of("postgres"), undefined],
  ["a file of one's own", "deploy", "absent", of("deploy"), undefined],
  ["a new file for somebody else", "deploy", "absent", of("postgres"), GIVEN],
  ["one's own file for somebody else", "deploy", of("deploy"), of("postgres"), GIVEN],
  ["the mode of somebody's file", "deploy", of("postgres"), of("postgres", { mode: 0o600 }), GIVEN],
  ["new content of somebody's file", "deploy", of("postgres", text("a")), of("postgres", text("b")), GIVEN],
  ["somebody's file for oneself", "deploy", of("postgres"), of("deploy"), TAKEN],
  ["a new file in the place of somebody's", "deploy", of("postgres", text("a")), of("deploy", text("b")), undefined],
  ["a group, which may be one's own", "deploy", of("deploy"), of("deploy", { group: "ssl-cert" }), undefined],
  ["a file that goes", "deploy", of("postgres"), "absent", undefined],
] as const) {
  test(`what ${user} may do: ${name}`, () => {
    const problems = ownershipProblems({ ...hostWith({}), user }, [change(before, after)]);
    if (expected === undefined) return assert.deepEqual(problems, []);
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.message ?? "", expected);
    assert.match(problems[0]?.hint ?? "", /become/);
  });
}

test("a pair is two files", () => {
  const side = { before: "absent", after: of("postgres") } as const;
  const request = {
    commonName: "db1",
    dns: [],
    ip: [],
    key: "ec-p256",
    purpose: "server",
    lifetimeSeconds: undefined,
  } as const;
  const pair: Change = { kind: "certificate", key: side, certificate: side, request, authority: "ca", because: "x" };
  assert.equal(ownershipProblems(hostWith({}), [pair]).length, 2);
});
