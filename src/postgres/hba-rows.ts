import { formatIp } from "./hba-address.ts";
import type { HbaFile, HbaLine } from "./hba-file.ts";
import type { HbaRecord } from "./hba-record.ts";

/** A row of pg_hba_file_rules, as far as it needs no other file and no server. */
export type HbaRow = {
  line_number: number;
  type: string | null;
  database: readonly string[] | null;
  user_name: readonly string[] | null;
  address: string | null;
  netmask: string | null;
  auth_method: string | null;
  options: readonly string[] | null;
  error: string | null;
};

/** The rows that pg_hba_file_rules would show of `file` with `ssl = on` and every method built in. Included files are not opened. */
export function hbaRows(file: HbaFile): HbaRow[] {
  return file.lines.flatMap((line) => rowOf(line) ?? []);
}

/** Whether the server would take the file: one line that it refuses is enough, and so is a file without a record. */
export function loads(file: HbaFile): boolean {
  return file.lines.some((line) => line.kind !== "empty") && file.lines.every((line) => line.kind !== "broken");
}

function rowOf(line: HbaLine): HbaRow | undefined {
  const nothing = {
    line_number: line.number,
    type: null,
    database: null,
    user_name: null,
    address: null,
    netmask: null,
    auth_method: null,
    options: null,
    error: null,
  };
  switch (line.kind) {
    case "broken":
      return { ...nothing, error: line.silent ? null : line.reason };
    case "record": {
      const { type, databases, users, method } = line.record;
      return {
        ...nothing,
        type,
        database: databases.map(({ text }) => text),
        user_name: users.map(({ text }) => text),
        ...addressColumns(line.record),
        auth_method: method,
        options: optionsColumn(line.record),
      };
    }
    default:
      return undefined;
  }
}

function addressColumns({ address }: HbaRecord): { address: string | null; netmask: string | null } {
  if (address === undefined) return { address: null, netmask: null };
  switch (address.kind) {
    case "network":
      return { address: formatIp(address.ip), netmask: formatIp(address.mask) };
    case "hostname":
    case "suffix":
      return { address: address.name, netmask: null };
    default:
      return { address: address.kind, netmask: null };
  }
}

/** get_hba_options of hbafuncs.c: what the server understood, in an order of its own. */
function optionsColumn({ method, options }: HbaRecord): string[] | null {
  const given = new Map(options.map(({ name, value }) => [name, value]));
  const shown: string[] = [];
  const show = (name: string) => {
    const value = given.get(name);
    if (value !== undefined) shown.push(`${name}=${value}`);
  };
  if (method === "gss" || method === "sspi") {
    if ((given.get("include_realm") ?? "1") === "1") shown.push("include_realm=true");
    show("krb_realm");
  }
  show("map");
  const clientCert = method === "cert" ? "verify-full" : CLIENTCERT_SHOWN.get(given.get("clientcert") ?? "");
  if (clientCert !== undefined) shown.push(`clientcert=${clientCert}`);
  show("pamservice");
  if (method === "ldap") {
    show("ldapserver");
    if (given.has("ldapport")) shown.push(`ldapport=${Number.parseInt(given.get("ldapport") ?? "", 10)}`);
    if (given.get("ldaptls") === "1") shown.push("ldaptls=true");
    for (const name of LDAP_COLUMNS) show(name);
  }
  if (method === "radius") for (const name of RADIUS_COLUMNS) show(name);
  if (method === "oauth") {
    for (const name of ["issuer", "scope", "validator"]) show(name);
    if (given.get("delegate_ident_mapping") === "1") shown.push("delegate_ident_mapping=true");
  }
  return shown.length === 0 ? null : shown;
}

const CLIENTCERT_SHOWN = new Map([
  ["1", "verify-ca"],
  ["verify-ca", "verify-ca"],
  ["verify-full", "verify-full"],
]);
const LDAP_COLUMNS = [
  "ldapprefix",
  "ldapsuffix",
  "ldapbasedn",
  "ldapbinddn",
  "ldapbindpasswd",
  "ldapsearchattribute",
  "ldapsearchfilter",
];
const RADIUS_COLUMNS = ["radiusservers", "radiussecrets", "radiusidentifiers", "radiusports"];
