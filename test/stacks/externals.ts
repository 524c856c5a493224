import { isBuiltin } from "node:module";
import { build } from "esbuild";

export interface Externals {
  /** Asked for as soon as the bundle is loaded: Lambda gives Node's own modules and nothing else. */
  readonly atOnce: readonly string[];
  /** Asked for when it comes to that. */
  readonly later: readonly string[];
}

/** What a bundle does not hold, besides Node's own modules. */
export async function externalsOf(bundle: string): Promise<Externals> {
  const { metafile } = await build({
    entryPoints: [bundle],
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const imports = Object.values(metafile.inputs).flatMap((each) => each.imports);
  const missing = imports.filter(({ path, external }) => external === true && !isBuiltin(path));
  const named = (isLater: boolean) =>
    new Set(missing.filter(({ kind }) => (kind === "dynamic-import") === isLater).map(({ path }) => path));
  return { atOnce: [...named(false)].sort(), later: [...named(true)].sort() };
}
