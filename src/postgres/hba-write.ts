import { formatAddress, type HbaName, type HbaOption, type HbaRule } from "./hba-record.ts";

/** A rule as a line without its ending, in the columns of PostgreSQL's own sample file. Control characters are for the caller to refuse. */
export function formatRule(rule: HbaRule): string {
  const columns = [
    rule.type.padEnd(7),
    rule.databases.map(formatName).join(",").padEnd(15),
    rule.users.map(formatName).join(",").padEnd(15),
    (rule.address === undefined ? "" : formatAddress(rule.address)).padEnd(23),
    [rule.method, ...rule.options.map(formatOption)].join(" "),
  ];
  return columns.join(" ");
}

/** A name with the quotes it needs. What `+` and `@` mean must stay outside of them. */
export function formatName({ text, quoted }: HbaName): string {
  if (quoted) return quote(text);
  const marker = /^[+@]/.test(text) ? text.charAt(0) : "";
  const rest = text.slice(marker.length);
  return needsQuotes(rest) ? marker + quote(rest) : text;
}

export function formatOption({ name, value }: HbaOption): string {
  return `${name}=${needsQuotes(value) && value !== "" ? quote(value) : value}`;
}

/** A name as people write it in a playbook: in quotes it is that very name, so `"all"` is no keyword. */
export function readName(text: string): HbaName {
  return /^"(?:[^"]|"")*"$/.test(text)
    ? { text: text.slice(1, -1).replaceAll('""', '"'), quoted: true }
    : { text, quoted: false };
}

function needsQuotes(text: string): boolean {
  // A backslash at the end of a line would continue it.
  return text === "" || /[ \t\r,"#]|\\$/.test(text);
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
