import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type CliEnd, runCli } from "./cli.ts";
import { useEmbeddedFleet } from "./embedded-fleet.ts";

const fleet = useEmbeddedFleet([18]);
const limit = { timeout: 120_000 };
const enableMtls = fileURLToPath(new URL("../../playbooks/enable-mtls.yml", import.meta.url));

/** The key that the playbook itself carries to the host; each of its lines would give it away. */
const CARRIED = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFYnbmV2ZXIgdG8gYmUgc2VlbiBpbiBhbnkgb3V0cHV0
-----END PRIVATE KEY-----
`;
const PASSWORD = "correct-horse-battery";

test(
  "no key is in any argument, environment, output or file of the controller, in a check, a run and a failed run",
  limit,
  async () => {
    const { hosts, inventoryFile, caDirectory, directory: fleetDirectory } = await fleet();
    const clientKey = join(fleetDirectory, "client_key");
    const [host] = hosts;
    assert.ok(host);
    const directory = await mkdtemp(join(tmpdir(), "pgmtls-secrets-"));
    const scratch = join(directory, "tmp");
    await mkdir(scratch);
    await writeFile(join(directory, "client.key"), CARRIED);
    await writeFile(join(directory, "refused.json"), JSON.stringify({ mtls_records: [REFUSED] }));
    const playbook = join(directory, "play.yml");
    await writeFile(playbook, `${await readFile(enableMtls, "utf8")}${MORE}`);
    const seen = new Seen();
    try {
      const ends: Record<string, CliEnd> = {};
      for (const [name, args] of Object.entries(RUNS)) {
        using _watch = seen.watch();
        ends[name] = await runCli(["run", playbook, "-i", inventoryFile, ...args], {
          temporary: scratch,
          cwd: directory,
        });
      }
      assert.deepEqual(
        Object.fromEntries(Object.entries(ends).map(([name, { exitCode }]) => [name, exitCode])),
        { check: 0, refused: 2, run: 0, again: 0 },
        Object.values(ends)
          .map(({ stderr }) => stderr)
          .join("\n"),
      );
      assert.match(ends.check?.stderr ?? "", /client\.key/, "the key's file itself is told of");
      const keys = [
        ...(await keysIn(host.dataDirectory)),
        ...(await keysIn(caDirectory)),
        await readFile(clientKey, "utf8"),
      ];
      assert.ok(
        keys.includes(CARRIED) && keys.length >= 5,
        "server.key, client.key, two of the CA, and the one for SSH",
      );
      const marks = [...new Set(keys.flatMap(marksOf)), PASSWORD];
      const texts = {
        ...Object.fromEntries(Object.entries(ends).map(([name, { stdout, stderr }]) => [name, stdout + stderr])),
        "arguments and environment of processes": [...seen.texts].join("\n"),
        "temporary files of the controller": await allTextsIn(scratch),
        "file names": (await readdir(scratch)).join("\n"),
      };
      const programs = [...seen.texts].filter((text) => /^(openssl|\S*psql|stat|mktemp|cp|sync|mv) /.test(text));
      assert.ok(programs.length > 0, "programs on the host were seen at work");
      for (const [where, text] of Object.entries(texts))
        for (const mark of marks) assert.ok(!text.includes(mark), `${where} hold a secret: ${mark.slice(0, 12)}...`);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);

const LDAP = { type: "hostssl", users: "staff", address: "192.0.2.0/24", method: "ldap" };
const REFUSED = { ...LDAP, options: { ldapserver: "ldap.example.net", ldapbasedn: "dc=x", ldapbindpasswd: PASSWORD } };
const RUNS = {
  check: ["--check", "--diff"],
  refused: ["--diff", "--output", "ndjson", "-e", "@refused.json"],
  run: ["--diff", "--output", "ndjson"],
  again: ["--output", "json"],
};

/** A key that is copied, and a password in a setting. */
const MORE = `
- name: Secrets of others
  hosts: all
  tasks:
    - copy-file: { cluster: "{{ postgres_cluster }}", src: client.key, dest: client.key }
    - edit-conf:
        cluster: "{{ postgres_cluster }}"
        set: { primary_conninfo: "host=192.0.2.1 user=standby password=${PASSWORD}" }
`;

/** Command lines and environments of all processes, looked at again and again. */
class Seen {
  readonly texts = new Set<string>();
  readonly #commands = new Map<string, string>();

  watch(): Disposable {
    const timer = setInterval(() => this.#look(), 20);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #look(): void {
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
      const command = contentOf(join("/proc", pid, "cmdline"));
      // The environment is given with the command, so the same command has the same still.
      if (command === "" || this.#commands.get(pid) === command) continue;
      this.#commands.set(pid, command);
      this.texts.add(command).add(contentOf(join("/proc", pid, "environ")));
    }
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "latin1").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended meanwhile
  }
}

/** Lines of a key that say something of its secret half. The last may be of the public half alone, which certificates hold, too. */
function marksOf(pem: string): string[] {
  const lines = pem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
  return lines.length === 1 ? lines : lines.slice(0, -1);
}

/** Everything in `directory` and below that is a private key. */
async function keysIn(directory: string): Promise<string[]> {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(names.map((entry) => readFile(join(entry.parentPath, entry.name), "latin1")));
  return texts.filter((text) => text.startsWith("-----BEGIN") && text.includes("PRIVATE KEY-----"));
}

async function allTextsIn(directory: string): Promise<string> {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(names.map((entry) => readFile(join(entry.parentPath, entry.name), "latin1")));
  return texts.join("\n");
}
