import { execFileSync } from "node:child_process";
import { chown, mkdir } from "node:fs/promises";
import { userInfo } from "node:os";

/** Whom PostgreSQL and the programs of the demo's hosts run as. */
export type ServerUser = { name: string; uid: number; gid: number };

/**
 * Ourselves; as root another one, since PostgreSQL refuses to run as root: `postgres` where there is one, else `nobody`.
 */
export function serverUser(): ServerUser {
  const self = userInfo();
  if (self.uid !== 0) return { name: self.username, uid: self.uid, gid: self.gid };
  for (const name of ["postgres", "nobody"]) {
    const uid = numericId("-u", name);
    const gid = numericId("-g", name);
    if (uid !== undefined && gid !== undefined) return { name, uid, gid };
  }
  throw new Error(
    "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as",
  );
}

/** What `spawn` needs to start a program as `user`; nothing where that is ourselves (only root may ask for it). */
export function spawnAs(user: ServerUser): { uid?: number; gid?: number } {
  return isRoot() ? { uid: user.uid, gid: user.gid } : {};
}

/** A directory of `user`'s own, closed to everybody else. */
export async function makePrivateDirectory(path: string, user: ServerUser): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  await giveTo(path, user);
}

export async function giveTo(path: string, user: ServerUser): Promise<void> {
  if (isRoot()) await chown(path, user.uid, user.gid);
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function numericId(option: "-u" | "-g", name: string): number | undefined {
  try {
    return Number(execFileSync("id", [option, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return undefined; // id(1) exits 1 for a name that is not there
  }
}
