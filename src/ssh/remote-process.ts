import type { ClientChannel } from "ssh2";
import type { RemoteProcess } from "./connection.ts";

const STDERR_KEPT_BYTES = 64 * 1024;

/**
 * A process on an open channel. `gone` aborts when the connection is lost, with the reason: a channel then ends as if the program
 * had, and without asking nobody would notice that output is missing.
 */
export function remoteProcess(channel: ClientChannel, signal: AbortSignal, gone: AbortSignal): RemoteProcess {
  const stderr = tailOf(channel.stderr, STDERR_KEPT_BYTES);
  // A write after the program has gone is not an error of ours: its exit code tells.
  channel.on("error", () => {});

  let exit: { exitCode: number | undefined; signal: string | undefined } | undefined;
  channel.on("exit", (code: number | null, name?: string) => {
    exit = { exitCode: code ?? undefined, signal: name };
  });
  const failure = () => {
    if (signal.aborted) return toError(signal.reason);
    return gone.aborted && exit === undefined ? toError(gone.reason) : undefined;
  };

  const ended = new Promise<void>((resolve) => {
    const finish = () => {
      signal.removeEventListener("abort", finish);
      gone.removeEventListener("abort", finish);
      // Closing doesn't end a program that writes nothing, so that an abort can't wait for the host to say "closed".
      if (signal.aborted) channel.close();
      resolve();
    };
    signal.addEventListener("abort", finish);
    gone.addEventListener("abort", finish);
    // Comes only once all output was read.
    channel.once("close", finish);
  });
  const finished = ended.then(() => {
    const why = failure();
    if (why !== undefined) throw why;
    return { exitCode: exit?.exitCode, signal: exit?.signal, stderr: stderr() };
  });
  // Whoever reads standard output sees the failure there and may never look here.
  finished.catch(() => {});

  return {
    stdin: {
      write(bytes) {
        if (channel.writable) channel.write(bytes);
      },
      end() {
        channel.end();
      },
    },
    stdout: output(channel, signal, failure),
    finished,
  };
}

/**
 * Not Node's own iterator of the channel: that one destroys it at the end of output, which is before the exit code has come, and
 * can't be woken by a signal.
 */
async function* output(
  channel: ClientChannel,
  signal: AbortSignal,
  failure: () => Error | undefined,
): AsyncGenerator<Buffer> {
  let isAtEnd = false;
  let wake = () => {};
  const onReadable = () => wake();
  const onEnd = () => {
    isAtEnd = true;
    wake();
  };
  channel.on("readable", onReadable).once("end", onEnd);
  signal.addEventListener("abort", onReadable, { once: true });
  try {
    while (!signal.aborted) {
      const chunk = channel.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else if (isAtEnd || channel.readableEnded) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    const why = failure();
    if (why !== undefined) throw why;
  } finally {
    signal.removeEventListener("abort", onReadable);
    channel.off("readable", onReadable).off("end", onEnd);
    if (!channel.readableEnded) {
      channel.close();
      // Unread output would keep "close" from coming.
      channel.resume();
    }
  }
}

/** Reads `stream` to its end, always: it shares a window with standard output, and unread bytes would stall both. */
function tailOf(stream: NodeJS.ReadableStream, bytes: number): () => string {
  let kept = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-bytes);
  });
  return () => kept.toString("utf8");
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
