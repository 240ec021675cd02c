import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressKey,
  contains,
  formatIp,
  type HbaAddress,
  isLoopback,
  parseIp,
} from "../../src/postgres/hba-address.ts";
import { readHba } from "../../src/postgres/hba-file.ts";

function addressIn(text: string): HbaAddress {
  const [line] = readHba(`host all all ${text} md5`, 18).lines;
  if (line?.kind !== "record" || line.record.address === undefined) throw new Error(`no address: ${text}`);
  return line.record.address;
}

for (const [text, expected] of [
  ["127.0.0.1/32", true],
  ["127.9.9.0 255.255.255.0", true],
  ["127.0.0.0/8", true],
  ["126.0.0.0/7", false],
  ["0.0.0.0/0", false],
  ["127.0.0.1 255.0.255.255", true],
  ["127.0.0.1 0.0.0.255", false],
  ["::1/128", true],
  ["::1/127", false],
  ["::ffff:127.0.0.1/128", true],
  ["::ffff:127.0.0.0/104", true],
  ["::ffff:0.0.0.0/96", false],
  ["::ffff:10.0.0.1/128", false],
  ["localhost", true],
  ["LocalHost", true],
  ["localhost.example.net", false],
  ["samehost", true],
  ["samenet", false],
  ["all", false],
] as const) {
  test(`isLoopback: ${text} is ${expected ? "the machine itself" : "the network"}`, () =>
    assert.equal(isLoopback(addressIn(text)), expected));
}

for (const [outer, inner, expected] of [
  ["all", "10.0.0.0/8", true],
  ["10.0.0.0/8", "10.1.2.3/32", true],
  ["10.1.2.3/8", "10.200.0.0 255.255.0.0", true],
  ["10.1.0.0/16", "10.0.0.0/8", false],
  ["0.0.0.0/0", "::/0", false],
  ["::/0", "2001:db8::/32", true],
  ["samenet", "10.0.0.0/8", false],
  ["samenet", "samenet", true],
  [".example.net", "db1.example.net", true],
  [".example.net", "db1.Example.NET", true],
  [".example.net", "example.net", false],
  ["db1.example.net", "192.0.2.1/32", false],
] as const) {
  test(`contains: ${outer} ${expected ? "takes in" : "does not surely take in"} ${inner}`, () =>
    assert.equal(contains(addressIn(outer), addressIn(inner)), expected));
}

for (const [a, b] of [
  ["10.1.2.3/8", "10.0.0.0 255.0.0.0"],
  ["0:0:0:0:0:0:0:1/128", "::1/128"],
  ["DB1.example.net", "db1.example.net"],
] as const) {
  test(`addressKey: ${a} and ${b} match the same clients`, () =>
    assert.equal(addressKey(addressIn(a)), addressKey(addressIn(b))));
}

for (const [text, expected] of [
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ["::10.0.0.1", "::10.0.0.1"],
  ["1::", "1::"],
  ["::", "::"],
  ["127.1", "127.0.0.1"],
] as const) {
  test(`formatIp: ${text} is shown as ${expected}`, () => assert.equal(formatIp(parseIp(text) ?? []), expected));
}
