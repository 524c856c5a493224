// npm pack. Bundles the CLI into one file that needs nothing but Node.
import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Writes the program to a file. May be repeated. */
export async function buildCli(outfile = join(PROJECT, "dist", "rotor.mjs")) {
  await build({
    entryPoints: [join(PROJECT, "cli", "rotor.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    keepNames: true,
    logLevel: "warning",
    // Needed only by what runs from sources.
    external: ["tsx"],
    // Packages that are CommonJS modules ask for Node's own by `require`.
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
    },
  });
  await chmod(outfile, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCli();
