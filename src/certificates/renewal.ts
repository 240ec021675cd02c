import type { X509Certificate } from "node:crypto";
import { DURATION_PATTERN, formatDuration, parseDuration } from "./duration.ts";

/** How much life may be left when a certificate is renewed: a time, or a share of its whole life (0 to 1). */
export type RenewBefore = { seconds: number } | { share: number; text: string };

/** What `parseRenewBefore` takes, as a JSON Schema pattern. */
export const RENEW_BEFORE_PATTERN = `${DURATION_PATTERN}|^[1-9][0-9]*/[1-9][0-9]*$`;

/** "8h", "30d" or a share as "1/3"; undefined where it is neither, or a share of 1 or more (which would always be due). */
export function parseRenewBefore(text: string): RenewBefore | undefined {
  const [, part, whole] = /^([1-9][0-9]*)\/([1-9][0-9]*)$/.exec(text) ?? [];
  if (part !== undefined && whole !== undefined) {
    const share = Number(part) / Number(whole);
    return share < 1 ? { share, text } : undefined;
  }
  const seconds = parseDuration(text);
  return seconds === undefined ? undefined : { seconds };
}

/** When `cert` begins and ends to be valid, milliseconds since 1970 UTC. Both dates are mandatory (RFC 5280, 4.1.2.5). */
export function lifetime(cert: X509Certificate): [startMs: number, endMs: number] {
  return [Date.parse(cert.validFrom), Date.parse(cert.validTo)];
}

/**
 * Whether `renewBefore` leaves `cert` no life before it is due, as 30d does where the CA gives 30 days: each run would renew it. CAs date
 * certificates back, by an hour at most, so one that is due within its first hour is due at once.
 */
export function isDueFromStart(cert: X509Certificate, renewBefore: RenewBefore): boolean {
  if ("share" in renewBefore) return false;
  const [startMs, endMs] = lifetime(cert);
  const lifeMs = endMs - startMs;
  return lifeMs - renewBefore.seconds * 1000 <= Math.min(HOUR_MS, lifeMs / 10);
}

const HOUR_MS = 3_600_000;

/** Whether `cert` is due for replacement: less than `renewBefore` of its life is left, or it is over. */
export function isDue(cert: X509Certificate, nowMs: number, renewBefore: RenewBefore): boolean {
  const [startMs, endMs] = lifetime(cert);
  const rule = ruleFor(cert, renewBefore);
  const dueMs = "share" in rule ? (endMs - startMs) * rule.share : rule.seconds * 1000;
  return endMs - nowMs < dueMs;
}

/** Why a certificate that is due is so, in words. */
export function whyDue(cert: X509Certificate, nowMs: number, renewBefore: RenewBefore): string {
  const [, endMs] = lifetime(cert);
  const left = formatDuration((endMs - nowMs) / 1000);
  const rule = ruleFor(cert, renewBefore);
  const limit = "share" in rule ? `${rule.text} of its life` : formatDuration(rule.seconds);
  return `it is due: ${left} left, which is less than ${limit}`;
}

/** What was asked, or a third of the life where that would be all of it. */
function ruleFor(cert: X509Certificate, asked: RenewBefore): RenewBefore {
  return isDueFromStart(cert, asked) ? { share: 1 / 3, text: "1/3" } : asked;
}
