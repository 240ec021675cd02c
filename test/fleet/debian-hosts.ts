import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanUpAtExit } from "./at-exit.ts";
import { claimSlot, type FleetRecord, removeDeadFleets, removeFleet } from "./debian-fleet-record.ts";
import {
  bootHost,
  type DebianHost,
  type DebianHostDescription,
  debianHost,
  diskFolders,
  mountDisk,
  mountLayers,
} from "./debian-host.ts";
import { debianImage } from "./debian-image.ts";
import type { ProcessIdentity } from "./process.ts";
import { programOutput } from "./program.ts";

/** Debian machines with systemd, sshd and PostgreSQL 15, TLS off, clients with passwords. */
export type DebianFleetFiles = {
  /** A private folder of the fleet, gone with it. */
  directory: string;
  /** The key that `deploy` and `asks` log in with on every host. */
  identityFile: string;
  /** The hosts' real public keys, read from their disks. */
  knownHostsFile: string;
  inventoryFile: string;
};
export type DebianFleetDescription = DebianFleetFiles & { hosts: DebianHostDescription[] };
export type DebianFleet = DebianFleetFiles & { hosts: readonly DebianHost[] } & AsyncDisposable;

/**
 * Boots `count` Debian hosts and comes back when all of them serve SSH and PostgreSQL (5 s with the image in the cache). They
 * end with `dispose`, or with this process: also when it is interrupted, and when it dies, at the next start of a fleet.
 */
export async function startDebianHosts(count: number, signal?: AbortSignal): Promise<DebianFleet> {
  removeDeadFleets();
  const image = await debianImage(signal);
  const directory = mkdtempSync(join(tmpdir(), "pgmtls-fleet-"));
  const record = claimSlot((owner, slot) => describe(owner, slot, count, directory, image));
  const release = cleanUpAtExit(() => removeFleet(record));
  try {
    const files = await makeFiles(record, signal);
    await makeNetwork(record, signal);
    await Promise.all(record.hosts.map((host) => prepareAndBoot(host, files.identityFile, signal)));
    writeFileSync(files.knownHostsFile, record.hosts.map(knownHosts).join(""));
    return debianFleet({ ...files, hosts: record.hosts }, async () => release());
  } catch (error) {
    release();
    throw error;
  }
}

/** A fleet from its description; `dispose` is what ends it, nothing for those who did not start it. */
export function debianFleet(description: DebianFleetDescription, dispose: () => Promise<void>): DebianFleet {
  return { ...description, hosts: description.hosts.map(debianHost), [Symbol.asyncDispose]: dispose };
}

function describe(owner: ProcessIdentity, slot: number, count: number, directory: string, image: string): FleetRecord {
  // An interface's name has at most 15 characters.
  const name = `p${owner.pid}s${slot}`;
  const hosts = Array.from({ length: count }, (_, i) => ({
    name: `pg${i + 1}`,
    address: `10.99.${slot}.${i + 2}`,
    port: 22,
    user: "deploy",
    clusterName: i === 2 ? "orders" : "main",
    image,
    machine: `pgmtls-${name}h${i + 1}`,
    cable: `${name}h${i + 1}`,
    directory: join(directory, `pg${i + 1}`),
  }));
  return { owner, slot, bridge: name, directory, hosts };
}

async function makeFiles(
  { directory, hosts }: FleetRecord,
  signal: AbortSignal | undefined,
): Promise<DebianFleetFiles> {
  const identityFile = join(directory, "id_ed25519");
  const knownHostsFile = join(directory, "known_hosts");
  const inventoryFile = join(directory, "inventory.yml");
  await programOutput(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pgmtls test fleet", "-f", identityFile], {
    signal,
  });
  const inventory = `all:
  vars:
    ansible_user: deploy
    ansible_ssh_private_key_file: ${identityFile}
    pgmtls_known_hosts_file: ${knownHostsFile}
    ansible_become: true
  hosts:
${hosts.map(({ name, address }) => `    ${name}:\n      ansible_host: ${address}\n`).join("")}`;
  writeFileSync(inventoryFile, inventory);
  return { directory, identityFile, knownHostsFile, inventoryFile };
}

/** One bridge, so that the hosts reach each other as well, without this computer forwarding anything. */
async function makeNetwork({ bridge, slot, hosts }: FleetRecord, signal: AbortSignal | undefined): Promise<void> {
  const ip = (...args: string[]) => programOutput(["ip", ...args], { signal });
  await ip("link", "add", bridge, "type", "bridge");
  await ip("address", "add", `10.99.${slot}.1/24`, "dev", bridge);
  await ip("link", "set", bridge, "up");
  for (const { machine, cable, address } of hosts) {
    await ip("netns", "add", machine);
    await ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", machine);
    await ip("link", "set", cable, "master", bridge, "up");
    await ip("-n", machine, "address", "add", `${address}/24`, "dev", "eth0");
    await ip("-n", machine, "link", "set", "eth0", "up");
    await ip("-n", machine, "link", "set", "lo", "up");
  }
}

async function prepareAndBoot(host: DebianHostDescription, identityFile: string, signal: AbortSignal | undefined) {
  await prepare(host, readFileSync(`${identityFile}.pub`, "utf8"), signal);
  await mountDisk(host);
  await bootHost(host, signal);
  const clusters = await debianHost(host).exec(["pg_lsclusters", "--no-header"]);
  if (!/ online /.test(clusters)) throw new Error(`PostgreSQL did not start on ${host.name}: ${clusters}`);
}

/** Writes into the `prepared` layer what makes this host itself. */
async function prepare(host: DebianHostDescription, publicKey: string, signal: AbortSignal | undefined): Promise<void> {
  const { prepared, root } = diskFolders(host);
  await mountLayers(host, { lower: [host.image], upper: prepared });
  try {
    writeFileSync(join(root, "etc/hostname"), `${host.name}\n`);
    writeFileSync(join(root, "etc/hosts"), `127.0.0.1 localhost\n127.0.1.1 ${host.name}\n::1 localhost\n`);
    writeFileSync(join(root, "etc/machine-id"), `${randomBytes(16).toString("hex")}\n`);
    await programOutput(["chroot", root, "sh", "-eu"], { signal, input: prepareInside(host, publicKey) });
  } finally {
    await programOutput(["umount", root]);
  }
}

const prepareInside = ({ clusterName }: DebianHostDescription, publicKey: string) => `
ssh-keygen -q -A
for user in deploy asks; do
  install -d -m 0700 -o $user -g $user /home/$user/.ssh
  echo '${publicKey.trim()}' > /home/$user/.ssh/authorized_keys
  chown $user:$user /home/$user/.ssh/authorized_keys
done
${clusterName === "main" ? "" : `pg_renamecluster 15 main ${clusterName}`}
`;

function knownHosts(host: DebianHostDescription): string {
  const folder = join(diskFolders(host).prepared, "etc/ssh");
  const keys = readdirSync(folder).filter((name) => /^ssh_host_.*_key\.pub$/.test(name));
  return keys.map((name) => knownHostsLine(host.address, readFileSync(join(folder, name), "utf8"))).join("");
}

const knownHostsLine = (address: string, publicKey: string) =>
  `${address} ${publicKey.split(" ").slice(0, 2).join(" ").trim()}\n`;
