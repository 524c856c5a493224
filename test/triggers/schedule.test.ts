import { RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { expectEnd } from "../support/invariants.ts";
import { executionsOf, rotationEvents } from "../support/observations.ts";
import { situation } from "../support/situation.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("EventBridge's schedule runs reconcile every 15 minutes, and no rotation before one is due", async () => {
  const secret = await situation(world, { policy: { schedule: "rate(1 day)" } });
  using _ = delivered();
  const before = sweeps();

  await world.clock.advance(46 * MINUTE);
  await world.settled();

  expect(sweeps() - before).toBe(3);
  expect(await executionsOf(world, secret)).toEqual([]);
});

test("a driven rotation that has become due is asked for by the next run of reconcile, once, and needs nobody", async () => {
  const secret = await situation(world, { policy: { schedule: "rate(1 day)" }, dependents: { orders: "cache" } });
  await quietly(DAY + MINUTE);
  using _ = delivered();

  for (let n = 0; n < 3; n += 1) {
    await world.clock.advance(15 * MINUTE);
    await world.settled();
  }

  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
  expect(requestsFor(secret)).toMatchObject([
    { expectedVersionId: secret.firstVersion, attempt: 1, requester: "schedule", reason: "rate(1 day)" },
  ]);
});

test("a schedule asks for a rotation that its windows then let begin", async () => {
  const opensAt = Math.floor((world.clock.now() + DAY) / MINUTE) * MINUTE + 60 * MINUTE;
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  const windows = [{ timeZone: "UTC", from: time(opensAt), to: time(opensAt + 60 * MINUTE) }];
  const secret = await situation(world, { policy: { schedule: "rate(1 day)", windows } });
  await quietly(DAY + MINUTE);
  using _ = delivered();

  await world.clock.advance(15 * MINUTE);
  await world.settled();

  const { path, history } = await world.run(secret, deriveToken(secret.arn, secret.firstVersion, 1));
  expect([path.includes("AwaitWindow"), path.at(-1)]).toEqual([true, "Succeeded"]);
  const created = history.find((event) => event.stateEnteredEventDetails?.name === "CreateSecret");
  expect(created?.timestamp?.getTime()).toBeGreaterThanOrEqual(opensAt);
});

test("a schedule asks for nothing in a freeze period where Secrets Manager rotates, and could not wait for its end", async () => {
  const at = (ms: number) => new Date(world.clock.now() + ms).toISOString();
  const freezes = [{ from: at(-DAY), to: at(10 * DAY), reason: "year-end" }];
  const secret = await situation(world, { policy: { schedule: "rate(1 day)", freezes } });
  const rotation = { RotationLambdaARN: world.deployment().functionArns.gate, RotateImmediately: false };
  const RotationRules = { AutomaticallyAfterDays: 365 };
  await world.client.send(new RotateSecretCommand({ SecretId: secret.arn, ...rotation, RotationRules }));
  await quietly(DAY + MINUTE);
  using _ = delivered();

  await world.clock.advance(46 * MINUTE);
  await world.settled();

  expect(requestsFor(secret)).toEqual([]);
  expect(holderOf(await world.labels(secret), "AWSCURRENT")).toBe(secret.firstVersion);
});

test("Secrets Manager's own schedule starts a native rotation, which the workflow makes", async () => {
  const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
  const request = {
    SecretId: secret.arn,
    RotationLambdaARN: world.deployment().functionArns.gate,
    RotationRules: { AutomaticallyAfterDays: 1 },
    RotateImmediately: false,
  };
  await world.client.send(new RotateSecretCommand(request));
  await world.settled();
  expect(await executionsOf(world, secret)).toEqual([]);

  await quietly(DAY + MINUTE);

  const token = holderOf(await world.labels(secret), "AWSCURRENT") ?? "";
  await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  expect(token).not.toBe(secret.firstVersion);
  expect(rotationEvents(world, secret).slice(-2)).toEqual(["RotationStarted", "RotationSucceeded"]);
  expect(secret.dependents["orders"]?.versionId()).toBe(token);
});

// --- internal ---

/** EventBridge's schedules are delivered, which this world otherwise loses, until disposed. */
function delivered(): Disposable {
  return world.account.events.disturb({});
}

/** Time goes by without a run of reconcile. */
async function quietly(milliseconds: number): Promise<void> {
  await world.clock.advance(milliseconds);
  await world.settled();
}

function sweeps(): number {
  return world.account.calls().filter(({ caller, operation }) => `${caller} ${operation}` === "reconcile ListSecrets")
    .length;
}

function requestsFor({ arn }: TestSecret): readonly Record<string, unknown>[] {
  const requests = world.account.events.seen().filter((event) => event["detail-type"] === "Rotation Requested");
  return requests.map(({ detail }) => detail).filter((detail) => detail["secretId"] === arn);
}
