import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { didYouMean } from "../diagnostics/suggest.ts";
import type { Planned } from "../plan/change.ts";
import { isSecretName } from "../plan/secrets.ts";
import { type ConfEdit, setSettings, type WantedSettings } from "../postgres/conf-edit.ts";
import { readConf, settingKey } from "../postgres/conf-file.ts";
import { isSetByIncluded, overrideOf, setElsewhere } from "../postgres/conf-override.ts";
import { placeInText } from "../postgres/place-in-text.ts";
import { parseBoolean, sameValue, settingNamed, valueProblem } from "../postgres/setting-value.ts";
import { asBytes, asText } from "../postgres/text-edit.ts";
import type { ClusterState, Setting } from "../state/host-state.ts";
import { type ClusterFile, clusterFile, contentChange } from "./cluster-file.ts";
import type { ArgumentProblem, TaskModule } from "./module.ts";

export type EditConfArgs = {
  cluster: string;
  set: Readonly<Record<string, string | number | boolean>>;
  unset: readonly string[];
  backup: boolean;
  force: boolean;
};

/** postgresql.conf: what it says of single settings, and nothing else of it. */
export const editConf: TaskModule<EditConfArgs> = {
  name: "edit-conf",
  doc: {
    summary: "sets and unsets settings in postgresql.conf",
    description:
      "The last active line of a setting gets the value, in its place; where there is none, a line is added behind the commented default or " +
      "at the end. What is unset is commented out, so that PostgreSQL's default returns. Everything else stays byte for byte. Names, values " +
      "and what overrides them are checked against the running server: a setting that postgresql.auto.conf, an included file or the command line " +
      "decides otherwise is refused. Activating the change is the task restart's.",
    examples: [
      "- edit-conf: { set: { ssl: on, ssl_cert_file: server.crt, ssl_key_file: server.key } }",
      "- edit-conf: { set: { ssl_min_protocol_version: TLSv1.2 }, unset: [ssl_ciphers] }",
    ],
  },
  schema: {
    type: "object",
    additionalProperties: false,
    properties: {
      cluster: {
        type: "string",
        default: "",
        description: 'which cluster, where the host has several: "15/main" or its data directory',
      },
      set: {
        type: "object",
        default: {},
        additionalProperties: { anyOf: [{ type: "string" }, { type: "number" }, { type: "boolean" }] },
        description: "settings by name; on, yes and true are the same for one that is a boolean",
      },
      unset: {
        type: "array",
        items: { type: "string", minLength: 1 },
        default: [],
        description: "settings that shall have PostgreSQL's default again",
      },
      backup: { type: "boolean", default: true, description: "leave a copy of the file as it was beside it" },
      force: { type: "boolean", default: false, description: "also where Patroni writes the file" },
    },
  },
  check: checkConfArgs,

  observes: ({ cluster }) => [
    { kind: "cluster", cluster },
    { kind: "file", path: { base: "setting", cluster, setting: "config_file" }, want: "content" },
  ],

  plan(args, state) {
    const file = clusterFile(state, args, "config_file");
    if ("outcome" in file) return file;
    const wanted = wantedSettings(args, file.cluster);
    const problems = [
      ...syntaxProblems(file),
      ...[...wanted].flatMap(([name, value]) => settingProblems(name, value, file.cluster)),
    ];
    if (problems.length > 0) return { outcome: "refused", problems };
    const overrides = overrideProblems(file, wanted);
    if (overrides.length > 0) return { outcome: "refused", problems: overrides };
    return planEdit(args, file, wanted);
  },
};

function planEdit(args: EditConfArgs, file: ClusterFile, wanted: WantedSettings): Planned {
  const edit = setSettings(file.text, wanted, {
    types: file.cluster.settings,
    atEnd: new Set([...wanted.keys()].map(settingKey).filter((name) => isSetByIncluded(file.cluster, file.path, name))),
  });
  if (edit.problem !== undefined)
    return { outcome: "refused", problems: [{ code: "CONF_SYNTAX", message: `${file.path}: ${edit.problem}` }] };
  const warnings = [...duplicateWarnings(edit, file.path), ...unsetWarnings(file, wanted)];
  if (edit.text === file.text) return { outcome: "ok", warnings };
  const change = contentChange(file, edit.text, reasons(edit), args.backup);
  const values = pendingAfter(edit, file.cluster);
  const settings = Object.keys(values).length === 0 ? {} : { settings: { cluster: args.cluster, values } };
  return { outcome: "change", changes: [{ ...change, ...settings }], warnings };
}

/** What the server does not run with yet, by its own names: null where its default returns. */
function pendingAfter({ changed }: ConfEdit, { settings, pending }: ClusterState): Record<string, string | null> {
  const values: Record<string, string | null> = {};
  for (const { name, after } of changed) {
    const known = settingNamed(settings, name);
    const key = known?.name ?? settingKey(name);
    const value = after ?? known?.setting.bootValue;
    const runs = value !== undefined && known !== undefined && sameValue(known.setting, known.setting.running, value);
    if (!runs || pending.has(key)) values[key] = after ?? null;
  }
  return values;
}

/** Values in the server's words, one character a byte: a boolean is written as on or off however the playbook has it. */
function wantedSettings({ set, unset }: EditConfArgs, { settings }: ClusterState): WantedSettings {
  const wanted = new Map<string, string | null>();
  for (const [name, value] of Object.entries(set))
    wanted.set(asBytes(name), valueText(value, settingNamed(settings, name)?.setting));
  for (const name of unset) wanted.set(asBytes(name), null);
  return wanted;
}

function valueText(value: string | number | boolean, type: Setting | undefined): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  const text = String(value);
  const asBoolean = type?.vartype === "bool" ? parseBoolean(text) : undefined;
  if (asBoolean !== undefined) return asBoolean ? "on" : "off";
  return asBytes(text);
}

/** "ssl off -> on, ssl_ca_file = root.crt, ssl_ciphers back to its default". */
function reasons({ changed }: ConfEdit): string {
  return changed
    .map(({ name, before, after }) => {
      if (after === undefined) return `${name} back to its default`;
      if (isSecretName(name)) return `${name} differs`;
      return before === undefined ? `${name} = ${shown(after)}` : `${name} ${shown(before)} -> ${shown(after)}`;
    })
    .join(", ");
}

function shown(value: string): string {
  return value === "" ? "''" : asText(value);
}

function checkConfArgs({ set, unset }: EditConfArgs): ArgumentProblem[] {
  const problems: ArgumentProblem[] = [];
  for (const [name, value] of Object.entries(set)) {
    const pointer = `/set/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    problems.push(...nameProblems(name, pointer));
    if (/[\0\r\n]/.test(String(value)))
      problems.push({
        pointer,
        problem: { code: "CONTROL_CHARACTER", message: `the value of ${name} holds a line break or NUL character` },
      });
  }
  for (const [i, name] of unset.entries()) {
    problems.push(...nameProblems(name, `/unset/${i}`));
    const also = Object.keys(set).find((other) => settingKey(other) === settingKey(name));
    if (also !== undefined)
      problems.push({
        pointer: `/unset/${i}`,
        problem: { code: "BAD_VALUE", message: `${name} is both set and unset` },
      });
  }
  return [...problems, ...sameNames(Object.keys(set))];
}

function nameProblems(name: string, pointer: string): ArgumentProblem[] {
  if (/^(?:include|include_if_exists|include_dir)$/i.test(name))
    return [{ pointer, problem: { code: "BAD_VALUE", message: `${name} is a directive, no setting` } }];
  if (/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?$/.test(name)) return [];
  return [{ pointer, problem: { code: "BAD_VALUE", message: `"${name}" is no name of a setting` } }];
}

/** Names are the same in any case, so a map can hold one twice. */
function sameNames(names: readonly string[]): ArgumentProblem[] {
  return names
    .filter((name, i) => names.findIndex((other) => settingKey(other) === settingKey(name)) < i)
    .map((name) => ({ pointer: `/set/${name}`, problem: { code: "DUPLICATE_KEY", message: `${name} is set twice` } }));
}

function syntaxProblems({ cluster, path, text }: ClusterFile): Diagnostic[] {
  const file = readConf(text);
  const ours = file.lines.flatMap((line): Diagnostic[] => {
    if (line.kind !== "broken") return [];
    const near = line.near === undefined ? "end of line" : `"${asText(line.near)}"`;
    return [
      {
        code: "CONF_SYNTAX",
        message: `syntax error near ${near}`,
        at: placeInText(path, text, line.at, line.near?.length ?? 1),
        hint: "for one such line the server reads nothing of the file: mend it first, values with anything but letters and digits belong in quotes",
      },
    ];
  });
  if (file.hasBom)
    ours.unshift({
      code: "CONF_SYNTAX",
      message: "the file begins with a byte order mark, which PostgreSQL takes for the beginning of a name",
      at: placeInText(path, text, 0, 3),
      hint: "remove it first",
    });
  if (ours.length > 0) return ours;
  return cluster.fileSettings
    .filter(({ file: name, error }) => name !== path && error === "syntax error")
    .map(({ file: name, line }) => ({
      code: "CONF_SYNTAX",
      message: `${name}:${line}: the server finds a syntax error`,
      hint: "for one such line the server reads nothing of its configuration: mend it first",
    }));
}

function settingProblems(name: string, value: string | null, { settings, version }: ClusterState): Diagnostic[] {
  const setting = settingNamed(settings, name)?.setting;
  if (setting === undefined) {
    if (name.includes(".")) return []; // whoever loads the extension knows it
    return [
      {
        code: "SETTING_UNKNOWN",
        message: `PostgreSQL ${version} has no setting "${asText(name)}"`,
        ...didYouMean(name, settings.keys()),
      },
    ];
  }
  if (setting.context === "internal")
    return [{ code: "SETTING_OVERRIDDEN", message: `${name} can't be set: the server shows it for information only` }];
  const problem = value === null ? undefined : valueProblem(setting, value);
  return problem === undefined
    ? []
    : [{ code: "BAD_VALUE", ...problem, message: `${name}: ${asText(problem.message)}` }];
}

function overrideProblems({ cluster, path, text }: ClusterFile, wanted: WantedSettings): Diagnostic[] {
  return [...wanted].flatMap(([name, value]) => {
    const override = value === null ? undefined : overrideOf(cluster, { path, text }, name, value);
    return override === undefined ? [] : [{ code: "SETTING_OVERRIDDEN", ...override }];
  });
}

function duplicateWarnings({ duplicates }: ConfEdit, path: string): Diagnostic[] {
  return duplicates.map(({ name, line, decidedBy }) => ({
    code: "SETTING_DUPLICATE",
    message: `${path}:${line}: this line of ${name} counts for nothing, line ${decidedBy} is read after it`,
  }));
}

function unsetWarnings({ cluster, path }: ClusterFile, wanted: WantedSettings): Diagnostic[] {
  return [...wanted].flatMap(([name, value]) => {
    const row = value === null ? setElsewhere(cluster, path, name) : undefined;
    if (row === undefined) return [];
    return [
      {
        code: "SETTING_OVERRIDDEN",
        message: `${name} does not get its default: ${row.file}:${row.line} sets it to ${shown(row.setting ?? "")}`,
      },
    ];
  });
}
