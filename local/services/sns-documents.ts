import type { Message } from "./sns-message.ts";

/** AWS's certificate is AWS's: nothing here can sign so that an endpoint's check passes. */
const UNSIGNED = { SignatureVersion: "1", Signature: "", SigningCertURL: "" };

export interface Confirmation {
  readonly messageId: string;
  readonly topicArn: string;
  readonly token: string;
  /** Where this account is asked to confirm, without a slash at the end. */
  readonly baseUrl: string;
  /** ISO 8601 with milliseconds. */
  readonly timestamp: string;
}

/** The body that asks an endpoint to confirm its subscription. Unsigned. */
export function confirmationBody({ messageId, topicArn, token, baseUrl, timestamp }: Confirmation): string {
  const query = new URLSearchParams({ Action: "ConfirmSubscription", TopicArn: topicArn, Token: token });
  return document({
    Type: "SubscriptionConfirmation",
    MessageId: messageId,
    Token: token,
    TopicArn: topicArn,
    Message: `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
    SubscribeURL: `${baseUrl}/?${query}`,
    Timestamp: timestamp,
    ...UNSIGNED,
  });
}

/** The body of a notification, unless its delivery is raw. Unsigned. */
export function notificationBody({ MessageAttributes: attributes, Timestamp, ...rest }: Message): string {
  const entries = Object.entries(attributes).map(([name, { DataType: Type, StringValue: Value }]) => [
    name,
    { Type, Value },
  ]);
  return document({
    Type: "Notification",
    ...rest,
    Timestamp,
    ...UNSIGNED,
    // What AWS sends leads to Unsubscribe, which this account does not have.
    UnsubscribeURL: "",
    ...(entries.length === 0 ? {} : { MessageAttributes: Object.fromEntries(entries) }),
  });
}

function document(members: object): string {
  return JSON.stringify(members, null, 2);
}
