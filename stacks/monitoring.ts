import { METRICS } from "../core/blueprint.ts";
import { OUTCOMES } from "../core/outcome.ts";
import {
  functionMetric,
  type Metric,
  machineMetric,
  outcomeMetric,
  queueMetric,
  rulesOf,
  sweepMetric,
} from "./metrics.ts";
import type { Topics } from "./notifications.ts";
import type { Grants } from "./permissions.ts";

interface Alarm {
  /** Also the section of the runbook. */
  readonly name: string;
  readonly says: string;
  /** More than one: their sum. */
  readonly metrics: readonly Metric[];
  readonly period: number;
  readonly periods?: number;
  /** It rings at this value and above; `below`: under it. */
  readonly threshold: number;
  readonly below?: true;
}

const MODES = ["native", "driven", "observed"];
const DAY = 86_400;

export function createMonitoring(grants: Grants, topics: Topics): void {
  const { names, deployment } = grants;
  for (const alarm of alarmsOf(grants)) createAlarm(alarm, grants, topics);
  new aws.cloudwatch.Dashboard("dashboard", {
    dashboardName: names.acrossRegions("rotations"),
    dashboardBody: JSON.stringify(dashboardOf(grants, deployment.runbook)),
  });
}

/** Rings to the topic of alarms, and says there when it is over. */
function createAlarm(alarm: Alarm, { names, deployment }: Grants, { alarms }: Topics): void {
  const { name, says, metrics, period, periods = 1, threshold, below } = alarm;
  const [only] = metrics;
  const measured =
    metrics.length === 1 && only !== undefined
      ? {
          namespace: only.namespace,
          metricName: only.metricName,
          dimensions: only.dimensions,
          statistic: only.stat,
          period,
        }
      : {
          metricQueries: [
            {
              id: "sum",
              expression: metrics.map((_each, index) => `FILL(m${index},0)`).join("+"),
              label: name,
              returnData: true,
            },
            ...metrics.map(({ stat, ...metric }, index) => ({ id: `m${index}`, metric: { ...metric, stat, period } })),
          ],
        };
  new aws.cloudwatch.MetricAlarm(`alarm-${name}`, {
    name: names.of(name),
    alarmDescription: `${says} Runbook: ${deployment.runbook}#${name}`,
    ...measured,
    evaluationPeriods: periods,
    threshold,
    comparisonOperator: below === true ? "LessThanThreshold" : "GreaterThanOrEqualToThreshold",
    // What has to be heard of regularly is missing when nothing comes.
    treatMissingData: below === true ? "breaching" : "notBreaching",
    alarmActions: [alarms.arn],
    okActions: [alarms.arn],
  });
}

function alarmsOf(grants: Grants): readonly Alarm[] {
  const executions = (metricName: string) => machineMetric(grants, metricName, "Sum");
  const dispatch = (metricName: string) => functionMetric(grants, "dispatch", metricName, "Sum");
  return [
    {
      name: "rollback-failed",
      says: "A rotation ended ROLLBACK_FAILED: a secret is frozen, and production may be broken.",
      metrics: MODES.map((mode) => outcomeMetric("ROLLBACK_FAILED", mode, METRICS.outcomes.rotations, "Sum")),
      period: 60,
      threshold: 1,
    },
    {
      name: "executions-failed",
      says: "A rotation did not end SUCCEEDED. The notification says which outcome it had.",
      metrics: [executions("ExecutionsFailed")],
      period: 300,
      threshold: 1,
    },
    {
      name: "executions-timed-out",
      says: "An execution timed out, which runs no rollback: its repair is asked for.",
      metrics: [executions("ExecutionsTimedOut")],
      period: 300,
      threshold: 1,
    },
    {
      name: "executions-aborted",
      says: "Somebody stopped an execution, which runs no rollback: its repair is asked for.",
      metrics: [executions("ExecutionsAborted")],
      period: 300,
      threshold: 1,
    },
    {
      name: "dead-letters",
      says: "An event was not heard, or an incident not told: the queue has it.",
      metrics: [queueMetric(grants)],
      period: 300,
      threshold: 1,
    },
    {
      name: "dead-letters-lost",
      says: "EventBridge could not even put an event into the queue: it is lost.",
      metrics: rulesOf(grants).map((dimensions) => ({
        ...{ namespace: "AWS/Events", metricName: "InvocationsFailedToBeSentToDlq", dimensions, stat: "Sum" as const },
      })),
      period: 300,
      threshold: 1,
    },
    {
      name: "dispatch-errors",
      says: "Events come that dispatch fails on.",
      metrics: [dispatch("Errors")],
      period: 300,
      threshold: 1,
    },
    {
      name: "dispatch-throttles",
      says: "Lambda throttles dispatch: rotations begin late.",
      metrics: [dispatch("Throttles")],
      period: 300,
      threshold: 1,
    },
    {
      name: "overdue",
      says: "A secret should have been rotated more than two days ago.",
      metrics: [sweepMetric(METRICS.sweeps.oldestOverdue, "Maximum")],
      period: 3600,
      threshold: 2 * DAY,
    },
    {
      name: "trail-silent",
      says: "What happens in the account does not reach Rotor's rules.",
      metrics: [sweepMetric(METRICS.sweeps.trailSilent, "Maximum")],
      period: 3600,
      threshold: 1,
    },
    {
      name: "heartbeat-missing",
      says: "Reconcile has not looked at every secret for two hours.",
      metrics: [sweepMetric(METRICS.sweeps.sweeps, "Sum")],
      period: 3600,
      periods: 2,
      threshold: 1,
      below: true,
    },
  ];
}

function dashboardOf(grants: Grants, runbook: string) {
  const outcomes = (metric: string, stat: Metric["stat"]) =>
    OUTCOMES.flatMap((outcome) => MODES.map((mode) => outcomeMetric(outcome, mode, metric, stat)));
  const steps = ["plan", "rotate", "dependents", "roll-back", "notify"] as const;
  const of = (metricName: string, stat: Metric["stat"]) =>
    steps.map((name) => functionMetric(grants, name, metricName, stat));
  const charts: readonly (readonly [title: string, metrics: readonly Metric[]])[] = [
    ["Rotations by outcome", outcomes(METRICS.outcomes.rotations, "Sum")],
    ["Duration of a rotation (p95, ms)", outcomes(METRICS.outcomes.duration, "p95")],
    ["Credential gap (maximum, ms)", outcomes(METRICS.outcomes.credentialGap, "Maximum")],
    ["How long a version was live that was taken back (ms)", outcomes(METRICS.outcomes.newWasLive, "Maximum")],
    ["Failed attempts of steps: what the workflow retries", of("Errors", "Sum")],
    ["Duration of steps (p95, ms)", of("Duration", "p95")],
    ["Oldest overdue rotation (s)", [sweepMetric(METRICS.sweeps.oldestOverdue, "Maximum")]],
    ["Dead letters", [queueMetric(grants)]],
    [
      "Executions",
      ["ExecutionsStarted", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"].map((each) =>
        machineMetric(grants, each, "Sum"),
      ),
    ],
  ];
  const text = {
    type: "text",
    x: 0,
    y: 0,
    width: 24,
    height: 1,
    properties: { markdown: `Alarms: [runbook](${runbook})` },
  };
  return {
    widgets: [text, ...charts.map(([title, metrics], index) => chart(title, metrics, index, grants.names.region))],
  };
}

function chart(title: string, metrics: readonly Metric[], index: number, region: string) {
  return {
    type: "metric",
    ...{ x: (index % 2) * 12, y: 1 + Math.floor(index / 2) * 6, width: 12, height: 6 },
    properties: {
      ...{ title, region, view: "timeSeries", period: 300 },
      metrics: metrics.map(({ namespace, metricName, dimensions, stat }) => [
        namespace,
        metricName,
        ...Object.entries(dimensions).flat(),
        { stat },
      ]),
    },
  };
}
