import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { checkIssuedChain, splitPem } from "../../src/certificates/chain.ts";
import { type PairInQuestion, reasonsToIssue } from "../../src/certificates/renewal-reasons.ts";
import { DAY_MS, type Issued, makeTestCa, NOW_MS, request, type TestCa } from "./test-ca.ts";

const SHARE = { share: 1 / 3, text: "1/3" };

describe("a pair of key and certificate", () => {
  let ca: TestCa;
  let other: TestCa;
  let pair: Issued;
  let stranger: Issued;
  let client: Issued;
  before(async () => {
    [ca, other] = await Promise.all([makeTestCa("ours"), makeTestCa("theirs")]);
    pair = await ca.issue(request());
    stranger = await other.issue(request());
    client = await ca.issue(request({ purpose: "client" }));
  });
  after(() => {
    ca?.remove();
    other?.remove();
  });

  const inQuestion = (over: Partial<PairInQuestion> = {}): PairInQuestion => ({
    certificatePem: pair.chainPem,
    publicKeyPem: pair.publicKeyPem,
    request: request(),
    roots: ca.roots,
    nowMs: NOW_MS,
    renewBefore: SHARE,
    ...over,
  });

  const rows: readonly (readonly [string, () => Partial<PairInQuestion>, readonly (string | RegExp)[]])[] = [
    ["as it was asked for stays", () => ({}), []],
    [
      "stays whatever the case of names and the spelling of addresses",
      () => ({ request: request({ dns: ["DB1.example.net", "db1"], ip: ["2001:DB8:0:0::1", "10.0.0.1"] }) }),
      [],
    ],
    [
      "stays with text between its certificates",
      () => ({ certificatePem: splitPem(pair.chainPem).join("# issued by us\r\n") }),
      [],
    ],
    ["stays when another root is trusted as well", () => ({ roots: other.roots + ca.roots }), []],
    ["stays just before two thirds of its life", () => ({ nowMs: NOW_MS + 19.9 * DAY_MS }), []],
    ["without a certificate", () => ({ certificatePem: undefined }), ["the certificate is missing"]],
    ["without a key", () => ({ publicKeyPem: undefined }), ["the key is missing"]],
    [
      "without both",
      () => ({ certificatePem: undefined, publicKeyPem: undefined }),
      ["the certificate is missing", "the key is missing"],
    ],
    ["with a key that openssl can't read", () => ({ publicKeyPem: "unreadable" }), ["the key can't be read"]],
    ["with an empty certificate file", () => ({ certificatePem: "" }), ["the certificate can't be read"]],
    [
      "with a certificate that is cut off",
      () => ({ certificatePem: pair.chainPem.slice(0, 300) }),
      ["the certificate can't be read"],
    ],
    ["with another key", () => ({ publicKeyPem: stranger.publicKeyPem }), ["certificate and key don't match"]],
    [
      "after two thirds of its life",
      () => ({ nowMs: NOW_MS + 20.1 * DAY_MS }),
      ["it is due: 9d 21h left, which is less than 1/3 of its life"],
    ],
    [
      "with less time left than wanted",
      () => ({ nowMs: NOW_MS + 3 * DAY_MS, renewBefore: { seconds: 28 * 86_400 } }),
      ["it is due: 27d left, which is less than 28d"],
    ],
    [
      "whose whole life is what should be left stays",
      () => ({ renewBefore: { seconds: 30 * 86_400 }, nowMs: NOW_MS + 19.9 * DAY_MS }),
      [],
    ],
    [
      "whose whole life is what should be left, after two thirds of it",
      () => ({ renewBefore: { seconds: 30 * 86_400 }, nowMs: NOW_MS + 20.1 * DAY_MS }),
      ["it is due: 9d 21h left, which is less than 1/3 of its life"],
    ],
    ["whose whole life is shorter than that stays", () => ({ renewBefore: { seconds: 31 * 86_400 } }), []],
    ["after its end", () => ({ nowMs: NOW_MS + 31 * DAY_MS }), ["it expired on 2026-07-01T00:00:00.000Z"]],
    [
      "before its beginning",
      () => ({ nowMs: NOW_MS - DAY_MS }),
      [/^it is not valid before 2026-05-31T23:55:00.000Z$/, /intermediate" in the chain is not valid before/],
    ],
    [
      "that lacks names",
      () => ({
        request: request({ dns: ["db1.example.net", "db1", "db"], ip: ["10.0.0.1", "2001:db8::1", "10.0.0.2"] }),
      }),
      ["it lacks the names DNS db, IP 10.0.0.2"],
    ],
    [
      "that has names too many",
      () => ({ request: request({ dns: ["db1.example.net"], ip: ["10.0.0.1"] }) }),
      ["it has names that are not wanted: DNS db1, IP 2001:db8:0:0:0:0:0:1"],
    ],
    [
      "with another common name",
      () => ({ request: request({ commonName: "db2" }) }),
      ["its common name is db1.example.net, not db2"],
    ],
    ["of another kind of key", () => ({ request: request({ key: "ed25519" }) }), ["its key is ec-p256, not ed25519"]],
    [
      "for another purpose",
      () => ({ certificatePem: client.chainPem, publicKeyPem: client.publicKeyPem }),
      ["it is not for servers (extended key usage)"],
    ],
    [
      "without its intermediate",
      () => ({ certificatePem: splitPem(pair.chainPem)[0] }),
      ['the chain does not lead to a wanted root: "ours intermediate" is neither in the file nor such a root'],
    ],
    [
      "of another CA",
      () => ({ certificatePem: stranger.chainPem, publicKeyPem: stranger.publicKeyPem }),
      ['the chain does not lead to a wanted root: "theirs root" is neither in the file nor such a root'],
    ],
    [
      "with another CA's intermediate",
      () => ({ certificatePem: (splitPem(pair.chainPem)[0] ?? "") + other.intermediate }),
      ['the chain is broken: "theirs intermediate" did not sign "db1.example.net", "ours intermediate" did'],
    ],
    [
      "with its chain out of order",
      () => ({ certificatePem: (splitPem(pair.chainPem)[0] ?? "") + other.intermediate + ca.intermediate }),
      ['the chain is out of order: "theirs intermediate" follows "db1.example.net", which "ours intermediate" signed'],
    ],
    [
      "with a leaf in the intermediate's place",
      () => ({ certificatePem: (splitPem(pair.chainPem)[0] ?? "").repeat(2) }),
      [/^the chain is broken/],
    ],
    ["when no root is given", () => ({ roots: "" }), [/does not lead to a wanted root: "ours root"/]],
  ];
  for (const [what, over, expected] of rows) {
    test(what, () => {
      const reasons = reasonsToIssue(inQuestion(over()));
      assert.equal(reasons.length, expected.length, reasons.join("; "));
      for (const [index, want] of expected.entries()) {
        if (typeof want === "string") assert.equal(reasons[index], want);
        else assert.match(reasons[index] ?? "", want);
      }
      assert.equal(opensslTakes(over()), expected.length === 0 || !expected.some(isAboutTrust), "openssl's opinion");
    });
  }

  /** Whether openssl's verifier, which knows nothing of our wishes, trusts the file as a server's. */
  function opensslTakes(over: Partial<PairInQuestion>): boolean {
    const { certificatePem = "", roots, nowMs } = inQuestion(over);
    if (over.certificatePem === undefined && "certificatePem" in over) return true;
    const [leaf = "", ...rest] = splitPem(certificatePem);
    const path = (name: string, text: string) => {
      writeFileSync(join(ca.directory, name), text);
      return join(ca.directory, name);
    };
    const untrusted = rest.length === 0 ? [] : ["-untrusted", path("rest", rest.join(""))];
    const args = [
      "verify",
      "-x509_strict",
      "-purpose",
      "sslserver",
      "-attime",
      String(nowMs / 1000),
      "-CAfile",
      path("roots", roots),
      "-no-CApath",
      "-no-CAstore",
    ];
    try {
      execFileSync("openssl", [...args, ...untrusted, path("leaf", leaf)], { stdio: "pipe" });
      return true;
    } catch {
      return false;
    }
  }

  function isAboutTrust(reason: string | RegExp): boolean {
    // openssl sorts a chain that is out of order itself; servers send it as it is, and not all clients do that.
    return /chain (does not lead|is broken)|expired|not valid before|not for servers|certificate can't be read|lead to/.test(
      String(reason),
    );
  }

  describe("that a CA has just given", () => {
    const check = (
      issued: Issued,
      over: Partial<Parameters<typeof checkIssuedChain>[1]> = {},
      chainPem = issued.chainPem,
    ) =>
      checkIssuedChain(chainPem, {
        csrPem: issued.csrPem,
        request: request(),
        roots: ca.roots,
        nowMs: NOW_MS,
        ...over,
      });

    test("is taken as asked for", () => assert.deepEqual(check(pair), []));
    for (const [what, problems, said] of [
      ["for another request", () => check(pair, { csrPem: stranger.csrPem }), /another key than the request/],
      [
        "for a text that is no request",
        () => check(pair, { csrPem: "-----BEGIN CERTIFICATE REQUEST-----\nMAMC\n-----END" }),
        /another key/,
      ],
      ["with other names", () => check(pair, { request: request({ dns: ["db2"] }) }), /lacks the names DNS db2/],
      ["that expired", () => check(pair, { nowMs: NOW_MS + 40 * DAY_MS }), /expired on/],
      ["of another CA", () => check(stranger), /does not lead to a wanted root/],
      ["with the root in it", () => check(pair, {}, pair.chainPem + ca.roots), /^the chain holds a root/],
      ["that is no certificate", () => check(pair, {}, "hello"), /no certificate that can be read/],
    ] as const) {
      test(`is refused: ${what}`, () => assert.match(problems().join("; "), said));
    }
  });
});
