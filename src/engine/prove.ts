import { readPem } from "../certificates/chain.ts";
import { asksForCertificate, decide, type HbaConnection } from "../postgres/hba-decide.ts";
import { type HbaFile, readHba } from "../postgres/hba-file.ts";
import type { HbaRule } from "../postgres/hba-record.ts";
import type { Connection } from "../ssh/connection.ts";
import type { ClusterState, HostState, Session } from "../state/host-state.ts";
import { resolvePath } from "../state/resolve.ts";
import type { Proof } from "./event.ts";
import { type LoginOutcome, probeLogin } from "./login-probe.ts";

/** A client certificate made for the proof alone; it never reaches a disk. */
export type ProofIdentity = { certPem: string; keyPem: string };

export type ProofTask = {
  connection: Connection;
  /** The host as it should be now. */
  predicted: HostState;
  cluster: ClusterState;
  selector: string;
  port: number;
  /** Where the host was reached, which the server may listen on. */
  hostAddress: string;
  /** The certificate that the server should serve, as PEM; undefined where it is not known. */
  expected: string | undefined;
  /** Roots that the served certificate must lead to. */
  roots: string | undefined;
  /** Gives a client certificate that the server must accept; undefined where no CA is at hand. */
  identity: (() => Promise<ProofIdentity>) | undefined;
  signal: AbortSignal;
};

/** A role that needs not exist: pg_hba.conf and certificates are looked at before roles are. */
const PROBE = { user: "pgmtls_probe", database: "postgres" };

/**
 * TLS as a client sees it: it stands, and the certificate served is the one that was written (a reload alone proves nothing). What can't
 * be looked at here is a failure: rules that demand TLS come next.
 */
export async function proveTls(task: ProofTask): Promise<Proof[]> {
  if (!wantsTls(task.cluster)) return [];
  const met = await meet(task);
  if ("said" in met) return [{ what: "TLS stands", held: false, said: met.said }];
  return [servedProof(met.outcome, task)];
}

/**
 * The server as clients meet it, from the host's own address: the certificate served, plain text refused where the new rules refuse it,
 * TLS without a certificate refused where they ask for one, and let in with one. Held against our reading of the new pg_hba.conf.
 */
export async function proveClients(task: ProofTask): Promise<Proof[]> {
  const met = await meet(task);
  if ("said" in met) return [{ what: "the server was met as clients meet it", held: "untried", said: met.said }];
  const { address, outcome } = met;
  const rules = hbaOf(task);
  const tls = wantsTls(task.cluster) ? [servedProof(outcome, task)] : [];
  if (rules === undefined) return tls;
  const proofs = [
    provePlainText(task, address, rules),
    ...(tls.length > 0 ? proveCertificates(task, address, rules) : []),
  ];
  return [...tls, ...(await Promise.all(proofs)).filter((proof) => proof !== undefined)];
}

/** Sessions that were open before and are not any more: no reload ends one, but clients leave by themselves, too. */
export function sessionsProof(before: readonly Session[], pidsNow: string): Proof | undefined {
  if (before.length === 0) return undefined;
  const now = new Set(pidsNow.split(/\s+/).map(Number));
  const kept = before.filter(({ pid }) => now.has(pid)).length;
  const what = "sessions opened before are still open";
  return { what, held: kept === before.length ? true : "untried", said: `${kept} of ${before.length}` };
}

async function provePlainText(task: ProofTask, address: string, rules: HbaFile): Promise<Proof | undefined> {
  const what = "plain text is refused";
  const expected = decide(rules, connectionFrom(address, "plain"));
  if (expected.decision === "unknown") return untold(what, expected.line.number);
  if (expected.decision === "record" && expected.line.record.method !== "reject") return undefined;
  const outcome = await attempt(task, address, { tls: false });
  return { what, held: isRefusedByRules(outcome), said: outcome.said };
}

function proveCertificates(task: ProofTask, address: string, rules: HbaFile): Promise<Proof | undefined>[] {
  const what = "TLS without a client certificate is refused";
  const expected = decide(rules, connectionFrom(address, "ssl"));
  if (expected.decision === "unknown") return [Promise.resolve(untold(what, expected.line.number))];
  if (expected.decision !== "record" || !asksForCertificate(expected.line.record)) return [];
  const without = attempt(task, address, { tls: true, roots: task.roots }).then(
    (outcome): Proof => ({ what, held: isCertificateMissed(outcome), said: outcome.said }),
  );
  return [without, proveIdentity(task, address, expected.line.record)];
}

async function proveIdentity(task: ProofTask, address: string, record: HbaRule): Promise<Proof | undefined> {
  if (task.identity === undefined) return undefined;
  const what = "a client certificate of our CA is accepted";
  const mapped = record.options.find(({ name }) => name === "map" || name === "clientname");
  if (mapped !== undefined)
    return { what, held: "untried", said: `names are compared by ${mapped.name}=${mapped.value}` };
  let clientCertificate: ProofIdentity;
  try {
    clientCertificate = await task.identity();
  } catch (error) {
    return { what, held: "untried", said: `the CA made none for the proof: ${(error as Error).message}` };
  }
  const outcome = await attempt(task, address, { tls: true, roots: task.roots, clientCertificate });
  return { what, held: isPastCertificate(outcome), said: outcome.said };
}

function untold(what: string, line: number): Proof {
  return { what, held: "untried", said: `line ${line} of pg_hba.conf comes first, and only the server can judge it` };
}

/** auth.c, ClientAuthentication: "no pg_hba.conf entry", "pg_hba.conf rejects": the file's name stands in every translation. */
function isRefusedByRules({ refusedBy, said }: LoginOutcome): boolean {
  return refusedBy?.routine === "ClientAuthentication" && said.includes("pg_hba.conf");
}

/** auth.c, ClientAuthentication: "connection requires a valid client certificate". */
function isCertificateMissed({ refusedBy, said }: LoginOutcome): boolean {
  return refusedBy?.routine === "ClientAuthentication" && !said.includes("pg_hba.conf");
}

/** Past the certificate there is a password, or a role or database that does not exist: both are looked up after it (postinit.c). */
function isPastCertificate({ reached, refusedBy }: LoginOutcome): boolean {
  if (reached === "in" || reached === "asked-for-password") return true;
  return refusedBy !== undefined && !["ClientAuthentication", "auth_failed"].includes(refusedBy.routine);
}

function servedProof(outcome: LoginOutcome, task: ProofTask): Proof {
  if (outcome.served === undefined) return { what: "TLS stands", held: false, said: outcome.said };
  const said = `${outcome.served.subject.replaceAll("\n", ", ")}, until ${outcome.served.validTo}`;
  if (task.roots !== undefined && !outcome.trusted)
    return { what: "the certificate served leads to our root", held: false, said };
  if (task.expected === undefined) {
    return {
      what: task.roots === undefined ? "TLS stands" : "the certificate served leads to our root",
      held: true,
      said,
    };
  }
  return { what: "the certificate served is the one written", held: isExpected(outcome, task), said };
}

function isExpected({ served }: LoginOutcome, { expected }: ProofTask): boolean {
  const leaf = expected === undefined ? undefined : readPem(expected)?.[0];
  return leaf !== undefined && served?.fingerprint256 === leaf.fingerprint256;
}

function attempt(task: ProofTask, address: string, transport: Parameters<typeof probeLogin>[2]): Promise<LoginOutcome> {
  return probeLogin(task.connection, { address, port: task.port, ...PROBE }, transport, task.signal);
}

/** The rules that the server should follow now; undefined where their text was not asked for. */
function hbaOf({ predicted, cluster, selector }: ProofTask): HbaFile | undefined {
  const path = resolvePath(predicted, { base: "setting", cluster: selector, setting: "hba_file" });
  const file = path === undefined ? undefined : predicted.files.get(path);
  return file === undefined || file === "absent" || file.content.kind !== "text"
    ? undefined
    : readHba(file.content.latin1, cluster.major);
}

function connectionFrom(address: string, wire: HbaConnection["wire"]): HbaConnection {
  return { wire, address, ...PROBE, replication: false };
}

/**
 * Where the proof meets the server, and how it was: the address that clients use first, since a connection from the host to its own address
 * comes from that address; loopback where the host cannot be met there, or another server answers (behind address translation). Where
 * nobody can be met at all, why.
 */
async function meet(task: ProofTask): Promise<{ address: string; outcome: LoginOutcome } | { said: string }> {
  let first: { address: string; outcome: LoginOutcome } | undefined;
  let said = "the server listens on no TCP address";
  for (const address of probeAddresses(task)) {
    const outcome = await attempt(
      task,
      address,
      wantsTls(task.cluster) ? { tls: true, roots: task.roots } : { tls: false },
    );
    if (outcome.reached === "forbidden")
      return { said: `${outcome.said}; the SSH server must allow forwarding to the server's port` };
    said = outcome.said;
    if (outcome.reached === "unreachable") continue;
    if (task.expected === undefined || isExpected(outcome, task)) return { address, outcome };
    first ??= { address, outcome };
  }
  return first ?? { said };
}

function probeAddresses({ cluster, hostAddress }: ProofTask): string[] {
  const listens = (wanted(cluster, "listen_addresses") ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (listens.some((part) => part === "*" || part === "0.0.0.0")) return [...new Set([hostAddress, "127.0.0.1"])];
  if (listens.includes("::")) return [...new Set([hostAddress, "::1"])];
  const isLocal = (part: string) => part === "localhost" || part.startsWith("127.") || part === "::1";
  const own = listens.map((part) => (part === "localhost" ? "127.0.0.1" : part));
  return [...own.filter((part) => !isLocal(part)), ...own.filter(isLocal)];
}

function wantsTls(cluster: ClusterState): boolean {
  return wanted(cluster, "ssl") === "on";
}

/** What the server should run with once everything is activated. */
function wanted(cluster: ClusterState, name: string): string | undefined {
  return cluster.pending.get(name) ?? cluster.settings.get(name)?.running;
}
