import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

// Step Functions' own reads are eventually consistent: here they show the past.

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const nameOf = ({ arn, firstVersion }: Situation) => executionName(arn, deriveToken(arn, firstVersion, 1));
beforeAll(async () => {
  // What dispatch would repair by itself is left to the commands.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

test("a run that was made to go on is followed to its new end, even while the one from before is still shown", async () => {
  const secret = await situation(world);
  const arn = executionArn(world.deployment().stateMachineArn, nameOf(secret));
  {
    using _ = atStep(world, secret, "TestSecret", "before", () =>
      world.sfn.send(new StopExecutionCommand({ executionArn: arn })),
    );
    await rotateOnce(world, secret);
  }
  let [before, staleLooks]: [unknown, number] = [undefined, 0];
  using _ = world.account.intercept(({ operation, caller, phase, output }) => {
    if (caller !== undefined || phase !== "after") return undefined;
    if (operation === "RedriveExecution") staleLooks = 3;
    if (operation !== "DescribeExecution") return undefined;
    if (staleLooks === 0) {
      before ??= output;
      return undefined;
    }
    staleLooks -= 1;
    return { reply: before };
  });
  const ended = await run("retry", nameOf(secret), "--wait", "--output", "json");
  expect(staleLooks).toBe(0);
  expect([ended.status, documentOf(ended).outcome]).toEqual([0, "SUCCEEDED"]);
});

test("a run that is at work is found by its secret, even while the list does not have it yet", async () => {
  const secret = await situation(world);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  using _ = atStep(world, secret, "TestSecret", "before", () => released);
  using __ = world.account.intercept(({ operation, caller, phase, output }) => {
    if (operation !== "ListExecutions" || caller !== undefined || phase !== "after") return undefined;
    return { reply: { ...(output as object), executions: [] } };
  });
  const asked = await run("rotate", secret.name);
  await expect
    .poll(() => run("show", nameOf(secret)).then(({ stdout }) => stdout), { timeout: 20_000 })
    .toContain("SetSecret");
  const shown = await run("show", secret.name, "--output", "json");
  const refused = await run("repair", secret.name);
  release();
  await world.settled();
  expect(documentOf(shown)).toMatchObject({ name: asked.stdout.trim(), outcome: "RUNNING" });
  expect(refused.stderr).toContain(`Run ${nameOf(secret)} of ${secret.name} is at work`);
});
