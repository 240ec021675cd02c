import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import stringWidth from "string-width";
import { cut, padEnd } from "../../src/report/columns.ts";
import { duration, hostList } from "../../src/report/words.ts";

for (const [ms, said] of [
  [0, "0.0 s"],
  [340, "0.3 s"],
  [9_949, "9.9 s"],
  [9_950, "10 s"],
  [59_499, "59 s"],
  [59_500, "1 min 00 s"],
  [125_000, "2 min 05 s"],
] as const) {
  test(`${ms} ms is said as ${said}`, () => assert.equal(duration(ms), said));
}

for (const [hosts, said] of [
  [["db1"], "db1"],
  [["db1", "db2", "db3"], "db1, db2, db3"],
  [["db1", "db2", "db3", "db4"], "db1, db2 and 2 more"],
] as const) {
  test(`${hosts.length} hosts are said as "${said}"`, () => assert.equal(hostList(hosts), said));
}

test("what is cut and padded to a width has that width, or one less before a wide character", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "ö", "古", "👍", "e\u0301", " ") });
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 30 }), fc.constantFrom("…", "~"), (whole, width, more) => {
      const shown = cut(whole, width, more);
      assert.ok(stringWidth(shown) <= width);
      if (stringWidth(whole) <= width) assert.equal(shown, whole);
      else if (width > 0) assert.ok(shown.endsWith(more) && stringWidth(shown) >= width - 1);
      assert.equal(stringWidth(padEnd(shown, width)), width);
    }),
  );
});
