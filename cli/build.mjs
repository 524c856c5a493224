// npm run pack. Makes a package of the CLI: one file that needs nothing but Node. The clone's own package.json has what a clone needs;
// whoever only operates installs nothing besides.
import { chmod, copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildPage } from "../view/build-page.mjs";

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Writes the program to a file. May be repeated. Returns the folders of the packages of which something is in it. */
export async function buildCli(outfile) {
  const page = await buildPage();
  const { metafile } = await build({
    absWorkingDir: PROJECT,
    entryPoints: ["cli/rotor.ts"],
    outfile,
    bundle: true,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    keepNames: true,
    logLevel: "warning",
    // Needed only by what runs from sources.
    external: ["tsx", "esbuild"],
    define: { ROTOR_PAGE_SCRIPT: JSON.stringify(page.script), ROTOR_PAGE_STYLE: JSON.stringify(page.style) },
    // Packages that are CommonJS modules ask for Node's own by `require`.
    banner: {
      js: '#!/usr/bin/env node\nimport { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);',
    },
  });
  await chmod(outfile, 0o755);
  const folders = [...Object.keys(metafile.inputs), ...page.inputs].map(
    (file) => /^.*node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0],
  );
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** Makes the package's folder anew. */
async function buildPackage(folder) {
  await rm(folder, { recursive: true, force: true });
  const packages = await buildCli(join(folder, "rotor.mjs"));
  const { name, version, description, license, private: isPrivate, type, engines } = await manifestOf(PROJECT);
  const manifest = { name, version, description, license, private: isPrivate, type, engines };
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...manifest, bin: { rotor: "rotor.mjs" } }, null, 2));
  for (const file of ["README.md", "LICENSE"]) await copyFile(join(PROJECT, file), join(folder, file));
  const licences = await Promise.all(packages.map((each) => licenceOf(join(PROJECT, each))));
  await writeFile(join(folder, "THIRD-PARTY-LICENSES"), licences.join("\n\n"));
}

/** What a package's licence says, which goes with every copy of it. */
async function licenceOf(folder) {
  const { name, version, license } = await manifestOf(folder);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return [`${name} ${version}: ${license}`, ...texts].join("\n\n");
}

async function manifestOf(folder) {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage(join(PROJECT, "dist"));
