import type { HostPath } from "./host-path.ts";

/** What a task needs to know. The observations of a whole segment are merged, deduplicated, and asked in one exec. */
export type Observation =
  | { kind: "file"; path: HostPath; want: "content" | "digest" | "metadata" }
  /** The public half of a private key file, made on the host by openssl: the key itself never leaves. */
  | { kind: "public-key"; of: HostPath }
  /** The cluster's version, paths, settings, file settings, HBA rows and sessions; all are asked in one query. */
  | { kind: "cluster"; cluster: string };
