import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { type EcsService, ecsService } from "../../core/dependents/ecs-service.ts";
import { AwsError } from "../../local/services/service.ts";
import { ConnectionLost, type InterceptedCall } from "../../local/wire-calls.ts";
import { testDependent } from "../contracts/dependent.ts";
import { uniqueName } from "../support/database.ts";
import { type FakeAws, startFakeAws } from "../support/fake-aws.ts";
import { createFakeEcs, type ServiceOptions } from "../support/fake-ecs.ts";
import { SILENT, startEcsWorld } from "./ecs-world.ts";

const ecs = createFakeEcs();
let aws: FakeAws;

beforeAll(async () => {
  aws = await startFakeAws({ ecs: ecs.operations });
  for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value);
  aws.calls.intercept(({ input }) => (clusterOf(input) === SILENT ? new Promise(() => {}) : undefined));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await aws[Symbol.asyncDispose]();
});

testDependent({ kind: ecsService, world: () => startEcsWorld(ecs) });

const ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf";
const SECRET = { secretArn: ARN, secretName: "orders/db" };
const OLD = { ...SECRET, versionId: "0b7a3c52-94d1-4e8f-a3b6-5d2c1e0f9f21" };
const NEW = { ...SECRET, versionId: "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e" };

describe("a refresh of an ecs-service", () => {
  test("forces one deployment for a version, however often it is repeated", async () => {
    const { service, refresh, forced } = await create();

    await refresh(NEW);
    await refresh(NEW);
    await ecs.settled();
    await refresh(NEW);

    expect(forced()).toBe(1);
    expect(service.deployments).toMatchObject([{ rolloutState: "COMPLETED" }]);
  });

  test("forces another for another version, and for the first again after a rollback", async () => {
    const { refresh, forced, verify } = await create();

    for (const change of [OLD, NEW, OLD]) {
      await refresh(change);
      await ecs.settled();
      expect((await verify(change)).strength).toBe("claimed");
    }

    expect(forced()).toBe(3);
  });

  test("keeps the versions of two secrets apart", async () => {
    const { refresh, verify, forced } = await create();
    const other = { ...OLD, secretArn: `${ARN.slice(0, -1)}g` };

    await refresh(NEW);
    await ecs.settled();
    await refresh(other);
    await ecs.settled();
    await refresh(NEW);

    expect(forced()).toBe(2);
    expect((await verify(NEW)).strength).toBe("claimed");
    expect((await verify(other)).strength).toBe("claimed");
  });

  test("that was cut off before the deployment is made up for, and only then", async () => {
    const { refresh, forced, during } = await create();
    const failed = await during("UpdateService", "before", new AwsError("ServerException", "", 500), () =>
      refresh(NEW),
    );

    expect(failed.name).toBe("ServiceUnavailable");
    expect(forced()).toBe(0);
    await refresh(NEW);
    await refresh(NEW);
    expect(forced()).toBe(1);
  });

  test("whose reply is lost is over when the SDK has asked again; a repeated one asks for nothing more", async () => {
    const { refresh, forced, verify, intercept } = await create();
    let lost = 0;
    using _ = intercept("UpdateService", "after", () => {
      lost += 1;
      if (lost === 1) throw new ConnectionLost();
    });

    await refresh(NEW);
    await refresh(NEW);
    await ecs.settled();

    expect(forced()).toBe(2);
    expect((await verify(NEW)).strength).toBe("claimed");
  });

  test.each([
    ["AccessDeniedException", 400, "AccessDenied", "ecs:UpdateService on ECS service"],
    ["ThrottlingException", 400, "Throttled", "was throttled"],
    ["ServerException", 500, "ServiceUnavailable", "no usable reply"],
    ["InvalidParameterException", 400, "ConfigurationInvalid", "ECS refused what was asked of ECS service"],
    ["ServiceNotActiveException", 400, "DependentUnhealthy", "is not active"],
    ["ClusterNotFoundException", 400, "ConfigurationInvalid", "There is no ECS service"],
  ])("that AWS answers with %s (%i) is %s", async (name, status, ours, words) => {
    const { refresh, during } = await create();

    const error = await during("UpdateService", "before", new AwsError(name, "hush", status), () => refresh(NEW));

    expect(error).toMatchObject({ name: ours, message: expect.stringContaining(words) });
    expect(error.message).not.toContain("hush");
  });
});

describe("an ecs-service that is looked at", () => {
  test("is claimed when all of its tasks are of the deployment for the version", async () => {
    const { refresh, verify, service, name } = await create({ desiredCount: 3 });
    await refresh(NEW);
    await ecs.settled();

    expect(await verify(NEW)).toEqual({
      strength: "claimed",
      seen: `${name}: all of its tasks (3) were started by deployment ${service.deployments[0]?.id}, made for version ${NEW.versionId} or since`,
    });
  });

  test("may have been deployed by somebody else since: those tasks have read the secret later still", async () => {
    const { refresh, verify, service } = await create();
    await refresh(NEW);
    await ecs.settled();
    await service.deploy();

    expect(await verify(NEW)).toMatchObject({
      strength: "claimed",
      seen: expect.stringContaining(String(service.deployments[0]?.id)),
    });
  });

  test("is weak before its first refresh: healthy, and nothing known of the version", async () => {
    const { verify } = await create();

    expect((await verify(OLD)).strength).toBe("weak");
  });

  test("is weak when it runs no task", async () => {
    const { refresh, verify } = await create({ desiredCount: 0 });
    await refresh(NEW);
    await ecs.settled();

    expect((await verify(NEW)).strength).toBe("weak");
  });

  test("is not ready while its deployment rolls out, whoever has begun it", async () => {
    const { verify, service } = await create({ starts: 1 });
    await service.deploy();

    expect(await failure(verify(OLD))).toMatchObject({
      name: "DependentNotReady",
      message: expect.stringContaining("is IN_PROGRESS, 0 of 1 tasks run"),
    });
  });

  test("says for which version it was last deployed", async () => {
    const { refresh, verify } = await create();
    await refresh(OLD);
    await ecs.settled();

    expect((await failure(verify(NEW))).message).toContain(
      `was last deployed for version ${OLD.versionId}, expected version ${NEW.versionId}`,
    );
  });

  test.each([
    ["stop", "failed; ECS gave it up"],
    ["roll-back", "ECS rolls it back"],
    ["roll-back to the same id", "ECS rolls it back"],
  ] as const)("is unhealthy when the circuit breaker trips (%s)", async (circuitBreaker, words) => {
    const { refresh, verify } = await create({ circuitBreaker, starts: 1 });
    await refresh(NEW);
    await ecs.settled();

    expect(await failure(verify(NEW))).toMatchObject({
      name: "DependentUnhealthy",
      message: expect.stringContaining(words),
    });
  });

  test("is not blamed for somebody else's deployment that ECS rolls back to its own", async () => {
    const { refresh, verify, service } = await create({ circuitBreaker: "roll-back", starts: [true, true, false] });
    await refresh(NEW);
    await ecs.settled();
    await service.deploy();
    expect(service.deployments[0]?.rolloutStateReason).toContain("rolling back");

    expect((await failure(verify(NEW))).name).toBe("DependentNotReady");
  });

  test("may say that it was rolled back once, when that is over", async () => {
    const { refresh, verify, service } = await create();
    await refresh(NEW);
    await ecs.settled();
    for (const each of service.deployments) each.rolloutStateReason = "ECS deployment circuit breaker: rolled back.";

    expect((await verify(NEW)).strength).toBe("claimed");
  });

  test("is not blamed for a deployment that had failed before its refresh", async () => {
    const { refresh, verify, service } = await create({ circuitBreaker: "stop", starts: [true, false, true] });
    await service.deploy();
    const failed = service.deployments;
    expect(failed[0]).toMatchObject({ status: "PRIMARY", rolloutState: "FAILED" });

    await refresh(NEW);
    await ecs.settled();
    expect((await verify(NEW)).strength).toBe("claimed");

    // As a read shows it that is older than the refresh.
    service.deployments = failed.map((each, index) => ({ ...each, status: index === 0 ? "PRIMARY" : "ACTIVE" }));
    expect((await failure(verify(NEW))).name).toBe("DependentNotReady");
  });

  test("is believed without a rollout state, which a Classic Load Balancer's service has not", async () => {
    const { refresh, verify, service } = await create();
    await refresh(NEW);
    await ecs.settled();
    for (const each of service.deployments) each.rolloutState = undefined;

    expect((await verify(NEW)).strength).toBe("claimed");
  });

  test.each([
    ["ServerException", 500, "DependentNotReady"],
    ["AccessDeniedException", 400, "AccessDenied"],
  ])("is %s (%i) to AWS: %s", async (name, status, ours) => {
    const { verify, during } = await create();

    const error = await during("DescribeServices", "before", new AwsError(name, "", status), () => verify(NEW));

    expect(error.name).toBe(ours);
  });
});

describe("the task definition of an ecs-service", () => {
  const secrets = (valueFrom: string) => [{ name: "app", secrets: [{ name: "DB_PASSWORD", valueFrom }] }];

  test.each([
    ["a version id", secrets(`${ARN}:password::${OLD.versionId}`), "takes one version of orders/db as DB_PASSWORD"],
    ["a version id without a JSON key", secrets(`${ARN}:::${OLD.versionId}`), "takes one version of orders/db"],
    ["a version id, by a partial ARN", secrets(`${ARN.slice(0, -7)}:::${OLD.versionId}`), "takes one version"],
    ["a version id, of a replica", secrets(`${ARN.replace("central", "west")}:::x`), "takes one version"],
    ["AWSPREVIOUS", secrets(`${ARN}:password:AWSPREVIOUS:`), "takes the version that holds another label"],
    [
      "a version id, for its log driver",
      [{ name: "app", logConfiguration: { secretOptions: [{ name: "splunk-token", valueFrom: `${ARN}:::x` }] } }],
      "as splunk-token",
    ],
  ])("that pins %s is refused before anything is touched", async (_, containers, words) => {
    const { service, check, refresh, forced } = await create();
    service.containers = containers;

    const [checked, refreshed] = [await failure(check()), await failure(refresh(NEW))];

    for (const error of [checked, refreshed]) {
      expect(error.name).toBe("ConfigurationInvalid");
      expect(error.message).toContain(`of task definition ${service.serviceName}:7`);
      expect(error.message).toContain(words);
      expect(error.message).not.toContain(OLD.versionId);
    }
    expect(forced()).toBe(0);
    expect(service.tags.size).toBe(0);
  });

  test.each([
    ["nothing", []],
    ["the whole secret", secrets(ARN)],
    ["a JSON key", secrets(`${ARN}:password::`)],
    ["AWSCURRENT", secrets(`${ARN}:password:AWSCURRENT:`)],
    ["a version of another secret", secrets(`${ARN.slice(0, -1)}g:password::${OLD.versionId}`)],
    ["a parameter of Systems Manager", secrets("arn:aws:ssm:eu-central-1:111122223333:parameter/orders/db")],
  ])("may take %s", async (_, containers) => {
    const { service, check } = await create();
    service.containers = containers;

    await check();
  });
});

describe("the check of an ecs-service", () => {
  test("refuses a service that is not there, and one whose deployments ECS does not make", async () => {
    const { service, check, name } = await create();
    service.controller = "CODE_DEPLOY";
    expect(await failure(check())).toMatchObject({
      name: "ConfigurationInvalid",
      message: `The deployments of ${name} are made by CODE_DEPLOY: ECS forces none there.`,
    });
    service.status = "INACTIVE";
    expect(await failure(check())).toMatchObject({
      name: "ConfigurationInvalid",
      message: `There is no ${name}.`,
    });
  });
});

describe("the target of an ecs-service", () => {
  test("has names and a time", () => {
    const target = { cluster: "production", service: "orders_api-1" };
    expect(z.parse(ecsService.target, target)).toEqual({ ...target, timeoutSeconds: 10 });
  });

  test.each([
    {},
    { cluster: "production" },
    { cluster: "production", service: "arn:aws:ecs:eu-central-1:111122223333:service/production/orders" },
    { cluster: "production", service: "a/b" },
    { cluster: "", service: "orders" },
    { cluster: "production", service: "orders", timeoutSeconds: 21 },
    { cluster: "production", service: "orders", force: true },
  ])("may not be %j", (target) => {
    expect(z.safeParse(ecsService.target, target).success).toBe(false);
  });
});

describe("the actions of an ecs-service", () => {
  const arn = (service: string, resource: string) => `arn:aws:${service}:eu-central-1:111122223333:${resource}`;
  const target = { cluster: "production", service: "orders", timeoutSeconds: 10 };

  test("are those that it calls", async () => {
    const { refresh, verify } = await create();
    await refresh(NEW);
    await ecs.settled();
    await verify(NEW);

    const called = new Set(aws.calls.recorded().map(({ service, operation }) => `${service}:${operation}`));
    expect([...called].sort()).toEqual(ecsService.actions?.map(({ action }) => action).sort());
  });

  test.each(["refresh", "verify", "check"] as const)("are told for %s as it calls them", async (method) => {
    const fixture = await create();
    await fixture.refresh(OLD);
    await ecs.settled();
    const since = aws.calls.recorded().length;
    await fixture[method](method === "refresh" ? NEW : OLD);
    const called = aws.calls
      .recorded()
      .slice(since)
      .map(({ operation }) => `ecs:${operation}`);
    const told = ecsService.actions?.filter(({ during }) => during?.(target).includes(method) ?? true);
    expect([...new Set(called)].sort()).toEqual(told?.map(({ action }) => action).sort());
    await ecs.settled();
  });

  test("are on this service, its cluster and its tasks alone", () => {
    const rows = ecsService.actions?.map(({ action, on, when }) => [action, on(target, arn), when?.(target, arn)]);
    const service = [arn("ecs", "service/production/orders")];
    expect(rows).toEqual([
      ["ecs:DescribeServices", service, undefined],
      ["ecs:DescribeTaskDefinition", ["*"], undefined],
      ["ecs:TagResource", service, { "ForAllValues:StringLike": { "aws:TagKeys": ["rotor:*"] } }],
      ["ecs:UpdateService", service, undefined],
      ["ecs:ListTasks", ["*"], { ArnEquals: { "ecs:cluster": [arn("ecs", "cluster/production")] } }],
      ["ecs:DescribeTasks", [arn("ecs", "task/production/*")], undefined],
    ]);
  });
});

/** A service of tasks that do nothing. `starts`: how many, or which, of its deployments get their tasks started. */
async function create({
  starts = Number.POSITIVE_INFINITY,
  ...options
}: Partial<ServiceOptions> & { readonly starts?: number | readonly boolean[] } = {}) {
  const target: EcsService = { cluster: uniqueName("cluster"), service: uniqueName("orders"), timeoutSeconds: 10 };
  let begun = 0;
  const runTask = async () => {
    const index = begun++;
    if (typeof starts === "number" ? index < starts : starts[index]) return async () => {};
    throw new Error("the container exits");
  };
  const service = await ecs.create({ ...target, runTask, ...options });
  const live = new AbortController().signal;

  function intercept(operation: string, phase: InterceptedCall["phase"], hook: () => void): Disposable {
    return aws.calls.intercept((call) => {
      const isIt = call.operation === operation && call.phase === phase && clusterOf(call.input) === target.cluster;
      if (isIt) hook();
    });
  }

  return {
    service,
    name: `ECS service ${target.cluster}/${target.service}`,
    check: async () => ecsService.check?.(target, SECRET, live),
    refresh: async (change: typeof NEW) => ecsService.refresh?.(target, change, live),
    verify: (change: typeof NEW) => ecsService.verify(target, change, live),
    /** How many deployments were forced. */
    forced: () => service.forced,
    intercept,
    /** The error of an attempt during which AWS answers an operation with an error. */
    during: async (operation: string, phase: "before", error: AwsError, attempt: () => Promise<unknown>) => {
      using _ = intercept(operation, phase, () => {
        throw error;
      });
      return await failure(attempt());
    },
  };
}

function clusterOf(input: unknown): string | undefined {
  return (input as { readonly cluster?: string }).cluster;
}

async function failure(attempt: Promise<unknown>): Promise<Error> {
  return await attempt.then(
    () => new Error("It was accepted."),
    (error: Error) => error,
  );
}
