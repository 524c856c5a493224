import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import type { FunctionId } from "../../core/deployed-functions.ts";
import { ENGINES, type Engine } from "../../core/engines.ts";
import type { PolicyInput } from "../../core/policies.ts";
import type { Call } from "../../local/wire-calls.ts";
import { createReceiver } from "../dependents/webhook-receiver.ts";
import { mariadbTarget } from "../strategies/mariadb-target.ts";
import { redisTarget } from "../strategies/redis-target.ts";
import { type Place, startPlace } from "../support/aws-place.ts";
import { useMariadb } from "../support/mariadb.ts";
import { outcomesTold, repair } from "../support/observations.ts";
import { useRedis } from "../support/redis.ts";
import { type RotationFunction, startRotationFunction } from "../support/rotation-function.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWeakDependent } from "../support/weak-dependent.ts";
import { type AnySecret, startWorld, type World } from "../support/world.ts";
import { externalsOf } from "./externals.ts";
import { DEPLOYED } from "./fixtures/functions.ts";
import { all, evaluate, type Graph } from "./harness/graph.ts";

/**
 * What is deployed is what was proved: the bundles that SST makes, minified and with its banner, and not the sources, rotate
 * and roll back against the embedded account and a real PostgreSQL. Only the policies come from the test.
 */
const names = DEPLOYED.map(({ id }) => id);
const mariadb = useMariadb();
const redis = useRedis();
const directory = inject("bundleDirectory");
let world: World;
let native: Situation;
let alternating: Situation;
let partner: Situation;
let served: RotationFunction;
let others: readonly Other[];

beforeAll(async () => {
  world = await startWorld();
  native = await situation(world, { mode: "native", dependents: { orders: "cache", billing: "reload" } });
  await rotateOnce(world, native);
  for (const { faults } of Object.values(native.dependents)) faults["refresh"] = 422;
  await rotateOnce(world, native);
  alternating = await situation(world, { alternating: true, dependents: { reports: "reload" } });
  const token = await rotateOnce(world, alternating);
  await repair(world, alternating, token);
  const ofMariadb = await mariadbTarget(mariadb, { change: /^ALTER/ }).user();
  const ofRedis = await redisTarget(redis, { by: "user" }).user();
  others = [
    { strategy: "mariadb-single-user", secret: await rotateTwice("mariadb-single-user", ofMariadb.current) },
    { strategy: "redis-dual", secret: await rotateTwice("redis-dual", ofRedis.current) },
  ];
  await ofMariadb[Symbol.asyncDispose]();
  await ofRedis[Symbol.asyncDispose]();
  served = await startRotationFunction(world.account, { name: "partner-rotation", timeoutMs: 60_000 });
  partner = await situation(world, {
    ...{ mode: "native", dependents: { billing: "reload" }, dependentPolicy: { billing: { evidence: "weak" } } },
    policy: { strategy: "lambda", rotationFunctionArn: served.arn },
  });
  await rotateOnce(world, partner);
  for (const { faults } of Object.values(partner.dependents)) faults["refresh"] = 422;
  await rotateOnce(world, partner);
  await world.account.lambda.invoke("reconcile", { time: new Date(world.clock.now()).toISOString(), measure: "all" });
  await world.settled();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await served?.[Symbol.asyncDispose]();
});

describe("the bundles as they are deployed", () => {
  test("rotate a native secret, and take the next rotation back when a service refuses it", async () => {
    expect(outcomesTold(world, native)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
    const current = Object.entries(await world.labels(native)).find(([, labels]) => labels.includes("AWSCURRENT"))?.[0];
    expect(await world.signsIn(native, current ?? "")).toBe(true);
  });

  test("rotate alternating users, and take that back when asked", () => {
    expect(outcomesTold(world, alternating)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  });

  test("deploy ECS services, prove and renew Lambda functions, and sign, by exactly the rights that their role has", async () => {
    const key = `whsec_${randomBytes(32).toString("base64")}`;
    const starts = [
      (place: Place) => place.withService(),
      (place: Place) => place.withFunction(),
      (place: Place) => place.withReceiver(key, createReceiver([key])),
    ];
    for (const start of starts) {
      await using place = await startPlace();
      const { world, secret } = await start(place);
      await world.rotate(secret);
      expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
      expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
    }
  });

  test("rotate a MariaDB's and a Redis's, each by the bundles of its engine, and take the next rotation back", () => {
    for (const { secret, strategy } of others)
      expect(outcomesTold(world, secret), strategy).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  });

  test("drive an existing rotation function, and have it take the next rotation back", () => {
    expect(outcomesTold(world, partner)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  });

  test("are what ran", () => {
    for (const [name, file] of Object.entries(inject("bundles"))) expect(file, name).toMatch(/\/bundle\.mjs$/);
    // By the workflow, Secrets Manager or rules; reconcile by this test: it is seen by the calls that it makes.
    const calls = world.account.calls();
    const invoked = calls.filter(({ operation }) => operation === "Invoke").map(({ input }) => functionOf(input));
    const seen = [...invoked, ...calls.map(({ caller }) => caller)].filter((each) =>
      names.includes(each as FunctionId),
    );
    expect([...new Set(seen)].sort()).toEqual([...names].sort());
  });

  test("call nothing that their deployed role does not allow, on the very resource", async () => {
    const graph = await evaluated([
      { secretId: native.arn, strategy: "postgres-single-user" },
      {
        secretId: alternating.arn,
        strategy: "postgres-alternating-users",
        mode: "driven",
        administratorSecretId: await administratorOf(alternating),
      },
      ...others.map(({ secret, strategy }) => ({ secretId: secret.arn, strategy })),
      { secretId: partner.arn, strategy: "lambda", rotationFunctionArn: served.arn },
    ]);
    const calls = world.account.calls().filter(({ caller }) => names.includes(caller as FunctionId));
    expect(calls.length).toBeGreaterThan(100);
    const refused = calls.flatMap((call) =>
      resourcesOf(call)
        .map((resource) => `${call.caller}: ${actionOf(call)} on ${resource}`)
        .filter((_text, index) => !isAllowed(graph, call, resourcesOf(call)[index] ?? "")),
    );
    expect([...new Set(refused)]).toEqual([]);
  });
});

describe("what the bundles leave out", () => {
  const CREDENTIALS = [
    "@aws-sdk/credential-provider-http",
    "@aws-sdk/credential-provider-ini",
    "@aws-sdk/credential-provider-process",
    "@aws-sdk/credential-provider-sso",
    "@aws-sdk/credential-provider-web-identity",
    "@smithy/credential-provider-imds",
  ];
  const EVENT_STREAMS = "@smithy/core/event-streams";

  test.each(DEPLOYED)(
    "$id lacks nothing that it loads at once, and later no more than is known never to be asked for",
    async ({ id, engine }) => {
      const hasLambda = ["plan", "dependents", "reconcile"].includes(id) || engine === "lambda";
      const streams = hasLambda ? [] : [EVENT_STREAMS];
      // Its strategies ask for the driver of their own engine.
      const drivers = (Object.keys(ENGINES) as Engine[]).filter((each) => engine !== undefined && each !== engine);
      const later = [...CREDENTIALS, ...streams, ...drivers.map((each) => ENGINES[each].driver)].sort();
      expect(await externalsOf(fileOf(id))).toEqual({ atOnce: [], later });
    },
  );

  test("the client of Lambda loads event streams at once, so a bundle that has it and lacks them is seen", async () => {
    const directory = await mkdtemp(join(tmpdir(), "rotor-externals-"));
    const outfile = join(directory, "bundle.mjs");
    await build({
      ...{ entryPoints: ["functions/reconcile.ts"], outfile, bundle: true, platform: "node", format: "esm" },
      mainFields: ["module", "main"],
      external: [EVENT_STREAMS],
    });
    const { atOnce } = await externalsOf(outfile);
    await rm(directory, { recursive: true });
    expect(atOnce).toEqual([EVENT_STREAMS]);
  });
});

describe("sizes", () => {
  /** Bytes, minified and compressed, as Lambda loads them. Where nothing is promised: 5 % above what was measured. */
  const CEILINGS: Readonly<Partial<Record<FunctionId, number>>> = {
    rotate: 165_000,
    plan: 132_500,
    dispatch: 110_000,
    notify: 114_500,
    dependents: 142_000,
    gate: 165_000,
    "roll-back": 165_000,
    "rotate-mariadb": 432_000,
    "gate-mariadb": 432_000,
    "roll-back-mariadb": 432_000,
    "rotate-redis": 194_000,
    "gate-redis": 194_000,
    "roll-back-redis": 194_000,
    "rotate-lambda": 184_000,
    "gate-lambda": 184_000,
    "roll-back-lambda": 184_000,
    reconcile: 149_000,
  };
  /** How far the document may be off: compressors differ, and not every line of code is worth a new number. */
  const TOLERANCE = 2000;

  afterAll(() => {
    const sizes = names.map((name) => `${name} ${sizeOf(name)}`);
    console.log(`Bundles, in bytes, compressed: ${sizes.join(", ")}`);
  });

  test.each(names)("%s stays under its ceiling", (name) => {
    expect(sizeOf(name)).toBeLessThanOrEqual(CEILINGS[name] ?? 0);
  });

  test("docs/deploy.md lists them", () => {
    const document = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
    const listed = [...document.matchAll(/^\| `([a-z-]+)` \| (\d+) kB \|/gm)].map(([, name, kB]) => [
      name,
      Number(kB) * 1000,
    ]);
    expect(listed.map(([name]) => name).sort()).toEqual([...names].sort());
    for (const [name, size] of listed) {
      const measured = sizeOf(name as FunctionId);
      expect(Math.abs(measured - Number(size)), `${name}: ${measured}`).toBeLessThan(TOLERANCE);
    }
  });

  test("only the functions that reach a target carry a driver, and of one engine", () => {
    const marks: Readonly<Record<Engine, string>> = {
      postgresql: "SCRAM-SHA-256-PLUS",
      mariadb: "LOCAL INFILE",
      redis: "MaxRetriesPerRequestError",
      lambda: "com.amazonaws.lambda",
    };
    // These call functions of ours, or ask Lambda about a dependent.
    const callers: readonly FunctionId[] = ["plan", "dependents", "reconcile"];
    for (const { id, engine } of DEPLOYED) {
      const found = Object.entries(marks).filter(
        ([name, mark]) => bundleOf(id).includes(mark) && !(name === "lambda" && callers.includes(id)),
      );
      expect(
        found.map(([each]) => each),
        id,
      ).toEqual(engine === undefined ? [] : [engine]);
    }
  });
});

interface Other {
  readonly strategy: string;
  readonly secret: AnySecret;
}

/** Once as it should be, and once refused by its service. */
async function rotateTwice(strategy: string, value: object): Promise<AnySecret> {
  let secret: AnySecret | undefined;
  using dependent = await startWeakDependent("orders", () => secret?.firstVersion ?? "");
  secret = await world.add(value, { strategy, dependents: [dependent.policy] });
  await world.rotate(secret);
  dependent.refuses = 422;
  await world.rotate(secret);
  return secret;
}

function sizeOf(name: FunctionId): number {
  return gzipSync(bundleOf(name), { level: 9 }).length;
}

function bundleOf(name: FunctionId): string {
  return readFileSync(fileOf(name), "utf8");
}

/** Without policies: those are the user's, and come on top. */
function fileOf(name: FunctionId): string {
  return inject("bundles")[name] ?? "";
}

async function administratorOf(secret: Situation): Promise<string> {
  const { SecretString = "{}" } = await world.client.send(new GetSecretValueCommand({ SecretId: secret.arn }));
  return (JSON.parse(SecretString) as { masterarn: string }).masterarn;
}

async function evaluated(policies: readonly PolicyInput[]): Promise<Graph> {
  const { region } = world.account;
  const settings = {
    region,
    runbooks: { alarms: "https://runbooks.example.com/rotor", errors: "https://runbooks.example.com/errors" },
  };
  const replacements = {
    "rotation.config.ts": `export default ${JSON.stringify(policies)};`,
    "deployment.config.ts": `export default ${JSON.stringify(settings)};`,
  };
  const { graph, errors } = await evaluate({ stage: "dev", replacements, bundles: directory });
  if (graph === undefined) throw new Error(errors);
  return graph;
}

function functionOf(input: unknown): string | undefined {
  return (input as { readonly FunctionName?: string }).FunctionName?.split(":").at(-1);
}

function actionOf({ service, operation }: Call): string {
  return operation === "Invoke" ? "lambda:InvokeFunction" : `${service}:${operation}`;
}

/** The ARNs that IAM would ask about, as they are in a deployment. */
function resourcesOf({ input, operation }: Call): readonly string[] {
  const { region, accountId } = world.account;
  const request = input as Readonly<Record<string, unknown>>;
  if (operation === "PutEvents") {
    const buses = (request["Entries"] as { EventBusName: string }[]).map((each) => each.EventBusName);
    return [...new Set(buses)].map((bus) => `arn:aws:events:${region}:${accountId}:event-bus/rotor-dev-${bus}`);
  }
  const named =
    request["SecretId"] ??
    request["executionArn"] ??
    request["stateMachineArn"] ??
    request["FunctionName"] ??
    request["TopicArn"];
  if (named === undefined) return ["*"];
  // Secrets Manager asks IAM about the ARN, also where the request has the name.
  const known = [native, alternating, partner, ...others.map(({ secret }) => secret)].find(
    ({ name }) => name === named,
  );
  if (known !== undefined) return [known.arn];
  // Somebody else's function has its own name.
  if (named === served.arn) return [served.arn];
  return [
    String(named).replace(/(execution:|stateMachine:|function:|sns:[^:]+:\d+:|secret:(?=rotor\/))/, "$1rotor-dev-"),
  ];
}

function isAllowed(graph: Graph, call: Call, resource: string): boolean {
  const { region } = world.account;
  const role = all(graph, "aws:iam/role:Role").find(
    ({ inputs }) => inputs.name === `rotor-dev-${call.caller}-${region}`,
  );
  const policies: readonly { policy: string }[] = role?.inputs.inlinePolicies ?? [];
  const statements = policies.flatMap(({ policy }) => JSON.parse(policy).Statement);
  // What a condition makes of it is held to the table: iam.test.ts.
  return statements.some(
    ({ Effect, Action, Resource }: { Effect: string; Action: string[]; Resource: string[] }) =>
      Effect === "Allow" && Action.includes(actionOf(call)) && Resource.some((pattern) => matches(pattern, resource)),
  );
}

/** IAM's own wildcards. */
function matches(pattern: string, resource: string): boolean {
  const parts = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${parts}$`).test(resource);
}
