import { basename, join, resolve } from "node:path";
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
}

const bundled = new Map<string, Promise<Readonly<Record<string, string>>>>();

/**
 * Bundles functions as a deployment does: one ES module each, on chunks that they share, with nothing left to resolve
 * at run time. Only the configuration differs: a deployment bundles the user's, here it is `workerData.config`, so that
 * each account can have its own. Within one process the same request is bundled once.
 *
 * @returns function name -> the bundled file
 * @throws esbuild's BuildFailure when a source does not build; the next call tries again
 */
export function bundleFunctions(options: BundleOptions): Promise<Readonly<Record<string, string>>> {
  const { outdir, configPath, entries, replacements = {} } = options;
  const key = JSON.stringify([outdir, configPath, Object.entries(entries).sort(), Object.entries(replacements).sort()]);
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
}: BundleOptions): Promise<Readonly<Record<string, string>>> {
  await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, resolve(file)])),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // Node's main field order: the ES module build where a package has one.
    mainFields: ["module", "main"],
    keepNames: true,
    sourcemap: false,
    logLevel: "silent",
    banner: { js: REQUIRE },
    plugins: [deployedConfig(resolve(configPath)), ...replaced(replacements)],
  });
  return Object.fromEntries(Object.keys(entries).map((name) => [name, join(resolve(outdir), `${name}.mjs`)]));
}

/** CommonJS packages, such as pg, ask for Node's own modules with `require`, which an ES module does not have. */
const REQUIRE =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

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
