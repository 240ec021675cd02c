import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileChange } from "../../src/plan/change.ts";
import { diffOfChange } from "../../src/plan/diff.ts";
import { summaryOfChange } from "../../src/plan/summary.ts";
import type { FileState } from "../../src/state/host-state.ts";

type Side = FileState | "absent";

function file(content: string | FileState["content"], rest: Partial<FileState> = {}): FileState {
  const held = typeof content === "string" ? ({ kind: "text", latin1: content } as const) : content;
  return {
    path: "/etc/x",
    kind: "file",
    content: held,
    mode: 0o640,
    owner: "root",
    group: "root",
    changedAt: 0,
    ...rest,
  };
}

function change(before: Side, after: Side): FileChange {
  return { kind: "file", path: "/etc/x", before, after, because: "a test wants it" };
}

const utf8 = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const NEW = ["mode: 0640", "owner: root", "group: root"];
const KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEI\n-----END EC PRIVATE KEY-----\n";
const secret = (sha256: string) => ({ kind: "secret", sha256 }) as const;
const REQUEST = {
  commonName: "db1.example.net",
  dns: ["db1.example.net", "db1"],
  ip: ["10.0.0.1"],
  key: "ec-p256",
  purpose: "server",
  lifetimeSeconds: 86_400,
} as const;

for (const [name, before, after, diff, summary] of [
  [
    "a line is replaced",
    file("a\nb\nc\n"),
    file("a\nB\nc\n"),
    ["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"],
    "write /etc/x (1 line)",
  ],
  ["a file is made", "absent", file("a\nb\n"), [...NEW, "@@ -0,0 +1,2 @@", "+a", "+b"], "create /etc/x (2 lines)"],
  ["an empty file is made", "absent", file(""), NEW, "create /etc/x"],
  ["a file is removed", file("a\n"), "absent", ["@@ -1,1 +0,0 @@", "-a"], "remove /etc/x"],
  [
    "the last newline is missing",
    file("a\n"),
    file("a"),
    ["@@ -1,1 +1,1 @@", "-a", "+a", "\\ No newline at end of file"],
    "write /etc/x (1 line)",
  ],
  ["only the mode", file("a"), file("a", { mode: 0o600 }), ["mode: 0640 -> 0600"], "set mode 0600 on /etc/x"],
  [
    "mode and owner",
    file("a"),
    file("a", { mode: 0o4755, owner: "postgres" }),
    ["mode: 0640 -> 4755", "owner: root -> postgres"],
    "set mode 4755, owner postgres on /etc/x",
  ],
  [
    "mode and content",
    file("a\n"),
    file("b\n", { mode: 0o600 }),
    ["mode: 0640 -> 0600", "@@ -1,1 +1,1 @@", "-a", "+b"],
    "write /etc/x (1 line)",
  ],
  [
    "a directory is made",
    "absent",
    file({ kind: "unread" }, { kind: "directory", mode: 0o700 }),
    ["kind: directory", "mode: 0700", "owner: root", "group: root"],
    "create directory /etc/x",
  ],
  ["secrets", file(secret("aa")), file(secret("bb")), ["(content not shown: sha256 aa -> sha256 bb)"], "write /etc/x"],
  ["a new secret", "absent", file(secret("bb")), [...NEW, "(content not shown: absent -> sha256 bb)"], "create /etc/x"],
  [
    "a text against a digest",
    file("a"),
    file({ kind: "digest", sha256: "bb" }),
    ["(content not shown: sha256 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb -> sha256 bb)"],
    "write /etc/x",
  ],
  ["UTF-8", file(""), file(utf8("größe\n")), ["@@ -0,0 +1,1 @@", "+größe"], "write /etc/x (1 line)"],
  [
    "Latin-1 is escaped",
    file(""),
    file("gr\xf6\xdfe\n"),
    ["@@ -0,0 +1,1 @@", "+gr\\xf6\\xdfe"],
    "write /etc/x (1 line)",
  ],
  ["binary", file("\0\x01"), file("\0\x02\x03"), ["binary files differ (2 -> 3 bytes)"], "write /etc/x (3 bytes)"],
  [
    "carriage returns and escapes are spelt out",
    file("a\n"),
    file("a\r\n\x1b[2J"),
    ["@@ -1,1 +1,2 @@", "-a", "+a\\r", "+\\x1b[2J", "\\ No newline at end of file"],
    "write /etc/x (2 lines)",
  ],
  [
    "a private key given as text",
    "absent",
    file(`# key\n${KEY}`),
    [...NEW, "@@ -0,0 +1,2 @@", "+# key", "+(private key not shown: sha256 5c67c6f851ff1b62...)"],
    "create /etc/x (2 lines)",
  ],
  [
    "a password that changes",
    file("host all all ::/0 ldap ldapbindpasswd=one\n"),
    file("host all all ::/0 ldap ldapbindpasswd=two\n"),
    ["(only secrets differ, which are not shown)"],
    "write /etc/x",
  ],
] as const satisfies [string, Side, Side, readonly string[], string][]) {
  test(`diffOfChange: ${name}`, () => {
    const headers = [
      `--- before: /etc/x${before === "absent" ? " (absent)" : ""}`,
      `+++ after: /etc/x${after === "absent" ? " (absent)" : ""}`,
    ];
    assert.equal(diffOfChange(change(before, after)), [...headers, ...diff].join("\n"));
    assert.equal(summaryOfChange(change(before, after)), summary);
  });
}

test("a certificate is summarized, and of its key nothing is told but that it is made", () => {
  const certificate = {
    kind: "certificate",
    key: {
      before: file(secret("aa"), { path: "/d/server.key", mode: 0o600 }),
      after: file({ kind: "key-to-be-made", key: "ec-p256" }, { path: "/d/server.key", mode: 0o600 }),
    },
    certificate: {
      before: "absent",
      after: file({ kind: "to-be-issued", request: REQUEST }, { path: "/d/server.crt", mode: 0o644 }),
    },
    request: REQUEST,
    authority: "demo CA",
    because: "there is none",
  } as const;
  assert.equal(
    diffOfChange(certificate),
    `--- before: /d/server.crt (absent)
+++ after: /d/server.crt
mode: 0644
owner: root
group: root
+server certificate for db1.example.net, signed by demo CA
+  names: DNS db1.example.net, DNS db1, IP 10.0.0.1
+  key: ec-p256
+  lifetime: 24 hours
--- before: /d/server.key
+++ after: /d/server.key
+new key made on the host`,
  );
  assert.equal(summaryOfChange(certificate), "key and certificate server.crt for db1.example.net");
});

for (const [seconds, said] of [
  [undefined, "as the CA decides"],
  [90 * 86_400, "90 days"],
  [86_400, "24 hours"],
  [5_400, "90 minutes"],
  [61, "61 seconds"],
] as const) {
  test(`a lifetime of ${seconds} s is said as "${said}"`, () => {
    const request = { ...REQUEST, lifetimeSeconds: seconds };
    const side = { before: "absent", after: file({ kind: "to-be-issued", request }) } as const;
    const text = diffOfChange({
      kind: "certificate",
      key: side,
      certificate: side,
      request,
      authority: "CA",
      because: "",
    });
    assert.match(text, new RegExp(`^\\+  lifetime: ${said}$`, "m"));
  });
}

test("an activation is one line", () => {
  const reload = { kind: "activate", cluster: "", clusterName: "15/main", by: "reload", because: "" } as const;
  assert.equal(diffOfChange(reload), "reload 15/main");
  assert.equal(summaryOfChange(reload), "reload 15/main");
});

test("two large files that have nothing in common are not compared line by line to the end", () => {
  const lines = (letter: string) => Array.from({ length: 20_000 }, (_, i) => `${letter}${i}\n`).join("");
  const text = diffOfChange(change(file(lines("a")), file(lines("b"))));
  assert.match(text, /\(rewritten: 20000 -> 20000 lines, too different to show\)$/);
});
