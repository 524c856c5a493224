import { CancelRotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, test } from "vitest";
import type { FunctionName } from "../../core/blueprint.ts";
import { executionName } from "../../core/identity.ts";
import type { Reconciled } from "../../core/reconcile/reconcile.ts";
import { AwsError } from "../../local/services/service.ts";
import { type Measured, measuredIn } from "../support/measured.ts";
import { repair } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { beforeEffect, breakStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SECONDS_A_DAY = 86_400;

describe("the age of the oldest overdue rotation", () => {
  test("goes on while the secret is frozen: nothing rotates it then", async () => {
    await using world = await startWorld();
    const secret = await freeze(world, { schedule: "rate(7 days)" });
    await later(world, 10 * DAY);

    expect(await sweep(world)).toMatchObject({
      findings: { SecretFrozen: 1 },
      FrozenSecrets: 1,
      OldestOverdue: near(3 * SECONDS_A_DAY),
    });

    const [token] =
      Object.entries(await world.labels(secret)).find(([, labels]) => labels.includes("ROTATION_FROZEN")) ?? [];
    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
    expect(await sweep(world)).toMatchObject({ FrozenSecrets: 0, OldestOverdue: near(3 * SECONDS_A_DAY) });
  });

  test("goes on while a version is left half-way, by Secrets Manager's own date", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    await rotateOnce(world, secret);
    await disable(world, "rotation");
    using _ = world.account.intercept((call) => {
      if (call.phase === "before" && call.service === "lambda" && call.caller === "secretsmanager")
        throw new Error("lost");
    });
    await later(world, 30 * DAY + 4 * DAY);
    const { NextRotationDate } = (await described(world, secret)) as { NextRotationDate?: Date };
    const lateMs = world.clock.now() - (NextRotationDate?.getTime() ?? 0);
    expect(lateMs).toBeGreaterThan(2 * DAY);

    expect(await sweep(world)).toMatchObject({ findings: { StuckPending: 1 }, OldestOverdue: near(lateMs / 1000) });
  });

  test("is of the lateness of a rotation, however lately its last attempt has failed", async () => {
    await using world = await startWorld();
    const policy = { schedule: "rate(7 days)", retryAfterRollbackSeconds: 0 };
    const secret = await situation(world, { mode: "driven", policy });
    using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
    await later(world, 11 * DAY);
    for (const attempt of [1, 2, 3]) await rotateOnce(world, secret, attempt);
    await later(world, 10 * MINUTE);

    expect(await sweep(world)).toMatchObject({ OldestOverdue: near(4 * SECONDS_A_DAY) });
  });

  test("counts from the first window in which it could have begun", async () => {
    await using world = await startWorld();
    const to = new Date(world.clock.now() + 9 * DAY).toISOString();
    const freezes = [{ from: new Date(0).toISOString(), to, reason: "year-end" }];
    const secret = await situation(world, { mode: "driven", policy: { schedule: "rate(7 days)", freezes } });
    using _ = breakStep(world, secret, "Plan", beforeEffect("AccessDenied"));
    await later(world, 12 * DAY);

    expect(await sweep(world)).toMatchObject({ OldestOverdue: near(3 * SECONDS_A_DAY) });
  });

  test("is none where no date at all is known, which is told, and where it is late by less than a day", async () => {
    await using world = await startWorld();
    await situation(world, { mode: "driven", policy: { schedule: "rate(7 days)" } });
    {
      using _ = withoutDates(world);
      expect(await sweep(world)).toMatchObject({ OldestOverdue: 0 });
      expect(world.incidents()).toMatchObject([{ name: "Overdue" }]);
    }
    await later(world, 7 * DAY + 23 * 60 * MINUTE);
    expect(await sweep(world)).toMatchObject({ OldestOverdue: 0 });
  });
});

describe("a native policy whose secret Secrets Manager does not rotate", () => {
  test("is overdue by the policy's own rules, which is told without any trail: nobody else has a date for it", async () => {
    await using world = await startWorld({ loses: ({ source }) => source === "aws.secretsmanager" });
    const policy = { rotationRules: { automaticallyAfterDays: 10 } };
    const secret = await situation(world, { mode: "native", policy });
    await rotateOnce(world, secret);
    await world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn }));
    await later(world, 10 * DAY + 23 * 60 * MINUTE);
    expect(await sweep(world)).toMatchObject({ OldestOverdue: 0 });
    expect(found(world, secret)).toEqual([]);
    await later(world, 2 * 60 * MINUTE);

    expect(await sweep(world)).toMatchObject({ OldestOverdue: near(SECONDS_A_DAY + 3600) });

    expect(found(world, secret)).toMatchObject([{ name: "Overdue", severity: "warning" }]);
    const [{ message = "" } = {}] = found(world, secret);
    expect(message).toContain("is not turned on in Secrets Manager");
    expect(message).toContain("rate(10 days)");
    await sweep(world);
    expect(found(world, secret)).toHaveLength(1);
  });

  test.each([
    [{ automaticallyAfterDays: 1 }, 4],
    [{ scheduleExpression: "rate(2 days)" }, 3],
    [undefined, 0],
  ])("by the rules %o is late by %i days after five", async (rotationRules, days) => {
    await using world = await startWorld();
    await situation(world, { mode: "native", policy: rotationRules === undefined ? {} : { rotationRules } });
    await later(world, 5 * DAY);
    expect(await sweep(world)).toMatchObject({ OldestOverdue: days === 0 ? 0 : near(days * SECONDS_A_DAY) });
  });

  test("is told where no date is known from which they could be counted, and does not enter the age", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    using _ = withoutDates(world);
    expect(await sweep(world)).toMatchObject({ OldestOverdue: 0 });
    expect(found(world, secret)).toMatchObject([
      { name: "Overdue", message: expect.stringContaining("no date is known") },
    ]);
  });

  test("is no finding once Secrets Manager rotates it", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    await rotateOnce(world, secret);
    await later(world, 29 * DAY);
    expect(await sweep(world)).toMatchObject({ OldestOverdue: 0 });
    expect(found(world, secret)).toEqual([]);
  });
});

describe("a rotation that Secrets Manager has missed", () => {
  test.each([
    ["that a freeze period keeps from being made is late by nobody's count", true],
    ["is late after a day", false],
  ])("%s", async (_what, isKept) => {
    await using world = await startWorld();
    const now = world.clock.now();
    const iso = (ms: number) => new Date(ms).toISOString();
    const policy = isKept
      ? { freezes: [{ from: iso(now - 30 * DAY), to: iso(now + 30 * DAY), reason: "year-end" }] }
      : {};
    const secret = await situation(world, { mode: "driven", policy });
    using _ = nextRotationAt(world, secret, new Date(now - 3 * DAY));
    expect((await sweep(world))["OldestOverdue"]).toEqual(isKept ? 0 : near(3 * SECONDS_A_DAY));
    expect(found(world, secret).map(({ name }) => name)).toEqual(isKept ? [] : ["Overdue"]);
  });
});

describe("frozen secrets", () => {
  test("are counted in each sweep, whether or not anybody could be told of the failed rollback", async () => {
    await using world = await startWorld();
    using _ = world.account.intercept(({ operation, phase }) => {
      if (operation === "Publish" && phase === "before") throw new AwsError("AuthorizationError", "no", 403);
    });
    expect(await sweep(world)).toMatchObject({ FrozenSecrets: 0 });
    await freeze(world);
    await freeze(world);
    expect(world.notifications()).toEqual([]);
    for (let n = 0; n < 2; n += 1) expect(await sweep(world)).toMatchObject({ FrozenSecrets: 2 });
  });
});

describe("looks that failed", () => {
  test("are counted, and the sweep counts as one all the same", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven", policy: { schedule: "rate(7 days)" } });
    expect(await sweep(world)).toMatchObject({ Sweeps: 1, LooksFailed: 0 });
    using _ = world.account.intercept((call) => {
      if (call.phase !== "before") return;
      if (isSecretCall(call, secret, "reconcile")) throw new AwsError("AccessDeniedException", "no", 400);
      if (call.caller === "reconcile" && call.service === "states")
        throw new AwsError("AccessDeniedException", "no", 400);
    });
    expect(await sweep(world)).toMatchObject({ Sweeps: 1, LooksFailed: 2 });
  });
});

describe("a failed rollback", () => {
  test("is measured where it is a repair's that could not even be planned", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    const token = await rotateOnce(world, secret);
    await world.moveLabel(secret, "ROTATION_FROZEN", token, undefined);
    const before = measured(world, "notify").length;

    await repair(world, secret, token);

    expect((await world.run(secret, token, 1)).execution.error).toBe("RollbackFailed");
    const now = measured(world, "notify").slice(before);
    expect(now).toContainEqual(one("RollbacksFailed", { stage: "local" }, 1));
    expect(now).toContainEqual(one("Rotations", { stage: "local", outcome: "ROLLBACK_FAILED", mode: "repair" }, 1));
  });

  test("is none where an execution was started with an input that is none, whose mode is no metric of its own", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    await world.sfn.send(
      new StartExecutionCommand({
        stateMachineArn: world.deployment().stateMachineArn,
        name: executionName(secret.arn, secret.older),
        input: JSON.stringify({ secretArn: secret.arn, token: secret.older, mode: "sideways" }),
      }),
    );
    await world.settled();

    const now = measured(world, "notify");
    expect(now).toContainEqual(one("RollbacksFailed", { stage: "local" }, 0));
    expect(now).toContainEqual(one("Rotations", { stage: "local", outcome: "REJECTED", mode: "unknown" }, 1));
  });
});

// --- internal ---

/** A run of reconcile: what it has found and what it has measured. */
async function sweep(world: World): Promise<Record<string, unknown>> {
  const before = measured(world, "reconcile").length;
  const answer = await world.account.lambda.invoke("reconcile", { time: new Date(world.clock.now()).toISOString() });
  expect(answer.FunctionError, JSON.stringify(answer.Payload)).toBeUndefined();
  await world.settled();
  const own = measured(world, "reconcile").slice(before);
  for (const { dimensions } of own) expect(dimensions).toEqual({ stage: "local" });
  const { findings } = answer.Payload as Reconciled;
  return { findings, ...Object.fromEntries(own.map(({ metricName, value }) => [metricName, value])) };
}

function measured(world: World, name: FunctionName): readonly Measured[] {
  const lines = world.account.lambda.logs().filter(({ functionName }) => functionName === name);
  return measuredIn(lines.flatMap(({ text }) => text.split("\n")));
}

function one(metricName: string, dimensions: Readonly<Record<string, string>>, value: number): Measured {
  return { namespace: "Rotor", metricName, dimensions, value };
}

/** Seconds, to a quarter of an hour: the clock goes on while a test does. */
function near(seconds: number): unknown {
  return expect.toSatisfy((value: number) => Math.abs(value - seconds) < 900, `about ${seconds}`);
}

/** A secret whose rotation could not be taken back. */
async function freeze(world: World, policy: { readonly schedule?: string } = {}): Promise<Situation> {
  const secret = await situation(world, { mode: "driven", policy });
  using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
  using __ = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
  await rotateOnce(world, secret);
  return secret;
}

/** Time goes by without a run of reconcile but the test's own. */
async function later(world: World, milliseconds: number): Promise<void> {
  await disable(world, "reconcile");
  await world.clock.advance(milliseconds);
  await world.settled();
}

async function disable({ account }: World, rule: string): Promise<void> {
  await account.events.operations["DisableRule"]?.({ Name: rule });
}

async function described({ account }: World, { arn }: Situation): Promise<unknown> {
  return account.secretsManager.operations["DescribeSecret"]?.({ SecretId: arn });
}

function found(world: World, { arn }: Situation) {
  return world.incidents().filter(({ secret, kind }) => secret.arn === arn && kind === "finding");
}

/** Neither has a version one, nor the secret. */
/** As Secrets Manager has it for a secret that it rotates. */
function nextRotationAt(world: World, { arn }: Situation, date: Date): Disposable {
  const shown = (each: { readonly ARN?: string }) =>
    each.ARN === arn ? { ...each, RotationEnabled: true, NextRotationDate: date.getTime() / 1000 } : each;
  return world.account.intercept(({ caller, operation, phase, output }) => {
    if (caller !== "reconcile" || phase !== "after") return undefined;
    if (operation === "DescribeSecret") return { reply: shown(output as object) };
    if (operation !== "ListSecrets") return undefined;
    const { SecretList } = output as { readonly SecretList: readonly object[] };
    return { reply: { ...(output as object), SecretList: SecretList.map(shown) } };
  });
}

function withoutDates(world: World): Disposable {
  return world.account.intercept(({ caller, operation, phase, output }) => {
    if (caller !== "reconcile" || phase !== "after") return undefined;
    if (operation === "ListSecretVersionIds") return { reply: { ...(output as object), Versions: [] } };
    if (operation === "DescribeSecret") return { reply: { ...(output as object), LastChangedDate: undefined } };
    return undefined;
  });
}
