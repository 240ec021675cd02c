import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";

/** A terminal with a program in it, by tmux, on a server of its own that ends with it. */
export type Terminal = Disposable & {
  /** What is to be seen, row by row, without blanks at the ends; `history` puts what has scrolled away before it. */
  rows(history?: "history"): string[];
  /** The same with colours. */
  coloured(): string;
  press(key: string): void;
  resize(columns: number, rows: number): void;
  isCursorShown(): boolean;
  /** Waits until the rows, joined, match. */
  shows(pattern: RegExp): Promise<void>;
  /** Waits until the rows are as `isRight` wants them; `what` tells it in a failure. */
  comesTo(what: string, isRight: (rows: readonly string[]) => boolean): Promise<void>;
};

/** Why there is no terminal to be had here; undefined where there is. */
export function noTerminal(): string | undefined {
  if (spawnSync("tmux", ["-V"]).status === 0 || process.env.CI === "true") return undefined;
  return "tmux is not installed";
}

let opened = 0;

export function openTerminal(command: string, columns: number, rows: number): Terminal {
  opened += 1;
  const server = `pgmtls-test-${process.pid}-${opened}`;
  const tmux = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("tmux", ["-L", server, "-f", "/dev/null", ...args], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`);
    return stdout;
  };
  // The shell stays when the command ends, so that there is something to look at.
  tmux("-u", "new-session", "-d", "-x", String(columns), "-y", String(rows), `${command}; sleep 600`);
  const seen = (...args: string[]) =>
    tmux("capture-pane", "-p", ...args)
      .trimEnd()
      .split("\n")
      .map((row) => row.trimEnd());
  const terminal: Omit<Terminal, "shows" | "comesTo"> = {
    rows: (history) => seen(...(history === undefined ? [] : ["-S", "-"])),
    coloured: () => tmux("capture-pane", "-p", "-e"),
    press: (key) => void tmux("send-keys", key),
    resize: (width, height) => void tmux("resize-window", "-x", String(width), "-y", String(height)),
    isCursorShown: () => tmux("display-message", "-p", "#{cursor_flag}").trim() === "1",
    [Symbol.dispose]: () => void tmux("kill-server"),
  };
  const comesTo: Terminal["comesTo"] = (what, isRight) => until(terminal, what, isRight);
  return {
    ...terminal,
    comesTo,
    shows: (pattern) => comesTo(String(pattern), (rows) => pattern.test(rows.join("\n"))),
  };
}

async function until(
  terminal: Pick<Terminal, "rows">,
  what: string,
  isRight: (rows: readonly string[]) => boolean,
): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!isRight(terminal.rows())) {
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}\n${terminal.rows("history").join("\n")}`);
    await setTimeout(50);
  }
}
