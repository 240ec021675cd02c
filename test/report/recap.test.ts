import assert from "node:assert/strict";
import { test } from "node:test";
import { marksFor } from "../../src/report/marks.ts";
import { paletteFor } from "../../src/report/palette.ts";
import { type RecapOptions, recapReader } from "../../src/report/recap.ts";
import {
  everyOutcome,
  fortyHostsChecked,
  hostFinished,
  mainJob,
  nothingToDo,
  proofUntried,
  started,
} from "./events.ts";
import { assertGolden, written } from "./golden.ts";

const PLAIN: RecapOptions = {
  palette: paletteFor({ write: () => {} }, {}),
  marks: marksFor({ LANG: "C.UTF-8" }),
  diff: false,
  problemsAreShown: false,
};

for (const [name, events, options] of [
  ["recap-every-outcome.txt", everyOutcome(), {}],
  [
    "recap-every-outcome-colours.txt",
    everyOutcome(),
    { palette: paletteFor({ write: () => {} }, { FORCE_COLOR: "1" }) },
  ],
  ["recap-forty-hosts-check-diff.txt", fortyHostsChecked(), { diff: true }],
  ["recap-forty-hosts-check.txt", fortyHostsChecked(), { marks: marksFor({ LANG: "C" }) }],
  ["recap-proof-untried.txt", proofUntried(), {}],
  [
    "recap-proof-untried-colours.txt",
    proofUntried(),
    { palette: paletteFor({ write: () => {} }, { FORCE_COLOR: "1" }) },
  ],
  ["recap-nothing-to-do.txt", nothingToDo(), { diff: true }],
  ["recap-interrupted.txt", [...started(["db1", "db2"], false), ...mainJob("db1", 15, "changed")], {}],
] as const) {
  test(`recap: ${name}`, async () => {
    assertGolden(name, await written((output) => recapReader(output, { ...PLAIN, ...options }), events));
  });
}

test("the recap of 3,000 hosts that change the same fits on a screen", async () => {
  const hosts = Array.from({ length: 3000 }, (_, i) => `db${i}`);
  const events = [
    ...started(hosts, true),
    ...hosts.flatMap((host) => [...mainJob(host, 15, "would-change"), hostFinished(host, "would-change", 900)]),
  ];
  const text = await written((output) => recapReader(output, { ...PLAIN, diff: true }), events);
  assert.ok(text.split("\n").length < 60, `${text.split("\n").length} lines`);
  assert.match(text, /on db0, db1 and 2998 more/);
});

test("what a host sends can't command the terminal", async () => {
  const problem = { code: "SSH_REFUSED", message: "banner: \x1b]0;owned\x07\x1b[2J" } as const;
  const events = [...started(["db1"], false), hostFinished("db1", "unreachable", 10, [problem])];
  const text = await written((output) => recapReader(output, PLAIN), events);
  assert.match(text, /banner: \\x1b\]0;owned\\x07\\x1b\[2J/);
  assert.ok(!text.includes("\x1b"));
});
