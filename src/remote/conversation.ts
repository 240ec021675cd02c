import { randomBytes } from "node:crypto";
import { ConnectError, type Connection } from "../ssh/connection.ts";
import { shellCommand } from "./become.ts";
import { type Frame, readFrames } from "./frames.ts";

/** A question of the host program: "sql 5432 postgres /run/postgresql", "sign 3", "prove tls" with its text. */
export type Question = { verb: string; words: readonly string[]; text: string };
export type Answer = { yes: boolean; text: string };

export type Conversation = {
  connection: Connection;
  become: { user: string } | undefined;
  /** Makes the program's text once the marker of this exec is known. */
  program: (marker: string) => string;
  onFrame: (frame: Frame) => void;
  onQuestion: (question: Question) => Promise<Answer>;
  signal: AbortSignal;
};

/** The program ended without its last frame: sudo refused, /bin/sh is missing, it was killed. */
export class HostProgramError extends Error {
  readonly exitCode: number | undefined;
  readonly stderr: string;
  /** Whether any frame came, and so whether the program itself was ever reached. */
  readonly began: boolean;
  constructor(message: string, details: { exitCode: number | undefined; stderr: string; began: boolean }) {
    super(message);
    this.name = "HostProgramError";
    this.exitCode = details.exitCode;
    this.stderr = details.stderr;
    this.began = details.began;
  }
}

/**
 * Runs a host program in one exec and holds the dialogue with it: each frame goes to `onFrame`, each question to `onQuestion`, whose
 * answer goes back. Returns when the program said `finish` or `failed`; throws HostProgramError when it ended otherwise and
 * ConnectError when the connection did.
 */
export async function converse({
  connection,
  become,
  program,
  onFrame,
  onQuestion,
  signal,
}: Conversation): Promise<void> {
  const marker = randomBytes(16).toString("hex");
  const remote = await connection.exec(shellCommand(become), signal);
  remote.stdin.write(program(marker));
  let began = false;
  let ended = false;
  for await (const frame of readFrames(remote.stdout, marker)) {
    began = true;
    if (frame.verb === "ask") {
      const [verb = "", ...words] = frame.words;
      const answer = await onQuestion({ verb, words, text: frame.payload.toString("latin1") });
      remote.stdin.write(answerText(marker, answer));
      continue;
    }
    onFrame(frame);
    if (frame.verb === "finish" || frame.verb === "failed") {
      ended = true;
      break;
    }
  }
  remote.stdin.end();
  if (ended) return;
  const { exitCode, signal: killedBy, stderr } = await remote.finished;
  if (signal.aborted) throw new ConnectError({ code: "SSH_DROPPED", message: "interrupted" });
  const how = killedBy === undefined ? `exit status ${exitCode ?? "unknown"}` : `signal ${killedBy}`;
  throw new HostProgramError(
    `the program on the host ended early with ${how}${stderr === "" ? "" : `: ${stderr.trim().split("\n").slice(-3).join("; ")}`}`,
    { exitCode, stderr, began },
  );
}

function answerText(marker: string, { yes, text }: Answer): Buffer {
  const lines = text === "" ? "" : text.endsWith("\n") ? text : `${text}\n`;
  return Buffer.from(`${marker} ${yes ? "yes" : "no"}\n${lines}${marker} .\n`, "latin1");
}
