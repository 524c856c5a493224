import { type FunctionName, METRICS } from "../core/blueprint.ts";
import type { FunctionId } from "../core/deployed-functions.ts";
import { OUTCOMES } from "../core/outcome.ts";
import { OUTCOME_MODES } from "../core/outcome-modes.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import { functionsOf, type Grants } from "./grants.ts";
import { functionMetric, type Metric, machineMetric, outcomeMetric, queueMetric, stageMetric } from "./metrics.ts";

const STEPS: readonly FunctionName[] = ["plan", "rotate", "dependents", "roll-back", "notify"];

/** CloudWatch's own JSON. */
export function dashboardOf(grants: Grants, runbook: string) {
  const text = {
    type: "text",
    x: 0,
    y: 0,
    width: 24,
    height: 1,
    properties: { markdown: `Alarms: [runbook](${runbook})` },
  };
  const charts = chartsOf(grants).map(([title, metrics], index) => chart(title, metrics, index, grants.names.region));
  return { widgets: [text, ...charts] };
}

function chartsOf(grants: Grants): readonly (readonly [title: string, metrics: readonly Metric[]])[] {
  const outcomes = (metric: string, stat: Metric["stat"]) =>
    OUTCOMES.flatMap((outcome) => OUTCOME_MODES.map((mode) => outcomeMetric(outcome, mode, metric, stat)));
  const of = (ids: readonly FunctionId[], metricName: string, stat: Metric["stat"]) =>
    ids.map((id) => functionMetric(grants, id, metricName, stat));
  const steps = functionsOf(grants).flatMap(({ id, name }) => (STEPS.includes(name) ? [id] : []));
  const { sweeps } = METRICS;
  return [
    ["Rotations by outcome", outcomes(METRICS.outcomes.rotations, "Sum")],
    [
      "Duration of a rotation, waits for its window and soak included (p95, ms)",
      outcomes(METRICS.outcomes.duration, "p95"),
    ],
    ["Credential gap (maximum, ms)", outcomes(METRICS.outcomes.credentialGap, "Maximum")],
    ["How long a version was live that was taken back (ms)", outcomes(METRICS.outcomes.newWasLive, "Maximum")],
    ["Errors of steps: those that are not retried, too, but no throttled attempts", of(steps, "Errors", "Sum")],
    ["Duration of steps (p95, ms)", of(steps, "Duration", "p95")],
    ["Oldest overdue rotation (s)", [stageMetric(sweeps.oldestOverdue, "Maximum")]],
    [
      "Frozen secrets, and what reconcile could not look at",
      [stageMetric(sweeps.frozenSecrets, "Maximum"), stageMetric(sweeps.looksFailed, "Sum")],
    ],
    [
      "Dead letters: in the queue, given up by Lambda, lost by it",
      [
        queueMetric(grants),
        ...of(ON_FAILURE.functions, "AsyncEventsDropped", "Sum"),
        ...of(ON_FAILURE.functions, "DestinationDeliveryFailures", "Sum"),
      ],
    ],
    [
      "Executions",
      ["ExecutionsStarted", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"].map((each) =>
        machineMetric(grants, each, "Sum"),
      ),
    ],
  ];
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
