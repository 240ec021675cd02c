import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { noTerminal, openTerminal } from "./terminal.ts";

const reason = noTerminal();
const options = reason === undefined ? {} : { skip: reason };
const feed = `${process.execPath} --import tsx ${fileURLToPath(new URL("live-feed.ts", import.meta.url))}`;
const FIVE = ["db01", "db02", "db03", "db04", "db05"];

test("the live screen has a line a host while they run, and is gone when the recap comes", options, async () => {
  using terminal = openTerminal(`echo before; LC_ALL=C.UTF-8 ${feed} five`, 100, 24);
  await terminal.shows(/3 running · 2 waiting/);
  const waiting = terminal.rows();
  assert.equal(waiting[0], "before");
  assert.deepEqual(
    waiting.slice(1, 6).map((row) => row.slice(2, 6)),
    FIVE,
  );
  assert.match(waiting[2] ?? "", /^. db02 +\d s {2}observing$/);
  assert.equal(waiting[5], `· db05${" ".repeat("  9 min 59 s  ".length)}waiting`);
  assert.ok(!terminal.isCursorShown());

  terminal.press("x");
  await terminal.shows(/3 of 5 hosts done · 1 unreachable · 1 rolled back · 1 ok · 2 running · \d+ s/);
  const [, db01, db02, db03, db04, db05, , ...below] = terminal.rows();
  assert.match(db01 ?? "", /^. db01 +\d+ s {2}writing {7}Require TLS in pg_hba.conf$/);
  assert.match(db02 ?? "", /^✓ db02 +0.3 s {2}ok$/);
  assert.match(db03 ?? "", /^✗ db03 +10 s {2}unreachable {3}no answer from 10.0.0.4:22 within 10 s$/);
  assert.match(db04 ?? "", /^. db04 +\d+ s {2}proving {7}a task whose name is far too long.*…$/);
  assert.match(db05 ?? "", /^↺ db05 +5.3 s {2}rolled back {3}the served certificate/);
  assert.deepEqual(below, []);

  terminal.press("x");
  await terminal.shows(/5 of 5 hosts done · 1 unreachable · 1 rolled back · 2 changed · 1 ok/);
  terminal.press("x");
  await terminal.shows(/feed ended/);
  const after = terminal.rows("history");
  assert.equal(after[0], "before");
  assert.ok(!after.some((row) => row.includes("hosts done")), after.join("\n"));
  for (const host of FIVE) assert.equal(after.filter((row) => row.startsWith(`${host} `)).length, 1, host);
  assert.ok(!after.some((row) => /^. db0/.test(row)), after.join("\n"));
  assert.ok(terminal.isCursorShown());
});

test("sixty hosts on 24 rows: those in trouble, those that run longest, and the count of all", options, async () => {
  using terminal = openTerminal(`echo before; LC_ALL=C.UTF-8 ${feed} sixty`, 100, 24);
  await terminal.shows(/0 of 60 hosts done · 50 running · 10 waiting/);
  terminal.press("x");
  await terminal.shows(/30 of 60 hosts done · 15 unreachable · 15 changed · 20 running · 10 waiting/);
  const rows = terminal.rows();
  assert.equal(rows.length, 23);
  assert.deepEqual(rows.filter((row) => row.startsWith("✗")).length, 11);
  assert.deepEqual(rows.filter((row) => row.includes("observing")).length, 11);
  const all = terminal.rows("history");
  assert.equal(all[0], "before");
  assert.equal(all.length, 24);

  terminal.press("x");
  await terminal.shows(/60 of 60 hosts done/);
  terminal.press("x");
  await terminal.shows(/feed ended/);
  const after = terminal.rows("history");
  assert.equal(after[0], "before");
  assert.ok(!after.some((row) => row.includes("hosts done") || row.includes("observing")), after.join("\n"));
});

test("a terminal that gets narrower, lower and wider again shows each host once", options, async () => {
  using terminal = openTerminal(`LC_ALL=C.UTF-8 ${feed} five`, 100, 24);
  await terminal.shows(/2 waiting/);
  terminal.press("x");
  await terminal.shows(/3 of 5 hosts done/);
  for (const [columns, rows] of [
    [50, 24],
    [120, 24],
    [70, 10],
    [30, 24],
    [100, 24],
  ] as const) {
    terminal.resize(columns, rows);
    await terminal.comesTo(`each host once at ${columns} columns`, (seen) => {
      const isOnce = FIVE.every((host) => seen.filter((row) => row.includes(host)).length === 1);
      return isOnce && seen.filter((row) => row.includes("of 5 hosts done")).length === 1;
    });
  }
});

test("NO_COLOR and a locale without UTF-8 are honoured", options, async () => {
  using terminal = openTerminal(`NO_COLOR=1 LC_ALL=C ${feed} five`, 100, 24);
  await terminal.shows(/2 waiting/);
  terminal.press("x");
  await terminal.shows(/3 of 5 hosts done \| 1 unreachable/);
  assert.match(terminal.coloured(), /^x db03 .*\n. db04 .*~\n< db05/m);
  assert.ok(!terminal.coloured().includes("\x1b"));
});

test("the screen leaves nothing in a redirected standard output", options, async () => {
  const directory = mkdtempSync(join(tmpdir(), "pgmtls-live-"));
  try {
    using terminal = openTerminal(`LC_ALL=C.UTF-8 ${feed} five > ${directory}/out; echo over`, 100, 24);
    await terminal.shows(/2 waiting/);
    for (const shown of [/3 of 5 hosts/, /5 of 5 hosts/, /over/]) {
      terminal.press("x");
      await terminal.shows(shown);
    }
    assert.equal(readFileSync(join(directory, "out"), "utf8"), "feed ended\n");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
