import assert from "node:assert/strict";
import { test } from "node:test";
import { predict } from "../../src/plan/predict.ts";
import type { HostState } from "../../src/state/host-state.ts";
import { editHba } from "../../src/tasks/edit-hba.ts";
import { CORPUS, corpusFiles, corpusJson, corpusText, hasCorpus, MAJORS } from "../postgres/corpus.ts";
import { argumentsOf, HBA, hostWith, setting } from "./cluster-files.ts";

/** What a real server of that major made of a line: a row of pg_hba_file_rules. */
type Row = {
  line_number: number;
  type: string | null;
  address: string | null;
  auth_method: string | null;
  error: string | null;
};

if (hasCorpus) {
  for (const major of MAJORS) {
    test(`edit-hba with require_tls, ${major}: of each real file it changes the records that the server reads as open, byte for byte`, () => {
      for (const file of corpusFiles("hba", ".conf")) {
        const rows = corpusJson<Row[]>(`hba/truth-pg${major}/${file.replace(".conf", ".json")}`);
        const text = corpusText(`hba/${file}`);
        const planned = editHba.plan(argumentsOf(editHba, { require_tls: true }), hostOf(text, major));
        const isRefused = rows.some(({ type, error }) => type === null || error !== null);
        if (isRefused && planned.outcome === "refused") continue;
        assert.ok(planned.outcome === "ok" || planned.outcome === "change", `${file}: ${JSON.stringify(planned)}`);
        const after = planned.outcome === "ok" ? text : textOf(planned.changes.reduce(predict, hostOf(text, major)));
        const open = rows.filter(isOpenToNetwork).map(({ line_number }) => line_number);
        // Of a record with a method that its build lacks (npm's have no ldap, pam, gss) the server tells nothing.
        if (!isRefused) assertOnlyTypes(text, after, new Set(open), file);
        const again = editHba.plan(argumentsOf(editHba, { require_tls: true }), hostOf(after, major));
        assert.equal(again.outcome, "ok", `${file}: the second time`);
      }
    });
  }

  test("edit-hba as the shipped playbook asks for it refuses no file that a server loads, and is done after once", () => {
    for (const file of corpusFiles("hba", ".conf")) {
      const rows = corpusJson<Row[]>(`hba/truth-pg16/${file.replace(".conf", ".json")}`);
      if (rows.some(({ type, error }) => type === null || error !== null)) continue;
      const args = argumentsOf(editHba, { require_tls: true, clientcert: "verify-ca" });
      const state = hostOf(corpusText(`hba/${file}`), 16);
      const planned = editHba.plan(args, state);
      assert.ok(planned.outcome === "ok" || planned.outcome === "change", `${file}: ${JSON.stringify(planned)}`);
      if (planned.outcome === "ok") continue;
      assert.equal(editHba.plan(args, planned.changes.reduce(predict, state)).outcome, "ok", file);
    }
  });
} else {
  test(`no corpus at ${CORPUS.pathname}`, { skip: true }, () => {});
}

/** A host whose pg_hba.conf has these bytes, one a character, with TLS on. */
function hostOf(latin1: string, major: number): HostState {
  const on = { ssl: setting("on", { vartype: "bool" }), ssl_ca_file: setting("root.crt") };
  const state = hostWith({ hba: "" }, { major, more: on });
  const file = state.files.get(HBA);
  assert.ok(file !== undefined && file !== "absent");
  return { ...state, files: new Map([[HBA, { ...file, content: { kind: "text", latin1 } }]]) };
}

function textOf({ files }: HostState): string {
  const file = files.get(HBA);
  assert.ok(file !== undefined && file !== "absent" && file.content.kind === "text");
  return file.content.latin1;
}

function isOpenToNetwork({ type, address, auth_method }: Row): boolean {
  const isOpen = type === "host" || type === "hostnossl" || type === "hostnogssenc";
  const isOwnMachine =
    address === "samehost" || address === "localhost" || address === "::1" || /^127\./.test(address ?? "");
  return isOpen && !isOwnMachine && auth_method !== "reject";
}

/** Lines of `open` differ in the record's type alone; all others not at all. */
function assertOnlyTypes(before: string, after: string, open: ReadonlySet<number>, file: string): void {
  const [was, is] = [before.split("\n"), after.split("\n")];
  assert.equal(is.length, was.length, file);
  for (const [i, line] of was.entries()) {
    const now = is[i] ?? "";
    if (!open.has(i + 1)) {
      assert.equal(now, line, `${file}:${i + 1}`);
      continue;
    }
    const [type, rest] = [/^\s*(\S+)/.exec(now)?.[1], now.replace(/^(\s*)\S+\s+/, "$1")];
    assert.equal(type, "hostssl", `${file}:${i + 1}`);
    // Blanks behind the type may give way, so that the columns stay where they are.
    assert.equal(rest, line.replace(/^(\s*)\S+\s+/, "$1"), `${file}:${i + 1}`);
  }
}
