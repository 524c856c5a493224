import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import * as z from "zod/mini";
import { clientConfiguration, fromAwsError } from "../core/aws.ts";
import { digestCompiled } from "../core/digest.ts";
import { readEnvironment } from "../core/env.ts";
import { isRetryable } from "../core/errors.ts";
import { DIGEST_COMPILED, INCIDENT_DETECTED } from "../core/events.ts";
import { defineHandler } from "../core/handler.ts";
import { incidentDetected, incidentId } from "../core/incident.ts";
import { recordOutcome } from "../core/metrics.ts";
import { buildDigest } from "../core/notifications/build-digest.ts";
import { buildIncident } from "../core/notifications/build-incident.ts";
import { buildNotification, type Notification } from "../core/notifications/build-notification.ts";
import type { DigestNotification } from "../core/notifications/digest-schema.ts";
import type { IncidentNotification } from "../core/notifications/incident-schema.ts";
import { buildPlain, type PlainNotification, plainReport } from "../core/notifications/plain.ts";
import { readFacts, workflowReport } from "../core/outcome-facts.ts";
import { parse } from "../core/parse.ts";
import { putEvent } from "../core/put-event.ts";

const sns = new SNSClient(clientConfiguration);
const eventBridge = new EventBridgeClient(clientConfiguration);

/**
 * The workflow's report of an outcome, of which little has to be right for it to be told; or what comes over the rotation bus: an
 * incident, or the digest of a week.
 */
const told = z.discriminatedUnion("detail-type", [plainReport, incidentDetected, digestCompiled]);

/**
 * Tells every audience how a rotation ended, of an incident, or how a week was. Repeated calls carry the same id: SNS may deliver
 * twice, and so may we.
 */
export const handler = defineHandler("notify", told, idsOf, async (input, _context, warn) => {
  const environment = readEnvironment("notify");
  const context = { stage: environment.STAGE, errorRunbook: environment.ERROR_RUNBOOK_URL };
  if (input["detail-type"] !== undefined) {
    const message =
      input["detail-type"] === DIGEST_COMPILED
        ? buildDigest(input.detail, context)
        : buildIncident(input.detail, context);
    await reachAll(publish(environment, message));
    return { id: message.id };
  }
  const report = parse(workflowReport, input);
  if (!report.success) {
    warn(`Only how it ended was told: the report is not of its schema. ${report.problems}`);
    const message = buildPlain(input, context);
    recordOutcome({ stage: context.stage, outcome: input.outcome, mode: "unknown" });
    await reachAll(publish(environment, message));
    return { id: message.id };
  }
  const message = buildNotification(readFacts(report.data), context);
  // First: an outcome that nobody can be told is the one whose alarm has to ring.
  const { outcome, execution, plan } = report.data;
  recordOutcome({
    ...{ stage: context.stage, outcome, mode: plan.mode },
    durationMs: Date.now() - Date.parse(execution.startedAt),
    credentialGapMs: message.json.state.credentialGapMs,
    newWasLiveMs: message.json.state.newWasLiveMs,
  });
  // An incident is on the bus already; an outcome is not.
  const { detailType, detail } = message;
  const resources = [plan.secretArn, execution.arn];
  await reachAll([
    ...publish(environment, message),
    putEvent(eventBridge, environment.ROTATION_BUS_NAME, { detailType, detail, resources }),
  ]);
  return { id: message.id };
});

/** For the log. */
function idsOf(input: z.infer<typeof told>): Readonly<Record<string, unknown>> {
  switch (input["detail-type"]) {
    case DIGEST_COMPILED:
      return { digest: input.detail.to };
    case INCIDENT_DETECTED:
      return { incident: incidentId(input.detail), secretArn: input.detail.secretArn, token: input.detail.token };
    case undefined: {
      const report = parse(workflowReport, input);
      const plan = report.success ? { secretArn: report.data.plan.secretArn, token: report.data.plan.token } : {};
      return { outcome: input.outcome, execution: input.execution.name, ...plan };
    }
  }
}

/**
 * An audience that cannot be reached costs no other one its message: all are tried, side by side, before anything is thrown.
 * @throws RotationError the first one that may be repeated, and else the first; to be repeated as a whole
 */
async function reachAll(sent: readonly Promise<void>[]): Promise<void> {
  const errors = (await Promise.allSettled(sent)).flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  const worth = errors.find(isRetryable);
  if (errors.length > 0) throw worth ?? errors[0];
}

/** To every topic that it is for, with the same attributes. Machines are told everything, and of an incident all are. */
function publish(
  topics: {
    readonly EVENTS_TOPIC_ARN: string;
    readonly EMAIL_TOPIC_ARN: string;
    readonly CHAT_TOPIC_ARN?: string | undefined;
  },
  message: Notification | IncidentNotification | DigestNotification | PlainNotification,
): readonly Promise<void>[] {
  const MessageAttributes = Object.fromEntries(
    Object.entries(message.attributes).map(([key, value]) => [key, { DataType: "String", StringValue: value }]),
  );
  const send = async (TopicArn: string, Message: string, Subject?: string): Promise<void> => {
    await sns
      .send(new PublishCommand({ TopicArn, Message, Subject, MessageAttributes }))
      .catch((error: unknown) => Promise.reject(fromAwsError(error, `sns:Publish to ${TopicArn}`)));
  };
  const isFor = (audience: "email" | "chat") => !("audiences" in message) || message.audiences.includes(audience);
  const { CHAT_TOPIC_ARN: chat } = topics;
  return [
    send(topics.EVENTS_TOPIC_ARN, JSON.stringify(message.json)),
    ...(isFor("email") ? [send(topics.EMAIL_TOPIC_ARN, message.email, message.subject)] : []),
    ...(isFor("chat") && chat !== undefined ? [send(chat, message.chat)] : []),
  ];
}
