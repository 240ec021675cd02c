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

/** Whether `cert` is due for replacement: less than `renewBefore` of its life is left, or it is over. */
export function isDue(cert: X509Certificate, nowMs: number, renewBefore: RenewBefore): boolean {
  const [startMs, endMs] = lifetime(cert);
  const dueMs = "share" in renewBefore ? (endMs - startMs) * renewBefore.share : renewBefore.seconds * 1000;
  return endMs - nowMs < dueMs;
}

/** Why a certificate that is due is so, in words. */
export function whyDue(cert: X509Certificate, nowMs: number, renewBefore: RenewBefore): string {
  const [, endMs] = lifetime(cert);
  const left = formatDuration((endMs - nowMs) / 1000);
  const limit = "share" in renewBefore ? `${renewBefore.text} of its life` : formatDuration(renewBefore.seconds);
  return `it is due: ${left} left, which is less than ${limit}`;
}
