import { createHash } from "node:crypto";
import {
  type Deployment,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  type Service,
  TagResourceCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import * as z from "zod/mini";
import { RotationError } from "../errors.ts";
import { type Calls, lookAgain } from "./aws-calls.ts";
import { type Arn, defineDependent, type Evidence, type SecretChange } from "./dependent.ts";
import { describeService, ecs, nameOf, startEcsCalls } from "./ecs-calls.ts";
import { findPin } from "./ecs-pins.ts";

const named = z.string().check(z.regex(/^[\w-]{1,255}$/, "must be a name of A-Z a-z 0-9 _ -, not an ARN"));

const target = z.strictObject({
  cluster: named,
  service: named,
  /** For all calls of ECS that one look or refresh makes, in seconds. */
  timeoutSeconds: z._default(z.int().check(z.minimum(1), z.maximum(20)), 10),
});
export type EcsService = z.infer<typeof target>;

/**
 * An Amazon ECS service whose tasks read the secret when they start: ECS puts it into their environment, or they read it
 * themselves. refresh forces a new deployment; verify waits until it has rolled out and every task is one of its.
 *
 * Which deployment is for which version is remembered in a tag of the service, written before the deployment is forced:
 * "<version id> after <deployment before>". So no clocks are compared, a refresh that is repeated forces no second deployment,
 * and one that was cut off is taken up where it was.
 */
export const ecsService = defineDependent<EcsService>({
  kind: "ecs-service",
  target,
  actions: [
    { action: "ecs:DescribeServices", on: arnsOf },
    { action: "ecs:DescribeTaskDefinition", during: () => ["check", "refresh"], on: () => ["*"] },
    {
      action: "ecs:TagResource",
      during: () => ["refresh"],
      on: arnsOf,
      when: () => ({ "ForAllValues:StringLike": { "aws:TagKeys": ["rotor:*"] } }),
    },
    { action: "ecs:UpdateService", during: () => ["refresh"], on: arnsOf },
    {
      action: "ecs:ListTasks",
      during: () => ["verify"],
      on: () => ["*"],
      when: ({ cluster }, arn) => ({ ArnEquals: { "ecs:cluster": [arn("ecs", `cluster/${cluster}`)] } }),
    },
    {
      action: "ecs:DescribeTasks",
      during: () => ["verify"],
      on: ({ cluster }, arn) => [arn("ecs", `task/${cluster}/*`)],
    },
  ],

  /** @throws RotationError ConfigurationInvalid: no such service, one that Rotor cannot deploy, or one that pins a version */
  async check(service, secret, signal) {
    const calls = startEcsCalls(service, signal);
    await checkPins(calls, await describeService(calls, service), secret);
  },

  /** @throws RotationError DependentUnhealthy (not active), ConfigurationInvalid, AccessDenied; retryable ones */
  async refresh(service, change, signal) {
    const calls = startEcsCalls(service, signal);
    const found = await describeService(calls, service);
    await checkPins(calls, found, change);
    const { id } = primaryOf(found);
    const mark = markOf(found, change);
    if (mark?.versionId === change.versionId && mark.before !== id) return;
    const tag = { key: keyOf(change), value: `${change.versionId} after ${id}` };
    await calls.call(`ecs:TagResource on ${nameOf(service)}`, (options) =>
      ecs().send(new TagResourceCommand({ resourceArn: found.serviceArn, tags: [tag] }), options),
    );
    await calls.call(`ecs:UpdateService on ${nameOf(service)}`, (options) =>
      ecs().send(
        new UpdateServiceCommand({ cluster: service.cluster, service: service.service, forceNewDeployment: true }),
        options,
      ),
    );
  },

  /** @throws RotationError DependentNotReady, DependentUnhealthy (its deployment failed), ConfigurationInvalid, AccessDenied */
  verify: (service, change, signal) => lookAgain(look(service, change, startEcsCalls(service, signal))),
});

// --- what is seen ---

async function look(target: EcsService, change: SecretChange, calls: Calls): Promise<Evidence> {
  const name = nameOf(target);
  const service = await describeService(calls, target);
  const primary = primaryOf(service);
  const mark = markOf(service, change);
  if (mark !== undefined && mark.versionId !== change.versionId) {
    throw new RotationError(
      "DependentNotReady",
      `${name} was last deployed for version ${mark.versionId}, expected version ${change.versionId}.`,
    );
  }
  if (mark !== undefined) checkDeployment(name, primary, mark);
  checkRolledOut(name, service, primary);
  if (mark === undefined) {
    return {
      strength: "weak",
      seen: `${name} has rolled out deployment ${primary.id}, and which version its tasks read is not known`,
    };
  }
  const tasks = await startersOf(calls, target);
  const strangers = tasks.filter((startedBy) => startedBy !== primary.id).length;
  if (strangers > 0) {
    throw new RotationError(
      "DependentNotReady",
      `${name} has ${strangers} of ${tasks.length} tasks that deployment ${primary.id} did not start.`,
    );
  }
  if (tasks.length === 0) {
    return { strength: "weak", seen: `${name} runs no task, so none uses another version than ${change.versionId}` };
  }
  return {
    strength: "claimed",
    seen: `${name}: all of its tasks (${tasks.length}) were started by deployment ${primary.id}, made for version ${change.versionId} or since`,
  };
}

/**
 * Whether the deployment for the version can still come to something.
 *
 * 1. It failed, and ECS leaves it so: PRIMARY is FAILED.
 * 2. ECS takes it back to the deployment before. PRIMARY is then that one, or a new one: its reason says so either way.
 * 3. PRIMARY is the deployment before, and nothing is said: the forced one is not there yet.
 * 4. Anything else, somebody else's deployment that ECS takes back included: the rollout and the tasks decide.
 */
function checkDeployment(name: string, { id, rolloutState, rolloutStateReason = "" }: Primary, { before }: Mark): void {
  const isBefore = id === before;
  const [backTo = before] = /ecs-svc\/\w+/.exec(rolloutStateReason) ?? [];
  const isRollback = rolloutState !== "COMPLETED" && /roll(ing|ed) back/i.test(rolloutStateReason);
  if (rolloutState === "FAILED" && !isBefore) {
    throw new RotationError("DependentUnhealthy", `${name}: its deployment ${id} failed; ECS gave it up.`);
  }
  if (isRollback && backTo === before) {
    throw new RotationError("DependentUnhealthy", `${name}: its new deployment failed, and ECS rolls it back (${id}).`);
  }
  if (isBefore) {
    throw new RotationError(
      "DependentNotReady",
      `${name} is still on deployment ${id}: the new one is not to be seen.`,
    );
  }
}

/** ECS gives no rolloutState for a service behind a Classic Load Balancer: its counts have to do. */
function checkRolledOut(name: string, { deployments = [] }: Service, primary: Primary): void {
  const { id, rolloutState, runningCount = 0, desiredCount = 0 } = primary;
  const older = deployments.filter((each) => each.id !== id && (each.runningCount ?? 0) > 0).length;
  const isCompleted = rolloutState === undefined || rolloutState === "COMPLETED";
  if (isCompleted && runningCount >= desiredCount && older === 0) return;
  throw new RotationError(
    "DependentNotReady",
    `${name}: deployment ${id} is ${rolloutState ?? "not complete"}, ${runningCount} of ${desiredCount} tasks run, and tasks of ${older} older deployments.`,
  );
}

/** The deployment that started each task which is meant to run. */
async function startersOf(calls: Calls, { cluster, service }: EcsService): Promise<readonly (string | undefined)[]> {
  const starters: (string | undefined)[] = [];
  let nextToken: string | undefined;
  do {
    const page = await calls.call(`ecs:ListTasks in ${cluster}`, (options) =>
      ecs().send(new ListTasksCommand({ cluster, serviceName: service, nextToken }), options),
    );
    const { taskArns: tasks = [] } = page;
    if (tasks.length > 0) {
      const described = await calls.call(`ecs:DescribeTasks in ${cluster}`, (options) =>
        ecs().send(new DescribeTasksCommand({ cluster, tasks }), options),
      );
      starters.push(...(described.tasks ?? []).map(({ startedBy }) => startedBy));
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return starters;
}

// --- the service ---

type Primary = Deployment & { readonly id: string };

interface Mark {
  readonly versionId: string;
  /** The PRIMARY deployment when the new one was about to be forced. */
  readonly before: string;
}

async function checkPins(calls: Calls, { taskDefinition }: Service, secret: Omit<SecretChange, "versionId">) {
  const { taskDefinition: definition = {} } = await calls.call("ecs:DescribeTaskDefinition", (options) =>
    ecs().send(new DescribeTaskDefinitionCommand({ taskDefinition }), options),
  );
  const pin = findPin(definition, secret);
  if (pin !== undefined) throw new RotationError("ConfigurationInvalid", pin);
}

function primaryOf({ deployments = [] }: Service): Primary {
  const primary = deployments.find(({ status }) => status === "PRIMARY");
  return { ...primary, id: primary?.id ?? "none" };
}

function markOf({ tags = [] }: Service, change: SecretChange): Mark | undefined {
  const { value = "" } = tags.find(({ key }) => key === keyOf(change)) ?? {};
  const [, versionId, before] = /^(\S+) after (\S+)$/.exec(value) ?? [];
  return versionId === undefined || before === undefined ? undefined : { versionId, before };
}

/** One for each secret: a service may use several. As in an execution's name, a digest stands for the ARN. */
function keyOf({ secretArn }: SecretChange): string {
  return `rotor:${createHash("sha256").update(secretArn).digest("hex").slice(0, 16)}`;
}

function arnsOf({ cluster, service }: EcsService, arn: Arn): readonly string[] {
  return [arn("ecs", `service/${cluster}/${service}`)];
}
