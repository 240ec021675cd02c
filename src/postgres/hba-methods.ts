import type { HbaType } from "./hba-type.ts";

/** Every authentication method of PostgreSQL `major`, all of them built in. */
export function methodsOf(major: number): readonly string[] {
  return major >= OAUTH_SINCE ? [...METHODS, "oauth"] : METHODS;
}

const OAUTH_SINCE = 18;
const METHODS = [
  "trust",
  "ident",
  "peer",
  "password",
  "gss",
  "sspi",
  "reject",
  "md5",
  "scram-sha-256",
  "pam",
  "bsd",
  "ldap",
  "cert",
  "radius",
];

/** Why `method` can't be in a record of that type, in the server's words; undefined where it can. */
export function methodProblem(method: string, type: HbaType): string | undefined {
  if (type === "local" && method === "gss") return "gssapi authentication is not supported on local sockets";
  if (type !== "local" && method === "peer") return "peer authentication is only supported on local sockets";
  if (type !== "hostssl" && method === "cert") return "cert authentication is only supported on hostssl connections";
  return undefined;
}

/** What an option that the server refuses makes it say. `silent`: only the log says it, pg_hba_file_rules shows a row of NULLs. */
export type OptionProblem = { message: string; silent?: true };

/** Why PostgreSQL `major` refuses `name=value` beside `method` (parse_hba_auth_opt of hba.c); undefined where it takes it. */
export function optionProblem(
  name: string,
  value: string,
  record: { type: HbaType; method: string },
  major: number,
): OptionProblem | undefined {
  if (name === "clientcert") return clientCertProblem(value, record, major);
  if (name === "clientname" && major >= CLIENTNAME_SINCE) return clientNameProblem(value, record);
  const rule = OPTIONS.get(name);
  if (rule === undefined || (rule.since ?? 0) > major)
    return { message: `unrecognized authentication option name: "${name}"` };
  if (!rule.methods.includes(record.method)) {
    const methods = name === "map" ? mapMethods(major) : (rule.said ?? rule.methods.join(", "));
    return { message: `authentication option "${name}" is only valid for authentication methods ${methods}` };
  }
  return rule.value?.(value);
}

/** Whether `name` may stand beside `method` in a `hostssl` record of that major, whatever its value. */
export function optionBelongs(name: string, method: string, major: number): boolean {
  if (name === "clientcert") return method !== "cert" && method !== "reject";
  if (name === "clientname") return major >= CLIENTNAME_SINCE;
  const rule = OPTIONS.get(name);
  return rule !== undefined && (rule.since ?? 0) <= major && rule.methods.includes(method);
}

/** Why the options that are there don't suffice for their method; undefined where they do. */
export function missingOption(method: string, options: ReadonlyMap<string, string>): string | undefined {
  switch (method) {
    case "ldap":
      return ldapProblem(options);
    case "radius":
      return mandatory(method, options, ["radiusservers", "radiussecrets"]) ?? radiusProblem(options);
    case "oauth":
      return mandatory(method, options, ["scope", "issuer"]) ?? oauthProblem(options);
    default:
      return undefined;
  }
}

/**
 * What asks for client certificates of that strength in PostgreSQL `major` (POSTGRES.md 17: up to 11 only `1`, any other word means 0);
 * undefined where that major cannot: up to 11 the name is compared by method `cert` alone.
 */
export function clientCertValue(strength: "verify-ca" | "verify-full", major: number): string | undefined {
  if (major >= CLIENTCERT_WORDS_SINCE) return strength;
  return strength === "verify-ca" ? "1" : undefined;
}

/** How much a `clientcert` value asks for: 0 nothing, 1 a certificate of a known CA, 2 one with the user's name. */
export function clientCertStrength(value: string | undefined, major: number): 0 | 1 | 2 {
  if (value === "1") return 1;
  if (major < CLIENTCERT_WORDS_SINCE) return 0;
  return value === "verify-full" ? 2 : value === "verify-ca" ? 1 : 0;
}

const CLIENTCERT_WORDS_SINCE = 12;
const CLIENTCERT_WORDS_ONLY_SINCE = 14;
const CLIENTNAME_SINCE = 14;

type OptionRule = {
  methods: readonly string[];
  /** As the server lists the methods, where it does not by their names. */
  said?: string;
  since?: number;
  value?: (value: string) => OptionProblem | undefined;
};

const GSSAPI: OptionRule = { methods: ["gss", "sspi"], said: "gssapi and sspi" };
const SSPI: OptionRule = { methods: ["sspi"] };
const LDAP: OptionRule = { methods: ["ldap"] };
const RADIUS: OptionRule = { methods: ["radius"] };
const OAUTH: OptionRule = { methods: ["oauth"], since: OAUTH_SINCE };

const OPTIONS: ReadonlyMap<string, OptionRule> = new Map([
  ["map", { methods: ["ident", "peer", "gss", "sspi", "cert", "oauth"] }],
  ["pamservice", { methods: ["pam"] }],
  ["pam_use_hostname", { methods: ["pam"] }],
  ["ldapurl", LDAP],
  ["ldaptls", LDAP],
  ["ldapscheme", { ...LDAP, since: 11 }],
  ["ldapserver", LDAP],
  [
    "ldapport",
    { ...LDAP, value: (v) => (atoi(v) === 0 ? { message: `invalid LDAP port number: "${v}"` } : undefined) },
  ],
  ["ldapbinddn", LDAP],
  ["ldapbindpasswd", LDAP],
  ["ldapsearchattribute", LDAP],
  ["ldapsearchfilter", { ...LDAP, since: 11 }],
  ["ldapbasedn", LDAP],
  ["ldapprefix", LDAP],
  ["ldapsuffix", LDAP],
  ["krb_realm", GSSAPI],
  ["include_realm", GSSAPI],
  ["compat_realm", SSPI],
  ["upn_username", SSPI],
  ["radiusservers", RADIUS],
  ["radiusports", { ...RADIUS, value: radiusPortsProblem }],
  ["radiussecrets", RADIUS],
  ["radiusidentifiers", RADIUS],
  ["issuer", OAUTH],
  ["scope", OAUTH],
  ["validator", OAUTH],
  ["delegate_ident_mapping", OAUTH],
]);

function mapMethods(major: number): string {
  return major >= OAUTH_SINCE ? "ident, peer, gssapi, sspi, cert, and oauth" : "ident, peer, gssapi, sspi, and cert";
}

function clientCertProblem(
  value: string,
  { type, method }: { type: HbaType; method: string },
  major: number,
): OptionProblem | undefined {
  if (type !== "hostssl") return { message: 'clientcert can only be configured for "hostssl" rows' };
  if (major < CLIENTCERT_WORDS_SINCE) return undefined;
  const off = value === "0" || value === "no-verify";
  if (major < CLIENTCERT_WORDS_ONLY_SINCE) {
    if (off && method === "cert")
      return { message: 'clientcert can not be set to "no-verify" when using "cert" authentication' };
    return off || ["1", "verify-ca", "verify-full"].includes(value) ? undefined : badValue("clientcert", value);
  }
  if (value === "verify-ca" && method === "cert")
    return { message: 'clientcert can only be set to "verify-full" when using "cert" authentication' };
  return value === "verify-ca" || value === "verify-full" ? undefined : badValue("clientcert", value);
}

function clientNameProblem(value: string, { type }: { type: HbaType }): OptionProblem | undefined {
  if (type !== "hostssl") return { message: 'clientname can only be configured for "hostssl" rows' };
  return value === "CN" || value === "DN" ? undefined : badValue("clientname", value);
}

function badValue(name: string, value: string): OptionProblem {
  return { message: `invalid value for ${name}: "${value}"`, silent: true };
}

function radiusPortsProblem(value: string): OptionProblem | undefined {
  if (splitList(value).every((port) => atoi(port) !== 0)) return undefined;
  return { message: `invalid RADIUS port number: "${value}"`, silent: true };
}

function mandatory(method: string, options: ReadonlyMap<string, string>, names: readonly string[]): string | undefined {
  const missing = names.find((name) => !options.has(name));
  return missing === undefined
    ? undefined
    : `authentication method "${method}" requires argument "${missing}" to be set`;
}

function ldapProblem(options: ReadonlyMap<string, string>): string | undefined {
  // What an ldapurl holds is read by OpenLDAP alone.
  if (options.has("ldapurl")) return undefined;
  const simple = options.has("ldapprefix") || options.has("ldapsuffix");
  const search = ["ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter"];
  if (simple && search.some((name) => options.has(name)))
    return "cannot mix options for simple bind and search+bind modes";
  if (!simple && !options.has("ldapbasedn"))
    return 'authentication method "ldap" requires argument "ldapbasedn", "ldapprefix", or "ldapsuffix" to be set';
  if (options.has("ldapsearchattribute") && options.has("ldapsearchfilter"))
    return "cannot use ldapsearchattribute together with ldapsearchfilter";
  return undefined;
}

function radiusProblem(options: ReadonlyMap<string, string>): string | undefined {
  const count = (name: string) => splitList(options.get(name) ?? "").length;
  const servers = count("radiusservers");
  if (servers === 0) return "list of RADIUS servers cannot be empty";
  if (count("radiussecrets") === 0) return "list of RADIUS secrets cannot be empty";
  const rules = [
    ["radiussecrets", "secrets"],
    ["radiusports", "ports"],
    ["radiusidentifiers", "identifiers"],
  ] as const;
  for (const [option, word] of rules) {
    const n = count(option);
    if (n > 1 && n !== servers)
      return `the number of RADIUS ${word} (${n}) must be 1 or the same as the number of RADIUS servers (${servers})`;
  }
  return undefined;
}

function oauthProblem(options: ReadonlyMap<string, string>): string | undefined {
  return options.has("map") && options.get("delegate_ident_mapping") === "1"
    ? "map cannot be used in combination with delegate_ident_mapping"
    : undefined;
}

/** SplitGUCList of varlena.c, without its syntax errors: a comma in double quotes does not separate. */
function splitList(value: string): string[] {
  if (value.trim() === "") return [];
  return value.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? [];
}

function atoi(text: string): number {
  return Number.parseInt(text, 10) || 0;
}
