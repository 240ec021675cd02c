import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openAuthority } from "../../src/ca/authority.ts";
import { caInit } from "../../src/commands/ca.ts";

describe("the authority that a playbook describes", () => {
  const home = mkdtempSync(join(tmpdir(), "pgmtls-authority-"));
  const at = { file: "prod.yml", line: 3, col: 7, length: 4, text: "  ca: ca" };
  const said: string[] = [];
  before(async () => {
    writeFileSync(join(home, "passphrase"), "open sesame\n");
    const passphraseFile = join(home, "passphrase");
    const print = (line: string) => said.push(line);
    assert.equal(await caInit({ directory: join(home, "ca"), organization: "Examples", print }), 0);
    assert.equal(await caInit({ directory: join(home, "locked"), passphraseFile, print: () => {} }), 0);
  });
  after(() => rmSync(home, { recursive: true }));

  async function opened(spec: unknown) {
    const result = await openAuthority(spec, at, home);
    if ("problems" in result) assert.fail(result.problems.map((problem) => problem.message).join("; "));
    return result.signer;
  }

  test("is found relative to the folder of the file that names it, and is called by its directory", async () => {
    const signer = await opened({ type: "local", directory: "ca" });
    assert.equal(signer.name, `local CA ${join(home, "ca")}`);
    assert.match(signer.roots, /^-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\n$/);
  });

  test("opens with the passphrase in a file, whose last newline is none of it", async () => {
    await opened({ type: "local", directory: join(home, "locked"), passphrase_file: "passphrase" });
  });

  test("ca init says what it made, and what to write in the inventory", () => {
    const text = said.join("\n");
    assert.match(text, /root\.key +signs intermediates: keep it offline/);
    assert.ok(text.endsWith(`  mtls_ca: { type: local, directory: "${join(home, "ca")}" }`));
  });

  for (const [what, spec, code, message] of [
    ["text", "ca", "WRONG_TYPE", /is not a map/],
    ["nothing", null, "WRONG_TYPE", /is not a map/],
    ["a list", [], "WRONG_TYPE", /is not a map/],
    ["no type", { directory: "ca" }, "MISSING_KEY", /has no type, expected local/],
    ["a misspelt type", { type: "lokal", directory: "ca" }, "BAD_VALUE", /type "lokal", expected local/],
    ["step-ca", { type: "step-ca", url: "https://ca" }, "UNSUPPORTED", /of type step-ca are not supported yet/],
    ["no directory", { type: "local" }, "MISSING_KEY", /names no directory/],
    ["a directory that is no text", { type: "local", directory: 1 }, "WRONG_TYPE", /names no directory/],
    [
      "an unknown key",
      { type: "local", directory: "ca", pasphrase_file: "x" },
      "UNKNOWN_KEY",
      /unknown key "pasphrase_file"/,
    ],
    ["a missing CA", { type: "local", directory: "none" }, "CA_UNREADABLE", /none\/root\.crt is missing/],
    ["a missing passphrase", { type: "local", directory: "locked" }, "CA_UNREADABLE", /intermediate\.key is encrypted/],
    [
      "a missing passphrase file",
      { type: "local", directory: "ca", passphrase_file: "none" },
      "CA_UNREADABLE",
      /passphrase file .*none is missing/,
    ],
  ] as const) {
    test(`is refused at its place: ${what}`, async () => {
      const result = await openAuthority(spec, at, home);
      assert.ok("problems" in result);
      assert.deepEqual(
        result.problems.map((problem) => [problem.code, problem.at]),
        [[code, at]],
      );
      assert.match(result.problems[0]?.message ?? "", message);
    });
  }
});
