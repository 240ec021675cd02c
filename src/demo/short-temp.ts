import { tmpdir } from "node:os";

/** Room for "/pgmtls-demo-501/db99/socket/.s.PGSQL.12345" behind it, in the 103 bytes of a Unix socket's path. */
const LONGEST_BYTES = 58;

/** The folder for temporary files, or /tmp where TMPDIR names one too deep for the Unix sockets of a fleet. */
export function shortTempDirectory(): string {
  return Buffer.byteLength(tmpdir()) <= LONGEST_BYTES ? tmpdir() : "/tmp";
}
