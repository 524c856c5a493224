import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRun } from "../../../core/history.ts";
import { toHistory } from "../../../view/model/moments.ts";
import { retriesOf } from "../../../view/model/retries.ts";
import { type Segment, stepsOfKey, timelineOf, visibleSegments } from "../../../view/model/timeline.ts";
import { at, lambdaCause } from "../../history/events.ts";
import { wire } from "./wire.ts";

const FAILED = { error: "TargetUnavailable", cause: lambdaCause("TargetUnavailable", "db: no connection") };

/** SetSecret is tried three times, then two dependents are looked at, of which one fails. */
const EVENTS = wire(
  [1, 0, 0, "ExecutionStarted", { input: "{}" }],
  [2, 0, 0, "TaskStateEntered", { name: "SetSecret", input: "{}" }],
  [3, 2, 0, "TaskScheduled", {}],
  [4, 3, 1, "TaskFailed", FAILED],
  [5, 4, 3, "TaskScheduled", {}],
  [6, 5, 4, "TaskFailed", FAILED],
  [7, 6, 8, "TaskScheduled", {}],
  [8, 7, 9, "TaskSucceeded", { output: "{}" }],
  [9, 8, 9, "TaskStateExited", { name: "SetSecret", output: "{}" }],
  [10, 9, 9, "MapStateEntered", { name: "ConvergeDependents", input: "{}" }],
  [11, 10, 9, "MapStateStarted", { length: 2 }],
  [12, 11, 9, "MapIterationStarted", { name: "ConvergeDependents", index: 0 }],
  [13, 11, 9, "MapIterationStarted", { name: "ConvergeDependents", index: 1 }],
  [14, 12, 9, "TaskStateEntered", { name: "Refresh", input: '{"dependent":"orders-api"}' }],
  [15, 13, 9, "TaskStateEntered", { name: "Refresh", input: '{"dependent":"billing-worker"}' }],
  [16, 14, 9, "TaskScheduled", {}],
  [17, 15, 9, "TaskScheduled", {}],
  [18, 16, 10, "TaskSucceeded", { output: "{}" }],
  [19, 17, 10, "TaskFailed", { error: "DependentUnhealthy", cause: "no" }],
  [20, 18, 10, "TaskStateExited", { name: "Refresh", output: "{}" }],
  [21, 20, 10, "TaskStateEntered", { name: "Verify", input: "{}" }],
  [22, 21, 10, "TaskScheduled", {}],
  [23, 19, 11, "MapIterationFailed", { name: "ConvergeDependents", index: 1 }],
  [24, 22, 11, "MapIterationAborted", { name: "ConvergeDependents", index: 0 }],
  [25, 23, 11, "MapStateFailed", {}],
  [26, 25, 11, "MapStateExited", { name: "ConvergeDependents", output: "{}" }],
);
const run = readRun(toHistory(EVENTS), at(12));
const rows = timelineOf(run, at(12), new Set());
const kinds = (key: string) => rows.find((row) => row.key === key)?.segments.map(({ kind }) => kind);

describe("the timeline", () => {
  test("has a segment for each try, and between tries one for the pause", () => {
    const [set] = rows;
    expect(set?.segments.map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ["failed", 0, 1000],
      ["waiting", 1000, 3000],
      ["failed", 3000, 4000],
      ["waiting", 4000, 8000],
      ["succeeded", 8000, 9000],
    ]);
    expect(set?.segments.map(({ says }) => says)).toContain("try 2: TargetUnavailable");
    expect(retriesOf(run)).toEqual({ count: 2, waitedMs: 6000 });
  });

  test("names the iterations of a Map by their dependents, each on one line", () => {
    expect(rows.map(({ label, depth, status }) => [label, depth, status])).toEqual([
      ["SetSecret", 0, "succeeded"],
      ["ConvergeDependents", 0, "caught"],
      ["orders-api", 1, "aborted"],
      ["billing-worker", 1, "failed"],
    ]);
    expect(kinds("ConvergeDependents/0")).toEqual(["succeeded", "cut"]);
    expect(kinds("ConvergeDependents/1")).toEqual(["failed"]);
  });

  test("shows an iteration's steps where it is unfolded", () => {
    const unfolded = timelineOf(run, at(12), new Set(["ConvergeDependents/0"]));
    expect(unfolded.filter(({ depth }) => depth === 2).map(({ label }) => label)).toEqual(["Refresh", "Verify"]);
  });

  test("knows by a row's key which steps it stands for", () => {
    const names = (key: string) => stepsOfKey(run, key).map(({ name, iteration }) => [name, iteration?.item]);
    expect(names("SetSecret")).toEqual([["SetSecret", undefined]]);
    expect(names("ConvergeDependents/0")).toEqual([
      ["Refresh", "orders-api"],
      ["Verify", "orders-api"],
    ]);
    expect(names("ConvergeDependents/1/Refresh")).toEqual([["Refresh", "billing-worker"]]);
    expect(names("RollBack")).toEqual([]);
  });

  test("says of a try that is under way how long it has been, and of one that waits that it does", () => {
    const under = (upTo: number, seconds: number) =>
      timelineOf(readRun(toHistory(EVENTS.slice(0, upTo)), at(seconds)), at(seconds), new Set())[0]?.segments.at(-1);
    expect(under(3, 2)).toMatchObject({ kind: "running", from: 0, to: 2000 });
    expect(under(4, 2)).toMatchObject({ kind: "waiting", from: 1000, to: 2000 });
  });
});

describe("a bar of thousands of tries", () => {
  const tries = fc.array(
    fc.record({ kind: fc.constantFrom("failed", "succeeded", "waiting" as const), ms: fc.nat(50) }),
    {
      minLength: 500,
      maxLength: 3000,
    },
  );

  test("draws no more of them than can be told apart, from the first to the last, and none that has failed is lost", () => {
    fc.assert(
      fc.property(tries, (given) => {
        let at = 0;
        const segments = given.map(({ kind, ms }): Segment => {
          at += ms;
          return { from: at - ms, to: at, kind: kind as Segment["kind"], says: "" };
        });
        const shown = visibleSegments(segments, at);
        expect(shown.length).toBeLessThanOrEqual(250);
        expect(shown[0]?.from).toBe(0);
        expect(shown.at(-1)?.to).toBe(at);
        for (const failed of segments.filter(({ kind }) => kind === "failed"))
          expect(shown.some((each) => each.kind === "failed" && each.from <= failed.from && each.to >= failed.to)).toBe(
            true,
          );
      }),
      { numRuns: 30 },
    );
  });
});
