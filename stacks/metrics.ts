import { METRICS, ROTATION_BUS, STATE_MACHINE } from "../core/blueprint.ts";
import type { FunctionId } from "../core/deployed-functions.ts";
import type { OUTCOMES } from "../core/outcome.ts";
import type { OutcomeMode } from "../core/outcome-modes.ts";
import { DELIVERY, RULES, SCHEDULES } from "../core/triggers.ts";
import { rehearsalRule } from "./events.ts";
import type { Grants } from "./grants.ts";

/** One measure of CloudWatch's, as alarms and the dashboard name it. */
export interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly stat: "Sum" | "Maximum" | "Average" | "p95";
}

/** The dimensions of every rule: EventBridge leaves the default bus out. */
export function rulesOf({ names, deployment }: Grants): readonly Readonly<Record<string, string>>[] {
  return [
    ...RULES.map(({ name, bus }) => ({
      ...(bus === "default" ? {} : { EventBusName: names.of(bus) }),
      RuleName: names.of(name),
    })),
    ...SCHEDULES.map(({ name }) => ({ RuleName: names.of(`${name}-schedule`) })),
    ...deployment.rehearsesFor.map((_each, index) => ({
      ...{ EventBusName: names.of(ROTATION_BUS), RuleName: names.of(rehearsalRule(index)) },
    })),
  ];
}

export function outcomeMetric(
  outcome: (typeof OUTCOMES)[number],
  mode: OutcomeMode,
  metricName: string,
  stat: Metric["stat"],
): Metric {
  return { namespace: METRICS.namespace, metricName, dimensions: { stage: $app.stage, outcome, mode }, stat };
}

/** Of ours, by stage alone. */
export function stageMetric(metricName: string, stat: Metric["stat"]): Metric {
  return { namespace: METRICS.namespace, metricName, dimensions: { stage: $app.stage }, stat };
}

export function machineMetric({ names }: Grants, metricName: string, stat: Metric["stat"]): Metric {
  const StateMachineArn = names.arn("states", `stateMachine:${names.of(STATE_MACHINE.name)}`);
  return { namespace: "AWS/States", metricName, dimensions: { StateMachineArn }, stat };
}

export function functionMetric({ names }: Grants, id: FunctionId, metricName: string, stat: Metric["stat"]): Metric {
  return { namespace: "AWS/Lambda", metricName, dimensions: { FunctionName: names.of(id) }, stat };
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
