import { X509Certificate } from "node:crypto";
import { readPem, splitPem } from "./chain.ts";
import { commonNameOf } from "./names.ts";

/** What becomes of a root file. */
export type RootFile = {
  /** undefined: it stays as it is. */
  text: string | undefined;
  because: string;
  /** Subjects of certificates that are trusted now and will not be. */
  gone: readonly string[];
  /** Whether what is there can't be read as certificates, by a server either. */
  isBroken: boolean;
};

/**
 * The file of trusted roots that shall hold `wanted` (PEM), from what it holds now (undefined = there is none). With `keepOthers` its
 * bytes stay and what it lacks is added after them: while a CA is rolled over, clients of both must get in. Otherwise it is `wanted`
 * and nothing else. A file that can't be read is made anew, from what of it can.
 */
export function rootFile(present: string | undefined, wanted: string, keepOthers: boolean): RootFile {
  if (present === undefined || present.trim() === "") {
    const because = present === undefined ? "the root file is missing" : "the root file is empty";
    return { text: wanted, because, gone: [], isBroken: false };
  }
  const held = readable(present);
  const others = without(held, readable(wanted));
  const lacking = without(readable(wanted), held);
  const gone = keepOthers ? [] : others.map(({ cert }) => subjectOf(cert));
  if (readPem(present) === undefined) {
    const text = keepOthers ? pem(others) + wanted : wanted;
    return { text, because: "it holds what is no certificate", gone, isBroken: true };
  }
  if (lacking.length === 0 && gone.length === 0) return { text: undefined, because: "", gone, isBroken: false };
  if (!keepOthers) return { text: wanted, because: differences(lacking, gone), gone, isBroken: false };
  const end = present.endsWith("\n") ? "" : "\n";
  return { text: present + end + pem(lacking), because: differences(lacking, gone), gone, isBroken: false };
}

type Held = { pem: string; cert: X509Certificate };

/** The certificates of a file, without those that can't be read. */
function readable(text: string): Held[] {
  return splitPem(text).flatMap((one) => {
    try {
      return [{ pem: one, cert: new X509Certificate(one) }];
    } catch {
      return [];
    }
  });
}

function without(some: readonly Held[], others: readonly Held[]): Held[] {
  const digests = new Set(others.map(({ cert }) => cert.fingerprint256));
  return some.filter(({ cert }) => !digests.has(cert.fingerprint256));
}

function pem(some: readonly Held[]): string {
  return some.map((one) => one.pem).join("");
}

function differences(lacking: readonly Held[], gone: readonly string[]): string {
  const names = lacking.map(({ cert }) => `"${commonNameOf(cert) ?? subjectOf(cert)}"`);
  return [
    ...(names.length === 0 ? [] : [`it lacks ${names.join(", ")}`]),
    ...(gone.length === 0 ? [] : ["it holds other certificates than the CA's roots"]),
  ].join("; ");
}

function subjectOf({ subject }: X509Certificate): string {
  return subject === "" ? "a certificate without a name" : subject.replaceAll("\n", ", ");
}
