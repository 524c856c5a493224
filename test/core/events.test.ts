import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { busEvent, rotationTokenOf, secretIdOf } from "../../core/events.ts";

const arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:Appuser-WoDpmU";
const token = "7ac47c8c-f328-423b-9698-6926dd1f293e";
const event = (detail: Record<string, unknown>, resources: readonly string[] = []) =>
  busEvent.parse({ id: "1", source: "aws.secretsmanager", "detail-type": "any", resources, detail });

describe("the secret of an event", () => {
  test.each([
    ["additionalEventData.SecretId", { additionalEventData: { SecretId: arn } }],
    ["additionalEventData.secretId", { additionalEventData: { secretId: arn } }],
    ["serviceEventDetails.secretId", { serviceEventDetails: { secretId: arn }, additionalEventData: null }],
    ["serviceEventDetails.SecretId", { serviceEventDetails: { SecretId: arn } }],
    ["requestParameters.secretId", { requestParameters: { secretId: arn }, responseElements: null }],
    ["responseElements.arn", { responseElements: { arn } }],
    ["responseElements.aRN", { responseElements: { aRN: arn } }],
    ["responseElements.ARN", { responseElements: { ARN: arn } }],
  ])("is found in %s", (_place, detail) => {
    expect(secretIdOf(event(detail))).toBe(arn);
  });

  test("is the reply's full ARN, before what the caller passed", () => {
    expect(secretIdOf(event({ requestParameters: { secretId: "Appuser" }, responseElements: { arn } }))).toBe(arn);
  });

  test("is found in resources, last", () => {
    expect(secretIdOf(event({ labelUpdated: "AWSCURRENT" }, [arn]))).toBe(arn);
    expect(secretIdOf(event({ additionalEventData: { SecretId: arn } }, ["other"]))).toBe(arn);
  });

  test("is not found where there is none, whatever else is there", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (detail) => {
        expect(() => secretIdOf(event(detail))).not.toThrow();
      }),
    );
  });
});

describe("the token of a rotation", () => {
  const started = (requestID: unknown) => event({ additionalEventData: { SecretId: arn }, requestID });

  test("is what follows the secret's ARN in requestID", () => {
    expect(rotationTokenOf(started(`Rotation-${arn}-${token}`))).toBe(token);
  });

  test.each([
    undefined,
    7,
    "",
    token,
    `Rotation-${arn}`,
    `Rotation-${arn}-short`,
    `Rotation-other-${token}`,
    `Rotation-${arn}-${token}\n`,
  ])("is not read from %j, which is not of the known form", (requestID) => {
    expect(rotationTokenOf(started(requestID))).toBeUndefined();
  });
});
