import { randomUUID } from "node:crypto";
import { NO_JOURNAL } from "../journal.ts";
import {
  createEventDelivery,
  type DeadLetter,
  type DeliveryOptions,
  type EventChaos,
  type EventTarget,
} from "./event-delivery.ts";
import { parsePattern } from "./event-pattern.ts";
import { createEventRules } from "./event-rules.ts";
import { constraint, required, validation } from "./event-validation.ts";
import { isObject, parseJson } from "./json.ts";
import type { BusEvent, Place, Service } from "./service.ts";

export type { EventChaos, EventTarget } from "./event-delivery.ts";

export interface EventsOptions extends Place, DeliveryOptions {}

/** An event as another service of the account puts it. `time` is now and `bus` is default if absent. */
export interface PutEvent {
  readonly source: string;
  readonly detailType: string;
  readonly resources?: readonly string[];
  readonly detail: unknown;
  readonly time?: Date;
  readonly bus?: string;
  /** The account it comes from, whose own rule has sent it here. This one if absent. */
  readonly account?: string;
}

export interface Events extends Service {
  /** Puts an event, sources beginning with "aws." included. Returns before any target is invoked. */
  put(event: PutEvent): BusEvent;
  /** Every event that this process accepted or that a schedule made, oldest first, those for a bus that does not exist included. */
  seen(): readonly (BusEvent & { readonly bus: string })[];
  /** How many those are. */
  accepted(): number;
  /** Deliveries given up, or only those in one queue: the `DeadLetterConfig.Arn` of their targets. */
  deadLetters(queueArn?: string): readonly DeadLetter[];
  /** Does this to every delivery from now on, in place of what was being done, until disposed. */
  disturb(chaos: EventChaos): Disposable;
  /** Takes back what an earlier process kept. Deliveries and schedules go on when `resumed` resolves true. */
  recover(resumed: Promise<boolean>): void;
  /** Resolves when no delivery is held, delayed, running or between two tries. Schedules are not waited for. */
  idle(): Promise<void>;
  /** Ends every delivery between two tries, and all schedules. No target is invoked after it. */
  stop(): void;
}

/**
 * EventBridge, as far as rules with an event pattern or a schedule go. A schedule fires when the account's clock passes
 * its time; virtual time does not jump to it.
 */
export function createEvents(options: EventsOptions): Events {
  const { region, accountId, clock, journal = NO_JOURNAL } = options;
  const rules = createEventRules({ ...options, fire });
  const delivery = createEventDelivery(options);
  const seen: (BusEvent & { readonly bus: string })[] = [];

  return {
    name: "events",
    operations: {
      PutEvents: (input) => journal.together(() => putEvents(input)),
      TestEventPattern: testEventPattern,
      ...rules.operations,
    },
    put,
    seen: () => [...seen],
    accepted: () => seen.length,
    deadLetters: delivery.deadLetters,
    disturb: delivery.disturb,
    recover(resumed) {
      rules.recover(resumed);
      delivery.recover(resumed);
    },
    idle: delivery.idle,
    stop() {
      rules.stop();
      delivery.stop();
    },
  };

  function putEvents(input: { Entries?: readonly Entry[] }) {
    const entries = input.Entries ?? [];
    if (entries.length === 0) constraint("entries", "have length greater than or equal to 1");
    if (entries.length > 10) constraint("entries", "have length less than or equal to 10");
    if (entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > MAXIMUM_REQUEST_BYTES) {
      validation("Total size of the entries in the request is over the limit.");
    }
    const results = entries.map(putEntry);
    return { FailedEntryCount: results.filter((result) => "ErrorCode" in result).length, Entries: results };
  }

  function putEntry(entry: Entry) {
    for (const name of ["Source", "DetailType", "Detail"] as const) {
      if (!entry[name]) return notValid(name, `${name} is a required argument.`);
    }
    const { Source: source = "", DetailType: detailType = "", Resources: resources = [] } = entry;
    if (source.startsWith("aws.")) {
      return failed("NotAuthorizedForSourceException", "Not authorized for the source.");
    }
    const detail = parseJson(entry.Detail ?? "");
    if (!isObject(detail)) return failed("MalformedDetail", "Detail is malformed.");
    const time = timeOf(entry, clock.now());
    if (Number.isNaN(time.getTime())) return notValid("Time", "Time is not a timestamp.");
    return { EventId: put({ source, detailType, resources, detail, time, bus: rules.busName(entry.EventBusName) }).id };
  }

  /** AWS accepts an event for a bus that does not exist, answers with an EventId and drops it. So does this. */
  function put(given: PutEvent): BusEvent {
    const { bus = "default" } = given;
    const event = accept(given, bus);
    journal.together(() => {
      for (const { ruleArn, target } of rules.targetsFor(bus, event)) delivery.start(ruleArn, target, event);
    });
    return structuredClone(event);
  }

  /** A schedule's event goes to the targets of its own rule only. */
  function fire(ruleArn: string, targets: readonly EventTarget[]): void {
    const scheduled = { source: "aws.events", detailType: "Scheduled Event", resources: [ruleArn], detail: {} };
    const event = accept(scheduled, "default");
    for (const target of targets) delivery.start(ruleArn, target, event);
  }

  function accept(
    { source, detailType, resources = [], detail, time, account = accountId }: PutEvent,
    bus: string,
  ): BusEvent {
    const event: BusEvent = JSON.parse(
      JSON.stringify({
        version: "0",
        id: randomUUID(),
        "detail-type": detailType,
        source,
        account,
        time: `${(time ?? new Date(clock.now())).toISOString().slice(0, 19)}Z`,
        region,
        resources,
        detail,
      }),
    );
    seen.push({ ...event, bus });
    return event;
  }

  function testEventPattern(input: { EventPattern?: string; Event?: string }) {
    const pattern = parsePattern(required("EventPattern", input.EventPattern));
    const event = parseJson(required("Event", input.Event));
    const complete = ["id", "account", "source", "time", "region", "detail-type"];
    if (!isObject(event) || complete.some((name) => !Object.hasOwn(event, name))) {
      validation("Parameter Event is not valid.");
    }
    return { Result: pattern.matches(event) };
  }
}

// --- internal ---

interface Entry {
  readonly Source?: string;
  readonly DetailType?: string;
  readonly Detail?: string;
  readonly Resources?: readonly string[];
  readonly EventBusName?: string;
  /** Seconds since the epoch, as the wire has it, or a date. */
  readonly Time?: number | string | Date;
}

/** Bytes: "PutEvents request size" of the EventBridge quotas. */
const MAXIMUM_REQUEST_BYTES = 1_048_576;

/** As the User Guide counts it ("Calculating PutEvents event entry size"). */
function sizeOf(entry: Entry): number {
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])];
  const time = entry.Time === undefined ? 0 : 14;
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), time);
}

function timeOf({ Time: time }: Entry, now: number): Date {
  return new Date(typeof time === "number" ? time * 1000 : (time ?? now));
}

function notValid(member: string, reason: string) {
  return failed("InvalidArgument", `Parameter ${member} is not valid. Reason: ${reason}`);
}

function failed(ErrorCode: string, ErrorMessage: string) {
  return { ErrorCode, ErrorMessage };
}
