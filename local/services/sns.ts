import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { type Journal, NO_JOURNAL } from "../journal.ts";
import { AwsError, type Place, type Service } from "./service.ts";
import { createSnsDelivery, type Undelivered } from "./sns-delivery.ts";
import { confirmationBody, notificationBody } from "./sns-documents.ts";
import { checkMessage, invalidParameter, type Message, type PublishInput } from "./sns-message.ts";
import { type Attributes, checkedSubscription, type SubscribeInput, type Subscription } from "./sns-subscription.ts";

export interface SnsOptions extends Place {
  readonly clock: Clock;
  /** Base URL of this account, for the links in HTTP notifications. AWS's own, which answers nothing here, if absent. */
  endpoint?(): string;
  /** Keeps topics, subscriptions and messages. Default: they end with the process. */
  readonly journal?: Journal;
}

export interface Sns extends Service {
  /** Every message published, to any topic or to one, oldest first, whatever its subscriptions are. */
  inbox(topicArn?: string): readonly Message[];
  /** What a subscription was given, of any protocol: the messages published since it was confirmed that its filter takes. */
  received(subscriptionArn: string): readonly Message[];
  /** HTTP notifications that SNS gave up in this process. */
  undelivered(): readonly Undelivered[];
  /** Takes back what an earlier process kept. HTTP deliveries that were not done begin anew when `resumed` resolves true. */
  recover(resumed: Promise<boolean>): void;
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
  const { region, accountId, clock, journal = NO_JOURNAL } = options;
  const topics = new Map<string, Topic>();
  const messages: Message[] = [];
  const delivery = createSnsDelivery(clock, journal);

  return {
    name: "sns",
    operations: {
      CreateTopic: createTopic,
      Subscribe: subscribe,
      ConfirmSubscription: confirmSubscription,
      ListSubscriptionsByTopic: listSubscriptionsByTopic,
      Publish: (input) => journal.together(() => publish(input)),
    },
    inbox: (topicArn) => messages.filter((message) => topicArn === undefined || message.TopicArn === topicArn),
    received: (subscriptionArn) => [...(subscriptionOf(subscriptionArn)?.received ?? [])],
    undelivered: delivery.undelivered,
    recover(resumed) {
      for (const topic of journal.kept<Omit<Topic, "subscriptions">>(TOPIC)) {
        topics.set(topic.arn, { ...topic, subscriptions: new Map() });
      }
      for (const { topicArn, input, ...kept } of journal.kept<KeptSubscription>(SUBSCRIPTION)) {
        topics.get(topicArn)?.subscriptions.set(kept.arn, { ...checkedSubscription(input), ...kept, received: [] });
      }
      for (const { message, received } of journal.kept<KeptMessage>(MESSAGE)) {
        messages.push(message);
        for (const [arn, body] of received) subscriptionOf(arn)?.received.push({ ...message, Message: body });
      }
      delivery.recover(resumed);
    },
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
    if (topic === undefined) {
      journal.put(TOPIC, arn, { arn, attributes });
      topics.set(arn, { arn, attributes: { ...attributes }, subscriptions: new Map() });
    } else if (Object.entries(attributes).some(([key, value]) => topic.attributes[key] !== value)) {
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
    const topic = topicOf(input.TopicArn);
    const asked = checkedSubscription(input);
    const same = [...topic.subscriptions.values()].find(
      (each) => each.protocol === asked.protocol && each.endpoint === asked.endpoint,
    );
    if (same !== undefined && Object.entries(asked.attributes).some(([key, value]) => same.attributes[key] !== value)) {
      invalidParameter("Attributes Reason: Subscription already exists with different attributes");
    }
    const subscription = same ?? {
      ...asked,
      arn: `${topic.arn}:${randomUUID()}`,
      token: randomBytes(64).toString("hex"),
      confirmed: !asked.overHttp,
      received: [],
    };
    topic.subscriptions.set(subscription.arn, subscription);
    save(topic, subscription);
    if (!subscription.confirmed) askForConfirmation(topic.arn, subscription);
    const shown = subscription.confirmed || input.ReturnSubscriptionArn === true;
    return { SubscriptionArn: shown ? subscription.arn : "pending confirmation" };
  }

  function askForConfirmation(topicArn: string, { token, endpoint }: Subscription): void {
    const messageId = randomUUID();
    const body = confirmationBody({ messageId, topicArn, token, baseUrl: baseUrl(), timestamp: timestamp() });
    delivery.start({ type: "SubscriptionConfirmation", messageId, topicArn, endpoint, raw: false, body });
  }

  /** May be repeated. */
  function confirmSubscription(input: { TopicArn?: string; Token?: string }) {
    const topic = topicOf(input.TopicArn);
    const subscription = [...topic.subscriptions.values()].find((each) => each.token === input.Token);
    if (subscription === undefined) return invalidParameter("Token");
    subscription.confirmed = true;
    save(topic, subscription);
    return { SubscriptionArn: subscription.arn };
  }

  /** All on one page; one that is not confirmed has no ARN to show. */
  function listSubscriptionsByTopic(input: { TopicArn?: string }) {
    const topic = topicOf(input.TopicArn);
    const Subscriptions = [...topic.subscriptions.values()].map(({ arn, protocol, endpoint, confirmed }) => ({
      SubscriptionArn: confirmed ? arn : "PendingConfirmation",
      Owner: accountId,
      Protocol: protocol,
      Endpoint: endpoint,
      TopicArn: topic.arn,
    }));
    return { Subscriptions };
  }

  function save(
    { arn: topicArn }: Topic,
    { arn, token, confirmed, protocol, endpoint, attributes }: Subscription,
  ): void {
    const input: SubscribeInput = { Protocol: protocol, Endpoint: endpoint, Attributes: attributes };
    journal.put(SUBSCRIPTION, arn, { topicArn, arn, token, confirmed, input });
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
    const received: [arn: string, body: string][] = [];
    for (const subscription of topic.subscriptions.values()) {
      const body = bodies.get(subscription.protocol) ?? message.Message;
      if (!subscription.confirmed || subscription.filter?.accepts(body, attributes) === false) continue;
      received.push([subscription.arn, body]);
      notify(subscription, { ...message, Message: body });
    }
    journal.put(MESSAGE, message.MessageId, { message, received });
    return { MessageId: message.MessageId };
  }

  function notify(subscription: Subscription, message: Message): void {
    const { arn: subscriptionArn, endpoint, overHttp, attributes } = subscription;
    subscription.received.push(message);
    if (!overHttp) return;
    const raw = attributes["RawMessageDelivery"] === "true";
    const body = raw ? message.Message : notificationBody(message);
    const { MessageId: messageId, TopicArn: topicArn } = message;
    delivery.start({ type: "Notification", messageId, topicArn, subscriptionArn, endpoint, raw, body });
  }

  function baseUrl(): string {
    return (options.endpoint?.() ?? `https://sns.${region}.amazonaws.com`).replace(/\/$/, "");
  }

  function timestamp(): string {
    return new Date(clock.now()).toISOString();
  }
}

// --- internal ---

interface Topic {
  readonly arn: string;
  readonly attributes: Attributes;
  readonly subscriptions: Map<string, Subscription>;
}

const TOPIC = "topic";
const SUBSCRIPTION = "subscription";
const MESSAGE = "message";

interface KeptSubscription extends Pick<Subscription, "arn" | "token" | "confirmed"> {
  readonly topicArn: string;
  readonly input: SubscribeInput;
}

interface KeptMessage {
  readonly message: Message;
  /** What each subscription was given. */
  readonly received: readonly (readonly [arn: string, body: string])[];
}

const TOPIC_ATTRIBUTES: ReadonlySet<string> = new Set(["DisplayName", "Policy", "KmsMasterKeyId", "FifoTopic"]);

function checkArn(member: string, arn: string | undefined): void {
  const elements = (arn ?? "").split(":").length;
  if (elements < 6) invalidParameter(`${member} Reason: An ARN must have at least 6 elements, not ${elements}`);
}
