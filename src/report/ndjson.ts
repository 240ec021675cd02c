import { HIDDEN, isSecretName, withoutSecrets } from "../plan/secrets.ts";
import type { Output, Reader } from "./reader.ts";
import { toldEvent } from "./told-event.ts";

/** Every event as one line of JSON, as it comes. */
export function ndjsonReader(output: Output): Reader {
  return {
    onEvent: (event) => output.write(`${JSON.stringify(toldEvent(event), hideSecrets)}\n`),
    close: async () => {},
  };
}

/** For JSON.stringify. Plans hold no key, but a file or a setting may have been given as text that has a secret in it. */
export function hideSecrets(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  return isSecretName(key) && value !== "" ? HIDDEN : withoutSecrets(value);
}
