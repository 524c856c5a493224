import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { situation } from "../support/situation.ts";
import { type AnySecret, startWorld, type World } from "../support/world.ts";
import { rotor } from "./rotor.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const unfreeze = ({ name }: AnySecret, ...options: readonly string[]) =>
  rotor(world.account.environment, "unfreeze", name, "--confirm", name, ...options);

/** Leaves ROTATION_FROZEN on a version, as a rollback that has failed does. */
async function freeze({ arn }: AnySecret): Promise<void> {
  const value = { SecretId: arn, ClientRequestToken: "0".repeat(32), SecretString: "left" };
  await world.client.send(new PutSecretValueCommand({ ...value, VersionStages: ["ROTATION_FROZEN"] }));
}

async function isFrozen(secret: AnySecret): Promise<boolean> {
  return Object.values(await world.labels(secret))
    .flat()
    .includes("ROTATION_FROZEN");
}

test("a secret whose target does not answer stays frozen, whatever is said", async () => {
  const secret = await situation(world);
  await freeze(secret);
  await secret.proxy[Symbol.asyncDispose]();
  for (const options of [[], ["--untested"]]) {
    const ended = await unfreeze(secret, ...options);
    expect(ended.stderr).toContain("the target does not answer. It stays frozen.");
    expect(ended.status).toBe(7);
  }
  expect(await isFrozen(secret)).toBe(true);
});

const rotationFunctionArn = "arn:aws:lambda:us-east-1:123456789012:function:rotate-partner";

test.each([
  ["whose strategy cannot ask the target", { strategy: "lambda", mode: "driven", rotationFunctionArn }],
  ["without a strategy", { mode: "observed" }],
] as const)("a secret %s is let go only once a person says that they have tried it", async (_what, policy) => {
  const secret = await world.add({ password: "x".repeat(40) }, policy);
  await freeze(secret);
  const refused = await unfreeze(secret);
  expect(refused.stderr).toContain("Nothing can try whether AWSCURRENT");
  expect(refused.stderr).toContain("--untested");
  expect([refused.status, await isFrozen(secret)]).toEqual([7, true]);

  const freed = await unfreeze(secret, "--untested");
  expect([freed.status, freed.stdout]).toEqual([0, `${secret.name} is not frozen any more.\n`]);
  expect(await isFrozen(secret)).toBe(false);
});
