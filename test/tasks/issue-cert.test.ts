import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Change, Planned } from "../../src/plan/change.ts";
import { predict } from "../../src/plan/predict.ts";
import type { ClusterState, FileState, HostState } from "../../src/state/host-state.ts";
import { type IssueCertArgs, issueCert } from "../../src/tasks/issue-cert.ts";
import { DAY_MS, type Issued, makeTestCa, NOW_MS, request, type TestCa } from "../certificates/test-ca.ts";

const DATA = "/var/lib/postgresql/15/main";
const CERT = `${DATA}/server.crt`;
const KEY = `${DATA}/server.key`;
const ROOT = `${DATA}/root.crt`;

describe("issue-cert", () => {
  let ca: TestCa;
  let other: TestCa;
  let pair: Issued;
  before(async () => {
    [ca, other] = await Promise.all([makeTestCa("ours"), makeTestCa("theirs")]);
    pair = await ca.issue(request());
  });
  after(() => {
    ca?.remove();
    other?.remove();
  });

  const args = (over: Partial<IssueCertArgs> = {}): IssueCertArgs => ({
    cluster: "",
    ca: { name: "ours", roots: ca.roots },
    cert: "server.crt",
    key: "server.key",
    root: "root.crt",
    keep_other_roots: true,
    cn: "db1.example.net",
    dns: ["db1"],
    ip: ["10.0.0.1", "2001:db8::1"],
    lifetime: "30d",
    key_type: "ec-p256",
    renew_before: "1/3",
    key_mode: "0600",
    force: false,
    ...over,
  });
  const file = (path: string, latin1: string | undefined, over: Partial<FileState> = {}): FileState => ({
    path,
    kind: "file",
    content: latin1 === undefined ? { kind: "unread" } : { kind: "text", latin1 },
    mode: latin1 === undefined ? 0o600 : 0o644,
    owner: "postgres",
    group: "postgres",
    changedAt: NOW_MS,
    ...over,
  });
  /** A host as the last run left it, with `over` in place of some of its files. */
  function host(over: Readonly<Record<string, FileState | "absent">> = {}, state: Partial<HostState> = {}): HostState {
    const files = {
      [CERT]: file(CERT, pair.chainPem),
      [KEY]: file(KEY, undefined),
      [ROOT]: file(ROOT, ca.roots),
      ...over,
    };
    return {
      clockMs: NOW_MS + DAY_MS,
      user: "root",
      group: "root",
      files: new Map(Object.entries(files)),
      publicKeys: new Map([[KEY, pair.publicKeyPem]]),
      clusters: new Map([["", cluster]]),
      unknown: new Set(),
      ...state,
    };
  }
  const bare = () => host({ [CERT]: "absent", [KEY]: "absent", [ROOT]: "absent" }, { publicKeys: new Map() });

  function changesOf(planned: Planned): readonly Change[] {
    if (planned.outcome === "refused") assert.fail(planned.problems.map((problem) => problem.message).join("; "));
    return planned.outcome === "change" ? planned.changes : [];
  }
  const afterAll = (state: HostState, changes: readonly Change[]) => changes.reduce(predict, state);

  test("finds nothing to do where all is as it should be", () => {
    assert.deepEqual(issueCert.plan(args(), host()), { outcome: "ok" });
  });

  test("makes key, certificate and root file on a bare host", () => {
    const [made, root, ...rest] = changesOf(issueCert.plan(args(), bare()));
    assert.deepEqual(rest, []);
    assert.equal(made?.kind === "certificate" && made.authority, "ours");
    assert.equal(made?.because, "the certificate is missing; the key is missing");
    assert.deepEqual(made?.kind === "certificate" && made.request, request());
    assert.deepEqual(made?.kind === "certificate" && [made.key.after, made.certificate.after].map(brief), [
      `${KEY} 600 postgres:postgres key-to-be-made`,
      `${CERT} 644 postgres:postgres to-be-issued`,
    ]);
    assert.deepEqual(root?.kind === "file" && root.after !== "absent" && [brief(root.after), root.after.content], [
      `${ROOT} 644 postgres:postgres text`,
      { kind: "text", latin1: ca.roots },
    ]);
  });

  for (const [what, over, state, because] of [
    ["it is due", {}, () => host({}, { clockMs: NOW_MS + 25 * DAY_MS }), /^it is due/],
    ["it expired", {}, () => host({}, { clockMs: NOW_MS + 31 * DAY_MS }), /^it expired on/],
    ["a name is added", { dns: ["db1", "db"] }, host, /^it lacks the names DNS db$/],
    ["the kind of key is another", { key_type: "ed25519" }, host, /^its key is ec-p256, not ed25519$/],
    ["the key is missing", {}, () => host({ [KEY]: "absent" }), /^the key is missing$/],
    ["the key is another", {}, () => host({}, { publicKeys: new Map() }), /^the key can't be read$/],
    ["it is asked for", { force: true }, host, /^a new one is asked for \(force\)$/],
    [
      "an earlier task asks for another one",
      { dns: [] },
      () => afterAll(bare(), changesOf(issueCert.plan(args(), bare()))),
      /^an earlier task/,
    ],
  ] as const) {
    test(`makes a new pair and leaves the root file where ${what}, and then is done`, () => {
      const before = state();
      const wanted = args(over as Partial<IssueCertArgs>);
      const changes = changesOf(issueCert.plan(wanted, before));
      assert.deepEqual(
        changes.map((change) => change.kind),
        ["certificate"],
      );
      assert.match(changes[0]?.because ?? "", because);
      assert.deepEqual(issueCert.plan({ ...wanted, force: false }, afterAll(before, changes)), { outcome: "ok" });
    });
  }

  test("makes one pair where forced twice in a run", () => {
    const state = afterAll(host(), changesOf(issueCert.plan(args({ force: true }), host())));
    assert.deepEqual(issueCert.plan(args({ force: true }), state), { outcome: "ok" });
  });

  test("is done after its own plan on a bare host", () => {
    const changes = changesOf(issueCert.plan(args(), bare()));
    assert.deepEqual(issueCert.plan(args(), afterAll(bare(), changes)), { outcome: "ok" });
  });

  test("follows a CA that is rolled over: the old pair stays while the old root is trusted, and the new root is written", () => {
    const roots = ca.roots + other.roots;
    const changes = changesOf(issueCert.plan(args({ ca: { name: "ours", roots } }), host()));
    assert.deepEqual(
      changes.map((change) => [change.kind, change.because]),
      [["file", 'it lacks "theirs root"']],
    );
    const later = changesOf(issueCert.plan(args({ ca: { name: "theirs", roots: other.roots } }), host()));
    assert.deepEqual(
      later.map((change) => change.kind),
      ["certificate", "file"],
    );
    assert.equal(rootText(later), ca.roots + other.roots);
  });

  test("keeps other roots that somebody trusts, unless told, and then names each that goes", () => {
    const both = host({ [ROOT]: file(ROOT, other.roots + ca.roots) });
    assert.deepEqual(issueCert.plan(args(), both), { outcome: "ok" });
    const planned = issueCert.plan(args({ keep_other_roots: false }), both);
    assert.equal(rootText(changesOf(planned)), ca.roots);
    assert.deepEqual(warningsOf(planned), [
      `ROOTS_REPLACED ${ROOT} will not trust O=theirs, CN=theirs root any more: clients with its certificates are locked out`,
    ]);
  });

  test("makes a root file anew that is none, says so and leaves a copy", () => {
    const planned = issueCert.plan(args(), host({ [ROOT]: file(ROOT, "what?") }));
    const changes = changesOf(planned);
    assert.equal(rootText(changes), ca.roots);
    assert.ok(changes[0]?.kind === "file" && changes[0].backup);
    assert.deepEqual(warningsOf(planned), [
      `ROOTS_REPLACED ${ROOT} holds what is no certificate, and is made anew; a copy of it is left beside it`,
    ]);
  });

  test("does not renew at each run what lives no longer than renew_before, and says that", () => {
    const { lifetime: _, ...rest } = args({ renew_before: "30d" });
    const wanted = (clockMs: number) => issueCert.plan(rest, host({}, { clockMs }));
    const early = wanted(NOW_MS + 2 * DAY_MS);
    assert.equal(early.outcome, "ok");
    assert.deepEqual(warningsOf(early), [
      `RENEW_BEFORE_TOO_LONG ${CERT} lives 30d in all, no longer than renew_before "30d": it is renewed when two thirds of that are over`,
    ]);
    const late = wanted(NOW_MS + 21 * DAY_MS);
    assert.deepEqual(
      changesOf(late).map((change) => change.because),
      ["it is due: 9d left, which is less than 1/3 of its life"],
    );
    assert.deepEqual(warningsOf(late), []);
  });

  test("leaves a root file that has comments and the same roots, and one that isn't asked for", () => {
    assert.equal(issueCert.plan(args(), host({ [ROOT]: file(ROOT, `# ours\n${ca.roots}`) })).outcome, "ok");
    assert.equal(issueCert.plan(args({ root: null }), host({ [ROOT]: "absent" })).outcome, "ok");
  });

  for (const [what, over, files, expected] of [
    [
      "a key that others may read",
      {},
      () => ({ [KEY]: file(KEY, undefined, { mode: 0o644 }) }),
      [[KEY, "mode 0644 -> 0600"]],
    ],
    [
      "a key of root",
      {},
      () => ({ [KEY]: file(KEY, undefined, { owner: "root", group: "root" }) }),
      [[KEY, "owner root -> postgres, group root -> postgres"]],
    ],
    [
      "a certificate that others may write",
      {},
      () => ({ [CERT]: file(CERT, pair.chainPem, { mode: 0o666 }) }),
      [[CERT, "mode 0666 -> 0644"]],
    ],
    ["a certificate that is kept close", {}, () => ({ [CERT]: file(CERT, pair.chainPem, { mode: 0o600 }) }), []],
    [
      "another owner that is asked for",
      { owner: "root", key_mode: "0640" },
      () => ({}),
      [
        [KEY, "mode 0600 -> 0640, owner postgres -> root"],
        [CERT, "owner postgres -> root"],
        [ROOT, "owner postgres -> root"],
      ],
    ],
    [
      "a key behind a link",
      {},
      () => ({ [KEY]: file("/etc/keys/db", undefined, { link: KEY, mode: 0o640 }) }),
      [[KEY, "mode 0640 -> 0600"]],
    ],
  ] as const) {
    test(`puts right owner and mode alone: ${what}`, () => {
      const before = host(files());
      const changes = changesOf(issueCert.plan(args(over as Partial<IssueCertArgs>), before));
      assert.deepEqual(
        changes.map((change) => change.kind === "file" && [change.path, change.because]),
        expected,
      );
      for (const change of changes) {
        if (change.kind !== "file" || change.before === "absent" || change.after === "absent")
          assert.fail("not a file that stays");
        assert.deepEqual(change.after.content, change.before.content);
        assert.equal(change.after.path, change.before.path);
      }
      assert.deepEqual(issueCert.plan(args(over as Partial<IssueCertArgs>), afterAll(before, changes)), {
        outcome: "ok",
      });
    });
  }

  for (const [what, over, state, code, said] of [
    [
      "a key mode that PostgreSQL refuses",
      { key_mode: "0640" },
      host,
      "KEY_PERMISSIONS",
      /mode 0640: PostgreSQL refuses a key of postgres with more than 0600/,
    ],
    ["a symbolic key mode that PostgreSQL refuses", { key_mode: "g+r" }, host, "KEY_PERMISSIONS", /mode 0640/],
    ["a key mode that nobody can read", { key_mode: "0200" }, host, "KEY_PERMISSIONS", /can't read it/],
    [
      "a key of root that all may read",
      { owner: "root", key_mode: "0644" },
      host,
      "KEY_PERMISSIONS",
      /refuses a key of root with more than 0640/,
    ],
    ["a key of root that the server can't read", { owner: "root" }, host, "KEY_PERMISSIONS", /postgres can't read it/],
    ["a key of somebody else", { owner: "www-data" }, host, "KEY_PERMISSIONS", /owned by www-data/],
    [
      "a directory in the key's place",
      {},
      () => host({ [KEY]: file(KEY, undefined, { kind: "directory" }) }),
      "NOT_A_REGULAR_FILE",
      /server\.key is a directory/,
    ],
    [
      "a device in the certificate's place",
      {},
      () => host({ [CERT]: file(CERT, undefined, { kind: "other" }) }),
      "NOT_A_REGULAR_FILE",
      /server\.crt is no regular file/,
    ],
    [
      "a certificate file that holds a private key, which never comes from the host",
      {},
      () => host({ [CERT]: file(CERT, undefined, { content: { kind: "digest", sha256: "00" } }) }),
      "HOLDS_PRIVATE_KEY",
      /server\.crt holds a private key/,
    ],
    [
      "a root file that holds a private key",
      {},
      () => host({ [ROOT]: file(ROOT, undefined, { content: { kind: "digest", sha256: "00" } }) }),
      "HOLDS_PRIVATE_KEY",
      /root\.crt holds a private key/,
    ],
    ["key and certificate in one file", { key: "server.crt" }, host, "BAD_VALUE", /would hold two of/],
    [
      "key and certificate in one file behind links",
      {},
      () => host({ [KEY]: file(CERT, undefined, { link: KEY }) }),
      "BAD_VALUE",
      /would hold two of/,
    ],
    ["a name that is none", { dns: ["db 1"] }, host, "BAD_VALUE", /"db 1" is not a DNS name/],
    ["an address that is none", { ip: ["10.0.0.300"] }, host, "BAD_VALUE", /"10\.0\.0\.300" is not an IP address/],
    ["a renewal at each run", { renew_before: "30d" }, host, "BAD_VALUE", /not shorter than lifetime "30d"/],
    ["a share of the whole life", { renew_before: "3/3" }, host, "BAD_VALUE", /neither a time nor a share below 1/],
    ["a life of nothing", { lifetime: "0d" }, host, "BAD_VALUE", /no time that a certificate can live/],
    [
      "no cluster",
      {},
      () => host({}, { clusters: new Map([["", { problem: "none", known: [] }]]) }),
      "NO_CLUSTER",
      /no PostgreSQL cluster/,
    ],
  ] as const) {
    test(`refuses ${what}`, () => {
      const planned = issueCert.plan(args(over as Partial<IssueCertArgs>), state());
      if (planned.outcome !== "refused") assert.fail(`${planned.outcome}, expected a refusal`);
      assert.equal(planned.problems[0]?.code, code);
      assert.match(planned.problems[0]?.message ?? "", said);
      assert.equal(planned.problems.length, 1);
    });
  }

  test("needs no cluster where paths and owner are given", () => {
    const over = { cert: "/etc/tls/a.crt", key: "/etc/tls/a.key", root: null, owner: "app", group: "app" };
    const planned = issueCert.plan(args(over), host({}, { clusters: new Map([["", { problem: "none", known: [] }]]) }));
    const [made] = changesOf(planned);
    assert.equal(made?.kind === "certificate" && brief(made.key.after), "/etc/tls/a.key 600 app:app key-to-be-made");
  });

  for (const [what, over, because] of [
    ["the key", () => ({ [KEY]: file(KEY, undefined, SECRET) }), /^an earlier task writes .*server\.key/],
    ["the certificate", () => ({ [CERT]: file(CERT, undefined, SECRET) }), /^what .*server\.crt holds is not known$/],
    ["the root file", () => ({ [ROOT]: file(ROOT, undefined, SECRET) }), /^what .*root\.crt holds is not known$/],
  ] as const) {
    test(`says unknown where an earlier task leaves ${what} open`, () => {
      const planned = issueCert.plan(args(), host(over()));
      assert.match(planned.outcome === "unknown" ? planned.because : planned.outcome, because);
    });
  }

  test("says unknown where an earlier task's outcome is", () => {
    assert.equal(issueCert.plan(args(), host({}, { unknown: new Set([CERT]) })).outcome, "unknown");
  });

  test("asks for the certificate's and the root's content, and of the key only its public half", () => {
    const asked = issueCert
      .observes(args({ key: "/etc/tls/db.key" }))
      .map((one) =>
        one.kind === "file"
          ? [one.want, one.path.base]
          : one.kind === "public-key"
            ? [one.kind, one.of.base]
            : [one.kind],
      );
    assert.deepEqual(asked, [
      ["cluster"],
      ["content", "data_directory"],
      ["metadata", "root"],
      ["public-key", "root"],
      ["content", "data_directory"],
      // The directory of the key, which must be there.
      ["metadata", "root"],
    ]);
  });
});

const SECRET = { content: { kind: "secret", sha256: "00" }, changedAt: "in this run" } as const;

function rootText(changes: readonly Change[]): string | undefined {
  const [root] = changes.flatMap((change) => (change.kind === "file" && change.path === ROOT ? [change.after] : []));
  return root !== undefined && root !== "absent" && root.content.kind === "text" ? root.content.latin1 : undefined;
}

function warningsOf(planned: Planned): string[] {
  const warnings = "warnings" in planned ? planned.warnings : [];
  return (warnings ?? []).map(({ code, message }) => `${code} ${message}`);
}

function brief({ path, mode, owner, group, content }: FileState): string {
  return `${path} ${mode.toString(8)} ${owner}:${group} ${content.kind}`;
}

const cluster: ClusterState = {
  name: "15/main",
  major: 15,
  version: "15.18",
  owner: "postgres",
  group: "postgres",
  dataDirectory: DATA,
  settings: new Map(),
  fileSettings: [],
  hbaErrors: [],
  sessions: [],
  pending: new Map(),
  loadedAt: NOW_MS,
  inRecovery: false,
  control: { kind: "pg_ctlcluster", version: "15", name: "main" },
};
