/**
 * Ctrl-C: the first keeps new hosts from starting and lets those under way finish or undo what they do; the second ends us at once, and
 * the hosts put themselves back when they find us gone.
 */
export function interruption(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.kill(process.pid, "SIGKILL");
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    },
  };
}
