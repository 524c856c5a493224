import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The CLI as it is packed. */
    program: string;
  }
}

/** Bundles the CLI once for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const outdir = await mkdtemp(join(tmpdir(), "rotor-cli-"));
  const program = join(outdir, "rotor.mjs");
  // @ts-expect-error plain JavaScript, which npm runs on Node alone
  const { buildCli } = await import("../../cli/build.mjs");
  await buildCli(program);
  project.provide("program", program);
  return () => rm(outdir, { recursive: true, force: true });
}
