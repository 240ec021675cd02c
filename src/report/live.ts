import { Listr, type ListrRenderer, ProcessOutput, Spinner } from "listr2";
import type { Outcome } from "../engine/event.ts";
import { type Board, emptyBoard, updateBoard } from "./board.ts";
import type { Marks } from "./marks.ts";
import { isTrouble, outcomeWord } from "./outcomes.ts";
import { openPainter, type Painter } from "./painter.ts";
import type { Palette } from "./palette.ts";
import type { Reader } from "./reader.ts";
import { screenLines } from "./screen.ts";

export type LiveOptions = {
  /** The terminal that shows the screen. */
  stderr: NodeJS.WriteStream;
  /** Held back while the screen is up, since it may be the same terminal. */
  stdout: NodeJS.WriteStream;
  palette: Palette;
  marks: Marks;
  now: () => number;
};

/**
 * The live screen: a listr2 task for each host, drawn by a renderer of ours, because listr2's own draws every task and knows no
 * height. Once the reader is closed the screen is gone; what stays is the recap's to say.
 */
export function liveReader(options: LiveOptions): Reader {
  const board = emptyBoard(options.now());
  const hosts = new Map<string, Deferred<Outcome | undefined>>();
  const run = deferred<void>();
  let listed: Promise<unknown> | undefined;
  return {
    onEvent: (event) => {
      updateBoard(board, event);
      if (event.event === "host-finished") hosts.get(event.host)?.resolve(event.outcome);
      if (event.event !== "run-started" || listed !== undefined) return;
      for (const host of event.hosts) hosts.set(host, deferred());
      listed = listOf(hosts, run.promise, board, options).run();
    },
    close: async () => {
      for (const host of hosts.values()) host.resolve(undefined);
      run.resolve();
      await listed;
    },
  };
}

type Deferred<T> = { promise: Promise<T>; resolve: (value: T) => void };

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((given) => {
    resolve = given;
  });
  return { promise, resolve };
}

function listOf(
  hosts: ReadonlyMap<string, Deferred<Outcome | undefined>>,
  runEnds: Promise<void>,
  board: Board,
  options: LiveOptions,
): Listr<unknown, typeof ScreenRenderer> {
  const tasks = [...hosts].map(([title, { promise }]) => ({ title, task: async () => failIfTrouble(await promise) }));
  // The run has a task of its own: between two plays all hosts may be done, and the screen stays.
  return new Listr([...tasks, { title: "run", task: () => runEnds }], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false, // listr2 would exit at once; an interrupted run has to be brought to an end first
    renderer: ScreenRenderer,
    rendererOptions: { board, options },
  });
}

function failIfTrouble(outcome: Outcome | undefined): void {
  if (outcome !== undefined && isTrouble(outcome)) throw new Error(outcomeWord(outcome));
}

type ScreenOptions = { board: Board; options: LiveOptions };

/** Owns the terminal from `render` to `end`: the painted area, the hidden cursor, and what others write meanwhile. */
class ScreenRenderer implements ListrRenderer {
  static nonTTY = true; // listr2 looks at standard output, we write to standard error
  static rendererOptions: ScreenOptions;
  static rendererTaskOptions: Record<string, never>;
  readonly #screen: ScreenOptions;
  readonly #spinner: TurningMark;
  readonly #output: ProcessOutput;
  readonly #painter: Painter;

  constructor(_tasks: unknown, screen: ScreenOptions) {
    this.#screen = screen;
    this.#spinner = new TurningMark(screen.options.marks.frames);
    // Standard error in the first place: there listr2 hides the cursor, and standard output may be a file.
    const { stdout, stderr } = screen.options;
    this.#output = new ProcessOutput(stderr, stdout, { leaveEmptyLine: false });
    this.#painter = openPainter((text) => this.#output.toStdout(text, false));
  }

  render = (): void => {
    process.once("exit", this.end); // whoever exits early still gives the cursor back
    this.#output.hijack();
    this.#paint();
    this.#spinner.start(this.#paint, REPAINT_MS);
  };

  end = (): void => {
    process.removeListener("exit", this.end);
    this.#spinner.stop();
    this.#painter.clear(columnsOf(this.#screen.options.stderr));
    this.#output.release();
  };

  readonly #paint = (): void => {
    const { board, options } = this.#screen;
    const { stderr, palette, marks, now } = options;
    const columns = columnsOf(stderr);
    const view = { columns, rows: stderr.rows || 24, nowMs: now(), spinner: this.#spinner.fetch(), palette, marks };
    this.#painter.paint(screenLines(board, view), columns);
  };
}

const REPAINT_MS = 100;

/** A terminal of unknown size says 0 (ioctl_tty(2)): the size of a VT100 then. */
function columnsOf({ columns }: NodeJS.WriteStream): number {
  return columns || 80;
}

class TurningMark extends Spinner {
  protected override readonly spinner: string[];
  constructor(frames: readonly string[]) {
    super();
    this.spinner = [...frames];
  }
}
