import { X509Certificate } from "node:crypto";
import { asksForCertificate, decide, type HbaConnection } from "../postgres/hba-decide.ts";
import { type HbaFile, readHba } from "../postgres/hba-file.ts";
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
  /** The certificate that has just been written, where this run wrote one. */
  issuedChain: string | undefined;
  /** Roots that the served certificate must lead to. */
  roots: string | undefined;
  /** Gives a client certificate that the server must accept; undefined where no CA is at hand. */
  identity: (() => Promise<ProofIdentity>) | undefined;
  signal: AbortSignal;
};

/** A role that needs not exist: pg_hba.conf and certificates are looked at before roles are. */
const PROBE = { user: "pgmtls_probe", database: "postgres" };

/** TLS as a client sees it: it stands, and the certificate served is the one that was written (a reload alone proves nothing). */
export async function proveTls(task: ProofTask): Promise<Proof[]> {
  if (wanted(task.cluster, "ssl") !== "on") return [];
  const address = await reachableAddress(task);
  if (typeof address !== "string") return address;
  return [servedProof(await attempt(task, address, { tls: true, roots: task.roots }), task)];
}

/**
 * The server as clients meet it, from the host's own address: the certificate served, plain text refused where the new rules refuse it,
 * TLS without a certificate refused where they ask for one, and let in with one. Held against our reading of the new pg_hba.conf.
 */
export async function proveClients(task: ProofTask): Promise<Proof[]> {
  const address = await reachableAddress(task);
  if (typeof address !== "string") return address;
  const rules = hbaOf(task);
  const proofs: Promise<Proof | undefined>[] = [];
  const tlsOn = wanted(task.cluster, "ssl") === "on";
  if (rules !== undefined) proofs.push(provePlainText(task, address, rules));
  if (tlsOn)
    proofs.push(attempt(task, address, { tls: true, roots: task.roots }).then((outcome) => servedProof(outcome, task)));
  if (tlsOn && rules !== undefined) proofs.push(...proveCertificates(task, address, rules));
  return (await Promise.all(proofs)).filter((proof) => proof !== undefined);
}

/** Sessions that were open before and are not any more. Nobody needs to be to blame: clients leave by themselves, too. */
export function sessionsProof(before: readonly Session[], pidsNow: string): Proof | undefined {
  if (before.length === 0) return undefined;
  const now = new Set(pidsNow.split(/\s+/).map(Number));
  const kept = before.filter(({ pid }) => now.has(pid)).length;
  return { what: "sessions opened before are still open", held: true, said: `${kept} of ${before.length}` };
}

async function provePlainText(task: ProofTask, address: string, rules: HbaFile): Promise<Proof | undefined> {
  const expected = decide(rules, connectionFrom(address, "plain"));
  const isRefusal =
    expected.decision === "no-record" || (expected.decision === "record" && expected.line.record.method === "reject");
  if (!isRefusal) return undefined;
  const outcome = await attempt(task, address, { tls: false });
  return { what: "plain text is refused", held: outcome.reached === "refused", said: outcome.said };
}

function proveCertificates(task: ProofTask, address: string, rules: HbaFile): Promise<Proof | undefined>[] {
  const expected = decide(rules, connectionFrom(address, "ssl"));
  if (expected.decision !== "record" || !asksForCertificate(expected.line.record)) return [];
  const { roots } = task;
  const without = attempt(task, address, { tls: true, roots }).then((outcome): Proof => {
    const held = outcome.reached === "refused" && /certificate/.test(outcome.said);
    return { what: "TLS without a client certificate is refused", held, said: outcome.said };
  });
  return task.identity === undefined ? [without] : [without, proveIdentity(task, address, task.identity)];
}

async function proveIdentity(task: ProofTask, address: string, identity: () => Promise<ProofIdentity>): Promise<Proof> {
  const outcome = await attempt(task, address, { tls: true, roots: task.roots, clientCertificate: await identity() });
  // Past the certificate there is a password, or a role that does not exist: both come after it (auth.c, ClientAuthentication).
  const held =
    outcome.reached !== "unreachable" &&
    !/certificate|pg_hba\.conf|SSL|TLS/i.test(outcome.reached === "refused" ? outcome.said : "");
  return { what: "a client certificate of our CA is accepted", held, said: outcome.said };
}

function servedProof(outcome: LoginOutcome, { issuedChain, roots }: ProofTask): Proof {
  if (outcome.served === undefined) return { what: "TLS stands", held: false, said: outcome.said };
  const said = `${outcome.served.subject.replaceAll("\n", ", ")}, until ${outcome.served.validTo}`;
  if (roots !== undefined && !outcome.trusted)
    return { what: "the certificate served leads to our root", held: false, said };
  if (issuedChain === undefined)
    return { what: roots === undefined ? "TLS stands" : "the certificate served leads to our root", held: true, said };
  return {
    what: "the certificate served is the one written",
    held: outcome.served.fingerprint256 === new X509Certificate(issuedChain).fingerprint256,
    said,
  };
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
 * Where the proof meets the server: the address that clients use first, since a connection from the host to its own address comes from
 * that address; loopback where the host cannot be met there (behind address translation). Where nobody can be met at all, why.
 */
async function reachableAddress(task: ProofTask): Promise<string | Proof[]> {
  const addresses = probeAddresses(task);
  const last = addresses.at(-1);
  if (last === undefined) return [untried("the server listens on no TCP address")];
  for (const address of addresses) {
    const { reached, said } = await attempt(task, address, { tls: false });
    if (reached === "forbidden") return [untried(`${said} (the SSH server forbids forwarding)`)];
    if (reached !== "unreachable") return address;
  }
  return last;
}

function untried(said: string): Proof {
  return { what: "the server was not met as clients meet it", held: "untried", said };
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

/** What the server should run with once everything is activated. */
function wanted(cluster: ClusterState, name: string): string | undefined {
  return cluster.pending.get(name) ?? cluster.settings.get(name)?.running;
}
