import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Planned } from "../plan/change.ts";
import { type HbaLine, readHba, recordLines } from "../postgres/hba-file.ts";
import { covers } from "../postgres/hba-match.ts";
import { type Placed, place } from "../postgres/hba-place.ts";
import { type OpenLine, openLines, type Tightened, tighten } from "../postgres/hba-tighten.ts";
import { placeInText } from "../postgres/place-in-text.ts";
import { asText } from "../postgres/text-edit.ts";
import type { ClusterState } from "../state/host-state.ts";
import { type ClusterFile, clusterFile, contentChange } from "./cluster-file.ts";
import { checkHbaArgs, type EditHbaArgs, placementOf, selectionOf } from "./edit-hba-args.ts";
import { editHbaSchema } from "./edit-hba-schema.ts";
import type { TaskModule } from "./module.ts";

/** Who gets in, and by what proof: pg_hba.conf, changed only where it must be. */
export const editHba: TaskModule<EditHbaArgs> = {
  name: "edit-hba",
  doc: {
    summary: "changes records of pg_hba.conf: TLS required, client certificates required, records added and removed",
    description:
      "require_tls makes hostssl of host, hostnossl and hostnogssenc, replication included; clientcert and method then apply to the same records. " +
      "Records of the Unix socket and those that only the machine itself can match (127.0.0.0/8, ::1, localhost, samehost) stay, unless loopback " +
      "is true; so do those with method reject. select narrows it further. records adds and removes single records: an equal one (same type, " +
      "databases, users and address) is changed in place and never moved. Comments, blanks and the order of everything else stay byte for byte. " +
      "The file is that of the running server; activating it is the task restart's.",
    examples: [
      "- edit-hba: { require_tls: true, clientcert: verify-full }",
      "- edit-hba: { require_tls: true, method: cert, select: { databases: [app], replication: false } }",
      "- edit-hba:\n    records:\n      - { type: hostssl, databases: replication, users: standby, address: 10.0.1.0/24, method: cert, position: first }",
    ],
  },
  schema: editHbaSchema,
  check: checkHbaArgs,

  observes: ({ cluster }) => [
    { kind: "cluster", cluster },
    { kind: "file", path: { base: "setting", cluster, setting: "hba_file" }, want: "content" },
  ],

  plan(args, state) {
    const file = clusterFile(state, args, "hba_file");
    if ("outcome" in file) return file;
    const broken = presentProblems(file);
    if (broken.length > 0) return { outcome: "refused", problems: broken };
    return planEdit(args, file);
  },
};

type Edited = { text: string; because: string; warnings: readonly Diagnostic[] };

function planEdit(args: EditHbaArgs, file: ClusterFile): Planned {
  const edited = edit(args, file, file.text);
  if ("problems" in edited) return { outcome: "refused", problems: edited.problems };
  const { text, because, warnings } = edited;
  if (text === file.text) return { outcome: "ok", warnings };
  const again = edit(args, file, text);
  if (!("text" in again) || again.text !== text)
    return refuse({
      code: "BAD_VALUE",
      message: "the arguments contradict each other: a second run would change the file again",
      hint: "does records ask for a host record where require_tls makes it hostssl?",
    });
  const lockOuts = tlsProblems(args, file.cluster, text);
  if (lockOuts.length > 0) return { outcome: "refused", problems: lockOuts };
  return { outcome: "change", changes: [contentChange(file, text, because, args.backup)], warnings };
}

/** First what holds for all records, then single records, so that those that are asked for by name win. */
function edit(args: EditHbaArgs, { cluster, path }: ClusterFile, text: string): Edited | { problems: Diagnostic[] } {
  const { major } = cluster;
  const tightened = tighten(text, major, {
    requireTls: args.require_tls,
    loopback: args.loopback,
    ...(args.clientcert === "unchanged" ? {} : { clientCert: args.clientcert }),
    ...(args.method === undefined ? {} : { method: args.method }),
    select: selectionOf(args.select),
  });
  if (tightened.problems.length > 0)
    return {
      problems: tightened.problems.map(({ line, ...problem }) => ({
        code: "BAD_VALUE",
        ...problem,
        at: lineIn(path, text, line),
      })),
    };
  const placed = placeAll(args, major, tightened.text);
  if ("problems" in placed) return placed;
  const result = placed.text;
  const after = readHba(result, major);
  const warnings = [
    ...(args.require_tls ? openWarnings(openLines(after), path, result) : []),
    ...placed.done.flatMap((one) => shadowWarning(one, path)),
    ...(tightened.changed.some(({ did }) => did.includes("hostnossl -> hostssl"))
      ? disarmed(tightened, path, result, major)
      : []),
    // Where the records are there already, the harm is done, and another task may be about to mend it.
    ...(result === text ? tlsProblems(args, cluster, result) : []),
  ];
  return { text: result, because: reasons(tightened, placed.done), warnings };
}

type Done = { placed: Placed; text: string };

function placeAll(
  args: EditHbaArgs,
  major: number,
  text: string,
): { text: string; done: Done[] } | { problems: Diagnostic[] } {
  const done: Done[] = [];
  const problems: Diagnostic[] = [];
  let now = text;
  for (const [i, record] of args.records.entries()) {
    const placement = placementOf(record, major);
    if ("problems" in placement) {
      problems.push(
        ...placement.problems.map(({ problem }) => ({ ...problem, message: `records[${i}]: ${problem.message}` })),
      );
      continue;
    }
    const placed = place(now, major, placement);
    if (placed.problem !== undefined) problems.push({ code: "BAD_VALUE", message: `records[${i}]: ${placed.problem}` });
    now = placed.text;
    done.push({ placed, text: now });
  }
  return problems.length > 0 ? { problems } : { text: now, done };
}

/** "3 records host -> hostssl, clientcert=verify-ca on 3, 1 record added". */
function reasons({ changed }: Tightened, done: readonly Done[]): string {
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  for (const { did } of changed) for (const what of did) count(what);
  for (const { placed } of done) for (const { what } of placed.did) count(what);
  return [...counts]
    .map(([what, n]) => {
      const records = `${n} record${n === 1 ? "" : "s"}`;
      return what.startsWith("clientcert=") ? `${what} on ${n}` : `${records} ${what}`;
    })
    .join(", ");
}

/** What is wrong with the file as it is: the server would not load it, so nothing that is written there would count. */
function presentProblems({ cluster, path, before, text }: ClusterFile): Diagnostic[] {
  const ours: Diagnostic[] = readHba(text, cluster.major).lines.flatMap((line) =>
    line.kind === "broken"
      ? [
          {
            code: "HBA_SYNTAX",
            message: asText(line.reason),
            at: lineIn(path, text, line),
            hint:
              line.number === 1 && text.startsWith("\xef\xbb\xbf")
                ? "remove the byte order mark before it"
                : MEND_FIRST,
          } as const,
        ]
      : [],
  );
  // What an earlier task of this run wrote, the server has not judged.
  if (ours.length > 0 || before.changedAt === "in this run") return ours;
  return cluster.hbaErrors
    .filter(({ error }) => !COMES_WITH_TLS.test(error))
    .map(({ file, line, error }) => ({
      code: "HBA_SYNTAX",
      message: `${file ?? path}:${line}: the server finds: ${error}`,
      hint: MEND_FIRST,
    }));
}

const MEND_FIRST = "for one bad line the server refuses the whole file: mend it first";
/** What pg_hba_file_rules shows as errors though the file loads (POSTGRES.md 14). */
const COMES_WITH_TLS = /cannot match because/;

function openWarnings(open: readonly OpenLine[], path: string, text: string): Diagnostic[] {
  const warnings: Diagnostic[] = open
    .filter(({ isLoopback }) => !isLoopback)
    .map(({ line, why }) => ({ code: "HBA_OPEN_TO_PLAIN_TEXT", message: why, at: lineIn(path, text, line) }));
  const loopback = open.filter(({ isLoopback }) => isLoopback).map(({ line }) => line.number);
  if (loopback.length > 0)
    warnings.push({
      code: "HBA_OPEN_TO_PLAIN_TEXT",
      message: `the machine itself may still connect in plain text (${path}, line${loopback.length === 1 ? "" : "s"} ${loopback.join(", ")})`,
      hint: "loopback: true changes these too",
    });
  return warnings;
}

function shadowWarning({ placed, text }: Done, path: string): Diagnostic[] {
  const { line, shadowedBy } = placed;
  if (line === undefined || shadowedBy === undefined) return [];
  return [
    {
      code: "HBA_SHADOWED",
      message: `the record is never asked: line ${shadowedBy.number} matches the same connections first`,
      at: lineIn(path, text, line),
      hint: "position: first, or position: before with a match, puts a new record where it counts",
    },
  ];
}

/** A hostnossl record that becomes hostssl begins to decide about connections that a later hostssl record was made for. */
function disarmed({ changed }: Tightened, path: string, text: string, major: number): Diagnostic[] {
  const lines = new Set(changed.filter(({ did }) => did.includes("hostnossl -> hostssl")).map(({ line }) => line));
  const records = recordLines(readHba(text, major));
  return records
    .filter(({ number }) => lines.has(number))
    .flatMap((earlier) => {
      const later = records.find(
        ({ number, record }) => number > earlier.number && record.type === "hostssl" && covers(earlier.record, record),
      );
      if (later === undefined) return [];
      return [
        {
          code: "HBA_SHADOWED" as const,
          message: `was hostnossl, and as hostssl it decides before line ${later.number}`,
          at: lineIn(path, text, earlier),
          hint: "where the later record is the stricter one, make this one reject or remove it",
        },
      ];
    });
}

/** What the server must run with before such records are written, or they lock out everybody who comes over the network. */
function tlsProblems(args: EditHbaArgs, cluster: ClusterState, text: string): Diagnostic[] {
  const records = recordLines(readHba(text, cluster.major)).map(({ record }) => record);
  const will = (name: string) =>
    cluster.pending.has(name) ? cluster.pending.get(name) : cluster.settings.get(name)?.running;
  const warnings: Diagnostic[] = [];
  if (args.require_tls && will("ssl") === "off" && records.some(({ type }) => type === "hostssl"))
    warnings.push({
      code: "HBA_NEEDS_TLS",
      message: `hostssl records match nobody while ssl of ${cluster.name} is off`,
      hint: "set ssl: on by edit-conf before this task",
    });
  const asks = records.some(
    ({ method, options }) => method === "cert" || options.some(({ name }) => name === "clientcert"),
  );
  const changes = args.clientcert !== "unchanged" || args.method === "cert";
  if (changes && asks && will("ssl_ca_file") === "")
    warnings.push({
      code: "HBA_NEEDS_TLS",
      message: `client certificates are asked for, but ssl_ca_file of ${cluster.name} is empty: each such login will fail`,
      hint: "set ssl_ca_file by edit-conf before this task",
    });
  return warnings;
}

function lineIn(path: string, text: string, line: HbaLine) {
  const source = text.slice(line.offset, line.offset + line.length);
  const indent = /^[ \t]*/.exec(source)?.[0].length ?? 0;
  return placeInText(path, text, line.offset + indent, source.trimEnd().length - indent);
}

function refuse(problem: Diagnostic): Planned {
  return { outcome: "refused", problems: [problem] };
}
