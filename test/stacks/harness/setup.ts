import { dirname } from "node:path";
import type { TestProject } from "vitest/node";
import { ensurePlatform } from "../install.mjs";
import { evaluate, fixtures, type Graph } from "./graph.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** dev: policies, and a deployment with nothing set. production: everything set. */
    graphs: { readonly dev: Graph; readonly production: Graph };
    /** The directory of the functions' bundles. */
    bundleDirectory: string;
  }
}

/** Installs SST's platform where it is missing, and evaluates both stages once for the whole run, with real bundles. */
export default async function setup(project: TestProject): Promise<void> {
  ensurePlatform();
  const [dev, production] = await Promise.all([
    graphOf("dev", await fixtures("rotation.config.ts")),
    graphOf("production", await fixtures("rotation.config.ts", "deployment.config.ts")),
  ]);
  project.provide("graphs", { dev, production });
  project.provide("bundleDirectory", dirname(dev.functions["gate"]?.directory ?? ""));
}

async function graphOf(stage: string, replacements: Readonly<Record<string, string>>): Promise<Graph> {
  const { graph, errors } = await evaluate({ stage, replacements });
  if (graph === undefined) throw new Error(`sst.config.ts cannot be evaluated for stage ${stage}:\n${errors}`);
  return graph;
}
