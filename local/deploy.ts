import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import {
  CHAT_TOPIC,
  FUNCTIONS,
  type FunctionName,
  HEARTBEAT_SECRET_NAME,
  LOCAL_STAGE,
  ROTATION_BUS,
  STATE_MACHINE,
  TOPICS,
} from "../core/blueprint.ts";
import { deployedFunctions, type FunctionId } from "../core/deployed-functions.ts";
import { ENGINES, type Engine } from "../core/engines.ts";
import { definitionDigest } from "../core/rehearsal.ts";
import { DELIVERY, ON_FAILURE, RULES, SCHEDULES } from "../core/triggers.ts";
import type { Account } from "./account.ts";
import { bundleFunctions } from "./bundle.ts";
import type { Service } from "./services/service.ts";

export interface DeployOptions {
  /** The policies, as `rotation.config.ts` exports them; they reach the functions as JSON does. */
  readonly config: unknown;
  /** The bundled file of each function, by its id, or by its name for every engine: `bundleProject` makes those. */
  readonly bundles: Readonly<Record<string, string>>;
  /** Whose names everything gets, `<app>-<stage>-`, as at AWS. Default: the stage `local`, without a prefix. */
  readonly stage?: { readonly app: string; readonly stage: string };
  /** Whether there is a topic for a channel, as a deployment says. Default: none. */
  readonly chat?: boolean;
  /** Further environment variables of single functions. */
  readonly environment?: Readonly<Partial<Record<FunctionName, Readonly<Record<string, string>>>>>;
}

export interface Deployment {
  readonly stateMachineArn: string;
  readonly functionArns: Readonly<Record<FunctionId, string>>;
  readonly topicArns: Readonly<Record<(typeof TOPICS)[number], string> & { readonly [CHAT_TOPIC]?: string }>;
  readonly busName: string;
}

/** The account, and what a thing of the blueprint is called there. */
interface Place extends Account {
  readonly named: (thing: string) => string;
}

const PROJECT = new URL("../", import.meta.url);
const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];

/** Bundles every function of the blueprint into `outdir`; once per process. */
export function bundleProject(outdir: string): Promise<Readonly<Record<string, string>>> {
  const entries = FUNCTION_NAMES.map((name) => [name, pathInProject(FUNCTIONS[name].file)]);
  return bundleFunctions({
    outdir,
    entries: Object.fromEntries(entries),
    configPath: pathInProject("rotation.config.ts"),
  });
}

/**
 * Deploys the blueprint into an account, as `stacks/` deploys it on AWS: bus, topics, functions of every engine, state machine,
 * rules and targets. May be repeated, with another configuration too: running invocations end with the code they began with, and
 * running executions with their definition. In an account with a journal it goes on, then, with what an earlier process left.
 *
 * @throws Error naming what the blueprint lacks: a bundle, a placeholder of the state machine
 */
export async function deploy(account: Account, options: DeployOptions): Promise<Deployment> {
  const { app, stage } = { app: "", stage: LOCAL_STAGE, ...options.stage };
  const named = (thing: string) => (stage === LOCAL_STAGE ? thing : `${app}-${stage}-${thing}`);
  const place: Place = { ...account, named };
  const busName = named(ROTATION_BUS);
  await createBus(place);
  const topicArns = await createTopics(place, options.chat === true ? [...TOPICS, CHAT_TOPIC] : TOPICS);
  const heartbeatSecretArn = await createHeartbeatSecret(place);
  const { region, accountId } = account;
  const stateMachineArn = `arn:aws:states:${region}:${accountId}:stateMachine:${named(STATE_MACHINE.name)}`;
  const functionArn = (name: FunctionName) => `arn:aws:lambda:${region}:${accountId}:function:${named(name)}`;
  const file = await readFile(pathInProject(STATE_MACHINE.file), "utf8");
  const values: Readonly<Record<string, string>> = {
    STAGE: stage,
    STATE_MACHINE_ARN: stateMachineArn,
    GATE_FUNCTION_ARN: functionArn("gate"),
    DEPENDENTS_FUNCTION_ARN: functionArn("dependents"),
    ROLL_BACK_FUNCTION_ARN: functionArn("roll-back"),
    DEFINITION_DIGEST: definitionDigest(file),
    HEARTBEAT_SECRET_ARN: heartbeatSecretArn,
    ROTATION_BUS_NAME: busName,
    EVENTS_TOPIC_ARN: topicArns.events,
    EMAIL_TOPIC_ARN: topicArns.email,
    ...(topicArns.chat === undefined ? {} : { CHAT_TOPIC_ARN: topicArns.chat }),
  };
  const functionArns = defineFunctions(place, options, values);
  await createStateMachine(place, functionArns, file, stateMachineArn);
  const known = { StateMachineArn: stateMachineArn, HeartbeatSecretArn: heartbeatSecretArn };
  await createRules(place, functionArns, known);
  await createSchedules(place, functionArns);
  account.resume();
  return { stateMachineArn, functionArns, topicArns, busName };
}

async function createBus({ events, named }: Place): Promise<void> {
  await ask(events, "CreateEventBus", { Name: named(ROTATION_BUS) }).catch(unless("ResourceAlreadyExistsException"));
}

async function createTopics({ sns, named }: Place, topics: readonly string[]): Promise<Deployment["topicArns"]> {
  const created = topics.map(async (name) => {
    const Name = named(`${ROTATION_BUS}-${name}`);
    const { TopicArn } = (await ask(sns, "CreateTopic", { Name })) as { TopicArn: string };
    return [name, TopicArn] as const;
  });
  return Object.fromEntries(await Promise.all(created)) as Deployment["topicArns"];
}

function defineFunctions(
  { lambda, region, accountId, named }: Place,
  { bundles, config, environment = {} }: DeployOptions,
  values: Readonly<Record<string, string>>,
): Deployment["functionArns"] {
  const arns = deployedFunctions(Object.keys(ENGINES) as Engine[]).map(({ id, name, engine }) => {
    const { timeoutSeconds, memoryMegabytes, environment: variables } = FUNCTIONS[name];
    const file = bundles[id] ?? bundles[name];
    if (file === undefined) throw new Error(`Function ${name} has no bundle.`);
    const known = variables.flatMap((variable) => {
      const value = variable === "ENGINE" ? engine : values[variable];
      return value === undefined ? [] : [[variable, value] as const];
    });
    const arn = lambda.define({
      name: named(id),
      file,
      timeoutMs: timeoutSeconds * 1000,
      memoryMegabytes,
      environment: { ...Object.fromEntries(known), ...environment[name] },
      onFailure: ON_FAILURE.functions.includes(name)
        ? `arn:aws:sqs:${region}:${accountId}:${named(ON_FAILURE.destination)}`
        : undefined,
      data: JSON.parse(JSON.stringify(config)),
    });
    return [id, arn];
  });
  return Object.fromEntries(arns);
}

async function createStateMachine(
  { states, accountId, named }: Place,
  functionArns: Deployment["functionArns"],
  file: string,
  stateMachineArn: string,
): Promise<void> {
  const definition = file.replace(/\$\{(\w+)\}/g, (_all, placeholder: string) => {
    const substitutions: Readonly<Record<string, FunctionName>> = STATE_MACHINE.substitutions;
    const name = substitutions[placeholder];
    if (name === undefined) throw new Error(`${STATE_MACHINE.file}: the blueprint does not know \${${placeholder}}.`);
    return functionArns[name];
  });
  const roleArn = `arn:aws:iam::${accountId}:role/rotation`;
  const request = { name: named(STATE_MACHINE.name), definition, roleArn, type: "STANDARD" };
  // A journal may hold the one of an earlier release.
  const created = await ask(states, "CreateStateMachine", request).catch(unless("StateMachineAlreadyExists"));
  if (created === undefined) await ask(states, "UpdateStateMachine", { stateMachineArn, definition, roleArn });
}

async function createRules(
  place: Place,
  functionArns: Deployment["functionArns"],
  known: Readonly<Record<string, string>>,
): Promise<void> {
  const { events, named } = place;
  for (const { name, bus, pattern, target } of RULES) {
    const rule = { Rule: named(name), EventBusName: bus === ROTATION_BUS ? named(bus) : bus };
    const EventPattern = JSON.stringify(pattern).replace(/\$\{(\w+)\}/g, (_all, placeholder: string) => {
      const value = known[placeholder];
      if (value === undefined) throw new Error(`Rule ${name}: the deployment does not know \${${placeholder}}.`);
      return value;
    });
    const { Rule: Name, EventBusName } = rule;
    await ask(events, "PutRule", { Name, EventBusName, EventPattern, State: "ENABLED" });
    await putTarget(place, rule, targetOf(place, functionArns, target));
  }
}

/** In place of every other target: a journal may hold those of an earlier release. */
async function putTarget(
  { events }: Place,
  rule: { readonly Rule: string; readonly EventBusName?: string },
  target: ReturnType<typeof targetOf>,
): Promise<void> {
  await ask(events, "PutTargets", { ...rule, Targets: [target] });
  const { Targets } = (await ask(events, "ListTargetsByRule", rule)) as { readonly Targets: readonly { Id: string }[] };
  const Ids = Targets.map(({ Id }) => Id).filter((id) => id !== target.Id);
  if (Ids.length > 0) await ask(events, "RemoveTargets", { ...rule, Ids });
}

async function createSchedules(place: Place, functionArns: Deployment["functionArns"]): Promise<void> {
  const { events, named } = place;
  for (const { name, expression, target } of SCHEDULES) {
    await ask(events, "PutRule", { Name: named(name), ScheduleExpression: expression, State: "ENABLED" });
    await putTarget(place, { Rule: named(name) }, targetOf(place, functionArns, target));
  }
}

/** Every target is retried and has dead letters, as the blueprint says; its input is the whole event. */
function targetOf({ region, accountId, named }: Place, functionArns: Deployment["functionArns"], name: FunctionName) {
  const { maximumRetryAttempts, maximumEventAgeSeconds, deadLetters } = DELIVERY;
  return {
    Id: name,
    Arn: functionArns[name],
    RetryPolicy: { MaximumRetryAttempts: maximumRetryAttempts, MaximumEventAgeInSeconds: maximumEventAgeSeconds },
    DeadLetterConfig: { Arn: `arn:aws:sqs:${region}:${accountId}:${named(deadLetters)}` },
  };
}

/** The secret whose tags prove that the trail delivers. */
async function createHeartbeatSecret({ secretsManager, named }: Place): Promise<string> {
  const secretId = { SecretId: named(HEARTBEAT_SECRET_NAME) };
  const found = (await ask(secretsManager, "DescribeSecret", secretId).catch(unless("ResourceNotFoundException"))) as
    | { ARN: string }
    | undefined;
  if (found !== undefined) return found.ARN;
  const request = { Name: secretId.SecretId, SecretString: "{}", ClientRequestToken: randomUUID() };
  return ((await ask(secretsManager, "CreateSecret", request)) as { ARN: string }).ARN;
}

async function ask(service: Service, operation: string, input: unknown): Promise<unknown> {
  const run = service.operations[operation];
  if (run === undefined) throw new Error(`The account's ${service.name} has no ${operation}.`);
  return await run(input);
}

function unless(name: string) {
  return (error: unknown): void => {
    if (!(error instanceof Error) || error.name !== name) throw error;
  };
}

function pathInProject(file: string): string {
  return fileURLToPath(new URL(file, PROJECT));
}
