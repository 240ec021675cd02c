import type { ClusterControl, ClusterState, FileSetting, HbaFileError, Session, Setting } from "../state/host-state.ts";
import { parseBoolean, sameValue } from "./setting-value.ts";

/** Settings that name files of a cluster; the host program resolves them so that files can be asked by role. */
export const FILE_SETTINGS = [
  "config_file",
  "hba_file",
  "ident_file",
  "ssl_cert_file",
  "ssl_key_file",
  "ssl_ca_file",
  "ssl_crl_file",
] as const;

/**
 * One query for all that a plan wants to know of a cluster; needs a superuser. The answer is `name=value` lines for FILE_SETTINGS, an
 * empty line, then one JSON document. Columns that only some majors have are read through to_jsonb, which gives null elsewhere.
 * Sources: https://www.postgresql.org/docs/current/views.html and monitoring-stats.html (pg_stat_ssl.client_dn since 12).
 */
export const CLUSTER_QUERY = [
  ...FILE_SETTINGS.map((name) => `SELECT '${name}=' || translate(current_setting('${name}'), E'\\n\\r', '  ')`),
  "SELECT ''",
  `SELECT json_build_object(
    'version', current_setting('server_version'),
    'major', current_setting('server_version_num')::int / 10000,
    'clock', extract(epoch FROM clock_timestamp()) * 1000,
    'loaded', extract(epoch FROM pg_conf_load_time()) * 1000,
    'recovery', pg_is_in_recovery(),
    'settings', (SELECT json_agg(json_build_array(name, setting, context, vartype, unit, source, sourcefile, sourceline, pending_restart, enumvals, boot_val)) FROM pg_settings),
    'files', (SELECT json_agg(json_build_array(sourcefile, sourceline, name, setting, applied, error) ORDER BY seqno) FROM pg_file_settings),
    'hba', (SELECT json_agg(json_build_array(to_jsonb(r)->>'file_name', line_number, coalesce(error, 'the server refuses this line and does not say why')) ORDER BY line_number) FROM pg_hba_file_rules r WHERE error IS NOT NULL OR type IS NULL),
    'sessions', (SELECT json_agg(json_build_array(a.pid, a.usename, a.datname, a.application_name, host(a.client_addr), a.backend_type = 'walsender' AND a.datname IS NULL, coalesce(s.ssl, false), coalesce(g.encrypted, false), s.client_dn) ORDER BY a.pid)
      FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING (pid) LEFT JOIN pg_stat_gssapi g USING (pid)
      WHERE a.backend_type IN ('client backend', 'walsender') AND a.pid <> pg_backend_pid()))::text`,
].join(" UNION ALL ");

type Facts = {
  version: string;
  major: number;
  clock: number;
  loaded: number;
  recovery: boolean;
  settings: [
    string,
    string,
    string,
    Setting["vartype"],
    string | null,
    string,
    string | null,
    number | null,
    boolean,
    string[] | null,
    string | null,
  ][];
  files: [string, number, string | null, string | null, boolean, string | null][] | null;
  hba: [string | null, number, string][] | null;
  sessions: [number, string, string | null, string, string | null, boolean, boolean, boolean, string | null][] | null;
};

export type ClusterFrame = {
  name: string;
  owner: string;
  group: string;
  control: string;
  dataDirectory: string;
  /** The server's answer to CLUSTER_QUERY. */
  answer: string;
};

/** What the host said of a cluster, as state; `clockMs` is the host's clock. Throws on an answer that is none. */
export function readCluster(frame: ClusterFrame): { cluster: ClusterState; clockMs: number } {
  const facts = JSON.parse(frame.answer.slice(frame.answer.indexOf("\n{") + 1)) as Facts;
  const settings = new Map(facts.settings.map(readSetting));
  const fileSettings = (facts.files ?? []).map(readFileSetting);
  const cluster: ClusterState = {
    name: frame.name,
    major: facts.major,
    version: facts.version,
    owner: frame.owner,
    group: frame.group,
    dataDirectory: frame.dataDirectory,
    settings,
    fileSettings,
    hbaErrors: (facts.hba ?? []).map(([file, line, error]): HbaFileError => ({ file: file ?? undefined, line, error })),
    sessions: (facts.sessions ?? []).map(readSession),
    pending: notYetLoaded(settings, fileSettings),
    loadedAt: facts.loaded,
    inRecovery: facts.recovery,
    control: readControl(frame.control),
  };
  return { cluster, clockMs: facts.clock };
}

/**
 * TLS settings that stand in the files and that the server does not run with: a run that died before its reload, or somebody who has
 * prepared them. Of other settings the files don't tell what the server makes of them (`wal_buffers = -1`).
 */
function notYetLoaded(
  settings: ReadonlyMap<string, Setting>,
  fileSettings: readonly FileSetting[],
): Map<string, string> {
  const pending = new Map<string, string>();
  for (const { name, setting: value, applied } of fileSettings) {
    const setting = name === undefined ? undefined : settings.get(name);
    if (name === undefined || value === undefined || setting === undefined || !/^ssl(_|$)/.test(name) || !applied)
      continue;
    const isFromFile = setting.source === "default" || setting.source === "configuration file";
    if (isFromFile && !sameValue(setting, value, setting.running)) pending.set(name, normal(setting, value));
  }
  return pending;
}

/** A boolean as edit-conf writes it, whatever the file calls it. */
function normal({ vartype }: Setting, value: string): string {
  const isOn = vartype === "bool" ? parseBoolean(value) : undefined;
  return isOn === undefined ? value : isOn ? "on" : "off";
}

function readSetting([
  name,
  running,
  context,
  vartype,
  unit,
  source,
  file,
  line,
  pendingRestart,
  enumValues,
  boot,
]: Facts["settings"][number]): [string, Setting] {
  const setting: Setting = {
    running,
    context,
    vartype,
    source,
    pendingRestart,
    ...(unit === null ? {} : { unit }),
    ...(enumValues === null ? {} : { enumValues }),
    ...(file === null ? {} : { sourceFile: file }),
    ...(line === null ? {} : { sourceLine: line }),
    ...(boot === null ? {} : { bootValue: boot }),
  };
  return [name, setting];
}

function readFileSetting([file, line, name, setting, applied, error]: NonNullable<
  Facts["files"]
>[number]): FileSetting {
  return { file, line, name: name ?? undefined, setting: setting ?? undefined, applied, error: error ?? undefined };
}

function readSession([pid, user, database, application, address, replication, tls, gss, dn]: NonNullable<
  Facts["sessions"]
>[number]): Session {
  return {
    pid,
    user,
    database: database ?? undefined,
    application,
    address: address ?? undefined,
    replication,
    tls,
    gss,
    clientDn: dn ?? undefined,
  };
}

/** "pg_ctlcluster 15/main", "systemd postgresql-15.service" or "pg_ctl /usr/.../pg_ctl", as common.sh says it. */
function readControl(text: string): ClusterControl {
  const [kind, ...rest] = text.split(" ");
  const what = rest.join(" ");
  if (kind === "pg_ctlcluster") {
    const [version = "", name = ""] = what.split("/");
    return { kind, version, name };
  }
  return kind === "systemd" ? { kind, unit: what } : { kind: "pg_ctl", program: what };
}
