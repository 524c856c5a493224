import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";
import { bundleProject } from "../../local/deploy.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The bundled file of each function. */
    bundles: Readonly<Record<string, string>>;
    /** The bundled file of the small service. */
    service: string;
  }
}

/** Bundles the functions and the small service once for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const outdir = await mkdtemp(join(tmpdir(), "rotor-bundles-"));
  project.provide("bundles", await bundleProject(outdir));
  project.provide("service", await bundleService(outdir));
  return () => rm(outdir, { recursive: true, force: true });
}

// --- internal ---

const SERVICE = fileURLToPath(new URL("../../local/demo/service.ts", import.meta.url));
/** What packages of CommonJS ask for, and a module does not have. */
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** A process that loads one file is there in a fraction of the time, and two dozen of them are started. */
async function bundleService(outdir: string): Promise<string> {
  const outfile = join(outdir, "service.mjs");
  await build({
    entryPoints: [SERVICE],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    banner: { js: REQUIRE },
    logLevel: "silent",
  });
  return outfile;
}
