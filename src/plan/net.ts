import { isDeepStrictEqual } from "node:util";
import type { FileState } from "../state/host-state.ts";
import type { CertificateChange, Change, FileChange } from "./change.ts";

/**
 * What a list of changes comes to: several changes of one file are one, from the first state to the last, at the place of the first.
 * Order is kept, and nothing moves across an activation. A pair takes over what was to become of its files before it, so that it
 * expects what is on the host; what comes after it stays after it, unless that is only an owner or a mode.
 */
export function netChanges(changes: readonly Change[]): Change[] {
  const net: Change[] = [];
  let sinceActivation = 0;
  for (const change of changes) {
    if (change.kind === "activate") {
      net.push(change);
      sinceActivation = net.length;
    } else if (change.kind === "certificate") net.push(takeOver(net, sinceActivation, change));
    else if (!mergeInto(net, sinceActivation, change)) net.push(change);
  }
  return net;
}

/** `pair` with what was on the host before anything became of its files, which is taken out of `net`. */
function takeOver(net: Change[], from: number, pair: CertificateChange): CertificateChange {
  let { key, certificate } = pair;
  for (let i = net.length - 1; i >= from; i -= 1) {
    const earlier = net[i];
    if (earlier?.kind === "file") {
      const isKey = isAt(key.after, earlier.path);
      if (!isKey && !isAt(certificate.after, earlier.path)) continue;
      if (isKey) key = { ...key, before: earlier.before };
      else certificate = { ...certificate, before: earlier.before };
      // One that leaves a copy of what was there has that to do still: both expect the same, and the pair is put in place after it.
      if (earlier.backup !== true) net.splice(i, 1);
    } else if (earlier?.kind === "certificate" && isSameFile(earlier.key.after, key.after)) {
      if (!isSameFile(earlier.certificate.after, certificate.after)) continue;
      key = { ...key, before: earlier.key.before };
      certificate = { ...certificate, before: earlier.certificate.before };
      net.splice(i, 1);
    }
  }
  return { ...pair, key, certificate };
}

/** Merges `change` into the last change of the same file; false where there is none that can take it. */
function mergeInto(net: Change[], from: number, change: FileChange): boolean {
  for (let i = net.length - 1; i >= from; i -= 1) {
    const earlier = net[i];
    if (earlier?.kind === "file" && earlier.path === change.path) {
      net[i] = joined(earlier, change);
      return true;
    }
    if (earlier?.kind !== "certificate") continue;
    if (!isAt(earlier.key.after, change.path) && !isAt(earlier.certificate.after, change.path)) continue;
    const merged = change.after === "absent" ? undefined : adopt(earlier, change.path, change.after);
    if (merged === undefined) return false;
    net[i] = merged;
    return true;
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

/** A new mode or owner of a file that a certificate change is about to write; undefined where it gets other content, too. */
function adopt(change: CertificateChange, path: string, after: FileState): CertificateChange | undefined {
  const side = isAt(change.key.after, path) ? "key" : "certificate";
  const own = change[side].after;
  if (!isDeepStrictEqual(own.content, after.content)) return undefined;
  const { mode, owner, group } = after;
  return { ...change, [side]: { ...change[side], after: { ...own, mode, owner, group } } };
}

function isAt(file: FileState, path: string): boolean {
  return (file.link ?? file.path) === path;
}

function isSameFile(one: FileState, other: FileState): boolean {
  return one.path === other.path;
}
