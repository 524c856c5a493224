import { beforeAll, describe, expect, inject, test } from "vitest";
import { METRICS } from "../../core/blueprint.ts";
import { ACCOUNT, LEFT_OUT, REGION } from "./aws-calls.ts";
import type { Resource } from "./harness/graph.ts";
import { type Deployed, deployToMoto, isInstalled } from "./moto.ts";

const NOBODY = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:nobody`;
/** Name of a resource -> what is wrong with it. */
const FAULTS: Readonly<Record<string, (resource: Resource) => Partial<Resource>>> = {
  "rotation-target": ({ inputs }) => ({ inputs: { ...inputs, arn: NOBODY } }),
  "roll-backRole": ({ inputs }) => ({ inputs: JSON.parse(JSON.stringify(inputs).replaceAll("Allow", "Permit")) }),
  workflow: ({ inputs }) => ({
    inputs: { ...inputs, definition: inputs.definition.replaceAll('"Choice"', '"Choose"') },
  }),
  "topic-email": ({ inputs }) => ({ inputs: { ...inputs, name: "not a name" } }),
  planFunction: () => ({ dependsOn: [] }),
  "alarm-dispatch-errors": ({ inputs }) => ({ inputs: { ...inputs, dimensions: { FunctionName: "nobody" } } }),
};

/** moto is a Python program that answers as AWS does, wire and refusals. Where python3 does not have it, this is said. */
const { production } = inject("graphs");
const WHY_NOT = "not run: python3 has no moto with its server";
if (!isInstalled) console.info(`The graph in a moto server: ${WHY_NOT}`);

describe.skipIf(!isInstalled)(`the graph in a moto server${isInstalled ? "" : ` (${WHY_NOT})`}`, () => {
  let account: readonly Deployed[];
  beforeAll(async () => {
    account = await deployToMoto(production);
  }, 60_000);

  test("is created whole, in the order of its dependencies", () => {
    expect(account.flatMap(({ refused }) => refused)).toEqual([]);
    const ofAws = production.resources.filter(({ type }) => type.startsWith("aws:"));
    expect(account.length).toBe(ofAws.filter(({ type }) => LEFT_OUT[type] === undefined).length);
  });

  test("is there as it was declared: policies, patterns, definition, settings", () => {
    for (const { resource, read } of account) {
      expect(read.length, resource.urn).toBeGreaterThan(0);
      for (const { told, says } of read) expect(says, resource.urn).toMatchObject(told);
    }
  });

  test("every rule has a target that was created, which it may call, with retries and dead letters", () => {
    const arns = arnsOf(account);
    const rules = of(account, "aws:cloudwatch/eventRule:EventRule");
    expect(rules.length).toBeGreaterThan(5);
    for (const rule of rules) {
      const [target, ...others] = targetsOf(account, rule);
      expect(others, rule.arn).toEqual([]);
      expect(target.RetryPolicy.MaximumRetryAttempts, rule.arn).toBeGreaterThan(0);
      expect(arns, rule.arn).toContain(target.DeadLetterConfig.Arn);
      const isForeign = !target.Arn.includes(`:${ACCOUNT}:`);
      if (isForeign) expect(arns, rule.arn).toContain(target.RoleArn);
      else expect(callersOf(account, target.Arn), rule.arn).toContain(rule.arn);
    }
  });

  test("nothing speaks of what was not created", () => {
    expect(strangers(account)).toEqual([]);
  });

  test("every alarm looks at what was created", () => {
    expect(deafAlarms(account)).toEqual([]);
  });

  test("every task of the state machine calls a function that was created", () => {
    const [machine] = of(account, "aws:sfn/stateMachine:StateMachine");
    const called = JSON.stringify(machine?.read[0]?.says.definition).matchAll(/"FunctionName":"([^"]+)"/g);
    const functions = new Set([...called].map(([, arn]) => arn));
    expect(functions.size).toBeGreaterThan(3);
    const created = of(account, "aws:lambda/function:Function").map(({ arn }) => arn);
    for (const arn of functions) expect(created).toContain(arn);
  });

  test("notices each fault of a graph that has some", async () => {
    const resources = production.resources.map((each) => ({ ...each, ...FAULTS[each.name]?.(each) }));
    const broken = await deployToMoto({ resources });
    const refused = broken.flatMap((each) => each.refused).join("\n");
    expect(refused).toMatch(/roll-backRole: .*MalformedPolicyDocument/);
    expect(refused).toMatch(/workflow: .*CreateStateMachine.*at \\?"Choose"/);
    expect(refused).toMatch(/topic-email: .*InvalidParameter/);
    expect(refused).toMatch(/planFunction: .*role defined for the function cannot be assumed/);
    expect(strangers(broken)).toContain(`rotation-target: ${NOBODY}`);
    expect(deafAlarms(broken)).toContain("alarm-dispatch-errors: :function:nobody");
  }, 60_000);
});

test.each(Object.entries(LEFT_OUT))("%s is left out: %s", (type) => {
  expect(production.resources.map((each) => each.type)).toContain(type);
});

function of(account: readonly Deployed[], type: string): readonly Deployed[] {
  return account.filter(({ resource }) => resource.type === type);
}

function arnsOf(account: readonly Deployed[]): readonly string[] {
  return account.flatMap(({ arn }) => arn ?? []);
}

/** The rule's targets, as moto has them. */
function targetsOf(account: readonly Deployed[], { resource: { inputs } }: Deployed) {
  const own = of(account, "aws:cloudwatch/eventTarget:EventTarget").filter(
    ({ resource }) => resource.inputs.rule === inputs.name && resource.inputs.eventBusName === inputs.eventBusName,
  );
  return own.flatMap(({ read }) => read.flatMap(({ says }) => says.Targets));
}

/** The ARNs of whom the function's own policy lets call it. */
function callersOf(account: readonly Deployed[], functionArn: string): readonly string[] {
  const policies = of(account, "aws:lambda/permission:Permission").flatMap(({ read }) =>
    read.map(({ says }) => says.Policy),
  );
  return policies
    .flatMap(({ Statement }) => Statement)
    .filter(({ Resource }) => Resource === functionArn)
    .flatMap(({ Condition }) => Condition?.ArnLike?.["AWS:SourceArn"] ?? []);
}

/** "who: ARN" of this account's, of the services whose resources are all in the graph, that nothing created has. */
function strangers(account: readonly Deployed[]): readonly string[] {
  const spoken = new RegExp(`arn:aws:(lambda|states|sqs|sns|events|iam|logs|cloudwatch):[^:]*:${ACCOUNT}:[^"]+`, "g");
  const arns = arnsOf(account);
  const isThere = (arn: string) => {
    // An execution is its state machine's, and ":*" are a log group's streams.
    const named = arn.replace(/:execution:([^:]+):.*/, ":stateMachine:$1").replace(/:\*$/, "");
    return named.endsWith("*") ? arns.some((each) => each.startsWith(named.slice(0, -1))) : arns.includes(named);
  };
  return account.flatMap(({ resource, read }) =>
    [...JSON.stringify(read.map(({ says }) => says ?? null)).matchAll(spoken)]
      .filter(([arn]) => !isThere(arn))
      .map(([arn]) => `${resource.name}: ${arn}`),
  );
}

/** The end of the ARN of what a metric of AWS's is about. */
const MEASURED: Readonly<Record<string, (dimensions: Readonly<Record<string, string>>) => string>> = {
  "AWS/Lambda": ({ FunctionName }) => `:function:${FunctionName}`,
  "AWS/SQS": ({ QueueName }) => `:${QueueName}`,
  "AWS/States": ({ StateMachineArn }) => `${StateMachineArn}`,
  "AWS/Events": ({ EventBusName: bus, RuleName }) => `:rule/${bus === undefined ? "" : `${bus}/`}${RuleName}`,
};

/** "alarm: what it looks at in vain". The project's own metrics are nobody's resource. */
function deafAlarms(account: readonly Deployed[]): readonly string[] {
  const arns = arnsOf(account);
  const alarms = of(account, "aws:cloudwatch/metricAlarm:MetricAlarm");
  return alarms.flatMap(({ resource, read }) =>
    metricsOf(read[0]?.says.MetricAlarms[0])
      .filter(({ Namespace }) => Namespace !== METRICS.namespace)
      .map(({ Namespace, Dimensions }) => {
        const dimensions = Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value]));
        return MEASURED[Namespace]?.(dimensions) ?? Namespace;
      })
      .filter((end) => !arns.some((arn) => arn.endsWith(end)))
      .map((end) => `${resource.name}: ${end}`),
  );
}

interface Metric {
  readonly Namespace: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
}

function metricsOf(alarm: Metric & { Metrics: { MetricStat?: { Metric: Metric } }[] }): readonly Metric[] {
  return alarm.Metrics.length === 0 ? [alarm] : alarm.Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);
}
