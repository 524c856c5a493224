import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { type LambdaFunction, lambdaFunction } from "../../core/dependents/lambda-function.ts";
import { AwsError } from "../../local/services/service.ts";
import { ConnectionLost } from "../../local/wire-calls.ts";
import { testDependent } from "../contracts/dependent.ts";
import { uniqueName } from "../support/database.ts";
import { type FakeAws, startFakeAws } from "../support/fake-aws.ts";
import { createFakeLambda, type FunctionOptions } from "../support/fake-lambda.ts";
import { SILENT, startLambdaWorld } from "./lambda-world.ts";

const lambda = createFakeLambda();
let aws: FakeAws;

beforeAll(async () => {
  aws = await startFakeAws({ lambda: lambda.operations });
  for (const [name, value] of Object.entries(aws.environment)) vi.stubEnv(name, value);
  aws.calls.intercept(({ input }) => (nameIn(input) === SILENT ? new Promise(() => {}) : undefined));
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await aws[Symbol.asyncDispose]();
});

testDependent({ kind: lambdaFunction, world: () => startLambdaWorld(lambda) });

const SECRET = {
  secretArn: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/db-AbCdEf",
  secretName: "orders/db",
};
const OLD = { ...SECRET, versionId: "0b7a3c52-94d1-4e8f-a3b6-5d2c1e0f9f21" };
const NEW = { ...SECRET, versionId: "1c8b4d63-a5e2-4f90-b4c7-6e3d2f10c07e" };

describe("a refresh of a lambda-function", () => {
  test("retires its environments, and leaves its other variables as they were", async () => {
    const { fn, refresh, started } = await create({ variables: { LOG_LEVEL: "debug" } });
    await lambda.invoke(fn.name, {});

    await refresh(NEW);
    await lambda.settled();
    await lambda.invoke(fn.name, {});

    expect(started()).toBe(2);
    expect(fn.variables).toEqual({ LOG_LEVEL: "debug", [MARK]: NEW.versionId });
  });

  test("updates once for a version, however often it is repeated", async () => {
    const { fn, refresh, updates } = await create();

    await refresh(NEW);
    await refresh(NEW);
    await lambda.settled();
    await refresh(NEW);
    expect(updates()).toBe(1);

    await refresh(OLD);
    await lambda.settled();
    expect(updates()).toBe(2);
    expect(fn.variables).toEqual({ [MARK]: OLD.versionId });
  });

  test("keeps the versions of two secrets apart", async () => {
    const { fn, refresh, verify } = await create();

    await refresh(NEW);
    await lambda.settled();
    await refresh({ ...OLD, secretArn: `${SECRET.secretArn.slice(0, -1)}g` });
    await lambda.settled();

    expect(Object.values(fn.variables).sort()).toEqual([OLD.versionId, NEW.versionId]);
    expect((await verify(NEW)).strength).toBe("weak");
  });

  test("whose reply is lost has updated once", async () => {
    const { refresh, updates, intercept } = await create();
    let lost = 0;
    using _ = intercept("UpdateFunctionConfiguration", "after", () => {
      lost += 1;
      throw new ConnectionLost();
    });

    await refresh(NEW);
    await lambda.settled();

    expect([lost, updates()]).toEqual([1, 1]);
  });

  test("takes nobody's change back: what was changed meanwhile is read again first", async () => {
    const { fn, refresh, intercept } = await create();
    let changed = false;
    using _ = intercept("UpdateFunctionConfiguration", "before", () => {
      if (changed) return;
      changed = true;
      fn.variables = { RELEASE: "43" };
      fn.revisionId = "of somebody else";
    });

    const error = await failure(refresh(NEW));
    expect(error).toMatchObject({
      name: "TargetUnavailable",
      message: `Lambda function ${fn.name} is being changed, or not ready (PreconditionFailedException).`,
    });
    await refresh(NEW);

    expect(fn.variables).toEqual({ RELEASE: "43", [MARK]: NEW.versionId });
  });

  test("waits its turn while another update is in progress", async () => {
    const { fn, refresh } = await create();
    fn.lastUpdateStatus = "InProgress";

    expect((await failure(refresh(NEW))).name).toBe("TargetUnavailable");
  });

  test.each([
    ["AccessDeniedException", 403, "AccessDenied"],
    ["TooManyRequestsException", 429, "Throttled"],
    ["ServiceException", 500, "ServiceUnavailable"],
    ["InvalidParameterValueException", 400, "ConfigurationInvalid"],
    ["CodeVerificationFailedException", 400, "ConfigurationInvalid"],
    ["ResourceNotFoundException", 404, "ConfigurationInvalid"],
  ])("that AWS answers with %s (%i) is %s", async (name, status, ours) => {
    const { refresh, during } = await create();

    const error = await during("UpdateFunctionConfiguration", new AwsError(name, "hush", status), () => refresh(NEW));

    expect(error.name).toBe(ours);
    expect(error.message).not.toContain("hush");
  });

  test("is refused where its variables cannot be read: they would be lost", async () => {
    const { fn, refresh, check, updates } = await create();
    fn.variablesError = { ErrorCode: "AccessDeniedException", Message: "hush" };

    expect((await failure(check())).name).toBe("AccessDenied");
    expect((await failure(refresh(NEW))).name).toBe("AccessDenied");
    expect(updates()).toBe(0);
  });
});

describe("a lambda-function that is looked at", () => {
  test("and never invoked is weak: nothing is known of the version", async () => {
    const { fn, refresh, verify } = await create();
    expect((await verify(OLD)).strength).toBe("weak");

    await refresh(NEW);
    await lambda.settled();

    expect(await verify(NEW)).toEqual({
      strength: "weak",
      seen: `Lambda function ${fn.name} was updated for version ${NEW.versionId}: older environments get no invocation`,
    });
  });

  test("is not ready until the update is over, and not for another version than it was updated for", async () => {
    const { fn, refresh, verify } = await create({ update: "pending" });
    await refresh(NEW);
    expect(await failure(verify(NEW))).toMatchObject({
      name: "DependentNotReady",
      message: expect.stringContaining("its last update is InProgress"),
    });

    fn.lastUpdateStatus = "Successful";

    expect((await verify(NEW)).strength).toBe("weak");
    expect(await failure(verify(OLD))).toMatchObject({
      name: "DependentNotReady",
      message: expect.stringContaining(`was last updated for version ${NEW.versionId}`),
    });
  });

  test("is unhealthy when its update has failed", async () => {
    const { fn, refresh, verify } = await create({ update: "Failed" });
    await refresh(NEW);
    await lambda.settled();

    expect(await failure(verify(NEW))).toMatchObject({
      name: "DependentUnhealthy",
      message: `Lambda function ${fn.name}: its last update failed (InvalidSubnet).`,
    });
  });

  test("and answers is believed only for the version that it names", async () => {
    const { refresh, verify } = await create({}, ["verify"], () => JSON.stringify({ versionId: NEW.versionId }));
    await refresh(NEW);
    await lambda.settled();

    expect((await verify(NEW)).strength).toBe("claimed");
    await refresh(OLD);
    await lambda.settled();
    expect((await failure(verify(OLD))).message).toContain(`reports version ${NEW.versionId}`);
  });

  test("and fails is not believed, whatever its answer holds", async () => {
    const { probe, verify } = await create({}, ["verify", "probe"], () => {
      throw Object.assign(new Error(), { body: JSON.stringify({ versionId: NEW.versionId }) });
    });

    expect((await failure(verify(NEW))).name).toBe("DependentNotReady");
    expect((await failure(probe(NEW))).name).toBe("DependentUnhealthy");
  });

  test.each([
    ["ServiceException", 500, "DependentNotReady"],
    ["ResourceConflictException", 409, "DependentNotReady"],
    ["AccessDeniedException", 403, "AccessDenied"],
  ])("is %s (%i) to AWS: %s", async (name, status, ours) => {
    const { verify, during } = await create({}, ["verify"]);

    expect((await during("Invoke", new AwsError(name, "", status), () => verify(NEW))).name).toBe(ours);
  });
});

describe("a lambda-function's probe", () => {
  test("is asked for where the target says so, with ids alone", async () => {
    const asked: unknown[] = [];
    const { probe, target } = await create({}, ["probe"], (event) => {
      asked.push(event);
      return JSON.stringify({ versionId: NEW.versionId });
    });

    await probe(NEW);

    expect(lambdaFunction.canProbe?.(target)).toBe(true);
    expect(asked).toEqual([{ rotor: { action: "probe", secretId: SECRET.secretArn, versionId: NEW.versionId } }]);
  });

  test("is nothing where it does not", async () => {
    const { probe, target } = await create({}, ["verify"]);

    await probe(NEW);

    expect(lambdaFunction.canProbe?.(target)).toBe(false);
  });
});

describe("the target of a lambda-function", () => {
  test("has a name, what it answers, and a time", () => {
    expect(z.parse(lambdaFunction.target, { functionName: "orders-api" })).toEqual({
      functionName: "orders-api",
      invoke: [],
      timeoutSeconds: 15,
    });
  });

  test.each([
    {},
    { functionName: "arn:aws:lambda:eu-central-1:111122223333:function:orders" },
    { functionName: "orders:live" },
    { functionName: "orders", invoke: ["refresh"] },
    { functionName: "orders", invoke: "verify" },
    { functionName: "orders", timeoutSeconds: 21 },
    { functionName: "orders", qualifier: "live" },
  ])("may not be %j", (target) => {
    expect(z.safeParse(lambdaFunction.target, target).success).toBe(false);
  });
});

describe("the actions of a lambda-function", () => {
  const arn = (service: string, resource: string) => `arn:aws:${service}:eu-central-1:111122223333:${resource}`;
  const rows = (invoke: LambdaFunction["invoke"]) => {
    const target: LambdaFunction = { functionName: "orders", invoke, timeoutSeconds: 15 };
    return lambdaFunction.actions?.map(({ action, on, when }) => [action, on(target, arn), when?.(target, arn)]);
  };

  test("are those that it calls", async () => {
    const { refresh, verify } = await create({}, ["verify"]);
    await refresh(NEW);
    await lambda.settled();
    await failure(verify(NEW));

    const called = new Set(
      aws.calls.recorded().map(({ operation }) => `lambda:${operation}`.replace(/Invoke$/, "InvokeFunction")),
    );
    expect([...called].sort()).toEqual(lambdaFunction.actions?.map(({ action }) => action).sort());
  });

  test.each(["refresh", "verify", "check", "probe"] as const)("are told for %s as it calls them", async (method) => {
    const answer = () => JSON.stringify({ versionId: NEW.versionId });
    const fixture = await create({}, ["verify", "probe"], answer);
    const since = aws.calls.recorded().length;
    await fixture[method](NEW);
    const called = aws.calls
      .recorded()
      .slice(since)
      .map(({ operation }) => `lambda:${operation}`.replace(/Invoke$/, "InvokeFunction"));
    const told = lambdaFunction.actions?.filter(({ during }) => during?.(fixture.target).includes(method) ?? true);
    expect([...new Set(called)].sort()).toEqual(told?.map(({ action }) => action).sort());
    await lambda.settled();
  });

  test("are on this function alone, and to invoke it only where the target says so", () => {
    const fn = [arn("lambda", "function:orders")];
    const update = ["lambda:UpdateFunctionConfiguration", fn, { Null: { "lambda:Layer": ["true"] } }];
    const get = ["lambda:GetFunctionConfiguration", fn, undefined];
    expect(rows(["probe"])).toEqual([get, update, ["lambda:InvokeFunction", fn, undefined]]);
    expect(rows([])).toEqual([get, update, ["lambda:InvokeFunction", [], undefined]]);
  });
});

/** The variable for SECRET. */
const MARK = "ROTOR_b109ca7959f1c191";

/** A function that answers what it is told to. */
async function create(
  options: Partial<FunctionOptions> = {},
  invoke: LambdaFunction["invoke"] = [],
  handle: (event: unknown) => string = () => "{}",
) {
  const name = uniqueName("orders");
  const target: LambdaFunction = { functionName: name, invoke, timeoutSeconds: 15 };
  let environments = 0;
  const fn = lambda.create({
    name,
    start: async () => {
      environments += 1;
      return { handle: async (event) => handle(event), close: async () => {} };
    },
    ...options,
  });
  const live = new AbortController().signal;

  function intercept(operation: string, phase: "before" | "after", hook: () => void): Disposable {
    return aws.calls.intercept((call) => {
      if (call.operation === operation && call.phase === phase && nameIn(call.input) === name) hook();
    });
  }

  return {
    fn,
    target,
    check: async () => lambdaFunction.check?.(target, SECRET, live),
    probe: async (change: typeof NEW) => lambdaFunction.probe?.(target, change, live),
    refresh: async (change: typeof NEW) => lambdaFunction.refresh?.(target, change, live),
    verify: (change: typeof NEW) => lambdaFunction.verify(target, change, live),
    /** How many environments were started. */
    started: () => environments,
    /** How many updates took effect. */
    updates: () => fn.updates,
    intercept,
    /** The error of an attempt during which AWS answers an operation with an error. */
    during: async (operation: string, error: AwsError, attempt: () => Promise<unknown>) => {
      using _ = intercept(operation, "before", () => {
        throw error;
      });
      return await failure(attempt());
    },
  };
}

function nameIn(input: unknown): string | undefined {
  return (input as { readonly FunctionName?: string }).FunctionName;
}

async function failure(attempt: Promise<unknown>): Promise<Error> {
  return await attempt.then(
    () => new Error("It was accepted."),
    (error: Error) => error,
  );
}
