// Evaluates sst.config.ts as the SST CLI does, with Pulumi's mocks in place of its engine, and writes the graph of resources.
//   node test/stacks/harness/evaluate.mjs requests.json
// A request: { stage, out, replacements?: { file: text }, bundles?: directory of bundles to reuse }. Each is answered in its own file
// `out`: { app, outputs, resources, functions, failures }, the last empty where nothing went wrong.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { begin } from "./program.mjs";

const fromPlatform = createRequire(join(process.cwd(), ".sst", "platform", "package.json"));
const { LocalStore } = fromPlatform("@pulumi/pulumi/runtime/state");
const waiting = JSON.parse(readFileSync(process.argv[2], "utf8")).values();
let evaluation;
process.on("unhandledRejection", (error) => evaluation.failures.push(error));
process.on("uncaughtException", (error) => evaluation.failures.push(error));
// What is still at work may add a resource or fail, and after a failure some promises never settle: one is over when nothing is left.
process.on("beforeExit", () => {
  evaluation.finish();
  goOn();
});
goOn();

/** One after the other: loading Pulumi is half of an evaluation's work, and it keeps a program's state in one store. */
function goOn() {
  const { value: request } = waiting.next();
  if (request === undefined) return;
  globalThis.globalStore = new LocalStore();
  evaluation = begin(request);
}
