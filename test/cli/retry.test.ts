import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { executionArn, executionName, repairName } from "../../core/identity.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";
import { whileHeld } from "./while-held.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);

beforeAll(async () => {
  // What dispatch would repair by itself is left to the commands.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

/** Rotates while the dependent refuses the new version. Returns the run's name. */
async function rotateInVain(secret: Situation): Promise<string> {
  const { api } = secret.dependents;
  if (api === undefined) throw new Error("There is no dependent.");
  api.faults.refresh = 422;
  const name = executionName(secret.arn, await rotateOnce(world, secret));
  delete api.faults.refresh;
  return name;
}

async function stopExecution(name: string): Promise<void> {
  const arn = executionArn(world.deployment().stateMachineArn, name);
  await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
}

test("a run from a version that is not AWSCURRENT any more is past: there is no other attempt of it", async () => {
  const secret = await situation(world, { dependents: { api: "reload" } });
  const name = await rotateInVain(secret);
  expect((await run("rotate", secret.name, "--wait")).status).toBe(0);
  const executions = await world.executions();

  const refused = await run("retry", name);
  await world.settled();
  expect(refused).toMatchObject({ status: 3, stdout: "", stderr: expect.stringContaining("Nothing was asked for.") });
  expect(refused.stderr).toContain(`rotor rotate ${secret.name}`);
  expect(await world.executions()).toEqual(executions);
});

test("of a run whose rollback failed there is another attempt, once the secret is not frozen any more", async () => {
  const secret = await situation(world, { dependents: { api: "reload" } });
  const name = await (async () => {
    using _ = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
    return await rotateInVain(secret);
  })();
  expect((await run("retry", name)).status).toBe(7);
  // A person makes target and labels agree on the version before.
  const { username, firstVersion } = secret;
  await world.database.setPassword(username, await world.password(secret, firstVersion));
  const current = Object.entries(await world.labels(secret)).find(([, labels]) => labels.includes("AWSCURRENT"));
  await world.moveLabel(secret, "AWSCURRENT", firstVersion, current?.[0]);
  expect((await run("unfreeze", secret.name, "--confirm", secret.name, "--wait")).status).toBe(4);

  const retried = await run("retry", name, "--wait", "--output", "json");
  expect([retried.status, documentOf(retried).outcome]).toEqual([0, "SUCCEEDED"]);
});

test("a repair that died goes on, whatever repairs were before it; one that has been repaired does not", async () => {
  const secret = await situation(world);
  const name = await whileHeld(
    world,
    secret,
    async () => (await run("rotate", secret.name)).stdout.trim(),
    async (begun) => {
      await stopExecution(begun);
      return begun;
    },
  );
  const repairs = [1, 2].map((n) => repairName(name, n));
  for (const repair of repairs) {
    using _ = atStep(world, secret, "RollBack", "before", () => stopExecution(repair));
    expect((await run("repair", secret.name, "--wait")).status).toBe(5);
  }

  const [first = "", second = ""] = repairs;
  const refused = await run("retry", first);
  expect(refused.stderr).toContain(`has been repaired since, by ${second}`);
  const retried = await run("retry", second, "--wait", "--output", "json");
  expect([retried.status, documentOf(retried)]).toMatchObject([4, { name: second, outcome: "ROLLED_BACK" }]);
});
