import type { HistoryEvent } from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Run, readRun, type Step } from "../../core/history.ts";
import { at, history, type Line, lambdaCause } from "./events.ts";

const STARTED: Line = [1, 0, 0, "ExecutionStarted", { input: "{}" }];

describe("a task", () => {
  test("that succeeds has one attempt, and its output, request and variables", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "TaskStateEntered", { name: "Plan", input: "{}" }],
        [3, 2, 0, "TaskScheduled", { resource: "invoke", resourceType: "lambda", parameters: '{"Payload":{"a":1}}' }],
        [4, 3, 0.1, "TaskStarted", { resource: "invoke", resourceType: "lambda" }],
        [5, 4, 1, "TaskSucceeded", { output: '{"Payload":{"b":2}}' }],
        [
          6,
          5,
          1.2,
          "TaskStateExited",
          { name: "Plan", output: '{"b":2}', assignedVariables: { plan: '{"base":"v1"}' } },
        ],
        [7, 6, 1.2, "ExecutionSucceeded", { output: '{"outcome":"SUCCEEDED"}' }],
      ),
    );
    expect(run).toEqual({
      status: "SUCCEEDED",
      startedAt: at(0),
      endedAt: at(1.2),
      durationMs: 1200,
      output: { outcome: "SUCCEEDED" },
      steps: [
        {
          name: "Plan",
          type: "Task",
          status: "succeeded",
          attempts: [{ startedAt: at(0), endedAt: at(1) }],
          entries: 1,
          startedAt: at(0),
          endedAt: at(1.2),
          durationMs: 1200,
          request: { Payload: { a: 1 } },
          output: { b: 2 },
          assigned: { plan: { base: "v1" } },
        },
      ],
    });
  });

  const RETRIED: readonly Line[] = [
    STARTED,
    [2, 0, 0, "TaskStateEntered", { name: "SetSecret" }],
    [3, 2, 0, "TaskScheduled"],
    [4, 3, 0, "TaskStarted"],
    [
      5,
      4,
      1,
      "TaskFailed",
      { error: "TargetUnavailable", cause: lambdaCause("TargetUnavailable", "db:5432 is away.") },
    ],
  ];

  test("that failed waits for its retry, and its message is that of the function", () => {
    const { steps, status } = readRun(history(...RETRIED), at(3));
    expect(status).toBe("RUNNING");
    expect(steps).toMatchObject([
      {
        status: "waiting-to-retry",
        durationMs: 3000,
        attempts: [{ startedAt: at(0), endedAt: at(1), error: "TargetUnavailable", message: "db:5432 is away." }],
      },
    ]);
  });

  test("that is retried has an attempt for each try, and succeeds when its last one does", () => {
    const { steps } = readRun(
      history(
        ...RETRIED,
        [6, 5, 3, "TaskScheduled"],
        [7, 6, 3, "TaskStarted"],
        [8, 7, 4, "TaskTimedOut", { error: "States.Timeout" }],
        [9, 8, 8, "TaskScheduled"],
        [10, 9, 8, "TaskStarted"],
        [11, 10, 9, "TaskSucceeded"],
        [12, 11, 9, "TaskStateExited", { name: "SetSecret", output: "{}" }],
      ),
    );
    expect(steps[0]?.status).toBe("succeeded");
    expect(steps[0]?.attempts.map(({ error }) => error)).toEqual(["TargetUnavailable", "States.Timeout", undefined]);
    expect(steps[0]?.attempts.map(({ startedAt }) => startedAt)).toEqual([at(0), at(3), at(8)]);
  });

  test("whose failure a Catch takes up is caught, not succeeded", () => {
    const { steps } = readRun(
      history(
        ...RETRIED,
        [6, 5, 1, "TaskStateExited", { name: "SetSecret", output: "{}" }],
        [7, 6, 1, "TaskStateEntered", { name: "RollBack" }],
      ),
    );
    expect(brief(steps)).toEqual(["SetSecret caught", "RollBack running"]);
  });

  test("whose failure ends the execution is failed, with the execution's error", () => {
    const run = readRun(
      history(...RETRIED, [6, 5, 1, "ExecutionFailed", { error: "TargetUnavailable", cause: "away" }]),
    );
    expect(run).toMatchObject({ status: "FAILED", error: "TargetUnavailable", cause: "away", endedAt: at(1) });
    expect(brief(run.steps)).toEqual(["SetSecret failed"]);
  });

  test("that calls a function by its ARN, or an activity, is read in the same way", () => {
    for (const kind of ["LambdaFunction", "Activity"] as const) {
      const { steps } = readRun(
        history(
          STARTED,
          [2, 0, 0, "TaskStateEntered", { name: "Task" }],
          [3, 2, 0, `${kind}Scheduled`],
          [4, 3, 0, `${kind}Started`],
          [5, 4, 1, `${kind}TimedOut`],
          [6, 5, 2, `${kind}Scheduled`],
          [7, 6, 2, `${kind}Started`],
          [8, 7, 3, `${kind}Succeeded`],
          [9, 8, 3, "TaskStateExited", { name: "Task" }],
        ),
      );
      expect(brief(steps)).toEqual(["Task succeeded"]);
      expect(steps[0]?.attempts.map(({ error }) => error)).toEqual(["States.Timeout", undefined]);
    }
  });
});

describe("states entered several times", () => {
  test("are one step each, with the attempts of all entries and the status of the last", () => {
    const { steps } = readRun(
      history(
        STARTED,
        [2, 0, 0, "TaskStateEntered", { name: "Verify" }],
        [3, 2, 0, "TaskScheduled"],
        [4, 3, 1, "TaskFailed", { error: "DependentNotReady", cause: "plain text" }],
        [5, 4, 1, "TaskStateExited", { name: "Verify" }],
        [6, 5, 1, "WaitStateEntered", { name: "AwaitDependent" }],
        [7, 6, 11, "WaitStateExited", { name: "AwaitDependent" }],
        [8, 7, 11, "TaskStateEntered", { name: "Verify" }],
        [9, 8, 11, "TaskScheduled"],
        [10, 9, 12, "TaskSucceeded"],
        [11, 10, 12, "TaskStateExited", { name: "Verify" }],
      ),
    );
    expect(brief(steps)).toEqual(["Verify succeeded", "AwaitDependent succeeded"]);
    expect(steps[0]).toMatchObject({ entries: 2, startedAt: at(0), endedAt: at(12), durationMs: 12_000 });
    expect(steps[0]?.attempts).toMatchObject([{ error: "DependentNotReady", message: "plain text" }, {}]);
  });
});

describe("a Map", () => {
  // The events of two iterations alternate, and a third begins where the first has ended: it points into the first.
  const INTERLEAVED: readonly Line[] = [
    STARTED,
    [2, 0, 0, "MapStateEntered", { name: "Converge", input: "{}" }],
    [3, 2, 0, "MapStateStarted", { length: 3 }],
    [4, 3, 0, "MapIterationStarted", { name: "Converge", index: 0 }],
    [5, 3, 0, "MapIterationStarted", { name: "Converge", index: 1 }],
    [6, 4, 0, "TaskStateEntered", { name: "Verify", input: '{"dependent":"orders-api"}' }],
    [7, 5, 0, "TaskStateEntered", { name: "Verify", input: '{"dependent":"billing-worker"}' }],
    [8, 7, 0, "TaskScheduled"],
    [9, 6, 0, "TaskScheduled"],
    [10, 9, 1, "TaskSucceeded"],
    [11, 8, 2, "TaskFailed", { error: "DependentUnhealthy", cause: lambdaCause("DependentUnhealthy", "It says no.") }],
    [12, 10, 2, "TaskStateExited", { name: "Verify", output: '{"seen":"orders"}' }],
    [13, 12, 2, "MapIterationSucceeded", { name: "Converge", index: 0 }],
    [14, 12, 2, "MapIterationStarted", { name: "Converge", index: 2 }],
    [15, 14, 2, "TaskStateEntered", { name: "Verify", input: '{"dependent":"reports-api"}' }],
    [16, 15, 2, "TaskScheduled"],
  ];

  test("whose iterations interleave has each event in the iteration that it belongs to", () => {
    const { steps } = readRun(history(...INTERLEAVED));
    expect(brief(steps)).toEqual([
      "Converge running",
      "Converge[0 orders-api]/Verify succeeded",
      "Converge[1 billing-worker]/Verify waiting-to-retry",
      "Converge[2 reports-api]/Verify running",
    ]);
    expect(steps[2]?.attempts).toMatchObject([{ error: "DependentUnhealthy", message: "It says no." }]);
  });

  test("in which one iteration fails has the others aborted, is failed by that error, and is caught", () => {
    const run = readRun(
      history(
        ...INTERLEAVED,
        // How everything ended points to the failing iteration's last event, whichever iteration it was in.
        [17, 11, 3, "MapIterationFailed", { name: "Converge", index: 1 }],
        [18, 11, 3, "MapIterationAborted", { name: "Converge", index: 2 }],
        [19, 11, 3, "TaskStateAborted"],
        [20, 11, 3, "MapStateFailed"],
        [21, 20, 3, "MapStateExited", { name: "Converge", output: "{}" }],
        [22, 21, 3, "FailStateEntered", { name: "RolledBack" }],
        [23, 22, 3, "ExecutionFailed", { error: "RolledBack", cause: "{}" }],
      ),
    );
    expect(brief(run.steps)).toEqual([
      "Converge caught",
      "Converge[0 orders-api]/Verify succeeded",
      "Converge[1 billing-worker]/Verify failed",
      "Converge[2 reports-api]/Verify aborted",
      "RolledBack failed",
    ]);
    expect(run.steps[0]?.attempts).toMatchObject([
      { error: "DependentUnhealthy", message: "It says no.", endedAt: at(3) },
    ]);
    expect(run.steps[3]?.attempts).toEqual([{ startedAt: at(2) }]);
  });

  test("that is tried again has an attempt for each try, and its iterations go on as the same steps", () => {
    const lines: readonly Line[] = [
      STARTED,
      [2, 0, 0, "MapStateEntered", { name: "Map" }],
      [3, 2, 0, "MapStateStarted", { length: 1 }],
      [4, 3, 0, "MapIterationStarted", { name: "Map", index: 0 }],
      [5, 4, 0, "TaskStateEntered", { name: "Work", input: '"x"' }],
      [6, 5, 0, "TaskScheduled"],
      [7, 6, 1, "TaskFailed", { error: "Throttled" }],
      [8, 7, 1, "MapIterationFailed", { name: "Map", index: 0 }],
      [9, 7, 1, "MapStateFailed"],
      [10, 9, 5, "MapStateStarted", { length: 1 }],
      [11, 10, 5, "MapIterationStarted", { name: "Map", index: 0 }],
      [12, 11, 5, "TaskStateEntered", { name: "Work", input: '"x"' }],
      [13, 12, 5, "TaskScheduled"],
      [14, 13, 6, "TaskSucceeded"],
      [15, 14, 6, "TaskStateExited", { name: "Work" }],
      [16, 15, 6, "MapIterationSucceeded", { name: "Map", index: 0 }],
      [17, 16, 6, "MapStateSucceeded"],
      [18, 16, 6, "MapStateExited", { name: "Map" }],
    ];
    expect(brief(readRun(history(...lines.slice(0, 9))).steps)).toEqual([
      "Map waiting-to-retry",
      "Map[0 x]/Work failed",
    ]);
    const { steps } = readRun(history(...lines));
    expect(brief(steps)).toEqual(["Map succeeded", "Map[0 x]/Work succeeded"]);
    expect(steps[0]?.attempts.map(({ error }) => error)).toEqual(["Throttled", undefined]);
  });

  test("within a Map keeps the iterations of both apart", () => {
    const { steps } = readRun(
      history(
        STARTED,
        [2, 0, 0, "MapStateEntered", { name: "Outer" }],
        [3, 2, 0, "MapStateStarted", { length: 2 }],
        [4, 3, 0, "MapIterationStarted", { name: "Outer", index: 0 }],
        [5, 3, 0, "MapIterationStarted", { name: "Outer", index: 1 }],
        [6, 4, 0, "MapStateEntered", { name: "Inner", input: '"a"' }],
        [7, 5, 0, "MapStateEntered", { name: "Inner", input: '"b"' }],
        [8, 7, 0, "MapStateStarted", { length: 1 }],
        [9, 6, 0, "MapStateStarted", { length: 1 }],
        [10, 8, 0, "MapIterationStarted", { name: "Inner", index: 0 }],
        [11, 9, 0, "MapIterationStarted", { name: "Inner", index: 0 }],
        [12, 11, 0, "PassStateEntered", { name: "Work", input: '"a"' }],
        [13, 10, 0, "PassStateEntered", { name: "Work", input: '"b"' }],
        [14, 12, 1, "PassStateExited", { name: "Work", output: '"of a"' }],
        [15, 14, 1, "MapIterationSucceeded", { name: "Inner", index: 0 }],
        [16, 15, 1, "MapStateSucceeded"],
        [17, 15, 1, "MapStateExited", { name: "Inner", output: "[]" }],
      ),
    );
    expect(brief(steps)).toEqual([
      "Outer running",
      "Outer[0 a]/Inner succeeded",
      "Outer[1 b]/Inner running",
      "Outer[0 a]/Inner[0 a]/Work succeeded",
      "Outer[1 b]/Inner[0 b]/Work running",
    ]);
  });
});

describe("the end of an execution", () => {
  test.each([
    ["ExecutionAborted", "ABORTED"],
    ["ExecutionTimedOut", "TIMED_OUT"],
  ] as const)("%s closes what was open, inside Maps too", (type, status) => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "MapStateEntered", { name: "Map" }],
        [3, 2, 0, "MapStateStarted", { length: 1 }],
        [4, 3, 0, "MapIterationStarted", { name: "Map", index: 0 }],
        [5, 4, 0, "TaskStateEntered", { name: "Work", input: '{"name":"x"}' }],
        [6, 5, 0, "TaskScheduled"],
        [7, 0, 9, type, { error: "stopped", cause: "by a person" }],
      ),
    );
    expect(run).toMatchObject({ status, endedAt: at(9), error: "stopped", cause: "by a person" });
    expect(brief(run.steps)).toEqual(["Map aborted", "Map[0 x]/Work aborted"]);
    expect(run.steps.map(({ endedAt }) => endedAt)).toEqual([at(9), at(9)]);
  });

  test("in a Fail state makes that state failed, before and after the last event", () => {
    const events = history(
      STARTED,
      [2, 0, 0, "FailStateEntered", { name: "Rejected" }],
      [3, 2, 0, "ExecutionFailed", { error: "RotationRejected" }],
    );
    expect(brief(readRun(events).steps)).toEqual(["Rejected failed"]);
    expect(brief(readRun(events.slice(0, 2)).steps)).toEqual(["Rejected failed"]);
  });

  test("by an expression that cannot be evaluated names the state, though the event points nowhere", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "PassStateEntered", { name: "State0" }],
        [
          3,
          0,
          0,
          "EvaluationFailed",
          { state: "State0", error: "States.QueryEvaluationError", cause: "it is undefined" },
        ],
        [4, 3, 0, "ExecutionFailed", { error: "States.QueryEvaluationError" }],
      ),
    );
    expect(run.steps).toMatchObject([
      {
        name: "State0",
        status: "failed",
        attempts: [{ error: "States.QueryEvaluationError", message: "it is undefined" }],
      },
    ]);
  });

  test("is taken back by a redrive, and the failed task goes on with its next attempt", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "TaskStateEntered", { name: "SetSecret" }],
        [3, 2, 0, "TaskScheduled"],
        [4, 3, 1, "TaskFailed", { error: "AccessDenied" }],
        [5, 4, 1, "ExecutionFailed", { error: "AccessDenied" }],
        [6, 5, 60, "ExecutionRedriven", { redriveCount: 1 }],
        [7, 2, 60, "TaskScheduled"],
        [8, 7, 61, "TaskSucceeded"],
        [9, 8, 61, "TaskStateExited", { name: "SetSecret" }],
      ),
    );
    expect(run).toMatchObject({ status: "RUNNING", steps: [{ status: "succeeded", attempts: [{}, {}] }] });
    expect(run.error).toBeUndefined();
  });

  test("is taken back by a redrive of an aborted execution: the task that goes on is running", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "TaskStateEntered", { name: "SetSecret" }],
        [3, 2, 0, "TaskScheduled"],
        [4, 0, 5, "ExecutionAborted"],
        [5, 4, 60, "ExecutionRedriven", { redriveCount: 1 }],
        [6, 2, 60, "TaskScheduled"],
      ),
    );
    expect(run).toMatchObject({ status: "RUNNING", steps: [{ status: "running", attempts: [{}, {}] }] });
    expect(run.steps[0]).not.toHaveProperty("endedAt");
  });

  test("is taken back by a redrive inside a Map: the iteration's task is running, and so is the Map", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "MapStateEntered", { name: "Each" }],
        [3, 2, 0, "MapStateStarted", { length: 1 }],
        [4, 3, 0, "MapIterationStarted", { name: "Each", index: 0 }],
        [5, 4, 0, "TaskStateEntered", { name: "Work" }],
        [6, 5, 0, "TaskScheduled"],
        [7, 6, 1, "TaskFailed", { error: "Boom" }],
        [8, 7, 1, "MapIterationFailed", { name: "Each", index: 0 }],
        [9, 8, 1, "MapStateFailed"],
        [10, 9, 1, "ExecutionFailed", { error: "Boom" }],
        [11, 10, 60, "ExecutionRedriven", { redriveCount: 1 }],
        [12, 5, 60, "TaskScheduled"],
      ),
    );
    expect(run).toMatchObject({
      status: "RUNNING",
      steps: [
        { name: "Each", status: "running" },
        { name: "Work", status: "running" },
      ],
    });
    for (const step of run.steps) expect(step).not.toHaveProperty("endedAt");
  });
});

describe("what a history does not say", () => {
  test("is left open: no events are a run of which nothing is known", () => {
    expect(readRun([], at(5))).toEqual({ status: "RUNNING", steps: [] });
  });

  test("without execution data there are names, times and statuses, and no payloads", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "TaskStateEntered", { name: "Plan" }],
        [3, 2, 0, "TaskScheduled", { resource: "invoke" }],
        [4, 3, 1, "TaskSucceeded", { resource: "invoke" }],
        [5, 4, 1, "TaskStateExited", { name: "Plan" }],
      ),
    );
    expect(run.steps).toMatchObject([{ name: "Plan", status: "succeeded" }]);
    expect(run.steps[0]).not.toHaveProperty("output");
  });

  test("a payload that AWS cut short is kept as the text that it is", () => {
    const run = readRun(
      history(
        STARTED,
        [2, 0, 0, "PassStateEntered", { name: "A" }],
        [3, 2, 0, "PassStateExited", { name: "A", output: '{"cut' }],
      ),
    );
    expect(run.steps).toMatchObject([{ name: "A", output: '{"cut' }]);
  });

  test("any part of any history, in any order, is read without an error and twice alike", () => {
    const types = [
      "ExecutionStarted",
      "TaskStateEntered",
      "TaskScheduled",
      "TaskFailed",
      "TaskStateExited",
      "MapStateEntered",
      "MapStateStarted",
      "MapIterationStarted",
      "MapIterationFailed",
      "MapIterationSucceeded",
      "MapStateFailed",
      "MapStateExited",
      "EvaluationFailed",
      "ExecutionFailed",
      "ExecutionRedriven",
      "SomethingNew",
    ] as const;
    const line = fc.tuple(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 0, max: 9 }),
      fc.constantFrom(...types),
      fc.record({
        name: fc.constantFrom("A", "B"),
        state: fc.constantFrom("A", "B"),
        index: fc.nat(2),
        input: fc.string(),
      }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const events = history(...(lines as unknown as Line[]));
        const run = readRun(events, at(10));
        expect(readRun(events, at(10))).toEqual(run);
        for (const step of run.steps) expect(step.durationMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test("events that arrive newest first are read as those that arrive oldest first", () => {
  const events: HistoryEvent[] = history(
    STARTED,
    [2, 0, 0, "TaskStateEntered", { name: "Plan" }],
    [3, 2, 0, "TaskScheduled"],
    [4, 3, 1, "TaskSucceeded"],
  );
  expect(readRun(events.toReversed())).toEqual(readRun(events));
});

function brief(steps: Run["steps"]): readonly string[] {
  return steps.map((step) => `${place(step.iteration)}${step.name} ${step.status}`);
}

function place(iteration: Step["iteration"]): string {
  if (iteration === undefined) return "";
  return `${place(iteration.outer)}${iteration.map}[${iteration.index} ${iteration.item}]/`;
}
