import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/certificates/duration.ts";
import { nameProblems, namesOf } from "../../src/certificates/names.ts";
import { parseRenewBefore } from "../../src/certificates/renewal.ts";

describe("a time", () => {
  for (const [text, seconds] of [
    ["24h", 86_400],
    ["90d", 7_776_000],
    ["8h30m", 30_600],
    ["1w", 604_800],
    ["90s", 90],
    ["0h", undefined],
    ["", undefined],
    ["24", undefined],
    ["h", undefined],
    ["1.5h", undefined],
    ["-1h", undefined],
    ["24 h", undefined],
    ["1y", undefined],
    [`${"9".repeat(30)}d`, undefined],
  ] as const) {
    test(`"${text}" is ${seconds ?? "none"}`, () => assert.equal(parseDuration(text), seconds));
  }
  test("that is shown in full days, hours, minutes or seconds is read back as it was", () => {
    const size = fc.constantFrom(1, 60, 3600, 86_400);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 23 }), size, (count, unit) => {
        assert.equal(parseDuration(formatDuration(count * unit).replaceAll(" ", "")), count * unit);
      }),
    );
  });
  test("is shown in two units at most", () => {
    assert.deepEqual([86_400 * 29 + 3600 * 23 + 59, 3661, 60.7, 0.2].map(formatDuration), [
      "29d 23h",
      "1h 1m",
      "1m",
      "0s",
    ]);
  });
});

describe("when to renew", () => {
  for (const [text, read] of [
    ["8h", { seconds: 28_800 }],
    ["1/3", { share: 1 / 3, text: "1/3" }],
    ["3/3", undefined],
    ["2/1", undefined],
    ["1/0", undefined],
    ["0/3", undefined],
    ["0.3", undefined],
    ["soon", undefined],
  ] as const) {
    test(`"${text}" is ${JSON.stringify(read) ?? "none"}`, () => assert.deepEqual(parseRenewBefore(text), read));
  }
});

describe("names", () => {
  test("the common name is the first alternative name, and no name stands twice", () => {
    assert.deepEqual(namesOf("db1", ["DB1", "db", "db"], ["::1", "0:0::1"]), {
      commonName: "db1",
      dns: ["db1", "db"],
      ip: ["::1"],
    });
    assert.deepEqual(namesOf("10.0.0.1", ["db1"], []), { commonName: "10.0.0.1", dns: ["db1"], ip: ["10.0.0.1"] });
  });
  for (const name of ["db1", "db1.example.net", "*.example.net", "_x.db-1", "xn--bcher-kva.example", "a".repeat(63)]) {
    test(`"${name}" is a DNS name`, () => assert.deepEqual(nameProblems({ commonName: "x", dns: [name], ip: [] }), []));
  }
  for (const name of [
    "",
    ".",
    "db1.",
    "-db1",
    "db1-",
    "*",
    "a.*.net",
    "db 1",
    "bücher.example",
    "a,DNS:b",
    "a".repeat(64),
    "a\nb",
  ]) {
    test(`"${name}" is no DNS name`, () =>
      assert.equal(nameProblems({ commonName: "x", dns: [name], ip: [] }).length, 1));
  }
  for (const [address, problems] of [
    ["10.0.0.1", 0],
    ["2001:db8::1", 0],
    ["10.0.0.0/8", 1],
    ["10.1", 1],
    ["1", 1],
    ["fe80::1%eth0", 1],
  ] as const) {
    test(`"${address}" is ${problems === 0 ? "an" : "no"} address`, () => {
      assert.equal(nameProblems({ commonName: "x", dns: [], ip: [address] }).length, problems);
    });
  }
  test("a common name of more than 64 characters is a problem", () => {
    const commonName = `${"a".repeat(60)}.example.net`;
    assert.match(nameProblems({ commonName, dns: [], ip: [] })[0] ?? "", /longer than 64 characters/);
  });
});
