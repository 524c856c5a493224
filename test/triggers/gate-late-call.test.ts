import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { expectEnd } from "../support/invariants.ts";
import { errorsLogged, moment, rotationEvents, until } from "../support/observations.ts";
import { situation } from "../support/situation.ts";
import { atStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld } from "../support/world.ts";

const RETRY_SECONDS = 5;
const STEP_SECONDS = 10;

test("a createSecret that Secrets Manager has given up on takes no label off what a later one has written", async () => {
  const rotation = {
    attempts: 1,
    delaySeconds: RETRY_SECONDS,
    form: "same-token",
    stepTimeoutSeconds: STEP_SECONDS,
  } as const;
  await using world = await startWorld({ rotation });
  const secret = await situation(world, { mode: "native" });
  // The last label of an older version: the gate has to sign in with AWSCURRENT before it takes it.
  await world.moveLabel(secret, "ROTATION_CANDIDATE", secret.older, undefined);
  for (const label of ["AWSPREVIOUS", "BLUE"]) await world.moveLabel(secret, label, undefined, secret.older);
  const token = randomUUID();
  const late = moment();
  let stalled: string | undefined;
  // The first call stalls between its read of AWSCURRENT and its sign-in; what the SDK asks again meanwhile, stalls, too.
  using _read = world.account.intercept(async (call) => {
    if (call.operation !== "GetSecretValue" || call.phase !== "after" || !isSecretCall(call, secret, "gate")) return;
    if ((call.input as { VersionId?: string }).VersionId !== secret.firstVersion) return;
    stalled ??= call.attemptOf;
    if (call.attemptOf === stalled) await late.reached;
  });
  // It goes on once the target has the retry's password, which the sign-in then shows as drift.
  using _set = atStep(world, secret, "SetSecret", "after", async () => {
    late.reach();
    await until(() => errorsLogged(world, "gate", secret).length > 0);
  });

  const rotating = world.rotate(secret, token);
  await until(() => stalled !== undefined);
  await world.clock.advance(STEP_SECONDS * 1000);
  await until(() => rotationEvents(world, secret).includes("RotationFailed"));
  await world.clock.advance(RETRY_SECONDS * 1000);
  await rotating;

  expect(errorsLogged(world, "gate", secret)).toHaveLength(1);
  const labels = {
    [secret.firstVersion]: ["AWSPREVIOUS"],
    [token]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"],
  };
  await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
});
