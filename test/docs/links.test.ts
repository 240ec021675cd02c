import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = [
  ...(await readdir(root)).filter((name) => name.endsWith(".md")),
  ...(await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];

test("the pages are found", () => {
  assert.ok(pages.includes("README.md") && pages.includes("docs/errors.md"));
});

for (const page of pages) {
  test(`${page}: what it links to is there`, () => {
    const broken = linksOf(page).filter((link) => !isThere(page, link));
    assert.deepEqual(broken, []);
  });
}

/** Targets of links and pictures, without those on the web. */
function linksOf(page: string): string[] {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

function isThere(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(root, page) : join(root, dirname(page), path);
  if (!existsSync(target) || relative(root, target).startsWith("..")) return false;
  return anchor === undefined || anchorsOf(relative(root, target)).includes(anchor);
}

/** As GitHub makes them of headings: lower case, without punctuation, blanks as dashes, a number where one is there already. */
function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
    const anchor = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

/** A page without its blocks of code, in which brackets and number signs are no Markdown. */
function prose(page: string): string {
  return readFileSync(join(root, page), "utf8").replace(/^```[\s\S]*?^```/gm, "");
}
