import { badTemplate } from "./template-fault.ts";

/** A regular expression as Ansible's users write it (Python's), in JavaScript. */
export function pythonRegex(pattern: string, flags = ""): RegExp {
  const inline = /^\(\?([ims]+)\)/.exec(pattern);
  const body = pattern
    .slice(inline?.[0].length ?? 0)
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replace(/\\A/g, "^")
    .replace(/\\Z/g, "$");
  try {
    return new RegExp(body, [...new Set(`${flags}${inline?.[1] ?? ""}`)].join(""));
  } catch {
    throw badTemplate(`"${pattern}" is not a regular expression`);
  }
}

/** Python's `\1` and `\g<name>` in a replacement, as JavaScript's. */
export function pythonReplacement(text: string): string {
  return text
    .replaceAll("$", "$$$$")
    .replace(/\\g<(\d+)>|\\(\d+)/g, "$$$1$2")
    .replace(/\\g<(\w+)>/g, "$$<$1>")
    .replaceAll("\\\\", "\\");
}
