import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { dependentGrants } from "../../core/dependent-grants.ts";
import { type PolicyInput, parsePolicies } from "../../core/policies.ts";
import { readSecret } from "../../local/demo/service-secret.ts";
import { takeIntoUse } from "../../local/demo/service-use.ts";
import { startDouble } from "../dependents/http-double.ts";
import type { createReceiver } from "../dependents/webhook-receiver.ts";
import { uniqueName } from "./database.ts";
import { LIMITS } from "./dependent-double.ts";
import { startFakeAws } from "./fake-aws.ts";
import { createFakeEcs, type ServiceOptions } from "./fake-ecs.ts";
import { createFakeLambda } from "./fake-lambda.ts";
import { startWorld, type TestSecret } from "./world.ts";

const PLACE = "us-east-1:123456789012";
const arn = (service: string, resource: string) => `arn:aws:${service}:${PLACE}:${resource}`;
const VERIFY = { intervalSeconds: 1, deadlineSeconds: 200 };

interface ServiceWish extends Partial<ServiceOptions> {
  /** Whether a task comes up with AWSCURRENT. Default: always. */
  readonly startsWith?: (versionId: string, firstVersion: string) => boolean;
}

export type Place = Awaited<ReturnType<typeof startPlace>>;

/** An account, and beside it what of AWS it lacks, which its functions reach as they reach AWS. */
export async function startPlace() {
  const ecs = createFakeEcs(`arn:aws:ecs:${PLACE}`);
  const lambda = createFakeLambda();
  const aws = await startFakeAws({ ecs: ecs.operations, lambda: lambda.operations });
  const { AWS_ENDPOINT_URL_ECS = "", AWS_ENDPOINT_URL_LAMBDA = "" } = aws.environment;
  const world = await startWorld({ environment: { dependents: { AWS_ENDPOINT_URL_ECS, AWS_ENDPOINT_URL_LAMBDA } } });
  const ends: (() => Promise<unknown>)[] = [];
  let declared: PolicyInput["dependents"];

  async function addSecret(dependent: NonNullable<PolicyInput["dependents"]>[number], alternating = false) {
    declared = [dependent];
    return world.addSecret({ alternating, policy: { verify: VERIFY, dependents: declared } });
  }

  const use = (application: string, secret: TestSecret) =>
    takeIntoUse({
      application,
      mode: "cache",
      readCurrent: () => readSecret(world.client, secret.arn),
      log: () => {},
      limits: LIMITS,
    });

  return {
    /** A policy with an ECS service; the versions that its running tasks have signed in with. */
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
      return { world, secret, service, versions: () => [...running.values()] };
    },

    /** A policy with a Lambda function that proves candidates; what it was asked. */
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
                if (!(await world.signsIn(secret, rotor.versionId))) throw new Error("it is refused");
                return JSON.stringify({ versionId: rotor.versionId });
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

    /** A policy with an endpoint whose requests are signed with `key`; those that `receive` has verified. */
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
