// Plain JavaScript: what packs the CLI runs on Node alone.
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

/** Builds the page's script and style of its sources, and says which files of the project they were made of. May be repeated. */
export async function buildPage() {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: PROJECT,
    entryPoints: { script: "view/page/main.tsx", style: "view/page/page.css" },
    outdir: "page",
    bundle: true,
    metafile: true,
    write: false,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  });
  const of = (ending) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  return { script: of("script.js"), style: of("style.css"), inputs: Object.keys(metafile.inputs) };
}
