import { ListSubscriptionsByTopicCommand, type Subscription } from "@aws-sdk/client-sns";
import { fromAwsError, hasName } from "../../core/aws.ts";
import { CHAT_TOPIC, TOPICS } from "../../core/blueprint.ts";
import type { Session } from "../session.ts";
import { blocking, type Check, type Finding, ok, unseen, warning } from "./check.ts";

/** Whether anybody hears of what is told: every topic has a confirmed subscription, and none waits for its confirmation. */
export const subscriptions: Check = async (session) => {
  const { topicArns } = await session.deployment();
  const looks = ([...TOPICS, CHAT_TOPIC] as const).map((topic) =>
    lookAt(topic, topicArns[topic]).catch((error: unknown) => [unseen("subscriptions", `Topic ${topic}`, error)]),
  );
  return (await Promise.all(looks)).flat();

  async function lookAt(topic: string, arn: string): Promise<readonly Finding[]> {
    const all = await subscriptionsOf(session, arn);
    if (all === undefined && topic === CHAT_TOPIC) return [];
    return [judge(topic, arn, all)];
  }

  function judge(topic: string, arn: string, all: readonly Subscription[] | undefined): Finding {
    if (all === undefined) return blocking("subscriptions", `Topic ${topic} is not there.`, "deploy the stage again");
    const waiting = all.filter(isWaiting);
    if (waiting.length > 0) {
      const who = waiting.map(({ Protocol, Endpoint }) => `${Protocol} ${Endpoint}`).join(", ");
      return warning(
        "subscriptions",
        `Topic ${topic}: not confirmed: ${who}.`,
        "confirm by the link in the message from AWS, within 2 days",
      );
    }
    if (all.length === 0) {
      return warning(
        "subscriptions",
        `Nobody hears what topic ${topic} tells.`,
        `aws sns subscribe --topic-arn ${arn} --protocol email --notification-endpoint you@example.com`,
      );
    }
    return ok(
      "subscriptions",
      `Topic ${topic} has ${all.length} confirmed ${all.length === 1 ? "subscription" : "subscriptions"}.`,
    );
  }
};

/** Undefined: there is no such topic. @throws RotationError AccessDenied, Throttled, ServiceUnavailable */
export async function subscriptionsOf(
  { clients: { sns } }: Session,
  TopicArn: string,
): Promise<readonly Subscription[] | undefined> {
  const all: Subscription[] = [];
  let NextToken: string | undefined;
  do {
    const request = { TopicArn, ...(NextToken === undefined ? {} : { NextToken }) };
    const page = await sns.send(new ListSubscriptionsByTopicCommand(request)).catch((error: unknown) => {
      if (hasName(error, "NotFoundException", "NotFound")) return undefined;
      throw fromAwsError(error, `sns:ListSubscriptionsByTopic of ${TopicArn}`);
    });
    if (page === undefined) return undefined;
    all.push(...(page.Subscriptions ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return all;
}

/** SNS shows no ARN of a subscription that was not confirmed. */
export function isWaiting({ SubscriptionArn = "" }: Subscription): boolean {
  return !SubscriptionArn.startsWith("arn:");
}
