import ssh2, { type AnyAuthMethod, type IdentityCallback, type ParsedKey } from "ssh2";
import type { Target } from "./connection.ts";

/**
 * The keys of `target`, one after the other as the server refuses them: the agent's, then the files'. `tried` names those that were
 * put forward, for the message when none was taken; `accepts` is what the server says it would take instead.
 */
export class Authentication {
  readonly tried: string[] = [];
  accepts: readonly string[] = [];
  hasStarted = false;
  readonly #methods: Iterator<AnyAuthMethod>;

  constructor(target: Target) {
    this.#methods = this.#methodsFor(target);
  }

  /** What ssh2 asks after each refusal; false = nothing is left. */
  next(accepts: readonly string[] | null): AnyAuthMethod | false {
    this.hasStarted = true;
    if (accepts !== null) this.accepts = accepts;
    const { value, done } = this.#methods.next();
    return done === true ? false : value;
  }

  *#methodsFor({ agent, identities, user: username }: Target): Generator<AnyAuthMethod, undefined> {
    if (agent !== undefined) yield { type: "agent", username, agent: new NotingAgent(agent, this.tried) };
    for (const { path, privateKey } of identities) {
      this.tried.push(path);
      yield { type: "publickey", username, key: privateKey };
    }
    // A server answers this with what it takes, which is worth saying where we have no key at all.
    if (this.tried.length === 0) yield { type: "none", username };
    return undefined;
  }
}

/** An agent that notes which keys it was asked for, or that it could not be asked. */
class NotingAgent extends ssh2.OpenSSHAgent {
  readonly #socketPath: string;
  readonly #tried: string[];

  constructor(socketPath: string, tried: string[]) {
    super(socketPath);
    this.#socketPath = socketPath;
    this.#tried = tried;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    super.getIdentities((error, keys) => {
      if (error) {
        this.#tried.push(`the agent at ${this.#socketPath} (which can't be asked: ${error.message})`);
        // An error here would be raised as the connection's; a dead agent only means one with no keys.
        callback(undefined, []);
        return;
      }
      for (const key of keys ?? [])
        this.#tried.push(`the agent's ${"comment" in key ? `${key.comment} (${key.type})` : "key"}`);
      callback(undefined, keys ?? []);
    });
  }
}
