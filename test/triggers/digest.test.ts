import { DescribeExecutionCommand, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, test } from "vitest";
import { WEEK_MS, weekBefore } from "../../core/digest.ts";
import { executionArn, executionName } from "../../core/identity.ts";
import type { DigestBody } from "../../core/notifications/digest-schema.ts";
import type { Reconciled } from "../../core/reconcile/reconcile.ts";
import { AwsError } from "../../local/services/service.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

const MINUTE = 60_000;
const WEEKLY = { environment: { reconcile: { DIGEST: "weekly" } } };
const NONE = { SUCCEEDED: 0, REJECTED: 0, ROLLED_BACK: 0, NOT_CONVERGED: 0, ROLLBACK_FAILED: 0, DIED: 0 };

describe("the digest of a week", () => {
  test("counts each rotation by how it ended, and secrets by what is due, and names what is to be looked at", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    await rotateOnce(world, await situation(world, { mode: "driven", policy: { schedule: "rate(12 days)" } }));
    const back = await rolledBack(world);
    const frozen = await frozenSecret(world);
    await nextMonday(world);

    expect(await sweep(world)).toMatchObject({ failed: 0 });

    const [told, ...others] = digests(world);
    expect(others).toEqual([]);
    const monday = weekBefore(world.clock.now());
    expect(told).toMatchObject({
      ...{ schema: "rotation.digest/1", stage: "local", severity: "warning", actionRequired: true },
      ...{ from: new Date(monday - WEEK_MS).toISOString(), to: new Date(monday).toISOString() },
      rotations: { ...NONE, SUCCEEDED: 1, ROLLED_BACK: 1, ROLLBACK_FAILED: 1 },
      ...{ rehearsed: 0, notLookedAt: 0, moreMatters: 0 },
      secrets: { withPolicy: 3, due: 1, overdue: 0, frozen: 1, notLookedAt: 0 },
    });
    expect(told?.matters.map(({ secretName, what }) => [secretName, what])).toEqual([
      [frozen.name, "ROLLBACK_FAILED"],
      [frozen.name, "SecretFrozen"],
      [back.name, "ROLLED_BACK"],
    ]);
    for (const topic of ["events", "email"] as const) {
      const { topicArns } = world.deployment();
      const own = world.account.sns
        .inbox(topicArns[topic])
        .filter(({ Message }) => Message.includes(told?.id ?? "none"));
      expect(own.map(({ MessageAttributes }) => MessageAttributes?.["event"]?.StringValue)).toEqual([
        "rotation.digest",
      ]);
    }
  });

  test("is told once, and where nothing has happened all the same", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    expect(digests(world)).toEqual([]);
    await nextMonday(world);
    await sweep(world);
    await sweep(world);
    await world.clock.advance(15 * MINUTE);
    await sweep(world);
    expect(digests(world)).toMatchObject([{ rotations: NONE, severity: "notice", actionRequired: false, matters: [] }]);
  });

  test("tells the end of a repair as that of the rotation, and leaves out what was ignored", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    const secret = await situation(world, { mode: "driven" });
    const token = await stopped(world, secret);
    expect((await world.run(secret, token)).execution.status).toBe("ABORTED");
    expect((await world.run(secret, token, 1)).execution.error).toBe("RolledBack");
    await ignored(world, secret);
    await nextMonday(world);
    await sweep(world);
    expect(digests(world)).toMatchObject([
      {
        rotations: { ...NONE, ROLLED_BACK: 1 },
        matters: [{ executionName: `${executionName(secret.arn, token)}-r1` }],
      },
    ]);
  });

  test("counts a rehearsal as the rotation that stays", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    const secret = await world.addSecret({ policy: { mode: "driven", rehearses: true } });
    await world.ask("Rehearsal Requested", { secretId: secret.arn, expectedVersionId: secret.firstVersion });
    await nextMonday(world);
    await sweep(world);
    expect(digests(world)).toMatchObject([{ rotations: { ...NONE, SUCCEEDED: 1 }, rehearsed: 1, matters: [] }]);
  });

  test("counts what ended in no other week", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    await rolledBack(world);
    await nextMonday(world);
    await rolledBack(world);
    await sweep(world);
    await nextMonday(world);
    await sweep(world);
    expect(digests(world).map(({ rotations }) => rotations.ROLLED_BACK)).toEqual([1, 1]);
  });

  test("waits for a sweep that has missed nothing, and comes with the next one", async () => {
    await using world = await startWorld(WEEKLY);
    await situation(world, { mode: "driven", policy: { schedule: "rate(400 days)" } });
    await nextMonday(world);
    await sweep(world);
    await nextMonday(world);
    {
      using _ = throttled(world, "ListExecutions");
      expect(await sweep(world)).toMatchObject({ failed: 1 });
      expect(digests(world)).toEqual([]);
    }
    await sweep(world);
    expect(digests(world)).toHaveLength(1);
  });

  test("that the bus does not take at once is tried again, and told once", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    await nextMonday(world);
    let refused = 0;
    using _ = world.account.intercept(({ caller, operation, phase }) => {
      if (caller !== "reconcile" || operation !== "PutEvents" || phase !== "before" || refused === 2) return undefined;
      refused += 1;
      return { reply: { FailedEntryCount: 1, Entries: [{ ErrorCode: "InternalFailure" }] } };
    });
    await sweep(world);
    expect(refused).toBe(2);
    expect(digests(world)).toHaveLength(1);
  });

  test("that reconcile could not ask itself for comes with the next sweep", async () => {
    await using world = await startWorld(WEEKLY);
    await nextMonday(world);
    await sweep(world);
    await nextMonday(world);
    {
      using _ = throttled(world, "Invoke");
      expect(await sweep(world)).toMatchObject({ failed: 1 });
      expect(digests(world)).toEqual([]);
    }
    expect(await sweep(world)).toMatchObject({ failed: 0 });
    expect(digests(world)).toHaveLength(1);
  });

  test("is made for nobody where the deployment does not want it", async () => {
    await using world = await startWorld();
    await nextMonday(world);
    await sweep(world);
    await nextMonday(world);
    await sweep(world);
    expect(digests(world)).toEqual([]);
  });
});

// --- internal ---

/** An hour after it has begun, in UTC at nine: a rotation that follows ends in the same week. */
async function nextMonday(world: World): Promise<void> {
  await world.account.events.operations["DisableRule"]?.({ Name: "reconcile" });
  const now = world.clock.now();
  await world.clock.advance(weekBefore(now) + WEEK_MS + 60 * MINUTE - now);
  await world.settled();
}

async function sweep(world: World): Promise<Reconciled> {
  const answer = await world.account.lambda.invoke("reconcile", { time: new Date(world.clock.now()).toISOString() });
  expect(answer.FunctionError, JSON.stringify(answer.Payload)).toBeUndefined();
  await world.settled();
  return answer.Payload as Reconciled;
}

function digests(world: World): readonly DigestBody[] {
  const inbox = world.account.sns.inbox(world.deployment().topicArns.events);
  return inbox.map(({ Message }) => JSON.parse(Message)).filter(({ schema }) => schema === "rotation.digest/1");
}

async function rolledBack(world: World): Promise<Situation> {
  const secret = await situation(world, { mode: "driven" });
  using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
  await rotateOnce(world, secret);
  return secret;
}

async function frozenSecret(world: World): Promise<Situation> {
  const secret = await situation(world, { mode: "driven" });
  using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
  using __ = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
  await rotateOnce(world, secret);
  return secret;
}

/** Stopped by somebody as it sets the password; its repair follows by itself. */
async function stopped(world: World, secret: Situation): Promise<string> {
  const arn = (token: string) => executionArn(world.deployment().stateMachineArn, executionName(secret.arn, token));
  let stop: Promise<unknown> | undefined;
  using _ = world.account.intercept(({ operation, phase, caller, input }) => {
    if (operation !== "PutSecretValue" || phase !== "after" || caller === undefined) return;
    const { ClientRequestToken = "" } = input as { ClientRequestToken?: string };
    stop ??= world.sfn.send(new StopExecutionCommand({ executionArn: arn(ClientRequestToken) }));
  });
  const token = await rotateOnce(world, secret);
  await stop;
  await world.settled();
  return token;
}

/** An execution that finds nothing to do. */
async function ignored(world: World, { arn, firstVersion }: Situation): Promise<void> {
  const name = executionName(arn, firstVersion);
  const { stateMachineArn } = world.deployment();
  const input = JSON.stringify({ secretArn: arn, token: firstVersion, mode: "native" });
  await world.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input }));
  await world.settled();
  const described = new DescribeExecutionCommand({ executionArn: executionArn(stateMachineArn, name) });
  const { output } = await world.sfn.send(described);
  expect(output).toContain("IGNORED");
}

function throttled(world: World, operation: string) {
  return world.account.intercept((call) => {
    if (call.caller === "reconcile" && call.operation === operation && call.phase === "before")
      throw new AwsError("ThrottlingException", "slow", 400);
  });
}
