import assert from "node:assert/strict";
import { test } from "node:test";
import type { Value } from "../../src/document/node.ts";
import {
  connectionOf,
  type HostConnection,
  unknownConnectionVariables,
} from "../../src/inventory/connection-variables.ts";
import type { InventoryHost } from "../../src/inventory/inventory.ts";
import { loadInventory } from "../../src/inventory/load.ts";
import { withFiles } from "./folder.ts";

const at = { file: "hosts", line: 1, col: 5, length: 3, text: "db1 x=1" };
const host: InventoryHost = { name: "db1", at, groups: ["all"], variables: new Map() };

function connect(values: Readonly<Record<string, Value>>) {
  const get = (name: string) => {
    const value = values[name];
    return value === undefined ? undefined : { value, at };
  };
  return connectionOf(host, get, { home: "/home/me", cwd: "/work" });
}

const DEFAULTS: HostConnection = {
  address: "db1",
  port: 22,
  user: undefined,
  identityFiles: [],
  knownHostsFiles: undefined,
  connectTimeoutMs: 10_000,
  become: { on: undefined, user: undefined },
  agent: true,
};

for (const [name, values, connection] of [
  ["nothing said", {}, {}],
  ["empty values count as not said", { ansible_host: null, ansible_port: null, ansible_become: null }, {}],
  [
    "address, port and user",
    { ansible_host: "10.0.0.1", ansible_port: 2222, ansible_user: "me" },
    { address: "10.0.0.1", port: 2222, user: "me" },
  ],
  ["a port as text, as templates give it", { ansible_port: "2222" }, { port: 2222 }],
  [
    "the older names",
    { ansible_ssh_host: "h", ansible_ssh_port: 23, ansible_ssh_user: "u" },
    { address: "h", port: 23, user: "u" },
  ],
  ["the newer name wins", { ansible_ssh_host: "old", ansible_host: "new" }, { address: "new" }],
  ["a key in the home folder", { ansible_ssh_private_key_file: "~/.ssh/id" }, { identityFiles: ["/home/me/.ssh/id"] }],
  [
    "a key relative to the current folder",
    { ansible_ssh_private_key_file: "keys/id" },
    { identityFiles: ["/work/keys/id"] },
  ],
  ["several keys", { ansible_ssh_private_key_file: ["/a", "b"] }, { identityFiles: ["/a", "/work/b"] }],
  ["become", { ansible_become: true }, { become: { on: true, user: undefined } }],
  [
    "become as text",
    { ansible_become: "yes", ansible_become_method: "sudo" },
    { become: { on: true, user: undefined } },
  ],
  [
    "become another user",
    { ansible_become: "True", ansible_become_user: "postgres" },
    { become: { on: true, user: "postgres" } },
  ],
  ["a become user alone", { ansible_become_user: "postgres" }, { become: { on: undefined, user: "postgres" } }],
  ["no become", { ansible_become: "no" }, { become: { on: false, user: undefined } }],
  ["Ansible's timeout", { ansible_ssh_timeout: 5 }, { connectTimeoutMs: 5000 }],
  ["our timeout wins", { ansible_ssh_timeout: 5, pgmtls_connect_timeout: "2.5" }, { connectTimeoutMs: 2500 }],
  ["our known hosts", { pgmtls_known_hosts_file: "kh" }, { knownHostsFiles: ["/work/kh"] }],
  [
    "ssh's options",
    {
      ansible_ssh_common_args:
        "-o UserKnownHostsFile='~/a /b' -oConnectTimeout=3 -o 'IdentitiesOnly yes' -o StrictHostKeyChecking=yes",
    },
    { knownHostsFiles: ["/home/me/a", "/b"], connectTimeoutMs: 3000, agent: false },
  ],
  [
    "the first of two options counts, as in ssh",
    { ansible_ssh_common_args: "-o connecttimeout=3", ansible_ssh_extra_args: "-o ConnectTimeout=4" },
    { connectTimeoutMs: 3000 },
  ],
  [
    "our names win over ssh's",
    { pgmtls_known_hosts_file: "/k", ansible_ssh_extra_args: "-o UserKnownHostsFile=/b" },
    { knownHostsFiles: ["/k"] },
  ],
  ["ssh is the connection", { ansible_connection: "ssh", ansible_host_key_checking: true }, {}],
] as const) {
  test(`connectionOf: ${name}`, () => {
    const found = connect(values);
    assert.deepEqual(found.problems, []);
    assert.deepEqual(found.connection, { ...DEFAULTS, ...connection });
  });
}

for (const [name, value, code, message] of [
  ["ansible_port", "abc", "WRONG_TYPE", /ansible_port is "abc", expected a whole number from 1 to 65535/],
  ["ansible_port", 0, "WRONG_TYPE", /is 0, expected/],
  ["ansible_port", 65_536, "WRONG_TYPE", /is 65536/],
  ["ansible_port", 22.5, "WRONG_TYPE", /is 22.5/],
  ["ansible_port", true, "WRONG_TYPE", /a boolean/],
  ["ansible_port", [22], "WRONG_TYPE", /a list/],
  ["ansible_host", "a b", "WRONG_TYPE", /one word/],
  ["ansible_host", "-oProxyCommand=x", "WRONG_TYPE", /one word/],
  ["ansible_host", { a: 1 }, "WRONG_TYPE", /a map/],
  ["ansible_user", "", "WRONG_TYPE", /one word/],
  ["ansible_user", "a\nb", "WRONG_TYPE", /one word/],
  ["ansible_become", "perhaps", "WRONG_TYPE", /true or false/],
  ["ansible_become", ["true"], "WRONG_TYPE", /true or false/],
  ["ansible_become_user", ["x"], "WRONG_TYPE", /one word/],
  ["ansible_become_method", "su", "UNSUPPORTED", /expected sudo/],
  ["ansible_become_method", 1, "WRONG_TYPE", /a string/],
  ["ansible_connection", "local", "UNSUPPORTED", /expected ssh/],
  ["ansible_ssh_timeout", -1, "WRONG_TYPE", /seconds above 0/],
  ["ansible_ssh_timeout", 0, "WRONG_TYPE", /seconds above 0/],
  ["pgmtls_connect_timeout", "10s", "WRONG_TYPE", /seconds above 0/],
  ["pgmtls_known_hosts_file", 5, "WRONG_TYPE", /a path/],
  ["ansible_ssh_private_key_file", "", "WRONG_TYPE", /a path/],
  ["ansible_host_key_checking", false, "UNSUPPORTED", /refused/],
  ["ansible_ssh_common_args", "-o StrictHostKeyChecking=no", "UNSUPPORTED", /StrictHostKeyChecking=no is refused/],
  ["ansible_ssh_common_args", "-oStrictHostKeyChecking=accept-new", "UNSUPPORTED", /refused/],
  ["ansible_ssh_extra_args", "-o UserKnownHostsFile=/dev/null", "UNSUPPORTED", /refused/],
  ["ansible_ssh_extra_args", "-o ProxyJump=bastion", "UNSUPPORTED", /"ProxyJump" is not supported/],
  ["ansible_ssh_extra_args", "-J bastion", "UNSUPPORTED", /"-J" is not supported/],
  ["ansible_ssh_extra_args", "-o ConnectTimeout=soon", "BAD_VALUE", /"soon"/],
  ["ansible_ssh_extra_args", "-o IdentitiesOnly=maybe", "BAD_VALUE", /yes or no/],
  ["ansible_ssh_extra_args", "-o", "BAD_VALUE", /no option/],
  ["ansible_ssh_extra_args", "-o 'x", "BAD_VALUE", /not closed/],
] as const) {
  test(`connectionOf refuses ${name} ${JSON.stringify(value)}`, () => {
    const { connection, problems } = connect({ [name]: value });
    assert.deepEqual(
      problems.map((problem) => [problem.code, problem.at]),
      [[code, at]],
    );
    assert.match(problems[0]?.message ?? "", message);
    assert.deepEqual(connection, DEFAULTS);
  });
}

for (const [args, hint] of [
  ["-i key", /ansible_ssh_private_key_file/],
  ["-p 22", /ansible_port/],
  ["-o User=me", /ansible_user/],
  ["-o ControlMaster=auto", /one connection/],
  ["-o ProxyCommand='ssh -W %h:%p x'", /reaches the hosts directly/],
  ["-v", /supported are/],
] as const) {
  test(`connectionOf: what to do instead of ${args}`, () => {
    const { problems } = connect({ ansible_ssh_common_args: args });
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.hint ?? "", hint);
  });
}

test("connectionOf: all that is wrong is said at once", () => {
  const wrong = {
    ansible_port: "x",
    ansible_become: "x",
    ansible_ssh_common_args: "-v -o A=1",
    pgmtls_connect_timeout: "x",
  };
  assert.equal(connect(wrong).problems.length, 5);
});

test("a misspelt variable of ours is found where it stands, once for all hosts that share it", () => {
  const text = "[db]\nh[1:3]\n[db:vars]\nansible_usr=x\npgmtls_state_dir=/srv/pgmtls\npgmtls_conect_timeout = 5\n";
  withFiles({ hosts: text }, (cwd) => {
    const { inventory } = loadInventory(["hosts"], { cwd, adjacentTo: [] });
    assert.ok(inventory !== undefined);
    const problems = unknownConnectionVariables(inventory);
    const found = problems.map(({ code, at: place, hint }) => [code, place?.line, place?.col, place?.length, hint]);
    assert.deepEqual(found, [["UNKNOWN_KEY", 6, 1, 21, 'did you mean "pgmtls_connect_timeout"?']]);
  });
});
