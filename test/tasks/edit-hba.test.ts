import assert from "node:assert/strict";
import { test } from "node:test";
import { editHba } from "../../src/tasks/edit-hba.ts";
import { argumentsOf, HBA, hostWith, planOf, setting, textAfter } from "./cluster-files.ts";

const DEBIAN = `# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             all                                     peer
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
host    all             all             10.0.0.0/8              scram-sha-256
host    replication     standby         10.0.1.0/24             md5
hostssl app             app             192.0.2.0/24            md5
`;
const TLS_ON = { more: { ssl: setting("on", { vartype: "bool" }), ssl_ca_file: setting("root.crt") } };
const LOOPBACK = `warning: the machine itself may still connect in plain text (${HBA}, lines 3, 4) [HBA_OPEN_TO_PLAIN_TEXT]`;

test("edit-hba: require_tls and clientcert in one change, told in plain words", () => {
  const args = { require_tls: true, clientcert: "verify-full" };
  assert.deepEqual(planOf(editHba, args, hostWith({ hba: DEBIAN }, TLS_ON)), [
    "change: 2 records host -> hostssl, clientcert=verify-full on 3",
    LOOPBACK,
  ]);
  assert.equal(
    textAfter(editHba, args, hostWith({ hba: DEBIAN }, TLS_ON)),
    `# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             all                                     peer
host    all             all             127.0.0.1/32            scram-sha-256
host    all             all             ::1/128                 scram-sha-256
hostssl all             all             10.0.0.0/8              scram-sha-256 clientcert=verify-full
hostssl replication     standby         10.0.1.0/24             md5 clientcert=verify-full
hostssl app             app             192.0.2.0/24            md5 clientcert=verify-full
`,
  );
});

test("edit-hba: only the content changes, with a backup, and the file's owner and mode stay", () => {
  const planned = editHba.plan(argumentsOf(editHba, { require_tls: true }), hostWith({ hba: DEBIAN }, TLS_ON));
  assert.ok(planned.outcome === "change");
  const [change] = planned.changes;
  assert.ok(change?.kind === "file" && change.before !== "absent" && change.after !== "absent");
  assert.deepEqual({ ...change.after, content: change.before.content, changedAt: 500 }, change.before);
  assert.deepEqual([change.path, change.backup, change.after.changedAt], [HBA, true, "in this run"]);
});

for (const [title, args, hba, cluster, expected] of [
  ["nothing to do", { require_tls: true }, "hostssl all all all md5\n", TLS_ON, ["ok"]],
  ["no arguments", {}, "host all all all md5\n", TLS_ON, ["ok"]],
  [
    "spelled for the server's major",
    { clientcert: "verify-ca" },
    "hostssl all all all md5 clientcert=1\n",
    { ...TLS_ON, major: 13 },
    ["change: clientcert=verify-ca on 1"],
  ],
  [
    "method cert for chosen records",
    { require_tls: true, method: "cert", select: { databases: "app, x", replication: false } },
    "host app all 10.0.0.0/8 md5\nhost all all 10.0.0.0/8 md5\n",
    TLS_ON,
    [
      "change: 1 record host -> hostssl, 1 record md5 -> cert",
      "warning: 2: clients may still connect in plain text [HBA_OPEN_TO_PLAIN_TEXT]",
    ],
  ],
  [
    "records added and removed",
    {
      records: [
        {
          type: "hostssl",
          databases: "replication",
          users: ["standby"],
          address: "10.0.1.0/24",
          method: "cert",
          position: "first",
        },
        { type: "host", address: "10.0.0.0/8", state: "absent" },
      ],
    },
    "local all all peer\nhost all all 10.0.0.0/8 md5\n",
    TLS_ON,
    ["change: 1 record added, 1 record removed"],
  ],
  [
    "a record behind a broader one (puppetlabs-postgresql#180)",
    { records: [{ type: "local", databases: "app", users: "app", method: "scram-sha-256" }] },
    "local all all peer\n",
    TLS_ON,
    [
      "change: 1 record added",
      "warning: 2: the record is never asked: line 1 matches the same connections first [HBA_SHADOWED]",
    ],
  ],
  [
    "hostnossl before a stricter hostssl",
    { require_tls: true },
    "hostnossl all all 10.0.0.0/8 md5\nhostssl app all 10.0.0.0/8 cert\n",
    TLS_ON,
    [
      "change: 1 record hostnossl -> hostssl",
      "warning: 1: was hostnossl, and as hostssl it decides before line 2 [HBA_SHADOWED]",
    ],
  ],
  [
    "TLS is off, and no CA is set",
    { require_tls: true, clientcert: "verify-ca" },
    "host all all all md5\n",
    {},
    [
      "hostssl records match nobody while ssl of 15/main is off [HBA_NEEDS_TLS]",
      "client certificates are asked for, but ssl_ca_file of 15/main is empty: each such login will fail [HBA_NEEDS_TLS]",
    ],
  ],
  [
    "what an earlier task will have set counts",
    { require_tls: true, clientcert: "verify-ca" },
    "host all all all md5\n",
    {
      pending: new Map([
        ["ssl", "on"],
        ["ssl_ca_file", "root.crt"],
      ]),
    },
    ["change: 1 record host -> hostssl, clientcert=verify-ca on 1"],
  ],
  [
    "arguments that would flip for ever (sous-chefs/postgresql#747)",
    { require_tls: true, records: [{ type: "host", address: "10.0.0.0/8", method: "md5" }] },
    "local all all peer\n",
    TLS_ON,
    ["the arguments contradict each other: a second run would change the file again [BAD_VALUE]"],
  ],
  [
    "a record that is named wins over what holds for all, once and for ever",
    { clientcert: "verify-full", records: [{ type: "hostssl", address: "10.0.0.0/8", method: "md5" }] },
    "local all all peer\n",
    TLS_ON,
    ["change: 1 record added"],
  ],
  [
    "a broken line (hercules-team/augeas#775)",
    { require_tls: true },
    "host all all all md5\n  host all all md5 # T\n",
    TLS_ON,
    ["2:3: end-of-line before authentication method [HBA_SYNTAX]"],
  ],
  [
    "an error that only the server knows",
    { require_tls: true },
    "host all all all md5\n",
    { ...TLS_ON, hbaErrors: [{ file: "/x.conf", line: 7, error: "not supported by this build" }] },
    ["/x.conf:7: the server finds: not supported by this build [HBA_SYNTAX]"],
  ],
  [
    "an error that goes when TLS is on",
    { require_tls: true },
    "hostssl all all all md5\n",
    { ...TLS_ON, hbaErrors: [{ file: HBA, line: 1, error: "hostssl record cannot match because SSL is disabled" }] },
    ["ok"],
  ],
  [
    "a byte order mark",
    { require_tls: true },
    "\ufeffhost all all all md5\n",
    TLS_ON,
    ['1:1: invalid connection type "\ufeffhost" [HBA_SYNTAX]'],
  ],
  [
    "Patroni's file (patroni/patroni#566)",
    { require_tls: true },
    "# Do not edit this file manually!\n# It will be overwritten by Patroni!\nhost all all all md5\n",
    TLS_ON,
    [`${HBA} is written by Patroni, a change here would be lost [MANAGED_BY_PATRONI]`],
  ],
  [
    "Patroni's file, forced",
    { require_tls: true, force: true },
    "# Do not edit this file manually!\n# It will be overwritten by Patroni!\nhost all all all md5\n",
    TLS_ON,
    ["change: 1 record host -> hostssl"],
  ],
  [
    "a regular expression where the server takes it for a name",
    { records: [{ type: "local", users: "/^a", method: "peer" }] },
    "local all all peer\n",
    TLS_ON,
    ['records[0]: users: PostgreSQL 15 takes "/^a" for a plain name, regular expressions came with 16 [BAD_VALUE]'],
  ],
] as const) {
  test(`edit-hba: ${title}`, () => assert.deepEqual(planOf(editHba, args, hostWith({ hba }, cluster)), expected));
}

test("edit-hba: names beyond ASCII are written as UTF-8 and found again", () => {
  const args = { records: [{ type: "local", users: ["jürgen"], method: "peer", position: "first" }] };
  assert.equal(
    textAfter(editHba, args, hostWith({ hba: "local all all peer # größe\n" })).replace(/ +/g, " "),
    "local all jürgen peer\nlocal all all peer # größe\n",
  );
  assert.deepEqual(planOf(editHba, args, hostWith({ hba: "local all jürgen peer\nlocal all all peer\n" })), ["ok"]);
});

test("edit-hba: without the file, a cluster, or knowledge of either", () => {
  const args = { require_tls: true };
  assert.deepEqual(planOf(editHba, args, hostWith({})), [`no file ${HBA} on the host [REMOTE_FILE_MISSING]`]);
  const known = hostWith({ hba: DEBIAN });
  assert.deepEqual(planOf(editHba, args, { ...known, clusters: new Map() }), [
    "no PostgreSQL cluster found on the host [NO_CLUSTER]",
  ]);
  assert.deepEqual(planOf(editHba, args, { ...known, unknown: new Set([HBA]) }), [
    `unknown: ${HBA} depends on a task whose outcome cannot be predicted`,
  ]);
});

for (const [title, args, expected] of [
  ["nothing wrong", { require_tls: true, records: [{ type: "host", address: "all", method: "md5" }] }, []],
  [
    "an address on a local record (community.postgresql#777)",
    { records: [{ type: "local", address: "127.0.0.1/32", method: "trust" }] },
    ['/records/0/address address: a local record has no address, found "127.0.0.1/32"'],
  ],
  [
    "a line break in a name (ubicloud#6438)",
    { records: [{ type: "local", users: ["u\nhost all all 0.0.0.0/0 trust"], method: "trust" }] },
    ["/records/0/users users: a line break or NUL character would begin a record of its own"],
  ],
  [
    "several at once, each with its place",
    {
      method: "scram",
      select: { addresses: "10.0.0.1" },
      records: [
        { type: "host", address: "web1.example.net/32", method: "md5" },
        { type: "local", method: "peer", position: "before" },
      ],
    },
    [
      '/method unknown authentication method "scram", expected one of trust, ident, peer, password, gss, sspi, reject, md5, scram-sha-256, pam, bsd, ldap, cert, radius, oauth',
      '/select/addresses address "10.0.0.1" has no mask',
      '/records/0/address address: host name "web1.example.net/32" has a mask',
      "/records/1/position position before needs a match",
    ],
  ],
  [
    "the same record twice (sous-chefs/postgresql#747)",
    {
      records: [
        { type: "host", databases: "a,b", address: "10.0.0.0/8", state: "absent" },
        { type: "host", databases: ["b", "a"], address: "10.0.0.0 255.0.0.0", method: "md5" },
      ],
    },
    ["/records/1 records[1] is the same record as records[0]: type, databases, users and address are equal"],
  ],
  ["what some majors take is left to the host", { records: [{ type: "local", users: "/^a", method: "peer" }] }, []],
] as const) {
  test(`edit-hba, before any host is contacted: ${title}`, () => {
    const problems = editHba.check?.(argumentsOf(editHba, args)) ?? [];
    assert.deepEqual(
      problems.map(({ pointer, problem }) => `${pointer} ${problem.message}`),
      expected,
    );
  });
}

test("edit-hba: a null option is no word in the file (hassos-addon-timescaledb#82)", () => {
  const records = [{ type: "host", address: "all", method: "md5", options: { map: null } }];
  assert.throws(() => argumentsOf(editHba, { records }));
});
