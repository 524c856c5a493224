import { randomUUID } from "node:crypto";
import { CancelRotateSecretCommand, PutSecretValueCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { copyId, deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { executionsOf, repair, rotationEvents, until } from "../support/observations.ts";
import {
  type FunctionCall,
  type FunctionFault,
  pythonIsMissing,
  type RotationFunction,
  startRotationFunction,
} from "../support/rotation-function.ts";
import { rotateOnce, type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

/** Six times the target's patience: what a step has, and what a function may go on for after it was cut off. */
const STEP_MS = 6 * 500;
const MINUTE = 60_000;

let world: World;
let served: RotationFunction;
/** Whether anybody hears of an execution that dies. */
let isHeard = true;

beforeAll(async () => {
  if (pythonIsMissing) return;
  const patience = { TARGET_TIMEOUT_MS: "500" };
  world = await startWorld({
    environment: { rotate: patience, "roll-back": patience },
    loses: ({ source }) => source === "aws.states" && !isHeard,
  });
  served = await startRotationFunction(world.account, { name: "orders-rotation", timeoutMs: STEP_MS });
});
afterAll(async () => {
  if (pythonIsMissing) return;
  await world[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
});

async function secretOf(options: SituationOptions = {}): Promise<Situation> {
  const policy = { strategy: "lambda", rotationFunctionArn: served.arn, ...options.policy };
  onTestFinished(() => {
    served.fault = () => undefined;
  });
  return situation(world, { ...options, policy });
}

const tokenOf = (secret: Situation, attempt = 1) => deriveToken(secret.arn, secret.firstVersion, attempt);
const copyOf = (secret: Situation, token: string) => copyId(secret.arn, token, secret.firstVersion);
const rolledBack = (secret: Situation, token: string): End => ({
  outcome: "ROLLED_BACK",
  labels: secret.rolledBack(token),
  opens: [secret.firstVersion],
});

function stepsFor(token: string): readonly string[] {
  return served.calls.filter((call) => call.token === token).map(({ step }) => step);
}

/** Faults of one step for one version, by how often it was asked for before. */
function failing(step: string, token: string, faults: (nth: number) => FunctionFault | undefined) {
  let nth = 0;
  return (call: FunctionCall) => (call.step === step && call.token === token ? faults(nth++) : undefined);
}

async function putVersion(secret: Situation, versionId: string, labels: readonly string[]): Promise<void> {
  const value = JSON.stringify({ username: secret.username, password: `put-${randomUUID()}` });
  const version = { ClientRequestToken: versionId, SecretString: value, VersionStages: [...labels] };
  await world.client.send(new PutSecretValueCommand({ SecretId: secret.arn, ...version }));
}

describe.skipIf(pythonIsMissing)("a version before that the target has accepted all along", () => {
  test("is proved by the function's test, though its setSecret fails whatever it is asked for", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    served.fault = ({ step }) => (step === "setSecret" ? "fail" : undefined);

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" });
  });

  test("is proved so, too, where its setSecret comes to no end within its own timeout", async () => {
    await using short = await startRotationFunction(world.account, { name: "short-rotation", timeoutMs: 200 });
    const secret = await secretOf({ policy: { rotationFunctionArn: short.arn } });
    const token = tokenOf(secret);
    short.fault = ({ step }) => (step === "setSecret" ? "hang" : undefined);

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" });
  });

  test("a function that fails at everything but createSecret is asked 28 times, and no more", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    served.fault = ({ step }) => (step === "createSecret" ? undefined : "fail");
    const before = served.calls.length;

    await rotateOnce(world, secret);

    expect((await world.run(secret, token)).execution.error).toBe("RollbackFailed");
    const asked = served.calls.slice(before).map(({ step }) => step);
    // SetSecret five times, RollBack six times; Freeze asks nothing.
    const forward = Array(5).fill(["createSecret", "setSecret"]);
    expect(asked).toEqual([...forward, ...Array(6).fill(["setSecret", "testSecret", "testSecret"])].flat());
  });
});

describe.skipIf(pythonIsMissing)("what a step has cut off", () => {
  test("and lands when the version before is set again is seen before the rollback ends, and taken back, too", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    // The last setSecret begins when most of the step's time is over, and goes on for nearly all of the function's own.
    const create = failing("createSecret", token, (nth) => (nth === 4 ? { slowMs: 0.7 * STEP_MS } : undefined));
    const set = failing("setSecret", token, (nth) => (nth === 4 ? { slowMs: 0.8 * STEP_MS } : "fail"));
    served.fault = (call) => create(call) ?? set(call);

    await rotateOnce(world, secret);
    await served.idle();

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" });
  });
});

describe.skipIf(pythonIsMissing)("labels that a rollback lends", () => {
  test("take the last one from no version: one that was rolled back before may be what the target accepts", async () => {
    const secret = await secretOf();
    const first = tokenOf(secret);
    served.fault = failing("setSecret", first, () => "fail");
    await rotateOnce(world, secret);
    await expectEnd(world, secret, first, rolledBack(secret, first));
    // A setSecret of long ago lands.
    await world.database.setPassword(secret.username, await world.password(secret, first));
    const second = tokenOf(secret, 2);

    await rotateOnce(world, secret, 2);

    await expectEnd(world, secret, second, {
      outcome: "ROLLBACK_FAILED",
      labels: {
        ...secret.before,
        [first]: ["ROTATION_ROLLED_BACK"],
        [second]: ["ROTATION_CANDIDATE", "ROTATION_FROZEN"],
      },
      opens: [first],
      failedIn: "SetSecret",
    });
  });

  test.each(["native", "driven"] as const)("need room: without it a rotation of mode %s is rejected", async (mode) => {
    const secret = await secretOf({ mode });
    // With AWSCURRENT, AWSPREVIOUS, BLUE, AWSPENDING and ROTATION_CANDIDATE these are 20.
    const own = Array.from({ length: 15 }, (_, n) => `OWN_${n}`);
    for (const label of own) await world.moveLabel(secret, label, secret.older, undefined);

    const token = await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: { ...secret.before, [secret.older]: ["AWSPREVIOUS", "BLUE", ...own] },
      opens: [secret.firstVersion],
      error: "ConfigurationInvalid",
      failedIn: "CreateSecret",
    });
    expect(stepsFor(token)).toEqual([]);
    // With one less there is room, and a rollback finds it.
    await world.moveLabel(secret, own[0] ?? "", undefined, secret.older);
    const before = served.calls.length;
    served.fault = (call) => (call.step === "setSecret" ? "fail" : undefined);
    const next = await rotateOnce(world, secret, 2);
    expect(served.calls.length).toBeGreaterThan(before);
    expect((await world.run(secret, next)).execution.error).toBe("RolledBack");
  });

  test("are seen to be off the copy before the rollback ends", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    const copy = copyOf(secret, token);
    served.fault = failing("setSecret", token, () => "fail");
    let uses = 0;
    using _ = world.account.intercept((call) => {
      const { VersionStage, RemoveFromVersionId } = call.input as Record<string, string>;
      if (call.phase !== "before" || VersionStage !== "AWSPENDING" || RemoveFromVersionId !== copy) return undefined;
      uses += 1;
      // The last one of the first attempt is answered, and has no effect.
      return uses === 2 ? { reply: {} } : undefined;
    });

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" });
  });

  test("of somebody else's rotation: AWSPENDING that an attempt has left on the copy is no new rotation", async () => {
    const secret = await secretOf({
      dependents: { orders: "cache" },
      dependentPolicy: { orders: { evidence: "weak" } },
      policy: { mode: "observed", whenUnhealthy: "roll-back" },
    });
    const faults = secret.dependents["orders"]?.faults;
    if (faults === undefined) throw new Error("There is no dependent.");
    faults.health = 500;
    // Its last label must not leave that version before the base opens the door.
    const left = randomUUID();
    await putVersion(secret, left, ["ROTATION_CANDIDATE"]);
    const token = randomUUID();
    const copy = copyOf(secret, token);
    served.fault = failing("testSecret", copy, (nth) => (nth === 0 ? "hang" : undefined));
    using _ = atStep(world, secret, "RollBack", "after", async () => {
      delete faults.health;
    });

    await world.client.send(
      new RotateSecretCommand({
        SecretId: secret.arn,
        ClientRequestToken: token,
        RotationLambdaARN: served.arn,
        RotationRules: { AutomaticallyAfterDays: 30 },
      }),
    );
    await until(() => stepsFor(copy).includes("testSecret"));
    expect((await world.labels(secret))[copy]).toContain("AWSPENDING");
    await world.account.lambda.kill("roll-back-lambda");
    await world.settled();

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [secret.older]: ["BLUE"], [token]: ["ROTATION_ROLLED_BACK"] },
      opens: [secret.firstVersion],
    });
  });

  test.each(["native", "driven"] as const)(
    "left behind by an execution that was stopped, in mode %s, are one repair of the candidate, and none of the copy",
    async (mode) => {
      const secret = await secretOf({ mode });
      const token = mode === "native" ? randomUUID() : tokenOf(secret);
      const copy = copyOf(secret, token);
      const fail = failing("testSecret", token, (nth) => (nth < 5 ? "fail" : undefined));
      const stall = failing("testSecret", copy, (nth) => (nth === 0 ? "hang" : undefined));
      served.fault = (call) => fail(call) ?? stall(call);
      isHeard = false;
      onTestFinished(() => {
        isHeard = true;
      });

      const rotated = mode === "native" ? world.rotate(secret, token) : rotateOnce(world, secret);
      await until(() => stepsFor(copy).includes("testSecret"));
      await stop(secret, token);
      await world.account.lambda.kill("roll-back-lambda");
      await rotated;
      expect((await world.labels(secret))[copy]).toContain("AWSPENDING");
      await world.clock.advance(45 * MINUTE);
      const time = new Date(world.clock.now()).toISOString();
      expect((await world.account.lambda.invoke("reconcile", { time })).FunctionError).toBeUndefined();
      await world.settled();

      await expectEnd(world, secret, token, { ...rolledBack(secret, token), repair: 1 });
      expect(await executionsOf(world, secret)).toHaveLength(2);
    },
  );
});

describe.skipIf(pythonIsMissing)("what a function says of AWSCURRENT", () => {
  test("is no proof: a version that was made AWSCURRENT before it was tested is taken back", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    // What it says it has set it has not, and somebody makes the version AWSCURRENT at once.
    using _set = atStep(world, secret, "TestSecret", "before", async () => {
      await world.database.setPassword(secret.username, await world.password(secret, secret.firstVersion));
      await world.moveLabel(secret, "AWSCURRENT", token, secret.firstVersion);
    });

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      ...rolledBack(secret, token),
      error: "RotationInProgress",
      failedIn: "TestSecret",
    });
  });

  test("is not asked by the gate, whose role may call no function: a test rotation changes nothing and claims nothing", async () => {
    const secret = await secretOf({ mode: "native" });
    await world.client.send(
      new RotateSecretCommand({
        SecretId: secret.arn,
        RotationLambdaARN: world.deployment().functionArns["gate-lambda"],
        RotationRules: { AutomaticallyAfterDays: 30 },
        RotateImmediately: false,
      }),
    );
    await world.settled();

    expect(rotationEvents(world, secret)).toEqual(["TestRotationStarted", "TestRotationSucceeded"]);
    expect(stepsFor(secret.firstVersion)).toEqual([]);
    expect(await world.labels(secret)).toEqual(secret.before);
  });
});

describe.skipIf(pythonIsMissing)("a function that refuses while rotation is turned off, as AWS's templates do", () => {
  test("takes nothing back after CancelRotateSecret: frozen, until rotation is on again and the repair finishes it", async () => {
    const secret = await secretOf({ mode: "native" });
    const token = randomUUID();
    using _ = atStep(world, secret, "TestSecret", "before", () =>
      world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn })),
    );

    await world.rotate(secret, token);

    await expectEnd(world, secret, token, {
      outcome: "ROLLBACK_FAILED",
      labels: { ...secret.before, [token]: ["ROTATION_CANDIDATE", "ROTATION_FROZEN"] },
      opens: [token],
      failedIn: "TestSecret",
    });
    await world.client.send(
      new RotateSecretCommand({
        SecretId: secret.arn,
        RotationRules: { AutomaticallyAfterDays: 30 },
        RotateImmediately: false,
      }),
    );
    await world.settled();
    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
    await repair(world, secret, token);
    await expectEnd(world, secret, token, { ...rolledBack(secret, token), repair: 1 });
  });
});

async function stop(secret: Situation, token: string): Promise<void> {
  const arn = executionArn(world.deployment().stateMachineArn, executionName(secret.arn, token));
  await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
}
