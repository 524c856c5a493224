import { METRICS } from "../../core/blueprint.ts";
import { ACCOUNT } from "./aws-calls.ts";
import type { Deployed } from "./moto.ts";

// What moto's account has, and what in it leads nowhere.

export function of(account: readonly Deployed[], type: string): readonly Deployed[] {
  return account.filter(({ resource }) => resource.type === type);
}

export function arnsOf(account: readonly Deployed[]): readonly string[] {
  return account.flatMap(({ arn }) => arn ?? []);
}

/** The rule's targets, as moto has them. */
export function targetsOf(account: readonly Deployed[], { resource: { inputs } }: Deployed) {
  const own = of(account, "aws:cloudwatch/eventTarget:EventTarget").filter(
    ({ resource }) => resource.inputs.rule === inputs.name && resource.inputs.eventBusName === inputs.eventBusName,
  );
  return own.flatMap(({ read }) => read.flatMap(({ says }) => says.Targets));
}

/** The ARNs of whom the function's own policy lets call it. */
export function callersOf(account: readonly Deployed[], functionArn: string): readonly string[] {
  const policies = of(account, "aws:lambda/permission:Permission").flatMap(({ read }) =>
    read.map(({ says }) => says.Policy),
  );
  return policies
    .flatMap(({ Statement }) => Statement)
    .filter(({ Resource }) => Resource === functionArn)
    .flatMap(({ Condition }) => Condition?.ArnLike?.["AWS:SourceArn"] ?? []);
}

/** "who: ARN" of this account's, of the services whose resources are all in the graph, that nothing created has. */
export function strangers(account: readonly Deployed[]): readonly string[] {
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

/** "alarm: what it looks at in vain". The project's own metrics are nobody's resource. */
export function deafAlarms(account: readonly Deployed[]): readonly string[] {
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

/** The end of the ARN of what a metric of AWS's is about. */
const MEASURED: Readonly<Record<string, (dimensions: Readonly<Record<string, string>>) => string>> = {
  "AWS/Lambda": ({ FunctionName }) => `:function:${FunctionName}`,
  "AWS/SQS": ({ QueueName }) => `:${QueueName}`,
  "AWS/States": ({ StateMachineArn }) => `${StateMachineArn}`,
  "AWS/Events": ({ EventBusName: bus, RuleName }) => `:rule/${bus === undefined ? "" : `${bus}/`}${RuleName}`,
};

interface Metric {
  readonly Namespace: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
}

function metricsOf(alarm: Metric & { Metrics: { MetricStat?: { Metric: Metric } }[] }): readonly Metric[] {
  return alarm.Metrics.length === 0 ? [alarm] : alarm.Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);
}
