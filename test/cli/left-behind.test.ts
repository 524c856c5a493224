import { randomUUID } from "node:crypto";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rotateOnce, type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { type AnySecret, startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

const HOUR = 60 * 60 * 1000;
let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const secretWith = (options: SituationOptions = {}) => situation(world, { mode: "driven", ...options });

/** What doctor says is in the way of this secret. */
async function blockingOf({ name }: AnySecret) {
  const { findings } = documentOf(await run("doctor", name, "--output", "json"));
  return findings.filter(({ check, state }: { check: string; state: string }) => check === "secrets" && state !== "ok");
}

async function statesOf({ name }: AnySecret): Promise<readonly string[]> {
  const { secrets } = documentOf(await run("secrets", "--output", "json"));
  return secrets.find((each: { name: string }) => each.name === name).states;
}

/** A rotation of the secret that its dependent refuses, and that is taken back. Returns its version. */
async function rolledBack(secret: Situation): Promise<string> {
  const { api } = secret.dependents;
  if (api === undefined) throw new Error("There is no dependent.");
  api.faults.refresh = 422;
  const token = await rotateOnce(world, secret);
  delete api.faults.refresh;
  expect(await world.labels(secret)).toEqual(secret.rolledBack(token));
  return token;
}

/** `repair` is refused, and has asked for nothing and moved nothing. Returns what it said. */
async function refusedRepair(secret: AnySecret): Promise<string> {
  const [labels, executions] = [await world.labels(secret), await world.executions()];
  const ended = await run("repair", secret.name);
  await world.settled();
  expect(ended).toMatchObject({ status: 3, stdout: "", stderr: expect.stringContaining("Nothing was asked for.") });
  expect(await world.labels(secret)).toEqual(labels);
  expect(await world.executions()).toEqual(executions);
  return ended.stderr;
}

describe("of what was put there two hours ago", () => {
  beforeAll(async () => {
    world = await startWorld({ startsAgoMs: 2 * HOUR });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("AWSPENDING on a version of Rotor's is repaired, where no version is a candidate any more", async () => {
    const secret = await secretWith({ dependents: { api: "reload" } });
    const token = await rolledBack(secret);
    await world.moveLabel(secret, "AWSPENDING", token, undefined);

    expect(await statesOf(secret)).toEqual(["pending", "last failed"]);
    expect(await blockingOf(secret)).toContainEqual(
      expect.objectContaining({ state: "blocking", todo: `rotor repair ${secret.name}` }),
    );
    const repaired = await run("repair", secret.name, "--wait", "--output", "json");
    expect([repaired.status, documentOf(repaired)]).toMatchObject([4, { mode: "repair", outcome: "ROLLED_BACK" }]);
    expect(await world.labels(secret)).toEqual(secret.rolledBack(token));
  });

  test("AWSPENDING on somebody else's version is left to people, with the command that takes it off", async () => {
    const secret = await secretWith();
    await world.moveLabel(secret, "AWSPENDING", secret.older, undefined);

    expect(await statesOf(secret)).toEqual(["pending"]);
    const takesOff = `--version-stage AWSPENDING --remove-from-version-id ${secret.older}`;
    expect(await blockingOf(secret)).toEqual([
      {
        check: "secrets",
        state: "blocking",
        says: expect.stringContaining("It is not Rotor's to take away"),
        todo: expect.stringContaining(takesOff),
      },
    ]);
    const said = await refusedRepair(secret);
    expect(said).toContain("no execution of ours has rotated it");
    expect(said).toContain(takesOff);
  });

  test("a secret that no policy names is not repaired", async () => {
    const ended = await run("repair", "rotor/heartbeat");
    expect(ended.status).toBe(3);
    expect(ended.stderr).toContain("No policy of this stage names rotor/heartbeat");
  });
});

describe("of what was put there just now", () => {
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test("AWSPENDING of a rotation that no execution knows yet is not called left, and is not repaired", async () => {
    const secret = await world.add({ password: "of somebody else's making" }, { mode: "observed" });
    const token = randomUUID();
    const version = { SecretId: secret.arn, SecretString: "{}", ClientRequestToken: token };
    await world.client.send(new PutSecretValueCommand({ ...version, VersionStages: ["AWSPENDING"] }));

    expect(await statesOf(secret)).toEqual([]);
    expect(await blockingOf(secret)).toEqual([]);
    expect(await refusedRepair(secret)).toContain(
      `AWSPENDING is on version ${token} of ${secret.name}, and no run has begun with it yet`,
    );
  });
});
