import { readdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Larger files are none that a function has written. */
const LARGEST = 1 << 20;
const NOT_OURS = new Set(["node_modules", ".git"]);

/** Whether processes can be looked at from outside. */
export const hasProcesses = process.platform === "linux";

/** The arguments and the variables of every process that the run has started, each with its id. */
export async function readProcesses(): Promise<readonly string[]> {
  if (!hasProcesses) return [];
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = new Map(await Promise.all(ids.map(async (id) => [id, await parentOf(id)] as const)));
  const isOurs = (id: string | undefined): boolean =>
    id !== undefined && (id === String(process.ppid) || isOurs(parents.get(id)));
  const ours = ids.filter((id) => isOurs(id));
  return Promise.all(
    ours.map(async (id) => {
      const texts = ["cmdline", "environ"].map((name) => readFile(join("/proc", id, name), "latin1").catch(() => ""));
      return [id, ...(await Promise.all(texts))].join("\n");
    }),
  );
}

/** What was written since a time: in a directory, and in those where a program leaves files, which are its own and the one for all. */
export async function readFilesSince(startedMs: number, directory: string): Promise<readonly string[]> {
  const own = await filesIn(directory, () => true);
  const project = await filesIn(process.cwd(), (name) => !NOT_OURS.has(name));
  // Others leave files there, too, and more than can be looked through: of directories those of ours are named above.
  const shared = (await readdir(tmpdir(), { withFileTypes: true })).filter((entry) => entry.isFile());
  const files = [...own, ...project, ...shared.map(({ name }) => join(tmpdir(), name))];
  const texts = await Promise.all(files.map((file) => readIfNew(file, startedMs)));
  return texts.filter((text) => text !== undefined);
}

async function filesIn(directory: string, enters: (name: string) => boolean): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = entries
    .filter(({ name }) => enters(name))
    .map(async (entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return filesIn(path, enters);
      return entry.isFile() ? [path] : [];
    });
  return (await Promise.all(found)).flat();
}

/** Its name and what is in it. Undefined for a file that is gone, old, or large. */
async function readIfNew(file: string, startedMs: number): Promise<string | undefined> {
  try {
    const { mtimeMs, size } = await stat(file);
    return mtimeMs >= startedMs && size <= LARGEST ? `${file}\n${await readFile(file, "latin1")}` : undefined;
  } catch {
    return undefined;
  }
}

async function parentOf(id: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${id}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[1];
}
