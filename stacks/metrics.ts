import { type FUNCTIONS, METRICS, STATE_MACHINE } from "../core/blueprint.ts";
import { DELIVERY, RULES, SCHEDULES } from "../core/triggers.ts";
import type { Grants } from "./permissions.ts";

/** One measure of CloudWatch's, as alarms and the dashboard name it. */
export interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly stat: "Sum" | "Maximum" | "Average" | "p95";
}

/** The dimensions of every rule: EventBridge leaves the default bus out. */
export function rulesOf({ names }: Grants): readonly Readonly<Record<string, string>>[] {
  return [
    ...RULES.map(({ name, bus }) => ({
      ...(bus === "default" ? {} : { EventBusName: names.of(bus) }),
      RuleName: names.of(name),
    })),
    ...SCHEDULES.map(({ name }) => ({ RuleName: names.of(`${name}-schedule`) })),
  ];
}

export function outcomeMetric(outcome: string, mode: string, metricName: string, stat: Metric["stat"]): Metric {
  return { namespace: METRICS.namespace, metricName, dimensions: { stage: $app.stage, outcome, mode }, stat };
}

export function sweepMetric(metricName: string, stat: Metric["stat"]): Metric {
  return { namespace: METRICS.namespace, metricName, dimensions: { stage: $app.stage }, stat };
}

export function machineMetric({ names }: Grants, metricName: string, stat: Metric["stat"]): Metric {
  const StateMachineArn = names.arn("states", `stateMachine:${names.of(STATE_MACHINE.name)}`);
  return { namespace: "AWS/States", metricName, dimensions: { StateMachineArn }, stat };
}

export function functionMetric(
  { names }: Grants,
  name: keyof typeof FUNCTIONS,
  metricName: string,
  stat: Metric["stat"],
): Metric {
  return { namespace: "AWS/Lambda", metricName, dimensions: { FunctionName: names.of(name) }, stat };
}

export function queueMetric({ names }: Grants): Metric {
  const QueueName = names.of(DELIVERY.deadLetters);
  return {
    namespace: "AWS/SQS",
    metricName: "ApproximateNumberOfMessagesVisible",
    dimensions: { QueueName },
    stat: "Maximum",
  };
}
