import type { ZodType, z } from "zod";
import { EVENT_SOURCE } from "./blueprint.ts";
import { RotationError } from "./errors.ts";
import {
  type EventPlace,
  isObject,
  isOwnSecret,
  isOwnStateMachine,
  isSecretName,
  isVersionId,
  objectIn,
  parseTime,
  placeOfSecret,
} from "./event-values.ts";
import {
  type BusEvent,
  busEvent,
  REHEARSAL_REQUESTED,
  REPAIR_REQUESTED,
  type RehearsalRequested,
  type RepairRequested,
  ROTATION_REQUESTED,
  type RotationRequested,
  rehearsalRequested,
  repairRequested,
  rotationRequested,
  rotationTokenOf,
  secretIdOf,
} from "./events.ts";
import { executionArn as executionArnOf } from "./identity.ts";
import { DETAIL_TYPES } from "./notifications/schema.ts";
import { explain } from "./policies.ts";
import { HEARTBEAT_TAG } from "./reconcile/heartbeat.ts";
import { AWSCURRENT } from "./versions/secret.ts";

export const ROTATION_STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number];

/**
 * What an event says, in one form for every shape it comes in. `secretId` is a name or an ARN of this account and Region,
 * perhaps a partial one: CloudTrail has what the caller passed. `at` is when it happened, if the event says so.
 */
export type RotorEvent =
  | { readonly kind: "rotation-started"; readonly secretId: string; readonly token?: string; readonly at?: Date }
  | { readonly kind: "rotation-succeeded"; readonly secretId: string; readonly token?: string; readonly at?: Date }
  | {
      readonly kind: "rotation-failed";
      readonly eventName: "RotationFailed" | "RotationAbandoned" | "TestRotationFailed";
      readonly secretId: string;
      readonly token?: string;
      /** The step and the rotation function, where AWS's message names them: why it failed, it never says. */
      readonly step?: RotationStep;
      readonly functionArn?: string;
      /** At most 1,024 characters, as CloudTrail cuts it. */
      readonly message?: string;
      readonly at?: Date;
    }
  /** AWSCURRENT was put on this version, by whomever. */
  | { readonly kind: "current-moved"; readonly secretId: string; readonly versionId: string; readonly at?: Date }
  | { readonly kind: "rotation-cancelled"; readonly secretId: string; readonly at?: Date }
  | { readonly kind: "secret-deleted"; readonly secretId: string; readonly at?: Date }
  /** Our own tag has come back through the trail; `sentAt` is its value. */
  | { readonly kind: "heartbeat"; readonly secretId: string; readonly sentAt: string }
  | {
      readonly kind: "execution-ended";
      readonly executionArn: string;
      readonly executionName: string;
      readonly stateMachineArn: string;
      readonly status: "FAILED" | "TIMED_OUT" | "ABORTED";
      readonly at?: Date;
    }
  | { readonly kind: "rotation-requested"; readonly request: RotationRequested }
  | { readonly kind: "repair-requested"; readonly request: RepairRequested }
  | { readonly kind: "rehearsal-requested"; readonly request: RehearsalRequested }
  /** The first part of a rehearsal here was taken back. */
  | { readonly kind: "rehearsal-rolled-back"; readonly secretArn: string; readonly token: string }
  /** A rehearsal was passed, here or in any other account and Region: whether that one counts is for a policy to say. */
  | {
      readonly kind: "rehearsal-passed";
      readonly account: string;
      readonly secretArn: string;
      readonly secretName?: string;
      readonly strategy: string;
      readonly digest: string;
      readonly at: Date;
    }
  | { readonly kind: "ignored"; readonly reason: string };

/**
 * Turns whatever came into one internal event, or says why it is nothing to us. Anything may come: of AWS's events some
 * are documented, some were only seen, and several wrong shapes are about (secrets-manager-rotation 1.2 to 1.4). What AWS
 * says is believed only of AWS's sources, which nobody else can put on a bus; what a rehearsal says only of ours; a request
 * from anybody but them. Reasons repeat nothing of the event. Pure, in linear time.
 *
 * @throws RotationError EventInvalid: one of our three requests is not of its schema; names the field
 */
export function normaliseEvent(event: unknown, place: EventPlace): RotorEvent {
  const parsed = busEvent.safeParse(event);
  if (!parsed.success) return ignored("it has not the form of an EventBridge event");
  const bus = parsed.data;
  const rehearsal = bus.source === EVENT_SOURCE ? objectIn(bus.detail, "rehearsal") : undefined;
  if (rehearsal !== undefined && bus["detail-type"] === DETAIL_TYPES.SUCCEEDED) return rehearsalPassed(bus, rehearsal);
  const isOurs = bus.account === place.account && bus.region === place.region;
  if (!isOurs) return ignored("it is of another account or Region");
  if (rehearsal !== undefined && bus["detail-type"] === DETAIL_TYPES.ROLLED_BACK) return rolledBack(bus, place);
  return bus.source.startsWith("aws.") ? fromAws(bus, place) : fromRequester(bus, place);
}

// --- AWS's events ---

function fromAws(event: BusEvent, place: EventPlace): RotorEvent {
  const type = event["detail-type"];
  if (event.source === "aws.states" && type === "Step Functions Execution Status Change")
    return executionEnded(event, place);
  if (event.source !== "aws.secretsmanager") return ignored("its source is of no interest");
  const eventSource = event.detail["eventSource"];
  if (eventSource !== undefined && eventSource !== "secretsmanager.amazonaws.com") {
    return ignored("it records what another service did");
  }
  const secretId = secretIdOf(event);
  if (secretId === undefined) return ignored("it names no secret");
  if (!isOwnSecret(secretId, place)) return ignored("it names no secret of this account and Region");
  switch (type) {
    case "AWS Service Event via CloudTrail":
      return serviceEvent(event, secretId);
    case "AWS API Call via CloudTrail":
      return apiCall(event, secretId);
    case "Secret Label Updated":
      return currentMoved(event, secretId, event.detail["labelUpdated"], event.detail["versionId"]);
    default:
      return ignored("its detail-type is of no interest");
  }
}

function serviceEvent(event: BusEvent, secretId: string): RotorEvent {
  const { eventName } = event.detail;
  const about = { secretId, token: rotationTokenOf(event), at: timeOf(event) };
  switch (eventName) {
    case "RotationStarted":
      return { kind: "rotation-started", ...about };
    case "RotationSucceeded":
      return { kind: "rotation-succeeded", ...about };
    case "RotationFailed":
    case "RotationAbandoned":
    case "TestRotationFailed":
      return { kind: "rotation-failed", eventName, ...about, ...failureOf(event) };
    default:
      return ignored("nothing follows from this service event");
  }
}

/** "Error when executing lambda <ARN> during <step> step": seen, not documented, and cut off anywhere by CloudTrail. */
function failureOf(event: BusEvent): { step?: RotationStep; functionArn?: string; message?: string } {
  const { errorMessage } = event.detail;
  if (typeof errorMessage !== "string") return {};
  const message = errorMessage.slice(0, 1024);
  const step = / during ([A-Za-z]{1,16}) step\b/.exec(message)?.[1];
  return {
    message,
    step: ROTATION_STEPS.find((each) => each === step),
    // Only up to a space: an ARN at the end may have been cut.
    functionArn: / lambda (arn:aws[a-z-]{0,16}:lambda:[a-z0-9-]{1,32}:\d{12}:function:[\w$:-]{1,256}) /.exec(
      message,
    )?.[1],
  };
}

function apiCall(event: BusEvent, secretId: string): RotorEvent {
  const { eventName, errorCode } = event.detail;
  if (errorCode !== undefined && errorCode !== null) return ignored("the API call failed");
  const parameters = objectIn(event.detail, "requestParameters") ?? {};
  const at = timeOf(event);
  switch (eventName) {
    case "UpdateSecretVersionStage":
      return currentMoved(event, secretId, parameters["versionStage"], parameters["moveToVersionId"]);
    case "CancelRotateSecret":
      return { kind: "rotation-cancelled", secretId, at };
    case "DeleteSecret":
      return { kind: "secret-deleted", secretId, at };
    case "TagResource":
      return heartbeat(secretId, parameters["tags"]);
    default:
      return ignored("nothing follows from this API call");
  }
}

function currentMoved(event: BusEvent, secretId: string, label: unknown, versionId: unknown): RotorEvent {
  if (label !== AWSCURRENT) return ignored("the label is not AWSCURRENT");
  if (!isVersionId(versionId)) return ignored("it names no version that AWSCURRENT was put on");
  return { kind: "current-moved", secretId, versionId, at: timeOf(event) };
}

function heartbeat(secretId: string, tags: unknown): RotorEvent {
  for (const tag of Array.isArray(tags) ? tags : []) {
    const { key, Key = key, value, Value = value } = isObject(tag) ? tag : {};
    if (Key === HEARTBEAT_TAG && typeof Value === "string") return { kind: "heartbeat", secretId, sentAt: Value };
  }
  return ignored("the tags are not the heartbeat's");
}

const ENDS = ["FAILED", "TIMED_OUT", "ABORTED"] as const;

function executionEnded(event: BusEvent, place: EventPlace): RotorEvent {
  const { executionArn, name, stateMachineArn } = event.detail;
  const status = ENDS.find((each) => each === event.detail["status"]);
  if (status === undefined) return ignored("the execution runs, or succeeded");
  if (typeof name !== "string" || !/^[\w-]{1,80}$/.test(name)) return ignored("the execution has no name of ours");
  if (!isOwnStateMachine(stateMachineArn, place))
    return ignored("it names no state machine of this account and Region");
  if (executionArn !== executionArnOf(stateMachineArn, name)) return ignored("the execution is a part of another");
  return { kind: "execution-ended", executionArn, executionName: name, stateMachineArn, status, at: timeOf(event) };
}

// --- our own events ---

function fromRequester(event: BusEvent, place: EventPlace): RotorEvent {
  const request = requestOf(event);
  if (request === undefined) return ignored("nothing follows from this event");
  if (!isOwnSecret(request.request.secretId, place)) return ignored("it names no secret of this account and Region");
  return request;
}

function requestOf(event: BusEvent): Extract<RotorEvent, { readonly request: unknown }> | undefined {
  switch (event["detail-type"]) {
    case ROTATION_REQUESTED:
      return { kind: "rotation-requested", request: parseRequest(rotationRequested, event) };
    case REPAIR_REQUESTED:
      return { kind: "repair-requested", request: parseRequest(repairRequested, event) };
    case REHEARSAL_REQUESTED:
      return { kind: "rehearsal-requested", request: parseRequest(rehearsalRequested, event) };
    default:
      return undefined;
  }
}

function parseRequest<S extends ZodType>(schema: S, event: BusEvent): z.output<S> {
  const parsed = schema.safeParse(event.detail);
  if (parsed.success) return parsed.data;
  const problems = explain(parsed.error).slice(0, 500);
  throw new RotationError(
    "EventInvalid",
    `"${event["detail-type"]}" ${event.id.slice(0, 64)}: ${problems} Nothing was started.`,
  );
}

function rolledBack(event: BusEvent, place: EventPlace): RotorEvent {
  const { arn, token } = rotationIn(event);
  if (placeOfSecret(arn) === undefined || !isOwnSecret(arn, place) || !isVersionId(token)) {
    return ignored("it names no rotation of this account and Region");
  }
  return { kind: "rehearsal-rolled-back", secretArn: arn, token };
}

function rehearsalPassed(event: BusEvent, rehearsal: Readonly<Record<string, unknown>>): RotorEvent {
  const { account } = event;
  const { arn, name } = rotationIn(event);
  const { digest, strategy, rollbackProved } = rehearsal;
  const at = parseTime(rehearsal["at"]);
  if (rollbackProved !== true) return ignored("the rehearsal does not prove a rollback");
  // EventBridge says which account an event came from, and its producer which secret it is about.
  if (account === undefined || typeof arn !== "string" || placeOfSecret(arn)?.account !== account) {
    return ignored("the rehearsal names no secret of the account that it came from");
  }
  if (typeof digest !== "string" || !/^[0-9a-f]{16,64}$/.test(digest)) return ignored("the rehearsal has no digest");
  if (typeof strategy !== "string" || !/^[\w-]{1,64}$/.test(strategy)) return ignored("the rehearsal has no strategy");
  if (at === undefined) return ignored("the rehearsal has no time");
  const secretName = isSecretName(name) ? name : undefined;
  return { kind: "rehearsal-passed", account, secretArn: arn, secretName, strategy, digest, at };
}

/** What an outcome's event says of its rotation. */
function rotationIn(event: BusEvent): { readonly arn: unknown; readonly name: unknown; readonly token: unknown } {
  const data = objectIn(event.detail, "data") ?? {};
  const secret = objectIn(data, "secret") ?? {};
  return { arn: secret["arn"], name: secret["name"], token: objectIn(data, "rotation")?.["token"] };
}

// --- internal ---

function timeOf(event: BusEvent): Date | undefined {
  return parseTime(event.detail["eventTime"]) ?? parseTime(event.time);
}

function ignored(reason: string): RotorEvent {
  return { kind: "ignored", reason };
}
