import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { initLocalCa, openLocalCa } from "../../src/ca/local-ca.ts";
import { SigningError } from "../../src/ca/signer.ts";
import { splitPem } from "../../src/certificates/chain.ts";
import type { CertificateRequest, KeyKind } from "../../src/certificates/request.ts";
import { InputError } from "../../src/diagnostics/diagnostic.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const never = new AbortController().signal;
const openssl = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });

const request = (over: Partial<CertificateRequest> = {}): CertificateRequest => ({
  commonName: "db1.example.net",
  dns: ["db1.example.net", "db1"],
  ip: ["10.0.0.1", "2001:db8::1"],
  key: "ec-p256",
  purpose: "server",
  lifetimeSeconds: 3600,
  ...over,
});

const GENPKEY: Readonly<Record<string, readonly string[]>> = {
  "ec-p256": ["EC", "ec_paramgen_curve:P-256"],
  "ec-p384": ["EC", "ec_paramgen_curve:P-384"],
  "rsa-2048": ["RSA", "rsa_keygen_bits:2048"],
  ed25519: ["ED25519"],
};

describe("the local CA", () => {
  const home = mkdtempSync(join(tmpdir(), "pgmtls-ca-"));
  const directory = join(home, "ca");
  before(() => initLocalCa({ directory, organization: 'Examples, Inc. = "us"', now: Date.now }));
  after(() => rmSync(home, { recursive: true }));

  const open = () => openLocalCa({ name: "test", directory, now: Date.now });
  function csr(kind: string, subject = "/CN=ignored"): string {
    const [algorithm = "", ...options] = GENPKEY[kind] ?? [];
    const key = join(home, `${kind}.key`);
    openssl("genpkey", "-algorithm", algorithm, ...options.flatMap((o) => ["-pkeyopt", o]), "-out", key);
    return openssl("req", "-new", "-key", key, "-subj", subject, "-addext", "subjectAltName=DNS:evil.example.net");
  }
  function verified(chainPem: string, ...args: string[]): string {
    const [leaf = "", ...rest] = splitPem(chainPem);
    writeFileSync(join(home, "leaf.crt"), leaf);
    writeFileSync(join(home, "rest.crt"), rest.join(""));
    return openssl(
      ...["verify", "-x509_strict", "-CAfile", join(directory, "root.crt"), "-untrusted", join(home, "rest.crt")],
      ...args,
      join(home, "leaf.crt"),
    );
  }

  for (const [file, mode] of [
    ["root.crt", 0o644],
    ["root.key", 0o600],
    ["intermediate.crt", 0o644],
    ["intermediate.key", 0o600],
  ] as const) {
    test(`${file} has mode 0${mode.toString(8)}`, () =>
      assert.equal(statSync(join(directory, file)).mode & 0o7777, mode));
  }

  for (const kind of Object.keys(GENPKEY) as KeyKind[]) {
    for (const purpose of ["server", "client"] as const) {
      test(`openssl takes a ${purpose}'s certificate for a key of kind ${kind}, and refuses it for the other purpose`, async () => {
        const { chainPem } = await (await open()).sign(csr(kind), request({ key: kind, purpose }), never);
        assert.equal(splitPem(chainPem).length, 2);
        verified(chainPem, "-purpose", `ssl${purpose}`);
        const other = purpose === "server" ? "client" : "server";
        assert.throws(
          () => verified(chainPem, "-purpose", `ssl${other}`),
          /unsuitable certificate purpose|unsupported certificate purpose/,
        );
      });
    }
  }

  test("a certificate has the names that were asked, and none that the host's request has", async () => {
    const { chainPem } = await (await open()).sign(csr("ec-p256", "/CN=evil"), request(), never);
    const leaf = new X509Certificate(splitPem(chainPem)[0] ?? "");
    assert.equal(leaf.subject, "CN=db1.example.net");
    assert.equal(
      leaf.subjectAltName,
      "DNS:db1.example.net, DNS:db1, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1",
    );
    assert.equal(leaf.ca, false);
    for (const name of ["-verify_hostname=db1", "-verify_ip=10.0.0.1", "-verify_ip=2001:db8::1"]) {
      const [flag = "", value = ""] = name.split("=");
      verified(chainPem, flag, value);
    }
    assert.throws(() => verified(chainPem, "-verify_hostname", "evil.example.net"), /hostname mismatch/);
  });

  for (const [name, lifetimeSeconds, days] of [
    ["as long as asked", 2 * 24 * 3600, 2],
    ["30 days unless asked", undefined, 30],
    ["never longer than the intermediate", 20 * 365 * 24 * 3600, 5 * 365],
  ] as const) {
    test(`a certificate lives ${name}`, async () => {
      const { chainPem } = await (await open()).sign(csr("ec-p256"), request({ lifetimeSeconds }), never);
      const leaf = new X509Certificate(splitPem(chainPem)[0] ?? "");
      assert.ok(Math.abs(Date.parse(leaf.validTo) - Date.now() - days * DAY_MS) < 10 * 60 * 1000, leaf.validTo);
      assert.ok(Date.parse(leaf.validFrom) < Date.now() - 60 * 1000, leaf.validFrom);
      verified(chainPem);
    });
  }

  test("no two certificates share a serial number", async () => {
    const signer = await open();
    const requestPem = csr("ec-p256");
    const serials = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const { chainPem } = await signer.sign(requestPem, request(), never);
      serials.add(new X509Certificate(chainPem).serialNumber);
    }
    assert.equal(serials.size, 20);
    for (const serial of serials) assert.ok(serial.length >= 28, serial);
  });

  for (const [name, pem, over, said] of [
    ["a key of another kind than asked", () => csr("ec-p384"), {}, /kind ec-p384, expected ec-p256/],
    ["a request that another key signed", () => forged(csr("ec-p256")), {}, /not made by the key/],
    ["text that is no request", () => "hello", {}, /can't be read/],
  ] as const) {
    test(`signing refuses ${name}`, async () => {
      const signer = await open();
      await assert.rejects(signer.sign(pem(), request(over), never), (error) => {
        assert.ok(error instanceof SigningError, String(error));
        assert.match(error.message, said);
        return true;
      });
    });
  }

  test("an expired intermediate signs nothing", async () => {
    const signer = await openLocalCa({ name: "test", directory, now: () => Date.now() + 6 * 365 * DAY_MS });
    await assert.rejects(signer.sign(csr("ec-p256"), request(), never), /intermediate certificate expired on/);
  });

  test("an existing CA is not overwritten, and keeps its files", async () => {
    const before = readFileSync(join(directory, "root.key"), "utf8");
    await assert.rejects(
      initLocalCa({ directory, now: Date.now }),
      problem("BAD_ARGUMENT", /root\.key exists already/),
    );
    assert.equal(readFileSync(join(directory, "root.key"), "utf8"), before);
  });

  test("a CA with a passphrase opens with it alone, and openssl reads its key with it", async () => {
    const locked = join(home, "locked");
    await initLocalCa({ directory: locked, passphrase: "open sesame", now: Date.now });
    const key = join(locked, "intermediate.key");
    assert.match(readFileSync(key, "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    openssl("pkey", "-in", key, "-passin", "pass:open sesame", "-noout");
    await openLocalCa({ name: "locked", directory: locked, passphrase: "open sesame", now: Date.now });
    const opened = (passphrase: object) =>
      openLocalCa({ name: "locked", directory: locked, now: Date.now, ...passphrase });
    await assert.rejects(opened({}), problem("CA_UNREADABLE", /intermediate\.key is encrypted and no passphrase/));
    await assert.rejects(
      opened({ passphrase: "wrong" }),
      problem("CA_UNREADABLE", /intermediate\.key can't be decrypted/),
    );
  });

  for (const [name, spoil, said] of [
    ["a missing file", (d: string) => rmSync(join(d, "root.crt")), /root\.crt is missing/],
    [
      "text that is no certificate",
      (d: string) => writeFileSync(join(d, "intermediate.crt"), "x"),
      /intermediate\.crt holds no certificate/,
    ],
    ["a damaged certificate", (d: string) => damage(join(d, "root.crt")), /root\.crt holds no certificate/],
    [
      "text that is no key",
      (d: string) => writeFileSync(join(d, "intermediate.key"), "x"),
      /intermediate\.key holds no private key/,
    ],
    [
      "another CA's key",
      (d: string) => copy("intermediate.key", d),
      /intermediate\.key is not the key of .*intermediate\.crt/,
    ],
    [
      "another CA's root",
      (d: string) => copy("root.crt", d),
      /intermediate\.crt is not signed by a root in .*root\.crt/,
    ],
  ] as const) {
    test(`opening names the file: ${name}`, async () => {
      const spoilt = mkdtempSync(join(home, "spoilt-"));
      await initLocalCa({ directory: spoilt, now: Date.now });
      spoil(spoilt);
      await assert.rejects(
        openLocalCa({ name: "x", directory: spoilt, now: Date.now }),
        problem("CA_UNREADABLE", said),
      );
    });
  }

  function copy(file: string, to: string): void {
    writeFileSync(join(to, file), readFileSync(join(directory, file)));
  }
});

function damage(path: string): void {
  writeFileSync(path, readFileSync(path, "utf8").replace(/\n.{40}/, "\n"));
}

/** The same request with one bit of its signature turned. */
function forged(csrPem: string): string {
  const der = Buffer.from(csrPem.replace(/-----.*-----/g, ""), "base64");
  der.writeUInt8((der.at(-1) ?? 0) ^ 1, der.length - 1);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
}

function problem(code: string, said: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.problems[0]?.code, code);
    assert.match(error.message, said);
    return true;
  };
}
