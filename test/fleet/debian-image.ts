import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isAlive } from "./process.ts";
import { programOutput } from "./program.ts";

const recipe = fileURLToPath(new URL("./debian-image.sh", import.meta.url));
const needs = ["debootstrap", "systemd-nspawn", "ip", "nsenter", "ssh-keygen", "chroot"];

/** One line that says why this machine can't have Debian hosts; undefined where it can. */
export function debianFleetUnavailable(): string | undefined {
  if (process.platform !== "linux") return `Debian hosts need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "Debian hosts need root (mounts and network namespaces)";
  if (!existsSync("/etc/debian_version")) return "Debian hosts need a Debian machine";
  const missing = needs.filter((program) => !isInPath(program));
  if (missing.length > 0) return `Debian hosts need ${missing.join(", ")} (npm test installs them)`;
  return undefined;
}

/**
 * The root folder of the hosts' base image, from the cache or built now (two minutes). It must only be read. An image is
 * built beside its place and renamed into it, so that one whose building was cut short is never used.
 */
export async function debianImage(signal?: AbortSignal): Promise<string> {
  const cache = process.env.PGMTLS_CACHE ?? "/var/cache/pgmtls";
  const hash = createHash("sha256").update(readFileSync(recipe)).digest("hex").slice(0, 12);
  const image = join(cache, `debian-bookworm-${hash}`);
  if (!existsSync(join(image, "built"))) await build(cache, image, signal);
  return join(image, "root");
}

async function build(cache: string, image: string, signal: AbortSignal | undefined): Promise<void> {
  mkdirSync(cache, { recursive: true });
  removeUnfinished(cache);
  const unfinished = join(cache, `building-${process.pid}`);
  mkdirSync(unfinished);
  try {
    console.error(`building the Debian image of the test fleet (once, about two minutes): ${image}`);
    await programOutput(["sh", recipe, join(unfinished, "root"), await mirror(signal)], { signal });
    writeFileSync(join(unfinished, "built"), `${new Date().toISOString()}\n`);
    // Where another process built it meanwhile, its image stays: hosts may run on it already.
    if (!existsSync(join(image, "built"))) {
      rmSync(image, { recursive: true, force: true });
      renameSync(unfinished, image);
    }
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function removeUnfinished(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = /^building-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

/** The mirror that apt itself uses for this Debian's main archive. */
async function mirror(signal: AbortSignal | undefined): Promise<string> {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
  const targets = await programOutput(["apt-get", "indextargets", "--format", format, "Created-By: Packages"], {
    signal,
  });
  for (const line of targets.split("\n")) {
    const [uri, release, component] = line.split(" ");
    if (uri !== undefined && release === codename && component === "main") return uri;
  }
  throw new Error(`apt has no mirror for ${codename} main`);
}

function isInPath(program: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}
