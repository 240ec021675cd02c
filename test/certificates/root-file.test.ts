import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type RootFile, rootFile } from "../../src/certificates/root-file.ts";
import { makeTestCa, type TestCa } from "./test-ca.ts";

describe("a root file", () => {
  let ours: TestCa;
  let theirs: TestCa;
  before(async () => {
    [ours, theirs] = await Promise.all([makeTestCa("ours"), makeTestCa("theirs")]);
  });
  after(() => {
    ours?.remove();
    theirs?.remove();
  });

  const KEEP = true;
  const THEIR_SUBJECT = "O=theirs, CN=theirs root";
  const stays: RootFile = { text: undefined, because: "", gone: [], isBroken: false };
  const becomes = (text: string, because: string, more: Partial<RootFile> = {}): RootFile => ({
    text,
    because,
    gone: [],
    isBroken: false,
    ...more,
  });

  for (const [name, present, keepOthers, expected] of [
    ["that is missing is made", () => undefined, KEEP, () => becomes(ours.roots, "the root file is missing")],
    ["that is empty is made", () => "\n", KEEP, () => becomes(ours.roots, "the root file is empty")],
    ["that has the roots stays", () => ours.roots, KEEP, () => stays],
    ["that has comments and repeats stays", () => `# ours\r\n${ours.roots}${ours.roots}`, !KEEP, () => stays],
    ["that trusts others as well stays", () => theirs.roots + ours.roots, KEEP, () => stays],
    [
      "that trusts others alone keeps them, byte for byte and first",
      () => `# theirs\r\n${theirs.roots.trimEnd()}`,
      KEEP,
      () => becomes(`# theirs\r\n${theirs.roots.trimEnd()}\n${ours.roots}`, 'it lacks "ours root"'),
    ],
    [
      "that trusts others as well loses them where that is asked, with their names",
      () => ours.roots + theirs.roots,
      !KEEP,
      () => becomes(ours.roots, "it holds other certificates than the CA's roots", { gone: [THEIR_SUBJECT] }),
    ],
    [
      "that trusts others alone is exchanged where that is asked",
      () => theirs.roots,
      !KEEP,
      () =>
        becomes(ours.roots, `it lacks "ours root"; it holds other certificates than the CA's roots`, {
          gone: [THEIR_SUBJECT],
        }),
    ],
    [
      "that is none is made anew",
      () => "hello\0",
      KEEP,
      () => becomes(ours.roots, "it holds what is no certificate", { isBroken: true }),
    ],
    [
      "that is broken in part keeps what can be read",
      () => `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${theirs.roots}`,
      KEEP,
      () => becomes(theirs.roots + ours.roots, "it holds what is no certificate", { isBroken: true }),
    ],
  ] as const satisfies [string, () => string | undefined, boolean, () => RootFile][]) {
    test(name, () => {
      const found = rootFile(present(), ours.roots, keepOthers);
      assert.deepEqual(found, expected());
      assert.deepEqual(rootFile(found.text ?? present(), ours.roots, keepOthers), stays);
    });
  }
});
