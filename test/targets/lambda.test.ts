import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { PutSecretValueCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { copyId, deriveToken } from "../../core/identity.ts";
import { uniqueName } from "../support/database.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { errorsLogged, movesOfCurrent, repair, rotationEvents, until } from "../support/observations.ts";
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

let world: World;
let served: RotationFunction;

beforeAll(async () => {
  if (pythonIsMissing) return;
  const patience = { TARGET_TIMEOUT_MS: "500" };
  world = await startWorld({ environment: { rotate: patience, "roll-back": patience } });
  served = await startRotationFunction(world.account, { name: "orders-rotation", timeoutMs: 60_000 });
});
afterAll(async () => {
  if (pythonIsMissing) return;
  await world[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
});

/** A secret whose target only the function knows. */
async function secretOf(by: RotationFunction = served, options: SituationOptions = {}): Promise<Situation> {
  const policy = { strategy: "lambda", rotationFunctionArn: by.arn, ...options.policy };
  onTestFinished(() => {
    by.fault = () => undefined;
  });
  return situation(world, { ...options, policy });
}

/** The steps that the function was asked for, in a rotation. */
function stepsFor(token: string, by: RotationFunction = served): readonly string[] {
  return by.calls.filter((call) => call.token === token).map(({ step }) => step);
}

const copyOf = (secret: Situation, token: string, version = secret.firstVersion) => copyId(secret.arn, token, version);
const success = (secret: Situation, token: string): End => ({
  outcome: "SUCCEEDED",
  labels: secret.succeeded(token),
  opens: [token],
});
const rolledBack = (secret: Situation, token: string): End => ({
  outcome: "ROLLED_BACK",
  labels: secret.rolledBack(token),
  opens: [secret.firstVersion],
});

const tokenOf = (secret: Situation) => deriveToken(secret.arn, secret.firstVersion, 1);

/** Faults of one step for the candidate alone, by how often it was asked for before. */
function failing(step: string, token: string, faults: (nth: number) => FunctionFault | undefined) {
  let nth = 0;
  return (call: FunctionCall) => (call.step === step && call.token === token ? faults(nth++) : undefined);
}

describe.skipIf(pythonIsMissing)("a rotation function in another language", () => {
  test.each(["native", "driven"] as const)(
    "rotates, unchanged, in mode %s: it is asked for three steps, and the labels are moved here",
    async (mode) => {
      const secret = await secretOf(served, { mode });

      const token = await rotateOnce(world, secret);

      await expectEnd(world, secret, token, success(secret, token));
      expect(stepsFor(token)).toEqual(["createSecret", "setSecret", "testSecret"]);
    },
  );

  test.each<[string, string, FunctionFault & string]>([
    ["has failed before its effect", "setSecret", "fail"],
    ["has failed after its effect", "setSecret", "fail-after"],
    ["has not answered, and did nothing", "setSecret", "hang"],
    ["has not answered, and did it all", "setSecret", "hang-after"],
    ["has failed in createSecret", "createSecret", "fail"],
    ["has failed in testSecret", "testSecret", "fail"],
    ["has not answered in testSecret", "testSecret", "hang"],
  ])("is asked again when it %s", async (_how, step, fault) => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    const times = fault.startsWith("hang") ? 1 : 2;
    served.fault = failing(step, token, (nth) => (nth < times ? fault : undefined));

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, success(secret, token));
    expect(stepsFor(token).filter((each) => each === step)).toHaveLength(times + 1);
    const logged = errorsLogged(world, "rotate-lambda", secret);
    const said = fault.startsWith("hang") ? /may still be at work/ : /failed in \w+ \(RuntimeError\)/;
    expect(logged.filter((each) => each.startsWith("TargetUnavailable: ") && said.test(each))).toHaveLength(times);
  });

  test("is asked again when its own time was over, and when it has died", async () => {
    await using short = await startRotationFunction(world.account, { name: "short-rotation", timeoutMs: 300 });
    const secret = await secretOf(short);
    const token = tokenOf(secret);
    short.fault = failing("setSecret", token, (nth) => (nth === 0 ? "hang-after" : undefined));
    short.error = { errorType: "Runtime.ExitError", errorMessage: "RequestId: 1 Error: Runtime exited" };
    const die = failing("testSecret", token, (nth) => (nth === 0 ? "fail" : undefined));
    const slow = short.fault;
    short.fault = (call) => slow(call) ?? die(call);

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, success(secret, token));
    const logged = errorsLogged(world, "rotate-lambda", secret).join();
    expect(logged).toMatch(/ended in setSecret \(Sandbox.Timedout\).*ended in testSecret \(Runtime.ExitError\)/);
  });

  test("that is not there: nothing was touched, and the rotation is rejected", async () => {
    const rotationFunctionArn = `${served.arn}-gone`;
    const secret = await secretOf(served, { policy: { rotationFunctionArn } });
    const token = tokenOf(secret);

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      error: "ConfigurationInvalid",
      failedIn: "CreateSecret",
    });
  });
});

describe.skipIf(pythonIsMissing)("what a rotation function has set is taken back, and proved by its own test", () => {
  test.each<[string, string, FunctionFault, readonly string[]]>([
    // The target has the base: setting it again is asking for what is so already.
    ["it never set", "setSecret", "fail", ["setSecret", "testSecret"]],
    // The function cannot sign in with anything that it finds, until AWSPREVIOUS is on the candidate.
    ["it has set and failed", "setSecret", "fail-after", ["setSecret", "testSecret", "setSecret", "testSecret"]],
    [
      "it has set and gives no answer",
      "setSecret",
      "hang-after",
      ["setSecret", "testSecret", "setSecret", "testSecret"],
    ],
  ])("what %s", async (_how, step, fault, asked) => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    // Of the five attempts only the last one takes all its time.
    served.fault = failing(step, token, (nth) => (nth < 4 && fault === "hang-after" ? "fail-after" : fault));

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      ...rolledBack(secret, token),
      error: "TargetUnavailable",
      failedIn: "SetSecret",
    });
    // The last one is the sign-in after the labels are back.
    expect(stepsFor(copyOf(secret, token))).toEqual([...asked, "testSecret"]);
    // Nobody who listens for AWSCURRENT has heard of it.
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion]);
  });

  test("native: Secrets Manager has abandoned that rotation, and the next one succeeds", async () => {
    const secret = await secretOf(served, { mode: "native" });
    const token = randomUUID();
    served.fault = failing("testSecret", token, (nth) => (nth < 5 ? "fail" : undefined));

    await world.rotate(secret, token);

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "TestSecret" });
    expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationAbandoned"]);
    // That is the rollback's own echo, and nothing that people are to be told besides.
    expect(world.incidents().filter((each) => each.secret.arn === secret.arn)).toEqual([]);
    const next = await world.rotate(secret);
    const labels = { ...secret.succeeded(next), [token]: ["ROTATION_ROLLED_BACK"] };
    await expectEnd(world, secret, next, { ...success(secret, next), labels });
  });

  test("after promotion, when a dependent does not follow: AWSCURRENT opens the door to the function", async () => {
    const secret = await secretOf(served, {
      dependents: { orders: "cache" },
      dependentPolicy: { orders: { evidence: "weak" } },
    });
    const faults = secret.dependents["orders"]?.faults;
    if (faults === undefined) throw new Error("There is no dependent.");
    faults.health = 500;
    const token = tokenOf(secret);
    using _ = atStep(world, secret, "RollBack", "after", async () => {
      delete faults.health;
    });

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "ConvergeDependents" });
    expect(stepsFor(copyOf(secret, token))).toEqual(["setSecret", "testSecret", "testSecret"]);
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token, secret.firstVersion]);
  });

  test("when the rollback itself is killed with labels lent, it goes on from there", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    const copy = copyOf(secret, token);
    const set = failing("setSecret", token, () => "fail-after");
    // The first one has found that the target does not have the base.
    const stall = failing("testSecret", copy, (nth) => (nth === 1 ? "hang-after" : undefined));
    served.fault = (call) => set(call) ?? stall(call);

    const rotated = rotateOnce(world, secret);
    await until(() => stepsFor(copy).filter((step) => step === "testSecret").length === 2);
    const lent = await world.labels(secret);
    await world.account.lambda.kill("roll-back-lambda");
    await rotated;

    expect(lent[copy]).toEqual(["AWSPENDING"]);
    expect(lent[token]).toEqual(["AWSPREVIOUS", "ROTATION_CANDIDATE"]);
    await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" });
  });

  test("a third version that a person has made AWSCURRENT meanwhile is tested, and left there", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    served.fault = failing("setSecret", token, () => "fail");
    using _ = atStep(world, secret, "RollBack", "before", async () => {
      await world.database.setPassword(secret.username, await world.password(secret, secret.older));
      await world.moveLabel(secret, "AWSCURRENT", secret.older, secret.firstVersion);
    });

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: {
        [secret.firstVersion]: ["AWSPREVIOUS"],
        [secret.older]: ["AWSCURRENT", "BLUE"],
        [token]: ["ROTATION_ROLLED_BACK"],
      },
      opens: [secret.older],
    });
    expect(new Set(stepsFor(copyOf(secret, token, secret.older)))).toEqual(new Set(["testSecret"]));
    expect(stepsFor(copyOf(secret, token))).toEqual([]);
  });

  test("a function for alternating users refuses, and the message says what it takes", async () => {
    await using other = await startRotationFunction(world.account, { name: "clone-rotation", alternating: true });
    const secret = await secretOf(other, { username: `${uniqueName("app")}_clone` });
    const token = tokenOf(secret);

    await rotateOnce(world, secret);

    const { told } = await expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" });
    expect(JSON.stringify(told)).toContain("only those for single users can be driven");
  });
});

describe.skipIf(pythonIsMissing)(
  "where a rotation function proves nothing, the secret is frozen, and nothing is claimed",
  () => {
    test("the function answers nothing but errors: neither version is said to be live", async () => {
      const secret = await secretOf();
      const token = tokenOf(secret);
      served.fault = ({ step }) => (step === "createSecret" ? undefined : "fail");

      await rotateOnce(world, secret);

      const labels = { ...secret.before, [token]: ["ROTATION_CANDIDATE", "ROTATION_FROZEN"] };
      const { told } = await expectEnd(world, secret, token, {
        outcome: "ROLLBACK_FAILED",
        labels,
        opens: [secret.firstVersion],
        error: "TargetUnavailable",
        failedIn: "SetSecret",
      });
      expect(told?.state.truthTable?.map(({ signIn }) => signIn)).toEqual(["unknown", "unknown", "unknown"]);
      expect(told?.summary).toContain("the target cannot be asked");
      expect(JSON.stringify(told)).toContain("which of them the target accepts is not known");
    });

    test("the base cannot be set again: the target is said to accept the candidate", async () => {
      const secret = await secretOf();
      const token = tokenOf(secret);
      const copy = copyOf(secret, token);
      const set = failing("setSecret", token, () => "fail-after");
      const setAgain = failing("setSecret", copy, () => "fail");
      served.fault = (call) => set(call) ?? setAgain(call);

      await rotateOnce(world, secret);

      const { told } = await expectEnd(world, secret, token, {
        outcome: "ROLLBACK_FAILED",
        labels: {
          [secret.firstVersion]: ["AWSCURRENT"],
          [secret.older]: ["BLUE"],
          [token]: ["AWSPREVIOUS", "ROTATION_CANDIDATE", "ROTATION_FROZEN"],
        },
        opens: [token],
      });
      expect(JSON.stringify(told)).toContain(`The target accepts version ${token}`);

      // A person lets the function work again, and the repair finishes it.
      served.fault = () => undefined;
      await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
      await repair(world, secret, token);
      await expectEnd(world, secret, token, { ...rolledBack(secret, token), repair: 1 });
    });
  },
);

describe.skipIf(pythonIsMissing)("what somebody else has done meanwhile", () => {
  test("a third version that is AWSCURRENT and that the function cannot sign in with is not said to be live", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    served.fault = failing("setSecret", token, () => "fail");
    using _ = atStep(world, secret, "RollBack", "before", () =>
      world.moveLabel(secret, "AWSCURRENT", secret.older, secret.firstVersion),
    );

    await rotateOnce(world, secret);

    const { execution } = await world.run(secret, token);
    expect(execution.error).toBe("RollbackFailed");
    expect(execution.cause).toContain(`could not be asked whether it accepts version ${secret.older}`);
    expect((await world.labels(secret))[token]).toContain("ROTATION_FROZEN");
  });

  test("AWSPENDING of theirs is not taken: the function cannot be asked, and the secret is frozen", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    const theirs = randomUUID();
    served.fault = failing("setSecret", token, () => "fail-after");
    using _ = atStep(world, secret, "RollBack", "before", async () => {
      const version = { SecretString: "{}", VersionStages: ["AWSPENDING"] };
      await world.client.send(
        new PutSecretValueCommand({ SecretId: secret.arn, ClientRequestToken: theirs, ...version }),
      );
    });

    await rotateOnce(world, secret);

    const labels = await world.labels(secret);
    expect(labels[theirs]).toEqual(["AWSPENDING"]);
    expect(labels[token]).toEqual(["ROTATION_CANDIDATE", "ROTATION_FROZEN"]);
    expect(stepsFor(copyOf(secret, token))).toEqual([]);
    const { execution } = await world.run(secret, token);
    expect(execution.cause).toContain("which this rollback has no right to take it from");
  });
});

describe.skipIf(pythonIsMissing)("besides", () => {
  test("what the function itself has rotated, called by Secrets Manager, is taken back when a dependent does not follow", async () => {
    const secret = await secretOf(served, {
      dependents: { orders: "cache" },
      dependentPolicy: { orders: { evidence: "weak" } },
      policy: { mode: "observed", whenUnhealthy: "roll-back" },
    });
    const faults = secret.dependents["orders"]?.faults;
    if (faults === undefined) throw new Error("There is no dependent.");
    faults.health = 500;
    using _ = atStep(world, secret, "RollBack", "after", async () => {
      delete faults.health;
    });
    const token = randomUUID();
    await world.client.send(
      new RotateSecretCommand({
        SecretId: secret.arn,
        ClientRequestToken: token,
        RotationLambdaARN: served.arn,
        RotationRules: { AutomaticallyAfterDays: 30 },
      }),
    );
    await world.settled();

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [secret.older]: ["BLUE"], [token]: ["ROTATION_ROLLED_BACK"] },
      opens: [secret.firstVersion],
    });
    expect(stepsFor(token)).toEqual(["createSecret", "setSecret", "testSecret", "finishSecret"]);
  });

  test("a candidate that somebody has made of another user is not handed to the function", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    using _ = atStep(world, secret, "CreateSecret", "before", async () => {
      const value = { host: "elsewhere", username: "somebody", password: "not-a-password-of-ours" };
      await world.client.send(
        new PutSecretValueCommand({
          SecretId: secret.arn,
          ClientRequestToken: token,
          SecretString: JSON.stringify(value),
          VersionStages: ["ROTATION_CANDIDATE"],
        }),
      );
    });

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      ...rolledBack(secret, token),
      error: "ConfigurationInvalid",
      failedIn: "SetSecret",
    });
    expect(stepsFor(token)).toEqual([]);
    expect(stepsFor(copyOf(secret, token))).toEqual(["testSecret", "testSecret"]);
  });

  test("an error's text and a type of no known form are repeated nowhere", async () => {
    const secret = await secretOf();
    const token = tokenOf(secret);
    const password = `canary-${randomUUID()}`;
    served.error = { errorType: password, errorMessage: `password ${password}`, stackTrace: [password] };
    onTestFinished(() => {
      served.error = { errorType: "RuntimeError", errorMessage: "as asked for by a test" };
    });
    served.fault = failing("setSecret", token, () => "fail");

    const { run } = await rotateOnce(world, secret).then(() =>
      expectEnd(world, secret, token, { ...rolledBack(secret, token), failedIn: "SetSecret" }),
    );

    const { account } = world;
    const places = [run, account.lambda.logs(), account.sns.inbox(), account.events.seen(), account.calls()];
    const texts = inspect(places, { depth: null, maxArrayLength: null, maxStringLength: null });
    expect(texts).toContain("an error of another type");
    expect(texts).not.toContain(password);
  });
});
