/**
 * The one place where a value becomes shell text: single quotes, in which POSIX sh knows no special character at all (XCU 2.2.2).
 * Throws on NUL, which no argument can hold.
 */
export function quote(value: string): string {
  if (value.includes("\0")) throw new Error("a shell argument cannot hold a NUL character");
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A call of a function of the host program: a name of ours and quoted arguments. */
export function call(name: string, ...args: readonly (string | number)[]): string {
  return [name, ...args.map((arg) => quote(String(arg)))].join(" ");
}
