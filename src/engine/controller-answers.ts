import { makeClientIdentity } from "../ca/client-identity.ts";
import type { Signer, SigningError } from "../ca/signer.ts";
import { checkIssuedChain, readPem } from "../certificates/chain.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { ApplyScript } from "../remote/apply.ts";
import type { Answer, Question } from "../remote/conversation.ts";
import type { Connection } from "../ssh/connection.ts";
import { type ClusterState, type HostState, isCluster } from "../state/host-state.ts";
import type { AuthorityReference } from "../tasks/module.ts";
import type { Phase, Proof } from "./event.ts";
import type { HostJob } from "./host-job.ts";
import { type ProofTask, proveClients, proveTls, sessionsProof } from "./prove.ts";

export type AnswersOptions = {
  connection: Connection;
  job: HostJob;
  script: ApplyScript;
  observed: HostState;
  predicted: HostState;
  phase: (name: Phase) => void;
};

/** What the controller answers while the host program works: certificates for its requests, and whether the server is as it should be. */
export class ControllerAnswers {
  /** By cluster; the last proof of a cluster counts. */
  readonly proofs = new Map<string, readonly Proof[]>();
  signingFailure: Diagnostic | undefined;
  readonly #options: AnswersOptions;
  /** Chains given out in this run, by the id of the change. */
  readonly #issued = new Map<number, { chainPem: string; path: string; authority: string }>();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  async answer(question: Question): Promise<Answer> {
    if (question.verb === "sign") return await this.#sign(Number(question.words[0]), question.text);
    if (question.verb === "prove") return await this.#prove(question);
    return { yes: false, text: `no answer to ${question.verb}` };
  }

  async #sign(id: number, csrPem: string): Promise<Answer> {
    const { job, script, phase } = this.#options;
    const change = script.prepare[id];
    const signer = change?.kind === "certificate" ? job.signers.get(change.authority) : undefined;
    if (change?.kind !== "certificate" || signer === undefined) return { yes: false, text: "no such request" };
    phase("signing");
    try {
      const { chainPem } = await signer.sign(csrPem, change.request, job.signal);
      const wrong = checkIssuedChain(chainPem, {
        csrPem,
        request: change.request,
        roots: signer.roots,
        nowMs: job.now(),
      });
      if (wrong.length > 0)
        return this.#refuse(`${signer.name} gave a certificate that can't be used: ${wrong.join("; ")}`);
      const { after } = change.certificate;
      this.#issued.set(id, { chainPem, path: after.link ?? after.path, authority: change.authority });
      phase("writing");
      return { yes: true, text: chainPem };
    } catch (error) {
      return this.#refuse(`${signer.name} did not sign: ${(error as SigningError).message}`);
    }
  }

  #refuse(message: string): Answer {
    this.signingFailure = { code: "CA_REFUSED", message };
    return { yes: false, text: message };
  }

  async #prove({ words: [what, index, port], text }: Question): Promise<Answer> {
    const { phase, observed, predicted, script } = this.#options;
    phase("proving");
    const step = script.steps[Number(index)];
    const selector = step?.do === "prove" ? step.selector : "";
    const cluster = predicted.clusters.get(selector);
    if (!isCluster(cluster)) return { yes: false, text: `nothing is known of the cluster "${selector}"` };
    const task = this.#proofTask({ selector, cluster }, Number(port));
    const before = observed.clusters.get(selector);
    const sessions = isCluster(before) ? sessionsProof(before.sessions, text) : undefined;
    const proofs = [
      ...(what === "tls" ? await proveTls(task) : await proveClients(task)),
      ...(sessions === undefined ? [] : [sessions]),
    ];
    this.proofs.set(cluster.name, proofs);
    const failed = proofs.filter((proof) => proof.held === false).map((proof) => `${proof.what}: no, ${proof.said}`);
    if (failed.length === 0 && what === "tls") phase("writing");
    return { yes: failed.length === 0, text: failed.join("; ") };
  }

  #proofTask({ selector, cluster }: { selector: string; cluster: ClusterState }, port: number): ProofTask {
    const { connection, job, predicted } = this.#options;
    const signer = this.#signerOf(selector);
    const canIdentify = signer !== undefined && trustsClientsOf(signer, cluster, predicted);
    return {
      connection,
      predicted,
      cluster,
      selector,
      port,
      hostAddress: connection.remoteAddress ?? job.address,
      expected: this.#issuedFor(cluster)?.chainPem ?? textOf(predicted, fileOf(cluster, "ssl_cert_file")),
      roots: signer?.roots,
      identity: canIdentify ? () => makeClientIdentity(signer, "pgmtls_probe", job.signal) : undefined,
      signal: job.signal,
    };
  }

  /** The CA that the host's own play names for that cluster; other hosts of the run may have another. */
  #signerOf(selector: string): Signer | undefined {
    const { job } = this.#options;
    const issuing = job.play.tasks.find(
      ({ args, skipped }) => skipped === undefined && args.ca !== undefined && (args.cluster ?? "") === selector,
    );
    const authority = issuing?.args.ca as AuthorityReference | undefined;
    return authority === undefined ? undefined : job.signers.get(authority.name);
  }

  /** The chain that this run wrote where the cluster's ssl_cert_file points. */
  #issuedFor(cluster: ClusterState): { chainPem: string } | undefined {
    const path = fileOf(cluster, "ssl_cert_file");
    return [...this.#issued.values()].find((issued) => issued.path === path);
  }
}

/** Whether the server's ssl_ca_file holds the root of `signer`: a fleet may well have another CA for its clients. */
function trustsClientsOf(signer: Signer, cluster: ClusterState, state: HostState): boolean {
  const path = fileOf(cluster, "ssl_ca_file");
  const text = textOf(state, path);
  if (text === undefined) return false;
  const trusted = new Set(readPem(text)?.map((root) => root.fingerprint256));
  return readPem(signer.roots)?.some((root) => trusted.has(root.fingerprint256)) ?? false;
}

function textOf(state: HostState, path: string | undefined): string | undefined {
  const file = path === undefined ? undefined : state.files.get(path);
  return file === undefined || file === "absent" || file.content.kind !== "text" ? undefined : file.content.latin1;
}

/** Where the setting will point once everything is activated. */
function fileOf(cluster: ClusterState, setting: string): string | undefined {
  const value = cluster.pending.get(setting) ?? cluster.settings.get(setting)?.running ?? "";
  if (value === "") return undefined;
  return value.startsWith("/") ? value : `${cluster.dataDirectory}/${value}`;
}
