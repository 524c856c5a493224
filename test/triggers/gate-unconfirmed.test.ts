import { randomUUID } from "node:crypto";
import { CancelRotateSecretCommand, DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
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
import { atStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

// What AWS leaves open about a failed rotation, apart from the forms of retry in gate.test.ts.

const POLICY = { retryAfterRollbackSeconds: 86_400 };
const FAILED = ["RotationStarted", "RotationFailed"];
const SUCCEEDED = ["RotationStarted", "RotationSucceeded"];

describe.each(["pending-put-back", "same-token", "new-token"] as const)(
  "where CancelRotateSecret does not end Secrets Manager's retries, in the form %s",
  (form) => {
    let world: World;
    beforeAll(async () => {
      world = await startWorld({ rotation: { attempts: 2, delaySeconds: 60, form, afterCancel: "go-on" } });
    });
    afterAll(() => world[Symbol.asyncDispose]());

    const cancel = (secret: TestSecret) => world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn }));

    test("the rotation is rolled back, and they change nothing, start nothing and announce nothing", async () => {
      const secret = await situation(world, { mode: "native", policy: POLICY });
      using _ = atStep(world, secret, "SetSecret", "after", () => cancel(secret));

      const token = await world.rotate(secret);

      await expectEnd(world, secret, token, {
        outcome: "ROLLED_BACK",
        labels: secret.rolledBack(token),
        opens: [secret.firstVersion],
        error: "RotationCancelled",
        failedIn: "FinishSecret",
      });
      expect(rotationEvents(world, secret)).toEqual([...FAILED, ...FAILED, ...FAILED]);
      expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
      expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
      expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion]);
      expect(writesOf(world, secret, "gate", ["PutSecretValue"])).toHaveLength(1);
      const refusal = form === "new-token" ? "RecentlyRolledBack" : "RolledBack";
      const refusals = errorsLogged(world, "gate", secret).map((each) => each.split(":")[0]);
      expect(refusals).toEqual(["RolledBack", refusal, refusal]);
      const described = await world.client.send(new DescribeSecretCommand({ SecretId: secret.arn }));
      expect(described.RotationEnabled).toBe(false);

      const asked = deriveToken(secret.arn, secret.firstVersion, 1);
      await world.rotate(secret, asked);
      const labels = { ...secret.succeeded(asked), [token]: ["ROTATION_ROLLED_BACK"] };
      await expectEnd(world, secret, asked, { outcome: "SUCCEEDED", labels, opens: [asked] });
    });

    test("a rotation that had touched nothing is rejected, and they touch nothing either", async () => {
      const secret = await situation(world, { mode: "native", policy: POLICY });
      const token = randomUUID();
      using _ = atStep(world, secret, "CreateSecret", "before", async () => {
        await until(async () => (await world.labels(secret))[token]?.includes("ROTATION_CANDIDATE"));
        await cancel(secret);
      });

      await world.rotate(secret, token);

      await expectEnd(world, secret, token, {
        outcome: "REJECTED",
        labels: secret.before,
        opens: [secret.firstVersion],
        error: "RotationCancelled",
        failedIn: "CreateSecret",
      });
      expect(rotationEvents(world, secret)).toEqual([...FAILED, ...FAILED, ...FAILED]);
      // Nothing of an earlier token says that rotation is off, so each new one is rejected by an execution of its own.
      const rejections = form === "new-token" ? 3 : 1;
      expect(await executionsOf(world, secret)).toHaveLength(rejections);
      expect(outcomesTold(world, secret)).toEqual(Array(rejections).fill("REJECTED"));
      const next = await world.rotate(secret);
      await expectEnd(world, secret, next, { outcome: "SUCCEEDED", labels: secret.succeeded(next), opens: [next] });
    });
  },
);

// 25 s in all: less than any step of the workflow may take.
const STEP_TIMEOUT_SECONDS = 20;
const DELAY_SECONDS = 5;

describe.each(["pending-put-back", "same-token"] as const)(
  "where Secrets Manager gives up waiting for a call that goes on, in the form %s",
  (form) => {
    let world: World;
    beforeAll(async () => {
      world = await impatientWorld(form);
    });
    afterAll(() => world[Symbol.asyncDispose]());

    test("two calls of testSecret wait for one execution, and RotationSucceeded comes after its end", async () => {
      const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
      const token = randomUUID();

      await rotateWithTwoWaiting(secret, token);

      await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
      expect(rotationEvents(world, secret)).toEqual([...FAILED, ...SUCCEEDED]);
      expect(await executionsOf(world, secret)).toHaveLength(1);
      expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
      expect(errorsLogged(world, "gate", secret)).toEqual([]);
      const name = executionName(secret.arn, token);
      const ends = world.account.events.seen().flatMap(({ detail }) => {
        if (detail["name"] === name && detail["status"] === "SUCCEEDED") return ["the execution"];
        const isRotation = detail["requestID"] === `Rotation-${secret.arn}-${token}`;
        return isRotation && detail["eventName"] === "RotationSucceeded" ? ["RotationSucceeded"] : [];
      });
      expect(ends).toEqual(["the execution", "RotationSucceeded"]);
    });

    test("two calls of testSecret wait for one execution that is rolled back, and both say so", async () => {
      const secret = await situation(world, { mode: "native", dependents: { orders: "cache" }, policy: POLICY });
      const double = secret.dependents["orders"];
      if (double) double.faults.refresh = 422;
      const token = randomUUID();

      await rotateWithTwoWaiting(secret, token);

      await expectEnd(world, secret, token, {
        outcome: "ROLLED_BACK",
        labels: secret.rolledBack(token),
        opens: [secret.firstVersion],
        error: "DependentUnhealthy",
      });
      expect(rotationEvents(world, secret)).toEqual([...FAILED, ...FAILED, ...FAILED]);
      expect(await executionsOf(world, secret)).toHaveLength(1);
      expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
      const refusals = errorsLogged(world, "gate", secret).map((each) => each.split(":")[0]);
      expect(refusals).toEqual(["RolledBack", "RolledBack", "RolledBack"]);
    });

    test("of two calls of createSecret that write a value the first to arrive counts", async () => {
      const secret = await situation(world, { mode: "native" });
      const token = randomUUID();
      const goOn = moment();
      let puts = 0;
      using _ = world.account.intercept(async (call) => {
        if (call.operation !== "PutSecretValue" || call.phase !== "before" || !isSecretCall(call, secret, "gate"))
          return;
        puts += 1;
        if (puts === 1) await goOn.reached;
      });
      const calls = watch(world, secret, "testSecret");

      const rotating = world.rotate(secret, token);
      await until(() => puts === 1);
      await passRetry(world, secret);
      await until(() => calls.begun === 1);
      goOn.reach();
      await rotating;

      expect(puts).toBe(2);
      await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
      expect(rotationEvents(world, secret)).toEqual([...FAILED, ...SUCCEEDED]);
      expect(await executionsOf(world, secret)).toHaveLength(1);
      expect(errorsLogged(world, "gate", secret)).toEqual([]);
    });

    /** The execution is held at Refresh until the retry has come as far as testSecret, while the first one still waits there. */
    async function rotateWithTwoWaiting(secret: TestSecret, token: string): Promise<void> {
      const refreshes = moment();
      const goOn = moment();
      using _ = atStep(world, secret, "Refresh", "before", () => {
        refreshes.reach();
        return goOn.reached;
      });
      const calls = watch(world, secret, "testSecret");
      const rotating = world.rotate(secret, token);
      await until(() => calls.begun === 1);
      await refreshes.reached;
      await passRetry(world, secret);
      await until(() => calls.begun === 2);
      expect(calls.ended).toBe(0);
      goOn.reach();
      await rotating;
    }
  },
);

test("where Secrets Manager gives up waiting and comes with a new token, that one is refused, and the first rotation ends by itself", async () => {
  await using world = await impatientWorld("new-token");
  const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
  const token = randomUUID();
  const refreshes = moment();
  const goOn = moment();
  using _ = atStep(world, secret, "Refresh", "before", () => {
    refreshes.reach();
    return goOn.reached;
  });

  const calls = watch(world, secret, "testSecret");

  const rotating = world.rotate(secret, token);
  await until(() => calls.begun === 1);
  await refreshes.reached;
  await passRetry(world, secret);
  const refused = await until(() => errorsLogged(world, "gate", secret)[0]);
  goOn.reach();
  await rotating;

  expect(refused).toMatch(/^RotationInProgress: /);
  expect(rotationEvents(world, secret)).toEqual([...FAILED, ...FAILED]);
  // Secrets Manager itself has taken AWSPENDING away from it.
  const labels = { ...secret.succeeded(token), [token]: ["AWSCURRENT", "ROTATION_CANDIDATE"] };
  await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
});

/** Repeats once more than a call is given up. */
function impatientWorld(form: "pending-put-back" | "same-token" | "new-token"): Promise<World> {
  const attempts = form === "new-token" ? 1 : 2;
  return startWorld({
    rotation: { attempts, delaySeconds: DELAY_SECONDS, form, stepTimeoutSeconds: STEP_TIMEOUT_SECONDS },
  });
}

/** Lets the time of the call that is waited for run out, and then the time before the retry. */
async function passRetry(world: World, secret: TestSecret): Promise<void> {
  await world.clock.advance(STEP_TIMEOUT_SECONDS * 1000);
  await until(() => rotationEvents(world, secret).includes("RotationFailed"));
  await world.clock.advance(DELAY_SECONDS * 1000);
}

/** How many calls of the gate for a step have begun and have ended. */
function watch(world: World, secret: TestSecret, step: string): { readonly begun: number; readonly ended: number } {
  const calls = { begun: 0, ended: 0 };
  world.account.intercept((call) => {
    if (isGateStep(call, secret, step)) calls[call.phase === "before" ? "begun" : "ended"] += 1;
  });
  return calls;
}
