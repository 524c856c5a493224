import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ACCOUNT, FUNCTION, REGION, refusal, templateHandler, withSecret } from "./secretsmanager-harness.ts";

const API_CALL = "AWS API Call via CloudTrail";

/** The last API event of that name. */
function lastCall({ named }: Pick<ReturnType<typeof withSecret>, "named">, eventName: string) {
  const event = named([eventName]).at(-1);
  if (!event) throw new Error(`no ${eventName} event`);
  return event;
}

test("a mutating call is recorded with its parameters in lower camel case, the secret's id as the caller gave it, and no value", () => {
  const secret = withSecret();
  const token = randomUUID();
  const rotationToken = randomUUID();
  const request = {
    SecretId: "db",
    ClientRequestToken: token,
    SecretString: "hidden-1",
    VersionStages: ["AWSPENDING"],
  };
  secret.put({ ...request, RotationToken: rotationToken });
  const event = lastCall(secret, "PutSecretValue");
  expect(event).toMatchObject({ source: "aws.secretsmanager", detailType: API_CALL, resources: [] });
  expect(event.detail).toMatchObject({
    eventTime: "2030-01-15T10:30:00Z",
    eventSource: "secretsmanager.amazonaws.com",
    eventName: "PutSecretValue",
    awsRegion: REGION,
    requestParameters: { secretId: "db", clientRequestToken: token, versionStages: ["AWSPENDING"] },
    responseElements: { arn: secret.arn },
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    eventCategory: "Management",
  });
  expect(Object.keys(event.detail.requestParameters).sort()).toEqual([
    "clientRequestToken",
    "secretId",
    "versionStages",
  ]);
  expect(event.detail).not.toHaveProperty("errorCode");

  const wrong = { secretString: "hidden-3", Password: "hidden-4", VersionStages: ["AWSPENDING"] };
  secret.put({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "hidden-5", ...wrong });
  secret.put({ SecretId: secret.arn, ClientRequestToken: randomUUID(), SecretBinary: "aGlkZGVuLTI=" });
  expect(lastCall(secret, "PutSecretValue").detail.requestParameters.secretId).toBe(secret.arn);
  expect(JSON.stringify(secret.events)).not.toMatch(/hidden|aGlkZGVu/);
  expect(JSON.stringify(secret.events)).not.toContain(rotationToken);
});

test("every mutating operation is recorded, and no reading one", async () => {
  const secret = withSecret();
  const { create, put, update, stage, rotate, cancel, tag, untag, remove, describe, get, list, versions, events, v1 } =
    secret;
  create({ Name: "other", SecretString: "x", ClientRequestToken: randomUUID() });
  const v2 = randomUUID();
  put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2" });
  update({ SecretId: "db", ClientRequestToken: randomUUID(), SecretString: "3" });
  stage({ SecretId: "db", VersionStage: "MINE", MoveToVersionId: v1 });
  rotate({
    SecretId: "db",
    ClientRequestToken: randomUUID(),
    RotationLambdaARN: FUNCTION,
    RotationRules: { AutomaticallyAfterDays: 7 },
  });
  cancel({ SecretId: "db" });
  tag({ SecretId: "db", Tags: [{ Key: "team", Value: "a" }] });
  untag({ SecretId: "db", TagKeys: ["team"] });
  describe({ SecretId: "db" });
  get({ SecretId: "db" });
  list({});
  versions({ SecretId: "db" });
  remove({ SecretId: "db" });
  await secret.service.idle();
  const calls = events.filter((event) => event.detailType === API_CALL);
  expect(calls.map(({ detail }) => detail.eventName)).toEqual([
    "CreateSecret",
    "PutSecretValue",
    "UpdateSecret",
    "UpdateSecretVersionStage",
    "RotateSecret",
    "CancelRotateSecret",
    "TagResource",
    "UntagResource",
    "DeleteSecret",
  ]);
  for (const { detail } of calls.slice(1)) expect(detail.responseElements).toEqual({ arn: secret.arn });
  expect(lastCall(secret, "UpdateSecretVersionStage").detail.requestParameters).toEqual({
    secretId: "db",
    versionStage: "MINE",
    moveToVersionId: v1,
  });
  expect(lastCall(secret, "RotateSecret").detail.requestParameters).toMatchObject({
    rotationLambdaARN: FUNCTION,
    rotationRules: { automaticallyAfterDays: 7 },
  });
  expect(lastCall(secret, "TagResource").detail.requestParameters.tags).toEqual([{ key: "team", value: "a" }]);
});

test("a refused call is recorded with the error and without a reply, and moves no label", () => {
  const secret = withSecret();
  const { name, message } = refusal(() =>
    secret.put({ SecretId: "db", ClientRequestToken: secret.v1, SecretString: "hidden" }),
  );
  expect(secret.events).toHaveLength(1);
  expect(lastCall(secret, "PutSecretValue").detail).toMatchObject({
    errorCode: name,
    errorMessage: message,
    requestParameters: { secretId: "db", clientRequestToken: secret.v1 },
    responseElements: null,
  });
  expect(JSON.stringify(secret.events)).not.toContain("hidden");
  expect(() => secret.put({ SecretId: "none" })).toThrow();
  expect(lastCall(secret, "PutSecretValue").detail.errorCode).toBe("InvalidRequestException");
});

test("rotation events have AWS's envelope: the ARN in SecretId, the token in requestID, null parameters, no resources", async () => {
  const secret = withSecret();
  secret.onInvoke(templateHandler(() => secret));
  const token = randomUUID();
  secret.rotate({ SecretId: "db", ClientRequestToken: token, RotationLambdaARN: FUNCTION });
  await secret.service.idle();
  const events = secret.named(["RotationStarted", "RotationSucceeded"]);
  expect(events.map(({ detail }) => detail.eventName)).toEqual(["RotationStarted", "RotationSucceeded"]);
  for (const event of events) {
    expect(event).toMatchObject({
      source: "aws.secretsmanager",
      detailType: "AWS Service Event via CloudTrail",
      resources: [],
    });
    expect(event.detail).toEqual({
      eventVersion: expect.any(String),
      userIdentity: { accountId: ACCOUNT, invokedBy: "secretsmanager.amazonaws.com" },
      eventTime: "2030-01-15T10:30:00Z",
      eventSource: "secretsmanager.amazonaws.com",
      eventName: event.detail.eventName,
      awsRegion: REGION,
      sourceIPAddress: "secretsmanager.amazonaws.com",
      userAgent: "secretsmanager.amazonaws.com",
      requestParameters: null,
      responseElements: null,
      additionalEventData: { SecretId: secret.arn },
      requestID: `Rotation-${secret.arn}-${token}`,
      eventID: expect.stringMatching(/^[0-9a-f-]{36}$/),
      readOnly: false,
      eventType: "AwsServiceEvent",
      managementEvent: true,
      recipientAccountId: ACCOUNT,
      eventCategory: "Management",
    });
  }
});

test("RotateSecret is recorded before RotationStarted, and each event tells of a change that has happened", async () => {
  const order: string[] = [];
  const secret = withSecret();
  secret.onInvoke((invocation) => {
    order.push(
      ...secret.events.splice(0).map(({ detail }) => detail.eventName ?? detail.labelUpdated),
      invocation.Step,
    );
    return templateHandler(() => secret)(invocation);
  });
  secret.rotate({ SecretId: "db", ClientRequestToken: randomUUID(), RotationLambdaARN: FUNCTION });
  await secret.service.idle();
  order.push(...secret.events.map(({ detail }) => detail.eventName ?? detail.labelUpdated));
  expect(order).toEqual([
    "RotateSecret",
    "RotationStarted",
    "createSecret",
    "PutSecretValue",
    "setSecret",
    "testSecret",
    "finishSecret",
    "AWSCURRENT",
    "UpdateSecretVersionStage",
    "RotationSucceeded",
  ]);
});

test("Secret Label Updated tells of every label that moved to a version, except AWSPENDING and AWSPREVIOUS", () => {
  const secret = withSecret();
  const v2 = randomUUID();
  const stages = ["AWSPENDING", "ROTATION_CANDIDATE"];
  secret.put({ SecretId: "db", ClientRequestToken: v2, SecretString: "2", VersionStages: stages });
  secret.stage({ SecretId: "db", VersionStage: "AWSCURRENT", RemoveFromVersionId: secret.v1, MoveToVersionId: v2 });
  secret.stage({ SecretId: "db", VersionStage: "AWSPENDING", RemoveFromVersionId: v2 });
  secret.stage({ SecretId: "db", VersionStage: "ROTATION_CANDIDATE", RemoveFromVersionId: v2 });
  expect(secret.labelEvents()).toEqual([
    {
      source: "aws.secretsmanager",
      detailType: "Secret Label Updated",
      resources: [secret.arn],
      detail: { name: "db", labelUpdated: "ROTATION_CANDIDATE", versionId: v2 },
    },
    {
      source: "aws.secretsmanager",
      detailType: "Secret Label Updated",
      resources: [secret.arn],
      detail: { name: "db", labelUpdated: "AWSCURRENT", versionId: v2 },
    },
  ]);
});

test("the first AWSCURRENT of a new secret is a label event too", () => {
  const { create, labelEvents } = withSecret();
  const token = randomUUID();
  const { ARN } = create({ Name: "new", SecretString: "x", ClientRequestToken: token });
  expect(labelEvents()).toMatchObject([
    { resources: [ARN], detail: { name: "new", labelUpdated: "AWSCURRENT", versionId: token } },
  ]);
});
