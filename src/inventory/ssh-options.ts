import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { splitWords } from "./shell-words.ts";

/** What ssh's own options said, as far as they are known here. */
export type SshOptions = { knownHostsFiles?: string[]; connectTimeoutSeconds?: number; identitiesOnly?: boolean };

/**
 * Reads `text` (the value of `variable`) as arguments of ssh into `into`; as ssh does, the first value of an option counts. An option that
 * would be passed over in silence is a problem.
 */
export function readSshOptions(text: string, variable: string, at: Place, into: SshOptions): readonly Diagnostic[] {
  const { words, problem } = splitWords(text);
  if (problem !== undefined) return [{ code: "BAD_VALUE", message: `${variable} has ${problem.message}`, at }];
  const problems: Diagnostic[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]?.text ?? "";
    if (!word.startsWith("-o")) {
      problems.push({
        code: "UNSUPPORTED",
        message: `${variable}: "${word}" is not supported`,
        at,
        ...adviceFor(word),
      });
      // The value of such an option would only be reported a second time.
      if (/^-[a-zA-Z]$/.test(word) && !words[i + 1]?.text.startsWith("-")) i++;
      continue;
    }
    const option = word === "-o" ? (words[++i]?.text ?? "") : word.slice(2);
    const found = readOption(option, into);
    if (found !== undefined) problems.push({ ...found, message: `${variable}: ${found.message}`, at });
  }
  return problems;
}

/** Without the check, anybody in between could pose as the host. */
export function hostKeyCheckRefused(asked: string): Pick<Diagnostic, "code" | "message"> & { hint: string } {
  return {
    code: "UNSUPPORTED",
    message: `${asked} is refused: whoever sits in between could pose as the host, and would be given root on it`,
    hint: "add the host's key to known_hosts (compare it with the host's own first), or name a file with pgmtls_known_hosts_file",
  };
}

type Problem = Pick<Diagnostic, "code" | "message" | "hint">;

/** ssh_config(5): the name in any case, then `=` or spaces, then the value. */
function readOption(option: string, into: SshOptions): Problem | undefined {
  const [, name = "", value = ""] = /^\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$/s.exec(option) ?? [];
  if (value === "") return { code: "BAD_VALUE", message: `"-o ${option}" is no option, expected -o NAME=VALUE` };
  switch (name.toLowerCase()) {
    case "userknownhostsfile":
      if (/^(?:none|\/dev\/null)$/i.test(value)) return hostKeyCheckRefused(`UserKnownHostsFile=${value}`);
      into.knownHostsFiles ??= splitWords(value).words.map(({ text }) => text);
      return undefined;
    case "connecttimeout":
      if (!/^[0-9]+$/.test(value) || Number(value) === 0) {
        return { code: "BAD_VALUE", message: `ConnectTimeout "${value}" is not a number of seconds above 0` };
      }
      into.connectTimeoutSeconds ??= Number(value);
      return undefined;
    case "identitiesonly":
      if (!/^(?:yes|no)$/i.test(value))
        return { code: "BAD_VALUE", message: `IdentitiesOnly "${value}" is not yes or no` };
      into.identitiesOnly ??= value.toLowerCase() === "yes";
      return undefined;
    case "stricthostkeychecking":
      // What yes and ask ask for is what happens anyway.
      return /^(?:yes|ask)$/i.test(value) ? undefined : hostKeyCheckRefused(`StrictHostKeyChecking=${value}`);
    default:
      return { code: "UNSUPPORTED", message: `ssh's option "${name}" is not supported`, ...adviceFor(name) };
  }
}

const INSTEAD = new Map([
  ["-i", "use ansible_ssh_private_key_file"],
  ["identityfile", "use ansible_ssh_private_key_file"],
  ["-p", "use ansible_port"],
  ["port", "use ansible_port"],
  ["-l", "use ansible_user"],
  ["user", "use ansible_user"],
  ["hostname", "use ansible_host"],
  ["controlmaster", "leave it out: one connection a host is kept for the whole run anyway"],
  ["controlpersist", "leave it out: one connection a host is kept for the whole run anyway"],
  ["controlpath", "leave it out: one connection a host is kept for the whole run anyway"],
  ["-C", "leave it out: little is sent"],
  ["-J", "run pgmtls on a machine that reaches the hosts directly"],
  ["proxyjump", "run pgmtls on a machine that reaches the hosts directly"],
  ["proxycommand", "run pgmtls on a machine that reaches the hosts directly"],
]);

function adviceFor(name: string): { hint: string } {
  const supported = "supported are -o UserKnownHostsFile, -o ConnectTimeout and -o IdentitiesOnly";
  const flag = /^-[a-zA-Z]/.exec(name)?.[0];
  return { hint: INSTEAD.get(flag ?? name.toLowerCase()) ?? `leave it out; ${supported}` };
}
