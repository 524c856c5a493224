import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestProject } from "vitest/node";
import { ensurePlatform } from "../install.mjs";
import { evaluate, fixtures, type Graph, removeBundles } from "./graph.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** dev: policies, and a deployment with nothing set. production: everything set. */
    graphs: { readonly dev: Graph; readonly production: Graph };
    /** The directory of the functions' bundles. */
    bundleDirectory: string;
  }
}

/**
 * Installs SST's platform where it is missing, and evaluates both stages once for the whole run, with real bundles. The graphs
 * that the environment variable ROTOR_GRAPHS names take their place: a mutant's.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { dev, production } = await graphs();
  project.provide("graphs", { dev, production });
  project.provide("bundleDirectory", dirname(dev.functions["gate"]?.directory ?? ""));
  // A mutant's bundles are those of the run that looks at it.
  if (process.env["ROTOR_GRAPHS"] !== undefined) return undefined;
  const runnable = await runnableGraph();
  const bundles = Object.entries(runnable.functions).map(([name, { directory }]) => [
    name,
    join(directory, "bundle.mjs"),
  ]);
  project.provide("bundles", Object.fromEntries(bundles));
  return () => removeBundles([dev, production, runnable]);
}

/**
 * SST's own bundles, in which only the policies are those that the embedded account was deployed with: a test learns its secrets'
 * names when they are there.
 */
function runnableGraph(): Promise<Graph> {
  const ofEachEngine = [
    { secretId: "shop/db", strategy: "mariadb-single-user" },
    { secretId: "sessions/cache", strategy: "redis-dual" },
    {
      ...{ secretId: "partner/key", strategy: "lambda" },
      rotationFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:partner-rotation",
    },
    {
      ...{ secretId: "partner/api", strategy: "lambda" },
      rotationFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:rotate-partner",
    },
  ];
  const policies = `import { workerData } from "node:worker_threads"; export default workerData?.config ?? ${JSON.stringify(ofEachEngine)};`;
  return graphOf("dev", { "rotation.config.ts": policies });
}

async function graphs(): Promise<{ readonly dev: Graph; readonly production: Graph }> {
  const given = process.env["ROTOR_GRAPHS"];
  if (given !== undefined) return JSON.parse(readFileSync(given, "utf8"));
  ensurePlatform();
  const [dev, production] = await Promise.all([
    graphOf("dev", await fixtures("rotation.config.ts")),
    graphOf("production", await fixtures("rotation.config.ts", "deployment.config.ts")),
  ]);
  return { dev, production };
}

async function graphOf(stage: string, replacements: Readonly<Record<string, string>>): Promise<Graph> {
  const { graph, errors } = await evaluate({ stage, replacements });
  if (graph === undefined) throw new Error(`sst.config.ts cannot be evaluated for stage ${stage}:\n${errors}`);
  return graph;
}
