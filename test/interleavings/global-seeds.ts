import type { TestProject } from "vitest/node";
import { readSeeds } from "./settings.ts";

/** Chooses the seeds once for the whole run. */
export default function setup(project: TestProject): void {
  const seeds = readSeeds();
  project.provide("seeds", seeds);
  console.log(`Seeds ${seeds.first} to ${seeds.first + seeds.count - 1}.`);
}
