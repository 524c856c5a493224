import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const DOCS = readdirSync(join(ROOT, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const PAGES = ["README.md", "SECURITY.md", "CHANGELOG.md", ...DOCS];

/** Without what is code: a link in it is none. */
const proseOf = (page: string) => readFileSync(join(ROOT, page), "utf8").replace(/^```.*?^```$/gms, "");
const linksOf = (prose: string) => [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);

describe("the list of documents in README.md", () => {
  const [, after = ""] = proseOf("README.md").split("\n## Documents\n");
  const [list = ""] = after.split("\n## ");

  test("leads to each page of docs/ once, and to nothing else", () => {
    expect(linksOf(list).sort()).toEqual([...DOCS].sort());
  });
});

describe("links", () => {
  test.each(PAGES)("of %s lead to files and headings that there are", (page) => {
    const broken = linksOf(proseOf(page)).filter((target) => !/^[a-z]+:/.test(target) && !isThere(page, target));
    expect(broken).toEqual([]);
  });
});

test("what is to be done, as the CLI and messages say it, is in sections that there are", () => {
  const files = ["cli", "core"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => join(ROOT, folder, name)),
  );
  const sources = files.filter((file) => file.endsWith(".ts")).map((file) => readFileSync(file, "utf8"));
  const named = sources.flatMap((source) => source.match(/\bdocs\/[\w-]+\.md#[\w-]+/g) ?? []);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((target) => !isThere("README.md", target))).toEqual([]);
});

test.each([
  ["docs/cli.md", "nowhere.md"],
  ["docs/cli.md", "concepts.md#nowhere"],
  ["docs/cli.md", "#nowhere"],
  ["README.md", "cli.md"],
])("in %s a link to %s would be noticed", (page, target) => {
  expect(isThere(page, target)).toBe(false);
});

// --- internal ---

function isThere(page: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || anchorsOf(proseOf(file)).includes(anchor);
}

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces, and a number where a heading comes again. */
function anchorsOf(prose: string): readonly string[] {
  const seen = new Map<string, number>();
  return [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}
