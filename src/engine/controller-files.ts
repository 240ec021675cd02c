import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { ControllerFile } from "../tasks/module.ts";

type Opened = { bytes: Buffer } | { error: NodeJS.ErrnoException };

/** Files of the controller that tasks name, each read once, and the bytes of what must not stand in a plan. */
export class ControllerFiles {
  readonly secrets = new Map<string, Buffer>();
  readonly #directory: string;
  readonly #opened = new Map<string, Opened>();

  /** Relative paths lie in `directory` (the playbook's) or in its `files/`, as Ansible looks for them. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  read(path: string, at: Place, problems: Diagnostic[]): ControllerFile | undefined {
    const places = isAbsolute(path) ? [path] : [join(this.#directory, "files", path), join(this.#directory, path)];
    for (const place of places) {
      const found = this.#open(place);
      if ("bytes" in found) return { path, latin1: found.bytes.toString("latin1") };
      if (found.error.code === "ENOENT") continue;
      problems.push({ code: "FILE_UNREADABLE", message: `${place} can't be read: ${found.error.message}`, at });
      return undefined;
    }
    problems.push({
      code: "FILE_MISSING",
      message: `no file "${path}" on the controller`,
      at,
      hint: `looked for ${places.join(" and ")}`,
    });
    return undefined;
  }

  /** Remembers contents by digest, so that a plan can name a secret without holding it. */
  keepSecrets(args: Readonly<Record<string, unknown>>): void {
    for (const value of Object.values(args)) {
      if (typeof value === "object" && value !== null && "latin1" in value)
        this.#keep(Buffer.from(String(value.latin1), "latin1"));
    }
    if (typeof args.content === "string") this.#keep(Buffer.from(args.content, "utf8"));
  }

  #keep(bytes: Buffer): void {
    this.secrets.set(createHash("sha256").update(bytes).digest("hex"), bytes);
  }

  #open(path: string): Opened {
    let opened = this.#opened.get(path);
    if (opened === undefined) {
      opened = open(path);
      this.#opened.set(path, opened);
    }
    return opened;
  }
}

function open(path: string): Opened {
  try {
    return { bytes: readFileSync(path) };
  } catch (error) {
    return { error: error as NodeJS.ErrnoException };
  }
}
