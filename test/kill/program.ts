import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

/** Bundles process.ts into `directory`, so that Node alone starts it at once. Returns the program. */
export async function bundleProgram(directory: string): Promise<string> {
  const outfile = join(directory, "process.mjs");
  await build({
    ...{ entryPoints: [join(import.meta.dirname, "process.ts")], outfile, logLevel: "silent" },
    ...{ bundle: true, format: "esm", platform: "node", target: "node20", mainFields: ["module", "main"] },
    plugins: [withoutBundler, whereTheSourcesAre],
  });
  return outfile;
}

/** The account's files look for others beside their sources. */
const whereTheSourcesAre: Plugin = {
  name: "where-the-sources-are",
  setup(build) {
    build.onLoad({ filter: /[\\/]local[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: source.replaceAll("import.meta.url", url), loader: "ts" };
    });
  },
};

/** The functions are bundled before, and by another process. */
const withoutBundler: Plugin = {
  name: "without-bundler",
  setup(build) {
    build.onLoad({ filter: /[\\/]local[\\/]bundle\.ts$/ }, () => ({
      contents: "export const bundleFunctions = undefined;",
    }));
  },
};
