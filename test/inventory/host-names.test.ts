import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isHostAddress, readHostNames } from "../../src/inventory/host-names.ts";

const place = (start: number, end: number) => ({ file: "x", line: 1, col: start + 1, length: end - start, text: "" });

// The rest of what works is compared with Ansible in ansible.test.ts.
for (const [text, names, port] of [
  ["db[01:40:13]", ["db01", "db14", "db27", "db40"], undefined],
  ["[a:f:2]x", ["ax", "cx", "ex"], undefined],
  ["[1:2][a:b]", ["1a", "1b", "2a", "2b"], undefined],
  ["db[1:2]:22", ["db1", "db2"], 22],
  ["[2001:db8::5]", ["2001:db8::5"], undefined],
  ["[2001:db8::5]:22", ["2001:db8::5"], 22],
  ["2001:db8::[1:2]", ["2001:db8::1", "2001:db8::2"], undefined],
  ["[1:3]:22", ["1", "2", "3"], 22],
  ["[db1]:22", ["db1"], 22],
  ["dbé.example", ["dbé.example"], undefined],
] as const) {
  test(`readHostNames: ${text}`, () => {
    const read = readHostNames(text, place);
    assert.deepEqual([read.names, read.port?.value, read.problems], [names, port, []]);
  });
}

for (const [text, code, col, length, message] of [
  ["db[1]", "BAD_RANGE", 3, 3, /expected \[begin:end\]/],
  ["db[1:2:3:4]", "BAD_RANGE", 3, 9, /expected \[begin:end\]/],
  ["db[1:]", "BAD_RANGE", 3, 4, /has no end/],
  ["db[3:1]", "BAD_RANGE", 3, 5, /begins after its end/],
  ["db[c:a]", "BAD_RANGE", 3, 5, /begins after its end/],
  ["db[a:5]", "BAD_RANGE", 3, 5, /neither from number to number/],
  ["db[ab:cd]", "BAD_RANGE", 3, 7, /neither from number to number/],
  ["db[01:100]", "BAD_RANGE", 3, 8, /differ in length/],
  ["db[1:5:0]", "BAD_RANGE", 3, 7, /step "0"/],
  ["db[1:5:x]", "BAD_RANGE", 3, 7, /step "x"/],
  ["db[1:5", "BAD_RANGE", 3, 4, /closing "\]"/],
  ["db1:5]", "BAD_VALUE", 1, 6, /neither an IPv6 address/],
  ["db5]", "BAD_RANGE", 4, 1, /without its "\["/],
  ["db[0:99999999]", "BAD_RANGE", 3, 12, /more than 65536/],
  ["[1:999][1:999]", "BAD_RANGE", 8, 7, /more than 65536/],
  ["db[99999999999999999998:99999999999999999999]", "BAD_RANGE", 3, 43, /neither/],
  ["db1:", "BAD_VALUE", 1, 4, /neither an IPv6 address nor a host name with a port/],
  ["db1:ssh", "BAD_VALUE", 1, 7, /neither an IPv6/],
  ["db1:0", "BAD_VALUE", 1, 5, /port 0/],
  ["db1:65536", "BAD_VALUE", 1, 9, /port 65536/],
  [":22", "BAD_VALUE", 1, 3, /no host name/],
  ["", "BAD_VALUE", 1, 0, /no host name/],
  ["db1,db2", "BAD_VALUE", 1, 7, /cannot hold ","/],
  ["db 1", "BAD_VALUE", 1, 4, /cannot hold " "/],
  ["db*", "BAD_VALUE", 1, 3, /cannot hold "\*"/],
  ["!db", "BAD_VALUE", 1, 3, /cannot hold "!"/],
] as const) {
  test(`readHostNames refuses ${JSON.stringify(text)}`, () => {
    const { names, problems } = readHostNames(text, place);
    assert.deepEqual(names, []);
    assert.deepEqual(
      problems.map((p) => [p.code, p.at?.col, p.at?.length]),
      [[code, col, length]],
    );
    assert.match(problems[0]?.message ?? "", message);
  });
}

for (const [text, is] of [
  ["db1", true],
  ["db1:22", true],
  ["db[1:3]", true],
  ["2001:db8::5", true],
  ["::1", true],
  ["[2001:db8::5]:22", true],
  ["10.0.0.1:22", true],
  ["a:b", false],
  ["a:!b", false],
  ["db[0:2]:eu", false],
  ["web*:db", false],
] as const) {
  test(`isHostAddress(${text}) is ${is}`, () => assert.equal(isHostAddress(text), is));
}

const nasty = fc.string({ unit: fc.constantFrom(..."[]:0019azZ-. ,é\u{1f600}") });

test("readHostNames never throws, and gives names or problems", () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const { names, problems } = readHostNames(text, place);
      assert.notEqual(names.length > 0, problems.length > 0);
    }),
    { numRuns: 3000 },
  );
});

test("readHostNames: a range has as many hosts as its bounds say, all different", () => {
  const bounds = fc.tuple(fc.nat(500), fc.nat(500), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(bounds, ([begin, more, step]) => {
      const { names } = readHostNames(`h[${begin}:${begin + more}:${step}]`, place);
      assert.equal(new Set(names).size, Math.floor(more / step) + 1);
    }),
  );
});
