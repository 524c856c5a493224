import { EVENT_SOURCE } from "./blueprint.ts";
import { type EventPlace, objectIn } from "./event-values.ts";
import { busEvent } from "./events.ts";
import { normaliseAwsEvent } from "./normalise-aws-event.ts";
import { normaliseRehearsalPassed, normaliseRehearsalRolledBack, normaliseRequest } from "./normalise-own-event.ts";
import { DETAIL_TYPES } from "./notifications/names.ts";
import { ignored, type RotorEvent } from "./rotor-event.ts";

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
  if (rehearsal !== undefined && bus["detail-type"] === DETAIL_TYPES.SUCCEEDED)
    return normaliseRehearsalPassed(bus, rehearsal);
  const isOurs = bus.account === place.account && bus.region === place.region;
  if (!isOurs) return ignored("it is of another account or Region");
  if (rehearsal !== undefined && bus["detail-type"] === DETAIL_TYPES.ROLLED_BACK)
    return normaliseRehearsalRolledBack(bus, place);
  return bus.source.startsWith("aws.") ? normaliseAwsEvent(bus, place) : normaliseRequest(bus, place);
}
