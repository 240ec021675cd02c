import { addressKey, type HbaAddress } from "./hba-address.ts";
import { nameKey } from "./hba-file.ts";
import { isReplication } from "./hba-match.ts";
import type { HbaName, HbaRule } from "./hba-record.ts";

/** Which records: those that each given list names. A record with several databases or users is chosen by any of them. */
export type HbaSelection = {
  types?: readonly string[];
  databases?: readonly HbaName[];
  users?: readonly HbaName[];
  addresses?: readonly HbaAddress[];
  methods?: readonly string[];
  /** true: only those for physical replication, false: only the others. */
  replication?: boolean;
};

export function selects(selection: HbaSelection, rule: HbaRule): boolean {
  const { types, databases, users, addresses, methods, replication } = selection;
  return (
    (types === undefined || types.includes(rule.type)) &&
    (methods === undefined || methods.includes(rule.method)) &&
    (replication === undefined || replication === isReplication(rule)) &&
    (databases === undefined || sharesName(databases, rule.databases)) &&
    (users === undefined || sharesName(users, rule.users)) &&
    (addresses === undefined || isAmong(addresses, rule.address))
  );
}

function sharesName(wanted: readonly HbaName[], names: readonly HbaName[]): boolean {
  const keys = new Set(wanted.map(nameKey));
  return names.some((name) => keys.has(nameKey(name)));
}

function isAmong(addresses: readonly HbaAddress[], address: HbaAddress | undefined): boolean {
  return address !== undefined && addresses.some((wanted) => addressKey(wanted) === addressKey(address));
}
