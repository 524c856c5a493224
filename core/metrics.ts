import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { METRICS } from "./blueprint.ts";
import type { OUTCOMES } from "./outcome.ts";
import { toOutcomeMode } from "./outcome-modes.ts";

export interface OutcomeMeasured {
  readonly stage: string;
  readonly outcome: (typeof OUTCOMES)[number];
  /** As the workflow reports it: any text. What is none of OUTCOME_MODES is measured as "unknown". */
  readonly mode: string;
  /** From the execution's start, in milliseconds; absent where that is not known. */
  readonly durationMs?: number | undefined;
  /** How long AWSCURRENT may not have signed in, in milliseconds, at most; absent where both credentials work, and where it is not known. */
  readonly credentialGapMs?: number | null | undefined;
  /** How long AWSCURRENT named a version that was taken back, in milliseconds; absent where none was. */
  readonly newWasLiveMs?: number | null | undefined;
}

export interface SweepMeasured {
  readonly stage: string;
  /** Whether it has looked at everything: it may go on in another invocation. */
  readonly complete: boolean;
  /** How late the rotation is that should have been made longest ago, in milliseconds; 0 for none. */
  readonly oldestOverdueMs: number;
  readonly trailSilent: boolean;
  /** Secrets with ROTATION_FROZEN. */
  readonly frozenSecrets: number;
  /** What could not be looked at. */
  readonly looksFailed: number;
}

/** Writes the metrics of one outcome to the log, from which CloudWatch takes them. */
export function recordOutcome({
  stage,
  outcome,
  mode,
  durationMs,
  credentialGapMs,
  newWasLiveMs,
}: OutcomeMeasured): void {
  const rollbacks = begin();
  rollbacks.addDimension("stage", stage);
  rollbacks.addMetric(METRICS.rollbacks.failed, MetricUnit.Count, outcome === "ROLLBACK_FAILED" ? 1 : 0);
  rollbacks.publishStoredMetrics();
  const metrics = begin();
  metrics.addDimension("stage", stage);
  metrics.addDimension("outcome", outcome);
  metrics.addDimension("mode", toOutcomeMode(mode));
  metrics.addMetric(METRICS.outcomes.rotations, MetricUnit.Count, 1);
  if (durationMs !== undefined) {
    metrics.addMetric(METRICS.outcomes.duration, MetricUnit.Milliseconds, Math.max(0, durationMs));
  }
  if (credentialGapMs != null) {
    metrics.addMetric(METRICS.outcomes.credentialGap, MetricUnit.Milliseconds, credentialGapMs);
  }
  if (newWasLiveMs != null) metrics.addMetric(METRICS.outcomes.newWasLive, MetricUnit.Milliseconds, newWasLiveMs);
  metrics.publishStoredMetrics();
}

/** Writes the metrics of a sweep of reconcile, or of a part of one, to the log. */
export function recordSweep(sweep: SweepMeasured): void {
  const { stage, complete, oldestOverdueMs, trailSilent, frozenSecrets, looksFailed } = sweep;
  const metrics = begin();
  metrics.addDimension("stage", stage);
  metrics.addMetric(METRICS.sweeps.sweeps, MetricUnit.Count, complete ? 1 : 0);
  metrics.addMetric(METRICS.sweeps.oldestOverdue, MetricUnit.Seconds, Math.round(oldestOverdueMs / 1000));
  metrics.addMetric(METRICS.sweeps.trailSilent, MetricUnit.Count, trailSilent ? 1 : 0);
  metrics.addMetric(METRICS.sweeps.frozenSecrets, MetricUnit.Count, frozenSecrets);
  metrics.addMetric(METRICS.sweeps.looksFailed, MetricUnit.Count, looksFailed);
  metrics.publishStoredMetrics();
}

/** Powertools adds the service as a dimension of its own, which multiplies what CloudWatch bills. */
function begin(): Metrics {
  const metrics = new Metrics({ namespace: METRICS.namespace });
  metrics.clearDefaultDimensions();
  return metrics;
}
