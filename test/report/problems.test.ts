import assert from "node:assert/strict";
import { test } from "node:test";
import { printProblems } from "../../src/report/problems.ts";
import { REFUSED, UNREACHABLE } from "./events.ts";
import { assertGolden } from "./golden.ts";

function printed(problems: Parameters<typeof printProblems>[0]): string {
  let text = "";
  const stderr = {
    write: (more: string) => {
      text += more;
    },
  };
  printProblems(problems, stderr, {});
  return text;
}

test("mistakes are printed all at once, with their number", () => {
  assertGolden("problems.txt", printed([REFUSED, UNREACHABLE]));
});

test("one mistake is one mistake", () => {
  assert.match(printed([UNREACHABLE]), /\n1 mistake; no host was contacted\n$/);
});
