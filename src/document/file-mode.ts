/** A mode as a task gives it. `apply` turns the bits a file has into those it shall have. */
export type FileMode =
  | { kind: "absolute"; bits: number }
  | { kind: "symbolic"; apply: (previousBits: number, isDirectory: boolean) => number }
  | { kind: "error"; error: string };

/**
 * `0600`, `600`, `0o600`, or `u=rw,go=` in the grammar of chmod(1). An octal mode has three or four digits: with fewer it is more
 * likely a slip than a wish.
 */
export function parseMode(text: string): FileMode {
  const octal = /^(?:0o|0)?([0-7]{3,4})$/.exec(text)?.[1];
  if (octal !== undefined) return { kind: "absolute", bits: Number.parseInt(octal, 8) };
  if (/^[0-9]/.test(text)) return { kind: "error", error: `"${text}" is not an octal mode of three or four digits` };
  // chmod would take this for "take everything away"; it is a copy of what ls shows.
  if (/^[-dl]([-rwxsStT]){9}$/.test(text)) return { kind: "error", error: `"${text}" is how ls shows a mode` };
  const steps: Step[] = [];
  for (const clause of text.split(",")) {
    const parsed = parseClause(clause);
    if (parsed === undefined) return { kind: "error", error: `"${text}" is not a file mode` };
    steps.push(...parsed);
  }
  return {
    kind: "symbolic",
    apply: (previousBits, isDirectory) =>
      steps.reduce((bits, step) => take(step, bits, isDirectory), previousBits & ALL_BITS),
  };
}

const ALL_BITS = 0o7777;
const SET_ID_BITS = 0o6000;
/** Where no `ugoa` is given, chmod leaves alone what the umask masks; that of a login, so that a plan does not hang on the caller's. */
const UMASK_BITS = 0o022;

/** Which bits each class owns (gnulib modechange.c). */
const CLASS_BITS: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007, a: ALL_BITS };
const PERMISSION_BITS: Readonly<Record<string, number>> = {
  r: 0o444,
  w: 0o222,
  x: 0o111,
  s: SET_ID_BITS,
  t: 0o1000,
  X: 0,
};

type Step = {
  operator: string;
  /** The bits of the classes named; 0 where none is. */
  affectedBits: number;
  valueBits: number;
  /** `X`: execution too, for a directory or where somebody has it. */
  executesIfAny: boolean;
  /** `g=u`: what that class has. */
  copyOf: string | undefined;
};

function parseClause(clause: string): Step[] | undefined {
  const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause);
  if (match === null) return undefined;
  const [, classes = "", actions = ""] = match;
  const affectedBits = [...classes].reduce((bits, name) => bits | (CLASS_BITS[name] ?? 0), 0);
  return [...actions.matchAll(/([-+=])([^-+=]*)/g)].map(([, operator = "", letters = ""]) => {
    const copyOf = /^[ugo]$/.test(letters) ? letters : undefined;
    const valueBits =
      copyOf === undefined ? [...letters].reduce((bits, letter) => bits | (PERMISSION_BITS[letter] ?? 0), 0) : 0;
    return { operator, affectedBits, valueBits, executesIfAny: letters.includes("X"), copyOf };
  });
}

/** mode_adjust of gnulib's modechange.c, with its care for a directory's set-id bits: they go only when they are named. */
function take(step: Step, bits: number, isDirectory: boolean): number {
  const { affectedBits } = step;
  const named = affectedBits === 0 ? step.valueBits : affectedBits & step.valueBits;
  const keptBits = isDirectory ? SET_ID_BITS & ~named : 0;
  const value = wantedBits(step, bits, isDirectory) & (affectedBits === 0 ? ~UMASK_BITS : affectedBits) & ~keptBits;
  if (step.operator === "+") return bits | value;
  if (step.operator === "-") return bits & ~value;
  const untouched = (affectedBits === 0 ? 0 : ~affectedBits) | keptBits;
  return (bits & untouched & ALL_BITS) | (value & ALL_BITS);
}

function wantedBits({ valueBits, executesIfAny, copyOf }: Step, bits: number, isDirectory: boolean): number {
  if (copyOf !== undefined) {
    const theirs = (CLASS_BITS[copyOf] ?? 0) & bits;
    return [0o444, 0o222, 0o111].reduce((copy, kind) => copy | ((theirs & kind) === 0 ? 0 : kind), 0);
  }
  return executesIfAny && (isDirectory || (bits & 0o111) !== 0) ? valueBits | 0o111 : valueBits;
}

/** The bits that `text` gives a file that had `before`. For text that was checked at the door; throws on any other. */
export function applyMode(text: string, before: number, isDirectory: boolean): number {
  const mode = parseMode(text);
  if (mode.kind === "absolute") return mode.bits;
  if (mode.kind === "symbolic") return mode.apply(before, isDirectory);
  throw new Error(`not a file mode: ${text}`);
}
