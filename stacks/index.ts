import { HEARTBEAT_SECRET_NAME, ROTATION_BUS, STATE_MACHINE } from "../core/blueprint.ts";
import { checkPolicies, parseDeployment } from "../core/deployment.ts";
import { parsePolicies } from "../core/policies.ts";
import settings from "../deployment.config.ts";
import config from "../rotation.config.ts";
import { createBus, createDeadLetters, createRules } from "./events.ts";
import { createFunctions, DEFINITION_DIGEST } from "./functions.ts";
import { createMonitoring } from "./monitoring.ts";
import { findNames } from "./names.ts";
import { createTopics } from "./notifications.ts";
import { checkPermissions } from "./permissions.ts";
import { createHeartbeat, findSecrets, rotateNatively } from "./secrets.ts";
import { createWorkflow } from "./workflow.ts";

/**
 * Everything that Rotor is in one account and Region, from the blueprint, the policies and the deployment's settings.
 * @throws Error naming the field of rotation.config or deployment.config that cannot be deployed, before anything is created
 */
export async function createRotor() {
  const declared = parsePolicies(config);
  const deployment = parseDeployment(settings);
  const names = await findNames();
  checkPolicies(declared, names);
  const policies = await findSecrets(declared, names);
  const grants = { names, policies, deployment };
  checkPermissions(grants);

  const topics = createTopics(grants);
  const bus = createBus(grants);
  const deadLetters = createDeadLetters(grants);
  const heartbeat = createHeartbeat(grants);
  const stateMachineArn = names.arn("states", `stateMachine:${names.of(STATE_MACHINE.name)}`);
  const functions = createFunctions(
    grants,
    {
      STAGE: $app.stage,
      STATE_MACHINE_ARN: stateMachineArn,
      GATE_FUNCTION_ARN: names.arn("lambda", `function:${names.of("gate")}`),
      ROLL_BACK_FUNCTION_ARN: names.arn("lambda", `function:${names.of("roll-back")}`),
      DEFINITION_DIGEST,
      HEARTBEAT_SECRET_ARN: heartbeat.arn,
      ROTATION_BUS_NAME: bus.name,
      EVENTS_TOPIC_ARN: topics.events.arn,
      EMAIL_TOPIC_ARN: topics.email.arn,
    },
    deadLetters,
  );
  const workflow = createWorkflow(grants, functions);
  const known = { StateMachineArn: workflow.arn, HeartbeatSecretArn: heartbeat.arn };
  createRules(grants, { functions, bus, deadLetters, known });
  rotateNatively(grants, functions);
  createMonitoring(grants, topics);

  const { region, partition } = names;
  const host =
    { aws: "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn" }[partition] ?? "console.amazonaws-us-gov.com";
  const [first] = policies;
  const subscribe = (topic: aws.sns.Topic) =>
    $interpolate`aws sns subscribe --topic-arn ${topic.arn} --protocol email --notification-endpoint you@example.com`;
  return {
    stateMachineArn: workflow.arn,
    rotationBus: bus.name,
    "next-1-subscribe-to-alarms": subscribe(topics.alarms),
    "next-2-subscribe-to-outcomes": subscribe(topics.email),
    "next-3-view": `https://${region}.${host}/states/home?region=${region}#/statemachines/view/${stateMachineArn}`,
    "next-4-first-rotation":
      first === undefined
        ? "Name a secret in rotation.config.ts and deploy again."
        : `aws secretsmanager describe-secret --secret-id ${first.secretId}, and then docs/deploy.md, "The first rotation"`,
    dashboard: `https://${region}.${host}/cloudwatch/home?region=${region}#dashboards/dashboard/${names.of("rotations")}`,
    "heartbeat-secret": names.of(HEARTBEAT_SECRET_NAME),
    "rotation-bus-arn": names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`),
  };
}
