import {
  type EventPlace,
  isObject,
  isOwnSecret,
  isOwnStateMachine,
  isVersionId,
  objectIn,
  parseTime,
} from "./event-values.ts";
import { type BusEvent, rotationTokenOf, secretIdOf } from "./events.ts";
import { executionArn as executionArnOf } from "./identity.ts";
import { HEARTBEAT_TAG } from "./reconcile/heartbeat.ts";
import { ignored, ROTATION_STEPS, type RotationStep, type RotorEvent } from "./rotor-event.ts";
import { AWSCURRENT } from "./versions/secret.ts";

/** What AWS says, in every shape that was documented or seen (secrets-manager-rotation 1.2 to 1.4). Pure, in linear time. */
export function normaliseAwsEvent(event: BusEvent, place: EventPlace): RotorEvent {
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
function failureOf(event: BusEvent): { step?: RotationStep; functionArn?: string } {
  const { errorMessage } = event.detail;
  if (typeof errorMessage !== "string") return {};
  const message = errorMessage.slice(0, 1024);
  const step = / during ([A-Za-z]{1,16}) step\b/.exec(message)?.[1];
  return {
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
      return currentMoved(
        event,
        secretId,
        parameters["versionStage"] ?? parameters["VersionStage"],
        parameters["moveToVersionId"] ?? parameters["MoveToVersionId"],
      );
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

const ENDS: readonly unknown[] = ["FAILED", "TIMED_OUT", "ABORTED"];

function executionEnded(event: BusEvent, place: EventPlace): RotorEvent {
  const { executionArn, name, stateMachineArn } = event.detail;
  if (!ENDS.includes(event.detail["status"])) return ignored("the execution runs, or succeeded");
  if (typeof name !== "string" || !/^[\w-]{1,80}$/.test(name)) return ignored("the execution has no name of ours");
  if (!isOwnStateMachine(stateMachineArn, place))
    return ignored("it names no state machine of this account and Region");
  if (executionArn !== executionArnOf(stateMachineArn, name)) return ignored("the execution is a part of another");
  return { kind: "execution-ended", executionName: name, stateMachineArn };
}

function timeOf(event: BusEvent): Date | undefined {
  return parseTime(event.detail["eventTime"]) ?? parseTime(event.time);
}
