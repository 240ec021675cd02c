import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { asksForCertificate, decide, type HbaDecision } from "../postgres/hba-decide.ts";
import { type HbaFile, readHba } from "../postgres/hba-file.ts";
import { type HostState, isCluster, type Session } from "../state/host-state.ts";
import { resolvePath } from "../state/resolve.ts";

/**
 * Who would not get in any more as they are connected now: every live session is put through the new pg_hba.conf. Sessions that are open
 * stay open (a reload ends none); it is their next connection that is told about here. Pure.
 */
export function sessionWarnings(observed: HostState, predicted: HostState): Diagnostic[] {
  const told = new Set<string>();
  for (const [selector, cluster] of observed.clusters) {
    if (!isCluster(cluster)) continue;
    const before = hbaText(observed, selector);
    const after = hbaText(predicted, selector);
    if (after === undefined || after === before) continue;
    const rules = readHba(after, cluster.major);
    for (const [who, needs] of groupSessions(cluster.sessions, rules)) told.add(`${who} ${needs}`);
  }
  return [...told].map((message) => ({ code: "SESSION_AFFECTED", message }));
}

/** `2 sessions of app on app from 10.0.0.5 (psql)` -> what they will need. */
function groupSessions(sessions: readonly Session[], rules: HbaFile): [who: string, needs: string][] {
  const counts = new Map<string, number>();
  for (const session of sessions) {
    const needs = needsOf(session, rules);
    if (needs === undefined) continue;
    const from = session.address === undefined ? "the Unix socket" : session.address;
    const application = session.application === "" ? "" : ` (${session.application})`;
    const what = session.replication ? "replication" : (session.database ?? "no database");
    const key = `of ${session.user} on ${what} from ${from}${application}\n${needs}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => {
    const [who = "", needs = ""] = key.split("\n");
    return [`${count} session${count === 1 ? "" : "s"} ${who}`, needs];
  });
}

function needsOf(session: Session, rules: HbaFile): string | undefined {
  const connection = {
    address: session.address,
    user: session.user,
    database: session.database ?? "",
    replication: session.replication,
  };
  if (session.address === undefined) return refusal(decide(rules, { ...connection, wire: "socket" }), session);
  const now = decide(rules, { ...connection, wire: session.gss ? "gss" : session.tls ? "ssl" : "plain" });
  if (session.tls || session.gss || admits(now) || now.decision === "unknown") return refusal(now, session);
  const withTls = decide(rules, { ...connection, wire: "ssl" });
  if (!admits(withTls)) return refusal(withTls, session);
  const certificate =
    withTls.decision === "record" && asksForCertificate(withTls.line.record) ? " and show a client certificate" : "";
  return `must connect with TLS${certificate} next time`;
}

function refusal(decision: HbaDecision, session: Session): string | undefined {
  if (decision.decision === "unknown")
    return `may be concerned: line ${decision.line.number} of the new pg_hba.conf can be judged by the server alone`;
  if (!admits(decision)) return "will be refused next time";
  const needsCertificate = decision.decision === "record" && asksForCertificate(decision.line.record);
  return needsCertificate && session.clientDn === undefined ? "must show a client certificate next time" : undefined;
}

function admits(decision: HbaDecision): boolean {
  return decision.decision === "record" && decision.line.record.method !== "reject";
}

function hbaText(state: HostState, selector: string): string | undefined {
  const path = resolvePath(state, { base: "setting", cluster: selector, setting: "hba_file" });
  const file = path === undefined ? undefined : state.files.get(path);
  return file === undefined || file === "absent" || file.content.kind !== "text" ? undefined : file.content.latin1;
}
