import { readPem } from "../certificates/chain.ts";
import { DURATION_PATTERN, formatDuration, parseDuration } from "../certificates/duration.ts";
import { KEY_KINDS } from "../certificates/key-kind.ts";
import { nameProblems, namesOf } from "../certificates/names.ts";
import {
  isDueFromStart,
  lifetime,
  parseRenewBefore,
  RENEW_BEFORE_PATTERN,
  type RenewBefore,
} from "../certificates/renewal.ts";
import { reasonsToIssue } from "../certificates/renewal-reasons.ts";
import type { CertificateRequest, KeyKind } from "../certificates/request.ts";
import { rootFile } from "../certificates/root-file.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { applyMode } from "../document/file-mode.ts";
import type { Change, FileChange, Planned } from "../plan/change.ts";
import { type HostPath, hostPath } from "../state/host-path.ts";
import type { ClusterState, Content, FileState, HostState } from "../state/host-state.ts";
import { parentObservation, parentProblems } from "../state/parent-directory.ts";
import { clusterOf, fileAt, resolvePath } from "../state/resolve.ts";
import { differences } from "./chmod.ts";
import type { AuthorityReference, TaskModule } from "./module.ts";

export type IssueCertArgs = {
  cluster: string;
  ca: AuthorityReference;
  cert: string;
  key: string;
  root: string | null;
  keep_other_roots: boolean;
  cn: string;
  dns: readonly string[];
  ip: readonly string[];
  lifetime?: string;
  key_type: KeyKind;
  renew_before: string;
  owner?: string;
  group?: string;
  key_mode: string;
  force: boolean;
};

/** A server's key, made on its host and never leaving it, with a certificate for it from the CA, and the CA's roots. */
export const issueCert: TaskModule<IssueCertArgs> = {
  name: "issue-cert",
  doc: {
    summary: "gives a server a key and a certificate from the CA, and renews them when they are due",
    description:
      "The key and a request are made on the host; the key never leaves it. The CA signs the names that are asked here, nothing else. A new pair " +
      "is made when it is missing, due, expired or not yet valid, when names, kind of key or purpose differ, when key and certificate don't " +
      "match, or when the chain does not lead to the CA's roots; each reason is said. Certificate and key are swapped as a pair. The certificate " +
      "file holds leaf and intermediates. The root file keeps the certificates it has, so that clients of another CA still get in, and the CA's " +
      "roots are added; keep_other_roots: false leaves the CA's roots alone in it. Owner and mode of files that stay are put right, too. The certificate's " +
      "file keeps its mode where its owner can read it and nobody else can write it. Where lifetime is not given, the CA decides; the local CA " +
      "gives 30 days, and never more than its own certificate has left.",
    examples: [
      '- issue-cert: { ca: "{{ mtls_ca }}", cn: "{{ inventory_hostname }}" }',
      '- issue-cert: { ca: "{{ mtls_ca }}", cn: db1.example.net, dns: [db1, localhost], ip: [10.0.0.1, 127.0.0.1], lifetime: 90d, renew_before: 30d }',
    ],
  },
  schema: {
    type: "object",
    additionalProperties: false,
    required: ["ca", "cn"],
    properties: {
      cluster: {
        type: "string",
        default: "",
        format: "one-line",
        description: "which cluster the certificate is for, where the host has several",
      },
      ca: {
        type: ["object", "string"],
        format: "authority",
        description: "who signs: { type: local, directory: D }",
      },
      cert: { ...filePath("certificate and intermediates"), default: "server.crt" },
      key: { ...filePath("the private key"), default: "server.key" },
      root: {
        type: ["string", "null"],
        minLength: 1,
        default: "root.crt",
        format: "host-path",
        description: "where the CA's roots are written; null = nowhere",
      },
      keep_other_roots: {
        type: "boolean",
        default: true,
        description: "false: the root file holds the CA's roots and nothing else; a warning names each that goes",
      },
      cn: {
        type: "string",
        minLength: 1,
        format: "name",
        description: "the common name: the host's name or address, which is one of the alternative names as well",
      },
      dns: {
        type: "array",
        items: { type: "string", minLength: 1, format: "name" },
        default: [],
        description: "more names that clients connect to",
      },
      ip: {
        type: "array",
        items: {
          type: "string",
          pattern: "^[0-9a-fA-F:.]+$",
          description: "an IP address such as 10.0.0.1 or 2001:db8::1",
        },
        default: [],
        description: "addresses that clients connect to",
      },
      lifetime: {
        type: "string",
        pattern: DURATION_PATTERN,
        description: 'how long the certificate shall live, such as "24h" or "90d"; unless given, the CA decides',
      },
      key_type: { type: "string", enum: [...KEY_KINDS], default: "ec-p256", description: "the kind of key" },
      renew_before: {
        type: "string",
        pattern: RENEW_BEFORE_PATTERN,
        default: "1/3",
        description:
          'when to renew: how much life is left, as a time ("8h", "30d") or a share of the whole ("1/3"), which also counts where a certificate lives no longer than that time',
      },
      owner: {
        type: "string",
        minLength: 1,
        format: "name",
        description: "owner of the files; unless given, the cluster's",
      },
      group: {
        type: "string",
        minLength: 1,
        format: "name",
        description: "group of the files; unless given, the cluster's",
      },
      key_mode: {
        type: "string",
        format: "file-mode",
        default: "0600",
        description: "mode of the key; PostgreSQL takes 0600 or less, or 0640 where root owns the key",
      },
      force: { type: "boolean", default: false, description: "make a new key and certificate in any case" },
    },
  },

  observes({ cluster, cert, key, root }) {
    return [
      { kind: "cluster", cluster },
      { kind: "file", path: hostPath(cert, cluster), want: "content" },
      { kind: "file", path: hostPath(key, cluster), want: "metadata" },
      { kind: "public-key", of: hostPath(key, cluster) },
      ...(root === null ? [] : [{ kind: "file", path: hostPath(root, cluster), want: "content" } as const]),
      ...written({ cert, key, root }, cluster).flatMap(parentObservation),
    ];
  },

  plan(args, state) {
    const wanted = readArgs(args);
    const owner = ownerOf(args, state);
    const problems = ["problems" in wanted ? wanted.problems : [], "problems" in owner ? owner.problems : []].flat();
    if ("problems" in wanted || "problems" in owner) return { outcome: "refused", problems };
    const files = {
      cert: locate(state, hostPath(args.cert, args.cluster), args.cert),
      key: locate(state, hostPath(args.key, args.cluster), args.key),
      root: args.root === null ? undefined : locate(state, hostPath(args.root, args.cluster), args.root),
    };
    const wrong = [
      ...written(args, args.cluster).flatMap((path) => parentProblems(state, path)),
      ...fileProblems(files),
      ...keyProblems(args, files.key, owner),
    ];
    if (wrong.length > 0) return { outcome: "refused", problems: wrong };
    const unknown = Object.values(files).find((file) => file !== undefined && state.unknown.has(file.path));
    if (unknown !== undefined) {
      return { outcome: "unknown", because: `${unknown.path} depends on a task whose outcome cannot be predicted` };
    }
    return planPair(args, wanted, owner, files, state);
  },
};

function written({ cert, key, root }: Pick<IssueCertArgs, "cert" | "key" | "root">, cluster: string): HostPath[] {
  return [cert, key, ...(root === null ? [] : [root])].map((path) => hostPath(path, cluster));
}

function filePath(what: string) {
  return {
    type: "string",
    minLength: 1,
    format: "host-path",
    description: `${what}: absolute, or relative to the cluster's data directory`,
  };
}

type Wanted = { request: CertificateRequest; renewBefore: RenewBefore };
type Owner = { owner: string; group: string; cluster: ClusterState | undefined };
/** `path` is the one that was asked, `before` what is there. */
type Located = { path: string; before: FileState | "absent" };
type Files = { cert: Located; key: Located; root: Located | undefined };

/** The certificate that `args` ask for. What a schema can't say is checked here. */
function readArgs(args: IssueCertArgs): Wanted | { problems: Diagnostic[] } {
  const problems: Diagnostic[] = [];
  const names = namesOf(args.cn, args.dns, args.ip);
  for (const message of nameProblems(names)) problems.push({ code: "BAD_VALUE", message });
  const lifetimeSeconds = args.lifetime === undefined ? undefined : parseDuration(args.lifetime);
  if (args.lifetime !== undefined && lifetimeSeconds === undefined) {
    problems.push({ code: "BAD_VALUE", message: `lifetime "${args.lifetime}" is no time that a certificate can live` });
  }
  const renewBefore = parseRenewBefore(args.renew_before);
  if (renewBefore === undefined) {
    problems.push({
      code: "BAD_VALUE",
      message: `renew_before "${args.renew_before}" is neither a time nor a share below 1`,
      hint: 'for example "8h", "30d" or "1/3"',
    });
  } else if (lifetimeSeconds !== undefined && "seconds" in renewBefore && renewBefore.seconds >= lifetimeSeconds) {
    problems.push({
      code: "BAD_VALUE",
      message: `renew_before "${args.renew_before}" is not shorter than lifetime "${args.lifetime}": each run would renew`,
    });
  }
  if (renewBefore === undefined || problems.length > 0) return { problems };
  return { request: { ...names, key: args.key_type, purpose: "server", lifetimeSeconds }, renewBefore };
}

/** Whose the files shall be. A host without a cluster can have a certificate, too, where nothing is left to the cluster. */
function ownerOf(args: IssueCertArgs, state: HostState): Owner | { problems: Diagnostic[] } {
  const found = clusterOf(state, args.cluster);
  if ("cluster" in found) {
    const { cluster } = found;
    return { owner: args.owner ?? cluster.owner, group: args.group ?? cluster.group, cluster };
  }
  const paths = [args.cert, args.key, ...(args.root === null ? [] : [args.root])];
  if (args.owner === undefined || args.group === undefined || paths.some((path) => !path.startsWith("/"))) {
    return { problems: [found.problem] };
  }
  return { owner: args.owner, group: args.group, cluster: undefined };
}

function locate(state: HostState, where: HostPath, asked: string): Located {
  return { path: resolvePath(state, where) ?? asked, before: fileAt(state, where) ?? "absent" };
}

function fileProblems({ cert, key, root }: Files): Diagnostic[] {
  const problems = [cert, ...(root === undefined ? [] : [root])].flatMap(privateKeyProblem);
  const all = [cert, key, ...(root === undefined ? [] : [root])];
  for (const { path, before } of all) {
    if (before === "absent" || before.kind === "file") continue;
    const found = before.kind === "directory" ? "a directory" : "no regular file";
    problems.push({ code: "NOT_A_REGULAR_FILE", message: `${path} is ${found}, expected a file` });
  }
  const real = all.map(({ path, before }) => (before === "absent" ? path : before.path));
  const twice = real.find((path, index) => real.indexOf(path) !== index);
  if (twice !== undefined) {
    problems.push({
      code: "BAD_VALUE",
      message: `${twice} would hold two of certificate, key and root: each needs a file of its own`,
    });
  }
  return problems;
}

/** A host answers with a digest where a file that was asked for has a private key in it, since that never leaves. */
function privateKeyProblem({ path, before }: Located): Diagnostic[] {
  if (contentOf(before)?.kind !== "digest") return [];
  const message = `${path} holds a private key, expected certificates alone`;
  return [{ code: "HOLDS_PRIVATE_KEY", message, hint: "name another file here, or take the key out of this one" }];
}

/** What PostgreSQL would refuse at the next start: check_ssl_key_file_permissions, be-secure-common.c (POSTGRES.md, 12). */
function keyProblems(args: IssueCertArgs, key: Located, { owner, group, cluster }: Owner): Diagnostic[] {
  const mode = keyMode(args, key.before);
  const written = mode.toString(8).padStart(4, "0");
  const refuse = (message: string, hint: string): Diagnostic[] => [{ code: "KEY_PERMISSIONS", message, hint }];
  const server = cluster?.owner ?? owner;
  if (owner !== server && owner !== "root") {
    return refuse(
      `${key.path} would be owned by ${owner}: PostgreSQL takes only keys of ${server}, as which it runs, or of root`,
      "leave owner out",
    );
  }
  if (owner === server) {
    if ((mode & 0o077) !== 0) {
      return refuse(
        `${key.path} would have mode ${written}: PostgreSQL refuses a key of ${owner} with more than 0600`,
        'key_mode: "0600", or owner: root and key_mode: "0640"',
      );
    }
    return (mode & 0o400) === 0
      ? refuse(`${key.path} would have mode ${written}, with which ${owner} can't read it`, 'key_mode: "0600"')
      : [];
  }
  if ((mode & 0o037) !== 0) {
    return refuse(
      `${key.path} would have mode ${written}: PostgreSQL refuses a key of root with more than 0640`,
      'key_mode: "0640"',
    );
  }
  return (mode & 0o040) === 0
    ? refuse(
        `${key.path} would be root's with mode ${written}, with which ${server} can't read it`,
        `key_mode: "0640" and a group that ${server} is in${group === cluster?.group ? "" : `, such as ${cluster?.group ?? server}`}`,
      )
    : [];
}

function planPair(args: IssueCertArgs, wanted: Wanted, owner: Owner, files: Files, state: HostState): Planned {
  const found = reasonsFor(args, wanted, files, state);
  const root = files.root === undefined ? NO_CHANGE : planRoot(files.root, owner, args);
  if ("unknown" in found) return { outcome: "unknown", because: found.unknown };
  if ("unknown" in root) return { outcome: "unknown", because: root.unknown };
  const { reasons } = found;
  const key = fileAfter(files.key, owner, keyMode(args, files.key.before));
  const certificate = fileAfter(files.cert, owner, certificateMode(files.cert.before));
  const changes: Change[] =
    reasons.length === 0
      ? [...metadataChange(files.key.before, key), ...metadataChange(files.cert.before, certificate)]
      : [
          {
            kind: "certificate",
            key: {
              before: files.key.before,
              after: { ...key, content: { kind: "key-to-be-made", key: args.key_type } },
            },
            certificate: {
              before: files.cert.before,
              after: { ...certificate, content: { kind: "to-be-issued", request: wanted.request } },
            },
            request: wanted.request,
            authority: args.ca.name,
            because: reasons.join("; "),
          },
        ];
  changes.push(...root.changes);
  const warnings = [...(reasons.length === 0 ? lifeWarnings(args, wanted, files.cert) : []), ...root.warnings];
  const told = warnings.length === 0 ? {} : { warnings };
  return changes.length === 0 ? { outcome: "ok", ...told } : { outcome: "change", changes, ...told };
}

/** Why a new pair is wanted; or why that can't be known. */
function reasonsFor(
  args: IssueCertArgs,
  wanted: Wanted,
  { cert, key }: Files,
  state: HostState,
): { reasons: string[] } | { unknown: string } {
  const content = contentOf(cert.before);
  if (content?.kind === "to-be-issued") {
    const isSame = JSON.stringify(content.request) === JSON.stringify(wanted.request);
    if (isSame && contentOf(key.before)?.kind === "key-to-be-made") return { reasons: [] };
    return { reasons: ["an earlier task asks for another certificate in this file"] };
  }
  const isKeyRewritten =
    key.before !== "absent" && key.before.content.kind !== "unread" && key.before.changedAt === "in this run";
  if (isKeyRewritten) return { unknown: `an earlier task writes ${key.path}, so that its key is not known yet` };
  if (content !== undefined && content.kind !== "text") return notKnown(cert.path);
  const reasons = reasonsToIssue({
    certificatePem: content?.latin1,
    publicKeyPem:
      key.before === "absent"
        ? undefined
        : (state.publicKeys.get(key.path) ?? state.publicKeys.get(key.before.path) ?? "unreadable"),
    request: wanted.request,
    roots: args.ca.roots,
    nowMs: state.clockMs,
    renewBefore: wanted.renewBefore,
  });
  return { reasons: args.force ? ["a new one is asked for (force)", ...reasons] : reasons };
}

function notKnown(path: string): { unknown: string } {
  return { unknown: `what ${path} holds is not known` };
}

/** The pair stays although renew_before, taken at its word, would have it renewed by each run. */
function lifeWarnings({ renew_before }: IssueCertArgs, { renewBefore }: Wanted, cert: Located): Diagnostic[] {
  const content = contentOf(cert.before);
  const [leaf] = (content?.kind === "text" ? readPem(content.latin1) : undefined) ?? [];
  if (leaf === undefined || !isDueFromStart(leaf, renewBefore)) return [];
  const [startMs, endMs] = lifetime(leaf);
  const life = formatDuration((endMs - startMs) / 1000);
  return [
    {
      code: "RENEW_BEFORE_TOO_LONG",
      message: `${cert.path} lives ${life} in all, no longer than renew_before "${renew_before}": it is renewed when two thirds of that are over`,
      hint: "give a shorter renew_before, or a longer lifetime",
    },
  ];
}

type RootPlan = { changes: readonly FileChange[]; warnings: readonly Diagnostic[] };
const NO_CHANGE: RootPlan = { changes: [], warnings: [] };

/** Whoever is trusted in the root file is let in: who goes from it is locked out, and that is said. */
function planRoot({ path, before }: Located, owner: Owner, args: IssueCertArgs): RootPlan | { unknown: string } {
  const file = fileAfter({ path, before }, owner, certificateMode(before));
  const content = contentOf(before);
  if (content !== undefined && content.kind !== "text") return notKnown(path);
  const { text, because, gone, isBroken } = rootFile(content?.latin1, args.ca.roots, args.keep_other_roots);
  if (text === undefined) return { changes: metadataChange(before, file), warnings: [] };
  const after: FileState = { ...file, content: { kind: "text", latin1: text } };
  const backup = isBroken ? { backup: true } : {};
  const warnings: Diagnostic[] = gone.map((subject) => ({
    code: "ROOTS_REPLACED",
    message: `${path} will not trust ${subject} any more: clients with its certificates are locked out`,
    hint: "keep_other_roots: true leaves it there",
  }));
  if (isBroken) {
    const message = `${path} holds what is no certificate, and is made anew; a copy of it is left beside it`;
    warnings.push({ code: "ROOTS_REPLACED", message });
  }
  return { changes: [{ kind: "file", path, before, after, because, ...backup }], warnings };
}

function metadataChange(before: FileState | "absent", after: FileState): FileChange[] {
  if (before === "absent") return [];
  const because = differences(before, after);
  if (because.length === 0) return [];
  return [{ kind: "file", path: after.link ?? after.path, before, after, because: because.join(", ") }];
}

/** The file as it shall be, its content as it is. A link is kept and what it points at is changed. */
function fileAfter({ path, before }: Located, { owner, group }: Owner, mode: number): FileState {
  const start: FileState =
    before === "absent"
      ? { path, kind: "file", content: { kind: "unread" }, mode, owner, group, changedAt: "in this run" }
      : before;
  return { ...start, mode, owner, group, changedAt: "in this run" };
}

function contentOf(file: FileState | "absent"): Content | undefined {
  return file === "absent" ? undefined : file.content;
}

function keyMode({ key_mode }: IssueCertArgs, before: FileState | "absent"): number {
  return applyMode(key_mode, before === "absent" ? 0o600 : before.mode, false);
}

/** A certificate is for everyone to read, but who keeps it closer is left alone. */
function certificateMode(before: FileState | "absent"): number {
  if (before === "absent") return 0o644;
  const isFine = (before.mode & 0o400) !== 0 && (before.mode & 0o022) === 0;
  return isFine ? before.mode : 0o644;
}
