import { PublishCommand } from "@aws-sdk/client-sns";
import { fromAwsError } from "../../core/aws.ts";
import { CHAT_TOPIC, TOPICS } from "../../core/blueprint.ts";
import { buildNotification } from "../../core/notifications/build-notification.ts";
import { isWaiting, subscriptionsOf } from "../checks/subscriptions.ts";
import { defineCommand, textOption } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { SAMPLE_NAMES, type SampleName, sampleOf } from "../samples.ts";

interface Sent extends Readonly<Record<string, unknown>> {
  readonly topic: string;
  readonly messageId: string | null;
  readonly confirmed: number;
  /** Who has not confirmed. */
  readonly waiting: readonly string[];
}

/** Sends a sample of one outcome to every topic, marked as a test, and says whose subscription is not confirmed. */
export const notifyTest = defineCommand({
  usage: "notify test",
  summary: "send a sample message to every topic, marked [TEST]",
  options: [
    { flags: "--event <outcome>", description: "which outcome", choices: SAMPLE_NAMES, default: "rolled_back" },
  ],
  examples: ["notify test", "notify test --event rollback_failed --output json"],
  async run(session, given) {
    const here = await session.announce();
    const { output, clients } = session;
    const facts = sampleOf(textOption(given, "event") as SampleName, here);
    const message = buildNotification(facts, { stage: here.stage });
    const attributes = Object.entries(message.attributes).map(([key, StringValue]) => [
      key,
      { DataType: "String", StringValue },
    ]);
    const bodies = {
      events: JSON.stringify({ ...message.json, id: `test:${message.id}`, summary: `[TEST] ${message.json.summary}` }),
      chat: message.chat.replace('"title":"', '"title":"[TEST] '),
      email: `[TEST] Nothing has happened: this is what Rotor would say.\n\n${message.email}`,
    };
    const sent: Sent[] = [];
    for (const topic of [...TOPICS, CHAT_TOPIC] as const) {
      const TopicArn = here.topicArns[topic];
      const all = await subscriptionsOf(session, TopicArn);
      if (all === undefined && topic === CHAT_TOPIC) continue;
      const Subject = topic === "email" ? `[TEST] ${message.subject}`.slice(0, 99) : undefined;
      const request = { TopicArn, Message: bodies[topic], Subject, MessageAttributes: Object.fromEntries(attributes) };
      const { MessageId } = await clients.sns
        .send(new PublishCommand(request))
        .catch((error: unknown) => Promise.reject(fromAwsError(error, `sns:Publish to ${TopicArn}`)));
      const waiting = (all ?? []).filter(isWaiting).map(({ Protocol, Endpoint }) => `${Protocol} ${Endpoint}`);
      sent.push({ topic, messageId: MessageId ?? null, confirmed: (all ?? []).length - waiting.length, waiting });
    }
    output.list("rotor.notify-test/1", "topics", sent, () =>
      sent.map(({ topic, confirmed, waiting }) => {
        const who = confirmed === 1 ? "1 confirmed subscription" : `${confirmed} confirmed subscriptions`;
        return `${topic}: sent to ${who}${waiting.length === 0 ? "" : `; not confirmed: ${waiting.join(", ")}`}`;
      }),
    );
    return EXIT.done;
  },
});
