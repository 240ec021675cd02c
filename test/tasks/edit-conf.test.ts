import assert from "node:assert/strict";
import { test } from "node:test";
import { editConf } from "../../src/tasks/edit-conf.ts";
import { AUTO_CONF, argumentsOf, CONF, hostWith, planOf, setting, textAfter } from "./cluster-files.ts";

const row = (file: string, line: number, name: string, value: string) => ({
  file,
  line,
  name,
  setting: value,
  applied: true,
  error: undefined,
});
const BROKEN = { line: 3, name: undefined, setting: undefined, applied: false, error: "syntax error" };
const INCLUDED = "/etc/postgresql/15/main/conf.d/tls.conf";

for (const [title, args, conf, cluster, expected] of [
  ["set where it is commented", { set: { ssl: true } }, "#ssl = off\n", {}, ["change: ssl = on"]],
  ["changed where it stands", { set: { ssl: "yes" } }, "ssl = off # c\n", {}, ["change: ssl off -> on"]],
  ["on, yes, true and 1 are one (ansible/ansible#57686)", { set: { ssl: "1" } }, "ssl = true\n", {}, ["ok"]],
  ["so are units", { set: { shared_buffers: "0.125GB" } }, "shared_buffers = 128MB\n", {}, ["ok"]],
  ["unset", { unset: ["ssl"] }, "ssl = on\n", {}, ["change: ssl back to its default"]],
  [
    "several in one change",
    { set: { ssl: true, ssl_cert_file: "/etc/ssl/it's.crt" }, unset: ["port"] },
    "port = 1\n",
    {},
    ["change: ssl = on, ssl_cert_file = /etc/ssl/it's.crt, port back to its default"],
  ],
  [
    "a value that is for nobody to see is not in the reason",
    { set: { ssl_passphrase_command: "echo new secret" } },
    "ssl_passphrase_command = 'echo old secret'\n",
    { more: { ssl_passphrase_command: setting("echo old secret", { bootValue: "" }) } },
    ["change: ssl_passphrase_command differs"],
  ],
  [
    "duplicates are told (ansible/ansible#30235)",
    { set: { port: 5433 } },
    "port = 1\nport = 5433\n",
    {},
    ["ok", `warning: ${CONF}:1: this line of port counts for nothing, line 2 is read after it [SETTING_DUPLICATE]`],
  ],
  [
    "a name of no setting",
    { set: { ssl_cert_fil: "x" } },
    "",
    {},
    ['PostgreSQL 15.18 has no setting "ssl_cert_fil" [SETTING_UNKNOWN]'],
  ],
  ["a name with a class is somebody else's", { set: { "my.thing": 1 } }, "", {}, ["change: my.thing = 1"]],
  [
    "a value of the wrong kind",
    { set: { ssl: "maybe" } },
    "",
    {},
    ['ssl: "maybe" is no boolean, expected on or off [BAD_VALUE]'],
  ],
  [
    "a word that is none of the enum's",
    { set: { ssl_min_protocol_version: "TLSv1.4" } },
    "",
    {},
    ['ssl_min_protocol_version: "TLSv1.4" is no value for it, expected one of , TLSv1, TLSv1.2, TLSv1.3 [BAD_VALUE]'],
  ],
  [
    "what is only shown",
    { set: { server_version: "16" } },
    "",
    {},
    ["server_version can't be set: the server shows it for information only [SETTING_OVERRIDDEN]"],
  ],
  [
    "overridden by ALTER SYSTEM (sorintlab/stolon#189)",
    { set: { ssl: true } },
    "ssl = on\n",
    { fileSettings: [row(CONF, 1, "ssl", "on"), row(AUTO_CONF, 3, "ssl", "off")] },
    [`${AUTO_CONF}:3 sets ssl to "off" and is read after ${CONF} [SETTING_OVERRIDDEN]`],
  ],
  [
    "overridden to the same",
    { set: { ssl: true } },
    "ssl = on\n",
    { fileSettings: [row(CONF, 1, "ssl", "on"), row(AUTO_CONF, 3, "ssl", "yes")] },
    ["ok"],
  ],
  [
    "overridden by a file that is included later",
    { set: { ssl: true } },
    "ssl = off\ninclude_dir 'conf.d'\n",
    { fileSettings: [row(CONF, 1, "ssl", "off"), row(INCLUDED, 2, "ssl", "off")] },
    [`${INCLUDED}:2 sets ssl to "off" and is read after ${CONF} [SETTING_OVERRIDDEN]`],
  ],
  [
    "an included file that is read before the line",
    { set: { ssl: true } },
    "include_dir 'conf.d'\nssl = off\n",
    { fileSettings: [row(INCLUDED, 2, "ssl", "off"), row(CONF, 2, "ssl", "off")] },
    ["change: ssl off -> on"],
  ],
  [
    "given on the command line",
    { set: { port: 5433 } },
    "port = 5432\n",
    { more: { port: setting("5432", { vartype: "integer", source: "command line" }) } },
    ['port was given to the server as "5432" on its command line, which no file overrides [SETTING_OVERRIDDEN]'],
  ],
  [
    "unset, but set elsewhere",
    { unset: ["ssl"] },
    "ssl = on\n",
    { fileSettings: [row(CONF, 1, "ssl", "on"), row(AUTO_CONF, 3, "ssl", "on")] },
    [
      "change: ssl back to its default",
      `warning: ssl does not get its default: ${AUTO_CONF}:3 sets it to on [SETTING_OVERRIDDEN]`,
    ],
  ],
  [
    "a line that does not lex (corpus conf/024)",
    { set: { ssl: true } },
    "port = 1\nlisten_addresses = *\n",
    {},
    ['2:20: syntax error near "*" [CONF_SYNTAX]'],
  ],
  [
    "such a line in an included file",
    { set: { ssl: true } },
    "",
    { fileSettings: [{ ...BROKEN, file: INCLUDED }] },
    [`${INCLUDED}:3: the server finds a syntax error [CONF_SYNTAX]`],
  ],
  [
    "a byte order mark",
    { set: { ssl: true } },
    "\ufeff# c\n",
    {},
    [
      "1:1: the file begins with a byte order mark, which PostgreSQL takes for the beginning of a name [CONF_SYNTAX]",
      "1:2: syntax error near end of line [CONF_SYNTAX]",
    ],
  ],
  [
    "Patroni's file",
    { set: { ssl: true } },
    "# Do not edit this file manually!\n# It will be overwritten by Patroni!\n",
    {},
    [`${CONF} is written by Patroni, a change here would be lost [MANAGED_BY_PATRONI]`],
  ],
] as const) {
  test(`edit-conf: ${title}`, () => assert.deepEqual(planOf(editConf, args, hostWith({ conf }, cluster)), expected));
}

test("edit-conf: a new line stands behind what is included where that sets it too", () => {
  const state = hostWith(
    { conf: "#ssl = off\ninclude_dir 'conf.d'\n" },
    { fileSettings: [row(INCLUDED, 2, "ssl", "off")] },
  );
  assert.equal(textAfter(editConf, { set: { ssl: true } }, state), "#ssl = off\ninclude_dir 'conf.d'\nssl = on\n");
});

test("edit-conf: the change says what the server will want, by the server's names, and not what it runs already", () => {
  const args = { set: { SSL: true, datestyle: "German", shared_buffers: "128MB" }, unset: ["ssl_ca_file"] };
  const planned = editConf.plan(
    argumentsOf(editConf, args),
    hostWith({ conf: "ssl_ca_file = 'x'\n" }, { more: { ssl_ca_file: setting("x", { bootValue: "" }) } }),
  );
  assert.ok(planned.outcome === "change");
  const [change] = planned.changes;
  assert.ok(change?.kind === "file");
  assert.deepEqual(change.settings, { cluster: "", values: { ssl: "on", DateStyle: "German", ssl_ca_file: null } });
});

test("edit-conf: two tasks after each other end where both want it", () => {
  const state = hostWith({ conf: "ssl = off\n" });
  assert.equal(textAfter(editConf, { set: { ssl: "on", port: 5433 } }, state), "ssl = on\nport = 5433\n");
});

for (const [title, args, expected] of [
  ["nothing wrong", { set: { ssl: true } }, []],
  [
    "a line break in a value",
    { set: { ssl_ca_file: "a\nssl = off" } },
    ["/set/ssl_ca_file the value of ssl_ca_file holds a line break or NUL character"],
  ],
  ["a name that is none", { set: { "ssl = on #": "x" } }, ['/set/ssl = on # "ssl = on #" is no name of a setting']],
  ["an include", { set: { include_dir: "conf.d" } }, ["/set/include_dir include_dir is a directive, no setting"]],
  ["both set and unset", { set: { ssl: true }, unset: ["SSL"] }, ["/unset/0 SSL is both set and unset"]],
  ["set twice", { set: { ssl: true, SSL: false } }, ["/set/SSL SSL is set twice"]],
] as const) {
  test(`edit-conf, before any host is contacted: ${title}`, () => {
    const problems = editConf.check?.(argumentsOf(editConf, args)) ?? [];
    assert.deepEqual(
      problems.map(({ pointer, problem }) => `${pointer} ${problem.message}`),
      expected,
    );
  });
}
