import { HEARTBEAT_SECRET_NAME, ROTATION_BUS } from "../core/blueprint.ts";
import type { Policy } from "../core/policies.ts";
import type { Grants } from "./grants.ts";
import type { Topics } from "./notifications.ts";

const CONSOLES: Readonly<Record<string, string>> = {
  aws: "console.aws.amazon.com",
  "aws-cn": "console.amazonaws.cn",
  "aws-us-gov": "console.amazonaws-us-gov.com",
};

/** What a deployment says at its end: what to do next, as commands and addresses, and what others have to know of it. */
export function outputsOf({ names, policies }: Grants, topics: Topics, stateMachineArn: string) {
  const { region, partition } = names;
  const console = `https://${region}.${CONSOLES[partition] ?? CONSOLES["aws"]}`;
  const subscribe = (topic: aws.sns.Topic) =>
    $interpolate`aws sns subscribe --topic-arn ${topic.arn} --protocol email --notification-endpoint you@example.com`;
  return {
    "next-1-subscribe-to-alarms": subscribe(topics.alarms),
    "next-2-subscribe-to-outcomes": subscribe(topics.email),
    "next-3-view": `${console}/states/home?region=${region}#/statemachines/view/${stateMachineArn}`,
    "next-4-first-rotation": firstRotation(policies, names.of(ROTATION_BUS)),
    dashboard: `${console}/cloudwatch/home?region=${region}#dashboards/dashboard/${names.acrossRegions("rotations")}`,
    "state-machine-arn": stateMachineArn,
    "rotation-bus-arn": names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`),
    "heartbeat-secret": names.of(HEARTBEAT_SECRET_NAME),
  };
}

/** Of the first policy that is rotated on request; docs/deploy.md, "The first rotation". */
function firstRotation(policies: readonly Policy[], bus: string): string {
  const [{ secretId, mode } = { secretId: "", mode: undefined }] = [
    ...policies.filter((each) => each.mode !== "observed"),
    ...policies,
  ];
  switch (mode) {
    case undefined:
      return "Name a secret in rotation.config.ts and deploy again.";
    case "native":
      return `aws secretsmanager rotate-secret --secret-id ${secretId}`;
    case "driven": {
      const detail = JSON.stringify({ secretId, expectedVersionId: "<VersionId of AWSCURRENT>" });
      const event = {
        EventBusName: bus,
        Source: "platform.rotation",
        DetailType: "Rotation Requested",
        Detail: detail,
      };
      return `aws events put-events --entries '${JSON.stringify([event])}'`;
    }
    case "observed":
      return `What owns ${secretId} rotates it; then Rotor follows.`;
  }
}
