import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { Seed } from "../../local/services/secretsmanager.ts";
import { FUNCTION, refusal, settle, startService } from "./secretsmanager-harness.ts";

const NAME = "rds!db-1";
const RULES = { AutomaticallyAfterDays: 7 };

/** A secret that RDS manages and rotates, with its first version v1. */
function managed(seed: Partial<Seed> = {}) {
  const harness = startService();
  const SecretString = JSON.stringify({ username: "admin", password: "first" });
  const { ARN, VersionId } = harness.service.seed({ Name: NAME, SecretString, OwningService: "rds", ...seed });
  harness.events.length = 0;
  const value = () => JSON.parse(harness.get({ SecretId: NAME }).SecretString);
  return { ...harness, arn: ARN, v1: VersionId, token: randomUUID(), value };
}

test.each([
  [{ OwningService: "rds" }],
  [{ OwningService: undefined, Type: "SalesforceClientSecret" }],
] as Partial<Seed>[][])(
  "RotateSecret of a secret with %j makes its owner rotate it, without a function",
  async (seed) => {
    const { rotate, service, arn, token, v1, labels, value, invocations, rotationEvents, named } = managed(seed);
    expect(rotate({ SecretId: NAME, ClientRequestToken: token })).toEqual({ ARN: arn, Name: NAME, VersionId: token });
    expect(labels(NAME, { v1 })).toEqual({ v1: ["AWSCURRENT"] });
    await service.idle();
    expect(labels(NAME, { v1, token })).toEqual({ v1: ["AWSPREVIOUS"], token: ["AWSCURRENT"] });
    expect(value()).toEqual({ username: "admin", password: expect.stringMatching(/^[\w-]{28}$/) });
    expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
    expect(named(["RotationSucceeded"])[0]?.detail).toMatchObject({
      additionalEventData: { SecretId: arn },
      requestID: `Rotation-${arn}-${token}`,
    });
    expect(invocations).toEqual([]);
  },
);

test("the owner's own way to rotate makes the value, and what it throws is a RotationFailed that tells nothing of it", async () => {
  let fails = false;
  const { rotate, service, token, value, labels, v1, rotationEvents, events, describe } = managed({
    async rotate(current) {
      await settle();
      if (fails) throw new Error(`cannot use ${current}`);
      return JSON.stringify({ ...JSON.parse(current), password: "second" });
    },
  });
  rotate({ SecretId: NAME, ClientRequestToken: token });
  expect(refusal(() => rotate({ SecretId: NAME, ClientRequestToken: randomUUID() }))).toEqual({
    name: "InvalidRequestException",
    message: "A previous rotation isn't complete. That rotation will be reattempted.",
  });
  await service.idle();
  expect(value().password).toBe("second");
  rotate({ SecretId: NAME, ClientRequestToken: token });
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);

  fails = true;
  rotate({ SecretId: NAME, ClientRequestToken: randomUUID() });
  await service.idle();
  expect(rotationEvents().slice(2)).toEqual(["RotationStarted", "RotationFailed"]);
  expect(labels(NAME, { v1, token })).toEqual({ v1: ["AWSPREVIOUS"], token: ["AWSCURRENT"] });
  expect(JSON.stringify(events)).not.toMatch(/cannot use|second/);
  expect(describe({ SecretId: NAME }).RotationEnabled).toBe(true);
});

test("with RotateImmediately=false only the rules are stored, and the owner rotates on them", async () => {
  const { rotate, service, token, labels, v1, describe, rotationEvents, clock } = managed();
  expect(describe({ SecretId: NAME })).not.toHaveProperty("RotationEnabled");
  rotate({ SecretId: NAME, ClientRequestToken: token, RotationRules: RULES, RotateImmediately: false });
  await service.idle();
  expect(labels(NAME, { v1 })).toEqual({ v1: ["AWSCURRENT"] });
  expect(rotationEvents()).toEqual([]);
  expect(describe({ SecretId: NAME })).toMatchObject({
    RotationEnabled: true,
    RotationRules: RULES,
    NextRotationDate: new Date("2030-01-22T23:59:59Z"),
  });
  clock.advance(Date.parse("2030-01-22T00:00:00Z") - clock.now());
  await settle();
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
});

test("a secret seeded with rules shows RotationEnabled, no function, and rotates on them", async () => {
  const { service, describe, rotationEvents, clock } = managed({ RotationRules: RULES });
  const described = describe({ SecretId: NAME });
  expect(described).toMatchObject({ RotationEnabled: true, RotationRules: RULES, OwningService: "rds" });
  expect(described).not.toHaveProperty("RotationLambdaARN");
  clock.advance(Date.parse("2030-01-22T00:00:00Z") - clock.now());
  await settle();
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted", "RotationSucceeded"]);
});

test("its rotation events can name the secret in the other place that was seen", async () => {
  const { rotate, service, token, arn, named } = managed({ eventShape: "serviceEventDetails" });
  rotate({ SecretId: NAME, ClientRequestToken: token });
  await service.idle();
  const events = named(["RotationStarted", "RotationSucceeded"]);
  expect(events.map(({ detail }) => detail.serviceEventDetails)).toEqual([{ secretId: arn }, { secretId: arn }]);
  expect(events.filter(({ detail }) => "additionalEventData" in detail)).toEqual([]);
});

test("a function is refused, and then nothing is stored", () => {
  const { rotate, token, describe } = managed();
  const request = { SecretId: NAME, ClientRequestToken: token, RotationLambdaARN: FUNCTION, RotationRules: RULES };
  expect(refusal(() => rotate(request)).name).toBe("InvalidParameterException");
  expect(describe({ SecretId: NAME })).not.toHaveProperty("RotationEnabled");
});

test("an owner that is at work when the secret is deleted writes nothing more", async () => {
  const { rotate, service, token, rotationEvents, events } = managed({
    OwningService: undefined,
    Type: "SalesforceClientSecret",
  });
  rotate({ SecretId: NAME, ClientRequestToken: token });
  service.operations["DeleteSecret"]?.({ SecretId: NAME });
  await service.idle();
  expect(rotationEvents()).toEqual(["RotationStarted"]);
  expect(events.filter(({ detailType }) => detailType === "Secret Label Updated")).toEqual([]);
});

test("a secret that is seeded again gets its owner's new way to rotate, and does not become another one", async () => {
  const { rotate, service, token, value } = managed();
  const again = { Name: NAME, SecretString: '{"password":"first"}' };
  for (const other of [
    { OwningService: "aurora" },
    { Type: "SalesforceClientSecret" },
    { PrimaryRegion: "eu-west-9" },
  ]) {
    expect(() => service.seed({ ...again, ...other })).toThrow(`${NAME} exists with another`);
  }
  service.seed({ ...again, OwningService: "rds", rotate: () => '{"password":"the owner\'s"}' });
  rotate({ SecretId: NAME, ClientRequestToken: token });
  await service.idle();
  expect(value().password).toBe("the owner's");
});

test("an owner that is at work when the account stops writes nothing more", async () => {
  const { rotate, service, token, labels, v1, rotationEvents } = managed();
  rotate({ SecretId: NAME, ClientRequestToken: token });
  service.stop();
  await service.idle();
  expect(labels(NAME, { v1 })).toEqual({ v1: ["AWSCURRENT"] });
  expect(rotationEvents()).toEqual(["RotationStarted"]);
});
