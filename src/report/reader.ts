import type { RunEvent } from "../engine/event.ts";

/** Whoever listens to a run: is given every event in order, then closed once, also where the run was interrupted. */
export type Reader = { onEvent(event: RunEvent): void; close(): Promise<void> };

/** Where a reader writes: a stream of the process, or what a test puts in its place. */
export type Output = { write(text: string): unknown; isTTY?: boolean; columns?: number; rows?: number };
