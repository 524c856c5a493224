import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { build, type Plugin } from "esbuild";
import { FUNCTIONS, type FunctionName } from "../../../core/blueprint.ts";

/** One edit of a source: a fault that somebody might have made. */
export interface Edit {
  /** In the project, such as "core/roll-back.ts". */
  readonly file: string;
  /** A text that the file has exactly once, and what stands in its place. */
  readonly from: string;
  readonly to: string;
}

/** The code of each function as one CommonJS module, for `startInProcess`. */
export type Code = Readonly<Record<FunctionName, string>>;

export interface BundleOptions {
  /** "fake": strategies of a fake target, in place of the real ones. Default. */
  readonly target?: "fake" | "real";
  readonly edits?: readonly Edit[];
  /** Only these functions; the others are not bundled. Default: all. */
  readonly functions?: readonly FunctionName[];
}

const path = (file: string) => new URL(`../../../${file}`, import.meta.url).pathname;
const here = (file: string) => new URL(file, import.meta.url).pathname;

/** What has another implementation where everything is in one process: no socket, no pause. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  [path("core/reconcile/pace.ts")]: path("test/support/no-pace.ts"),
  [path("core/dependents/http-exchange.ts")]: here("http-exchange.ts"),
};
const FAKE: Readonly<Record<string, string>> = {
  [path("core/strategies/index.ts")]: path("test/support/fake-strategies.ts"),
  [path("test/support/fake-connection.ts")]: here("fake-connection.ts"),
};

/**
 * Bundles the functions with fake strategies, in which a call of an AWS client, a request to the target and one to a dependent are
 * calls of `place`: see environment.ts.
 *
 * @throws Error when an edit's text is not there exactly once; esbuild's BuildFailure
 */
export async function bundleInProcess(options: BundleOptions = {}): Promise<Partial<Code>> {
  const { target = "fake", edits = [], functions } = options;
  const edited = apply(edits);
  const names = functions ?? (Object.keys(FUNCTIONS) as FunctionName[]);
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(names.map((name) => [name, path(FUNCTIONS[name].file)])),
    outdir: "in-memory",
    write: false,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    keepNames: true,
    logLevel: "silent",
    // Code that is compiled from a text cannot import anything later.
    supported: { "dynamic-import": false },
    external: ["pg", "mariadb", "ioredis", "jsonata"],
    plugins: [deployedConfig(), thinClients(), replaced(target), editedSources(edited)],
  });
  return Object.fromEntries(
    names.map((name) => [name, outputFiles.find(({ path: file }) => file.endsWith(`/${name}.js`))?.text ?? ""]),
  );
}

function apply(edits: readonly Edit[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { file, from, to } of edits) {
    const source = sources.get(path(file)) ?? readFileSync(path(file), "utf8");
    const times = source.split(from).length - 1;
    if (times !== 1) throw new Error(`${file} has the text ${times} times: ${from}`);
    sources.set(
      path(file),
      source.replace(from, () => to),
    );
  }
  return sources;
}

function editedSources(sources: ReadonlyMap<string, string>): Plugin {
  return {
    name: "edited-sources",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const contents = sources.get(file);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
    },
  };
}

function deployedConfig(): Plugin {
  return {
    name: "deployed-config",
    setup(build) {
      build.onResolve({ filter: /rotation\.config\.ts$/ }, () => ({ path: "config", namespace: "deployed-config" }));
      build.onLoad({ filter: /.*/, namespace: "deployed-config" }, () => ({
        contents: "export default __place.config;",
        loader: "js",
      }));
    },
  };
}

/** Every client and command that there is, by its name: `import` of a CommonJS module looks members up when they are used. */
function thinClients(): Plugin {
  return {
    name: "thin-clients",
    setup(build) {
      build.onResolve({ filter: /^@aws-sdk\/client-/ }, ({ path: name }) => ({ path: name, namespace: "thin" }));
      build.onLoad({ filter: /.*/, namespace: "thin" }, ({ path: name }) => ({
        contents: `module.exports = Object.create(__place.client(${JSON.stringify(name.replace("@aws-sdk/client-", ""))}));`,
        loader: "js",
      }));
    },
  };
}

function replaced(target: "fake" | "real"): Plugin {
  const all = { ...REPLACEMENTS, ...(target === "fake" ? FAKE : {}) };
  const files = new Map(Object.entries(all).map(([from, to]) => [resolve(from), resolve(to)]));
  return {
    name: "replaced-source",
    setup(build) {
      build.onResolve({ filter: /^@aws-lambda-powertools\// }, () => ({ path: here("powertools.ts") }));
      build.onResolve({ filter: /^\.{1,2}\// }, ({ path: file, resolveDir }) => {
        const to = files.get(resolve(resolveDir, file));
        return to === undefined ? undefined : { path: to };
      });
    },
  };
}
