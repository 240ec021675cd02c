import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterProblem, HostState } from "../../src/state/host-state.ts";
import { clusterOf } from "../../src/state/resolve.ts";

function hostWith(problem: ClusterProblem): HostState {
  return {
    clockMs: 0,
    user: "root",
    group: "root",
    files: new Map(),
    publicKeys: new Map(),
    clusters: new Map([["", problem]]),
    unknown: new Set(),
  };
}

for (const [problem, message, hint] of [
  [{ problem: "none", known: [] }, /^no PostgreSQL cluster found on the host$/, /name its data directory/],
  [{ problem: "several", known: ["15/a", "15/b"] }, /2 clusters \(15\/a, 15\/b\)/, /cluster: "15\/a"/],
  [{ problem: "down", known: ["15/main"] }, /15\/main is not running/, /start it first/],
  [{ problem: "hidden", known: [] }, /may not look at it/, /become root/],
  [
    { problem: "query-failed", known: ["15/main"], said: "Peer authentication failed" },
    /asking the server failed: Peer authentication failed/,
    /local socket: method peer or trust/,
  ],
] as const satisfies [ClusterProblem, RegExp, RegExp][]) {
  test(`a cluster problem "${problem.problem}" is told with what to do`, () => {
    const found = clusterOf(hostWith(problem), "");
    if (!("problem" in found)) assert.fail("expected a problem");
    assert.match(found.problem.message, message);
    assert.match(found.problem.hint ?? "", hint);
  });
}
