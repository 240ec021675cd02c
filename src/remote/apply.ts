import { createHash } from "node:crypto";
import type { CertificateRequest } from "../certificates/request.ts";
import type { CertificateChange, FileChange } from "../plan/change.ts";
import type { FileState } from "../state/host-state.ts";
import { opensslRequestConfig } from "./openssl-config.ts";
import { composeProgram, dataFunction } from "./program.ts";
import { call } from "./quote.ts";

/**
 * What the host program shall do, in order. Everything is prepared before the first `commit`: temporary files written, keys made,
 * certificates signed. Ids are positions in `prepare`.
 */
export type ApplyScript = {
  run: string;
  stateDirectory: string | undefined;
  /** Who holds the lock, for the operator who meets it. */
  holder: string;
  /** Whom the program runs as on the host, as the observation told. */
  user: string;
  group: string;
  prepare: readonly (FileChange | CertificateChange)[];
  steps: readonly Step[];
};
export type Step =
  | { do: "commit"; ids: readonly number[] }
  | { do: "use-cluster"; selector: string }
  | { do: "judge" }
  | { do: "reload"; label: string }
  | { do: "restart"; label: string }
  | { do: "prove"; what: "tls" | "clients"; selector: string };

/** The bytes of secrets by their SHA-256: plans hold only the digest. */
export type SecretStore = ReadonlyMap<string, Buffer>;

/** The host program for `script`. Contents travel in base64 inside it, never in an argument. */
export function applyProgram(script: ApplyScript, secrets: SecretStore, marker: string): string {
  const data: string[] = [];
  const wants = script.prepare.map((change, id) => {
    if (change.kind === "certificate") {
      data.push(dataFunction(`data_${id}`, Buffer.from(opensslRequestConfig(change.request))));
      return [call("at", id), wantPair(change, id)];
    }
    const bytes = bytesOf(change, secrets);
    if (bytes !== undefined) data.push(dataFunction(`data_${id}`, bytes));
    return [call("at", id), wantFile(change, id, bytes !== undefined)];
  });
  return composeProgram(
    "apply",
    marker,
    [
      begin(script),
      ...wants.flat(),
      ...script.steps.flatMap((step, index) => stepCalls(step, index, script.prepare)),
      "finish",
    ],
    data,
  );
}

function begin({ run, stateDirectory, holder, user, group }: ApplyScript): string {
  return call("begin", run, stateDirectory ?? "", holder, user, group);
}

/** The new bytes of a file; undefined where its content stays. */
function bytesOf({ before, after }: FileChange, secrets: SecretStore): Buffer | undefined {
  if (after === "absent" || (before !== "absent" && isSameContent(before, after))) return undefined;
  switch (after.content.kind) {
    case "text":
      return Buffer.from(after.content.latin1, "latin1");
    case "secret": {
      const bytes = secrets.get(after.content.sha256);
      if (bytes === undefined) throw new Error(`the bytes of secret ${after.content.sha256} are not at hand`);
      return bytes;
    }
    default:
      throw new Error(`no bytes for ${after.path}: its content is ${after.content.kind}`);
  }
}

function isSameContent(before: FileState, after: FileState): boolean {
  return JSON.stringify(before.content) === JSON.stringify(after.content);
}

function wantFile({ before, after, backup }: FileChange, id: number, hasBytes: boolean): string {
  if (after === "absent") return call("want_absent", id, before === "absent" ? "" : before.path, expected(before));
  const attributes = [octal(after.mode), after.owner, after.group] as const;
  if (!hasBytes) return call("want_metadata", id, after.path, ...attributes);
  return call(
    "want_file",
    id,
    after.path,
    expected(before),
    ...attributes,
    backup === true ? "yes" : "no",
    `data_${id}`,
  );
}

function wantPair({ key, certificate, request }: CertificateChange, id: number): string {
  const [algorithm, option] = ALGORITHMS[request.key];
  return call(
    "want_pair",
    id,
    ...[key.after.path, octal(key.after.mode), key.after.owner, key.after.group],
    ...[certificate.after.path, octal(certificate.after.mode), certificate.after.owner, certificate.after.group],
    ...[expected(certificate.before), algorithm, option, `data_${id}`],
  );
}

/** `openssl genpkey -algorithm A -pkeyopt O`; "-" for none (openssl-genpkey(1)). */
const ALGORITHMS: Readonly<Record<CertificateRequest["key"], readonly [string, string]>> = {
  "ec-p256": ["EC", "ec_paramgen_curve:P-256"],
  "ec-p384": ["EC", "ec_paramgen_curve:P-384"],
  "rsa-2048": ["RSA", "rsa_keygen_bits:2048"],
  "rsa-3072": ["RSA", "rsa_keygen_bits:3072"],
  "rsa-4096": ["RSA", "rsa_keygen_bits:4096"],
  ed25519: ["ED25519", "-"],
};

/** The digest that the file must still have when it is replaced; "any" where its content was never asked for. */
function expected(before: FileState | "absent"): string {
  if (before === "absent") return "absent";
  switch (before.content.kind) {
    case "text":
      return createHash("sha256").update(before.content.latin1, "latin1").digest("hex");
    case "digest":
    case "secret":
      return before.content.sha256;
    default:
      return "any";
  }
}

function stepCalls(step: Step, index: number, prepare: ApplyScript["prepare"]): string[] {
  switch (step.do) {
    case "commit":
      return [
        call(
          "commit",
          ...step.ids.flatMap((id) => (prepare[id]?.kind === "certificate" ? [`${id}k`, `${id}c`] : [String(id)])),
        ),
      ];
    case "use-cluster":
      return [call("use_cluster", step.selector)];
    case "prove":
      return [call("prove", step.what, index)];
    case "judge":
      return ["judge"];
    default:
      return [call("at", step.label), step.do];
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
