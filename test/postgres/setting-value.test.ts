import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBoolean, type SettingType, sameValue, valueProblem } from "../../src/postgres/setting-value.ts";

const bool: SettingType = { vartype: "bool" };
const pages: SettingType = { vartype: "integer", unit: "8kB" };
const kilobytes: SettingType = { vartype: "integer", unit: "kB" };
const seconds: SettingType = { vartype: "integer", unit: "s" };
const milliseconds: SettingType = { vartype: "integer", unit: "ms" };
const plain: SettingType = { vartype: "integer" };
const real: SettingType = { vartype: "real" };
const string: SettingType = { vartype: "string" };
const tls: SettingType = { vartype: "enum", enumValues: ["", "TLSv1", "TLSv1.2", "TLSv1.3"] };
const commit: SettingType = { vartype: "enum", enumValues: ["local", "remote_write", "on", "off"] };

for (const [text, expected] of [
  ["on", true],
  ["ON", true],
  ["t", true],
  ["tr", true],
  ["true", true],
  ["y", true],
  ["yes", true],
  ["1", true],
  ["of", false],
  ["off", false],
  ["f", false],
  ["no", false],
  ["n", false],
  ["0", false],
  ["o", undefined],
  ["", undefined],
  ["maybe", undefined],
  ["2", undefined],
  ["onn", undefined],
] as const) {
  test(`parseBoolean: "${text}" is ${expected}`, () => assert.equal(parseBoolean(text), expected));
}

for (const [type, a, b, expected] of [
  [bool, "on", "yes", true],
  [bool, "of", "0", true],
  [bool, "on", "off", false],
  [pages, "1GB", "131072", true],
  [pages, "128MB", "16384", true],
  [pages, "128MB", "16385", false],
  [kilobytes, "4MB", "4096", true],
  [kilobytes, " 4 MB ", "4096kB", true],
  [kilobytes, "4mb", "4096", false],
  [kilobytes, "0.5GB", "512MB", true],
  [seconds, "5min", "300", true],
  [seconds, "1d", "24h", true],
  [milliseconds, "1.5s", "1500", true],
  [plain, "0777", "511", true],
  [plain, "0x10", "16", true],
  [plain, "10", "1e1", true],
  [real, "0.50", ".5", true],
  [tls, "tlsv1.2", "TLSv1.2", true],
  [commit, "true", "on", true],
  [commit, "true", "off", false],
  [string, "a", "A", false],
  [undefined, "1", "1", true],
  [undefined, "1", "on", false],
] as const) {
  test(`sameValue: "${a}" and "${b}" of ${type?.vartype ?? "an unknown type"} ${type?.unit ?? ""} are ${expected ? "" : "not "}the same`, () =>
    assert.equal(sameValue(type, a, b), expected));
}

for (const [type, value, message] of [
  [bool, "maybe", '"maybe" is no boolean, expected on or off'],
  [bool, "o", '"o" is no boolean, expected on or off'],
  [tls, "TLSv1.4", '"TLSv1.4" is no value for it, expected one of , TLSv1, TLSv1.2, TLSv1.3'],
  [pages, "4mb", '"4mb" is no number as it takes, expected a number, maybe with a unit (B, kB, MB, GB, TB)'],
  [seconds, "4MB", '"4MB" is no number as it takes, expected a number, maybe with a unit (us, ms, s, min, h, d)'],
  [plain, "4kB", '"4kB" is no number as it takes, expected a number'],
  [real, "x", '"x" is no number as it takes, expected a number'],
] as const) {
  test(`valueProblem: ${type.vartype} can't be "${value}"`, () =>
    assert.equal(valueProblem(type, value)?.message, message));
}

test("valueProblem: what PostgreSQL takes is no problem", () => {
  for (const [type, value] of [
    [bool, "of"],
    [pages, "1GB"],
    [commit, "1"],
    [string, "anything"],
    [undefined, "x"],
    [plain, "-1"],
  ] as const)
    assert.equal(valueProblem(type, value), undefined, value);
});
