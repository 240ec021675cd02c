import type { CertificateRequest } from "../certificates/request.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { FileState } from "../state/host-state.ts";

/**
 * Few kinds; each is printable, has an inverse or is known to have none, and says why it is wanted. A key never enters a plan,
 * since plans are printed and kept; its SHA-256 does.
 */
export type Change = FileChange | CertificateChange | ActivateChange;

/** A file was so, shall be so. A missing file is "absent". `backup` leaves a copy beside it under a name with the time. */
export type FileChange = {
  kind: "file";
  path: string;
  before: FileState | "absent";
  after: FileState | "absent";
  because: string;
  backup?: boolean;
  /** What this change of a configuration file makes the server want, by cluster selector: predicted until it is activated. */
  settings?: { cluster: string; values: Readonly<Record<string, string | null>> };
};

/** A key made on the host and a certificate for it, swapped as a pair. `authority` names the signer that the run opened. */
export type CertificateChange = {
  kind: "certificate";
  key: { before: FileState | "absent"; after: FileState };
  certificate: { before: FileState | "absent"; after: FileState };
  request: CertificateRequest;
  authority: string;
  because: string;
};

export type ActivateChange = {
  kind: "activate";
  cluster: string;
  clusterName: string;
  by: "reload" | "restart";
  because: string;
};

export type Planned =
  | { outcome: "ok"; warnings?: readonly Diagnostic[] }
  | { outcome: "change"; changes: readonly Change[]; warnings?: readonly Diagnostic[] }
  | { outcome: "unknown"; because: string }
  | { outcome: "refused"; problems: readonly Diagnostic[] };
