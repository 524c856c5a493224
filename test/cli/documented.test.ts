import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor } from "./rotor.ts";

// What the docs tell to type and no other test does: docs.suite.ts says what is missing.

const DAY = 24 * 60 * 60 * 1000;
let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const secretWith = (options = {}): Promise<Situation> => situation(world, { mode: "driven", ...options });
const nameOf = ({ arn, firstVersion }: Situation) => executionName(arn, deriveToken(arn, firstVersion, 1));

/** The name of a run that somebody stops before TestSecret, once `look` has looked at it. */
async function stopped(secret: Situation, look = async () => {}): Promise<string> {
  const name = nameOf(secret);
  using _ = atStep(world, secret, "TestSecret", "before", async () => {
    await look();
    await world.sfn.send(
      new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
    );
  });
  await rotateOnce(world, secret);
  return name;
}

beforeAll(async () => {
  // What dispatch would repair by itself is left to the commands.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

test("runs that have failed are told, and those of one secret", async () => {
  const good = await secretWith();
  const bad = await secretWith({ dependents: { api: "reload" } });
  await rotateOnce(world, good);
  if (bad.dependents["api"] !== undefined) bad.dependents["api"].faults.refresh = 422;
  await rotateOnce(world, bad);

  const failed = await run("runs", "--status", "FAILED");
  expect(failed.stdout).toMatch(new RegExp(`${bad.name} +ROLLED BACK .* ${nameOf(bad)}$`, "m"));
  expect(failed.stdout).not.toContain(nameOf(good));
  const own = await run("runs", "--secret", good.name);
  expect(own.stdout).toContain(nameOf(good));
  expect(own.stdout).not.toContain(nameOf(bad));
});

test("a run is told as one that is running, and once it was stopped as one that has died", async () => {
  const secret = await secretWith();
  let running = "";
  await stopped(secret, async () => {
    running = (await run("runs", "--status", "RUNNING")).stdout;
  });
  expect(running).toContain(nameOf(secret));
  expect((await run("runs", "--status", "RUNNING")).stdout).toBe("There is no such run.\n");
  expect((await run("runs", "--status", "ABORTED")).stdout).toMatch(new RegExp(`${secret.name} +DIED`));
  expect((await run("runs", "--status", "TIMED_OUT")).stdout).toBe("There is no such run.\n");
});

test("a run that was stopped goes on where it was, and is taken back by its name", async () => {
  const secret = await secretWith();
  const name = await stopped(secret);
  expect((await run("retry", name)).status).toBe(0);
  await world.settled();
  expect((await run("show", name)).status).toBe(0);

  expect((await run("roll-back", name, "--confirm", secret.name)).status).toBe(0);
  await world.settled();
  expect((await run("show", secret.name)).status).toBe(4);
  expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
});

test("what a stopped run has left is put right, and the status says that it was rolled back", async () => {
  const secret = await secretWith();
  await stopped(secret);
  const ended = await run("repair", secret.name, "--wait");
  expect(ended.status).toBe(4);
  expect(ended.stdout).toContain("ROLLED BACK");
  expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
});

test("a frozen secret is let go, and what its rollback has left is put right", async () => {
  const secret = await secretWith();
  {
    using _ = breakStep(world, secret, "SetSecret", beforeEffect("AccessDenied"));
    using __ = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
    await rotateOnce(world, secret);
  }
  expect((await run("secrets")).stdout).toMatch(new RegExp(`^${secret.name} .*frozen`, "m"));

  const ended = await run("unfreeze", secret.name, "--wait", "--confirm", secret.name);
  expect(ended.stdout).toContain("ROLLED BACK");
  expect(ended.status).toBe(4);
  expect((await run("secrets")).stdout).not.toMatch(new RegExp(`^${secret.name} .*frozen`, "m"));
});

test("in an emergency a secret is rotated outside its windows, and only then", async () => {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString().slice(11, 16);
  const windows = [{ timeZone: "UTC", from: at(DAY / 2), to: at(DAY / 2 + DAY / 24) }];
  const secret = await secretWith({ policy: { windows, outsideWindow: "refuse" } });
  expect((await run("rotate", secret.name, "--wait")).status).toBe(3);
  expect(await world.labels(secret)).toEqual(secret.before);

  const ended = await run("rotate", secret.name, "--emergency", "--reason", "leaked");
  expect(ended.status).toBe(0);
  await world.settled();
  expect(documentOf(await run("show", secret.name, "--output", "json")).outcome).toBe("SUCCEEDED");
});

test("a failure of Secrets Manager's is told to dispatch, which says what it makes of it", async () => {
  const secret = await secretWith();
  const told = await run("trigger", "rotation-failed", "--secret", secret.name);
  expect(told.status).toBe(0);
  expect(told.stdout).toMatch(/^reported: RotationFailed$/m);
  const before = world.account.calls().length;
  const event = await run("trigger", "heartbeat", "--dry-run");
  expect(JSON.parse(event.stdout)).toMatchObject({ source: "aws.secretsmanager" });
  expect(
    world.account
      .calls()
      .slice(before)
      .filter(({ operation }) => operation === "Invoke"),
  ).toEqual([]);
});

test("a sample goes to every topic", async () => {
  const ended = await run("notify", "test");
  expect(ended.status).toBe(0);
  expect(world.account.sns.inbox().slice(-2)).toMatchObject([
    { Message: expect.stringContaining("[TEST]") },
    { Subject: expect.stringContaining("[TEST]") },
  ]);
});

test("a report is a table, or a page, of as many days as are asked for", async () => {
  expect((await run("report")).stdout).toMatch(/^SECRET +OWNER +LAST OUTCOME/);
  const ended = await run("report", "--days", "30", "--format", "html");
  expect(ended.status).toBe(0);
  expect(ended.stdout).toMatch(/^<!doctype html>/);
});

test("only what is overdue is listed where that is asked for", async () => {
  await using older = await startWorld({ startsAgoMs: 4 * DAY });
  const late = await situation(older, { policy: { schedule: "rate(1 day)" } });
  const never = await situation(older);
  const listed = await rotor(older.account.environment, "secrets", "--overdue");
  expect(listed.status).toBe(0);
  expect(listed.stdout).toMatch(new RegExp(`^${late.name} .*overdue`, "m"));
  expect(listed.stdout).not.toContain(never.name);
});
