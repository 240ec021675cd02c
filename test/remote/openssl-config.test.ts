import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { opensslRequestConfig } from "../../src/remote/openssl-config.ts";

for (const [name, commonName, dns, ip] of [
  ["a host name", "db1.example.net", ["db1.example.net", "db.example.net"], ["192.0.2.1", "2001:db8::1"]],
  ["a common name that the format could take for its own", "a$b #c 'd' \"e\", f;g\\h=i@j", [], []],
  ["a name in another script", "datenbank-ä.example", ["*.example.net"], []],
] as const) {
  test(`openssl makes a request with exactly the names asked: ${name}`, () => {
    const directory = mkdtempSync(join(tmpdir(), "pgmtls-request-"));
    try {
      const config = join(directory, "request.cnf");
      writeFileSync(
        config,
        opensslRequestConfig({ commonName, dns, ip, key: "ec-p256", purpose: "server", lifetimeSeconds: undefined }),
      );
      const key = join(directory, "key");
      execFileSync("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], {
        stdio: "ignore",
      });
      const csr = execFileSync("openssl", ["req", "-new", "-key", key, "-config", config]);
      const text = (...args: string[]) =>
        execFileSync("openssl", ["req", "-noout", ...args], { input: csr }).toString();
      assert.equal(text("-subject", "-nameopt", "utf8,sname,sep_multiline").split("\n")[1]?.trim(), `CN=${commonName}`);
      const names = text("-text").match(/(DNS|IP Address):[^,\n]+/g) ?? [];
      assert.deepEqual(
        names.filter((one) => one.startsWith("DNS")).map((one) => one.slice(4)),
        dns,
      );
      assert.equal(names.filter((one) => one.startsWith("IP")).length, ip.length);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

test("a line break in a name is refused: it could add lines to the configuration", () => {
  const request = {
    commonName: "a\nb",
    dns: [],
    ip: [],
    key: "ec-p256",
    purpose: "server",
    lifetimeSeconds: undefined,
  } as const;
  assert.throws(() => opensslRequestConfig(request), /line break/);
});
