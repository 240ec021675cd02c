import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createWhole } from "./debian-fleet-record.ts";
import { type DebianFleet, type DebianFleetDescription, debianFleet, startDebianHosts } from "./debian-hosts.ts";
import { debianFleetUnavailable } from "./debian-image.ts";
import { isSameProcess, ownIdentity, type ProcessIdentity } from "./process.ts";

const hostCount = 3;

export type UseOfDebianFleet = {
  /** For `test(title, { skip: fleet.skip }, ...)`: why there can be no fleet. With CI=true a missing fleet fails instead. */
  skip: string | false;
  /** The fleet, this test file's alone until its last test is over, with every host as it was when first booted. */
  get(): Promise<DebianFleet>;
};

/**
 * The Debian fleet for a test file: `npm test` has started it (PGMTLS_TEST_FLEET names its description); a file that is run
 * alone starts its own. Test files take turns.
 */
export function useDebianFleet(): UseOfDebianFleet {
  const unavailable = debianFleetUnavailable();
  let fleet: Promise<DebianFleet> | undefined;
  after(async () => {
    if (fleet === undefined) return;
    // A fleet that failed to start has failed the tests that wanted it.
    const started = await fleet.catch(() => undefined);
    await started?.[Symbol.asyncDispose]();
  });
  return {
    skip: unavailable === undefined || process.env.CI === "true" ? false : unavailable,
    get: () => {
      if (unavailable !== undefined) throw new Error(unavailable);
      fleet ??= sharedOrOwnFleet();
      return fleet;
    },
  };
}

async function sharedOrOwnFleet(): Promise<DebianFleet> {
  const file = process.env.PGMTLS_TEST_FLEET;
  if (file === undefined) return startDebianHosts(hostCount);
  const description = JSON.parse(readFileSync(file, "utf8")) as DebianFleetDescription;
  const turn = join(description.directory, "turn.json");
  await takeTurn(turn);
  const fleet = debianFleet(description, async () => rmSync(turn, { force: true }));
  const used = join(description.directory, "used");
  if (existsSync(used)) await Promise.all(fleet.hosts.map((host) => host.reset()));
  writeFileSync(used, "");
  return fleet;
}

/** Waits for the other test files. One that died does not hold the rest up. */
async function takeTurn(file: string): Promise<void> {
  while (!createWhole(file, JSON.stringify(ownIdentity()))) {
    const holder = holderOf(file);
    if (holder !== undefined && !isSameProcess(holder)) rmSync(file, { force: true });
    else await sleep(100);
  }
}

function holderOf(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
