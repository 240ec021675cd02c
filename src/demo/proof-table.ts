import type { Proof } from "../engine/event.ts";

export type ProvenHost = { name: string; major: number; proofs: readonly Proof[] };

/**
 * What was proved on each host, a line a host, and under it each thing with what was said about it: once where all hosts agree,
 * else host by host. Proofs are the same things in the same order on every host.
 */
export function proofTable(hosts: readonly ProvenHost[]): string[] {
  const things = hosts[0]?.proofs.map((proof) => proof.what) ?? [];
  const rows = [["host", "PostgreSQL", ...things.map((_, at) => `(${at + 1})`)], ...hosts.map(rowOf)];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const table = rows.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
  return [...table, "", ...things.flatMap((what, at) => [`  (${at + 1}) ${what}`, ...saidAbout(hosts, at)])];
}

function rowOf({ name, major, proofs }: ProvenHost): string[] {
  return [name, String(major), ...proofs.map(({ held }) => (held ? "yes" : "NO"))];
}

function saidAbout(hosts: readonly ProvenHost[], at: number): string[] {
  const said = hosts.map(({ name, proofs }) => ({ name, said: proofs[at]?.said ?? "" }));
  const different = new Set(said.map((one) => one.said));
  if (different.size === 1) return [`      ${[...different].join()}`];
  return said.map((one) => `      ${one.name}: ${one.said}`);
}
