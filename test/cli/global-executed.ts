import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    /** The folder in which tests note the command lines that they have run. */
    executed: string;
  }
}

/** For both projects of the suite: those that run commands, and the one that compares. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "rotor-executed-"));
  project.provide("executed", folder);
  return () => rm(folder, { recursive: true, force: true });
}
