import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { FUNCTION, settle, templateHandler, withSecret } from "./secretsmanager-harness.ts";

const HOUR = 3_600_000;
const RULES = { ScheduleExpression: "rate(10 days)", Duration: "3h" };

/** A secret on a schedule, tested but not yet rotated; it is 2030-01-15T10:30. */
async function scheduled(RotationRules: object = RULES, options: Parameters<typeof withSecret>[0] = {}) {
  const secret = withSecret(options);
  const succeeds = templateHandler(() => secret);
  secret.onInvoke(succeeds);
  const ids = { SecretId: "db", ClientRequestToken: randomUUID(), RotationLambdaARN: FUNCTION };
  secret.rotate({ ...ids, RotationRules, RotateImmediately: false });
  await secret.service.idle();
  secret.events.length = 0;
  secret.invocations.length = 0;
  /** Moves the clock to a time, and lets what that starts come to its end. */
  const until = async (time: string) => {
    secret.clock.advance(Date.parse(`${time}:00Z`) - secret.clock.now());
    for (let turn = 0; turn < 3; turn++) await settle();
    await secret.service.idle();
  };
  const nextDate = () => secret.describe({ SecretId: "db" }).NextRotationDate?.toISOString().slice(0, 16);
  return { ...secret, succeeds, until, nextDate };
}

test("a secret rotates when its window opens, without an API call, and the next date follows", async () => {
  const { until, nextDate, rotationEvents, named, v1, describe } = await scheduled();
  expect(nextDate()).toBe("2030-01-25T02:59");
  await until("2030-01-24T23:59");
  expect(rotationEvents()).toEqual([]);
  await until("2030-01-25T00:00");
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
  expect(named(["RotateSecret"])).toEqual([]);
  expect(describe({ SecretId: "db" }).VersionIdsToStages[v1]).toEqual(["AWSPREVIOUS"]);
  expect(nextDate()).toBe("2030-02-04T02:59");
  await until("2030-02-04T00:00");
  expect(rotationEvents()).toHaveLength(4);
});

test.each([
  [{ AutomaticallyAfterDays: 1 }, ["2030-01-16T00:00", "2030-01-17T00:00"]],
  [{ ScheduleExpression: "rate(4 hours)" }, ["2030-01-15T14:00", "2030-01-15T18:00"]],
  [{ ScheduleExpression: "cron(0 2/10 * * ? *)" }, ["2030-01-15T12:00", "2030-01-15T22:00", "2030-01-16T02:00"]],
  [{ ScheduleExpression: "cron(0 17 L * ? *)" }, ["2030-01-31T17:00", "2030-02-28T17:00"]],
])("%j opens its windows when AWS says", async (rules, openings) => {
  const { until, rotationEvents } = await scheduled(rules);
  for (const [index, opening] of openings.entries()) {
    const justBefore = new Date(Date.parse(`${opening}:00Z`) - 60_000).toISOString().slice(0, 16);
    await until(justBefore);
    expect(rotationEvents()).toHaveLength(2 * index);
    await until(opening);
    expect(rotationEvents()).toHaveLength(2 * index + 2);
  }
});

test("a value written by hand moves the window", async () => {
  const { until, put, rotationEvents, nextDate } = await scheduled();
  await until("2030-01-20T12:00");
  put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "by hand" });
  await until("2030-01-25T00:00");
  expect(rotationEvents()).toEqual([]);
  expect(nextDate()).toBe("2030-01-30T02:59");
  await until("2030-01-30T00:00");
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
});

test("a failed rotation leaves its date in the past, and the next window attempts it again under its token", async () => {
  const { until, onInvoke, succeeds, invocations, nextDate, rotationEvents, describe } = await scheduled(
    { ScheduleExpression: "rate(1 day)" },
    { rotation: { attempts: 1, form: "same-token" } },
  );
  onInvoke((invocation) => {
    if (invocation.Step === "testSecret") throw new Error("no");
    return succeeds(invocation);
  });
  await until("2030-01-16T00:00");
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationFailed", "RotationStarted", "RotationFailed"]);
  await until("2030-01-16T23:59");
  expect(nextDate()).toBe("2030-01-16T23:59");
  onInvoke(succeeds);
  await until("2030-01-17T00:00");
  expect(rotationEvents().slice(4)).toEqual(["RotationStarted", "RotationSucceeded"]);
  const tokens = new Set(invocations.map((each) => each.ClientRequestToken));
  expect(tokens.size).toBe(1);
  expect(describe({ SecretId: "db" }).VersionIdsToStages[[...tokens][0] ?? ""]).toContain("AWSCURRENT");
  expect(nextDate()).toBe("2030-01-18T23:59");
});

test("nothing rotates after CancelRotateSecret, while the secret is marked for deletion, or after stop", async () => {
  const { until, cancel, rotate, remove, restore, rotationEvents, nextDate, service } = await scheduled();
  cancel({ SecretId: "db" });
  await until("2030-01-25T01:00");
  expect([rotationEvents(), nextDate()]).toEqual([[], undefined]);

  const again = { SecretId: "db", ClientRequestToken: randomUUID(), RotationRules: RULES, RotateImmediately: false };
  rotate(again);
  await service.idle();
  remove({ SecretId: "db", RecoveryWindowInDays: 30 });
  await until("2030-02-04T01:00");
  expect(rotationEvents()).toEqual(["TestRotationStarted", "TestRotationSucceeded"]);
  restore({ SecretId: "db" });
  await until("2030-02-14T00:00");
  expect(rotationEvents().slice(2)).toEqual(["RotationStarted", "RotationSucceeded"]);

  service.stop();
  await until("2030-02-24T01:00");
  expect(rotationEvents()).toHaveLength(4);
});

test("a secret that is gone does not rotate any more, nor does one with its name", async () => {
  const { until, remove, create, rotationEvents } = await scheduled();
  remove({ SecretId: "db", ForceDeleteWithoutRecovery: true });
  create({ Name: "db", SecretString: "other", ClientRequestToken: randomUUID() });
  await until("2030-01-25T01:00");
  expect(rotationEvents()).toEqual([]);
});

test("a window that opens while a rotation is at work leaves it alone", async () => {
  let finish = (_: unknown) => {};
  const { clock, onInvoke, succeeds, rotationEvents, service } = await scheduled({
    ScheduleExpression: "rate(4 hours)",
  });
  onInvoke(async (invocation) => {
    if (invocation.Step === "testSecret") await new Promise((resolve) => (finish = resolve));
    return succeeds(invocation);
  });
  clock.advance(4 * HOUR);
  for (let turn = 0; turn < 3; turn++) await settle();
  clock.advance(4 * HOUR);
  for (let turn = 0; turn < 3; turn++) await settle();
  expect(rotationEvents()).toEqual(["RotationStarted"]);
  finish(null);
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
});
