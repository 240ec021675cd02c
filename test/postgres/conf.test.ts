import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatValue, setSettings } from "../../src/postgres/conf-edit.ts";
import { linesOf, readConf } from "../../src/postgres/conf-file.ts";
import type { Setting } from "../../src/state/host-state.ts";
import { CORPUS, corpusFiles, corpusJson, corpusText, hasCorpus } from "./corpus.ts";

/** "1 port=5433", "2 ! near", "3 include x". */
function read(text: string): string[] {
  return readConf(text).lines.flatMap((line) => {
    if (line.kind === "empty") return [];
    if (line.kind === "broken") return [`${line.number} ! ${line.near ?? "end of line"}`];
    if (line.kind === "include") return [`${line.number} ${line.directive} ${line.value}`];
    return [`${line.number} ${line.name}=${line.value}`];
  });
}

for (const [title, text, rows] of [
  [
    "no blanks, no equals sign, any case",
    "port=5433\nPORT 5434\n  port\t=\t5435  ",
    ["1 port=5433", "2 PORT=5434", "3 port=5435"],
  ],
  ["a comment is glued on", "ssl=on#c", ["1 ssl=on"]],
  [
    "quotes are doubled or escaped",
    "a = 'it''s'\nb = 'it\\'s'\nc = 'a # b'\nd = '\\101\\n\\\\'",
    ["1 a=it's", "2 b=it's", "3 c=a # b", "4 d=A\n\\"],
  ],
  ["CRLF", "port = 5433\r\nssl = on\r\n", ["1 port=5433", "2 ssl=on"]],
  [
    "words, numbers and units",
    "a = certs/server.crt\nb = scram-sha-256\nc = TLSv1.2\nd = 0777\ne = 4MB\nf = 1.5e3\ng = -1",
    ["1 a=certs/server.crt", "2 b=scram-sha-256", "3 c=TLSv1.2", "4 d=0777", "5 e=4MB", "6 f=1.5e3", "7 g=-1"],
  ],
  ["names with a class", "my.thing = 1", ["1 my.thing=1"]],
  [
    "what does not lex (hercules-team/augeas#700)",
    "a = *\nb = \"on\"\nc = /etc/x.crt\nd = server.crt\ne = %m\nf = a,b\ng = 4 MB\nh\ni =\nj = 'a' 'b'\nmy.custom.x = 1",
    [
      "1 ! *",
      '2 ! "',
      "3 ! /",
      "4 ! server.crt",
      "5 ! %",
      "6 ! ,",
      "7 ! MB",
      "8 ! end of line",
      "9 ! end of line",
      "10 ! 'b'",
      "11 ! my.custom.x",
    ],
  ],
  [
    "includes",
    "include 'a.conf'\nInclude_Dir = 'conf.d'\ninclude_if_exists 'b.conf'",
    ["1 include a.conf", "2 include_dir conf.d", "3 include_if_exists b.conf"],
  ],
  ["a byte order mark is part of the name", "\xef\xbb\xbfport = 1", ["1 \xef\xbb\xbfport=1"]],
] as const) {
  test(`readConf: ${title}`, () => assert.deepEqual(read(text), rows));
}

const bool: Setting = { running: "off", context: "sighup", vartype: "bool", source: "default", pendingRestart: false };
const types = new Map([["ssl", bool]]);

for (const [title, text, wanted, expected] of [
  [
    "the last active line is set, the others stay (ansible/ansible#30235)",
    "shared_buffers = 128MB # min 128kB\nport = 1\nshared_buffers = 4GB\t# c\n",
    { shared_buffers: "1GB" },
    "shared_buffers = 128MB # min 128kB\nport = 1\nshared_buffers = '1GB'\t# c\n",
  ],
  [
    "behind the commented default, and not again (ansible/ansible#29776)",
    "#ssl = off\n#port = 5432\n",
    { ssl: "on" },
    "#ssl = off\nssl = on\n#port = 5432\n",
  ],
  [
    "a sentence is no default",
    "# ssl is set below\n#ssl_cert_file = 'server.crt'\n",
    { ssl: "on" },
    "# ssl is set below\n#ssl_cert_file = 'server.crt'\nssl = on\n",
  ],
  [
    "the default has a comment of its own",
    "#listen_addresses = 'localhost'\t\t# what IP\n",
    { listen_addresses: "*" },
    "#listen_addresses = 'localhost'\t\t# what IP\nlisten_addresses = '*'\n",
  ],
  ["names in any case (ansible/ansible#38655)", "PORT = 5433\n", { port: "5434" }, "PORT = 5434\n"],
  ["without an equals sign", "ssl off#c\n", { ssl: "on" }, "ssl on#c\n"],
  ["what says the same stays (ansible/ansible#57686)", "ssl = yes\n", { ssl: "on" }, "ssl = yes\n"],
  ["a prefix too", "ssl = t\n", { ssl: "on" }, "ssl = t\n"],
  ["appended to a file without a last newline", "port = 1", { ssl: "on", a: "b" }, "port = 1\nssl = on\na = 'b'"],
  ["appended to an empty file", "", { ssl: "on" }, "ssl = on\n"],
  [
    "CRLF files stay so (ansible/ansible#85283)",
    "#ssl = off\r\nport = 1\r\n",
    { ssl: "on", b: "x" },
    "#ssl = off\r\nssl = on\r\nport = 1\r\nb = 'x'\r\n",
  ],
  [
    "behind a default on the last line, without a newline",
    "#ssl = off",
    { ssl: "on", b: "x" },
    "#ssl = off\nssl = on\nb = 'x'",
  ],
  [
    "unset: every active line is commented out",
    "ssl = on # c\n  ssl off\nport = 1\n",
    { ssl: null },
    "#ssl = on # c\n#  ssl off\nport = 1\n",
  ],
  ["unset of what is not set", "#ssl = on\n", { ssl: null }, "#ssl = on\n"],
  [
    "quotes and backslashes",
    "",
    { ssl_passphrase_command: "echo 'a\\b' \"%p\"" },
    "ssl_passphrase_command = 'echo ''a\\\\b'' \"%p\"'\n",
  ],
  ["an empty text", "ssl_ca_file = 'x'\n", { ssl_ca_file: "" }, "ssl_ca_file = ''\n"],
] as const satisfies readonly (readonly [string, string, Record<string, string | null>, string])[]) {
  test(`setSettings: ${title}`, () => {
    const wish = new Map<string, string | null>(Object.entries(wanted));
    const once = setSettings(text, wish, { types });
    assert.equal(once.problem, undefined);
    assert.equal(once.text, expected);
    const twice = setSettings(expected, wish, { types });
    assert.deepEqual([twice.text, twice.changed], [expected, []], "a second time changes nothing");
  });
}

test("setSettings tells which lines count for nothing", () => {
  const { duplicates } = setSettings("a = 1\nb = 2\nA = 3\n", new Map([["a", "4"]]));
  assert.deepEqual(duplicates, [{ name: "a", line: 1, decidedBy: 3 }]);
});

test("setSettings puts a new line at the end where an included file would win", () => {
  const { text } = setSettings("#ssl = off\ninclude_dir 'conf.d'\n", new Map([["ssl", "on"]]), {
    atEnd: new Set(["ssl"]),
  });
  assert.equal(text, "#ssl = off\ninclude_dir 'conf.d'\nssl = on\n");
});

const confText = fc
  .array(
    fc.constantFrom(
      "ssl",
      "port",
      "my.x",
      "=",
      " ",
      "\t",
      "\n",
      "\r\n",
      "#",
      "'",
      "\\",
      "on",
      "5433",
      "1.5",
      "4MB",
      "include",
      "*",
      "\xe9",
      ",",
    ),
    { maxLength: 40 },
  )
  .map((words) => words.join(""));
const value = fc.oneof(
  fc.constantFrom("on", "off", "1", "1.5", "128MB", "", "'", "\\", "''", "\\'"),
  fc.string({ maxLength: 8 }).filter((text) => /^[^\0\r\n]*$/.test(text) && /^[\x00-\xff]*$/.test(text)),
);

test("readConf loses no character", () => {
  fc.assert(
    fc.property(confText, (text) => {
      const { lines } = readConf(text);
      assert.equal(lines.map(({ offset, length }) => text.slice(offset, offset + length)).join(""), text);
    }),
  );
});

test("a value is written so that it is read again", () => {
  fc.assert(
    fc.property(value, (wanted) => {
      const [line] = readConf(`x = ${formatValue(wanted)}`).lines;
      assert.ok(line?.kind === "setting");
      assert.equal(line.value, wanted);
    }),
  );
});

test("setSettings: twice is once, the value is the last one, other lines keep their bytes", () => {
  fc.assert(
    fc.property(confText, value, (text, wanted) => {
      const once = setSettings(text, new Map([["ssl", wanted]]));
      assert.equal(once.problem, undefined);
      assert.equal(setSettings(once.text, new Map([["ssl", wanted]])).text, once.text);
      assert.equal(linesOf(readConf(once.text), "ssl").at(-1)?.value, wanted);
      const changed = new Set(linesOf(readConf(once.text), "ssl").map(({ number }) => number));
      // A line that had no newline gets the file's, which may be CRLF.
      const lines = (source: string) => source.split(/\r*\n/);
      const kept = lines(once.text).filter((_, i) => !changed.has(i + 1));
      const before = new Set(lines(text));
      for (const line of kept) assert.ok(before.has(line));
    }),
  );
});

type Truth = {
  file: string | null;
  sourceline: number;
  name: string | null;
  setting: string | null;
  error: string | null;
};

function ourRows(text: string): string[] {
  return readConf(text).lines.flatMap((line) => {
    if (line.kind === "setting") return [JSON.stringify([line.number, line.name, line.value])];
    return line.kind === "broken" ? [JSON.stringify([line.number, "syntax error"])] : [];
  });
}

function theirRows(rows: readonly Truth[]): string[] {
  return rows.flatMap(({ file, sourceline, name, setting, error }) => {
    // Included files are not at hand, and what the server itself can't apply says nothing about the reading.
    if (file === null || !file.endsWith("postgresql.conf") || /^could not open/.test(error ?? "")) return [];
    return [JSON.stringify(name === null ? [sourceline, error] : [sourceline, name, setting])];
  });
}

if (hasCorpus) {
  for (const major of [12, 15, 18]) {
    test(`our reading of the corpus is pg_file_settings of PostgreSQL ${major}`, (t) => {
      let rows = 0;
      for (const name of corpusFiles("conf", ".conf")) {
        const theirs = theirRows(corpusJson<Truth[]>(`conf/truth-pg${major}/${name.replace(".conf", ".json")}`));
        assert.deepEqual(ourRows(corpusText(`conf/${name}`)), theirs, name);
        rows += theirs.length;
      }
      t.diagnostic(`${rows} rows`);
      assert.ok(rows > 500);
    });
  }

  for (const major of [12, 13, 14, 15, 16, 17, 18]) {
    test(`and of single lines, PostgreSQL ${major}`, () => {
      for (const { input, rows } of corpusJson<{ input: string; rows: Truth[] }[]>(`lines/conf-lines-pg${major}.json`))
        assert.deepEqual(ourRows(input), theirRows(rows), input);
    });
  }

  test("ssl is set in real files by one line, and a second time nothing changes", () => {
    for (const name of corpusFiles("conf", ".conf")) {
      const text = corpusText(`conf/${name}`);
      const once = setSettings(text, new Map([["ssl", "on"]]), { types });
      assert.equal(once.problem, undefined, name);
      assert.equal(setSettings(once.text, new Map([["ssl", "on"]]), { types }).text, once.text, name);
      const before = text.split("\n");
      const after = once.text.split("\n");
      assert.ok(after.filter((line) => !before.includes(line)).length <= 1, name);
    }
  });
} else {
  test(`no corpus at ${CORPUS.pathname}`, { skip: true }, () => {});
}
