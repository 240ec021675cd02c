import type { CompiledPlay } from "../playbook/play.ts";
import type { SecretStore } from "../remote/apply.ts";
import type { AnyTaskModule } from "../tasks/registry.ts";
import type { Signers } from "./apply-host.ts";
import type { RunEvent } from "./event.ts";

/** What one host gets done in one play. */
export type HostJob = {
  /** What its images and backups on the host are named after; no other play has the same. */
  run: string;
  play: CompiledPlay;
  /** Where the host was reached. */
  address: string;
  stateDirectory: string | undefined;
  check: boolean;
  holder: string;
  modules: ReadonlyMap<string, AnyTaskModule>;
  signers: Signers;
  secrets: SecretStore;
  emit: (event: RunEvent) => void;
  now: () => number;
  signal: AbortSignal;
};
