import { METRICS } from "../core/blueprint.ts";
import { ON_FAILURE } from "../core/triggers.ts";
import type { Grants } from "./grants.ts";
import { functionMetric, type Metric, machineMetric, queueMetric, rulesOf, stageMetric } from "./metrics.ts";

export interface Alarm {
  /** Also the section of the runbook, where `section` says no other. */
  readonly name: string;
  readonly section?: string;
  readonly says: string;
  /** At most 10, CloudWatch's most for an alarm. More than one: their sum. */
  readonly metrics: readonly Metric[];
  /** In seconds. */
  readonly period: number;
  /** In how many of the last periods the threshold has to be reached. */
  readonly periods: readonly [reached: number, of: number];
  /** It is reached at this value and above; `below`: under it. */
  readonly threshold: number;
  readonly below?: true;
  /**
   * A state lasts until it is put right, and the alarm says when it was. An event has happened: when CloudWatch has forgotten it,
   * nothing is over.
   */
  readonly about: "state" | "event";
}

const MOST_METRICS = 10;
const DAY = 86_400;

/** Values come minutes late, those from logs above all: one that later periods have overtaken is seen all the same. */
const EVENT = { about: "event", period: 300, periods: [1, 3], threshold: 1 } as const;
/** Reconcile measures several times an hour, and CloudWatch looks at the last hour every minute. */
const LASTING = { about: "state", period: 3600, periods: [1, 1], threshold: 1 } as const;

export function alarmsOf(grants: Grants): readonly Alarm[] {
  const executions = (metricName: string) => [machineMetric(grants, metricName, "Sum")];
  const dispatch = (metricName: string) => [functionMetric(grants, "dispatch", metricName, "Sum")];
  const notify = (metricName: string) => [functionMetric(grants, "notify", metricName, "Sum")];
  const { sweeps } = METRICS;
  return [
    {
      ...{ ...EVENT, period: 60, periods: [1, 10] },
      name: "rollback-failed",
      says: "A rotation ended ROLLBACK_FAILED: a secret is frozen, and production may be broken.",
      metrics: [stageMetric(METRICS.rollbacks.failed, "Sum")],
    },
    {
      ...LASTING,
      name: "secrets-frozen",
      says: "A secret is frozen: its rollback failed, production may be broken, and it is not rotated until a person has acted.",
      metrics: [stageMetric(sweeps.frozenSecrets, "Maximum")],
    },
    {
      ...EVENT,
      name: "executions-failed",
      says: "An execution did not end SUCCEEDED. The notification says which outcome it had. What is meant to be rolled back rings, too: the first part of a rehearsal, a repair (-r1 and on), the rollback that is tried with a first deployment.",
      metrics: executions("ExecutionsFailed"),
    },
    {
      ...EVENT,
      name: "executions-timed-out",
      says: "An execution timed out, which runs no rollback: its repair is asked for.",
      metrics: executions("ExecutionsTimedOut"),
    },
    {
      ...EVENT,
      name: "executions-aborted",
      says: "Somebody stopped an execution, which runs no rollback: its repair is asked for.",
      metrics: executions("ExecutionsAborted"),
    },
    {
      ...{ ...LASTING, period: 300 },
      name: "dead-letters",
      says: "An event was not heard, or an incident not told: the queue has it.",
      metrics: [queueMetric(grants)],
    },
    ...lost(grants),
    {
      ...EVENT,
      name: "invocations-lost",
      says: "Lambda could not put into the queue what a function had failed on: it is lost.",
      metrics: ON_FAILURE.functions.map((name) => functionMetric(grants, name, "DestinationDeliveryFailures", "Sum")),
    },
    {
      // Once in a while a read shows the past, and the next try works. What fails three times is in the queue.
      ...{ ...EVENT, period: 900, threshold: 3 },
      name: "dispatch-errors",
      says: "Events come that dispatch fails on, again and again.",
      metrics: dispatch("Errors"),
    },
    {
      ...EVENT,
      name: "dispatch-throttles",
      says: "Lambda throttles dispatch: rotations begin late.",
      metrics: dispatch("Throttles"),
    },
    {
      ...EVENT,
      name: "notify-errors",
      says: "notify fails: an outcome or an incident may be told to nobody, nor be measured.",
      metrics: notify("Errors"),
    },
    {
      ...EVENT,
      name: "notify-throttles",
      says: "Lambda throttles notify: what has happened is told late, or not at all.",
      metrics: notify("Throttles"),
    },
    {
      ...{ ...LASTING, threshold: 2 * DAY },
      name: "overdue",
      says: "A secret should have been rotated more than two days ago.",
      metrics: [stageMetric(sweeps.oldestOverdue, "Maximum")],
    },
    {
      ...LASTING,
      name: "trail-silent",
      says: "What happens in the account does not reach Rotor's rules.",
      metrics: [stageMetric(sweeps.trailSilent, "Maximum")],
    },
    {
      // A look that was throttled is made up for in the next sweep: one alone, or two, ring nobody up.
      ...{ ...LASTING, period: 900, periods: [3, 4] },
      name: "looks-failed",
      says: "Sweep after sweep, reconcile cannot look at everything: what it cannot see, nobody is told.",
      metrics: [stageMetric(sweeps.looksFailed, "Sum")],
    },
    {
      ...{ ...LASTING, periods: [2, 2] },
      name: "heartbeat-missing",
      says: "Reconcile has not come to the end of a sweep for two hours. On a new stage it rings until the first one.",
      metrics: [stageMetric(sweeps.sweeps, "Sum")],
      below: true,
    },
  ];
}

/** An alarm for every ten rules. */
function lost(grants: Grants): readonly Alarm[] {
  const rules = rulesOf(grants);
  const name = "dead-letters-lost";
  return Array.from({ length: Math.ceil(rules.length / MOST_METRICS) }, (_each, index) => ({
    ...EVENT,
    name: index === 0 ? name : `${name}-${index + 1}`,
    section: name,
    says: "EventBridge could not even put an event into the queue: it is lost.",
    metrics: rules.slice(index * MOST_METRICS, (index + 1) * MOST_METRICS).map((dimensions) => ({
      ...{ namespace: "AWS/Events", metricName: "InvocationsFailedToBeSentToDlq", dimensions, stat: "Sum" as const },
    })),
  }));
}
