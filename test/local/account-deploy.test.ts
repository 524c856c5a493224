import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { FUNCTIONS, HEARTBEAT_SECRET_NAME, ROTATION_BUS, STATE_MACHINE } from "../../core/blueprint.ts";
import { RULES } from "../../core/triggers.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { type Deployment, deploy } from "../../local/deploy.ts";
import type { PutEvent } from "../../local/services/events.ts";
import type { Service } from "../../local/services/service.ts";

let account: Account;
let deployment: Deployment;
let heartbeatSecretArn: string;
const bundles = inject("bundles");

beforeAll(async () => {
  account = await startAccount({ region: "eu-central-1" });
  deployment = await deploy(account, { config: [], bundles, environment: { gate: { GATE_FIRST_PAUSE_MS: "5" } } });
  const described = await ask<{ ARN: string }>(account.secretsManager, "DescribeSecret", {
    SecretId: HEARTBEAT_SECRET_NAME,
  });
  heartbeatSecretArn = described.ARN;
});
afterAll(async () => {
  await account.close();
});

async function ask<T>(service: Service, operation: string, input: unknown): Promise<T> {
  return (await service.operations[operation]?.(input)) as T;
}

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (const deadline = Date.now() + 8_000; ; await new Promise((resolve) => setTimeout(resolve, 5))) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error("it was not seen in 8 s");
  }
}

test("every function of the blueprint loads from its bundle and refuses an event that is not its own; dispatch ignores it, and reconcile needs none", async () => {
  const takesAnything = {
    dispatch: expect.objectContaining({ decision: "ignored" }),
    reconcile: expect.objectContaining({ pages: 1 }),
  };
  for (const [name, result] of Object.entries(takesAnything)) {
    expect((await account.lambda.invoke(name, { not: "an event of ours" })).Payload).toEqual(result);
  }
  for (const name of Object.keys(FUNCTIONS).filter((each) => !(each in takesAnything))) {
    const answer = await account.lambda.invoke(name, { not: "an event of ours" });
    expect([name, answer.FunctionError, (answer.Payload as { errorType: string }).errorType]).toEqual([
      ...[name, "Unhandled", "EventInvalid"],
    ]);
  }
});

test("the state machine has the functions' ARNs in place of every placeholder", async () => {
  const { definition } = await ask<{ definition: string }>(account.states, "DescribeStateMachine", {
    stateMachineArn: deployment.stateMachineArn,
  });
  expect(definition).not.toContain("${");
  for (const name of Object.values(STATE_MACHINE.substitutions)) {
    expect(definition).toContain(deployment.functionArns[name]);
  }
});

/** One event that each rule is there for. */
const EXAMPLES: Readonly<Record<string, () => Pick<PutEvent, "source" | "detailType" | "detail">>> = {
  rotation: () => ({
    source: "aws.secretsmanager",
    detailType: "AWS Service Event via CloudTrail",
    detail: { eventSource: "secretsmanager.amazonaws.com", eventName: "RotationStarted" },
  }),
  "current-moved": () => ({
    source: "aws.secretsmanager",
    detailType: "Secret Label Updated",
    detail: { labelUpdated: "AWSCURRENT" },
  }),
  "current-moved-by-call": () =>
    // How the trail names the label is not confirmed.
    apiCall({ eventName: "UpdateSecretVersionStage", requestParameters: { VersionStage: "AWSCURRENT" } }),
  "secret-changed": () => apiCall({ eventName: "CancelRotateSecret" }),
  heartbeat: () => apiCall({ eventName: "TagResource", requestParameters: { secretId: heartbeatSecretArn } }),
  "execution-ended": () => ({
    source: "aws.states",
    detailType: "Step Functions Execution Status Change",
    detail: { status: "ABORTED", stateMachineArn: deployment.stateMachineArn },
  }),
  requested: () => ({ source: "test", detailType: "Rotation Requested", detail: {} }),
  rehearsed: () => ({
    source: "rotor.rotation",
    detailType: "Rotation Succeeded",
    detail: { rehearsal: { digest: "0123" } },
  }),
  incident: () => ({ source: "rotor.rotation", detailType: "Incident Detected", detail: {} }),
};

function apiCall(detail: object): Pick<PutEvent, "source" | "detailType" | "detail"> {
  return {
    source: "aws.secretsmanager",
    detailType: "AWS API Call via CloudTrail",
    detail: { eventSource: "secretsmanager.amazonaws.com", ...detail },
  };
}

test.each(RULES)("an event for rule $name on bus $bus reaches function $target", async ({ name, bus, target }) => {
  const before = account.calls().length;
  const example = EXAMPLES[name]?.();
  if (example === undefined) throw new Error(`Rule ${name} has no example.`);
  account.events.put({ ...example, bus });
  const newCalls = () => account.calls().slice(before);
  const invoked = await eventually(() => newCalls().find(({ caller }) => caller === "events"));
  expect(invoked).toMatchObject({ operation: "Invoke", input: { FunctionName: deployment.functionArns[target] } });
});

test("deploying again changes nothing but the configuration", async () => {
  expect(await deploy(account, { config: [], bundles })).toEqual(deployment);
  const { Rules } = await ask<{ Rules: unknown[] }>(account.events, "ListRules", { EventBusName: ROTATION_BUS });
  expect(Rules).toHaveLength(RULES.filter((rule) => rule.bus === ROTATION_BUS).length);
});

test("deploying again takes away what a rule called besides, as a journal of another release may have it", async () => {
  const [rule] = RULES;
  if (rule === undefined) throw new Error("There is no rule.");
  const of = { Rule: rule.name, EventBusName: rule.bus };
  const old = { Id: "old", Arn: deployment.functionArns.notify };
  await ask(account.events, "PutTargets", { ...of, Targets: [old] });
  await deploy(account, { config: [], bundles });
  const { Targets } = await ask<{ Targets: { Id: string }[] }>(account.events, "ListTargetsByRule", of);
  expect(Targets.map(({ Id }) => Id)).toEqual([rule.target]);
});

test("a function without a bundle is named", async () => {
  const { gate: _, ...others } = bundles;
  await expect(deploy(account, { config: [], bundles: others })).rejects.toThrow("Function gate has no bundle.");
});

test("an account that has the state machine of another release gets this one; what runs goes on with the one it began with", async () => {
  await using other = await startAccount();
  const definition = JSON.stringify({
    ...{ QueryLanguage: "JSONata", StartAt: "Wait" },
    States: { Wait: { Type: "Wait", Seconds: 3600, End: true } },
  });
  const roleArn = "arn:aws:iam::123456789012:role/other";
  const machine = { name: STATE_MACHINE.name, definition, roleArn };
  const created = await ask<{ stateMachineArn: string }>(other.states, "CreateStateMachine", machine);
  const started = await ask<{ executionArn: string }>(other.states, "StartExecution", created);

  const { stateMachineArn } = await deploy(other, { config: [], bundles });

  expect(stateMachineArn).toBe(created.stateMachineArn);
  const described = await ask<{ definition: string }>(other.states, "DescribeStateMachine", created);
  expect(JSON.parse(described.definition).StartAt).toBe("Plan");
  expect(await ask(other.states, "DescribeExecution", started)).toMatchObject({ status: "RUNNING" });
  const refused = { ...created, definition: "{}" };
  await expect(ask(other.states, "UpdateStateMachine", refused)).rejects.toMatchObject({ name: "InvalidDefinition" });
  await expect(ask(other.states, "UpdateStateMachine", created)).rejects.toMatchObject({
    name: "MissingRequiredParameter",
  });
});
