// Evaluates sst.config.ts as the SST CLI does, with Pulumi's mocks in place of its engine, and writes the graph of resources.
//   node test/stacks/harness/evaluate.mjs request.json
// The request: { stage, out, replacements?: { file: text }, bundles?: directory of bundles to reuse }. What went wrong is on
// standard error, and the status is 1 then.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createBundler } from "./bundle.mjs";
import { createMocks } from "./mocks.mjs";
import { startServer } from "./server.mjs";

const root = process.cwd();
const { stage, out, replacements = {}, bundles } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const work = `${out}.work`;
const { platform, evaluate, bundleFunction } = createBundler(root, replacements);
const fromPlatform = createRequire(join(platform, "package.json"));

const failures = [];
const resources = [];
const functions = {};
let outputs;
let app;
process.on("unhandledRejection", (error) => failures.push(error));
process.on("uncaughtException", (error) => failures.push(error));
// What is still at work may add a resource or fail, and after a failure some promises never settle: write once nothing is left.
process.once("beforeExit", finish);

app = await readApp();
const { region } = app.providers.aws;
const server = await startServer(region, buildFunction);
process.env.SST_SERVER = server.address;
const pulumi = fromPlatform("@pulumi/pulumi");
await pulumi.runtime.setMocks(createMocks(region), app.name, stage, false);
record(fromPlatform("@pulumi/pulumi/runtime").getMonitor());
try {
  outputs = await pulumi.runtime.runInPulumiStack(run);
} catch (error) {
  failures.push(error);
}
await pulumi.runtime.disconnect();
server.close();

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
  const known = bundles === undefined ? undefined : join(bundles, functionID);
  const directory = known ?? join(work, functionID);
  const errors = known !== undefined && existsSync(known) ? [] : await bundleFunction(request, directory);
  functions[functionID] = { handler: request.handler, directory, errors };
  return { out: directory, errors };
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
  if (outputs === undefined && failures.length === 0) failures.push(new Error("The program did not come to its end."));
  const text = JSON.stringify({ app, outputs, resources, functions }, null, 1);
  // Pulumi's sign for what is not known: a mock lacks an id or an output.
  if (text.includes("04da6b54-80e4-46f7-96ec-b56ff0331ba9")) failures.push(new Error("An input is not known."));
  writeFileSync(out, text);
  if (bundles !== undefined) rmSync(work, { recursive: true, force: true });
  for (const failure of new Set(failures.map((each) => each?.stack ?? String(each)))) console.error(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
