// One evaluation of sst.config.ts (pkg/project).
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createBundler } from "./bundle.mjs";
import { createMocks } from "./mocks.mjs";
import { startServer } from "./server.mjs";

const root = process.cwd();
const fromPlatform = createRequire(join(root, ".sst", "platform", "package.json"));
const pulumi = fromPlatform("@pulumi/pulumi");

/**
 * Starts the program of a request. When nothing is at work any more, `finish` writes the answer.
 * @returns failures, to which what went wrong elsewhere is added, and finish
 */
export function begin({ stage, out, replacements = {}, bundles }) {
  const work = `${out}.work`;
  const { platform, evaluate, bundleFunction } = createBundler(root, replacements);
  const failures = [];
  const resources = [];
  const functions = {};
  let outputs;
  let app;
  runProgram().catch((error) => failures.push(error));
  return { failures, finish };

  async function runProgram() {
    app = await readApp();
    const { region } = app.providers.aws;
    const server = await startServer(region, buildFunction);
    process.env.SST_SERVER = server.address;
    await pulumi.runtime.setMocks(createMocks(region), app.name, stage, false);
    record(fromPlatform("@pulumi/pulumi/runtime").getMonitor());
    try {
      outputs = await pulumi.runtime.runInPulumiStack(run);
    } catch (error) {
      failures.push(error);
    }
    await pulumi.runtime.disconnect();
    server.close();
  }

  /** pkg/project/project.go, pkg/project/provider/aws.go: the app, and the tags that SST adds. */
  async function readApp() {
    const config = JSON.stringify(join(root, "sst.config.ts"));
    const read = await evaluate({
      name: "app",
      topLevelImports: false,
      banner: "function $config(input) { return input }",
      code: `import mod from ${config}; export default await mod.app({ stage: ${JSON.stringify(stage)} });`,
    });
    const { tags } = read.providers.aws.defaultTags;
    read.providers.aws.defaultTags = { tags: { ...tags, "sst:app": read.name, "sst:stage": stage } };
    return { protect: false, removal: "retain", ...read, stage };
  }

  /** pkg/project/run.go */
  function run() {
    const components = JSON.stringify(join(platform, "src/components"));
    const cli = { command: "deploy", dev: false, paths: { home: work, root, work, platform }, state: { version: {} } };
    return evaluate({
      name: "run",
      define: { $app: JSON.stringify(app), $cli: JSON.stringify(cli), $dev: "false" },
      inject: [join(platform, "src/shim/run.js")],
      globals: `import * as aws from "@pulumi/aws"; import * as sst from ${components};`,
      code: `import { run } from ${JSON.stringify(join(platform, "src/auto/run.ts"))};
  import mod from ${JSON.stringify(join(root, "sst.config.ts"))};
  const result = await run(mod.run);
  export default result;`,
    });
  }

  async function buildFunction(request) {
    const { functionID } = request;
    const own = join(work, functionID);
    const directory = bundles === undefined ? own : join(bundles, functionID);
    const isKnown = bundles !== undefined && existsSync(directory);
    const errors = isKnown ? [] : await bundleFunction(request, directory);
    functions[functionID] = { handler: request.handler, directory, errors };
    if (!isKnown) return { out: directory, errors };
    // SST packs what it is given: a sixth of an evaluation's work, and nobody looks at the archive.
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "bundle.mjs"), "");
    return { out: own, errors };
  }

  /** Inputs as the engine would get them, and what each resource depends on. */
  function record(monitor) {
    for (const method of ["registerResource", "readResource"]) {
      const original = monitor[method].bind(monitor);
      monitor[method] = (request, callback) =>
        original(request, (error, response) => {
          if (!error && method === "registerResource") {
            resources.push({
              urn: response.getUrn(),
              type: request.getType(),
              name: request.getName(),
              inputs: request.getObject().toJavaScript(),
              dependsOn: request.getDependenciesList(),
              retainOnDelete: request.getRetainondelete() === true,
              ignoreChanges: request.getIgnorechangesList(),
              deleteBeforeReplace: request.getDeletebeforereplace(),
            });
          }
          callback(error, response);
        });
    }
  }

  function finish() {
    resources.sort((a, b) => (a.urn < b.urn ? -1 : 1));
    for (const [index, { urn }] of resources.entries()) {
      if (urn === resources[index + 1]?.urn) failures.push(new Error(`There are two resources ${urn}.`));
    }
    if (outputs === undefined && failures.length === 0)
      failures.push(new Error("The program did not come to its end."));
    // Pulumi's sign for what is not known: a mock lacks an id or an output.
    if (JSON.stringify({ outputs, resources }).includes("04da6b54-80e4-46f7-96ec-b56ff0331ba9"))
      failures.push(new Error("An input is not known."));
    if (bundles !== undefined) rmSync(work, { recursive: true, force: true });
    const said = [...new Set(failures.map((each) => each?.stack ?? String(each)))];
    writeFileSync(out, JSON.stringify({ app, outputs, resources, functions, failures: said }, null, 1));
  }
}
