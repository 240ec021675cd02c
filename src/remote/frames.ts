/** One answer of a host program: the words of its header and the bytes between header and end line. */
export type Frame = { verb: string; words: readonly string[]; payload: Buffer };

/**
 * Reads frames out of a stream that may hold anything else as well: banners, motd, an echoing rc file. Only lines that begin with the
 * marker, which is random for each exec, are ours. Memory is bounded by the largest frame.
 */
export async function* readFrames(chunks: AsyncIterable<Buffer>, marker: string): AsyncGenerator<Frame> {
  const start = Buffer.from(`${marker} `);
  const end = Buffer.from(`\n${marker} .\n`);
  let rest: Buffer = Buffer.alloc(0);
  let header: string | undefined;
  let searched = 0;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (header === undefined) {
        const at = rest.indexOf(start);
        if (at < 0) {
          // What is left may be the beginning of a marker; all before it is noise.
          rest = rest.subarray(Math.max(0, rest.length - start.length));
          break;
        }
        const newline = rest.indexOf(10, at);
        if (newline < 0) {
          rest = rest.subarray(at);
          break;
        }
        header = rest.toString("latin1", at + start.length, newline);
        // The end line begins with a newline, and an empty payload's is the header's own next byte.
        rest = rest.subarray(newline + 1);
        searched = 0;
      }
      const at = rest.indexOf(end, searched);
      if (at < 0) {
        searched = Math.max(0, rest.length - end.length);
        break;
      }
      const [verb = "", ...words] = header.split(" ");
      yield { verb, words, payload: Buffer.from(rest.subarray(0, at)) };
      rest = rest.subarray(at + end.length);
      header = undefined;
    }
  }
}
