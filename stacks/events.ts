import { EVENT_SOURCE, FUNCTIONS, type FunctionName, ROTATION_BUS } from "../core/blueprint.ts";
import { DELIVERY, RULES, SCHEDULES } from "../core/triggers.ts";
import { REHEARSED } from "./bus.ts";
import { type Functions, requireFunction } from "./functions.ts";
import type { Grants } from "./grants.ts";
import { isProduction, type Names } from "./names.ts";
import { policyDocument } from "./statement.ts";

/** What rules' patterns name, as it is deployed. */
export interface Known {
  readonly StateMachineArn: $util.Input<string>;
  readonly HeartbeatSecretArn: $util.Input<string>;
}

/** The queue, and the policy without which nothing gets into it. */
export interface DeadLetters {
  readonly queue: aws.sqs.Queue;
  readonly policy: aws.sqs.QueuePolicy;
}

export function createDeadLetters({ names, deployment }: Grants): DeadLetters {
  const name = names.of(DELIVERY.deadLetters);
  const queue = new aws.sqs.Queue(
    "dead-letters",
    {
      name,
      // SQS's longest, in seconds.
      messageRetentionSeconds: 1_209_600,
      ...(deployment.kmsKeyArn === undefined
        ? { sqsManagedSseEnabled: true }
        : { kmsMasterKeyId: deployment.kmsKeyArn }),
    },
    { retainOnDelete: isProduction() },
  );
  const policy = new aws.sqs.QueuePolicy("dead-letters-policy", {
    queueUrl: queue.url,
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Rules",
          Effect: "Allow",
          Principal: { Service: "events.amazonaws.com" },
          Action: "sqs:SendMessage",
          Resource: names.arn("sqs", name),
          Condition: {
            StringEquals: { "aws:SourceAccount": names.account },
            ArnEquals: { "aws:SourceArn": allRuleArns(names, deployment.rehearsesFor) },
          },
        },
      ],
    }),
  });
  return { queue, policy };
}

/**
 * Every rule and schedule of the blueprint, with its target, and the right to call it.
 * @returns all that has to be there before an event is heard
 */
export function createRules(
  { names, deployment }: Grants,
  {
    functions,
    bus,
    deadLetters,
    known,
  }: { functions: Functions; bus: aws.cloudwatch.EventBus; deadLetters: DeadLetters; known: Known },
): readonly $util.Resource[] {
  const invoke = (
    name: string,
    rule: aws.cloudwatch.EventRule,
    target: FunctionName,
    eventBusName?: $util.Input<string>,
  ) => {
    const called = requireFunction(functions, target);
    const permission = new aws.lambda.Permission(`${name}-invokes`, {
      action: "lambda:InvokeFunction",
      function: called.name,
      principal: "events.amazonaws.com",
      sourceArn: rule.arn,
    });
    return new aws.cloudwatch.EventTarget(
      `${name}-target`,
      {
        ...{ rule: rule.name, eventBusName, targetId: target, arn: called.arn },
        ...deliveryTo(deadLetters),
      },
      // An event that comes before the permission is lost.
      { dependsOn: [permission, deadLetters.policy] },
    );
  };
  const rules = RULES.map(({ name, bus: on, pattern, target }) => {
    const eventBusName = on === "default" ? undefined : bus.name;
    const rule = new aws.cloudwatch.EventRule(name, {
      name: names.of(name),
      description: `Rotor: to ${FUNCTIONS[target].file}`,
      eventBusName,
      eventPattern: fill(name, pattern, known),
    });
    return invoke(name, rule, target, eventBusName);
  });
  const schedules = SCHEDULES.map(({ name, expression, target }) => {
    const rule = new aws.cloudwatch.EventRule(`${name}-schedule`, {
      name: names.of(`${name}-schedule`),
      description: `Rotor: to ${FUNCTIONS[target].file}`,
      scheduleExpression: expression,
    });
    return invoke(`${name}-schedule`, rule, target);
  });
  for (const [index, target] of deployment.rehearsesFor.entries())
    tellRehearsals(names, bus, deadLetters, target, index);
  return [...rules, ...schedules];
}

/** What this account has rehearsed, to the bus of the account that asked for it. */
function tellRehearsals(
  names: Names,
  bus: aws.cloudwatch.EventBus,
  deadLetters: DeadLetters,
  target: string,
  index: number,
): void {
  const name = rehearsalRule(index);
  const rule = new aws.cloudwatch.EventRule(name, {
    name: names.of(name),
    description: `Rotor: rehearsals, to ${target}`,
    eventBusName: bus.name,
    eventPattern: JSON.stringify({
      source: [EVENT_SOURCE],
      account: [names.account],
      "detail-type": REHEARSED,
      detail: { rehearsal: { digest: [{ exists: true }] } },
    }),
  });
  const role = new aws.iam.Role(`${name}-role`, {
    name: names.acrossRegions(name),
    assumeRolePolicy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Action: "sts:AssumeRole",
          Principal: { Service: "events.amazonaws.com" },
          Condition: {
            StringEquals: { "aws:SourceAccount": names.account },
            ArnEquals: { "aws:SourceArn": ruleArn(names, ROTATION_BUS, name) },
          },
        },
      ],
    }),
    inlinePolicies: [
      {
        name: "permissions",
        policy: policyDocument([{ Effect: "Allow", Action: ["events:PutEvents"], Resource: [target] }]),
      },
    ],
  });
  new aws.cloudwatch.EventTarget(
    `${name}-target`,
    {
      ...{ rule: rule.name, eventBusName: bus.name, targetId: "bus", arn: target, roleArn: role.arn },
      ...deliveryTo(deadLetters),
    },
    { dependsOn: [deadLetters.policy] },
  );
}

function deliveryTo({ queue }: DeadLetters) {
  const { maximumRetryAttempts, maximumEventAgeSeconds: maximumEventAgeInSeconds } = DELIVERY;
  return {
    retryPolicy: { maximumRetryAttempts, maximumEventAgeInSeconds },
    deadLetterConfig: { arn: queue.arn },
  };
}

function fill(rule: string, pattern: unknown, known: Known): $util.Output<string> {
  return $resolve(known).apply((values: Readonly<Record<string, string>>) =>
    JSON.stringify(pattern).replace(/\$\{(\w+)\}/g, (_all, placeholder: string) => {
      const value = values[placeholder];
      if (value === undefined) throw new Error(`Rule ${rule}: the deployment does not know \${${placeholder}}.`);
      return value;
    }),
  );
}

/** The rule that tells rehearsals to the account of that place in the deployment's list. */
export function rehearsalRule(index: number): string {
  return `rehearses-for-${index + 1}`;
}

function allRuleArns(names: Names, rehearsesFor: readonly string[]): readonly string[] {
  return [
    ...RULES.map(({ name, bus }) => ruleArn(names, bus, name)),
    ...SCHEDULES.map(({ name }) => ruleArn(names, "default", `${name}-schedule`)),
    ...rehearsesFor.map((_each, index) => ruleArn(names, ROTATION_BUS, rehearsalRule(index))),
  ];
}

function ruleArn(names: Names, bus: "default" | typeof ROTATION_BUS, name: string): string {
  return names.arn("events", bus === "default" ? `rule/${names.of(name)}` : `rule/${names.of(bus)}/${names.of(name)}`);
}
