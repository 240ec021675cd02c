/**
 * Ctrl-C: the first keeps new hosts from starting and lets those under way finish or undo what they do; the second ends us at once, and
 * the hosts put themselves back when they find us gone.
 */
export function interruption(): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const stopListening = () => {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      controller.abort(new Error("interrupted"));
      return;
    }
    // The live screen has hidden the cursor, and will not get to show it again.
    if (process.stderr.isTTY) process.stderr.write("\u001b[?25h\n");
    stopListening();
    process.kill(process.pid, signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return { signal: controller.signal, [Symbol.dispose]: stopListening };
}
