import { afterEach, expect, test, vi } from "vitest";
import { METRICS } from "../../core/blueprint.ts";
import { recordOutcome, recordSweep } from "../../core/metrics.ts";

afterEach(() => vi.restoreAllMocks());

test("an outcome is counted and timed by stage, outcome and mode, and nothing else", () => {
  const written = capture(() => {
    recordOutcome({
      ...{ stage: "dev", outcome: "ROLLED_BACK", mode: "native" },
      ...{ durationMs: 61_000, credentialGapMs: 0, newWasLiveMs: 900 },
    });
  });
  const [directive] = written._aws.CloudWatchMetrics;
  expect(directive?.Namespace).toBe(METRICS.namespace);
  expect(directive?.Dimensions).toEqual([["stage", "outcome", "mode"]]);
  const { _aws, ...values } = written;
  expect(values).toEqual({
    ...{ stage: "dev", outcome: "ROLLED_BACK", mode: "native" },
    ...{ Rotations: 1, RotationDuration: 61_000, CredentialGap: 0, NewWasLive: 900 },
  });
});

test("an outcome has no measure of a gap that is not known, and none of how long a version was live that was not taken back", () => {
  const written = capture(() => recordOutcome({ stage: "dev", outcome: "REJECTED", mode: "driven", durationMs: -5 }));
  expect(written).toMatchObject({ RotationDuration: 0 });
  expect(written).not.toHaveProperty("CredentialGap");
  expect(written).not.toHaveProperty("NewWasLive");
});

test("a sweep says by stage alone whether it was whole, what is overdue, in seconds, and whether the trail is silent", () => {
  const written = capture(() => {
    recordSweep({ stage: "production", complete: false, oldestOverdueMs: 86_400_400, trailSilent: true });
  });
  expect(written._aws.CloudWatchMetrics[0]?.Dimensions).toEqual([["stage"]]);
  expect(written).toMatchObject({ stage: "production", Sweeps: 0, OldestOverdue: 86_400, TrailSilent: 1 });
});

interface Written {
  readonly _aws: { readonly CloudWatchMetrics: readonly { Namespace: string; Dimensions: string[][] }[] };
  readonly [field: string]: unknown;
}

/** The one line that was written to standard output, where Lambda's log and so CloudWatch take it from. */
function capture(run: () => void): Written {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((line) => {
    lines.push(String(line));
    return true;
  });
  run();
  write.mockRestore();
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? "");
}
