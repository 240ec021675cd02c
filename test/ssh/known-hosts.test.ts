import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import {
  fingerprint,
  hostKeyAlgorithms,
  judgeHostKey,
  type KnownHost,
  keysFor,
  knownHostsName,
} from "../../src/ssh/known-hosts.ts";
import { whyNoSshd } from "./sshd.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const RSA =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQCo9+BpMRYQ/dL3DS2CyJxRF+j6ctbT3/Qp84+KeFhnii7NT7fELilKUSnxS30WAvQCCo2yU1orfgqr41mM70MB";
const blob = (key: string) => Buffer.from(key.split(" ")[1] ?? "", "base64");

describe("the lines of a known_hosts file that count for a host", () => {
  for (const [what, line, address, port, counts] of [
    ["its name", `db1 ${KEY}`, "db1", 22, true],
    ["its name in capitals", `DB1 ${KEY}`, "Db1", 22, true],
    ["another name", `db2 ${KEY}`, "db1", 22, false],
    ["the beginning of its name", `db ${KEY}`, "db1", 22, false],
    ["one of several names", `db2,db1,10.0.0.1 ${KEY}`, "10.0.0.1", 22, true],
    ["a comment after the key", `db1 ${KEY} me@home and more`, "db1", 22, true],
    ["blanks and tabs", `  db1\t ${KEY}`, "db1", 22, true],
    ["CRLF", `db1 ${KEY}\r`, "db1", 22, true],
    ["a comment", `#db1 ${KEY}`, "db1", 22, false],
    ["another port", `[db1]:2222 ${KEY}`, "db1", 2222, true],
    ["the wrong port", `[db1]:2223 ${KEY}`, "db1", 2222, false],
    ["port 22 in brackets, which ssh never looks up", `[db1]:22 ${KEY}`, "db1", 22, false],
    ["IPv6", `::1 ${KEY}`, "::1", 22, true],
    ["IPv6 on another port", `[::1]:2222 ${KEY}`, "::1", 2222, true],
    ["a star", `*.example.net ${KEY}`, "db1.example.net", 22, true],
    ["a star that needs the dot", `*.example.net ${KEY}`, "example.net", 22, false],
    ["a dot that is a dot", `db1.example ${KEY}`, "db1xexample", 22, false],
    ["a question mark", `db? ${KEY}`, "db1", 22, true],
    ["a question mark for one character only", `db? ${KEY}`, "db12", 22, false],
    ["a star for host and port", `[*.example.net]:2222 ${KEY}`, "db1.example.net", 2222, true],
    ["a negation", `*.example.net,!db1.example.net ${KEY}`, "db1.example.net", 22, false],
    ["a negation before the name", `!db1,db1 ${KEY}`, "db1", 22, false],
    ["a negation of another", `*.example.net,!db1.example.net ${KEY}`, "db2.example.net", 22, true],
    ["a negation alone", `!db2 ${KEY}`, "db1", 22, false],
    ["a key that is not of its type", `db1 ${KEY.replace("ssh-ed25519", "ssh-rsa")}`, "db1", 22, false],
    ["a key that is cut off", "db1 ssh-ed25519 AAAA", "db1", 22, false],
    ["a line without a key", "db1 ssh-ed25519", "db1", 22, false],
    ["a certificate authority", `@cert-authority db1 ${KEY}`, "db1", 22, false],
    ["an unknown marker", `@whatever db1 ${KEY}`, "db1", 22, false],
    ["a hash of another scheme", `|2|AAAA|AAAA ${KEY}`, "db1", 22, false],
  ] as const) {
    test(`${what}: ${counts ? "counts" : "does not count"}`, () => {
      const found = keysFor(`# first\n${line}\n`, knownHostsName(address, port), "known_hosts");
      assert.deepEqual(
        found.map(({ line: number, blob: key }) => [number, key]),
        counts ? [[2, blob(KEY)]] : [],
      );
    });
  }
});

describe("what is thought of a host's key", () => {
  const known = (text: string, plain = ""): KnownHost => ({
    keys: keysFor(text, "[db1]:2222", "f"),
    keysOfPort22: keysFor(plain, "db1", "f"),
  });
  for (const [what, host, verdict, line] of [
    ["no line", known(""), "unknown"],
    ["its line", known(`[db1]:2222 ${KEY}`), "known"],
    ["its line after another", known(`[db1]:2222 ${OTHER}\n[db1]:2222 ${KEY}`), "known"],
    ["another key", known(`[db1]:2222 ${OTHER}`), "changed", 1],
    [
      "another key of its type, after one of another type",
      known(`[db1]:2222 ${RSA}\n[db1]:2222 ${OTHER}`),
      "changed",
      2,
    ],
    ["a key of another type alone", known(`[db1]:2222 ${RSA}`), "changed", 1],
    ["a revoked line beside a good one", known(`[db1]:2222 ${KEY}\n@revoked * ${KEY}`), "revoked", 2],
    ["another key that is revoked", known(`@revoked * ${OTHER}`), "unknown"],
    ["its line without the port", known("", `db1 ${KEY}`), "known"],
    ["another key without the port", known("", `db1 ${OTHER}`), "unknown"],
    ["a revoked line without the port", known("", `@revoked db1 ${KEY}`), "revoked", 1],
  ] as const) {
    test(`${what}: ${verdict}`, () => {
      const found = judgeHostKey(host, blob(KEY));
      assert.equal(found.verdict, verdict);
      if (found.verdict === "changed") assert.equal(found.instead.line, line);
      if (found.verdict === "revoked") assert.equal(found.by.line, line);
    });
  }

  test("the host is asked first for the keys that are known", () => {
    assert.equal(hostKeyAlgorithms(known(""))[0], "ssh-ed25519");
    assert.deepEqual(hostKeyAlgorithms(known(`[db1]:2222 ${RSA}`)).slice(0, 2), ["rsa-sha2-512", "rsa-sha2-256"]);
    assert.equal(hostKeyAlgorithms(known(`[db1]:2222 ${RSA}`)).length, hostKeyAlgorithms(known("")).length);
    assert.equal(hostKeyAlgorithms(known(`@revoked [db1]:2222 ${RSA}`))[0], "ssh-ed25519");
  });
});

describe("ssh-keygen reads known_hosts as we do", { skip: whyNoSshd() ?? false }, () => {
  const directory = mkdtempSync(join(tmpdir(), "pgmtls-known-hosts-"));
  after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "known_hosts");

  test("its fingerprint is ours", () => {
    writeFileSync(file, `db1 ${KEY}\n`);
    assert.ok(execFileSync("ssh-keygen", ["-lf", file], { encoding: "utf8" }).includes(` ${fingerprint(blob(KEY))} `));
  });

  test("a line that it hashed is found by its name alone", () => {
    writeFileSync(file, `db1 ${KEY}\n[db1]:2222 ${OTHER}\n`);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "pipe" });
    const text = readFileSync(file, "utf8");
    assert.deepEqual(
      keysFor(text, "db1", file).map((key) => key.line),
      [1],
    );
    assert.deepEqual(
      keysFor(text, "[db1]:2222", file).map((key) => key.line),
      [2],
    );
    assert.deepEqual(keysFor(text, "db2", file), []);
  });

  test("it finds the same lines, whatever the patterns", () => {
    const pattern = fc.tuple(
      fc.constantFrom("", "", "", "!"),
      fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?", "A"), minLength: 1, maxLength: 5 }),
      fc.constantFrom("", "", ":2222"),
    );
    const names = fc
      .array(
        pattern.map(([negation, name, port]) => negation + (port === "" ? name : `[${name}]${port}`)),
        { minLength: 1, maxLength: 3 },
      )
      .map((list) => list.join(","));
    const name = fc
      .tuple(
        fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 4 }),
        fc.constantFrom("", ":2222"),
      )
      .map(([host, port]) => (port === "" ? host : `[${host}]${port}`));
    fc.assert(
      fc.property(fc.array(names, { minLength: 1, maxLength: 30 }), name, (lines, wanted) => {
        const text = lines.map((line) => `${line} ${KEY}\n`).join("");
        writeFileSync(file, text);
        const { stdout } = spawnSync("ssh-keygen", ["-F", wanted, "-f", file], { encoding: "utf8" });
        const theirs = [...stdout.matchAll(/found: line (\d+)/g)].map(([, line]) => Number(line));
        assert.deepEqual(
          keysFor(text, wanted, file).map((key) => key.line),
          theirs,
        );
      }),
      { numRuns: 150 },
    );
  });
});
