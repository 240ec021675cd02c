// One fleet for a whole test run, started by scripts/test.mjs: `node --import tsx serve-debian-hosts.ts COUNT FILE`.
// FILE appears, whole, when the fleet is ready. The fleet ends when standard input does, as it also does when the runner dies.
import { createWhole } from "./debian-fleet-record.ts";
import { type DebianFleet, startDebianHosts } from "./debian-hosts.ts";

const [count = "3", file = ""] = process.argv.slice(2);

async function serve(): Promise<void> {
  const ended = new AbortController();
  process.stdin.once("end", () => ended.abort()).resume();
  await using fleet = await startDebianHosts(Number(count), ended.signal);
  createWhole(file, JSON.stringify(descriptionOf(fleet)));
  if (!ended.signal.aborted) await new Promise((resolve) => ended.signal.addEventListener("abort", resolve));
}

function descriptionOf({ directory, identityFile, knownHostsFile, inventoryFile, hosts }: DebianFleet) {
  return { directory, identityFile, knownHostsFile, inventoryFile, hosts };
}

serve().catch((error: unknown) => {
  // Told to end while the hosts were still booting.
  if (error instanceof Error && error.name === "AbortError") return;
  console.error(error);
  process.exitCode = 1;
});
