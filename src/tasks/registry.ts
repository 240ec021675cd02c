import { chmod } from "./chmod.ts";
import { copyFile } from "./copy-file.ts";
import { editConf } from "./edit-conf.ts";
import { editHba } from "./edit-hba.ts";
import { issueCert } from "./issue-cert.ts";
import type { TaskModule } from "./module.ts";
import { restart } from "./restart.ts";

/** A module whose arguments have been checked against its own schema, so that they are what it takes. */
export type AnyTaskModule = TaskModule<Readonly<Record<string, unknown>>>;

/** Every task module, by the name that playbooks use. */
export const TASK_MODULES: ReadonlyMap<string, AnyTaskModule> = new Map(
  [issueCert, copyFile, chmod, editConf, editHba, restart].map((module) => [
    module.name,
    module as unknown as AnyTaskModule,
  ]),
);

/** The schemas alone, for reading playbooks. */
export const TASK_SCHEMAS = new Map([...TASK_MODULES].map(([name, module]) => [name, module.schema]));
