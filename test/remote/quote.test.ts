import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { call, quote } from "../../src/remote/quote.ts";

test("whatever a value holds, sh sees it as one argument, unchanged", () => {
  const nasty = fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      "\\",
      "$",
      "`",
      "\n",
      "\r",
      " ",
      "*",
      "!",
      "~",
      ";",
      "&",
      "|",
      "é",
      "a",
      "-",
      "#",
      "(",
    ),
  });
  const values = fc.array(nasty, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(values, (given) => {
      const script = `printf '%s\\0' ${given.map(quote).join(" ")}`;
      const seen = execFileSync("/bin/sh", ["-c", script]).toString("utf8").split("\0").slice(0, -1);
      assert.deepEqual(seen, given);
    }),
    { numRuns: 50 },
  );
});

test("a value with NUL is refused, since no argument can hold it", () => assert.throws(() => quote("a\0b"), /NUL/));

test("a call is a name and quoted arguments", () =>
  assert.equal(call("want_file", 1, "it's"), "want_file '1' 'it'\\''s'"));
