import { type EventPattern, parsePattern } from "./event-pattern.ts";
import { isObject, parseJson } from "./json.ts";
import { AwsError } from "./service.ts";

export interface MessageAttribute {
  /** String, String.Array or Number, each possibly with a suffix of the sender's own ("Number.int"). */
  readonly DataType: string;
  readonly StringValue: string;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

export interface PublishInput {
  readonly TopicArn?: string;
  readonly TargetArn?: string;
  readonly Message?: string;
  readonly Subject?: string;
  readonly MessageStructure?: string;
  readonly MessageAttributes?: Readonly<Record<string, Partial<MessageAttribute>>>;
}

/** A message as it was published. With MessageStructure "json", `Message` is the default entry. */
export interface Message {
  readonly MessageId: string;
  readonly TopicArn: string;
  readonly Subject?: string;
  readonly Message: string;
  readonly MessageAttributes: MessageAttributes;
  /** ISO 8601 with milliseconds. */
  readonly Timestamp: string;
}

/** A message that passed the checks. `bodies` is one per protocol, with "default" for all others. */
export interface CheckedMessage {
  readonly subject: string | undefined;
  readonly bodies: ReadonlyMap<string, string>;
  readonly attributes: MessageAttributes;
}

/**
 * Checks what Publish is given, by the rules of its API reference: body and attributes within 262,144 bytes together, a
 * subject of under 100 characters without line breaks or control characters, attributes of known types.
 *
 * "Message attributes are sent only when the message structure is String, not JSON" (Developer Guide): with
 * MessageStructure "json" they are dropped here.
 *
 * Throws AwsError InvalidParameter or, for an attribute, ParameterValueInvalid.
 */
export function checkMessage(input: PublishInput): CheckedMessage {
  const { Message: text = "", Subject: subject, MessageStructure: structure } = input;
  if (text === "") invalidParameter("Empty message");
  if (subject !== undefined && !isSubject(subject)) invalidParameter("Subject");
  if (structure !== undefined && structure !== "json") invalidParameter("MessageStructure");
  const attributes = Object.fromEntries(
    Object.entries(input.MessageAttributes ?? {}).map(([name, attribute]) => [name, checkAttribute(name, attribute)]),
  );
  const parts = Object.entries(attributes).flatMap(([name, { DataType, StringValue }]) => [
    name,
    DataType,
    StringValue,
  ]);
  const bytes = [text, ...parts].reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  if (bytes > MAXIMUM_BYTES) invalidParameter("Message too long");
  if (structure !== "json") return { subject, bodies: new Map([["default", text]]), attributes };
  return { subject, bodies: bodiesOf(text), attributes: {} };
}

/** A subscription's filter: is this message for it? Both scopes of FilterPolicyScope. */
export interface MessageFilter {
  accepts(body: string, attributes: MessageAttributes): boolean;
}

/** Throws AwsError InvalidParameter with the matcher's reason. `scope` is a subscription's FilterPolicyScope. */
export function parseFilter(policy: string, scope: string): MessageFilter {
  if (scope !== "MessageAttributes" && scope !== "MessageBody") {
    invalidParameter("FilterPolicyScope: Invalid value. Please use either MessageBody or MessageAttributes");
  }
  const parsed = parseJson(policy);
  if (!isObject(parsed)) invalidParameter("FilterPolicy: failed to parse JSON.");
  if (Object.keys(parsed).length === 0) return { accepts: () => true };
  const pattern = patternOf(parsed);
  if (Object.keys(parsed).length > 5) invalidParameter("FilterPolicy: Filter policy can not have more than 5 keys");
  const lists = Object.values(parsed).filter(Array.isArray);
  if (lists.reduce((product, list) => product * list.length, 1) > 150) {
    invalidParameter("FilterPolicy: Filter policy is too complex");
  }
  if (scope === "MessageBody") {
    return {
      accepts(body) {
        const value = parseJson(body);
        return isObject(value) && pattern.matches(value);
      },
    };
  }
  for (const [key, value] of Object.entries(parsed)) {
    if (isObject(value)) {
      invalidParameter("FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy");
    }
    if (key !== "$or" && !Array.isArray(value))
      invalidParameter(`FilterPolicy: "${key}" must be an object or an array`);
  }
  return { accepts: (_body, attributes) => pattern.matches(filterable(attributes)) };
}

export function invalidParameter(reason: string): never {
  throw new AwsError("InvalidParameter", `Invalid parameter: ${reason}`);
}

// --- internal ---

const MAXIMUM_BYTES = 262_144;

function isSubject(subject: string): boolean {
  const length = [...subject].length;
  return length > 0 && length < 100 && !/[\p{Cc}\u2028\u2029]/u.test(subject);
}

function checkAttribute(name: string, attribute: Partial<MessageAttribute>): MessageAttribute {
  const { DataType: type = "", StringValue: value } = attribute;
  if (!/^(?!aws\.|amazon\.)(?!.*\.\.)(?!\.)[\w.-]{1,256}(?<!\.)$/i.test(name)) {
    invalidAttribute(`The message attribute name '${name.slice(0, 256)}' is not valid.`);
  }
  const of = `message attribute '${name}'`;
  if (/^Binary(\.|$)/.test(type)) invalidAttribute(`The ${of} is Binary: not supported by the embedded account.`);
  if (!/^(String|Number)(\..+)?$/.test(type)) {
    invalidAttribute(
      `The ${of} has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (value === undefined || value === "") {
    invalidAttribute(`The ${of} must contain non-empty message attribute value for message attribute type '${type}'.`);
  }
  if (type.startsWith("Number") && (value.trim() === "" || !Number.isFinite(Number(value)))) {
    invalidAttribute(`Could not cast ${of} value to number.`);
  }
  if (type === "String.Array" && !isFlatArray(parseJson(value))) {
    invalidAttribute(`The ${of} of type 'String.Array' must be a JSON array of strings, numbers, booleans or null.`);
  }
  return { DataType: type, StringValue: value };
}

function isFlatArray(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => item === null || typeof item !== "object");
}

function bodiesOf(text: string): ReadonlyMap<string, string> {
  const bodies = parseJson(text);
  if (!isObject(bodies)) invalidParameter("Message Structure - JSON message body failed to parse");
  const texts = Object.entries(bodies).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  if (!texts.some(([protocol]) => protocol === "default")) {
    invalidParameter("Message Structure - No default entry in JSON message body");
  }
  return new Map(texts);
}

/** Attributes as the matcher sees them: an array's elements are one value each, a Number is a number. */
function filterable(attributes: MessageAttributes): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue }]) => {
      if (DataType === "String.Array") return [name, parseJson(StringValue)];
      return [name, DataType.startsWith("Number") ? Number(StringValue) : StringValue];
    }),
  );
}

function patternOf(policy: object): EventPattern {
  try {
    return parsePattern(policy);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return invalidParameter(error.message.replace("Event pattern is not valid. Reason", "FilterPolicy"));
  }
}

function invalidAttribute(message: string): never {
  throw new AwsError("ParameterValueInvalid", message);
}
