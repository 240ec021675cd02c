import { jsonReader } from "./json.ts";
import { liveReader } from "./live.ts";
import { marksFor } from "./marks.ts";
import { ndjsonReader } from "./ndjson.ts";
import { type Environment, paletteFor } from "./palette.ts";
import { plainReader } from "./plain.ts";
import type { Reader } from "./reader.ts";
import { recapReader } from "./recap.ts";

export type ReaderOptions = {
  /** undefined: the live screen on a terminal, else lines. */
  output: "live" | "plain" | "json" | "ndjson" | undefined;
  diff: boolean;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
  /** Milliseconds since 1970 UTC. */
  now: () => number;
  env?: Environment;
};

/** The reader that the user asked for. What programs read goes to standard output, everything else to standard error. */
export function openReader({ output, diff, stdout, stderr, now, env = process.env }: ReaderOptions): Reader {
  const palette = paletteFor(stderr, env);
  const marks = marksFor(env);
  switch (output ?? (isScreen(stderr, env) ? "live" : "plain")) {
    case "json":
      return jsonReader(stdout, { diff });
    case "ndjson":
      return ndjsonReader(stdout);
    case "live":
      return inTurn([
        liveReader({ stdout, stderr, palette, marks, now }),
        recapReader(stderr, { palette, marks, diff, problemsAreShown: false }),
      ]);
    case "plain":
      return inTurn([
        plainReader(stderr, palette),
        recapReader(stderr, { palette, marks, diff, problemsAreShown: true }),
      ]);
  }
}

/** A dumb terminal can't go back to a line. */
function isScreen(stderr: NodeJS.WriteStream, { TERM }: Environment): boolean {
  return stderr.isTTY && TERM !== "dumb";
}

/** Feeds all of `readers` and closes them in order: the screen is gone before the recap is printed. */
function inTurn(readers: readonly Reader[]): Reader {
  return {
    onEvent: (event) => {
      for (const reader of readers) reader.onEvent(event);
    },
    close: async () => {
      for (const reader of readers) await reader.close();
    },
  };
}
