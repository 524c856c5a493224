import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundleProject } from "../../local/deploy.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The bundled file of each function. */
    bundles: Readonly<Record<string, string>>;
  }
}

/** Bundles the functions once for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const outdir = await mkdtemp(join(tmpdir(), "rotor-bundles-"));
  project.provide("bundles", await bundleProject(outdir));
  return () => rm(outdir, { recursive: true, force: true });
}
