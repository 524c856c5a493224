import { describe, expect, test } from "vitest";
import { METRICS } from "../../core/blueprint.ts";
import { recordOutcome, recordSweep } from "../../core/metrics.ts";
import { OUTCOMES } from "../../core/outcome.ts";
import { OUTCOME_MODES, toOutcomeMode } from "../../core/outcome-modes.ts";
import { rotationInput } from "../../core/rotation-input.ts";
import { rotationPlan } from "../../core/rotation-plan.ts";
import { type Measured, measuredBy } from "../support/measured.ts";

test("an outcome is counted and timed by stage, outcome and mode, and nothing else", () => {
  const measured = measuredBy(() => {
    recordOutcome({
      ...{ stage: "dev", outcome: "ROLLED_BACK", mode: "native" },
      ...{ durationMs: 61_000, credentialGapMs: 0, newWasLiveMs: 900 },
    });
  });
  const dimensions = { stage: "dev", outcome: "ROLLED_BACK", mode: "native" };
  expect(of(measured, dimensions)).toEqual({
    ...{ Rotations: 1, RotationDuration: 61_000, CredentialGap: 0, NewWasLive: 900 },
  });
  expect(of(measured, { stage: "dev" })).toEqual({ RollbacksFailed: 0 });
  expect(measured).toHaveLength(5);
  for (const { namespace } of measured) expect(namespace).toBe(METRICS.namespace);
});

test("an outcome has no measure of a gap that is not known, and none of how long a version was live that was not taken back", () => {
  const measured = measuredBy(() =>
    recordOutcome({ stage: "dev", outcome: "REJECTED", mode: "driven", durationMs: -5 }),
  );
  expect(of(measured, { stage: "dev", outcome: "REJECTED", mode: "driven" })).toEqual({
    Rotations: 1,
    RotationDuration: 0,
  });
});

describe("a failed rollback is measured by stage alone, so that one alarm hears it", () => {
  test.each(OUTCOME_MODES.flatMap((mode) => OUTCOMES.map((outcome) => [outcome, mode] as const)))(
    "%s in mode %s",
    (outcome, mode) => {
      const measured = measuredBy(() => recordOutcome({ stage: "dev", outcome, mode, durationMs: 1 }));
      expect(of(measured, { stage: "dev" })).toEqual({ RollbacksFailed: outcome === "ROLLBACK_FAILED" ? 1 : 0 });
      expect(of(measured, { stage: "dev", outcome, mode })).toMatchObject({ Rotations: 1 });
    },
  );
});

test("modes are those of executions and of their plans, and every other text is one mode, not a metric of its own", () => {
  const declared = [...rotationInput.shape.mode.options, ...rotationPlan.shape.mode.options];
  for (const mode of declared) expect(toOutcomeMode(mode)).toBe(mode);
  expect([...OUTCOME_MODES].sort()).toEqual([...new Set<string>(declared), "unknown"].sort());
  for (const text of ["sideways", "", "NATIVE", "toString"]) expect(toOutcomeMode(text)).toBe("unknown");
  const measured = measuredBy(() =>
    recordOutcome({ stage: "dev", outcome: "ROLLBACK_FAILED", mode: "sideways", durationMs: 1 }),
  );
  expect(of(measured, { stage: "dev", outcome: "ROLLBACK_FAILED", mode: "unknown" })).toMatchObject({ Rotations: 1 });
});

test("a sweep says by stage alone whether it was whole, what is overdue, in seconds, whether the trail is silent, what is frozen, and what it could not look at", () => {
  const measured = measuredBy(() => {
    recordSweep({
      ...{ stage: "production", complete: false, oldestOverdueMs: 86_400_400, trailSilent: true },
      ...{ frozenSecrets: 2, looksFailed: 3 },
    });
  });
  expect(of(measured, { stage: "production" })).toEqual({
    ...{ Sweeps: 0, OldestOverdue: 86_400, TrailSilent: 1, FrozenSecrets: 2, LooksFailed: 3 },
  });
  expect(measured).toHaveLength(5);
});

/** Metric -> value, of those with exactly these dimensions. */
function of(measured: readonly Measured[], dimensions: Readonly<Record<string, string>>): Record<string, unknown> {
  const own = measured.filter((each) => {
    const [a, b] = [each.dimensions, dimensions].map((one) => JSON.stringify(Object.entries(one).sort()));
    return a === b;
  });
  return Object.fromEntries(own.map(({ metricName, value }) => [metricName, value]));
}
