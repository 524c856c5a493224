import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A resource as Pulumi's engine would be asked for it. */
export interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  // What a provider takes is as wide as AWS: tests look at what they know.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly inputs: any;
  readonly dependsOn: readonly string[];
  readonly retainOnDelete: boolean;
  readonly ignoreChanges: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export interface Graph {
  readonly app: {
    readonly name: string;
    readonly stage: string;
    readonly removal: string;
    readonly protect: boolean;
    readonly providers: {
      readonly aws: { readonly region: string; readonly defaultTags: { tags: Record<string, string> } };
    };
  };
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: readonly Resource[];
  /** The bundle of each function: a directory with bundle.mjs. */
  readonly functions: Readonly<Record<string, { handler: string; directory: string; errors: readonly string[] }>>;
}

export interface Request {
  readonly stage: string;
  /** File, relative to the project -> the text that takes its place. */
  readonly replacements?: Readonly<Record<string, string>>;
  /** Bundles of an earlier evaluation, so that functions are not bundled again. */
  readonly bundles?: string;
  /** `errors` says where. */
  readonly traces?: true;
}

export interface Evaluation {
  readonly graph: Graph | undefined;
  /** What went wrong; empty where nothing did. */
  readonly errors: string;
  /** The resources that had been registered by then: SST's own, the stack itself, and what the stacks make. */
  readonly registered: readonly string[];
}

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAM = fileURLToPath(new URL("evaluate.mjs", import.meta.url));
/** An evaluation takes seconds. One that fails may hang: promises that never settle keep nothing alive, but a socket might. */
const TIMEOUT_MS = 120_000;

/**
 * Evaluates sst.config.ts in a process of its own: Pulumi keeps its state in the module. Leaves nothing behind but the bundles that it
 * was not given: they lie in a directory above those of the graph's functions, which `removeBundles` removes.
 */
export async function evaluate(request: Request): Promise<Evaluation> {
  const [evaluation] = await evaluateAll([request]);
  if (evaluation === undefined) throw new Error("An evaluation gave no answer.");
  return evaluation;
}

/** The same for several, one after the other in one process, which is a quarter of the work. Each takes some 60 MB of it. */
export async function evaluateAll(requests: readonly Request[]): Promise<readonly Evaluation[]> {
  const directory = await mkdtemp(join(tmpdir(), "rotor-graph-"));
  const file = join(directory, "requests.json");
  const outs = requests.map((_each, index) => join(directory, `graph-${index}.json`));
  await writeFile(file, JSON.stringify(requests.map((each, index) => ({ ...each, out: outs[index] }))));
  // Pulumi keeps a stack trace of every promise: two fifths of what an evaluation costs.
  const traces = requests.some((each) => each.traces) ? [] : ["--stack-trace-limit=0"];
  const printed = await run([...traces, PROGRAM, file], requests.length * TIMEOUT_MS);
  const answers = await Promise.all(outs.map((out) => answerIn(out, printed)));
  const leavesBundles = answers.some(
    ({ graph }, index) => graph !== undefined && requests[index]?.bundles === undefined,
  );
  if (!leavesBundles) await rm(directory, { recursive: true, force: true });
  return answers;
}

/** What the process printed. */
async function run(args: readonly string[], timeout: number): Promise<string> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], timeout });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      printed += chunk;
    });
  }
  const status = await new Promise((resolve) => child.on("close", resolve));
  return `${printed}\nThe evaluation's process ended with status ${String(status)}.`;
}

async function answerIn(out: string, printed: string): Promise<Evaluation> {
  const text = await readFile(out, "utf8").catch(() => undefined);
  if (text === undefined) return { graph: undefined, errors: printed, registered: [] };
  const { failures, ...graph } = JSON.parse(text) as Graph & { readonly failures: readonly string[] };
  const registered = graph.resources.map(({ type, name }) => `${type} ${name}`);
  if (failures.length === 0) return { graph, errors: "", registered };
  return { graph: undefined, errors: failures.join("\n"), registered };
}

/** Removes what evaluations without given bundles have left. */
export async function removeBundles(graphs: readonly Graph[]): Promise<void> {
  const directories = graphs.flatMap(({ functions }) =>
    Object.values(functions).map((each) => dirname(dirname(each.directory))),
  );
  await Promise.all([...new Set(directories)].map((each) => rm(each, { recursive: true, force: true })));
}

/** The fixtures' text, in the place of the project's own configuration. */
export async function fixtures(...names: ("rotation.config.ts" | "deployment.config.ts")[]) {
  const read = async (name: string) => {
    const text = await readFile(join(ROOT, "test/stacks/fixtures", name), "utf8");
    // They take the place of files at the project's root.
    return [name, text.replaceAll('"../../../core/', '"./core/')] as const;
  };
  return Object.fromEntries(await Promise.all(names.map(read)));
}

/** @throws Error when there is not exactly one */
export function one({ resources }: Pick<Graph, "resources">, type: string, name: string): Resource {
  const found = all({ resources }, type).filter((each) => each.name === name);
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  const names = all({ resources }, type).map((each) => each.name);
  throw new Error(`There are ${found.length} ${type} named ${name}. There are: ${names.join(", ")}`);
}

export function all({ resources }: Pick<Graph, "resources">, type: string): readonly Resource[] {
  return resources.filter((each) => each.type === type);
}
