import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestProject } from "vitest/node";
import { ensurePlatform } from "../install.mjs";
import { evaluate, evaluateAll, fixtures, type Graph, type Request, removeBundles } from "./graph.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** dev: policies, and a deployment with nothing set. production: everything set. */
    graphs: { readonly dev: Graph; readonly production: Graph };
    /** The directory of the functions' bundles. */
    bundleDirectory: string;
  }
}

/**
 * SST's own bundles, in which only the policies are those that the embedded account was deployed with: a test learns its secrets'
 * names when they are there.
 */
const OF_EACH_ENGINE = [
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
const RUNNABLE = `import { workerData } from "node:worker_threads"; export default workerData?.config ?? ${JSON.stringify(OF_EACH_ENGINE)};`;

/**
 * Installs SST's platform where it is missing, and evaluates both stages once for the whole run, with real bundles. The graphs
 * that the environment variable ROTOR_GRAPHS names take their place: a mutant's.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const given = process.env["ROTOR_GRAPHS"];
  if (given !== undefined) {
    const graphs = JSON.parse(readFileSync(given, "utf8"));
    project.provide("graphs", graphs);
    // A mutant's bundles are those of the run that looks at it.
    project.provide("bundleDirectory", directoryOf(graphs.dev));
    return undefined;
  }
  ensurePlatform();
  const [dev, production, runnable] = await evaluated(
    { stage: "dev", replacements: await fixtures("rotation.config.ts") },
    { stage: "production", replacements: await fixtures("rotation.config.ts", "deployment.config.ts") },
    { stage: "dev", replacements: { "rotation.config.ts": RUNNABLE } },
  );
  project.provide("graphs", { dev, production });
  project.provide("bundleDirectory", directoryOf(dev));
  const bundles = Object.entries(runnable.functions).map(([name, { directory }]) => [
    name,
    join(directory, "bundle.mjs"),
  ]);
  project.provide("bundles", Object.fromEntries(bundles));
  return () => removeBundles([dev, production, runnable]);
}

function directoryOf({ functions }: Graph): string {
  return dirname(functions["gate"]?.directory ?? "");
}

/** @throws Error that says where, for which it is evaluated once more with traces */
async function evaluated<T extends readonly Request[]>(...requests: T): Promise<{ readonly [K in keyof T]: Graph }> {
  const graphs = [];
  for (const [index, { graph }] of (await evaluateAll(requests)).entries()) {
    const request = requests[index];
    if (graph !== undefined) graphs.push(graph);
    else if (request !== undefined) {
      const { errors } = await evaluate({ ...request, traces: true });
      throw new Error(`sst.config.ts cannot be evaluated for stage ${request.stage}:\n${errors}`);
    }
  }
  return graphs as unknown as { readonly [K in keyof T]: Graph };
}
