import { randomUUID } from "node:crypto";
import { AwsError, type Place } from "../service.ts";
import { PENDING, PREVIOUS } from "./labels.ts";
import { shownMembers } from "./members.ts";
import type { Secret } from "./store.ts";

export interface EmittedEvent {
  readonly source: string;
  readonly detailType: string;
  readonly resources?: readonly string[];
  readonly detail: unknown;
}

export type RotationEventName =
  | "RotationStarted"
  | "RotationSucceeded"
  | "RotationFailed"
  | "RotationAbandoned"
  | "TestRotationStarted"
  | "TestRotationSucceeded"
  | "TestRotationFailed";

export interface Events {
  /** A mutating API call that succeeded on the secret `arn`, or failed. */
  apiCall(
    eventName: string,
    input: unknown,
    outcome: { readonly arn: string | undefined } | { readonly error: unknown },
  ): void;
  /** What Secrets Manager itself did in the rotation with this token. */
  rotation(eventName: RotationEventName, secret: Secret, token: string, errorMessage?: string): void;
  /** The native event, for each of the labels that moved to a version; never for AWSPENDING and AWSPREVIOUS. */
  labelsMoved(secret: Secret, labels: readonly string[], versionId: string): void;
}

/** The three event families of the service, in the shapes that AWS delivers. No event ever carries a value. */
export function createEvents(place: Place, now: () => number, emit: (event: EmittedEvent) => void): Events {
  const record = () => ({
    eventVersion: "1.11",
    eventTime: `${new Date(now()).toISOString().slice(0, 19)}Z`,
    eventSource: "secretsmanager.amazonaws.com",
    awsRegion: place.region,
    eventID: randomUUID(),
    readOnly: false,
    managementEvent: true,
    recipientAccountId: place.accountId,
    eventCategory: "Management",
  });
  return {
    apiCall(eventName, input, outcome) {
      const detail = {
        ...record(),
        eventName,
        eventType: "AwsApiCall",
        userIdentity: { type: "Unknown", accountId: place.accountId },
        sourceIPAddress: "127.0.0.1",
        userAgent: "unknown",
        requestParameters: requestParameters(input),
        responseElements: "arn" in outcome && outcome.arn !== undefined ? { arn: outcome.arn } : null,
        requestID: randomUUID(),
        ...("error" in outcome ? errorMembers(outcome.error) : {}),
      };
      emit({ source: SOURCE, detailType: "AWS API Call via CloudTrail", resources: [], detail });
    },
    rotation(eventName, secret, token, errorMessage) {
      const detail = {
        ...record(),
        eventName,
        eventType: "AwsServiceEvent",
        userIdentity: { accountId: place.accountId, invokedBy: "secretsmanager.amazonaws.com" },
        sourceIPAddress: "secretsmanager.amazonaws.com",
        userAgent: "secretsmanager.amazonaws.com",
        requestParameters: null,
        responseElements: null,
        ...secretMember(secret),
        requestID: `Rotation-${secret.arn}-${token}`,
        ...(errorMessage === undefined ? {} : { errorMessage: truncated(errorMessage) }),
      };
      emit({ source: SOURCE, detailType: "AWS Service Event via CloudTrail", resources: [], detail });
    },
    labelsMoved(secret, labels, versionId) {
      for (const labelUpdated of labels) {
        if (labelUpdated === PENDING || labelUpdated === PREVIOUS) continue;
        const detail = { name: secret.name, labelUpdated, versionId };
        emit({ source: SOURCE, detailType: "Secret Label Updated", resources: [secret.arn], detail });
      }
    },
  };
}

function secretMember({ arn, eventShape = "additionalEventData" }: Secret) {
  if (eventShape === "serviceEventDetails") return { serviceEventDetails: { secretId: arn } };
  return { additionalEventData: { SecretId: arn } };
}

const SOURCE = "aws.secretsmanager";

/** CloudTrail leaves values and tokens out of its records. */
function requestParameters(input: unknown): unknown {
  return lowerCamel(shownMembers(input)) ?? {};
}

function lowerCamel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerCamel);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  const members = Object.entries(value).map(([key, member]) => [
    key.charAt(0).toLowerCase() + key.slice(1),
    lowerCamel(member),
  ]);
  return Object.fromEntries(members);
}

function errorMembers(error: unknown): { errorCode: string; errorMessage?: string } {
  // Anything but an AwsError is a fault of this service: its text may hold anything, so it stays out of the event.
  if (!(error instanceof AwsError)) return { errorCode: "InternalServiceError" };
  return { errorCode: error.name, errorMessage: truncated(error.message) };
}

/** CloudTrail cuts messages at 1 KB. */
function truncated(message: string): string {
  return message.slice(0, 1024);
}
