import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printable } from "../../src/plan/printable.ts";

for (const [text, shown] of [
  ["a\tb\nc", "a\tb\nc"],
  ["\x1b[31mred", "\\x1b[31mred"],
  ["\x9b31m", "\\x9b31m"],
  ["over\rwritten", "over\\rwritten"],
  ["user\u202egnp.exe", "user\\u202egnp.exe"],
  ["größe 古", "größe 古"],
] as const) {
  test(`printable: ${JSON.stringify(text)}`, () => assert.equal(printable(text), shown));
}

test("printable leaves no control character, and its own output as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = printable(text);
      assert.ok(!/[\p{Cc}]/u.test(shown.replace(/[\t\n]/g, "")));
      assert.equal(printable(shown), shown);
    }),
  );
});
