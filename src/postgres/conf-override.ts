import type { ClusterState, FileSetting } from "../state/host-state.ts";
import { linesOf, readConf, settingKey } from "./conf-file.ts";
import { sameValue, settingNamed } from "./setting-value.ts";

/** Why `name = value` in postgresql.conf would not count, and what to do; undefined where it will. */
export function overrideOf(
  cluster: ClusterState,
  file: { path: string; text: string },
  name: string,
  value: string,
): { message: string; hint: string } | undefined {
  const setting = settingNamed(cluster.settings, name)?.setting;
  const row = laterRow(cluster, file, name);
  if (row !== undefined && !sameValue(setting, row.setting ?? "", value)) {
    const isAuto = isAutoConf(row.file);
    return {
      message: `${row.file}:${row.line} sets ${name} to "${row.setting ?? ""}" and is read after ${file.path}`,
      hint: isAuto
        ? `as superuser: ALTER SYSTEM RESET ${settingKey(name)}, then run this again`
        : "change it there, or remove the line there",
    };
  }
  const source = FIXED_SOURCES.get(setting?.source ?? "");
  if (setting === undefined || source === undefined || sameValue(setting, setting.running, value)) return undefined;
  return {
    message: `${name} was given to the server as "${setting.running}" ${source.by}, which no file overrides`,
    hint: source.hint,
  };
}

/** The last row in which a file other than `path` sets `name`. */
export function setElsewhere(cluster: ClusterState, path: string, name: string): FileSetting | undefined {
  return rowsOf(cluster, name).findLast(({ file }) => file !== path);
}

/** Whether a file that `path` includes sets `name`, so that a new line of `path` must come behind it. */
export function isSetByIncluded(cluster: ClusterState, path: string, name: string): boolean {
  return rowsOf(cluster, name).some(({ file }) => file !== path && !isAutoConf(file));
}

const FIXED_SOURCES: ReadonlyMap<string, { by: string; hint: string }> = new Map([
  [
    "command line",
    {
      by: "on its command line",
      hint: "change the options that start the server: its unit, start.conf or pg_ctl.conf",
    },
  ],
  ["environment variable", { by: "by an environment variable", hint: "change the environment that starts the server" }],
]);

/** The last row of another file that the server reads after the line of `file` which sets `name`. */
function laterRow(
  cluster: ClusterState,
  { path, text }: { path: string; text: string },
  name: string,
): FileSetting | undefined {
  const rows = rowsOf(cluster, name);
  const last = rows.at(-1);
  if (last === undefined || last.file === path) return undefined;
  // ALTER SYSTEM's file is read last, whatever postgresql.conf says.
  if (isAutoConf(last.file)) return last;
  const hasRow = rows.some(({ file }) => file === path);
  // Without a line of its own the setting gets one at the end of the file, behind everything that it includes.
  return hasRow && linesOf(readConf(text), name).length > 0 ? last : undefined;
}

function rowsOf({ fileSettings }: ClusterState, name: string): FileSetting[] {
  const key = settingKey(name);
  return fileSettings.filter((row) => row.name !== undefined && settingKey(row.name) === key);
}

function isAutoConf(file: string): boolean {
  return file.endsWith("/postgresql.auto.conf");
}
