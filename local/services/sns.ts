import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { AwsError, type Place, type Service } from "./service.ts";
import { createSnsDelivery, type Undelivered } from "./sns-delivery.ts";
import {
  checkMessage,
  invalidParameter,
  type MessageAttributes,
  type MessageFilter,
  type PublishInput,
  parseFilter,
} from "./sns-message.ts";

export interface SnsOptions extends Place {
  readonly clock: Clock;
  /** Base URL of this account, for the links in HTTP notifications. AWS's own, which answers nothing here, if absent. */
  endpoint?(): string;
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

export interface Sns extends Service {
  /** Every message published, to any topic or to one, oldest first, whatever its subscriptions are. */
  inbox(topicArn?: string): readonly Message[];
  /** What a subscription was given, of any protocol: the messages published since it was confirmed that its filter takes. */
  received(subscriptionArn: string): readonly Message[];
  /** HTTP notifications that SNS gave up. */
  undelivered(): readonly Undelivered[];
  /** Resolves when no HTTP delivery is running or between two tries. */
  idle(): Promise<void>;
  /** Ends every HTTP delivery. */
  stop(): void;
}

/**
 * SNS with standard topics. HTTP and HTTPS endpoints are confirmed and notified over the network; subscriptions of any
 * other protocol exist, confirmed at once, and their messages are read from the inbox. Notifications carry no signature.
 */
export function createSns(options: SnsOptions): Sns {
  const { region, accountId, clock } = options;
  const topics = new Map<string, Topic>();
  const messages: Message[] = [];
  const delivery = createSnsDelivery(clock);

  return {
    name: "sns",
    operations: {
      CreateTopic: createTopic,
      Subscribe: subscribe,
      ConfirmSubscription: confirmSubscription,
      Publish: publish,
    },
    inbox: (topicArn) => messages.filter((message) => topicArn === undefined || message.TopicArn === topicArn),
    received: (subscriptionArn) => [...(subscriptionOf(subscriptionArn)?.received ?? [])],
    undelivered: delivery.undelivered,
    idle: delivery.idle,
    stop: delivery.stop,
  };

  // --- topics ---

  /** May be repeated with the same attributes. */
  function createTopic(input: { Name?: string; Attributes?: Attributes }) {
    const { Name: name = "", Attributes: attributes = {} } = input;
    if (name.endsWith(".fifo") || attributes["FifoTopic"] === "true") {
      invalidParameter("Topic Name: FIFO topics are not supported by the embedded account");
    }
    if (!/^[\w-]{1,256}$/.test(name)) invalidParameter("Topic Name");
    for (const key of Object.keys(attributes)) {
      if (!TOPIC_ATTRIBUTES.has(key)) invalidParameter(`Attributes Reason: Unknown attribute ${key}`);
    }
    const arn = `arn:aws:sns:${region}:${accountId}:${name}`;
    const topic = topics.get(arn);
    if (topic === undefined) topics.set(arn, { arn, attributes: { ...attributes }, subscriptions: new Map() });
    else if (Object.entries(attributes).some(([key, value]) => topic.attributes[key] !== value)) {
      invalidParameter("Attributes Reason: Topic already exists with different attributes");
    }
    return { TopicArn: arn };
  }

  function topicOf(arn: string | undefined): Topic {
    checkArn("TopicArn", arn);
    const topic = topics.get(arn ?? "");
    if (topic === undefined) throw new AwsError("NotFound", "Topic does not exist", 404);
    return topic;
  }

  // --- subscriptions ---

  /** The same endpoint again is the same subscription; while it is pending, it is sent its confirmation again. */
  function subscribe(input: SubscribeInput) {
    const { Protocol: protocol = "", Endpoint: endpoint = "", Attributes: attributes = {} } = input;
    const topic = topicOf(input.TopicArn);
    if (!PROTOCOLS.has(protocol)) {
      invalidParameter(`Amazon SNS does not support this protocol string: ${protocol}`);
    }
    const overHttp = protocol === "http" || protocol === "https";
    if (endpoint === "") invalidParameter("Endpoint");
    if (overHttp && (!endpoint.startsWith(`${protocol}://`) || !URL.canParse(endpoint))) {
      invalidParameter("Endpoint must match the specified protocol");
    }
    if (overHttp && new URL(endpoint).username !== "") {
      invalidParameter("Endpoint with credentials is not supported by the embedded account");
    }
    const filter = filterOf(attributes);
    const same = [...topic.subscriptions.values()].find(
      (each) => each.protocol === protocol && each.endpoint === endpoint,
    );
    if (same !== undefined && Object.entries(attributes).some(([key, value]) => same.attributes[key] !== value)) {
      invalidParameter("Attributes Reason: Subscription already exists with different attributes");
    }
    const subscription = same ?? {
      arn: `${topic.arn}:${randomUUID()}`,
      token: randomBytes(64).toString("hex"),
      protocol,
      endpoint,
      attributes: { ...attributes },
      filter,
      confirmed: !overHttp,
      received: [],
    };
    topic.subscriptions.set(subscription.arn, subscription);
    if (!subscription.confirmed) askForConfirmation(topic, subscription);
    const shown = subscription.confirmed || input.ReturnSubscriptionArn === true;
    return { SubscriptionArn: shown ? subscription.arn : "pending confirmation" };
  }

  function askForConfirmation(topic: Topic, { token, endpoint }: Subscription): void {
    const messageId = randomUUID();
    const query = new URLSearchParams({ Action: "ConfirmSubscription", TopicArn: topic.arn, Token: token });
    const confirmation = {
      Type: "SubscriptionConfirmation",
      MessageId: messageId,
      Token: token,
      TopicArn: topic.arn,
      Message: `You have chosen to subscribe to the topic ${topic.arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
      SubscribeURL: `${baseUrl()}/?${query}`,
      Timestamp: timestamp(),
      ...UNSIGNED,
    };
    const body = JSON.stringify(confirmation, null, 2);
    const type = "SubscriptionConfirmation" as const;
    delivery.start({ type, messageId, topicArn: topic.arn, endpoint, raw: false, body });
  }

  /** May be repeated. */
  function confirmSubscription(input: { TopicArn?: string; Token?: string }) {
    const topic = topicOf(input.TopicArn);
    const subscription = [...topic.subscriptions.values()].find((each) => each.token === input.Token);
    if (subscription === undefined) return invalidParameter("Token");
    subscription.confirmed = true;
    return { SubscriptionArn: subscription.arn };
  }

  function subscriptionOf(arn: string): Subscription | undefined {
    return [...topics.values()].flatMap((topic) => topic.subscriptions.get(arn) ?? [])[0];
  }

  // --- messages ---

  function publish(input: PublishInput & { PhoneNumber?: string }) {
    if (input.PhoneNumber !== undefined) invalidParameter("PhoneNumber is not supported by the embedded account");
    const arn = input.TopicArn ?? input.TargetArn;
    if (arn === undefined) invalidParameter("TopicArn or TargetArn Reason: no value for required parameter");
    const { subject, bodies, attributes } = checkMessage(input);
    const topic = topicOf(arn);
    const message: Message = {
      MessageId: randomUUID(),
      TopicArn: topic.arn,
      ...(subject === undefined ? {} : { Subject: subject }),
      Message: bodies.get("default") ?? "",
      MessageAttributes: attributes,
      Timestamp: timestamp(),
    };
    messages.push(message);
    for (const subscription of topic.subscriptions.values()) {
      const body = bodies.get(subscription.protocol) ?? message.Message;
      if (subscription.filter?.accepts(body, attributes) ?? true) notify(subscription, { ...message, Message: body });
    }
    return { MessageId: message.MessageId };
  }

  function notify(subscription: Subscription, message: Message): void {
    const { arn: subscriptionArn, protocol, endpoint, confirmed, attributes } = subscription;
    if (!confirmed) return;
    subscription.received.push(message);
    if (!protocol.startsWith("http")) return;
    const raw = attributes["RawMessageDelivery"] === "true";
    const body = raw ? message.Message : JSON.stringify(notificationOf(message), null, 2);
    const { MessageId: messageId, TopicArn: topicArn } = message;
    delivery.start({ type: "Notification", messageId, topicArn, subscriptionArn, endpoint, raw, body });
  }

  function notificationOf(message: Message) {
    const { MessageAttributes: attributes, Timestamp, ...rest } = message;
    const entries = Object.entries(attributes).map(([name, { DataType: Type, StringValue: Value }]) => [
      name,
      { Type, Value },
    ]);
    return {
      Type: "Notification",
      ...rest,
      Timestamp,
      ...UNSIGNED,
      // What AWS sends leads to Unsubscribe, which this account does not have.
      UnsubscribeURL: "",
      ...(entries.length === 0 ? {} : { MessageAttributes: Object.fromEntries(entries) }),
    };
  }

  function baseUrl(): string {
    return (options.endpoint?.() ?? `https://sns.${region}.amazonaws.com`).replace(/\/$/, "");
  }

  function timestamp(): string {
    return new Date(clock.now()).toISOString();
  }
}

// --- internal ---

type Attributes = Readonly<Record<string, string>>;

interface Topic {
  readonly arn: string;
  readonly attributes: Attributes;
  readonly subscriptions: Map<string, Subscription>;
}

interface Subscription {
  readonly arn: string;
  readonly token: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly attributes: Attributes;
  readonly filter: MessageFilter | undefined;
  readonly received: Message[];
  confirmed: boolean;
}

interface SubscribeInput {
  readonly TopicArn?: string;
  readonly Protocol?: string;
  readonly Endpoint?: string;
  readonly Attributes?: Attributes;
  readonly ReturnSubscriptionArn?: boolean;
}

const PROTOCOLS: ReadonlySet<string> = new Set(
  "http https email email-json sms sqs application lambda firehose".split(" "),
);
const TOPIC_ATTRIBUTES: ReadonlySet<string> = new Set(["DisplayName", "Policy", "KmsMasterKeyId", "FifoTopic"]);
const SUBSCRIPTION_ATTRIBUTES: ReadonlySet<string> = new Set([
  "FilterPolicy",
  "FilterPolicyScope",
  "RawMessageDelivery",
]);

/** AWS's certificate is AWS's: nothing here can sign so that an endpoint's check passes. */
const UNSIGNED = { SignatureVersion: "1", Signature: "", SigningCertURL: "" };

function filterOf(attributes: Attributes): MessageFilter | undefined {
  for (const key of Object.keys(attributes)) {
    if (!SUBSCRIPTION_ATTRIBUTES.has(key)) invalidParameter("AttributeName");
  }
  const { FilterPolicy: policy, FilterPolicyScope: scope = "MessageAttributes" } = attributes;
  return policy === undefined ? undefined : parseFilter(policy, scope);
}

function checkArn(member: string, arn: string | undefined): void {
  const elements = (arn ?? "").split(":").length;
  if (elements < 6) invalidParameter(`${member} Reason: An ARN must have at least 6 elements, not ${elements}`);
}
