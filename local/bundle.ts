import { basename, dirname, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

export interface BundleOptions {
  /** Where the modules are written; it is created if it is not there. */
  readonly outdir: string;
  /** Function name -> the source file that exports `handler`. */
  readonly entries: Readonly<Record<string, string>>;
  /** The configuration that the functions import: here its place is taken by what the function was deployed with. */
  readonly configPath: string;
  /** Source files and what is bundled in their place: a test adds strategies of its own so. Default: none. */
  readonly replacements?: Readonly<Record<string, string>>;
  /** Source files and the text that each is taken to have: a test tries a change so. Default: their own. */
  readonly texts?: Readonly<Record<string, string>>;
}

const bundled = new Map<string, Promise<Readonly<Record<string, string>>>>();

/**
 * Bundles functions as a deployment does: one file each, with nothing left to resolve at run time. Two things differ. A deployment
 * bundles the user's configuration; here it is `workerData.config`, so that each account can have its own. And a deployment's
 * modules are ES modules; here they are CommonJS, which one thread can evaluate for one environment after the other. Within one
 * process the same request is bundled once.
 *
 * @returns function name -> the bundled file
 * @throws esbuild's BuildFailure when a source does not build; the next call tries again
 */
export function bundleFunctions(options: BundleOptions): Promise<Readonly<Record<string, string>>> {
  const { outdir, configPath, entries, replacements = {}, texts = {} } = options;
  const given = [entries, replacements, texts].map((each) => Object.entries(each).sort());
  const key = JSON.stringify([outdir, configPath, ...given]);
  const known = bundled.get(key);
  if (known !== undefined) return known;
  const fresh = bundle(options);
  bundled.set(key, fresh);
  fresh.catch(() => bundled.delete(key));
  return fresh;
}

async function bundle({
  outdir,
  entries,
  configPath,
  replacements = {},
  texts = {},
}: BundleOptions): Promise<Readonly<Record<string, string>>> {
  const { metafile } = await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, resolve(file)])),
    outdir,
    // Threads know code by its file: what is bundled anew has another name.
    entryNames: "[name]-[hash]",
    outExtension: { ".js": ".cjs" },
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    // `require` in its place: code that was kept compiled can no longer import.
    supported: { "dynamic-import": false },
    // Node's main field order: the ES module build where a package has one.
    mainFields: ["module", "main"],
    keepNames: true,
    sourcemap: false,
    metafile: true,
    logLevel: "silent",
    define: { "import.meta.url": "importMetaUrl" },
    banner: { js: IMPORT_META_URL },
    plugins: [deployedConfig(resolve(configPath)), ...replaced(replacements), ...reworded(texts)],
  });
  const files = Object.keys(metafile.outputs).map((file) => resolve(file));
  return Object.fromEntries(files.map((file) => [basename(file).replace(/-[^-]+$/, ""), file]));
}

/** The one thing of `import.meta` that sources and packages use, which a CommonJS module does not have. */
const IMPORT_META_URL = 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;';

function deployedConfig(configPath: string): Plugin {
  const namespace = "deployed-config";
  const name = basename(configPath)
    .replace(/\.[^.]+$/, "")
    .replace(/[^A-Za-z0-9]/g, "\\$&");
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter: new RegExp(`${name}(\\.[a-z]+)?$`) }, ({ path, resolveDir, kind }) => {
        const imported = kind !== "entry-point" && resolve(resolveDir, path) === configPath;
        return imported ? { path: configPath, namespace } : undefined;
      });
      build.onLoad({ filter: /.*/, namespace }, () => ({
        contents: 'import { workerData } from "node:worker_threads"; export default workerData.config;',
        loader: "js",
      }));
    },
  };
}

function replaced(replacements: Readonly<Record<string, string>>): Plugin[] {
  const files = new Map(Object.entries(replacements).map(([from, to]) => [resolve(from), resolve(to)]));
  if (files.size === 0) return [];
  return [
    {
      name: "replaced-source",
      setup(build) {
        build.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
          const to = files.get(resolve(resolveDir, path));
          return to === undefined ? undefined : { path: to };
        });
      },
    },
  ];
}

function reworded(texts: Readonly<Record<string, string>>): Plugin[] {
  const files = new Map(Object.entries(texts).map(([file, text]) => [resolve(file), text]));
  if (files.size === 0) return [];
  return [
    {
      name: "reworded-source",
      setup(build) {
        build.onLoad({ filter: /\.ts$/, namespace: "file" }, ({ path }) => {
          const contents = files.get(path);
          return contents === undefined ? undefined : { contents, loader: "ts", resolveDir: dirname(path) };
        });
      },
    },
  ];
}
