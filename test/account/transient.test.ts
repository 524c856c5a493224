import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectEnd } from "../support/invariants.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { after, before, failedAttempts, failStep, type StepName } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

/** As many as a step may fail: a fifth attempt follows. Two did nothing, and of two the effect is there and the result is lost. */
const FOUR_FAULTS = [
  before("Lambda.TooManyRequestsException"),
  after("Sandbox.Timedout"),
  before("ServiceUnavailable"),
  after("Throttled"),
];
const FOUR_ERRORS = FOUR_FAULTS.map(({ error }) => error);

describe("a step that fails four times, before its effect and after it, succeeds in the fifth attempt", () => {
  const steps: readonly (readonly [StepName, string, Situation["mode"]])[] = [
    ["Plan", "Plan", "native"],
    ["CreateSecret", "CreateSecret", "driven"],
    ["CreateSecret", "CreateSecret", "native"],
    ["SetSecret", "SetSecret", "native"],
    ["TestSecret", "TestSecret", "driven"],
    ["FinishSecret", "FinishSecret", "driven"],
    ["FinishSecret", "FinishSecret", "native"],
    ["Refresh", "Refresh", "native"],
    ["Verify", "Verify", "driven"],
    ["ConfirmEvidence", "ConfirmEvidence", "native"],
    ["Notify", "NotifySucceeded", "driven"],
  ];
  const secrets: Situation[] = [];
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    for (const [, , mode] of steps) secrets.push(await situation(world, { mode, dependents: { orders: "cache" } }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(steps.map(([step, state, mode], index) => ({ step, state, mode, index })))(
    "$state, $mode",
    async ({ step, state, index }) => {
      const secret = secrets[index] as Situation;
      using _ = failStep(world, secret, step, FOUR_FAULTS);

      const token = await rotateOnce(world, secret);

      const { run } = await expectEnd(world, secret, token, {
        outcome: "SUCCEEDED",
        labels: secret.succeeded(token),
        opens: [token],
      });
      const errors = failedAttempts(run, state).filter((error) => error !== "CandidateNotReady");
      expect(errors).toEqual(FOUR_ERRORS);
      expect(secret.dependents["orders"]?.versionId()).toBe(token);
    },
  );
});
