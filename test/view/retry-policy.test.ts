import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readDefinition } from "../../view/model/definition.ts";
import { nextTry, retriersOf, retryInWords } from "../../view/model/retry-policy.ts";

const ours = JSON.parse(readFileSync("statemachines/rotation.asl.json", "utf8"));
const at = new Date(0);
const failed = (error: string) => ({ startedAt: at, endedAt: at, error });
const worked = { startedAt: at, endedAt: at };
const wordsOf = (state: unknown) => retriersOf(state).map(retryInWords);

describe("a retry policy in words", () => {
  test("says of our own what it does", () => {
    expect(wordsOf(ours.States.CreateSecret)).toEqual([
      "Throttled, ServiceUnavailable and 12 others: up to 4 more tries, after 2 s, then 2 times as long each, at most 60 s, with full jitter",
      "Lambda.ResourceNotReadyException, Lambda.ResourceConflictException and 4 others: up to 5 more tries, after 8 s, then 2 times as long each, at most 60 s",
      "CandidateNotReady: up to 30 more tries, after 1 s, then 1.5 times as long each, at most 30 s",
    ]);
  });

  test.each([
    [{ ErrorEquals: ["States.ALL"] }, "any error: up to 3 more tries, after 1 s, then 2 times as long each"],
    [{ ErrorEquals: ["A"], MaxAttempts: 0 }, "A: not tried again"],
    [{ ErrorEquals: ["A", "B"], MaxAttempts: 1, IntervalSeconds: 9 }, "A and B: up to 1 more try, after 9 s"],
    [
      { ErrorEquals: ["A", "B", "C"], MaxAttempts: 2, BackoffRate: 1 },
      "A, B and C: up to 2 more tries, after 1 s each",
    ],
    ["no retrier", "no error: up to 3 more tries, after 1 s, then 2 times as long each"],
  ])("has AWS's defaults where it says nothing: %j", (retrier, words) => {
    expect(wordsOf({ Retry: [retrier] })).toEqual([words]);
  });

  test("is none where a state has none", () => {
    for (const state of [undefined, null, "text", {}, { Retry: 5 }]) expect(wordsOf(state)).toEqual([]);
  });
});

describe("the next try", () => {
  const state = {
    Retry: [
      { ErrorEquals: ["Slow"], IntervalSeconds: 2, BackoffRate: 3, MaxDelaySeconds: 10, JitterStrategy: "FULL" },
      { ErrorEquals: ["States.TaskFailed"], MaxAttempts: 1 },
    ],
  };

  test("comes later each time, and at most so much later", () => {
    const pauses = [1, 2, 3].map((times) => nextTry(state, Array(times).fill(failed("Slow"))));
    expect(pauses).toEqual([2000, 6000, 10_000].map((afterMs) => ({ afterMs, atMost: true })));
    expect(nextTry(state, Array(4).fill(failed("Slow")))).toBeUndefined();
  });

  test("is counted by each retrier for itself", () => {
    expect(nextTry(state, [failed("Slow"), failed("Other"), failed("Slow")])).toEqual({ afterMs: 6000, atMost: true });
    expect(nextTry(state, [failed("Other")])).toEqual({ afterMs: 1000, atMost: false });
    expect(nextTry(state, [failed("Other"), failed("Slow"), failed("Other")])).toBeUndefined();
  });

  test("is counted anew after a success, and after an error that has ended a visit", () => {
    const twice = [failed("Slow"), failed("Slow")];
    expect(nextTry(state, [...twice, worked, failed("Slow")])).toEqual({ afterMs: 2000, atMost: true });
    expect(nextTry(state, [...twice, failed("States.Timeout"), failed("Slow")])).toEqual({
      afterMs: 2000,
      atMost: true,
    });
  });

  test("there is none after a success, for an error that no retrier names, and beyond what wildcards reach", () => {
    for (const attempts of [[], [worked], [failed("States.Timeout")]]) expect(nextTry(state, attempts)).toBeUndefined();
    const any = { Retry: [{ ErrorEquals: ["States.ALL"] }] };
    expect(nextTry(any, [failed("States.Timeout")])).toEqual({ afterMs: 1000, atMost: false });
    for (const error of ["States.DataLimitExceeded", "States.Runtime"])
      expect(nextTry(any, [failed(error)])).toBeUndefined();
  });
});

const stateOf = (definition: unknown, name: string) => readDefinition(definition)?.all.get(name)?.body;

test("a state is found wherever it is in a definition", () => {
  expect(stateOf(ours, "VerifyBase")).toBe(ours.States.RestoreDependents.ItemProcessor.States.VerifyBase);
  expect(stateOf(ours, "SetSecret")).toBe(ours.States.SetSecret);
  const parallel = { StartAt: "A", States: { A: { Branches: [{ States: {} }, { States: { B: { Type: "Pass" } } }] } } };
  expect(stateOf(parallel, "B")).toEqual({ Type: "Pass" });
  for (const none of [null, "text", { States: [] }, { States: { constructor: 5 } }])
    expect(stateOf(none, "constructor")).toBeUndefined();
});
