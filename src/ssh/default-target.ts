import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { HostConnection } from "../inventory/connection-variables.ts";
import type { Target } from "./connection.ts";
import { defaultIdentities, type Identity, readIdentity } from "./identities.ts";

/** What a login takes from the person who starts the run where the inventory leaves it open. */
export type LoginEnvironment = { user: string; home: string; agentSocket: string | undefined };

export function loginEnvironment(environment: NodeJS.ProcessEnv = process.env): LoginEnvironment {
  return { user: userInfo().username, home: homedir(), agentSocket: environment.SSH_AUTH_SOCK || undefined };
}

/**
 * Where and how to log in to `host`, its keys read. A key file that the inventory names and that can't be used is a problem here,
 * before anything is contacted; `at` is where it was named.
 */
export async function targetOf(
  host: string,
  connection: HostConnection,
  environment: LoginEnvironment,
  at?: Place,
): Promise<{ target: Target } | { problems: Diagnostic[] }> {
  const agent = connection.agent ? environment.agentSocket : undefined;
  const named = connection.identityFiles;
  const keys =
    named.length === 0
      ? { identities: await defaultIdentities(environment.home), problems: [] }
      : await namedIdentities(named, agent !== undefined);
  if (keys.problems.length > 0) {
    return { problems: keys.problems.map((problem) => (at === undefined ? problem : { ...problem, at })) };
  }
  return {
    target: {
      host,
      address: connection.address,
      port: connection.port,
      user: connection.user ?? environment.user,
      identities: keys.identities,
      agent,
      knownHostsFiles: connection.knownHostsFiles ?? [
        join(environment.home, ".ssh", "known_hosts"),
        "/etc/ssh/ssh_known_hosts",
      ],
      connectTimeoutMs: connection.connectTimeoutMs,
    },
  };
}

/** A locked key is passed over where another one or the agent may do: the agent often holds that very key. */
async function namedIdentities(paths: readonly string[], hasAgent: boolean) {
  const identities: Identity[] = [];
  const problems: Diagnostic[] = [];
  const locked: string[] = [];
  for (const path of paths) {
    const read = await readIdentity(path);
    if ("privateKey" in read) identities.push(read);
    else if ("needsPassphrase" in read) locked.push(path);
    else problems.push(read);
  }
  if (identities.length === 0 && !hasAgent) {
    for (const path of locked) {
      problems.push({
        code: "SSH_KEY_UNREADABLE",
        message: `the private key ${path} needs a passphrase, and there is no agent to give it`,
        hint: `start an agent and load the key: eval "$(ssh-agent)" && ssh-add ${path}`,
      });
    }
  }
  return { identities, problems };
}
