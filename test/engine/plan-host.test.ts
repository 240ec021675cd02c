import assert from "node:assert/strict";
import { test } from "node:test";
import { planHost } from "../../src/engine/plan-host.ts";
import type { CompiledTask } from "../../src/playbook/play.ts";
import { TASK_MODULES } from "../../src/tasks/registry.ts";
import { fileOf, hostWith } from "../tasks/host.ts";

function task(module: string, args: Readonly<Record<string, unknown>>): CompiledTask {
  const at = { file: "site.yml", line: 1, col: 1, length: 1, text: "x" };
  return { id: module, name: module, module, args, places: new Map(), skipped: undefined, notify: [], at };
}
const COPY = { content: "x", backup: false, replace: true, secret: false, cluster: "" };
const state = hostWith({ "/mine": fileOf("/mine", { owner: "deploy" }) });

for (const [name, one, user, said] of [
  ["a mode", task("chmod", { path: "/mine", mode: "0600", cluster: "" }), "deploy", undefined],
  ["an owner", task("chmod", { path: "/mine", owner: "postgres", cluster: "" }), "deploy", /^\/mine would belong/],
  ["an owner, as root", task("chmod", { path: "/mine", owner: "postgres", cluster: "" }), "root", undefined],
  ["a new file", task("copy-file", { ...COPY, dest: "/new" }), "deploy", undefined],
  ["a file for another", task("copy-file", { ...COPY, dest: "/new", owner: "postgres" }), "deploy", /^\/new would/],
] as const) {
  test(`a plan for ${user} ${said === undefined ? "makes" : "refuses, as the run would,"} ${name}`, () => {
    const play = { play: "p", host: "db1", become: undefined, tasks: [one], handlers: [] };
    const plan = planHost(play, { ...state, user }, TASK_MODULES);
    const planned = plan.tasks[0]?.planned;
    if (said === undefined) return assert.equal(planned?.outcome, "change");
    assert.ok(planned?.outcome === "refused" && plan.refused && plan.changes.length === 0);
    assert.match(planned.problems[0]?.message ?? "", said);
    assert.equal(planned.problems[0]?.at?.file, "site.yml");
  });
}
