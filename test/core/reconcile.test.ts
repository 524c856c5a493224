import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePolicies } from "../../core/policies.ts";
import { isMeasured } from "../../core/reconcile/drift.ts";
import { isToTell } from "../../core/reconcile/finding.ts";
import { createPace } from "../../core/reconcile/pace.ts";
import { isSuspect } from "../../core/reconcile/select.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const NOW = Date.parse("2026-03-01T12:00:00Z");

describe("a finding", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 3 * DAY }), { minLength: 1, maxLength: 60 });

  test("is told in the first sweep that covers its beginning, and at most once per sweep and day after that", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 * DAY }), gaps, (sinceMs, between) => {
        const ends = between.map((_, index) => between.slice(0, index + 1).reduce((sum, each) => sum + each, 0));
        const told = ends.filter((nowMs, index) => isToTell({ sinceMs }, { fromMs: ends[index - 1] ?? 0, nowMs }));
        expect(told[0]).toBe(sinceMs === 0 ? told[0] : ends.find((end) => end >= sinceMs));
        const [first, last] = [told[0], told.at(-1)];
        if (first === undefined || last === undefined) return;
        expect(told.length).toBeLessThanOrEqual(1 + Math.ceil((last - sinceMs) / DAY));
      }),
    );
  });

  test("is told again by a sweep that covers the same time, because the one before did not end well", () => {
    const sweep = { fromMs: NOW - 15 * MINUTE, nowMs: NOW };
    expect([1, 2].map(() => isToTell({ sinceMs: NOW - MINUTE }, sweep))).toEqual([true, true]);
  });
});

describe("whether a secret is worth a closer look", () => {
  const [plain, scheduled] = parsePolicies([
    { secretId: "observed", mode: "observed" },
    { secretId: "driven", mode: "driven", strategy: "postgres-single-user", schedule: "rate(1 day)" },
  ]);
  const request = { nowMs: NOW, measure: "due" } as const;
  const labels = (table: Record<string, string[]>) => ({ ARN: "arn:a", SecretVersionsToStages: table });
  const days = (n: number) => new Date(NOW - n * DAY);

  test.each([
    ["healthy", labels({ a: ["AWSCURRENT"], b: ["AWSPREVIOUS"] }), undefined, false],
    ["a leftover AWSPENDING on AWSCURRENT", labels({ a: ["AWSCURRENT", "AWSPENDING"] }), undefined, false],
    ["our own success", labels({ a: ["AWSCURRENT", "ROTATION_CANDIDATE"] }), undefined, false],
    ["rolled back", labels({ a: ["AWSCURRENT"], b: ["ROTATION_ROLLED_BACK"] }), undefined, false],
    ["AWSPENDING elsewhere", labels({ a: ["AWSCURRENT"], b: ["AWSPENDING"] }), undefined, true],
    ["AWSPENDING and no AWSCURRENT", labels({ b: ["AWSPENDING"] }), undefined, true],
    ["a candidate elsewhere", labels({ a: ["AWSCURRENT"], b: ["ROTATION_CANDIDATE"] }), undefined, true],
    ["frozen", labels({ a: ["AWSCURRENT", "ROTATION_FROZEN"] }), undefined, true],
    ["without any label", { ARN: "arn:a" }, undefined, false],
    ["due half a day ago", { RotationEnabled: true, NextRotationDate: days(0.5) }, undefined, false],
    ["due two days ago", { RotationEnabled: true, NextRotationDate: days(2) }, undefined, true],
    ["due before it was cancelled", { RotationEnabled: false, NextRotationDate: days(2) }, undefined, false],
    ["with a policy that asks for nothing by the clock", labels({ a: ["AWSCURRENT"] }), plain, false],
    ["with a policy that has a schedule", labels({ a: ["AWSCURRENT"] }), scheduled, true],
  ] as const)("%s", (_what, entry, policy, suspect) => {
    expect(isSuspect(structuredClone(entry) as Parameters<typeof isSuspect>[0], policy, request)).toBe(suspect);
  });
});

test("every secret is measured in exactly one of the 24 runs of six hours, and about as many in each", () => {
  const [policy] = parsePolicies([{ secretId: "a", mode: "driven", strategy: "postgres-single-user" }]);
  if (policy === undefined) throw new Error("no policy");
  const runs = Array.from({ length: 24 }, (_, n) => NOW + n * 15 * MINUTE);
  const counts = new Map(runs.map((run) => [run, 0]));
  for (let n = 0; n < 2400; n += 1) {
    const arn = `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${randomUUID()}`;
    const own = runs.filter((nowMs) => isMeasured(arn, policy, { nowMs, measure: "due" }));
    expect(own).toHaveLength(1);
    counts.set(own[0] ?? 0, (counts.get(own[0] ?? 0) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(count).toBeGreaterThan(40);
  expect(isMeasured("arn:a", policy, { nowMs: NOW, measure: "all" })).toBe(true);
});

test("a pace lets a burst go at once, and holds the rest to its rate", async () => {
  const pace = createPace({ perSecond: 100, burst: 5 });
  const begun = performance.now();
  const times: number[] = [];
  await Promise.all(
    Array.from({ length: 15 }, async () => {
      await pace();
      times.push(performance.now() - begun);
    }),
  );
  // Ten that have to wait, 10 ms each; timers may be a little early.
  expect(Math.max(...times)).toBeGreaterThanOrEqual(95);
  expect(times.filter((each) => each < 9).length).toBeGreaterThanOrEqual(5);
});
