import { Ajv } from "ajv";
import type { Planned } from "../../src/plan/change.ts";
import { predict } from "../../src/plan/predict.ts";
import type { ClusterState, FileState, HostState, Setting } from "../../src/state/host-state.ts";
import type { TaskModule } from "../../src/tasks/module.ts";

export const HBA = "/etc/postgresql/15/main/pg_hba.conf";
export const CONF = "/etc/postgresql/15/main/postgresql.conf";
export const AUTO_CONF = "/var/lib/postgresql/15/main/postgresql.auto.conf";

/** A setting as pg_settings shows it, a string of the file's where nothing else is said. */
export function setting(running: string, more: Partial<Setting> = {}): Setting {
  return {
    running,
    context: "sighup",
    vartype: "string",
    source: "configuration file",
    pendingRestart: false,
    ...more,
  };
}

/** A host with one running cluster, 15/main, that has these files. Text is what people write, UTF-8. */
export function hostWith(
  files: { hba?: string; conf?: string },
  cluster: Partial<ClusterState> & { more?: Readonly<Record<string, Setting>> } = {},
): HostState {
  const { more = {}, ...given } = cluster;
  const settings = new Map<string, Setting>(
    Object.entries({
      hba_file: setting(HBA, { context: "postmaster", source: "override" }),
      config_file: setting(CONF, { context: "postmaster", source: "override" }),
      ssl: setting("off", { vartype: "bool", bootValue: "off", source: "default" }),
      ssl_ca_file: setting("", { bootValue: "" }),
      ssl_cert_file: setting("server.crt", { bootValue: "server.crt" }),
      ssl_min_protocol_version: setting("TLSv1.2", {
        vartype: "enum",
        enumValues: ["", "TLSv1", "TLSv1.2", "TLSv1.3"],
      }),
      port: setting("5432", { vartype: "integer", context: "postmaster" }),
      shared_buffers: setting("16384", { vartype: "integer", unit: "8kB", context: "postmaster", bootValue: "16384" }),
      server_version: setting("15.18", { context: "internal" }),
      DateStyle: setting("ISO, MDY", { context: "user", bootValue: "ISO, MDY" }),
      ...more,
    }),
  );
  const state: ClusterState = {
    name: "15/main",
    major: 15,
    version: "15.18",
    owner: "postgres",
    group: "postgres",
    dataDirectory: "/var/lib/postgresql/15/main",
    settings,
    fileSettings: [],
    hbaErrors: [],
    sessions: [],
    pending: new Map(),
    loadedAt: 1000,
    inRecovery: false,
    control: { kind: "pg_ctlcluster", version: "15", name: "main" },
    ...given,
  };
  return {
    clockMs: 2000,
    user: "root",
    group: "root",
    files: new Map([
      ...(files.hba === undefined ? [] : [[HBA, file(HBA, files.hba)] as const]),
      ...(files.conf === undefined ? [] : [[CONF, file(CONF, files.conf)] as const]),
    ]),
    publicKeys: new Map(),
    clusters: new Map([["", state]]),
    unknown: new Set(),
  };
}

function file(path: string, text: string): FileState {
  const latin1 = Buffer.from(text, "utf8").toString("latin1");
  return {
    path,
    kind: "file",
    content: { kind: "text", latin1 },
    mode: 0o640,
    owner: "postgres",
    group: "postgres",
    changedAt: 500,
  };
}

/** Arguments as a playbook's reader gives them to the module: checked against its schema, defaults filled in. */
export function argumentsOf<Args>(module: TaskModule<Args>, args: object): Args {
  const filled = structuredClone(args);
  const ajv = new Ajv({ useDefaults: true, strict: true });
  if (!ajv.validate(module.schema, filled)) throw new Error(ajv.errorsText());
  return filled as Args;
}

/** The plan in short, and that a second one on what it predicts finds nothing to do. */
export function planOf<Args>(module: TaskModule<Args>, args: object, state: HostState): string[] {
  const filled = argumentsOf(module, args);
  const planned = module.plan(filled, state);
  if (planned.outcome === "change") {
    const after = planned.changes.reduce(predict, state);
    const again = module.plan(filled, after).outcome;
    if (again !== "ok") throw new Error(`planning again on the predicted state gives ${again}`);
  }
  return inShort(planned);
}

function inShort(planned: Planned): string[] {
  switch (planned.outcome) {
    case "change":
      return [
        ...planned.changes.map((change) => `change: ${change.because}`),
        ...(planned.warnings ?? []).map(
          ({ code, message, at }) => `warning: ${at === undefined ? "" : `${at.line}: `}${message} [${code}]`,
        ),
      ];
    case "ok":
      return [
        "ok",
        ...(planned.warnings ?? []).map(
          ({ code, message, at }) => `warning: ${at === undefined ? "" : `${at.line}: `}${message} [${code}]`,
        ),
      ];
    case "unknown":
      return [`unknown: ${planned.because}`];
    case "refused":
      return planned.problems.map(
        ({ code, message, at }) => `${at === undefined ? "" : `${at.line}:${at.col}: `}${message} [${code}]`,
      );
  }
}

/** What the planned change makes of the file, as people read it. */
export function textAfter<Args>(module: TaskModule<Args>, args: object, state: HostState): string {
  const planned = module.plan(argumentsOf(module, args), state);
  if (planned.outcome !== "change") throw new Error(JSON.stringify(planned));
  const [change] = planned.changes;
  if (change?.kind !== "file" || change.after === "absent" || change.after.content.kind !== "text")
    throw new Error("no text");
  return Buffer.from(change.after.content.latin1, "latin1").toString("utf8");
}
