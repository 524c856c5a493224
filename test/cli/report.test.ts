import { randomUUID } from "node:crypto";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);

beforeAll(async () => {
  // What dispatch would repair by itself is left as it is.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

async function rowOf({ name }: Pick<Situation, "name">) {
  const { secrets } = documentOf(await run("report", "--output", "json"));
  return secrets.find((each: { name: string }) => each.name === name);
}

describe("who asked for a run", () => {
  test("is told of one that is running, and of one that was stopped, as of any other", async () => {
    const secret = await situation(world, { mode: "driven" });
    const name = executionName(secret.arn, deriveToken(secret.arn, secret.firstVersion, 1));
    let running: { askedBy?: string } = {};
    using _ = atStep(world, secret, "TestSecret", "before", async () => {
      running = await rowOf(secret);
      await world.sfn.send(
        new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
      );
    });
    await world.request(secret);
    expect(running).toMatchObject({ askedBy: "Rotor, ordinary attempt 1", lastRun: { outcome: "RUNNING" } });
    expect(await rowOf(secret)).toMatchObject({ askedBy: "Rotor, ordinary attempt 1", lastRun: { outcome: "DIED" } });
  });

  test("is Secrets Manager, where the run was stopped and its token was derived from nothing", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    using _ = atStep(world, secret, "TestSecret", "before", async () => {
      const name = executionName(secret.arn, token);
      await world.sfn.send(
        new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
      );
    });
    await world.rotate(secret, token);
    expect(await rowOf(secret)).toMatchObject({ askedBy: "Secrets Manager", lastRun: { outcome: "DIED" } });
  });

  test("is left empty, where the run has ended before its base was known", async () => {
    const secret = await situation(world, { mode: "native" });
    using _ = breakStep(world, secret, "Plan", beforeEffect("AccessDenied"));
    await world.rotate(secret);
    expect(await rowOf(secret)).toMatchObject({ askedBy: null, lastRun: { outcome: "REJECTED" } });
  });
});
