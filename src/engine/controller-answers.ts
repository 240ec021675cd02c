import { makeClientIdentity } from "../ca/client-identity.ts";
import type { SigningError } from "../ca/signer.ts";
import { checkIssuedChain } from "../certificates/chain.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { ApplyScript } from "../remote/apply.ts";
import type { Answer, Question } from "../remote/conversation.ts";
import type { Connection } from "../ssh/connection.ts";
import { type ClusterState, type HostState, isCluster } from "../state/host-state.ts";
import type { Phase, Proof } from "./event.ts";
import type { HostJob } from "./host-run.ts";
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

  async #prove({ words: [what, port = ""], text }: Question): Promise<Answer> {
    const { phase, observed, predicted } = this.#options;
    phase("proving");
    const found = this.#activatedCluster(Number(port), predicted);
    if (found === undefined) return { yes: true, text: "" };
    const task = this.#proofTask(found, Number(port));
    const before = observed.clusters.get(found.selector);
    const sessions = isCluster(before) ? sessionsProof(before.sessions, text) : undefined;
    const proofs = [
      ...(what === "tls" ? await proveTls(task) : await proveClients(task)),
      ...(sessions === undefined ? [] : [sessions]),
    ];
    this.proofs.set(found.cluster.name, proofs);
    const failed = proofs.filter((proof) => !proof.held).map((proof) => `${proof.what}: no, ${proof.said}`);
    if (failed.length === 0 && what === "tls") phase("writing");
    return { yes: failed.length === 0, text: failed.join("; ") };
  }

  /** The clusters of a host differ in their ports. */
  #activatedCluster(port: number, state: HostState): { selector: string; cluster: ClusterState } | undefined {
    for (const [selector, cluster] of state.clusters) {
      if (isCluster(cluster) && Number(cluster.settings.get("port")?.running) === port) return { selector, cluster };
    }
    return undefined;
  }

  #proofTask({ selector, cluster }: { selector: string; cluster: ClusterState }, port: number): ProofTask {
    const { connection, job, predicted } = this.#options;
    const served = this.#issuedFor(cluster);
    const signer = [...job.signers.values()][0];
    return {
      connection,
      predicted,
      cluster,
      selector,
      port,
      hostAddress: job.address,
      issuedChain: served?.chainPem,
      roots: signer?.roots,
      identity: signer === undefined ? undefined : () => makeClientIdentity(signer, "pgmtls_probe", job.signal),
      signal: job.signal,
    };
  }

  /** The chain that this run wrote where the cluster's ssl_cert_file points. */
  #issuedFor(cluster: ClusterState): { chainPem: string } | undefined {
    const file = cluster.pending.get("ssl_cert_file") ?? cluster.settings.get("ssl_cert_file")?.running ?? "";
    const path = file.startsWith("/") ? file : `${cluster.dataDirectory}/${file}`;
    return [...this.#issued.values()].find((issued) => issued.path === path);
  }
}
