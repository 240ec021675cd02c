import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Authentication } from "./authentication.ts";
import { ConnectError, type Target } from "./connection.ts";
import { fingerprint, type KnownKey, keyType, knownHostsName, type Verdict } from "./known-hosts.ts";

/** How far connecting had come. */
export type Stage = "tcp" | "handshake" | "authentication";

/** The address and port as messages name them. */
function where({ address, port }: Target): string {
  return port === 22 ? address : `${address} port ${port}`;
}

/** Why connecting failed, in words for the person who has to mend it. `greeting` is the first that the host said. */
export function connectFailure(
  target: Target,
  stage: Stage,
  cause: unknown,
  seen: { login: Authentication; greeting: string },
): ConnectError {
  const error = firstOf(cause);
  if (stage === "tcp") return networkFailure(target, error);
  if (stage === "authentication") return authenticationFailure(target, seen.login, error);
  return handshakeFailure(target, error, seen.greeting);
}

export function connectTimeout(target: Target, stage: Stage, timeoutMs: number): ConnectError {
  const seconds = `${timeoutMs / 1000} s`;
  const [message, hint] = {
    tcp: [
      `no answer from ${where(target)} within ${seconds}`,
      "is the host up, the address right, and does a firewall drop packets to it?",
    ],
    handshake: [
      `${where(target)} takes connections, but its SSH server said nothing for ${seconds}`,
      "the host may be overloaded or hang; a longer ansible_ssh_timeout helps a slow one",
    ],
    authentication: [
      `the login on ${where(target)} as ${target.user} did not finish within ${seconds}`,
      "slow DNS or PAM on the host is the usual cause; a longer ansible_ssh_timeout helps",
    ],
  }[stage] as [string, string];
  return failure({ code: "SSH_TIMEOUT", message, hint });
}

/** The connection that was there is gone. */
export function dropped(target: Target, cause?: unknown): ConnectError {
  const said = cause === undefined ? "" : `: ${firstOf(cause).message}`;
  return failure(
    {
      code: "SSH_DROPPED",
      message: `the connection to ${where(target)} was lost${said}`,
      hint: "run again: what was being written is either finished or put back",
    },
    cause,
  );
}

/** A host key that is not to be trusted, as an error. */
export function hostKeyFailure(
  target: Target,
  key: Buffer,
  verdict: Exclude<Verdict, { verdict: "known" }>,
): ConnectError {
  const type = keyType(key);
  const print = `${type} key ${fingerprint(key)}`;
  switch (verdict.verdict) {
    case "unknown": {
      const line = `${knownHostsName(target.address, target.port)} ${type} ${key.toString("base64")}`;
      const file = target.knownHostsFiles[0];
      const add =
        file === undefined
          ? "name a known_hosts file for the host and put this line in it"
          : `add this line to ${file}`;
      return failure({
        code: "HOST_KEY_UNKNOWN",
        message: `the host key of ${where(target)} is not known: it shows ${print}`,
        hint: `compare that with the host's own (on its console: ssh-keygen -lf /etc/ssh/ssh_host_${shortName(type)}_key.pub), then ${add}: ${line}`,
      });
    }
    case "changed": {
      const { instead } = verdict;
      return failure({
        code: "HOST_KEY_CHANGED",
        message: `the host key of ${where(target)} is not the one that is known: it shows ${print}, ${at(instead)} has ${instead.type} key ${fingerprint(instead.blob)}`,
        hint: `someone may be in between, or the host was set up anew; if you know that it was, remove that line: ssh-keygen -R "${knownHostsName(target.address, target.port)}" -f ${instead.file}`,
      });
    }
    case "revoked":
      return failure({
        code: "HOST_KEY_CHANGED",
        message: `the host key of ${where(target)} is revoked by ${at(verdict.by)}: ${print}`,
        hint: "a revoked key is one that someone else may have: give the host a new key",
      });
  }
}

/** known_hosts can't be read, so no key can be trusted. */
export function knownHostsUnreadable(target: Target, cause: unknown): ConnectError {
  return failure(
    {
      code: "HOST_KEY_UNKNOWN",
      message: `the known_hosts files for ${where(target)} can't be read: ${firstOf(cause).message}`,
    },
    cause,
  );
}

function networkFailure(target: Target, error: NodeJS.ErrnoException): ConnectError {
  const place = where(target);
  switch (error.code) {
    case "ECONNREFUSED":
      return failure(
        {
          code: "SSH_REFUSED",
          message: `${place} refuses connections: no SSH server listens on port ${target.port}`,
          hint: "is sshd running there, and is ansible_port right?",
        },
        error,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return failure(
        {
          code: "SSH_NO_ROUTE",
          message:
            error.code === "ENOTFOUND"
              ? `the name ${target.address} has no address`
              : `the name ${target.address} can't be looked up now: no answer from the name server`,
          hint: "mend the name, or give the address with ansible_host",
        },
        error,
      );
    case "ETIMEDOUT":
      return failure(
        {
          code: "SSH_TIMEOUT",
          message: `no answer from ${place}`,
          hint: "is the host up, the address right, and does a firewall drop packets to it?",
        },
        error,
      );
    case "ECONNRESET":
    case "EPIPE":
      return handshakeFailure(target, error, "");
    default:
      return failure(
        {
          code: "SSH_NO_ROUTE",
          message: `there is no way to ${place}: ${NETWORK_WORDS[error.code ?? ""] ?? error.message}`,
          hint: "is the host up, and its network reachable from here?",
        },
        error,
      );
  }
}

const NETWORK_WORDS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  EHOSTDOWN: "host is down",
  ENETDOWN: "network is down",
  EACCES: "a local firewall forbids it",
  EPERM: "a local firewall forbids it",
};

function handshakeFailure(target: Target, error: NodeJS.ErrnoException, greeting: string): ConnectError {
  const place = where(target);
  const firstLine = /^[\x20-\x7e]*/.exec(greeting)?.[0].slice(0, 80) ?? "";
  const isSshd = greeting.startsWith("SSH-") || /^(Exceeded MaxStartups|Not allowed at this time)/.test(greeting);
  if (greeting !== "" && !isSshd) {
    const said = firstLine === "" ? "" : `, it says "${firstLine}"`;
    return failure(
      {
        code: "SSH_DROPPED",
        message: `what answers on ${place} is not an SSH server${said}`,
        hint: "is ansible_port right?",
      },
      error,
    );
  }
  const disagreement = /no matching (.+)$/.exec(error.message)?.[1];
  if (disagreement !== undefined) {
    return failure(
      {
        code: "SSH_DROPPED",
        message: `${place} and we have no ${disagreement} in common`,
        hint: "its sshd offers old algorithms only: update it, or widen its configuration",
      },
      error,
    );
  }
  const isPlainEnd = /before handshake|ECONNRESET|EPIPE/.test(`${error.message} ${error.code}`);
  const words = isPlainEnd ? (greeting.startsWith("SSH-") ? "" : firstLine) : error.message;
  const said = words === "" ? "" : `: ${words}`;
  return failure(
    {
      code: "SSH_DROPPED",
      message: `${place} closed the connection before the login${said}`,
      hint: "its sshd may have too many connections at once (MaxStartups: try fewer --forks) or ban this address",
    },
    error,
  );
}

function authenticationFailure(target: Target, { tried, accepts }: Authentication, error: Error): ConnectError {
  const who = `${target.user} on ${where(target)}`;
  if (/too many authentication failures/i.test(error.message)) {
    return failure(
      {
        code: "SSH_AUTHENTICATION",
        message: `${where(target)} ended the login as ${target.user} after too many keys: ${tried.join(", ")}`,
        hint: "the agent holds many keys: remove those that aren't needed (ssh-add -d), or start without SSH_AUTH_SOCK",
      },
      error,
    );
  }
  if (tried.length === 0) {
    return failure(
      {
        code: "SSH_AUTHENTICATION",
        message: `there is no key to log in with as ${who}`,
        hint: "name one with ansible_ssh_private_key_file, or load one into an agent (ssh-add)",
      },
      error,
    );
  }
  const takes =
    accepts.length === 0 || accepts.includes("publickey")
      ? `is the public key in ~${target.user}/.ssh/authorized_keys there, and is ansible_user right?`
      : `the host takes no keys, only: ${accepts.join(", ")}`;
  return failure(
    {
      code: "SSH_AUTHENTICATION",
      message: `no key lets us in as ${who}; tried ${tried.join(", ")}`,
      hint: takes,
    },
    error,
  );
}

function failure(diagnostic: Diagnostic, cause?: unknown): ConnectError {
  return new ConnectError(diagnostic, cause === undefined ? undefined : { cause });
}

function at({ file, line }: KnownKey): string {
  return `${file}:${line}`;
}

function shortName(type: string): string {
  return type.startsWith("ecdsa") ? "ecdsa" : type.replace("ssh-", "");
}

/** A name with several addresses fails with one error for each; the first stands for all. */
function firstOf(cause: unknown): NodeJS.ErrnoException {
  if (cause instanceof AggregateError && cause.errors.length > 0) return firstOf(cause.errors[0]);
  return cause instanceof Error ? cause : new Error(String(cause));
}
