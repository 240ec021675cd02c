import { quote } from "./quote.ts";

/**
 * What the login shell is asked to run. Whatever shell it is, it sees plain words only. `sudo -n` never asks: where it would have to,
 * it fails at once instead of waiting for a password that nobody types.
 */
export function shellCommand(become: { user: string } | undefined): string {
  if (become === undefined) return "exec /bin/sh";
  const user = /^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/.test(become.user) ? become.user : quote(become.user);
  return `exec env LC_ALL=C sudo -n -u ${user} /bin/sh`;
}
