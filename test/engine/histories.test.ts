import { describe, expect, it } from "vitest";
import { detailsOf, type HistoryEvent } from "../../local/engine/history.ts";
import { AwsError } from "../../local/services/service.ts";
import { call, machine, outline, task, thrown, workflow } from "./harness.ts";
import { violations } from "./invariants.ts";

/**
 * What no recording in the corpus shows. Each history names where its rule comes from: an AWS documentation page, or a
 * recording or measurement on AWS that others published.
 */

const never = () => new Promise<never>(() => {});

describe("a Task that takes longer than TimeoutSeconds", () => {
  const definition = machine("Work", { Work: task("slow", { TimeoutSeconds: 5, End: true }) });

  // Recorded on AWS: localstack test_timeouts.py, test_fixed_timeout_service_lambda, 2024-03-10.
  it("ends as TaskTimedOut with States.Timeout and no cause", async () => {
    const { states, clock, start, events } = workflow({ definition, functions: { slow: never } });
    const arn = start();
    await clock.advance(5000);
    await states.idle();
    expect(outline(events(arn))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 TaskStateEntered",
      "3 <- 2 TaskScheduled",
      "4 <- 3 TaskStarted",
      "5 <- 4 TaskTimedOut",
      "6 <- 5 ExecutionFailed",
    ]);
    const [, , scheduled, , timedOut, failed] = events(arn).map(detailsOf);
    expect(scheduled).toMatchObject({ timeoutInSeconds: 5, resource: "invoke", resourceType: "lambda" });
    expect(timedOut).toEqual({ error: "States.Timeout", resource: "invoke", resourceType: "lambda" });
    expect(failed).toEqual({ error: "States.Timeout" });
  });

  it("does not time out because virtual time jumped: the handler's own time is not counted", async () => {
    const slow = () => new Promise((resolve) => setTimeout(() => resolve("done"), 30));
    const { states, clock, start } = workflow({ definition, functions: { slow } });
    const before = clock.now();
    const arn = start();
    await states.idle();
    expect(call(states, "DescribeExecution", { executionArn: arn })).toMatchObject({ status: "SUCCEEDED" });
    expect(clock.now()).toBe(before);
  });

  it("throws away a result that comes later", async () => {
    let finish: (value: string) => void = () => {};
    const slow = () => new Promise((resolve) => (finish = resolve));
    const { states, clock, start, events } = workflow({ definition, functions: { slow } });
    const arn = start();
    await clock.advance(5000);
    await states.idle();
    const before = events(arn).length;
    finish("too late");
    await clock.advance(5000);
    expect(events(arn)).toHaveLength(before);
  });

  // AWS, "Handling errors in Step Functions workflows": States.TaskFailed matches every error but States.Timeout.
  it("is not what States.TaskFailed catches", async () => {
    const { states, clock, start, events } = workflow({
      definition: machine("Work", {
        Work: task("slow", {
          TimeoutSeconds: 5,
          Catch: [
            { ErrorEquals: ["States.TaskFailed"], Next: "Wrong" },
            { ErrorEquals: ["States.Timeout"], Next: "Right" },
          ],
          End: true,
        }),
        Wrong: { Type: "Fail" },
        Right: { Type: "Succeed" },
      }),
      functions: { slow: never },
    });
    const arn = start();
    await clock.advance(5000);
    await states.idle();
    expect(detailsOf(last(events(arn)))).toMatchObject({ output: '{"Error":"States.Timeout","Cause":""}' });
  });
});

describe("a Map with an iteration that fails", () => {
  const iterations = machine("Each", {
    Each: {
      Type: "Map",
      Items: "{% $states.input %}",
      ItemProcessor: {
        StartAt: "Route",
        States: {
          Route: {
            Type: "Choice",
            Choices: [
              { Condition: "{% $states.input = 'wait' %}", Next: "Pause" },
              { Condition: "{% $states.input = 'boom' %}", Next: "Shortly" },
            ],
            Default: "Work",
          },
          Pause: { Type: "Wait", Seconds: 100, End: true },
          Shortly: { Type: "Wait", Seconds: 1, Next: "Boom" },
          Boom: { Type: "Fail", Error: "Boom", Cause: "sibling failed" },
          Work: task("work"),
        },
      },
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }],
      End: true,
    },
    Caught: { Type: "Wait", Seconds: 1000, End: true },
  });

  // Recorded on AWS: localstack test_timeouts.py, test_service_lambda_map_timeout, 2024-03-10. Every running iteration in
  // the items' order, the state it was in behind it, all pointing to the failing iteration's last event, MapStateFailed too.
  it("records each running iteration in the items' order, and the state it was cut in", async () => {
    const { states, clock, start, events } = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          Items: "{% $states.input %}",
          ItemProcessor: { StartAt: "Work", States: { Work: task("work", { TimeoutSeconds: 5, End: true }) } },
          End: true,
        },
      }),
      functions: { work: (item) => (item === "first" ? Promise.reject(thrown("Boom")) : never()) },
    });
    const arn = start(["first", "second", "third"]);
    await states.idle();
    const failing = events(arn).find(({ type }) => type === "TaskFailed")?.id ?? 0;
    expect(outline(events(arn).slice(failing))).toEqual([
      `${failing + 1} <- ${failing} MapIterationFailed`,
      `${failing + 2} <- ${failing} TaskStateAborted`,
      `${failing + 3} <- ${failing} MapIterationAborted`,
      `${failing + 4} <- ${failing} TaskStateAborted`,
      `${failing + 5} <- ${failing} MapIterationAborted`,
      `${failing + 6} <- ${failing} TaskStateAborted`,
      `${failing + 7} <- ${failing} MapStateFailed`,
      `${failing + 8} <- ${failing + 7} ExecutionFailed`,
    ]);
    expect(clock.now()).toBe(Date.parse("2026-01-01T00:00:00Z"));
    expect(detailsOf(at(events(arn), failing + 3))).toEqual({ name: "Each", index: 1 });
  });

  // Measured on AWS: floci StepFunctionsMapIterationFailureIntegrationTest, 2026-09-30.
  it("records a Wait that was cut, ahead of a failing iteration that comes later in the items", async () => {
    const { states, start, events } = workflow({ definition: iterations });
    const arn = start(["wait", "boom"]);
    await states.idle();
    const failing = events(arn).find(({ type }) => type === "FailStateEntered")?.id ?? 0;
    expect(outline(events(arn).slice(failing, failing + 5))).toEqual([
      `${failing + 1} <- ${failing} MapIterationAborted`,
      `${failing + 2} <- ${failing} WaitStateAborted`,
      `${failing + 3} <- ${failing} MapIterationFailed`,
      `${failing + 4} <- ${failing} MapStateFailed`,
      `${failing + 5} <- ${failing + 4} MapStateExited`,
    ]);
  });

  it("starts nothing more of the other iterations, and throws away what they still return", async () => {
    const finish: (() => void)[] = [];
    const { states, clock, calls, start, events } = workflow({
      definition: {
        ...iterations,
        States: {
          ...(iterations.States as object),
          Each: {
            ...((iterations.States as Record<string, object>).Each as object),
            MaxConcurrency: 2,
            ItemProcessor: {
              StartAt: "First",
              States: { First: task("first", { Next: "Second" }), Second: task("second") },
            },
          },
        },
      },
      functions: {
        first: (item) => (item === "boom" ? Promise.reject(thrown("Boom")) : new Promise<void>((r) => finish.push(r))),
        second: () => "never called",
      },
    });
    const arn = start(["slow", "boom", "slow", "slow"]);
    while (!events(arn).some(({ type }) => type === "MapStateExited")) await clock.advance(0);
    const caughtAt = events(arn).findIndex(({ type }) => type === "MapStateExited");
    for (const resolve of finish) resolve();
    await states.idle();
    expect(calls).toEqual(["first", "first"]);
    const after = events(arn).slice(caughtAt + 1);
    expect(after.map(({ type }) => type)).toEqual(["WaitStateEntered", "WaitStateExited", "ExecutionSucceeded"]);
  });

  it("records nothing more of an iteration that was cut in the middle of a computation", async () => {
    const steps = Array.from({ length: 20 }, (_, index) => [
      `P${index}`,
      { Type: "Pass", Output: "{% $states.input %}", ...(index === 19 ? { End: true } : { Next: `P${index + 1}` }) },
    ]);
    const { states, start, events } = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          ItemProcessor: {
            StartAt: "Route",
            States: {
              Route: {
                Type: "Choice",
                Choices: [{ Condition: "{% $states.input = 'boom' %}", Next: "Boom" }],
                Default: "P0",
              },
              Boom: { Type: "Fail", Error: "Boom" },
              ...Object.fromEntries(steps),
            },
          },
          Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }],
          End: true,
        },
        Caught: { Type: "Wait", Seconds: 1, End: true },
      }),
    });
    const arn = start(["a", "boom", "b"]);
    await states.idle();
    const failed = events(arn).findIndex(({ type }) => type === "MapStateFailed");
    expect(
      events(arn)
        .slice(failed)
        .map(({ type }) => type),
    ).toEqual(["MapStateFailed", "MapStateExited", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded"]);
    expect(violations(events(arn))).toEqual([]);
  });

  // Measured on AWS, us-east-1: floci AslExecutorBranchHistoryEventsTest (issue 2868), "mapIterationFailureLeaves...".
  it("has no EvaluationFailed event for an expression that failed in an iteration", async () => {
    const { states, start, events } = workflow({
      definition: machine("M", {
        M: {
          Type: "Map",
          Items: "{% $states.input.items %}",
          MaxConcurrency: 1,
          ItemProcessor: {
            StartAt: "Undef",
            States: { Undef: { Type: "Pass", Output: { v: "{% $states.input.missing %}" }, End: true } },
          },
          End: true,
        },
      }),
    });
    const arn = start({ items: [1, 2] });
    await states.idle();
    expect(outline(events(arn))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 MapStateEntered",
      "3 <- 2 MapStateStarted",
      "4 <- 3 MapIterationStarted",
      "5 <- 4 PassStateEntered",
      "6 <- 5 MapIterationFailed",
      "7 <- 5 MapStateFailed",
      "8 <- 7 ExecutionFailed",
    ]);
    expect(detailsOf(last(events(arn))).cause).toBe(
      "An error occurred while executing the state 'Undef' (entered at the event id #5). The JSONata expression " +
        "'$states.input.missing' specified for the field 'Output/v' returned nothing (undefined).",
    );
  });

  // Same source: "runtimeErrorInAMapIterationLeavesNoFailedEvents", "choiceWithNoMatchingRuleAndNoDefaultFailsAsAwsDoes".
  it("leaves no Failed event of its own when the failure is States.Runtime, and no Catch sees it", async () => {
    const { states, start, events } = workflow({
      definition: machine("M", {
        M: {
          Type: "Map",
          ItemProcessor: {
            StartAt: "C",
            States: { C: { Type: "Choice", Choices: [{ Condition: false, Next: "D" }] }, D: { Type: "Succeed" } },
          },
          Catch: [{ ErrorEquals: ["States.ALL"], Next: "Caught" }],
          End: true,
        },
        Caught: { Type: "Succeed" },
      }),
    });
    const arn = start([1]);
    await states.idle();
    expect(outline(events(arn)).slice(3)).toEqual([
      "4 <- 3 MapIterationStarted",
      "5 <- 4 ChoiceStateEntered",
      "6 <- 5 ExecutionFailed",
    ]);
    expect(detailsOf(last(events(arn)))).toEqual({
      error: "States.Runtime",
      cause:
        "An error occurred while executing the state 'C' (entered at the event id #5). " +
        "Failed to transition out of the state. The state does not point to a next state.",
    });
  });

  // local-engine 1: a retried Map repeats MapStateStarted, and MapStateFailed comes after the last attempt only.
  it("is run again as a whole by its Retry", async () => {
    const { states, calls, start, events } = workflow({
      definition: machine("M", {
        M: {
          Type: "Map",
          ItemProcessor: { StartAt: "Work", States: { Work: task("work") } },
          Retry: [{ ErrorEquals: ["Boom"], MaxAttempts: 1 }],
          End: true,
        },
      }),
      functions: { work: () => Promise.reject(thrown("Boom")) },
    });
    const arn = start([1]);
    await states.idle();
    const types = events(arn).map(({ type }) => type);
    expect(types.filter((type) => /^MapState(Started|Failed)$/.test(type))).toEqual([
      "MapStateStarted",
      "MapStateStarted",
      "MapStateFailed",
    ]);
    expect(calls).toHaveLength(2);
  });
});

describe("StopExecution", () => {
  const definition = machine("Work", {
    Work: task("slow", { Catch: [{ ErrorEquals: ["States.ALL"], Next: "Compensate" }], End: true }),
    Compensate: task("compensate"),
  });

  // Recorded on AWS: localstack test_sfn_api.py, test_stop_execution, 2024-05-06: ExecutionAborted points to no event.
  it("ends the history with ExecutionAborted at once, runs no Catch and throws away the running function's result", async () => {
    let finish: () => void = () => {};
    const { states, clock, calls, start, events } = workflow({
      definition,
      functions: { slow: () => new Promise<void>((resolve) => (finish = resolve)), compensate: () => {} },
    });
    const arn = start();
    while (calls.length === 0) await clock.advance(0);
    const stopped = call<{ stopDate: Date }>(states, "StopExecution", { executionArn: arn, error: "E", cause: "C" });
    finish();
    await states.idle();
    await clock.advance(1000);
    expect(outline(events(arn))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 TaskStateEntered",
      "3 <- 2 TaskScheduled",
      "4 <- 3 TaskStarted",
      "5 <- 0 ExecutionAborted",
    ]);
    expect(detailsOf(last(events(arn)))).toEqual({ error: "E", cause: "C" });
    expect(calls).toEqual(["slow"]);
    expect(call(states, "DescribeExecution", { executionArn: arn })).toMatchObject({
      status: "ABORTED",
      error: "E",
      cause: "C",
      stopDate: stopped.stopDate,
    });
  });

  it("changes nothing of an execution that has ended", async () => {
    const { states, start, events } = workflow({ definition: machine("S", { S: { Type: "Succeed" } }) });
    const arn = start();
    await states.idle();
    const before = events(arn).length;
    call(states, "StopExecution", { executionArn: arn });
    expect(events(arn)).toHaveLength(before);
    expect(call(states, "DescribeExecution", { executionArn: arn })).toMatchObject({ status: "SUCCEEDED" });
  });
});

describe("TimeoutSeconds of the state machine", () => {
  // DescribeExecution recorded on AWS: localstack test_timeouts.py, test_global_timeout, 2024-03-10 (no error, no cause).
  it("ends the execution as TIMED_OUT in the middle of a task, and no Catch runs", async () => {
    const { states, clock, calls, start, events } = workflow({
      definition: machine(
        "Work",
        {
          Work: task("slow", { Catch: [{ ErrorEquals: ["States.ALL"], Next: "Compensate" }], End: true }),
          Compensate: task("compensate"),
        },
        { TimeoutSeconds: 60 },
      ),
      functions: { slow: never, compensate: () => {} },
    });
    const arn = start();
    await clock.advance(60_000);
    await states.idle();
    expect(last(events(arn)).type).toBe("ExecutionTimedOut");
    const described = call<{ status: string; error?: string }>(states, "DescribeExecution", { executionArn: arn });
    expect(described.status).toBe("TIMED_OUT");
    expect(described.error).toBeUndefined();
    expect(calls).toEqual(["slow"]);
  });
});

describe("Retry", () => {
  const failing = { work: () => Promise.reject(thrown("Throttled", "slow down")) };

  async function delays(retrier: Record<string, unknown>, random = () => 0.5) {
    const { states, calls, start, events } = workflow({
      definition: machine("Work", { Work: task("work", { Retry: [retrier], End: true }) }),
      functions: failing,
      random,
    });
    const arn = start();
    await states.idle();
    const scheduled = events(arn).filter(({ type }) => type === "TaskScheduled");
    const seconds = scheduled.slice(1).map((event, index) => {
      return (event.timestamp.getTime() - (scheduled[index]?.timestamp.getTime() ?? 0)) / 1000;
    });
    return { seconds, calls, events: events(arn) };
  }

  // AWS, "Handling errors in Step Functions workflows": 3 attempts, 1 s, then twice as long each time.
  it("exhausts its attempts, and the last failure ends the execution", async () => {
    const { seconds, calls, events } = await delays({ ErrorEquals: ["Throttled"] });
    expect(seconds).toEqual([1, 2, 4]);
    expect(calls).toHaveLength(4);
    expect(outline(events)).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 TaskStateEntered",
      ...[0, 1, 2, 3].flatMap((attempt) => [
        `${3 + 3 * attempt} <- ${2 + 3 * attempt} TaskScheduled`,
        `${4 + 3 * attempt} <- ${3 + 3 * attempt} TaskStarted`,
        `${5 + 3 * attempt} <- ${4 + 3 * attempt} TaskFailed`,
      ]),
      "15 <- 14 ExecutionFailed",
    ]);
    expect(JSON.parse(String(detailsOf(last(events)).cause))).toEqual({
      errorType: "Throttled",
      errorMessage: "slow down",
      trace: [],
    });
  });

  it("takes IntervalSeconds, BackoffRate, MaxAttempts and MaxDelaySeconds", async () => {
    const retrier = { IntervalSeconds: 3, BackoffRate: 3, MaxAttempts: 4, MaxDelaySeconds: 20 };
    expect((await delays({ ErrorEquals: ["States.ALL"], ...retrier })).seconds).toEqual([3, 9, 20, 20]);
  });

  it("takes a random part of the delay with JitterStrategy FULL", async () => {
    const retrier = { ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 8, MaxAttempts: 2, JitterStrategy: "FULL" };
    expect((await delays(retrier, () => 0.25)).seconds).toEqual([2, 4]);
  });

  it("counts the attempts of each retrier on its own, and the first that matches decides", async () => {
    const errors = ["A", "B", "A", "B"];
    const { states, calls, start } = workflow({
      definition: machine("Work", {
        Work: task("work", {
          Retry: [
            { ErrorEquals: ["A"], MaxAttempts: 2 },
            { ErrorEquals: ["States.ALL"], MaxAttempts: 2 },
          ],
          End: true,
        }),
      }),
      functions: {
        work: () => {
          const name = errors.shift();
          if (name !== undefined) throw thrown(name);
        },
      },
    });
    const arn = start();
    await states.idle();
    expect(calls).toHaveLength(5);
    expect(call(states, "DescribeExecution", { executionArn: arn })).toMatchObject({ status: "SUCCEEDED" });
  });

  it("tells the state in $states.context.State.RetryCount", async () => {
    const seen: unknown[] = [];
    const { states, start } = workflow({
      definition: machine("Work", {
        Work: task("work", {
          Arguments: { FunctionName: "work", Payload: "{% $states.context.State.RetryCount %}" },
          Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: 2 }],
          End: true,
        }),
      }),
      functions: {
        work: (count) => {
          seen.push(count);
          throw thrown("Boom");
        },
      },
    });
    start();
    await states.idle();
    expect(seen).toEqual([0, 1, 2]);
  });
});

describe("a Lambda failure", () => {
  async function failureOf(work: () => unknown) {
    const { states, start } = workflow({ definition: machine("Work", { Work: task("work") }), functions: { work } });
    const arn = start();
    await states.idle();
    return call<{ error: string; cause: string }>(states, "DescribeExecution", { executionArn: arn });
  }

  it("of the service is Lambda.<Name>, with the cause in AWS's form", async () => {
    const { error, cause } = await failureOf(() => {
      throw new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);
    });
    expect(error).toBe("Lambda.TooManyRequestsException");
    expect(cause).toMatch(
      /^Rate Exceeded\. \(Service: AWSLambda; Status Code: 429; Error Code: TooManyRequestsException; Request ID: [\w-]{36}; Proxy: null\)$/,
    );
  });

  it("of the function's own timeout keeps Lambda's name", async () => {
    const { error } = await failureOf(() => {
      throw thrown("Sandbox.Timedout", "RequestId: x Error: Task timed out after 3.00 seconds");
    });
    expect(error).toBe("Sandbox.Timedout");
  });

  it("without an error type is Lambda.Unknown", async () => {
    const { error, cause } = await failureOf(() => {
      throw thrown("");
    });
    expect(error).toBe("Lambda.Unknown");
    expect(cause).toContain("did not return an error type");
  });
});

describe("limits", () => {
  // AWS, "Step Functions service quotas": 256 KiB; "Handling errors": States.ALL does not catch States.DataLimitExceeded.
  it("a result over 256 KiB is States.DataLimitExceeded, which States.ALL does not catch and its own name does", async () => {
    const { states, start, events } = workflow({
      definition: machine("Big", {
        Big: task("big", {
          Catch: [
            { ErrorEquals: ["States.TaskFailed"], Next: "Wrong" },
            { ErrorEquals: ["States.DataLimitExceeded"], Next: "Right" },
          ],
          End: true,
        }),
        Wrong: { Type: "Fail" },
        Right: task("big", { Catch: [{ ErrorEquals: ["States.ALL"], Next: "Wrong" }], End: true }),
      }),
      functions: { big: () => "x".repeat(262_144) },
    });
    const arn = start();
    await states.idle();
    expect(events(arn).filter(({ type }) => type === "TaskFailed")).toHaveLength(2);
    expect(detailsOf(last(events(arn)))).toEqual({
      error: "States.DataLimitExceeded",
      cause:
        "The state/task 'Right' returned a result with a size exceeding the maximum number of bytes service limit.",
    });
  });

  // AWS, "Step Functions service quotas"; that the last event is number 25,000: measured, floci AslExecutor.
  it("a history ends at 25,000 events with States.Runtime", async () => {
    const { states, start } = workflow({
      definition: machine("Loop", {
        Loop: { Type: "Pass", Next: "Again" },
        Again: { Type: "Choice", Choices: [{ Condition: false, Next: "End" }], Default: "Loop" },
        End: { Type: "Succeed" },
      }),
    });
    const arn = start();
    await states.idle();
    const { events } = call<{ events: HistoryEvent[] }>(states, "GetExecutionHistory", {
      executionArn: arn,
      maxResults: 1,
      reverseOrder: true,
    });
    expect(events[0]?.id).toBe(25_000);
    expect(detailsOf(last(events))).toEqual({
      error: "States.Runtime",
      cause: "The execution reached the maximum number of history events (25000).",
    });
  });
});

describe("variables", () => {
  it("of the outside can be read in a Map, and an iteration cannot change them", async () => {
    const { states, start } = workflow({
      definition: machine("Set", {
        Set: { Type: "Pass", Assign: { shared: "outer" }, Next: "Each" },
        Each: {
          Type: "Map",
          Items: [1, 2],
          ItemProcessor: {
            StartAt: "Change",
            States: {
              Change: { Type: "Pass", Assign: { shared: "{% $shared & $string($states.input) %}" }, Next: "Read" },
              Read: { Type: "Pass", Output: "{% $shared %}", End: true },
            },
          },
          Next: "After",
        },
        After: { Type: "Succeed", Output: { shared: "{% $shared %}", inside: "{% $states.input %}" } },
      }),
    });
    const arn = start();
    await states.idle();
    const { output } = call<{ output: string }>(states, "DescribeExecution", { executionArn: arn });
    expect(JSON.parse(output)).toEqual({ shared: "outer", inside: ["outer1", "outer2"] });
  });

  it("are seen by Assign and Output of one state as they were when it was entered", async () => {
    const { states, start } = workflow({
      definition: machine("A", {
        A: { Type: "Pass", Assign: { x: 1 }, Next: "B" },
        B: { Type: "Pass", Assign: { x: 2, y: "{% $x %}" }, Output: "{% $x %}", Next: "C" },
        C: { Type: "Succeed", Output: ["{% $states.input %}", "{% $x %}", "{% $y %}"] },
      }),
    });
    const arn = start();
    await states.idle();
    const { output } = call<{ output: string }>(states, "DescribeExecution", { executionArn: arn });
    expect(JSON.parse(output)).toEqual([1, 2, 1]);
  });
});

describe("$states.context", () => {
  it("names the execution, the state, the state machine and the item", async () => {
    const { states, start } = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          Items: ["a"],
          ItemSelector: { item: "{% $states.context.Map.Item %}" },
          ItemProcessor: {
            StartAt: "Look",
            States: { Look: { Type: "Pass", Output: "{% $merge([$states.input, $states.context]) %}", End: true } },
          },
          End: true,
        },
      }),
    });
    const arn = start({ hello: 1 }, "one");
    await states.idle();
    const { output } = call<{ output: string }>(states, "DescribeExecution", { executionArn: arn });
    const time = "2026-01-01T00:00:00.000Z";
    expect(JSON.parse(output)).toEqual([
      {
        item: { Index: 0, Value: "a" },
        Execution: {
          Id: arn,
          Input: { hello: 1 },
          Name: "one",
          RoleArn: "arn:aws:iam::111111111111:role/machine",
          StartTime: time,
          RedriveCount: 0,
        },
        StateMachine: { Id: "arn:aws:states:eu-west-1:111111111111:stateMachine:machine", Name: "machine" },
        State: { Name: "Look", EnteredTime: time, RetryCount: 0 },
        Map: { Item: { Index: 0, Value: "a" } },
      },
    ]);
  });
});

function last(events: readonly HistoryEvent[]): HistoryEvent {
  return at(events, events.at(-1)?.id ?? 0);
}

function at(events: readonly HistoryEvent[], id: number): HistoryEvent {
  const event = events.find((candidate) => candidate.id === id);
  if (event === undefined) throw new Error(`no event ${id}`);
  return event;
}
