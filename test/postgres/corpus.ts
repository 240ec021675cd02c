import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Real files and what real servers said of them; not part of the project, so tests that need it are left out without it. */
export const CORPUS = new URL("../../../shared/corpus/", import.meta.url);
export const hasCorpus = existsSync(CORPUS);

export const MAJORS = [12, 13, 14, 15, 16, 17, 18] as const;

/** The names in a folder of the corpus that end so, "001.conf" for instance. */
export function corpusFiles(folder: string, extension: string): string[] {
  return readdirSync(new URL(`${folder}/`, CORPUS)).filter((name) => name.endsWith(extension));
}

/** Bytes as they are, one character each. */
export function corpusText(path: string): string {
  return readFileSync(new URL(path, CORPUS), "latin1");
}

export function corpusJson<T>(path: string): T {
  return JSON.parse(corpusText(path)) as T;
}
