import { randomUUID } from "node:crypto";
import { EVENT_SOURCE } from "../core/blueprint.ts";
import { INCIDENT_DETECTED, REHEARSAL_REQUESTED, REPAIR_REQUESTED, ROTATION_REQUESTED } from "../core/events.ts";
import type { RULES } from "../core/triggers.ts";

/** What the fixtures are about. */
export interface FixtureSubject {
  readonly account: string;
  readonly region: string;
  readonly secretArn: string;
  readonly secretName: string;
  /** VersionId of AWSCURRENT. */
  readonly currentVersionId: string;
  /** VersionId of the rotation that the event tells of. */
  readonly token: string;
  readonly stateMachineArn: string;
  readonly heartbeatSecretArn: string;
}

/** An event as EventBridge hands it to a target. */
export interface FixtureEvent {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

type Build = (subject: FixtureSubject) => Pick<FixtureEvent, "source" | "detail-type" | "detail"> & {
  readonly resources?: readonly string[];
};

export type FixtureName = keyof typeof FIXTURES;

/** Every event that Rotor knows, by name, in the shape in which it comes (docs/events.md). */
export const FIXTURES = {
  "rotation-requested": ({ secretArn, currentVersionId }) =>
    request(ROTATION_REQUESTED, { secretId: secretArn, expectedVersionId: currentVersionId }),
  "repair-requested": ({ secretArn, token }) => request(REPAIR_REQUESTED, { secretId: secretArn, token }),
  "rehearsal-requested": ({ secretArn, currentVersionId }) =>
    request(REHEARSAL_REQUESTED, { secretId: secretArn, expectedVersionId: currentVersionId }),
  "rotation-started": serviceEvent("RotationStarted"),
  "rotation-succeeded": serviceEvent("RotationSucceeded"),
  "rotation-failed": serviceEvent("RotationFailed", {
    errorMessage: "Error when executing lambda during setSecret step",
  }),
  "rotation-abandoned": serviceEvent("RotationAbandoned"),
  "test-rotation-failed": serviceEvent("TestRotationFailed", {
    errorMessage: "Error when executing lambda during testSecret step",
  }),
  "current-moved": ({ secretArn, secretName, token }) => ({
    source: "aws.secretsmanager",
    "detail-type": "Secret Label Updated",
    resources: [secretArn],
    detail: { name: secretName, labelUpdated: "AWSCURRENT", versionId: token },
  }),
  "current-moved-by-call": ({ secretArn, token }) =>
    apiCall("UpdateSecretVersionStage", {
      requestParameters: { secretId: secretArn, versionStage: "AWSCURRENT", moveToVersionId: token },
    }),
  "rotation-cancelled": ({ secretArn }) =>
    apiCall("CancelRotateSecret", { requestParameters: { secretId: secretArn } }),
  "secret-deleted": ({ secretArn }) => apiCall("DeleteSecret", { requestParameters: { secretId: secretArn } }),
  heartbeat: ({ heartbeatSecretArn }) =>
    apiCall("TagResource", {
      requestParameters: {
        secretId: heartbeatSecretArn,
        tags: [{ key: "rotor:heartbeat", value: new Date().toISOString() }],
      },
    }),
  "execution-ended": ({ stateMachineArn, secretArn, token }) => ({
    source: "aws.states",
    "detail-type": "Step Functions Execution Status Change",
    detail: {
      executionArn: `${stateMachineArn.replace(":stateMachine:", ":execution:")}:none`,
      stateMachineArn,
      name: "none",
      status: "ABORTED",
      input: JSON.stringify({ secretArn, token, mode: "native" }),
    },
  }),
} as const satisfies Readonly<Record<string, Build>>;

/** One event that each rule of the blueprint is there for. */
export const EXAMPLE_OF_RULE: Readonly<Record<(typeof RULES)[number]["name"], Build>> = {
  rotation: FIXTURES["rotation-started"],
  "current-moved": FIXTURES["current-moved"],
  "current-moved-by-call": FIXTURES["current-moved-by-call"],
  "secret-changed": FIXTURES["rotation-cancelled"],
  heartbeat: FIXTURES.heartbeat,
  "execution-ended": FIXTURES["execution-ended"],
  requested: FIXTURES["rotation-requested"],
  rehearsed: () => ({
    source: EVENT_SOURCE,
    "detail-type": "Rotation Succeeded",
    detail: { rehearsal: { digest: "0".repeat(32) } },
  }),
  incident: () => ({ source: EVENT_SOURCE, "detail-type": INCIDENT_DETECTED, detail: {} }),
};

/** The whole event. */
export function buildEvent(build: Build, subject: FixtureSubject): FixtureEvent {
  const { source, resources = [], detail, "detail-type": detailType } = build(subject);
  return {
    ...{ version: "0", id: randomUUID(), "detail-type": detailType, source, account: subject.account },
    ...{ time: `${new Date().toISOString().slice(0, 19)}Z`, region: subject.region, resources, detail },
  };
}

// --- internal ---

function request(detailType: string, detail: Readonly<Record<string, unknown>>) {
  return { source: "rotor.cli", "detail-type": detailType, detail };
}

/** What Secrets Manager itself does, as CloudTrail tells it. */
function serviceEvent(eventName: string, more: Readonly<Record<string, unknown>> = {}): Build {
  return ({ account, region, secretArn, token }) => ({
    source: "aws.secretsmanager",
    "detail-type": "AWS Service Event via CloudTrail",
    detail: {
      userIdentity: { accountId: account, invokedBy: "secretsmanager.amazonaws.com" },
      eventSource: "secretsmanager.amazonaws.com",
      eventName,
      awsRegion: region,
      requestParameters: null,
      responseElements: null,
      additionalEventData: { SecretId: secretArn },
      requestID: `Rotation-${secretArn}-${token}`,
      eventType: "AwsServiceEvent",
      recipientAccountId: account,
      ...more,
    },
  });
}

function apiCall(eventName: string, detail: Readonly<Record<string, unknown>>) {
  return {
    source: "aws.secretsmanager",
    "detail-type": "AWS API Call via CloudTrail",
    detail: { eventSource: "secretsmanager.amazonaws.com", eventName, eventType: "AwsApiCall", ...detail },
  };
}
