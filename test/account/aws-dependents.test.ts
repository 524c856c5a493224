import { randomBytes } from "node:crypto";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { describe, expect, test } from "vitest";
import { dependentGrants } from "../../core/dependent-grants.ts";
import { type PolicyInput, parsePolicies } from "../../core/policies.ts";
import { readSecret } from "../../local/demo/service-secret.ts";
import { takeIntoUse } from "../../local/demo/service-use.ts";
import { startDouble } from "../dependents/http-double.ts";
import { createReceiver } from "../dependents/webhook-receiver.ts";
import { uniqueName } from "../support/database.ts";
import { type FakeAws, startFakeAws } from "../support/fake-aws.ts";
import { createFakeEcs, type ServiceOptions } from "../support/fake-ecs.ts";
import { createFakeLambda } from "../support/fake-lambda.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

/** Dependents that a function reaches by AWS's own APIs, through the front door: policies in, the services' credentials out. */
const PLACE = "us-east-1:123456789012";
const arn = (service: string, resource: string) => `arn:aws:${service}:${PLACE}:${resource}`;
const VERIFY = { intervalSeconds: 1, deadlineSeconds: 200 };

describe("an ECS service that reads the secret when its tasks start", () => {
  test("is deployed anew, and every task has signed in with the new version", async () => {
    await using place = await startPlace();
    const { world, secret, service, name } = await place.withService({ desiredCount: 3 });

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({
      outcome: "SUCCEEDED",
      evidence: [{ dependent: "orders", strength: "strong" }],
    });
    expect([service.forced, service.tasks.length, name.versions()]).toEqual([1, 3, [token, token, token]]);
    expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
  });

  test("takes the rotation back when its tasks do not come up, and runs on the old version again", async () => {
    await using place = await startPlace();
    const { world, secret, service, name } = await place.withService({
      circuitBreaker: "roll-back",
      startsWith: (versionId, first) => versionId === first,
    });

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({
      outcome: "ROLLED_BACK",
      failedIn: "ConvergeDependents",
      error: "DependentUnhealthy",
    });
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
    expect(service.forced).toBe(2);
    expect([...new Set(name.versions())]).toEqual([secret.firstVersion]);
    expect(service.deployments.map(({ rolloutState }) => rolloutState)).toEqual(["COMPLETED"]);
  });

  test("that pins a version is refused before anything is touched", async () => {
    await using place = await startPlace();
    const { world, secret, service } = await place.withService();
    const valueFrom = `${secret.arn}:password::${secret.firstVersion}`;
    service.containers = [{ name: "orders", secrets: [{ name: "PASSWORD", valueFrom }] }];

    const token = await world.rotate(secret);

    const { execution, path } = await world.run(secret, token);
    expect(execution.error).toBe("RotationRejected");
    expect(execution.cause).toContain("Dependent orders: Container orders of task definition");
    expect(path).not.toContain("CreateSecret");
    expect(service.forced).toBe(0);
  });
});

describe("a Lambda function that keeps what it read when it started", () => {
  test("proves the candidate before promotion, is given new environments, and answers with the new version", async () => {
    await using place = await startPlace();
    const { world, secret, fn, asked } = await place.withFunction();

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({
      outcome: "SUCCEEDED",
      evidence: [{ dependent: "orders", strength: "strong" }],
    });
    expect(asked).toContain(`probe ${token}`);
    expect(fn.updates).toBe(1);
    expect(Object.values(fn.variables)).toEqual([token]);
    expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
  });
});

describe("an HTTP endpoint whose requests are signed", () => {
  test("is refreshed by a request that it has verified, with a key that stands in no log", async () => {
    await using place = await startPlace();
    const key = `whsec_${randomBytes(32).toString("base64")}`;
    const { world, secret, verified } = await place.withReceiver(key, createReceiver([key]));

    const token = await world.rotate(secret);

    const { execution, history } = await world.run(secret, token);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "SUCCEEDED" });
    expect(verified).toEqual([`refresh ${token}`]);
    expect(JSON.stringify([history, world.account.lambda.logs(), world.account.calls()])).not.toContain(key.slice(6));
    expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
  });

  test("that accepts another key only takes the rotation back", async () => {
    await using place = await startPlace();
    const another = `whsec_${randomBytes(32).toString("base64")}`;
    const receive = createReceiver([another]);
    const { world, secret, verified } = await place.withReceiver(
      `whsec_${randomBytes(32).toString("base64")}`,
      receive,
    );

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({ outcome: "ROLLED_BACK", error: "DependentUnhealthy" });
    expect(verified).toEqual([]);
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });
});

interface ServiceWish extends Partial<ServiceOptions> {
  /** Whether a task comes up with AWSCURRENT. Default: always. */
  readonly startsWith?: (versionId: string, firstVersion: string) => boolean;
}

/** An account, and beside it what of AWS it lacks, which its functions reach as they reach AWS. */
async function startPlace() {
  const ecs = createFakeEcs(`arn:aws:ecs:${PLACE}`);
  const lambda = createFakeLambda();
  const aws: FakeAws = await startFakeAws({ ecs: ecs.operations, lambda: lambda.operations });
  const { AWS_ENDPOINT_URL_ECS = "", AWS_ENDPOINT_URL_LAMBDA = "" } = aws.environment;
  const world = await startWorld({ environment: { dependents: { AWS_ENDPOINT_URL_ECS, AWS_ENDPOINT_URL_LAMBDA } } });
  const ends: (() => Promise<unknown>)[] = [];
  let declared: PolicyInput["dependents"];

  async function addSecret(dependent: NonNullable<PolicyInput["dependents"]>[number], alternating = false) {
    declared = [dependent];
    return world.addSecret({ alternating, policy: { verify: VERIFY, dependents: declared } });
  }

  const use = (application: string, secret: TestSecret) =>
    takeIntoUse({ application, mode: "cache", readCurrent: () => readSecret(world.client, secret.arn), log: () => {} });

  return {
    async withService({ startsWith = () => true, ...options }: ServiceWish = {}) {
      const name = { cluster: uniqueName("cluster"), service: uniqueName("orders") };
      const secret = await addSecret({ name: "orders", kind: "ecs-service", application: name.service, target: name });
      const running = new Map<object, string>();
      const runTask = async () => {
        const { versionId } = await readSecret(world.client, secret.arn);
        if (!startsWith(versionId, secret.firstVersion)) throw new Error("the container exits");
        const task = await use(name.service, secret);
        running.set(task, task.health().versionId);
        return async () => {
          running.delete(task);
          await task.close();
        };
      };
      const service = await ecs.create({ ...name, runTask, ...options });
      ends.push(async () => {
        await ecs.settled();
        await service.end();
      });
      return { world, secret, service, name: { ...name, versions: () => [...running.values()] } };
    },

    async withFunction() {
      const functionName = uniqueName("orders");
      const target = { functionName, invoke: ["verify", "probe"] };
      const dependent = { name: "orders", kind: "lambda-function", application: functionName, target };
      const secret = await addSecret(dependent, true);
      const asked: string[] = [];
      const fn = lambda.create({
        name: functionName,
        start: async () => {
          const own = await use(functionName, secret);
          return {
            async handle(event) {
              const { rotor } = event as { rotor: { action: "verify" | "probe"; versionId: string } };
              asked.push(`${rotor.action} ${rotor.versionId}`);
              if (rotor.action === "probe") {
                const { versionId } = await proves(world, secret, rotor.versionId);
                return JSON.stringify({ versionId });
              }
              await own.work();
              return JSON.stringify({ versionId: own.health().versionId });
            },
            close: own.close,
          };
        },
      });
      ends.push(async () => {
        await lambda.settled();
        await fn.environment?.close();
      });
      return { world, secret, fn, asked };
    },

    async withReceiver(key: string, receive: ReturnType<typeof createReceiver>) {
      const secretId = uniqueName("rotor/webhook-key");
      await world.client.send(new CreateSecretCommand({ Name: secretId, SecretString: key }));
      const verified: string[] = [];
      const double = await startDouble(({ method, headers }, response, body) => {
        if (method === "GET") return void response.writeHead(200).end();
        if (!receive(headers, body)) return void response.writeHead(401).end();
        const { action, versionId } = JSON.parse(body) as { action: string; versionId: string };
        verified.push(`${action} ${versionId}`);
        response.writeHead(202).end();
      });
      ends.push(async () => double[Symbol.asyncDispose]());
      const target = { verify: `${double.url}/health`, refresh: `${double.url}/refresh`, signing: { secretId } };
      const secret = await addSecret({ name: "orders", kind: "http-endpoint", evidence: "weak", target });
      return { world, secret, verified };
    },

    /** What the function has called that its role would not allow, and what that allows and it has not called. */
    calledBeyond({ name: secretId }: TestSecret) {
      const [policy] = parsePolicies([{ secretId, strategy: "postgres-single-user", dependents: declared }]);
      const grants = dependentGrants(policy === undefined ? [] : [policy], arn);
      const allowed = grants.flatMap(({ actions, resources }) =>
        actions.flatMap((action) => resources.map((on) => `${action} on ${on}`)),
      );
      const own = world.account.calls().filter(({ caller }) => caller === "dependents");
      const called = [...aws.calls.recorded(), ...own].flatMap(({ service, operation, input }) => {
        const action = `${service}:${operation}`.replace(/Invoke$/, "InvokeFunction");
        return resourcesOf(operation, input as Asked).map((on) => `${action} on ${on}`);
      });
      return {
        refused: called.filter((each) => !allowed.some((pattern) => matches(pattern, each))),
        unused: allowed.filter((pattern) => !called.some((each) => matches(pattern, each))),
      };
    },

    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      for (const end of ends.reverse()) await end();
      await aws[Symbol.asyncDispose]();
    },
  };
}

async function proves(world: World, secret: TestSecret, versionId: string) {
  if (!(await world.signsIn(secret, versionId))) throw new Error("it is refused");
  return { versionId };
}

interface Asked {
  readonly cluster?: string;
  readonly service?: string;
  readonly services?: readonly string[];
  readonly tasks?: readonly string[];
  readonly resourceArn?: string;
  readonly FunctionName?: string;
  readonly SecretId?: string;
}

/** What IAM asks about, by the reference of each service's actions. */
function resourcesOf(operation: string, input: Asked): readonly string[] {
  const { cluster, service, services = [], tasks = [], resourceArn = "", FunctionName, SecretId } = input;
  switch (operation) {
    case "DescribeServices":
      return services.map((each) => arn("ecs", `service/${cluster}/${each}`));
    case "UpdateService":
      return [arn("ecs", `service/${cluster}/${service}`)];
    case "DescribeTasks":
      return tasks;
    case "TagResource":
      return [resourceArn];
    case "ListTasks":
    case "DescribeTaskDefinition":
      return ["*"];
    case "GetSecretValue":
      return [arn("secretsmanager", `secret:${SecretId}-AbCdEf`)];
    default:
      return [arn("lambda", `function:${FunctionName}`)];
  }
}

/** IAM's own wildcards. */
function matches(pattern: string, text: string): boolean {
  const parts = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${parts}$`).test(text);
}
