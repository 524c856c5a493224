import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken } from "../../core/identity.ts";
import { ConnectionLost, type InterceptedCall } from "../../local/wire-calls.ts";
import { expectEnd } from "../support/invariants.ts";
import { pythonIsMissing, type RotationFunction, startRotationFunction } from "../support/rotation-function.ts";
import { rotateOnce, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;
let served: RotationFunction;

beforeAll(async () => {
  if (pythonIsMissing) return;
  const patience = { TARGET_TIMEOUT_MS: "250" };
  world = await startWorld({ environment: { rotate: patience, "roll-back": patience } });
  served = await startRotationFunction(world.account, { name: "orders-rotation" });
});
afterAll(async () => {
  if (pythonIsMissing) return;
  await world[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
});

/** A rotation that the target has taken and that is taken back. `after` is shown each call of the rollback that has had its effect. */
async function takenBack(after: (call: InterceptedCall) => Promise<void>) {
  const policy = { strategy: "lambda", rotationFunctionArn: served.arn };
  const secret = await situation(world, { policy });
  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  served.fault = (call) => (call.step === "setSecret" && call.token === token ? "fail-after" : undefined);
  using _ = world.account.intercept(async (call) => {
    const { SecretId, FunctionName } = call.input as Record<string, string>;
    const isItsOwn = SecretId === secret.arn || FunctionName === served.arn;
    if (isItsOwn && call.phase === "after" && call.caller === "roll-back-lambda") await after(call);
  });
  await rotateOnce(world, secret);
  const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [secret.firstVersion] } as const;
  await expectEnd(world, secret, token, end);
}

/** What a call that changes something does, whatever the secret is; undefined for one that reads. */
function effectOf({ operation, input }: InterceptedCall): string | undefined {
  const { VersionStage, MoveToVersionId, Payload } = input as Record<string, unknown>;
  const step = (Payload as { Step?: string } | undefined)?.Step;
  if (step !== undefined) return step;
  if (operation === "PutSecretValue") return operation;
  return VersionStage === undefined ? undefined : `${VersionStage} ${MoveToVersionId === undefined ? "off" : "on"}`;
}

describe.skipIf(pythonIsMissing)("a rollback through a rotation function", () => {
  test("that is killed after any of its effects is finished by the next attempt", async () => {
    const effects = new Set<string>();
    await takenBack(async (call) => {
      const effect = effectOf(call);
      if (effect !== undefined) effects.add(effect);
    });

    expect([...effects].sort()).toEqual([
      "AWSPENDING off",
      "AWSPENDING on",
      "AWSPREVIOUS on",
      "PutSecretValue",
      "ROTATION_CANDIDATE off",
      "ROTATION_COPY off",
      "ROTATION_ROLLED_BACK on",
      "setSecret",
      "testSecret",
    ]);
    for (const effect of effects) {
      let isKilled = false;
      await takenBack(async (call) => {
        if (isKilled || effectOf(call) !== effect) return;
        isKilled = true;
        await world.account.lambda.kill("roll-back-lambda");
        throw new ConnectionLost();
      });
      expect(isKilled).toBe(true);
    }
  }, 180_000);
});
