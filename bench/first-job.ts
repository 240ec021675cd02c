// npm run bench [-- --hosts N --rounds N --without-ansible]: the first job (eight file tasks) and the second run, which finds nothing to do, on
// loopback hosts: pgmtls beside Ansible and beside the floor, in turn, so that a slow minute of the machine meets all of them.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type SshdFleet, type SshdHost, startSshdHosts } from "../test/fleet/sshd-hosts.ts";
import { ansible, type Contestant, floor, pgmtls, timeOf } from "./contestants.ts";

type Job = "firstJob" | "secondRun";
type Times = Record<Job, number[]>;

const jobs: Record<Job, string> = { firstJob: "first job", secondRun: "nothing to do" };

/** What a first job leaves in a host's folder, each file with mode 0600. */
const expected: Record<string, string> = {
  "listen.conf": "listen_addresses = '*'\n",
  "tls.conf": "ssl = on\n",
  "hba.conf": "hostssl all all all cert\n",
  "hello.txt": readFileSync(new URL("first-job/hello.txt", import.meta.url), "utf8"),
};

const { values } = parseArgs({
  options: {
    hosts: { type: "string", default: "20" },
    rounds: { type: "string", default: "3" },
    "without-ansible": { type: "boolean", default: false },
  },
});

async function bench(hostCount: number, rounds: number): Promise<void> {
  await using fleet = await startSshdHosts(hostCount);
  const slow = values["without-ansible"] ? [] : [ansible(fleet)];
  const contestants = [floor(fleet, { firstJob: 2, secondRun: 1 }), pgmtls(fleet), ...slow];
  const times = new Map(contestants.map((contestant) => [contestant, { firstJob: [], secondRun: [] } as Times]));
  const outOfRace = new Map<Contestant, string>();
  for (let round = 1; round <= rounds; round++) {
    for (const [contestant, itsTimes] of times) {
      if (outOfRace.has(contestant)) continue;
      console.error(`round ${round} of ${rounds}: ${contestant.name}`);
      try {
        await runBoth(contestant, fleet, itsTimes);
      } catch (error) {
        outOfRace.set(contestant, error instanceof Error ? error.message : String(error));
      }
    }
  }
  console.log(`${hostCount} hosts, ${rounds} rounds, medians`);
  console.log(table(times, outOfRace));
  for (const [{ name }, why] of outOfRace) console.error(`${name} did not run: ${why}`);
  if (outOfRace.size > 0) process.exitCode = 1;
}

async function runBoth(contestant: Contestant, { directory, hosts }: SshdFleet, times: Times): Promise<void> {
  for (const host of hosts) empty(host);
  const output = join(directory, "output");
  try {
    times.firstJob.push(await timeOf(contestant.firstJob, contestant.env, output));
    const done = contestant.doesTheJob ? hosts.map(jobDone) : [];
    times.secondRun.push(await timeOf(contestant.secondRun, contestant.env, output));
    const after = contestant.doesTheJob ? hosts.map(jobDone) : [];
    if (done.join() !== after.join()) throw new Error("the second run changed files");
  } finally {
    await contestant.forget();
  }
}

function empty({ directory }: SshdHost): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
}

/** When the host's files were last touched; a job that was not done is an error, so that its time never counts. */
function jobDone({ name, directory }: SshdHost): string {
  const touched = Object.entries(expected).map(([file, content]) => {
    const path = join(directory, file);
    const { mode, ctimeMs } = statSync(path);
    if ((mode & 0o777) !== 0o600 || readFileSync(path, "utf8") !== content)
      throw new Error(`${file} on ${name} is wrong`);
    return ctimeMs;
  });
  return touched.join();
}

function table(times: ReadonlyMap<Contestant, Times>, outOfRace: ReadonlyMap<Contestant, string>): string {
  const [lowest] = times.keys();
  const rows = [["", "", "median", "from", "to", "to the floor"]];
  for (const job of ["firstJob", "secondRun"] as const) {
    const floorMs = lowest === undefined ? Number.NaN : median(times.get(lowest)?.[job] ?? []);
    for (const [contestant, { [job]: all }] of times) {
      if (outOfRace.has(contestant)) continue;
      const ratio = `x ${(median(all) / floorMs).toFixed(2)}`;
      rows.push([jobs[job], contestant.name, ...[median(all), Math.min(...all), Math.max(...all)].map(seconds), ratio]);
    }
  }
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  const pad = (cell: string, i: number) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0));
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [lower, upper] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((lower ?? Number.NaN) + (upper ?? Number.NaN)) / 2;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

bench(Number(values.hosts), Number(values.rounds)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
