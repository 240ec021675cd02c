import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DebianHostDescription, removeHost } from "./debian-host.ts";
import { isSameProcess, ownIdentity, type ProcessIdentity } from "./process.ts";
import { programOutputSync } from "./program.ts";

/** What a fleet has on this computer, written before any of it is made: whoever finds it can remove it all. */
export type FleetRecord = {
  owner: ProcessIdentity;
  /** Its network is 10.99.SLOT.0/24; no two fleets have the same slot. */
  slot: number;
  bridge: string;
  directory: string;
  hosts: DebianHostDescription[];
};

const folder = "/run/pgmtls-fleets";
const slots = 250;

/** Takes a free slot and records in it what `describe` says. */
export function claimSlot(describe: (owner: ProcessIdentity, slot: number) => FleetRecord): FleetRecord {
  mkdirSync(folder, { recursive: true });
  const owner = ownIdentity();
  for (let slot = 1; slot <= slots; slot++) {
    const record = describe(owner, slot);
    if (createWhole(recordFile(slot), JSON.stringify(record))) return record;
  }
  throw new Error(`all ${slots} slots in ${folder} are taken`);
}

/** Ends a fleet and removes it all. Synchronous, and harmless when it happens twice or to a fleet half made. */
export function removeFleet(record: FleetRecord): void {
  for (const host of record.hosts) removeHost(host);
  if (existsSync(`/sys/class/net/${record.bridge}`)) programOutputSync(["ip", "link", "delete", record.bridge]);
  rmSync(record.directory, { recursive: true, force: true });
  // By now another process may have removed this one too, and a third taken the slot.
  const file = recordFile(record.slot);
  if (existsSync(file) && readFileSync(file, "utf8") === JSON.stringify(record)) rmSync(file, { force: true });
}

/** Removes what processes left that died before they could clean up. */
export function removeDeadFleets(): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".json")) continue;
    const record = JSON.parse(readFileSync(join(folder, name), "utf8")) as FleetRecord;
    if (!isSameProcess(record.owner)) removeFleet(record);
  }
}

const recordFile = (slot: number) => join(folder, `${slot}.json`);

/** False where the file exists. A link appears at once with all its content, which creating and writing does not. */
export function createWhole(file: string, text: string): boolean {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}
