import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { toValue } from "../../src/document/value.ts";
import type { Inventory } from "../../src/inventory/inventory.ts";
import { loadInventory } from "../../src/inventory/load.ts";
import { withFiles } from "./folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

for (const [name, files, places] of [
  ["a child that does not exist", { hosts: "[eu]\n[db:children]\neuu\n" }, ["UNKNOWN_GROUP hosts:3:1+3"]],
  ["variables of a group that does not exist", { hosts: "[db]\n[dbs:vars]\nx=1\n" }, ["UNKNOWN_GROUP hosts:2:2+3"]],
  ["a group in itself", { hosts: "[a:children]\na\n" }, ["GROUP_LOOP hosts:2:1+1"]],
  ["a loop of three", { hosts: "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n" }, ["GROUP_LOOP hosts:6:1+1"]],
  ["all as a child", { hosts: "[a:children]\nall\n" }, ["GROUP_LOOP hosts:2:1+3"]],
  ["a loop in YAML", { hosts: "a:\n  children:\n    b:\n      children:\n        a:\n" }, ["GROUP_LOOP hosts:5:9+1"]],
  ["a host named like a group of others", { hosts: "[db]\nh1\n[x]\ndb\n" }, ["AMBIGUOUS_NAME hosts:4:1+2"]],
  ["a bad priority", { hosts: "[a]\n[a:vars]\nansible_group_priority=high\n" }, ["WRONG_TYPE hosts:3:24+4"]],
  [
    "a file of variables that is a list",
    { hosts: "[a]\n", "group_vars/a.yml": "- 1\n" },
    ["WRONG_TYPE group_vars/a.yml:1:1+3"],
  ],
  [
    "bad YAML in host_vars",
    { hosts: "h\n", "host_vars/h.yml": "a: 1\na: 2\n" },
    ["DUPLICATE_KEY host_vars/h.yml:2:1+1"],
  ],
  [
    "a vault",
    { hosts: "h\n", "group_vars/all.yml": "$ANSIBLE_VAULT;1.1;AES256\n33\n" },
    ["UNSUPPORTED group_vars/all.yml:1:1+1"],
  ],
  ["a file that is not UTF-8", { hosts: "h\n", "group_vars/all.yml": Buffer.from([0xff, 0xfe]) }, ["FILE_UNREADABLE"]],
  [
    "everything at once",
    { hosts: "h x\n[a:children]\nnone\na\n", "group_vars/all.yml": "[1\n" },
    ["BAD_INI hosts:1:3+1", "UNKNOWN_GROUP hosts:3:1+4", "GROUP_LOOP hosts:4:1+1", "BAD_YAML group_vars/all.yml"],
  ],
] as const) {
  test(`loadInventory refuses ${name}`, () =>
    withFiles(files, (cwd) => {
      const { inventory, problems } = loadInventory(["hosts"], { cwd, adjacentTo: [] });
      assert.equal(inventory, undefined);
      const found = problems.map(({ code, at }) =>
        at ? `${code} ${at.file}:${at.line}:${at.col}+${at.length}` : code,
      );
      assert.equal(found.length, places.length, found.join("\n"));
      places.forEach((place, i) => {
        assert.ok(found[i]?.startsWith(place), `${found[i]} is not ${place}`);
      });
    }));
}

test("loadInventory: a group that does not exist comes with the one that was meant", () =>
  withFiles({ hosts: "[eu]\n[db:children]\neuu\n" }, (cwd) => {
    const [problem] = loadInventory(["hosts"], { cwd, adjacentTo: [] }).problems;
    assert.equal(problem?.hint, 'did you mean "eu"?');
  }));

test("loadInventory: a mistake in a list of hosts has its column", () =>
  withFiles({}, (cwd) => {
    const [problem] = loadInventory(["db1, db[3:1],"], { cwd, adjacentTo: [] }).problems;
    assert.deepEqual(
      [problem?.code, problem?.at?.file, problem?.at?.col, problem?.at?.length],
      ["BAD_RANGE", "-i", 8, 5],
    );
  }));

test("loadInventory: no inventory, and one that is missing", () =>
  withFiles({}, (cwd) => {
    const codes = (names: string[]) => loadInventory(names, { cwd, adjacentTo: [] }).problems.map(({ code }) => code);
    assert.deepEqual(codes([]), ["INVENTORY_MISSING"]);
    assert.deepEqual(codes(["a", "b"]), ["INVENTORY_MISSING", "INVENTORY_MISSING"]);
  }));

test("loadInventory: a host that is the only one of a group of its name is no mistake", () =>
  withFiles({ hosts: "[db1]\ndb1 x=1\n" }, (cwd) => {
    const { inventory } = loadInventory(["hosts"], { cwd, adjacentTo: [] });
    assert.deepEqual(valuesOf(inventory, "db1"), { x: 1 });
  }));

test("loadInventory: all < parent < child < host, and files over the inventory for each of them", () =>
  withFiles(
    {
      hosts: `[parent:children]
child
[child]
h v8=host v9=host
[all:vars]
v1=all
v2=all
[parent:vars]
v3=parent
v4=parent
v5=parent
[child:vars]
v5=child
v6=child
v7=child
v8=child
`,
      "group_vars/all.yml": "{ v2: all-file, v3: all-file }",
      "group_vars/parent.yml": "{ v4: parent-file, v5: parent-file }",
      "play/group_vars/parent.yml": "{ v10: play, v6: play }",
      "group_vars/child.yml": "{ v7: child-file, v8: child-file }",
      "play/host_vars/h.yml": "{ v9: play-host }",
    },
    (cwd) => {
      const { inventory } = loadInventory(["hosts"], { cwd, adjacentTo: ["play"] });
      assert.deepEqual(valuesOf(inventory, "h"), {
        v1: "all",
        v2: "all-file",
        v3: "parent",
        v4: "parent-file",
        v5: "child",
        v6: "child",
        v7: "child-file",
        v8: "host",
        v9: "play-host",
        v10: "play",
      });
      assert.deepEqual(inventory?.hosts.get("h")?.groups, ["all", "parent", "child"]);
    },
  ));

test("loadInventory: a folder that counts twice is read once, and its mistakes are said once", () =>
  withFiles({ hosts: "h\n", "group_vars/all.yml": "- 1\n" }, (cwd) => {
    assert.equal(loadInventory(["hosts", "./hosts"], { cwd, adjacentTo: ["."] }).problems.length, 1);
  }));

test("the two examples that ship are the same inventory", () => {
  const [yml, ini] = ["example", "inventory/example.ini"].map((name) => {
    const { inventory, problems } = loadInventory([name], { cwd: ROOT, adjacentTo: [] });
    assert.deepEqual(problems, []);
    return inventory;
  });
  assert.deepEqual(yml?.sources, ["inventory/example.yml"]);
  assert.deepEqual(contents(yml), contents(ini));
  assert.equal(yml?.hosts.size, 3);
});

for (const [form, text] of [
  ["INI", iniOf(3000, 40)],
  ["YAML", yamlOf(3000, 40)],
] as const) {
  test(`loadInventory: 3,000 hosts in 40 groups in ${form} take well under 2 s`, () =>
    withFiles({ hosts: text, "group_vars/all.yml": "a: 1\n", "host_vars/h7.yml": "b: 2\n" }, (cwd) => {
      const before = process.cpuUsage();
      const { inventory, problems } = loadInventory(["hosts"], { cwd, adjacentTo: [] });
      const { user, system } = process.cpuUsage(before);
      assert.deepEqual(problems, []);
      assert.equal(inventory?.hosts.size, 3000);
      assert.ok(user + system < 1_500_000, `${(user + system) / 1000} ms`);
    }));
}

function iniOf(hosts: number, groups: number): string {
  const lines = (g: number) =>
    Array.from(
      { length: hosts / groups },
      (_, i) => `h${g * (hosts / groups) + i} ansible_host=10.0.${g}.${i} role='a b' n=${i}`,
    );
  return Array.from({ length: groups }, (_, g) =>
    [`[g${g}]`, ...lines(g), `[g${g}:vars]`, `x=${g}`, `y=['a', 1]`].join("\n"),
  ).join("\n");
}

function yamlOf(hosts: number, groups: number): string {
  const lines = (g: number) =>
    Array.from(
      { length: hosts / groups },
      (_, i) => `    h${g * (hosts / groups) + i}: { ansible_host: 10.0.${g}.${i}, role: a b, n: ${i} }`,
    );
  return Array.from({ length: groups }, (_, g) =>
    [`g${g}:`, `  vars: { x: ${g}, y: [a, 1] }`, "  hosts:", ...lines(g)].join("\n"),
  ).join("\n");
}

function valuesOf(inventory: Inventory | undefined, host: string): unknown {
  const variables = inventory?.hosts.get(host)?.variables ?? [];
  return Object.fromEntries([...variables].map(([name, value]) => [name, toValue(value)]));
}

function contents(inventory: Inventory | undefined): unknown {
  const groups = [...(inventory?.groups.values() ?? [])].map(({ name, hosts, children }) => [
    name,
    [...hosts].sort(),
    [...children].sort(),
  ]);
  return {
    groups: groups.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
    hosts: [...(inventory?.hosts.values() ?? [])]
      .map(({ name, groups: of }) => [name, of, valuesOf(inventory, name)])
      .sort(),
  };
}
