import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Call, LEFT_OUT, REGION, stepsOf } from "./aws-calls.ts";
import type { Graph, Resource } from "./harness/graph.ts";

// What AWS answers is as wide as AWS.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Answer = any;

/** A resource in moto's account. */
export interface Deployed {
  readonly resource: Resource;
  /** As moto gave it; undefined for what has none or was refused. */
  readonly arn: string | undefined;
  /** What moto was told, and what it says when it is asked. Texts that hold JSON are read. */
  readonly read: readonly { readonly told: Answer; readonly says: Answer }[];
  /** Why calls were refused, one line each. */
  readonly refused: readonly string[];
}

const PROGRAM = fileURLToPath(new URL("call-moto.py", import.meta.url));
const NEEDS = "import boto3, moto.server, moto.stepfunctions.parser.models";
/** It takes seconds; a test's own timeout is longer. */
const TIMEOUT_MS = 50_000;

/** Whether python3 has boto3, and moto with its server and its reader of state machines. */
export const isInstalled = spawnSync("python3", ["-c", NEEDS]).status === 0;

/**
 * Creates the graph's resources in a moto server, each when the first that depends on it is created, and then asks for all of them.
 *
 * @throws Error for a type of AWS's that it does not know how to create
 */
export async function deployToMoto({ resources }: Pick<Graph, "resources">): Promise<readonly Deployed[]> {
  const ordered = inOrder(resources).filter(({ type }) => type.startsWith("aws:") && LEFT_OUT[type] === undefined);
  const buckets = bucketsOf(ordered);
  const steps = ordered.map((resource) => ({ resource, ...stepsOf(resource) }));
  const creating = steps.flatMap(({ create }) => create);
  const reading = steps.flatMap(({ read }) => read.map(([call]) => call));
  const answers = (await answersTo([...buckets, ...creating, ...reading])).values();
  const taken = (count: number) => Array.from({ length: count }, () => answers.next().value ?? {});
  taken(buckets.length);
  const created = steps.map(({ create }) => taken(create.length));
  return steps.map(({ resource, read, arn }, index) => {
    const looked = taken(read.length);
    const refused = [...(created[index] ?? []), ...looked].flatMap((each) => each.refused ?? []);
    return {
      resource,
      arn: arn?.split(".").reduce((value, key) => value?.[key], looked[0]?.answer),
      read: read.map(([, told], at) => ({ told: plain(told), says: plain(looked[at]?.answer) })),
      refused: refused.map((why) => `${resource.type} ${resource.name}: ${why}`),
    };
  });
}

/**
 * What depends on most comes first, after its dependencies: so a dependency that is needed and not declared is not there yet.
 */
function inOrder(resources: readonly Resource[]): readonly Resource[] {
  const byUrn = new Map(resources.map((each) => [each.urn, each]));
  const ordered = new Set<Resource>();
  const visit = (resource: Resource) => {
    for (const urn of resource.dependsOn) {
      const needed = byUrn.get(urn);
      if (needed !== undefined && !ordered.has(needed)) visit(needed);
    }
    ordered.add(resource);
  };
  for (const each of [...resources].sort((a, b) => b.dependsOn.length - a.dependsOn.length)) visit(each);
  return [...ordered];
}

/** The account has SST's bucket for code before it has anything else. */
function bucketsOf(resources: readonly Resource[]): readonly Call[] {
  const names = new Set(resources.flatMap(({ type, inputs }) => (type.startsWith("aws:s3/") ? [inputs.bucket] : [])));
  const CreateBucketConfiguration = { LocationConstraint: REGION };
  return [...names].map((Bucket) => ["s3", "create_bucket", { Bucket, CreateBucketConfiguration }]);
}

async function answersTo(calls: readonly Call[]): Promise<readonly { answer?: Answer; refused?: string }[]> {
  const directory = await mkdtemp(join(tmpdir(), "rotor-moto-"));
  const child = spawn("python3", [PROGRAM], { cwd: directory, env: environment(directory), timeout: TIMEOUT_MS });
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  child.stdin.on("error", () => undefined).end(JSON.stringify(calls));
  const status = await new Promise((resolve) => child.on("close", resolve));
  await rm(directory, { recursive: true });
  if (status !== 0) throw new Error(`call-moto.py ended with status ${status}:\n${errors.join("")}`);
  return JSON.parse(output.join(""));
}

/** Nothing of the user's own AWS, and no proxy before moto. */
function environment(directory: string): NodeJS.ProcessEnv {
  const none = join(directory, "none");
  return {
    ...process.env,
    ...{ AWS_PROFILE: undefined, AWS_CONFIG_FILE: none, AWS_SHARED_CREDENTIALS_FILE: none, no_proxy: "127.0.0.1" },
    ...{ AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", AWS_DEFAULT_REGION: REGION },
  };
}

function collect(stream: NodeJS.ReadableStream): readonly string[] {
  const chunks: string[] = [];
  stream.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  return chunks;
}

/** Without what is undefined, and with the JSON that texts hold: what is left to compare is what it says. */
function plain(value: Answer): Answer {
  if (typeof value === "string") return value.startsWith('{"') ? plain(JSON.parse(value)) : value;
  if (Array.isArray(value)) return value.map(plain);
  // Vitest's matchers stay what they are.
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, plain(each)]));
}
