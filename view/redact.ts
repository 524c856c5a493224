import type { HistoryEvent } from "@aws-sdk/client-sfn";
import { PAYLOAD_MEMBERS, type Shape } from "./payload-members.ts";
import { redactText } from "./redact-text.ts";
import type { WireEvent } from "./wire.ts";

export { redactText } from "./redact-text.ts";

/**
 * Events of a history as they may be shown and kept: what of a payload is not known to be harmless is hidden, with what it is in its
 * place, and every text that stays has been through `redactText`. Payloads stay JSON texts, members AWS's, the order as it was. Takes time
 * in proportion to their length. Pure.
 */
export function redactEvents(events: readonly HistoryEvent[]): WireEvent[] {
  // What a state gives, the next one is given: most payloads are in several events.
  const known = new Map<string, string>();
  const payload = (text: string) => {
    const redacted = known.get(text) ?? redactPayload(text);
    known.set(text, redacted);
    return redacted;
  };
  return events.map((event) => ({
    id: event.id ?? 0,
    ...(event.previousEventId === undefined ? {} : { previousEventId: event.previousEventId }),
    timestamp: (event.timestamp ?? new Date(0)).toISOString(),
    type: redactText(event.type ?? ""),
    ...detailsOf(event, payload),
  }));
}

/** A payload's value, such as a step's request or output: members that are not known are hidden. Pure. */
export function redactValue(value: unknown): unknown {
  return shown(value, [], 0);
}

// --- internal ---

type Redact = (text: string) => string;

const DETAILS = /^[A-Za-z]{1,64}EventDetails$/;
/** Of "...EventDetails": numbers and flags stay, too. */
const PAYLOADS = new Set(["input", "output", "parameters"]);
const TEXTS = new Set([
  "name",
  "state",
  "location",
  "error",
  "resource",
  "resourceType",
  "region",
  "roleArn",
  "mapRunArn",
]);
const FLAGS = new Set(["inputDetails", "outputDetails", "assignedVariablesDetails"]);
const NUMBERS = new Set(["index", "length", "timeoutInSeconds", "heartbeatInSeconds", "redriveCount"]);

function detailsOf(event: HistoryEvent, payload: Redact): Readonly<Record<string, unknown>> {
  const found = Object.entries(event).filter(([name, value]) => DETAILS.test(name) && isObject(value));
  return Object.fromEntries(
    found.map(([name, details]) => [
      name,
      Object.fromEntries(
        Object.entries(details)
          .filter(([, value]) => value !== undefined)
          .map(([member, value]) => [nameOf(member, 0), detailOf(member, value, payload)]),
      ),
    ]),
  );
}

function detailOf(member: string, value: unknown, payload: Redact): unknown {
  if (typeof value === "string") {
    if (PAYLOADS.has(member)) return payload(value);
    if (member === "cause") return redactCause(value);
    if (TEXTS.has(member)) return redactText(value);
  }
  if (NUMBERS.has(member) && typeof value === "number") return value;
  if (FLAGS.has(member) && isObject(value)) {
    return Object.fromEntries(Object.entries(value).filter(([, flag]) => typeof flag === "boolean"));
  }
  if (member === "assignedVariables" && isObject(value)) return variablesOf(value);
  return hidden(value);
}

/** By name, each as JSON text. */
function variablesOf(variables: object): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, text], index) => {
      const parsed = parse(String(text));
      const value = parsed === undefined ? unread(String(text)) : shown(parsed.value, shapesOf(name), 0);
      return [nameOf(name, index), JSON.stringify(value)];
    }),
  );
}

function redactPayload(text: string): string {
  const parsed = parse(text);
  return parsed === undefined ? unread(text) : JSON.stringify(redactValue(parsed.value));
}

/** Of a function it is JSON; what Step Functions and Fail states say is for people. What only begins as JSON was cut. */
function redactCause(text: string, depth = 0): string {
  if (!/^\s*["{[]/.test(text)) return redactText(text);
  const parsed = parse(text);
  return parsed === undefined ? unread(text) : JSON.stringify(shown(parsed.value, [], depth));
}

/** Deeper than anything that is ours, and less deep than the stack. */
const DEEPEST = 40;

function shown(value: unknown, shapes: readonly Shape[], depth: number): unknown {
  if (value === null) return null;
  if (typeof value === "string") {
    if (shapes.includes("json")) return depth < DEEPEST ? redactCause(value, depth + 1) : hidden(value);
    return shapes.some((shape) => TEXT_SHAPES[shape]?.test(value)) ? redactText(value) : hidden(value);
  }
  if (typeof value === "number") return shapes.includes("number") ? value : hidden(value);
  if (typeof value === "boolean") return shapes.includes("flag") ? value : hidden(value);
  if (typeof value !== "object" || depth >= DEEPEST) return hidden(value);
  if (Array.isArray(value)) return value.map((each) => shown(each, shapes, depth + 1));
  const isTable = shapes.includes("labels");
  return Object.fromEntries(
    Object.entries(value).map(([name, member], index) => {
      const isListed = isTable ? ID.test(name) : PAYLOAD_MEMBERS.has(name);
      const shape = isTable ? shapes : shapesOf(name);
      return [isListed ? name : nameOf(name, index), isListed ? shown(member, shape, depth + 1) : hidden(member)];
    }),
  );
}

/** Of one case: what generators make has both. */
const ID = /^(?:[0-9a-z-]{32,128}|[0-9A-Z-]{32,128})$/;
/** Words, as names are made of, and no digits. */
const NAME = /^[A-Za-z]{1,24}(?:[ ./_-]{1,2}[A-Za-z]{1,24}){0,8}$/;

const TEXT_SHAPES: Readonly<Partial<Record<Shape, RegExp>>> = {
  id: new RegExp(`${ID.source}|^unknown$`),
  arn: /^arn:[a-z-]{3,20}:[a-z0-9-]{1,40}:[a-z0-9-]{0,40}:\d{0,12}:\S{1,1024}$|^unknown$/,
  time: /^\d{4}-\d\d-\d\dT[\d:.]{1,24}(?:Z|[+-]\d\d:\d\d)$|^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT$/,
  word: new RegExp(`^-?${NAME.source.slice(1, -1)}$|^$|^\\$LATEST$|^\\d{1,6}$`),
  text: /^/,
  labels: /^/,
  number: /^\d{1,15}$/,
};

function shapesOf(name: string): readonly Shape[] {
  return PAYLOAD_MEMBERS.get(name) ?? [];
}

/** A member's name may be somebody's value. */
function nameOf(name: string, index: number): string {
  return PAYLOAD_MEMBERS.has(name) || NAME.test(name) ? name : `hidden ${index + 1}`;
}

function hidden(value: unknown): string {
  if (value === null || value === undefined) return "hidden: null";
  if (Array.isArray(value)) return `hidden: list of ${value.length}`;
  switch (typeof value) {
    case "string":
      return `hidden: text of ${counted(value.length, "character")}`;
    case "object":
      return `hidden: object with ${counted(Object.keys(value).length, "member")}`;
    default:
      return `hidden: ${typeof value}`;
  }
}

function unread(text: string): string {
  return `hidden: no JSON, ${counted(text.length, "character")}`;
}

function counted(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
