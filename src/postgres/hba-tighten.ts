import { isLoopback } from "./hba-address.ts";
import { asItIs, type ExpectedLine, type HbaFile, type HbaLine, misread, readHba, sourceOf } from "./hba-file.ts";
import { covers, isReplication, takesPlainText } from "./hba-match.ts";
import { clientCertStrength, clientCertValue, methodProblem, missingOption, optionBelongs } from "./hba-methods.ts";
import type { HbaRecord, HbaRule } from "./hba-record.ts";
import { type HbaSelection, selects } from "./hba-select.ts";
import type { HbaToken } from "./hba-tokens.ts";
import { applyEdits, type Edit } from "./text-edit.ts";

export type TightenOptions = {
  /** `host`, `hostnossl` and `hostnogssenc` become `hostssl`. */
  requireTls: boolean;
  /** Records that only this machine can match are changed too. */
  loopback?: boolean;
  /** At least that much is asked of `hostssl` records; method `cert` asks for verify-full by itself. */
  clientCert?: "verify-ca" | "verify-full";
  method?: string;
  select?: HbaSelection;
};

export type RecordChange = {
  line: number;
  before: string;
  after: string;
  /** In few words, equal for equal changes: "host -> hostssl", "clientcert=verify-ca". */
  did: readonly string[];
};

export type OpenLine = { line: HbaLine; why: string; isLoopback: boolean };

export type Tightened = {
  text: string;
  changed: readonly RecordChange[];
  /** By what plain text can still enter, in the order in which the server asks them. */
  stillOpen: readonly OpenLine[];
  /** Records that can't become what was asked. Where there is one, `text` is the old one. */
  problems: readonly { line: HbaLine; message: string; hint?: string }[];
};

/** Sends everybody who comes over the network through TLS; records with `reject`, and `hostgssenc`, stay. */
export function requireTls(text: string, major: number, options: Omit<TightenOptions, "requireTls"> = {}): Tightened {
  return tighten(text, major, { ...options, requireTls: true });
}

/** Changes the records that are selected (all but `local` and loopback ones where nothing is), and nothing else of the text. */
export function tighten(text: string, major: number, options: TightenOptions): Tightened {
  const file = readHba(text, major);
  const edits: Edit[] = [];
  const did = new Map<HbaLine, readonly string[]>();
  const problems: { line: HbaLine; message: string; hint?: string }[] = [];
  const expected: ExpectedLine[] = [];
  for (const line of file.lines) {
    const wanted = line.kind === "record" ? wantedRule(line.record, options, major) : undefined;
    if (wanted === undefined || line.kind !== "record") {
      expected.push(...asItIs(file, line));
      continue;
    }
    if ("message" in wanted) {
      problems.push({ line, ...wanted });
      continue;
    }
    const lineEdits = editsOf(text, line.record, wanted);
    expected.push(...(lineEdits.length === 0 ? asItIs(file, line) : [wanted]));
    if (lineEdits.length === 0) continue;
    edits.push(...lineEdits);
    did.set(line, summary(line.record, wanted));
  }
  const result = applyEdits(text, edits);
  const after = readHba(result, major);
  if (problems.length === 0) problems.push(...misread(after, expected));
  if (problems.length > 0) return { text, changed: [], stillOpen: openLines(file), problems };
  const changed = file.lines.flatMap((line, i) => {
    const doings = did.get(line);
    const now = after.lines[i];
    if (doings === undefined || now === undefined) return [];
    return [{ line: line.number, before: sourceOf(file, line), after: sourceOf(after, now), did: doings }];
  });
  return { text: result, changed, stillOpen: openLines(after), problems };
}

/** By what plain text can enter: included files, which are not searched, and records that no earlier one keeps it from. */
export function openLines(file: HbaFile): OpenLine[] {
  const open: OpenLine[] = [];
  const rejecting: HbaRule[] = [];
  for (const line of file.lines) {
    if (line.kind === "include")
      open.push({ line, why: "included files are not searched: plain text may get in by them", isLoopback: false });
    if (line.kind !== "record" || !takesPlainText(line.record.type)) continue;
    // Of the connections that both match, only plain ones are asked about here.
    const plain: HbaRule = { ...line.record, type: "host" };
    if (rejecting.some((rule) => covers(rule, plain))) continue;
    if (line.record.method === "reject") rejecting.push(plain);
    else open.push({ line, ...whyOpen(line.record) });
  }
  return open;
}

function whyOpen(record: HbaRecord): { why: string; isLoopback: boolean } {
  if (record.address !== undefined && isLoopback(record.address))
    return { why: "this machine itself may still connect in plain text", isLoopback: true };
  if (isReplication(record)) return { why: "replication may still come in plain text", isLoopback: false };
  return { why: "clients may still connect in plain text", isLoopback: false };
}

/** What the record shall be; undefined where it is not selected. */
function wantedRule(
  record: HbaRecord,
  options: TightenOptions,
  major: number,
): HbaRule | { message: string; hint?: string } | undefined {
  const { select = {} } = options;
  if (!selects(select, record)) return undefined;
  if (record.type === "local" && select.types === undefined) return undefined;
  if (options.loopback !== true && record.address !== undefined && isLoopback(record.address)) return undefined;
  const isRejecting = record.method === "reject" && select.methods?.includes("reject") !== true;
  const type = options.requireTls && takesPlainText(record.type) && !isRejecting ? "hostssl" : record.type;
  const typed: HbaRule = { ...record, type };
  const changed = isRejecting ? typed : withMethod(typed, options.method, major);
  return "message" in changed ? changed : withClientCert(changed, options.clientCert, major);
}

function withMethod(
  rule: HbaRule,
  method: string | undefined,
  major: number,
): HbaRule | { message: string; hint?: string } {
  if (method === undefined || method === rule.method) return rule;
  const misplaced = methodProblem(method, rule.type);
  if (misplaced !== undefined) {
    // It is encrypted already, and who comes by it has no client certificate to show.
    if (rule.type === "hostgssenc") return rule;
    return { message: misplaced, ...(method === "cert" ? { hint: "require_tls: true makes them hostssl" } : {}) };
  }
  const options = rule.options.filter(({ name }) => optionBelongs(name, method, major));
  const missing = missingOption(method, new Map(options.map(({ name, value }) => [name, value])));
  return missing === undefined ? { ...rule, method, options } : { message: missing };
}

function withClientCert(
  rule: HbaRule,
  strength: "verify-ca" | "verify-full" | undefined,
  major: number,
): HbaRule | { message: string; hint?: string } {
  if (strength === undefined || rule.type !== "hostssl" || rule.method === "cert" || rule.method === "reject")
    return rule;
  const value = clientCertValue(strength, major);
  if (value === undefined)
    return { message: `PostgreSQL ${major} compares names with method cert only, not with clientcert=${strength}` };
  const given = rule.options.findLast(({ name }) => name === "clientcert")?.value;
  const wanted = clientCertStrength(value, major);
  const has = clientCertStrength(given, major);
  if (has > wanted || (has === wanted && given === value)) return rule;
  const option = { name: "clientcert", value };
  const options = rule.options.map((existing) => (existing.name === "clientcert" ? option : existing));
  return { ...rule, options: given === undefined ? [...options, option] : options };
}

function editsOf(text: string, record: HbaRecord, wanted: HbaRule): Edit[] {
  const edits: Edit[] = [];
  if (record.type !== wanted.type) edits.push(typeEdit(text, record.tokens.type, wanted.type));
  if (record.method !== wanted.method) edits.push(replacing(record.tokens.method, wanted.method));
  const kept = record.options.filter(({ name }) => wanted.options.some((option) => option.name === name));
  const added = wanted.options.filter(({ name }) => record.options.every((option) => option.name !== name));
  const spelled = added.map(({ name, value }) => ` ${name}=${value}`).join("");
  if (kept.length < record.options.length) {
    // Rewritten as a whole: what goes may stand in a comma list with what stays.
    const offset = endOf(record.tokens.method);
    const words = kept.map((option) => ` ${respelled(text, option, wanted)}`).join("");
    return [...edits, { offset, length: endOf(record.tokens.last) - offset, text: words + spelled }];
  }
  for (const option of kept) {
    const spelling = respelled(text, option, wanted);
    if (spelling !== source(text, option.token)) edits.push(replacing(option.token, spelling));
  }
  if (spelled !== "") edits.push({ offset: endOf(record.tokens.last), length: 0, text: spelled });
  return edits;
}

const WIDEST_GAP = 200;

/** The longer word takes the blanks behind it, so that the columns stay where they are; one blank stays. */
function typeEdit(text: string, token: HbaToken, type: string): Edit {
  const gap = /^ +(?=[^ \t\r])/.exec(text.slice(endOf(token), endOf(token) + WIDEST_GAP))?.[0].length ?? 0;
  const eaten = Math.max(0, Math.min(type.length - token.length, gap - 1));
  return { offset: token.offset, length: token.length + eaten, text: type };
}

function respelled(text: string, option: HbaRecord["options"][number], wanted: HbaRule): string {
  const value = wanted.options.find(({ name }) => name === option.name)?.value;
  return option.name === "clientcert" && value !== undefined && value !== option.value
    ? `${option.name}=${value}`
    : source(text, option.token);
}

function summary(record: HbaRule, wanted: HbaRule): string[] {
  const did: string[] = [];
  if (record.type !== wanted.type) did.push(`${record.type} -> ${wanted.type}`);
  if (record.method !== wanted.method) did.push(`${record.method} -> ${wanted.method}`);
  const value = (rule: HbaRule) => rule.options.findLast(({ name }) => name === "clientcert")?.value;
  const now = value(wanted);
  if (now !== undefined && now !== value(record)) did.push(`clientcert=${now}`);
  return did;
}

function replacing(token: HbaToken, text: string): Edit {
  return { offset: token.offset, length: token.length, text };
}

function endOf(token: HbaToken): number {
  return token.offset + token.length;
}

function source(text: string, token: HbaToken): string {
  return text.slice(token.offset, endOf(token));
}
