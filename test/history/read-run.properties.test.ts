import type { HistoryEvent } from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRun, type Step } from "../../core/history.ts";
import { call, machine, task, thrown, workflow } from "../engine/harness.ts";

/** How each item's task behaves: so many failures, at once or a moment later, then a success or a failure for good. */
const item = fc.record({
  failures: fc.integer({ min: 0, max: 3 }),
  late: fc.boolean(),
  gives: fc.constantFrom("succeeds", "fails"),
});
const plan = fc.record({
  items: fc.array(item, { minLength: 1, maxLength: 4 }),
  concurrency: fc.integer({ min: 0, max: 3 }),
  caught: fc.boolean(),
  /** Seconds after the start; null: it is not stopped. */
  stopAfter: fc.option(fc.integer({ min: 0, max: 30 }), { freq: 2 }),
  redrives: fc.boolean(),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const MOST = 3;

/** Runs Prepare, a Map of Work over the items, and Tell, in the embedded Step Functions; what was called is the truth. */
async function play({ items, concurrency, caught, stopAfter, redrives }: Plan) {
  const calls: { readonly index: number; readonly failed: boolean }[] = [];
  const left = items.map(({ failures }) => failures);
  const run = workflow({
    definition: machine("Prepare", {
      Prepare: task("prepare", { Output: "{% $states.input %}", Next: "Each" }),
      Each: {
        Type: "Map",
        MaxConcurrency: concurrency,
        ItemProcessor: {
          StartAt: "Work",
          States: {
            Work: task("work", {
              Retry: [{ ErrorEquals: ["Again"], MaxAttempts: MOST, IntervalSeconds: 1, BackoffRate: 2 }],
              End: true,
            }),
          },
        },
        ...(caught ? { Catch: [{ ErrorEquals: ["States.ALL"], Next: "Tell" }] } : {}),
        Next: "Tell",
      },
      Tell: task("tell", { End: true }),
    }),
    functions: {
      prepare: () => null,
      tell: () => null,
      async work(index: number) {
        const { late, gives } = items[index] ?? {};
        if (late) await new Promise((resolve) => setImmediate(resolve));
        const again = (left[index] ?? 0) > 0;
        left[index] = (left[index] ?? 0) - 1;
        calls.push({ index, failed: again || gives === "fails" });
        if (again) throw thrown("Again");
        if (gives === "fails") throw thrown("ForGood");
        return index;
      },
    },
  });
  const arn = run.start(items.map((_, index) => index));
  const status = () => call<{ status: string }>(run.states, "DescribeExecution", { executionArn: arn }).status;
  const goOn = async (stopAt: number | null) => {
    for (let second = 0; status() === "RUNNING"; second += 1) {
      if (second === stopAt) call(run.states, "StopExecution", { executionArn: arn });
      await run.clock.advance(1000);
    }
  };
  await goOn(stopAfter);
  if (redrives && status() !== "SUCCEEDED") {
    call(run.states, "RedriveExecution", { executionArn: arn });
    await goOn(null);
  }
  return { events: [...run.events(arn)] as HistoryEvent[], calls, status: status() };
}

const of = (steps: readonly Step[], index: number) =>
  steps.find(({ name, iteration }) => name === "Work" && iteration?.index === index);

describe("a run that is read from a history", () => {
  test("has each call as an attempt of its own iteration, however iterations interleave, are retried, stopped and redriven", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { events, calls, status } = await play(given);
        const run = readRun(events);
        expect(run.status).toBe(status);
        for (const [index] of given.items.entries()) {
          const made = calls.filter((each) => each.index === index);
          const step = of(run.steps, index);
          const told = (step?.attempts ?? []).filter(({ error }) => error === "Again" || error === "ForGood");
          // What was cut off had been called, and has said nothing.
          const failures = made.filter(({ failed }) => failed).length;
          expect(told.length).toBeLessThanOrEqual(failures);
          if (status === "SUCCEEDED" && step?.status === "succeeded") {
            expect(step.attempts.at(-1)?.error).toBeUndefined();
            expect(made.some(({ failed }) => !failed)).toBe(true);
            expect(given.stopAfter !== null || told.length === failures).toBe(true);
          }
        }
        const names = run.steps.filter(({ iteration }) => iteration === undefined).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
      }),
      { numRuns: 150 },
    );
  });

  test("is the same in whatever order the events come", async () => {
    await fc.assert(
      fc.asyncProperty(plan, fc.integer(), async (given, seed) => {
        const { events } = await play(given);
        const shuffled = [...events].sort((a, b) => Math.sin(seed + (a.id ?? 0)) - Math.sin(seed + (b.id ?? 0)));
        expect(readRun(shuffled)).toEqual(readRun(events));
      }),
      { numRuns: 30 },
    );
  });

  test("only grows with the history: what has ended before stays as it was, until it is redriven", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { events } = await play(given);
        let before = readRun([]);
        for (const [at, { type }] of events.entries()) {
          const now = readRun(events.slice(0, at + 1));
          const isTakenBack = type === "ExecutionRedriven" || before.status !== "RUNNING";
          expect(now.steps.length).toBeGreaterThanOrEqual(before.steps.length);
          for (const [index, step] of before.steps.entries()) {
            const later = now.steps[index];
            expect([later?.name, later?.iteration?.index]).toEqual([step.name, step.iteration?.index]);
            expect(later?.attempts.length).toBeGreaterThanOrEqual(step.attempts.length);
            if (step.endedAt !== undefined && !isTakenBack && later?.entries === step.entries) {
              expect(later.attempts.slice(0, step.attempts.length)).toEqual(step.attempts);
            }
          }
          before = now;
        }
      }),
      { numRuns: 30 },
    );
  });
});
