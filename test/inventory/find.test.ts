import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findInventory, isYamlInventory } from "../../src/inventory/find.ts";
import { withFiles } from "./folder.ts";

const FILES = {
  "inventory/a.yml": "",
  "inventory/a.ini": "",
  "inventory/b.yaml": "",
  "inventory/c.ini": "",
  "inventory/d/hosts": "",
  "inventory/d/20.ini": "",
  "inventory/d/10.yml": "",
  "inventory/d/README": "",
  "inventory/d/old.yml~": "",
  "inventory/d/.hidden.yml": "",
  "inventory/d/group_vars/all.yml": "",
  "inventory/d/x.yml/all.yml": "",
  "inventory/empty/README": "",
  "elsewhere/prod": "",
  a: "",
};

for (const [name, files, folder] of [
  ["a", ["inventory/a.yml"], "inventory"],
  ["b", ["inventory/b.yaml"], "inventory"],
  ["c", ["inventory/c.ini"], "inventory"],
  ["d", ["inventory/d/10.yml", "inventory/d/20.ini", "inventory/d/hosts"], "inventory/d"],
  ["elsewhere/prod", ["elsewhere/prod"], "elsewhere"],
  ["inventory/a.ini", ["inventory/a.ini"], "inventory"],
  ["./a", ["a"], "."],
] as const) {
  test(`findInventory: ${name}`, () =>
    withFiles(FILES, (cwd) => {
      const { found, problems } = findInventory(name, cwd);
      assert.deepEqual(problems, []);
      assert.ok(found?.kind === "files");
      const normal = (path: string) => join(path);
      assert.deepEqual([found.files.map(normal), normal(found.folder)], [files, folder]);
    }));
}

test("findInventory: with a comma it is the hosts themselves", () =>
  withFiles({}, (cwd) => assert.equal(findInventory("db1,", cwd).found?.kind, "host-list")));

test("findInventory names the places where it looked", () =>
  withFiles(FILES, (cwd) => {
    const { found, problems } = findInventory("prod", cwd);
    assert.equal(found, undefined);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["INVENTORY_MISSING"],
    );
    const [problem] = problems;
    for (const place of ["inventory/prod.yml", "inventory/prod.yaml", "inventory/prod.ini", "inventory/prod/"]) {
      assert.ok(problem?.message.includes(place), problem?.message);
    }
    assert.match(problem?.hint ?? "", /-i prod,/);
  }));

test("findInventory: a folder without an inventory, and an empty name", () =>
  withFiles(FILES, (cwd) => {
    assert.deepEqual(
      findInventory("empty", cwd).problems.map(({ code }) => code),
      ["INVENTORY_MISSING"],
    );
    assert.deepEqual(
      findInventory("", cwd).problems.map(({ code }) => code),
      ["INVENTORY_MISSING"],
    );
  }));

for (const [name, text, code] of [
  ["dynamic", "#!/bin/sh\n", "UNSUPPORTED"],
  ["dynamic.yml", "#!/bin/sh\n", "UNSUPPORTED"],
  ["data.yml", "db:\n", undefined], // some file systems call every file executable
] as const) {
  test(`findInventory: the executable file ${name} is ${code ?? "data"}`, () =>
    withFiles({ [name]: text }, (cwd) => {
      chmodSync(join(cwd, name), 0o755);
      assert.equal(findInventory(name, cwd).problems[0]?.code, code);
    }));
}

for (const [file, text, is] of [
  ["x.yml", "[db]", true],
  ["x.json", "{}", true],
  ["x.ini", "db:", false],
  ["hosts", "# c\n\n[db]\nh\n", false],
  ["hosts", "# c\ndb:\n  hosts:\n", true],
  ["hosts", "---\n", true],
  ["hosts", '{"db": {}}', true],
  ["hosts", "db1:22 x=1\n", false],
  ["hosts", "db1\n", false],
  ["hosts", "", false],
] as const) {
  test(`isYamlInventory: ${file} with ${JSON.stringify(text)} is ${is}`, () =>
    assert.equal(isYamlInventory({ file, text }), is));
}
