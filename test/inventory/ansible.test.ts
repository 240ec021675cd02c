import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { Value } from "../../src/document/node.ts";
import { toValue } from "../../src/document/value.ts";
import { loadInventory } from "../../src/inventory/load.ts";
import { selectHosts } from "../../src/inventory/patterns.ts";
import { withFiles } from "./folder.ts";

// The judge is Debian's ansible-core: hosts, groups and merged variables with their types, as `ansible-inventory --list` has them.
// Left out are what we read differently on purpose: integers with a leading zero or 0o stay text, YAML is 1.2 (`yes` is a string), and a file
// about a parent group does not win over what the inventory says of its child.

type Case = { name: string; files: Record<string, string>; inventories: readonly string[] };

const cases: readonly Case[] = [
  { name: "hosts without a group", files: { hosts: "db1\ndb2\n" }, inventories: ["hosts"] },
  {
    name: "groups, children and variables in INI",
    files: {
      hosts: `lonely
[eu]
db1 role=primary
db2:2222
[us]
db3
[databases:children]
eu
us
[databases:vars]
region=all
port = 5432
[eu:vars]
region=eu
[all:vars]
region=world
company=ours
`,
    },
    inventories: ["hosts"],
  },
  {
    name: "Python literals in [group:vars]",
    files: {
      "x.ini": `[a]
h
[a:vars]
int=5
negative=-5
plus=+7
hex=0x1f
binary=0b101
underscore=1_000
float=1.5
exponent=1e3
leading_float=.5
yes=True
no=False
nothing=None
lower_true=true
yaml_yes=yes
word=hello
words=hello world
quoted='single'
double="double \\t tab"
raw=r'a\\tb'
joined='a' 'b'
list=[1, 'two', None, [3.5]]
map={'a': 1, 'b': {'c': [True]}, 3: 'three'}
tuple=1, 2
parens=(1, 2)
one=(1)
trailing=[1, 2,]
address=10.0.0.1
version=15.4.1
broken=[1, 2
name_in_list=[a, b]
with_equals=a=b=c
with_hash=abc # not a comment
number_hash=5 # a comment
semicolon=a;b
empty=
spaces =   padded value  
json=["a", "b"]
json_true={"a": true}
unclosed='abc
escaped='it\\'s'
unknown_escape='\\d'
unicode='\\u00e9'
exclaim=-
sum=1+2
call=int(5)
url=http://x/?a=b
`,
    },
    inventories: ["x.ini"],
  },
  {
    name: "quotes and comments in host lines",
    files: {
      hosts: `# a comment
; another
[web] # trailing
a key='quoted value' other="double quoted" # comment
b path=/a\\ b number=5 text='5' truth=True list="[1, 2]" map="{'a': 'b'}"
c glued=a'b c'd hash=x#y lost=1
d empty= quoted_empty='' eq=a=b
e text="'5'" backslash="a\\\\b"

  f   indented=1   
`,
    },
    inventories: ["hosts"],
  },
  {
    name: "ranges, with padding, steps, letters and several at once",
    files: {
      hosts: `[r]
db[01:12:3].example.com
[a:c]x
node[1:2]-[a:b]
n[8:11]
[1:2].first
z[:2]
server-[01:05:2].dc1:2200
p[x:C]
`,
    },
    inventories: ["hosts"],
  },
  {
    name: "addresses with and without ports",
    files: { hosts: "[v]\n10.0.0.1\n10.0.0.2:22\n2001:db8::5\n[2001:db8::6]:2222\n10.0.1.[1:3]\nfe80::[1:3]\n" },
    inventories: ["hosts"],
  },
  {
    name: "the same host in several groups and lines",
    files: { hosts: "[b]\nh x=1 y=1\n[a]\nh x=2\n[c]\nh z=3\n[a:vars]\nv=a\n[b:vars]\nv=b\n[c:vars]\nv=c\nx=9\n" },
    inventories: ["hosts"],
  },
  {
    name: "depth decides over names, also on two ways down",
    files: {
      hosts: `[top:children]
mid
zed
[mid:children]
low
[zed:children]
low
[low]
h
[aaa:children]
top
[top:vars]
v=top
w=top
[mid:vars]
v=mid
w=mid
[zed:vars]
v=zed
[low:vars]
u=low
[aaa:vars]
v=aaa
u=aaa
t=aaa
`,
    },
    inventories: ["hosts"],
  },
  {
    name: "a group's priority decides at the same depth",
    files: { hosts: "[a]\nh\n[b]\nh\n[a:vars]\nansible_group_priority=10\nv=a\n[b:vars]\nv=b\n" },
    inventories: ["hosts"],
  },
  {
    name: "groups declared after their use, and empty ones",
    files: { hosts: "[p:children]\nlate\n[late:vars]\nv=1\n[late]\nh\n[empty]\n[eu-west]\nx\n" },
    inventories: ["hosts"],
  },
  {
    name: "YAML",
    files: {
      "prod.yml": `all:
  vars: { company: ours, list: [1, a, null], map: { a: { b: 1 } } }
  hosts:
    lonely:
    direct: { x: 1 }
  children:
    databases:
      vars: { role: db }
      children:
        eu:
          hosts:
            db[01:03]: { region: eu }
            "db9:2222":
        us:
          hosts:
            db4:
              region: us
              ssl: true
              ratio: 1.5
              text: "5"
              nothing:
    empty:
other:
  hosts: lonely
`,
    },
    inventories: ["prod.yml"],
  },
  {
    name: "YAML: groups said twice are added up",
    files: {
      "prod.yml": `a:
  children: { c: {} }
  vars: { v: a }
b:
  children:
    c:
      hosts: { h: , i: { k: 1 } }
      vars: { w: c }
  vars: { v: b, w: b }
c:
  hosts: { j: }
`,
    },
    inventories: ["prod.yml"],
  },
  {
    name: "group_vars and host_vars beside the inventory",
    files: {
      hosts: "[db]\nh1 a=host\nh2\n[db:vars]\na=inventory\nb=inventory\n[all:vars]\na=all\nd=all\n",
      "group_vars/all.yml": "c: all-file\nd: all-file\n",
      "group_vars/db/one.yml": "e: one\nf: one\n",
      "group_vars/db/two.yaml": "f: two\n",
      "group_vars/db/.hidden.yml": "f: hidden\n",
      "group_vars/db/old.yml~": "f: old\n",
      "group_vars/other.yml": "f: other\n",
      "host_vars/h1.yml": "a: host-file\ng: { deep: [1, 2] }\n",
      "host_vars/h2": "g: plain\n",
      "host_vars/h2.yml": "g: not read, the one without ending comes first\n",
      "group_vars/empty.yml": "",
    },
    inventories: ["hosts"],
  },
  {
    name: "several inventories, the later ones on top",
    files: {
      "one/hosts": "[db]\nh1 a=1 b=1\n[db:vars]\nv=1\nw=1\n",
      "one/group_vars/db.yml": "w: one-file\nx: one-file\n",
      "two/hosts": "[db]\nh1 a=2\nh2\n[db:vars]\nv=2\n[more:children]\ndb\n",
      "two/group_vars/db.yml": "x: two-file\n",
    },
    inventories: ["one/hosts", "two/hosts"],
  },
  {
    name: "a folder of inventories",
    files: {
      "prod/01.yml": "db: { hosts: { h1: { a: 1 } } }\n",
      "prod/02.yml": "db: { hosts: { h1: { a: 2 }, h2: } }\n",
      "prod/hosts": "[web]\nh1 a=3\n",
      "prod/.hidden.yml": "x: { hosts: { y: } }\n",
      "prod/group_vars/db.yml": "v: file\n",
    },
    inventories: ["prod"],
  },
  { name: "a list of hosts", files: {}, inventories: ["db1, db2:2222,2001:db8::5,"] },
];

const judge = spawnSync("ansible-inventory", ["--version"]);
const isMissing = judge.error !== undefined;

test(
  "ansible-inventory is there to compare with",
  { skip: isMissing && process.env.CI !== "true" && "no ansible" },
  () => assert.equal(judge.error, undefined),
);

for (const { name, files, inventories } of cases) {
  test(`as ansible-inventory reads it: ${name}`, { skip: isMissing }, () => {
    withFiles(files, (folder) => {
      const expected = ansibleList(folder, inventories);
      const { inventory, problems } = loadInventory(inventories, { cwd: folder, adjacentTo: [] });
      assert.deepEqual(problems, []);
      assert.ok(inventory !== undefined);
      const groups: Record<string, { hosts: string[]; children: string[] }> = {};
      for (const { name: group, hosts, children } of inventory.groups.values()) {
        groups[group] = { hosts: group === "all" ? [] : [...hosts], children: [...children].sort() };
      }
      const variables: Record<string, Value> = {};
      for (const [host, { variables: own }] of inventory.hosts) {
        variables[host] = Object.fromEntries([...own].map(([key, value]) => [key, toValue(value)]));
      }
      assert.deepEqual(
        plain({ groups, variables }),
        plain(withoutEmpty(expected, Object.keys(groups), Object.keys(variables))),
      );
    });
  });
}

const patterns = [
  "all",
  "*",
  "db1",
  "eu",
  "databases",
  "eu:us",
  "us,db1",
  "databases:&standby",
  "databases:!standby",
  "!standby:databases",
  "&standby",
  "!databases",
  "db?",
  "db*",
  "db[12]*",
  "db[!1]",
  "*.example.com",
  "e*",
  "~db\\d$",
  "~(?P<what>e)u",
  "~(?i)DB1$",
  "databases[0]",
  "databases[-1]",
  "databases[0:2]",
  "databases[2:]",
  "databases[1:99]",
  "databases[0]:us[0]",
  "2001:db8::5",
  "2001:db8::5,db1",
  "empty",
  "eu[0:0],&standby,!x",
  "db1 db3",
  "[d]b1",
];
const PATTERN_INVENTORY = `lonely
[eu]
db1
db2
[us]
db3
db10.example.com
[standby]
db2
db3
[x]
[empty]
[v6]
2001:db8::5
[databases:children]
eu
us
`;
// For the Python that Debian installs ansible-core for.
const LIST_HOSTS = `import json, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
inventory = InventoryManager(loader=DataLoader(), sources=["hosts"])
print(json.dumps({pattern: [host.name for host in inventory.get_hosts(pattern)] for pattern in json.load(sys.stdin)}))`;

test("as Ansible selects hosts by patterns", { skip: isMissing }, () => {
  withFiles({ hosts: PATTERN_INVENTORY }, (cwd) => {
    // Ansible walks the groups of one level in any order, so only the members can be compared.
    const run = spawnSync("/usr/bin/python3", ["-c", LIST_HOSTS], {
      cwd,
      encoding: "utf8",
      input: JSON.stringify(patterns),
    });
    assert.equal(run.status, 0, run.stderr);
    const { inventory } = loadInventory(["hosts"], { cwd, adjacentTo: [] });
    assert.ok(inventory !== undefined);
    const ours = patterns.map((pattern) => [pattern, [...selectHosts(inventory, pattern).hosts].sort()]);
    const theirs = Object.entries<string[]>(JSON.parse(run.stdout)).map(([pattern, hosts]) => [pattern, hosts.sort()]);
    assert.deepEqual(ours, theirs);
  });
});

type Listed = { groups: Record<string, { hosts: string[]; children: string[] }>; variables: Record<string, Value> };

function ansibleList(folder: string, inventories: readonly string[]): Listed {
  const args = ["--list", "--playbook-dir", "/", ...inventories.flatMap((inventory) => ["-i", inventory])];
  const env = { ...process.env, ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED: "true", LC_ALL: "C.UTF-8" };
  const run = spawnSync("ansible-inventory", args, { cwd: folder, encoding: "utf8", env });
  assert.equal(run.status, 0, run.stderr);
  const { _meta, ...groups } = JSON.parse(run.stdout);
  return { groups, variables: _meta.hostvars };
}

/** ansible-inventory leaves out what is empty; the names themselves are compared through the children and hosts of other groups. */
function withoutEmpty(listed: Listed, groups: readonly string[], hosts: readonly string[]): Listed {
  const full = (name: string) => {
    const { hosts = [], children = [] } = listed.groups[name] ?? {};
    return { hosts, children: [...children].sort() };
  };
  return {
    groups: Object.fromEntries([...groups, ...Object.keys(listed.groups)].map((name) => [name, full(name)])),
    variables: Object.fromEntries(
      [...hosts, ...Object.keys(listed.variables)].map((host) => [host, listed.variables[host] ?? {}]),
    ),
  };
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
