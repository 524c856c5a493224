import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { bundleFunctions } from "../../local/bundle.ts";

/** A change of one source file, in the words of its text. */
export interface Patch {
  /** Its path in the project: "core/aws.ts". */
  readonly file: string;
  /** What is there, once and only once. */
  readonly from: string;
  readonly to: string;
}

export interface PatchedBundlesOptions {
  /** Where the patched functions are written, for this set of patches only. */
  readonly outdir: string;
  /** The bundles of the functions that no patch is in: those of the run, made with the same `replacements`. */
  readonly bundles: Readonly<Record<string, string>>;
  /** As `bundleFunctions` takes them, by absolute path. Default: none. */
  readonly replacements?: Readonly<Record<string, string>>;
  /** Patches that `bundles` have already: whatever is bundled again gets them, too. Default: none. */
  readonly instrumentation?: readonly Patch[];
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const NAMES = Object.keys(FUNCTIONS) as FunctionName[];

/**
 * The functions as they would be with some changes of the sources. Only those are bundled again whose sources are changed.
 * @returns function name -> the bundled file
 * @throws Error naming the patch whose text is not in its file exactly once, that changes nothing, or that is in no function
 */
export async function bundlePatched(
  patches: readonly Patch[],
  { outdir, bundles, replacements = {}, instrumentation = [] }: PatchedBundlesOptions,
): Promise<Readonly<Record<string, string>>> {
  const texts = await patchedTexts([...instrumentation, ...patches]);
  const sources = await sourcesOf(replacements);
  const changed = patches.map(({ file }) => file);
  const idle = changed.find((file) => ![...sources.values()].some((files) => files.has(file)));
  if (idle !== undefined) throw new Error(`${idle} is in no function's bundle: a patch of it changes nothing.`);
  const touched = NAMES.filter((name) => changed.some((file) => sources.get(name)?.has(file)));
  const patched = await bundleFunctions({
    outdir,
    entries: Object.fromEntries(touched.map((name) => [name, ROOT + FUNCTIONS[name].file])),
    configPath: `${ROOT}rotation.config.ts`,
    replacements,
    texts: Object.fromEntries(Object.entries(texts).map(([file, text]) => [ROOT + file, text])),
  });
  return { ...bundles, ...patched };
}

/** The text of each patched file, by its path in the project. Several patches of one file are made one after the other. */
async function patchedTexts(patches: readonly Patch[]): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = {};
  for (const { file, from, to } of patches) {
    const text = texts[file] ?? (await readFile(ROOT + file, "utf8"));
    const found = text.split(from).length - 1;
    if (found !== 1) throw new Error(`${file} has "${from}" ${found} times, where a patch needs it once.`);
    if (from === to) throw new Error(`${file}: a patch puts "${from}" in its own place.`);
    texts[file] = text.replace(from, () => to);
  }
  return texts;
}

const known = new Map<string, Promise<ReadonlyMap<string, ReadonlySet<string>>>>();

/** Function name -> the project's source files that it is made of. Looked at once for each set of replacements. */
function sourcesOf(replacements: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const key = JSON.stringify(replacements);
  const fresh = known.get(key) ?? lookAtSources(replacements);
  known.set(key, fresh);
  return fresh;
}

async function lookAtSources(replacements: Readonly<Record<string, string>>) {
  const entries = NAMES.map((name) => FUNCTIONS[name].file);
  const { metafile } = await build({
    entryPoints: [...entries.map((file) => ROOT + file), ...Object.values(replacements)],
    absWorkingDir: ROOT,
    outdir: "unwritten",
    write: false,
    metafile: true,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "silent",
  });
  const inProject = (file: string) => file.slice(ROOT.length);
  const places = new Map(Object.entries(replacements).map(([from, to]) => [inProject(from), inProject(to)]));
  return new Map(NAMES.map((name) => [name, reachable(FUNCTIONS[name].file)]));

  function reachable(entry: string): ReadonlySet<string> {
    const found = new Set([entry]);
    for (const file of found) {
      const imports = metafile.inputs[file]?.imports ?? [];
      for (const { path, external } of imports) if (external !== true) found.add(places.get(path) ?? path);
    }
    return found;
  }
}
