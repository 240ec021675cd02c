/**
 * The background process of `pgmtls demo up`: starts a fleet and keeps it until it is told to end it. A program of its own,
 * started by standing-fleet.ts with the directory and the number of hosts.
 */
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { type DemoFleet, startDemoFleet } from "./fleet.ts";
import { FLEET_FILES, type FleetDescription, type ServeMessage } from "./standing-fleet.ts";

const [directory = "", hosts = ""] = process.argv.slice(2);
const broken = new AbortController();
// Before the fleet stands, a starter that has gone (Ctrl-C, or killed) means that nobody wants it.
const breakOff = () => broken.abort(new Error("broken off"));
process.once("disconnect", breakOff);
process.once("SIGTERM", breakOff);

try {
  const hangUp = await serve(broken.signal);
  hangUp();
} catch (error) {
  tell({ failed: (error as Error).message });
  throw error;
}

/** Gives, once all is down, what tells so to the caller that asked for it. */
async function serve(signal: AbortSignal): Promise<() => void> {
  const onProgress = (progress: string) => tell({ progress });
  await using fleet = await startDemoFleet({ directory, hosts: Number(hosts), signal, onProgress });
  await describe(fleet);
  const control = createServer({ allowHalfOpen: true });
  control.listen(join(directory, FLEET_FILES.control));
  await once(control, "listening");
  process.off("disconnect", breakOff);
  tell({ standing: true });
  const hangUp = await untilDown(control, signal);
  control.close();
  return hangUp;
}

function tell(message: ServeMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {}); // it may have gone meanwhile
}

async function describe({ inventoryFile, caDirectory, application, hosts }: DemoFleet): Promise<void> {
  const description: FleetDescription = { pid: process.pid, inventoryFile, caDirectory, application, hosts };
  const path = join(directory, FLEET_FILES.description);
  await writeFile(`${path}.new`, JSON.stringify(description, undefined, 2), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Gives what hangs up on the caller that asked for the end. */
async function untilDown(control: Server, signal: AbortSignal): Promise<() => void> {
  return await new Promise((resolve) => {
    if (signal.aborted) resolve(() => {});
    signal.addEventListener("abort", () => resolve(() => {}), { once: true });
    control.on("connection", (caller) => {
      let word = "";
      caller.on("error", () => {});
      caller.on("data", (bytes) => {
        word += bytes.toString();
      });
      caller.once("end", () => {
        if (word === "down") resolve(() => caller.end());
        else caller.end();
      });
    });
  });
}
