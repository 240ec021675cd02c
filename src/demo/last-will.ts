import { spawn } from "node:child_process";

// Input that ends means that we are gone, however: the kernel closes the pipe for us.
const WILL = `
  cat >/dev/null
  [ -d "$1" ] || exit 0
  for lock in "$1"/db*/data/postmaster.pid; do
    [ -f "$lock" ] && kill -INT "$(head -n 1 "$lock")"
  done
  sleep 2
  rm -rf -- "$1"
`;

/**
 * Sees to it that the servers in `directory` end and it is removed even if we are killed outright (the second Ctrl-C of a run does
 * that). Where the directory is gone when we end, there is nothing to do.
 */
export function leaveLastWill(directory: string): void {
  const executor = spawn("/bin/sh", ["-c", WILL, "sh", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  executor.unref();
  // A pipe is a socket to Node, and would keep us from ending; its types say Writable.
  (executor.stdin as unknown as { unref(): void }).unref();
}
