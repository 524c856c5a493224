import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const FOLDERS = ["core", "functions", "statemachines", "stacks", "local", "cli", "view", "bench", "test"];

/** Who may import whom: folder -> what it may import besides itself. Paths of files are exact. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  functions: ["core", "rotation.config.ts"],
  "rotation.config.ts": ["core/policies.ts"],
  "deployment.config.ts": ["core/deployment.ts"],
  stacks: ["core", "rotation.config.ts", "deployment.config.ts", "statemachines"],
  "sst.config.ts": ["stacks", "deployment.config.ts", "core/deployment.ts"],
  local: ["core", "functions", "statemachines", "rotation.config.ts"],
  // `local/` itself from its commands "local" and "demo" only; what installs packages is for a clone that has none yet.
  cli: ["core", "view", "local/install.mjs"],
  "cli/commands/local.ts": ["core", "cli", "local"],
  "cli/commands/demo.ts": ["core", "cli", "local"],
  // How an execution is read, and nothing that asks AWS.
  view: ["core/history.ts", "core/history-event.ts"],
  bench: FOLDERS,
  test: [...FOLDERS, "vitest.config.ts"],
  "vitest.config.ts": FOLDERS,
};

describe("who may import whom", () => {
  test.each(sources())("%s imports only what its folder may", (file) => {
    const own = topOf(file);
    const allowed = ALLOWED[file] ?? ALLOWED[own];
    expect(allowed, `${own} is not in the table`).toBeDefined();
    const wrong = importsOf(file).filter((path) => {
      const top = topOf(path);
      return top !== own && !allowed?.includes(top) && !allowed?.includes(path);
    });
    expect(wrong).toEqual([]);
  });

  test.each(["core/strategies", "core/dependents"])(
    "a unit of %s imports no other extension point and no step",
    (folder) => {
      const other = folder === "core/strategies" ? "core/dependents/" : "core/strategies/";
      const files = sources().filter((file) => file.startsWith(`${folder}/`));
      expect(files.length).toBeGreaterThan(2);
      for (const file of files) {
        const wrong = importsOf(file).filter((path) => path.startsWith(other) || path.startsWith("core/steps/"));
        expect(wrong, file).toEqual([]);
      }
    },
  );

  test("functions do not import each other", () => {
    for (const file of sources().filter((each) => each.startsWith("functions/"))) {
      expect(
        importsOf(file).filter((path) => path.startsWith("functions/")),
        file,
      ).toEqual([]);
    }
  });

  test("production code does not know the embedded account, nor import a package of the development", () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      devDependencies: Record<string, string>;
    };
    for (const file of sources().filter((each) => each.startsWith("core/") || each.startsWith("functions/"))) {
      const wrong = packagesOf(file).filter((name) => name in devDependencies);
      expect(wrong, file).toEqual([]);
    }
  });
});

function sources(): readonly string[] {
  const inFolders = FOLDERS.flatMap((folder) => walk(folder));
  return [...inFolders, "rotation.config.ts", "deployment.config.ts", "sst.config.ts"].filter((file) =>
    /\.(tsx?|mjs)$/.test(file),
  );
}

function walk(folder: string): readonly string[] {
  try {
    return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  } catch {
    // A folder that does not exist yet imports nothing.
    return [];
  }
}

function specifiersOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:^|[\s;}])(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] as string);
}

function importsOf(file: string): readonly string[] {
  return specifiersOf(file)
    .filter((path) => path.startsWith("."))
    .map((path) => relative(root, resolve(root, dirname(file), path)));
}

function packagesOf(file: string): readonly string[] {
  return specifiersOf(file)
    .filter((path) => !path.startsWith(".") && !path.startsWith("node:"))
    .map((path) =>
      path
        .split("/")
        .slice(0, path.startsWith("@") ? 2 : 1)
        .join("/"),
    );
}

function topOf(path: string): string {
  return path.includes("/") ? (path.split("/")[0] as string) : path;
}
