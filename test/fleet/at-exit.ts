/**
 * Has `cleanUp` done once: when the function that comes back is called, or else when this process ends or is told to end. It
 * must be synchronous, as nothing else is done while a process exits.
 */
export function cleanUpAtExit(cleanUp: () => void): () => void {
  const interrupts = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const release = () => {
    process.off("exit", release);
    for (const name of interrupts) process.off(name, onInterrupt);
    cleanUp();
  };
  const onInterrupt = (name: NodeJS.Signals) => {
    release();
    // Whoever else listens goes on; where nobody does, the process ends as it would have without us.
    if (process.listenerCount(name) === 0) process.kill(process.pid, name);
  };
  process.on("exit", release);
  for (const name of interrupts) process.on(name, onInterrupt);
  return release;
}
