// Bundles the configuration as the SST CLI does (pkg/js/js.go), and functions as its Node runtime does
// (pkg/runtime/node/build.go), with the platform's own esbuild.
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, extname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * @param root the project's directory
 * @param replacements file, relative to the root -> the text that takes its place: other policies, or a mutation
 */
export function createBundler(root, replacements) {
  const platform = join(root, ".sst", "platform");
  const { build } = createRequire(join(platform, "package.json"))("esbuild");

  async function read(path) {
    return replacements[relative(root, path)] ?? (await readFile(path, "utf8"));
  }

  /** Runs the code beside the platform's packages, and gives its default export. */
  async function evaluate({ name, code, define = {}, globals = "", inject = [], banner = "", topLevelImports = true }) {
    // A name of its own for each: Node keeps the modules that it has imported.
    const outfile = join(platform, `sst.config.${name}.${randomUUID()}.mjs`);
    await build({
      stdin: { contents: code, resolveDir: root, sourcefile: "eval.ts", loader: "ts" },
      banner: { js: `${NODE_GLOBALS}\n${banner}` },
      mainFields: ["module", "main"],
      format: "esm",
      platform: "node",
      sourcemap: "inline",
      nodePaths: [join(platform, "node_modules")],
      external: [
        "@pulumi/*",
        "undici",
        "@pulumiverse/*",
        "@sst-provider/*",
        "@aws-sdk/*",
        "esbuild",
        "archiver",
        "glob",
        "vite",
      ],
      ...{ define, inject, outfile, bundle: true, logLevel: "silent" },
      plugins: [...(topLevelImports ? [] : [refuseTopLevelImports]), withGlobals(globals)],
    });
    try {
      return (await import(pathToFileURL(outfile).href)).default;
    } finally {
      rmSync(outfile, { force: true });
    }
  }

  /** A function's bundle, in a directory of its own. */
  async function bundleFunction({ handler, properties = {} }, outdir) {
    rmSync(outdir, { recursive: true, force: true });
    mkdirSync(outdir, { recursive: true });
    const entry = join(root, `${handler.slice(0, -extname(handler).length)}.ts`);
    const result = await build({
      entryPoints: [entry],
      outfile: join(outdir, "bundle.mjs"),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "es2023",
      keepNames: true,
      minify: properties.minify ?? false,
      sourcemap: "linked",
      ...properties.esbuild,
      external: ["sharp", "pg-native", ...(properties.esbuild?.external ?? [])],
      mainFields: ["module", "main"],
      banner: {
        js: 'import { createRequire as topLevelCreateRequire } from "module";\nconst require = topLevelCreateRequire(import.meta.url);',
      },
      logLevel: "silent",
      plugins: [withGlobals("")],
    }).catch((error) => error);
    return (result.errors ?? []).map(({ text, location }) => `${text} ${location?.file ?? ""}:${location?.line ?? ""}`);
  }

  function withGlobals(globals) {
    return {
      name: "globals-and-replacements",
      setup(build) {
        build.onLoad({ filter: /\.(js|ts|jsx|tsx)$/ }, async ({ path }) => {
          if (path.includes(".sst") || path.includes("node_modules")) return undefined;
          return { contents: `${globals}\n${await read(path)}`, loader: "default" };
        });
      },
    };
  }

  return { platform, evaluate, bundleFunction };
}

const NODE_GLOBALS = `import { createRequire as topLevelCreateRequire } from "module";
const require = topLevelCreateRequire(import.meta.url);
import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url";
const __filename = topLevelFileUrlToPath(import.meta.url);
const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url));`;

const refuseTopLevelImports = {
  name: "refuse-top-level-imports",
  setup(build) {
    build.onResolve({ filter: /.*/ }, ({ importer, kind }) =>
      basename(importer) === "sst.config.ts" && kind === "import-statement"
        ? { errors: [{ text: "sst.config.ts has a top-level import, which SST does not allow" }] }
        : undefined,
    );
  },
};
