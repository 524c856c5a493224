import { invalidParameter, type Message, type MessageFilter, parseFilter } from "./sns-message.ts";

export type Attributes = Readonly<Record<string, string>>;

export interface SubscribeInput {
  readonly TopicArn?: string;
  readonly Protocol?: string;
  readonly Endpoint?: string;
  readonly Attributes?: Attributes;
  readonly ReturnSubscriptionArn?: boolean;
}

/** What a subscription is asked to be. */
export interface CheckedSubscription {
  readonly protocol: string;
  readonly endpoint: string;
  readonly attributes: Attributes;
  readonly filter: MessageFilter | undefined;
  /** Its endpoint has to confirm it, and is notified over the network. */
  readonly overHttp: boolean;
}

export interface Subscription extends CheckedSubscription {
  readonly arn: string;
  readonly token: string;
  readonly received: Message[];
  confirmed: boolean;
}

/** Checks what Subscribe is given, but for the topic. @throws AwsError InvalidParameter */
export function checkedSubscription(input: SubscribeInput): CheckedSubscription {
  const { Protocol: protocol = "", Endpoint: endpoint = "", Attributes: attributes = {} } = input;
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
  return { protocol, endpoint, attributes: { ...attributes }, filter: filterOf(attributes), overHttp };
}

// --- internal ---

const PROTOCOLS: ReadonlySet<string> = new Set(
  "http https email email-json sms sqs application lambda firehose".split(" "),
);
const SUBSCRIPTION_ATTRIBUTES: ReadonlySet<string> = new Set([
  "FilterPolicy",
  "FilterPolicyScope",
  "RawMessageDelivery",
]);

function filterOf(attributes: Attributes): MessageFilter | undefined {
  for (const key of Object.keys(attributes)) {
    if (!SUBSCRIPTION_ATTRIBUTES.has(key)) invalidParameter("AttributeName");
  }
  const { FilterPolicy: policy, FilterPolicyScope: scope = "MessageAttributes" } = attributes;
  return policy === undefined ? undefined : parseFilter(policy, scope);
}
