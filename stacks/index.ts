import { ROTATION_BUS, STATE_MACHINE } from "../core/blueprint.ts";
import { checkPolicies } from "../core/check-policies.ts";
import { checkDeployment, parseDeployment } from "../core/deployment.ts";
import { parsePolicies } from "../core/policies.ts";
// As a whole: what has no default export is refused in words then, not by the bundler.
import * as settings from "../deployment.config.ts";
import * as config from "../rotation.config.ts";
import { createBus } from "./bus.ts";
import { createDeadLetters, createRules } from "./events.ts";
import { createFunctions, DEFINITION_DIGEST } from "./functions.ts";
import { createMonitoring } from "./monitoring.ts";
import { findNames } from "./names.ts";
import { createTopics } from "./notifications.ts";
import { outputsOf } from "./outputs.ts";
import { checkPermissions } from "./permissions.ts";
import { createHeartbeat, findSecrets, rotateNatively } from "./secrets.ts";
import { createWorkflow } from "./workflow.ts";

/**
 * Everything that Rotor is in one account and Region, from the blueprint, the policies and the deployment's settings.
 * @throws Error naming the field of rotation.config or deployment.config that cannot be deployed, before anything is created
 */
export async function createRotor() {
  const declared = parsePolicies(config.default);
  const deployment = parseDeployment(settings.default);
  const names = await findNames();
  checkDeployment(deployment, { ...names, rotationBusArn: names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`) });
  checkPolicies(declared, { ...names, stage: $app.stage, nowMs: Date.now() });
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
      DEPENDENTS_FUNCTION_ARN: names.arn("lambda", `function:${names.of("dependents")}`),
      ROLL_BACK_FUNCTION_ARN: names.arn("lambda", `function:${names.of("roll-back")}`),
      DEFINITION_DIGEST,
      HEARTBEAT_SECRET_ARN: heartbeat.arn,
      ROTATION_BUS_NAME: bus.name,
      EVENTS_TOPIC_ARN: topics.events.arn,
      EMAIL_TOPIC_ARN: topics.email.arn,
      CHAT_TOPIC_ARN: topics.chat?.arn,
      ERROR_RUNBOOK_URL: deployment.runbooks.errors,
      DIGEST: deployment.digest ? "weekly" : undefined,
    },
    deadLetters.queue,
  );
  const workflow = createWorkflow(grants, functions);
  const known = { StateMachineArn: workflow.arn, HeartbeatSecretArn: heartbeat.arn };
  const rules = createRules(grants, { functions, bus, deadLetters, known });
  rotateNatively(grants, functions, [workflow, ...rules]);
  createMonitoring(grants, topics);

  return outputsOf(grants, topics, stateMachineArn);
}
