import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executionArn, executionName } from "../../core/identity.ts";
import { AwsError } from "../../local/services/service.ts";
import { expectEnd } from "../support/invariants.ts";
import { repair, rotationEvents } from "../support/observations.ts";
import { rotateOnce, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep, failStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld({
    rotation: { attempts: 1, delaySeconds: 60, form: "pending-put-back" },
    // Repairs are asked for here when the test wants them.
    loses: ({ source }) => source === "aws.states",
  });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("one look is not believed", () => {
  test.each([true, false])(
    "a value that is not seen during a rollback, late in its tries (alternating users: %s)",
    async (alternating) => {
      const secret = await world.addSecret({ alternating, policy: { mode: "driven" } });
      await world.request(secret);
      const base = await current(secret);
      using _refused = breakStep(world, secret, "FinishSecret", beforeEffect("AccessDenied"));
      using _first = failStep(world, secret, "RollBack", [beforeEffect("Throttled")]);
      using _unseen = unseenOnce(secret);

      await world.request(secret);

      const token = newest(secret);
      await expectEnd(world, secret, token, {
        outcome: "ROLLED_BACK",
        labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [base]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
        opens: alternating ? [secret.firstVersion, base] : [base],
      });
    },
  );

  test("a rotation that is seen to be turned off once only", async () => {
    const secret = await situation(world, { mode: "native" });
    let shown = false;
    using _stale = world.account.intercept((call) => {
      if (shown || call.phase !== "after" || call.operation !== "DescribeSecret") return undefined;
      if (!isSecretCall(call, secret, "rotate")) return undefined;
      shown = true;
      return { reply: { ...(call.output as object), RotationEnabled: false } };
    });

    const token = await rotateOnce(world, secret);

    expect(shown).toBe(true);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  });
});

test("a rejected version on which Secrets Manager's retry puts AWSPENDING back does not keep it", async () => {
  const secret = await situation(world, { mode: "native" });
  {
    using _refused = breakStep(world, secret, "CreateSecret", beforeEffect("AccessDenied"));
    await rotateOnce(world, secret);
  }
  expect(rotationEvents(world, secret).filter((name) => name === "RotationFailed")).toHaveLength(2);
  const labels = await world.labels(secret);
  expect(Object.values(labels).flat()).not.toContain("AWSPENDING");

  const token = await rotateOnce(world, secret);

  await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
});

test("a plan that cannot be read is not taken for none: the only password that works keeps its labels", async () => {
  const secret = await situation(world);
  using _stop = atStep(world, secret, "SetSecret", "after", async () => {
    const name = executionName(secret.arn, newest(secret));
    await world.sfn.send(
      new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
    );
  });
  const token = await rotateOnce(world, secret);
  const before = await world.labels(secret);
  {
    using _older = world.account.intercept((call) => {
      if (call.phase !== "after" || call.operation !== "GetExecutionHistory" || call.caller !== "plan")
        return undefined;
      return { reply: JSON.parse(JSON.stringify(call.output).replaceAll("mayRollBack", "mayRollback")) };
    });
    await repair(world, secret, token);
  }

  expect((await world.run(secret, token, 1)).execution.error).toBe("RollbackFailed");
  expect(await world.labels(secret)).toEqual(before);
  expect(await world.signsIn(secret, token)).toBe(true);
});

test("a function that Lambda has put to sleep is waited for, on the way back too", async () => {
  const secret = await situation(world);
  using _refused = breakStep(world, secret, "TestSecret", beforeEffect("CredentialRejected"));
  let left = 2;
  using _asleep = world.account.intercept((call) => {
    const { Payload } = call.input as { Payload?: { action?: string; secretArn?: string } };
    if (call.phase !== "before" || Payload?.action !== "rollBack" || Payload.secretArn !== secret.arn || left === 0)
      return;
    left -= 1;
    throw left === 1
      ? new AwsError("ResourceNotReadyException", "The function is inactive.", 502)
      : new AwsError("ResourceConflictException", "The function is pending.", 409);
  });

  const token = await rotateOnce(world, secret);

  expect(left).toBe(0);
  await expectEnd(world, secret, token, {
    outcome: "ROLLED_BACK",
    labels: secret.rolledBack(token),
    opens: [secret.firstVersion],
  });
});

async function current(secret: TestSecret): Promise<string> {
  const labels = await world.labels(secret);
  return Object.keys(labels).find((versionId) => labels[versionId]?.includes("AWSCURRENT")) ?? "";
}

/** The version that was written to the secret last. */
function newest(secret: TestSecret): string {
  const puts = world.account.calls().filter(({ operation, input, caller }) => {
    return (
      operation === "PutSecretValue" && caller !== undefined && (input as { SecretId?: string }).SecretId === secret.arn
    );
  });
  const last = puts.at(-1)?.input as { ClientRequestToken?: string } | undefined;
  return last?.ClientRequestToken ?? "";
}

/** From the second attempt of RollBack on, the candidate's value is once not found, though it is there. */
function unseenOnce(secret: TestSecret): Disposable {
  let left = 1;
  return world.account.intercept((call) => {
    const { VersionId } = call.input as { VersionId?: string };
    if (left === 0 || call.phase !== "before" || call.operation !== "GetSecretValue") return;
    if (!isSecretCall(call, secret, "roll-back") || VersionId !== newest(secret)) return;
    left -= 1;
    throw new AwsError(
      "ResourceNotFoundException",
      `Secrets Manager can't find the specified secret value for VersionId: ${VersionId}`,
    );
  });
}
