import { test } from "node:test";
import { paletteFor } from "../../src/report/palette.ts";
import { plainReader } from "../../src/report/plain.ts";
import { everyOutcome, fortyHostsChecked, nothingToDo } from "./events.ts";
import { assertGolden, written } from "./golden.ts";

const NO_COLOURS = paletteFor({ write: () => {} }, {});

for (const [name, events] of [
  ["plain-every-outcome.txt", everyOutcome()],
  ["plain-forty-hosts-check.txt", fortyHostsChecked()],
  ["plain-nothing-to-do.txt", nothingToDo()],
] as const) {
  test(`plain lines: ${name}`, async () => {
    assertGolden(name, await written((output) => plainReader(output, NO_COLOURS), events));
  });
}
