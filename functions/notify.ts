import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { clientConfiguration, fromAwsError } from "../core/aws.ts";
import { EVENT_SOURCE } from "../core/blueprint.ts";
import { readEnvironment } from "../core/env.ts";
import { RotationError } from "../core/errors.ts";
import { defineHandler } from "../core/handler.ts";
import { buildNotification } from "../core/notifications/build-notification.ts";
import { readFacts, workflowReport } from "../core/outcome-facts.ts";

const sns = new SNSClient(clientConfiguration);
const eventBridge = new EventBridgeClient(clientConfiguration);

/** Tells every audience how a rotation ended. Repeated calls carry the same id: SNS may deliver twice, and so may we. */
export const handler = defineHandler(
  "notify",
  workflowReport,
  ({ outcome, execution, plan }) => ({
    outcome,
    execution: execution.name,
    secretArn: plan.secretArn,
    token: plan.token,
  }),
  async (report) => {
    const environment = readEnvironment("notify");
    const message = buildNotification(readFacts(report), { stage: environment.STAGE });
    const attributes = Object.fromEntries(
      Object.entries(message.attributes).map(([key, value]) => [key, { DataType: "String", StringValue: value }]),
    );
    const publish = (TopicArn: string, Message: string, Subject?: string) =>
      sns
        .send(new PublishCommand({ TopicArn, Message, Subject, MessageAttributes: attributes }))
        .catch((error: unknown) => Promise.reject(fromAwsError(error, `sns:Publish to ${TopicArn}`)));
    await publish(environment.EVENTS_TOPIC_ARN, JSON.stringify(message.json));
    await publish(environment.EMAIL_TOPIC_ARN, message.email, message.subject);
    const entry = {
      EventBusName: environment.ROTATION_BUS_NAME,
      Source: EVENT_SOURCE,
      DetailType: message.detailType,
      Detail: JSON.stringify(message.detail),
      Resources: [report.plan.secretArn, report.execution.arn],
    };
    const put = await eventBridge
      .send(new PutEventsCommand({ Entries: [entry] }))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `events:PutEvents to ${entry.EventBusName}`)));
    if ((put.FailedEntryCount ?? 0) > 0) {
      const code = put.Entries?.[0]?.ErrorCode ?? "unknown";
      throw new RotationError(
        "ServiceUnavailable",
        `events:PutEvents to ${entry.EventBusName} did not take the event (${code}).`,
      );
    }
    return { id: message.id };
  },
);
