import { RotationError } from "./errors.ts";
import { type EventPlace, isOwnSecret, isVersionId, objectIn, parseTime, placeOfSecret } from "./event-values.ts";
import {
  type BusEvent,
  REHEARSAL_REQUESTED,
  REPAIR_REQUESTED,
  ROTATION_REQUESTED,
  rehearsalRequested,
  repairRequested,
  rotationRequested,
} from "./events.ts";
import { parse, type Schema } from "./parse.ts";
import { ignored, type RotorEvent } from "./rotor-event.ts";

/**
 * A request, from whomever may put events on the rotation bus.
 *
 * @throws RotationError EventInvalid: it is not of its schema; names the field
 */
export function normaliseRequest(event: BusEvent, place: EventPlace): RotorEvent {
  const request = requestOf(event);
  if (request === undefined) return ignored("nothing follows from this event");
  if (!isOwnSecret(request.request.secretId, place)) return ignored("it names no secret of this account and Region");
  return request;
}

/** The first part of a rehearsal here was taken back. */
export function normaliseRehearsalRolledBack(event: BusEvent, place: EventPlace): RotorEvent {
  const { arn, token } = rotationIn(event);
  if (placeOfSecret(arn) === undefined || !isOwnSecret(arn, place) || !isVersionId(token)) {
    return ignored("it names no rotation of this account and Region");
  }
  return { kind: "rehearsal-rolled-back", secretArn: arn, token, at: parseTime(event.time) };
}

/** A rehearsal was passed, here or elsewhere. Its event names a secret of the account that it came from. */
export function normaliseRehearsalPassed(event: BusEvent, rehearsal: Readonly<Record<string, unknown>>): RotorEvent {
  const { account } = event;
  const { arn } = rotationIn(event);
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
  return { kind: "rehearsal-passed", account, secretArn: arn, digest, at };
}

function requestOf(event: BusEvent): Extract<RotorEvent, { readonly request: unknown }> | undefined {
  const at = parseTime(event.time);
  switch (event["detail-type"]) {
    case ROTATION_REQUESTED:
      return { kind: "rotation-requested", request: parseRequest(rotationRequested, event), at };
    case REPAIR_REQUESTED:
      return { kind: "repair-requested", request: parseRequest(repairRequested, event), at };
    case REHEARSAL_REQUESTED:
      return { kind: "rehearsal-requested", request: parseRequest(rehearsalRequested, event), at };
    default:
      return undefined;
  }
}

function parseRequest<T>(schema: Schema<T>, event: BusEvent): T {
  const parsed = parse(schema, event.detail);
  if (parsed.success) return parsed.data;
  const problems = parsed.problems.slice(0, 500);
  throw new RotationError(
    "EventInvalid",
    `"${event["detail-type"]}" ${event.id.slice(0, 64)}: ${problems} Nothing was started.`,
  );
}

/** What an outcome's event says of its rotation. */
function rotationIn(event: BusEvent): { readonly arn: unknown; readonly token: unknown } {
  const data = objectIn(event.detail, "data") ?? {};
  const secret = objectIn(data, "secret") ?? {};
  return { arn: secret["arn"], token: objectIn(data, "rotation")?.["token"] };
}
