import { randomUUID } from "node:crypto";
import { GetSecretValueCommand, PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectEnd } from "../support/invariants.ts";
import { outcomesTold } from "../support/observations.ts";
import { rotateOnce, situation } from "../support/situation.ts";
import { beforeEffect, failedAttempts, failStep, isSecretCall } from "../support/step-faults.ts";
import { rotateAsOwner, startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** What DescribeSecret answers. */
type Described = Readonly<Record<string, unknown>>;

describe.each([
  ["", ["VersionNotVisible"]],
  [", also where its first attempt has failed for something else", ["ServiceUnavailable", "VersionNotVisible"]],
] as const)("Plan does not decide by one look, which may show the past%s", (_also, attempts) => {
  test("observed: the version does not show as AWSCURRENT yet", async () => {
    const secret = await world.addSecret({
      policy: { mode: "observed", strategy: "postgres-single-user" },
      dependents: { orders: "cache" },
    });
    using _ = showOnce(secret, attempts, () => ({ VersionIdsToStages: { [secret.firstVersion]: ["AWSCURRENT"] } }));

    const token = await rotateByHand(secret);

    await expectSucceeded(secret, token, attempts);
    expect(secret.dependents["orders"]?.versionId()).toBe(token);
  });

  test("driven: AWSCURRENT shows on a version that the rotation was not asked for from", async () => {
    const secret = await situation(world);
    using _ = showOnce(secret, attempts, () => ({ VersionIdsToStages: { [secret.older]: ["AWSCURRENT"] } }));
    await expectSucceeded(secret, await rotateOnce(world, secret), attempts);
  });

  test("driven: rotation shows as enabled in Secrets Manager", async () => {
    const secret = await situation(world);
    using _ = showOnce(secret, attempts, () => ({ RotationEnabled: true }));
    await expectSucceeded(secret, await rotateOnce(world, secret), attempts);
  });

  test("native: another rotation function shows than the gate", async () => {
    const secret = await situation(world, { mode: "native" });
    using _ = showOnce(secret, attempts, ({ RotationLambdaARN }) => ({
      RotationLambdaARN: `${RotationLambdaARN}-before`,
    }));
    await expectSucceeded(secret, await rotateOnce(world, secret), attempts);
  });
});

/** In the last of these attempts the first reply that describes the secret to Plan has these members instead; the others fail. */
function showOnce(
  secret: TestSecret,
  attempts: readonly string[],
  stale: (described: Described) => Described,
): Disposable {
  const failing = failStep(world, secret, "Plan", attempts.slice(0, -1).map(beforeEffect));
  let isShown = false;
  const showing = world.account.intercept((call) => {
    if (isShown || call.phase !== "after" || call.operation !== "DescribeSecret") return undefined;
    if (!isSecretCall(call, secret, "plan")) return undefined;
    isShown = true;
    const described = call.output as Described;
    return { reply: { ...described, ...stale(described) } };
  });
  return {
    [Symbol.dispose]() {
      failing[Symbol.dispose]();
      showing[Symbol.dispose]();
    },
  };
}

async function expectSucceeded(secret: TestSecret, token: string, attempts: readonly string[]): Promise<void> {
  const { run } = await expectEnd(world, secret, token, {
    outcome: "SUCCEEDED",
    labels: await world.labels(secret),
    opens: [token],
  });
  expect(failedAttempts(run, "Plan")).toEqual(attempts);
  expect((await world.labels(secret))[token]).toContain("AWSCURRENT");
  expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
}

async function rotateByHand(secret: TestSecret): Promise<string> {
  const { SecretString = "" } = await world.client.send(new GetSecretValueCommand({ SecretId: secret.arn }));
  const token = randomUUID();
  const value = await rotateAsOwner(world.database, SecretString);
  await world.client.send(
    new PutSecretValueCommand({ SecretId: secret.arn, ClientRequestToken: token, SecretString: value }),
  );
  await world.settled();
  return token;
}
