import { CHAT_TOPIC, ROTATION_BUS, TOPICS } from "../core/blueprint.ts";
import type { Grants } from "./grants.ts";

export interface Topics {
  readonly events: aws.sns.Topic;
  readonly email: aws.sns.Topic;
  /** For a channel of Amazon Q Developer, which is made in its own console. Absent: the deployment wants none. */
  readonly chat: aws.sns.Topic | undefined;
  /** What CloudWatch's alarms are sent to. */
  readonly alarms: aws.sns.Topic;
}

/** One topic for each audience of the blueprint, and one for alarms, whose form is CloudWatch's. */
export function createTopics({ names, deployment }: Grants): Topics {
  const create = (topic: string, statements: readonly object[]) => {
    const name = names.of(`${ROTATION_BUS}-${topic}`);
    const created = new aws.sns.Topic(`topic-${topic}`, { name, kmsMasterKeyId: deployment.kmsKeyArn });
    const Resource = names.arn("sns", name);
    new aws.sns.TopicPolicy(`topic-${topic}-policy`, {
      arn: created.arn,
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "OnlyEncrypted",
            Effect: "Deny",
            Principal: "*",
            Action: "sns:Publish",
            Resource,
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
          ...statements.map((each) => ({ ...each, Resource })),
        ],
      }),
    });
    return created;
  };
  const [events, email] = TOPICS.map((topic) => create(topic, []));
  const chat = deployment.chat ? create(CHAT_TOPIC, []) : undefined;
  const alarms = create("alarms", [
    {
      Sid: "Alarms",
      Effect: "Allow",
      Principal: { Service: "cloudwatch.amazonaws.com" },
      Action: "sns:Publish",
      Condition: {
        StringEquals: { "aws:SourceAccount": names.account },
        ArnLike: { "aws:SourceArn": names.arn("cloudwatch", `alarm:${names.of("*")}`) },
      },
    },
  ]);
  return { events: events as aws.sns.Topic, email: email as aws.sns.Topic, chat, alarms };
}
