import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { STATE_MACHINE, TOPICS } from "../../core/blueprint.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { bundleProject, type Deployment, deploy } from "../../local/deploy.ts";
import type { Service } from "../../local/services/service.ts";
import { all, one } from "./harness/graph.ts";

/** The embedded account and the stacks are asked what they have, and not what they have read. */
const graph = inject("graphs").dev;
let account: Account;
let deployment: Deployment;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rotor-same-"));
  account = await startAccount({ region: "eu-west-1" });
  deployment = await deploy(account, { config: [], bundles: await bundleProject(directory) });
});
afterAll(async () => {
  await account.close();
  await rm(directory, { recursive: true, force: true });
});

async function ask<T>(service: Service, operation: string, input: unknown): Promise<T> {
  return (await service.operations[operation]?.(input)) as T;
}

interface Rule {
  readonly Name: string;
  readonly EventBusName?: string;
  readonly EventPattern?: string;
  readonly ScheduleExpression?: string;
}
interface Target {
  readonly Arn: string;
  readonly RetryPolicy: unknown;
  readonly DeadLetterConfig: { readonly Arn: string };
}

describe("what runs locally is what deploys", () => {
  test("the same rules and schedules, with the same patterns, targets, retries and dead letters", async () => {
    const local = new Map<string, unknown>();
    for (const EventBusName of ["default", "rotation"]) {
      const { Rules } = await ask<{ Rules: Rule[] }>(account.events, "ListRules", { EventBusName });
      for (const { Name, EventPattern, ScheduleExpression } of Rules) {
        const { Targets } = await ask<{ Targets: Target[] }>(account.events, "ListTargetsByRule", {
          Rule: Name,
          EventBusName,
        });
        const [target, ...others] = Targets;
        expect(others).toEqual([]);
        local.set(Name, {
          bus: EventBusName,
          pattern: EventPattern === undefined ? undefined : normalise(EventPattern),
          schedule: ScheduleExpression,
          target: target?.Arn.split(":").at(-1),
          retry: target?.RetryPolicy,
          deadLetters: target?.DeadLetterConfig.Arn.split(":").at(-1),
        });
      }
    }
    const deployed = new Map<string, unknown>();
    const targets = all(graph, "aws:cloudwatch/eventTarget:EventTarget");
    for (const { inputs } of all(graph, "aws:cloudwatch/eventRule:EventRule")) {
      const target = targets.find((each) => each.inputs.rule === inputs.name)?.inputs;
      deployed.set(short(inputs.name).replace(/-schedule$/, ""), {
        bus: inputs.eventBusName === undefined ? "default" : short(inputs.eventBusName),
        pattern: inputs.eventPattern === undefined ? undefined : normalise(inputs.eventPattern),
        schedule: inputs.scheduleExpression,
        target: short(target.arn.split(":").at(-1)),
        retry: {
          MaximumRetryAttempts: target.retryPolicy.maximumRetryAttempts,
          MaximumEventAgeInSeconds: target.retryPolicy.maximumEventAgeInSeconds,
        },
        deadLetters: short(target.deadLetterConfig.arn.split(":").at(-1)),
      });
    }
    expect(Object.fromEntries([...deployed].sort())).toEqual(Object.fromEntries([...local].sort()));
  });

  test("the same state machine", async () => {
    const { stateMachineArn } = deployment;
    const { definition } = await ask<{ definition: string }>(account.states, "DescribeStateMachine", {
      stateMachineArn,
    });
    const machine = one(graph, "aws:sfn/stateMachine:StateMachine", "workflow").inputs;
    expect(short(machine.name)).toBe(STATE_MACHINE.name);
    expect(JSON.parse(normalise(machine.definition))).toEqual(JSON.parse(normalise(definition)));
  });

  test("the same functions, topics, bus and digest of the definition", () => {
    const functions = all(graph, "aws:lambda/function:Function").map(({ inputs }) => short(inputs.name));
    expect(functions.sort()).toEqual(Object.keys(deployment.functionArns).sort());
    const topics = all(graph, "aws:sns/topic:Topic").map(({ inputs }) => short(inputs.name));
    const local = TOPICS.map((topic) => deployment.topicArns[topic].split(":").at(-1) ?? "");
    // CloudWatch's alarms have one besides.
    expect(topics.sort()).toEqual([...local, "rotation-alarms"].sort());
    expect(short(one(graph, "aws:cloudwatch/eventBus:EventBus", "bus").inputs.name)).toBe(deployment.busName);
  });
});

/** Without app and stage, and without what AWS adds to a secret's name. */
function normalise(text: string): string {
  return text
    .replaceAll("rotor-dev-", "")
    .replace(/heartbeat-\w{6}/g, "heartbeat-XXXXXX")
    .replaceAll("000000000000", "123456789012");
}

function short(name: string): string {
  return name.replace(/^rotor-dev-/, "");
}
