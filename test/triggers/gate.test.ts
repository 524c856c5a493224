import { randomUUID } from "node:crypto";
import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SDK_REQUEST } from "../../core/aws.ts";
import { deriveToken, executionName } from "../../core/identity.ts";
import { AwsError } from "../../local/services/service.ts";
import { expectEnd } from "../support/invariants.ts";
import {
  errorsLogged,
  executionsOf,
  isGateStep,
  moment,
  movesOfCurrent,
  outcomesTold,
  rotationEvents,
  until,
  writesOf,
} from "../support/observations.ts";
import { situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const DAY_SECONDS = 86_400;

describe.each(["pending-put-back", "same-token", "new-token"] as const)(
  "Secrets Manager's retries, in the form %s",
  (form) => {
    let world: World;
    beforeAll(async () => {
      world = await startWorld({ rotation: { attempts: 2, delaySeconds: 60, form } });
    });
    afterAll(() => world[Symbol.asyncDispose]());

    test("after a rollback they change nothing, start nothing and announce nothing", async () => {
      const secret = await situation(world, {
        mode: "native",
        dependents: { orders: "cache" },
        policy: { retryAfterRollbackSeconds: DAY_SECONDS },
      });
      refuse(secret, "orders");

      const token = await world.rotate(secret);

      const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [secret.firstVersion] } as const;
      await expectEnd(world, secret, token, { ...end, error: "DependentUnhealthy" });
      const attempt = ["RotationStarted", "RotationFailed"];
      expect(rotationEvents(world, secret)).toEqual([...attempt, ...attempt, ...attempt]);
      expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
      expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
      expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token, secret.firstVersion]);
      expect(writesOf(world, secret, "gate").filter((each) => each === "PutSecretValue")).toHaveLength(1);
      expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
      const refusal = form === "new-token" ? "RecentlyRolledBack" : "RolledBack";
      const refusals = errorsLogged(world, "gate", secret).map((each) => each.split(":")[0]);
      expect(refusals).toEqual(["RolledBack", refusal, refusal]);

      // A person who asks through Rotor knows of the rollback: a derived token is not refused.
      accept(secret, "orders");
      const asked = deriveToken(secret.arn, secret.firstVersion, 1);
      await world.rotate(secret, asked);
      const succeeded = { ...secret.succeeded(asked), [token]: ["ROTATION_ROLLED_BACK"] };
      await expectEnd(world, secret, asked, { outcome: "SUCCEEDED", labels: succeeded, opens: [asked] });
    });

    // A new token finds no stored value.
    if (form === "new-token") return;

    test("createSecret writes no second value where the first one is stored", async () => {
      const secret = await situation(world, { mode: "native" });
      let isLost = false;
      using _ = world.account.intercept((call) => {
        if (isLost || call.phase !== "after" || !isGateStep(call, secret, "createSecret")) return;
        isLost = true;
        throw new AwsError("ServiceException", "The reply was lost.", 500);
      });

      const token = await world.rotate(secret);

      await expectEnd(world, secret, token, {
        outcome: "SUCCEEDED",
        labels: secret.succeeded(token),
        opens: [token],
      });
      const attempts = ["RotationStarted", "RotationFailed", "RotationStarted", "RotationSucceeded"];
      expect(rotationEvents(world, secret)).toEqual(attempts);
      expect(writesOf(world, secret, "gate")).toEqual(["PutSecretValue"]);
      expect(await executionsOf(world, secret)).toHaveLength(1);
    });
  },
);

test("a new token is refused until retryAfterRollbackSeconds are over, and rotates afterwards", async () => {
  const ago = 1000 * DAY_SECONDS;
  await using world = await startWorld({ startsAgoMs: ago });
  const policy = (seconds: number) => ({ retryAfterRollbackSeconds: seconds });
  const refused = await situation(world, {
    mode: "native",
    dependents: { orders: "cache" },
    policy: policy(DAY_SECONDS + 3600),
  });
  const over = await situation(world, {
    mode: "native",
    dependents: { orders: "cache" },
    policy: policy(DAY_SECONDS - 3600),
  });
  for (const secret of [refused, over]) refuse(secret, "orders");
  const [first, second] = await Promise.all([world.rotate(refused), world.rotate(over)]);
  for (const secret of [refused, over]) accept(secret, "orders");

  const late = await world.rotate(refused);
  const next = await world.rotate(over);

  await expectEnd(world, refused, first, {
    outcome: "ROLLED_BACK",
    labels: refused.rolledBack(first),
    opens: [refused.firstVersion],
  });
  expect(await executionsOf(world, refused)).not.toContain(executionName(refused.arn, late));
  expect(errorsLogged(world, "gate", refused).at(-1)).toMatch(/^RecentlyRolledBack: .*retryAfterRollbackSeconds/);
  await expectEnd(world, over, next, {
    outcome: "SUCCEEDED",
    labels: { ...over.succeeded(next), [second]: ["ROTATION_ROLLED_BACK"] },
    opens: [next],
  });
});

test("a gate whose time is over says so, the workflow goes on, and the retry waits for its true end", async () => {
  await using world = await startWorld({
    timeoutsMs: { gate: 5000 },
    rotation: { attempts: 1, delaySeconds: 5, form: "same-token" },
  });
  const follows = await situation(world, { mode: "native", dependents: { orders: "cache" } });
  const refuses = await situation(world, { mode: "native", dependents: { orders: "cache" } });
  refuse(refuses, "orders");
  const secrets = [follows, refuses];
  const goOn = moment();
  const asked = new Map(secrets.map((secret) => [secret, 0]));
  for (const secret of secrets) {
    atStep(world, secret, "Refresh", "before", () => goOn.reached);
    world.account.intercept((call) => {
      if (call.phase !== "before" || !isGateStep(call, secret, "testSecret")) return;
      asked.set(secret, (asked.get(secret) ?? 0) + 1);
    });
  }

  const rotating = Promise.all(secrets.map((secret) => world.rotate(secret)));
  await until(() => secrets.every((secret) => rotationEvents(world, secret).includes("RotationFailed")));
  const running = (await world.executions()).length;
  for (const secret of secrets) {
    expect(errorsLogged(world, "gate", secret)).toEqual([expect.stringMatching(/^WorkflowStillRunning: .*goes on/)]);
    expect(outcomesTold(world, secret)).toEqual([]);
  }
  await world.clock.advance(5000);
  await until(() => secrets.every((secret) => asked.get(secret) === 2));
  goOn.reach();
  const [token = "", refusedToken = ""] = await rotating;

  expect(running).toBe(2);
  expect(await world.executions()).toHaveLength(2);
  await expectEnd(world, follows, token, {
    outcome: "SUCCEEDED",
    labels: follows.succeeded(token),
    opens: [token],
  });
  await expectEnd(world, refuses, refusedToken, {
    outcome: "ROLLED_BACK",
    labels: refuses.rolledBack(refusedToken),
    opens: [refuses.firstVersion],
  });
  const attempts = ["RotationStarted", "RotationFailed", "RotationStarted"];
  expect(rotationEvents(world, follows)).toEqual([...attempts, "RotationSucceeded"]);
  expect(rotationEvents(world, refuses)).toEqual([...attempts, "RotationFailed"]);
});

describe("the gate", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("a test rotation signs in with AWSCURRENT, writes nothing, starts nothing and announces nothing", async () => {
    const secret = await situation(world, { mode: "native" });
    const calls = world.account.calls().length;
    const connections = secret.proxy.connections();

    await testRotation(world, secret);

    expect(rotationEvents(world, secret)).toEqual(["TestRotationStarted", "TestRotationSucceeded"]);
    expect(secret.proxy.connections()).toBe(connections + 1);
    const ours = world.account.calls().slice(calls);
    expect(ours.filter(({ caller }) => caller === "gate").map(({ operation }) => operation)).toEqual([
      "DescribeExecution",
      "GetSecretValue", // the version has no value
      "DescribeSecret",
      "GetSecretValue", // AWSCURRENT
    ]);
    expect(
      ours.filter(({ caller }) => caller !== undefined && caller !== "gate").map(({ operation }) => operation),
    ).toEqual(["Invoke"]);
    expect(await world.labels(secret)).toEqual(secret.before);
    expect(await executionsOf(world, secret)).toEqual([]);
    expect(outcomesTold(world, secret)).toEqual([]);
  });

  test("a test rotation of alternating users does not compare them: the next rotation may be what makes them equal", async () => {
    const secret = await world.addSecret({ alternating: true });
    await world.database.query(`CREATE ROLE ${secret.username}_clone LOGIN IN ROLE pg_monitor`);

    await testRotation(world, secret);

    expect(rotationEvents(world, secret)).toEqual(["TestRotationStarted", "TestRotationSucceeded"]);
  });

  test("a test rotation fails where AWSCURRENT does not sign in", async () => {
    const secret = await world.addSecret({ overrides: { password: `wrong-${randomUUID()}` } });

    await testRotation(world, secret);

    expect(rotationEvents(world, secret)).toEqual(["TestRotationStarted", "TestRotationFailed"]);
    expect(errorsLogged(world, "gate", secret)).toEqual([expect.stringMatching(/^CredentialRejected: /)]);
    expect(await world.labels(secret)).toEqual({ [secret.firstVersion]: ["AWSCURRENT"] });
    expect(await executionsOf(world, secret)).toEqual([]);
  });

  const interleavings = [
    ["before the value is asked for", "createSecret"],
    ["while the value is being written", "PutSecretValue"],
    ["after the value was written", "Plan"],
  ] as const;
  test.each(interleavings)(
    "a workflow that was rejected %s leaves nothing stuck: the next RotateSecret works",
    async (_when, held) => {
      const secret = await situation(world, { mode: "native" });
      const token = randomUUID();
      const hasEnded = async () => (await world.run(secret, token)).execution.status !== "RUNNING";
      const isWritten = async () => (await world.labels(secret))[token]?.includes("ROTATION_CANDIDATE");
      const hold = () => {
        if (held === "Plan") return atStep(world, secret, "Plan", "before", () => until(isWritten));
        let isDone = false;
        return world.account.intercept(async (call) => {
          const isPut = isSecretCall(call, secret, "gate") && call.operation === held;
          if (isDone || call.phase !== "before" || !(isPut || isGateStep(call, secret, held))) return;
          isDone = true;
          await until(() => hasEnded().catch(() => false));
        });
      };
      {
        using _hold = hold();
        using _break = breakStep(world, secret, "Plan", beforeEffect("AccessDenied"));
        await world.rotate(secret, token);
      }

      await expectEnd(world, secret, token, {
        outcome: "REJECTED",
        labels: secret.before,
        opens: [secret.firstVersion],
        error: "AccessDenied",
        failedIn: "Plan",
      });
      expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationFailed"]);
      const next = await world.rotate(secret);
      await expectEnd(world, secret, next, { outcome: "SUCCEEDED", labels: secret.succeeded(next), opens: [next] });
    },
  );

  test("a workflow that was rejected leaves no AWSPENDING where the value is written while it takes the labels off", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    let left: readonly string[] | undefined;
    {
      using _hold = writeBetweenMoves(world, secret, token);
      using _break = breakStep(world, secret, "Plan", beforeEffect("AccessDenied"));
      // Before the gate has another look: it may be gone.
      using _look = atStep(world, secret, "Discard", "after", async () => {
        left = (await world.labels(secret))[token] ?? [];
      });
      await world.rotate(secret, token);
    }

    expect(left).toEqual([]);
    expect(writesOf(world, secret, "gate")).toContain("PutSecretValue");
    await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      error: "AccessDenied",
      failedIn: "Plan",
    });
  });

  test("RotationSucceeded comes after the last dependent was seen on the new version, and after the workflow's end", async () => {
    const secret = await situation(world, { mode: "native", dependents: { orders: "reload", billing: "cache" } });
    const early: boolean[] = [];
    using _ = world.account.intercept((call) => {
      const { Payload } = call.input as { Payload?: { action?: string } };
      if (call.service === "lambda" && Payload?.action === "verify") {
        early.push(rotationEvents(world, secret).includes("RotationSucceeded"));
      }
    });

    const token = await world.rotate(secret);

    expect(early.length).toBeGreaterThanOrEqual(4);
    expect(early).not.toContain(true);
    const seen = world.account.events.seen();
    const ended = seen.findIndex(
      ({ detail }) => detail["name"] === executionName(secret.arn, token) && detail["status"] === "SUCCEEDED",
    );
    const succeeded = seen.findIndex(
      ({ detail }) =>
        detail["eventName"] === "RotationSucceeded" && detail["requestID"] === `Rotation-${secret.arn}-${token}`,
    );
    expect(ended).toBeGreaterThan(0);
    expect(succeeded).toBeGreaterThan(ended);
  });

  test("finishSecret waits until labels that lag behind show what the workflow did", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    let isFinishing = false;
    let looks = 0;
    using _ = world.account.intercept((call) => {
      isFinishing ||= call.phase === "before" && isGateStep(call, secret, "finishSecret");
      const isLook =
        call.operation === "DescribeSecret" && call.phase === "after" && isSecretCall(call, secret, "gate");
      if (!isFinishing || !isLook) return undefined;
      looks += 1;
      const stale = { ...secret.before, [token]: ["AWSPENDING", "ROTATION_CANDIDATE"] };
      return looks > 3 ? undefined : { reply: { ...(call.output as object), VersionIdsToStages: stale } };
    });

    await world.rotate(secret, token);

    expect(looks).toBe(4);
    expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationSucceeded"]);
    expect(errorsLogged(world, "gate", secret)).toEqual([]);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  });

  test("testSecret waits on while its looks at the execution are throttled, and says how that ended", async () => {
    // More than two looks' worth of what the SDK itself makes of one.
    const REFUSALS = 2 * SDK_REQUEST.attempts + 1;
    const follows = await situation(world, { mode: "native", dependents: { orders: "cache" } });
    const refuses = await situation(world, { mode: "native", dependents: { orders: "cache" } });
    refuse(refuses, "orders");
    const throttled = [throttleLooks(follows, REFUSALS), throttleLooks(refuses, REFUSALS)];

    const [token, refusedToken] = await Promise.all([world.rotate(follows), world.rotate(refuses)]);

    for (const { refusals } of throttled) expect(refusals()).toBe(REFUSALS);
    expect(rotationEvents(world, follows)).toEqual(["RotationStarted", "RotationSucceeded"]);
    expect(rotationEvents(world, refuses)).toEqual(["RotationStarted", "RotationFailed"]);
    expect(errorsLogged(world, "gate", follows)).toEqual([]);
    expect(errorsLogged(world, "gate", refuses)).toEqual([expect.stringMatching(/^RolledBack: /)]);
    await expectEnd(world, follows, token, { outcome: "SUCCEEDED", labels: follows.succeeded(token), opens: [token] });
    await expectEnd(world, refuses, refusedToken, {
      outcome: "ROLLED_BACK",
      labels: refuses.rolledBack(refusedToken),
      opens: [refuses.firstVersion],
    });
  });

  /** Throttles the first looks of testSecret at the secret's execution, which does not end before. */
  function throttleLooks(secret: TestSecret, times: number): { refusals(): number } {
    const prefix = executionName(secret.arn, secret.firstVersion).slice(0, "rot-0123456789abcdef-".length);
    let isTesting = false;
    let refusals = 0;
    atStep(world, secret, "Refresh", "before", () => until(() => refusals === times));
    world.account.intercept((call) => {
      isTesting ||= isGateStep(call, secret, "testSecret");
      const { executionArn = "" } = call.input as { executionArn?: string };
      const isLook = call.operation === "DescribeExecution" && call.caller === "gate" && executionArn.includes(prefix);
      if (!isTesting || !isLook || call.phase === "after" || refusals === times) return;
      refusals += 1;
      throw new AwsError("ThrottlingException", "Rate exceeded", 400);
    });
    return { refusals: () => refusals };
  }

  test("a secret that no policy names is refused, and its placeholder is let go of", async () => {
    const secret = await world.addSecret({ policy: { secretId: `another/${randomUUID()}` } });

    await world.rotate(secret);
    await world.rotate(secret);

    const attempt = ["RotationStarted", "RotationFailed"];
    expect(rotationEvents(world, secret)).toEqual([...attempt, ...attempt]);
    expect(errorsLogged(world, "gate", secret)[0]).toMatch(
      /^ConfigurationInvalid: No policy of rotation\.config names/,
    );
    expect(await world.labels(secret)).toEqual({ [secret.firstVersion]: ["AWSCURRENT"] });
    expect(await executionsOf(world, secret)).toEqual([]);
  });

  test("a secret whose policy says that somebody else rotates it is refused, and its placeholder is let go of", async () => {
    const secret = await situation(world, { mode: "native", policy: { mode: "observed" } });

    await world.rotate(secret);

    expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationFailed"]);
    expect(errorsLogged(world, "gate", secret)).toEqual([
      expect.stringMatching(/^ConfigurationInvalid: .*needs mode "native" or "driven" \(it is "observed"\)/),
    ]);
    expect(await world.labels(secret)).toEqual(secret.before);
    expect(await executionsOf(world, secret)).toEqual([]);
  });
});

test("a native policy without a strategy makes the configuration invalid: every placeholder is let go of, nothing is written", async () => {
  await using world = await startWorld();
  const innocent = await situation(world, { mode: "native" });
  const secret = await situation(world, { mode: "native", policy: { strategy: undefined } });

  for (const each of [innocent, secret]) await world.rotate(each);
  await world.rotate(secret);

  for (const each of [innocent, secret]) {
    expect(rotationEvents(world, each).slice(0, 2)).toEqual(["RotationStarted", "RotationFailed"]);
    expect(errorsLogged(world, "gate", each)[0]).toMatch(
      /^ConfigurationInvalid: .*policies\[1\] \("[^"]+"\)\.strategy: mode "native" changes the credential: name the strategy/,
    );
    expect(await world.labels(each)).toEqual(each.before);
    expect(await world.signsIn(each, each.firstVersion)).toBe(true);
    expect(writesOf(world, each, "gate")).not.toContain("PutSecretValue");
  }
  expect(await world.executions()).toEqual([]);
});

/** The gate's value is written when the workflow has taken AWSPENDING off, and not yet ROTATION_CANDIDATE. */
function writeBetweenMoves(world: World, secret: TestSecret, token: string): Disposable {
  const between = moment();
  let isReached = false;
  const isWritten = async () => (await world.labels(secret))[token]?.includes("ROTATION_CANDIDATE");
  return world.account.intercept(async (call) => {
    if (call.phase !== "before") return;
    if (isSecretCall(call, secret, "gate") && call.operation === "PutSecretValue") await between.reached;
    const { VersionStage, RemoveFromVersionId } = call.input as Record<string, unknown>;
    if (isReached || VersionStage !== "ROTATION_CANDIDATE" || RemoveFromVersionId !== token) return;
    isReached = true;
    between.reach();
    await until(isWritten);
  });
}

async function testRotation(world: World, secret: TestSecret): Promise<void> {
  await world.client.send(
    new RotateSecretCommand({
      SecretId: secret.arn,
      ClientRequestToken: randomUUID(),
      RotationLambdaARN: world.deployment().functionArns.gate,
      RotationRules: { AutomaticallyAfterDays: 30 },
      RotateImmediately: false,
    }),
  );
  await world.settled();
}

function refuse(secret: TestSecret, dependent: string): void {
  const double = secret.dependents[dependent];
  if (double) double.faults.refresh = 422;
}

function accept(secret: TestSecret, dependent: string): void {
  delete secret.dependents[dependent]?.faults.refresh;
}
