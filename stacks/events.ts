import { EVENT_SOURCE, FUNCTIONS, type FunctionName, ROTATION_BUS } from "../core/blueprint.ts";
import { REQUESTS } from "../core/events.ts";
import { DELIVERY, RULES, SCHEDULES } from "../core/triggers.ts";
import type { Functions } from "./functions.ts";
import { isProduction, type Names } from "./names.ts";
import { type Grants, policyDocument } from "./permissions.ts";

/** What rules' patterns name, as it is deployed. */
export interface Known {
  readonly StateMachineArn: $util.Input<string>;
  readonly HeartbeatSecretArn: $util.Input<string>;
}

/** What a rehearsal tells the accounts that it was made for: the only events that cross accounts. */
const REHEARSED = ["Rotation Succeeded", "Rotation Rolled Back"];

/** The roles of any stage and Region by which an account tells what it has rehearsed. */
const REHEARSING_ROLES = `${$app.name}-*-rehearses-for-*`;

const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];

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

/** The bus that operators and accounts ask on, and on which outcomes are told. */
export function createBus(grants: Grants): aws.cloudwatch.EventBus {
  const { names } = grants;
  const bus = new aws.cloudwatch.EventBus("bus", { name: names.of(ROTATION_BUS) });
  new aws.cloudwatch.EventBusPolicy("bus-policy", {
    eventBusName: bus.name,
    policy: JSON.stringify({ Version: "2012-10-17", Statement: [...denials(grants), ...rehearsals(grants)] }),
  });
  return bus;
}

/**
 * Whoever may put events on every bus of the account may ask for a rotation, unless the deployment says who may; but nobody may
 * forge what Rotor itself tells: outcomes, incidents and rehearsals, which others act on.
 */
function denials(grants: Grants): readonly object[] {
  const { names, deployment } = grants;
  const own = FUNCTION_NAMES.filter((name) => FUNCTIONS[name].actions.some((action) => action === "events:PutEvents"));
  const ours = own.map((name) => roleArn(names, names.account, names.acrossRegions(name)));
  const rehearsing = rehearsingAccounts(grants).map((account) => roleArn(names, account, REHEARSING_ROLES));
  const unless = (Sid: string, StringEquals: object, principals: readonly string[]) => ({
    ...{ Sid, Effect: "Deny", Principal: "*", Action: "events:PutEvents", Resource: busArn(names) },
    Condition: { StringEquals, ArnNotLike: { "aws:PrincipalArn": principals } },
  });
  const tell = unless("OnlyRotorTells", { "events:source": EVENT_SOURCE }, [...ours, ...rehearsing]);
  if (deployment.requesters === undefined) return [tell];
  const asked = { "events:detail-type": REQUESTS };
  return [tell, unless("OnlyRequestersAsk", asked, [...ours, ...deployment.requesters])];
}

function rehearsals(grants: Grants): readonly object[] {
  const { names } = grants;
  const accounts = rehearsingAccounts(grants);
  if (accounts.length === 0) return [];
  return [
    {
      Sid: "Rehearsals",
      Effect: "Allow",
      Principal: { AWS: accounts.map((account) => `arn:${names.partition}:iam::${account}:root`) },
      Action: "events:PutEvents",
      Resource: busArn(names),
      Condition: {
        StringEquals: { "events:source": EVENT_SOURCE, "events:detail-type": REHEARSED },
        ArnLike: {
          "aws:PrincipalArn": accounts.map((account) => roleArn(names, account, REHEARSING_ROLES)),
        },
      },
    },
  ];
}

function roleArn({ partition }: Names, account: string, name: string): string {
  return `arn:${partition}:iam::${account}:role/${name}`;
}

function busArn(names: Names): string {
  return names.arn("events", `event-bus/${names.of(ROTATION_BUS)}`);
}

/** Other accounts that rehearse for this one. */
function rehearsingAccounts({ names, policies }: Grants): readonly string[] {
  const accounts = policies.flatMap(({ rehearsal }) => rehearsal?.accounts ?? []);
  return [...new Set(accounts)].filter((account) => account !== names.account).sort();
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
    const called = functions[target];
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
