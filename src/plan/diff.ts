import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { CertificateRequest } from "../certificates/request.ts";
import type { Content, FileState } from "../state/host-state.ts";
import type { CertificateChange, Change } from "./change.ts";
import { lineDiff } from "./line-diff.ts";
import { shownText } from "./shown-text.ts";

/** `change` as `--diff` shows it: a unified diff with headers, or a note where content is not for showing. No last newline. */
export function diffOfChange(change: Change): string {
  switch (change.kind) {
    case "file":
      return fileDiff(change.path, change.before, change.after).join("\n");
    case "certificate":
      return certificateDiff(change).join("\n");
    case "activate":
      return `${change.by} ${change.clusterName}`;
  }
}

/** `0640` for the permission bits of a file. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

type Side = FileState | "absent";

function fileDiff(path: string, before: Side, after: Side): string[] {
  return [
    ...headers(path, before, after),
    ...metadataDiff(before, after),
    ...contentDiff(contentOf(before), contentOf(after)),
  ];
}

function headers(path: string, before: Side, after: Side): string[] {
  return [`--- before: ${path}${absence(before)}`, `+++ after: ${path}${absence(after)}`];
}

function absence(side: Side): string {
  return side === "absent" ? " (absent)" : "";
}

function metadataDiff(before: Side, after: Side): string[] {
  if (after === "absent") return [];
  const was = before === "absent" ? undefined : before;
  return [
    ...(was?.kind !== after.kind && after.kind !== "file" ? [`kind: ${after.kind}`] : []),
    ...valueDiff("mode", was && octal(was.mode), octal(after.mode)),
    ...valueDiff("owner", was?.owner, after.owner),
    ...valueDiff("group", was?.group, after.group),
  ];
}

function valueDiff(name: string, before: string | undefined, after: string): string[] {
  if (before === undefined) return [`${name}: ${after}`];
  return before === after ? [] : [`${name}: ${before} -> ${after}`];
}

function contentOf(side: Side): Content | "absent" {
  return side === "absent" || side.kind !== "file" ? "absent" : side.content;
}

function contentDiff(before: Content | "absent", after: Content | "absent"): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [was, is] = [textOf(before), textOf(after)];
  if (was === undefined || is === undefined) return [`(content not shown: ${named(before)} -> ${named(after)})`];
  return textDiff(was, is);
}

/** Bytes as latin1, where they are known; a missing file has none. */
function textOf(content: Content | "absent"): string | undefined {
  if (content === "absent") return "";
  return content.kind === "text" ? content.latin1 : undefined;
}

function textDiff(before: string, after: string): string[] {
  const [was, is] = [shownText(before), shownText(after)];
  if (was === undefined || is === undefined) return [`binary files differ (${before.length} -> ${after.length} bytes)`];
  if (before === after) return [];
  if (was === is) return ["(only secrets differ, which are not shown)"];
  return [lineDiff(was, is).text];
}

function named(content: Content | "absent"): string {
  if (content === "absent") return "absent";
  switch (content.kind) {
    case "text":
      return `sha256 ${createHash("sha256").update(content.latin1, "latin1").digest("hex")}`;
    case "digest":
    case "secret":
      return `sha256 ${content.sha256}`;
    case "to-be-issued":
      return `certificate for ${content.request.commonName}`;
    case "key-to-be-made":
      return `new ${content.key} key`;
    case "unread":
      return "not read";
  }
}

function certificateDiff({ key, certificate, request, authority }: CertificateChange): string[] {
  return [
    ...headers(certificate.after.path, certificate.before, certificate.after),
    ...metadataDiff(certificate.before, certificate.after),
    `+${request.purpose} certificate for ${request.commonName}, signed by ${authority}`,
    `+  names: ${namesOf(request)}`,
    `+  key: ${request.key}`,
    `+  lifetime: ${lifetimeOf(request.lifetimeSeconds)}`,
    ...headers(key.after.path, key.before, key.after),
    ...metadataDiff(key.before, key.after),
    "+new key made on the host",
  ];
}

function namesOf({ dns, ip }: CertificateRequest): string {
  const names = [...dns.map((name) => `DNS ${name}`), ...ip.map((address) => `IP ${address}`)];
  return names.length === 0 ? "none" : names.join(", ");
}

function lifetimeOf(seconds: number | undefined): string {
  if (seconds === undefined) return "as the CA decides";
  for (const [unit, length] of UNITS)
    if (seconds >= 2 * length && seconds % length === 0) return `${seconds / length} ${unit}`;
  return `${seconds} seconds`;
}

const UNITS = [
  ["days", 86_400],
  ["hours", 3_600],
  ["minutes", 60],
] as const;
