import { withoutSecrets } from "../plan/secrets.ts";
import type { Output, Reader } from "./reader.ts";

/** Every event as one line of JSON, as it comes. */
export function ndjsonReader(output: Output): Reader {
  return {
    onEvent: (event) => output.write(`${JSON.stringify(event, hideSecrets)}\n`),
    close: async () => {},
  };
}

/** For JSON.stringify. Plans hold no key, but a file may have been given as text that has one in it. */
export function hideSecrets(_key: string, value: unknown): unknown {
  return typeof value === "string" ? withoutSecrets(value) : value;
}
