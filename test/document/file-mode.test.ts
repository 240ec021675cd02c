import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseMode } from "../../src/document/file-mode.ts";

for (const [text, bits] of [
  ["0600", 0o600],
  ["600", 0o600],
  ["0o600", 0o600],
  ["2750", 0o2750],
  ["02750", 0o2750],
] as const) {
  test(`parseMode: ${text} is octal`, () => assert.deepEqual(parseMode(text), { kind: "absolute", bits }));
}

for (const text of [
  "384",
  "0x180",
  "0800",
  "6",
  "060000",
  "",
  "u",
  "u=rw go=",
  "rw",
  "u=rwz",
  "u=rw,",
  "-rw-------",
  " 0600",
]) {
  test(`parseMode: ${JSON.stringify(text)} is refused`, () => assert.ok("error" in parseMode(text)));
}

for (const [text, previous, isDirectory, bits] of [
  ["u=rw,go=", 0o777, false, 0o600],
  ["g+r", 0o600, false, 0o640],
  ["a+X", 0o644, false, 0o644],
  ["a+X", 0o744, false, 0o755],
  ["a+X", 0o644, true, 0o755],
  ["u=rwx", 0o4755, false, 0o755],
  ["u=rwx", 0o4755, true, 0o4755],
  ["u-s", 0o4755, true, 0o755],
  ["g=u", 0o640, false, 0o660],
  ["+w", 0o444, false, 0o644],
] as const) {
  test(`parseMode: ${text} on ${previous.toString(8)}${isDirectory ? " of a directory" : ""}`, () => {
    const mode = parseMode(text);
    assert.ok("kind" in mode && mode.kind === "symbolic");
    assert.equal(mode.apply(previous, isDirectory).toString(8), bits.toString(8));
  });
}

test("parseMode does what chmod(1) does", () => {
  const folder = mkdtempSync(join(tmpdir(), "pgmtls-mode-"));
  const file = join(folder, "file");
  const directory = join(folder, "directory");
  writeFileSync(file, "");
  mkdirSync(directory);
  const action = fc
    .tuple(
      fc.constantFrom("-", "+", "="),
      fc.oneof(fc.constantFrom("u", "g", "o"), fc.string({ unit: fc.constantFrom(..."rwxXst"), maxLength: 4 })),
    )
    .map((parts) => parts.join(""));
  const clause = fc
    .tuple(
      fc.string({ unit: fc.constantFrom(..."ugoa"), maxLength: 3 }),
      fc.array(action, { minLength: 1, maxLength: 2 }),
    )
    .map(([who, actions]) => who + actions.join(""));
  const text = fc.array(clause, { minLength: 1, maxLength: 3 }).map((clauses) => clauses.join(","));
  try {
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 0o7777 }), fc.boolean(), (mode, previous, isDirectory) => {
        const path = isDirectory ? directory : file;
        chmodSync(path, previous);
        // "--", since a mode may begin with a minus; the status is 1 where the umask kept chmod from doing all of it.
        execFileSync("/bin/sh", ["-c", 'umask 022; chmod -- "$1" "$2" 2>/dev/null || [ $? = 1 ]', "sh", mode, path]);
        const parsed = parseMode(mode);
        assert.ok("kind" in parsed && parsed.kind === "symbolic");
        assert.equal(parsed.apply(previous, isDirectory).toString(8), (statSync(path).mode & 0o7777).toString(8));
      }),
      { numRuns: 150 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
