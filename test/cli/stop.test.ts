import { randomUUID } from "node:crypto";
import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { executionArn, executionName, repairName } from "../../core/identity.ts";
import { type Situation, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";
import { whileHeld } from "./while-held.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);

beforeAll(async () => {
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** RotateSecret, as the schedule of Secrets Manager asks for it. Returns the token at once. */
async function beginNative({ arn, gate }: Situation): Promise<string> {
  const ClientRequestToken = randomUUID();
  const RotationLambdaARN = world.deployment().functionArns[gate ?? "gate"];
  const rules = { RotationRules: { AutomaticallyAfterDays: 30 } };
  await world.client.send(new RotateSecretCommand({ SecretId: arn, ClientRequestToken, RotationLambdaARN, ...rules }));
  return ClientRequestToken;
}

test("what is promoted while one is asked is not cancelled, and is not said to be", async () => {
  const secret = await situation(world, { mode: "native" });
  const { token, stopped } = await whileHeld(
    world,
    secret,
    () => beginNative(secret),
    async (begun, release) => {
      let isAsked = false;
      // The labels that stop has read are of before the promotion; it gets them when that has happened.
      using _ = world.account.intercept(async ({ operation, caller, phase }) => {
        if (isAsked || operation !== "DescribeSecret" || caller !== undefined || phase !== "after") return;
        isAsked = true;
        release();
        await expect.poll(async () => (await world.labels(secret))[begun], { timeout: 20_000 }).toContain("AWSCURRENT");
      });
      return {
        token: begun,
        stopped: await run("stop", executionName(secret.arn, begun), "--confirm", secret.name),
      };
    },
  );
  expect(stopped.stderr).toContain("has been promoted meanwhile");
  expect(stopped.stderr).toContain(`rotor roll-back ${executionName(secret.arn, token)}`);
  expect(stopped).toMatchObject({ status: 3, stdout: "" });
  expect(await world.labels(secret)).toEqual(secret.succeeded(token));
  expect((await run("show", secret.name)).status).toBe(0);
});

test("a repair is not cancelled: what it puts right stays its own", async () => {
  const secret = await situation(world);
  const name = await whileHeld(
    world,
    secret,
    async () => (await run("rotate", secret.name)).stdout.trim(),
    async (begun) => {
      const arn = executionArn(world.deployment().stateMachineArn, begun);
      await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
      return begun;
    },
  );
  const repair = repairName(name, 1);
  let refused = Promise.resolve({ status: 0 as number | null, stdout: "", stderr: "" });
  using _ = atStep(world, secret, "RollBack", "before", async () => {
    refused = run("stop", repair, "--confirm", secret.name);
    await refused;
  });
  const repaired = await run("repair", secret.name, "--wait", "--output", "json");
  expect(await refused).toMatchObject({ status: 3, stderr: expect.stringContaining("is a repair") });
  expect([repaired.status, documentOf(repaired).outcome]).toEqual([4, "ROLLED_BACK"]);
  expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
});
