import type { CertificateChange, Change, FileChange } from "./change.ts";

/**
 * What a list of changes comes to: several changes of one file are one, from the first state to the last, at the place of the first.
 * Order is kept, and nothing moves across an activation.
 */
export function netChanges(changes: readonly Change[]): Change[] {
  const net: Change[] = [];
  let sinceActivation = 0;
  for (const change of changes) {
    if (change.kind === "activate") {
      net.push(change);
      sinceActivation = net.length;
    } else if (change.kind === "certificate" || !mergeInto(net, sinceActivation, change)) net.push(change);
  }
  return net;
}

/** Merges `change` into an earlier change of the same file; false where there is none. */
function mergeInto(net: Change[], from: number, change: FileChange): boolean {
  for (let i = from; i < net.length; i += 1) {
    const earlier = net[i];
    if (earlier?.kind === "file" && earlier.path === change.path) {
      net[i] = joined(earlier, change);
      return true;
    }
    if (earlier?.kind === "certificate" && change.after !== "absent") {
      const merged = adopt(earlier, change.path, change.after);
      if (merged !== undefined) {
        net[i] = merged;
        return true;
      }
    }
  }
  return false;
}

function joined(first: FileChange, second: FileChange): FileChange {
  const settings = second.settings ?? first.settings;
  const values = { ...first.settings?.values, ...second.settings?.values };
  return {
    ...second,
    before: first.before,
    because: first.because === second.because ? first.because : `${first.because}; ${second.because}`,
    ...(first.backup === true || second.backup === true ? { backup: true } : {}),
    ...(settings === undefined ? {} : { settings: { cluster: settings.cluster, values } }),
  };
}

/** A new mode or owner of a file that a certificate change is about to write. */
function adopt(
  change: CertificateChange,
  path: string,
  after: Exclude<FileChange["after"], "absent">,
): CertificateChange | undefined {
  const is = (file: { path: string; link?: string }) => (file.link ?? file.path) === path;
  const take = <T extends { mode: number; owner: string; group: string }>(file: T): T => ({
    ...file,
    mode: after.mode,
    owner: after.owner,
    group: after.group,
  });
  if (is(change.key.after)) return { ...change, key: { ...change.key, after: take(change.key.after) } };
  if (is(change.certificate.after))
    return { ...change, certificate: { ...change.certificate, after: take(change.certificate.after) } };
  return undefined;
}
