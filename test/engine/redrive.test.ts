import { describe, expect, it } from "vitest";
import { detailsOf } from "../../local/engine/history.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { call, type Handler, machine, outline, task, thrown, type Workflow, workflow } from "./harness.ts";
import { violations } from "./invariants.ts";
import { memoryStore } from "./memory-store.ts";
import { refusal } from "./refusal.ts";

/**
 * Ids and previousEventIds as AWS recorded them: stackd redrive_execution, 2026-09-24 (activities instead of functions).
 * What is not recorded is from AWS, "Restarting state machine executions with redrive".
 */

const DAY = 86_400_000;
const never = () => new Promise<never>(() => {});

/** Throws the errors first, one at a call, then returns what the function is called with. */
function failing(...errors: string[]): Handler {
  return (payload) => {
    const error = errors.shift();
    if (error !== undefined) throw thrown(error);
    return payload;
  };
}

interface Description {
  readonly status: string;
  readonly output?: string;
  readonly error?: string;
  readonly stopDate?: Date;
  readonly redriveCount: number;
  readonly redriveDate?: Date;
  readonly redriveStatus: string;
  readonly redriveStatusReason?: string;
}

function describeExecution({ states }: Pick<Workflow, "states">, executionArn: string): Description {
  return call<Description>(states, "DescribeExecution", { executionArn });
}

function redrive({ states }: Pick<Workflow, "states">, executionArn: string, clientToken?: string): Date {
  return call<{ redriveDate: Date }>(states, "RedriveExecution", { executionArn, clientToken }).redriveDate;
}

const payload = "{% $states.result.Payload %}";

describe("RedriveExecution", () => {
  it("runs the failed state again behind its entry, with the input it had, and keeps what came before", async () => {
    const run = workflow({
      definition: machine("Plan", {
        Plan: task("plan", { Assign: { base: payload }, Next: "Work" }),
        Work: task("work", {
          Arguments: { FunctionName: "work", Payload: "{% [$base, $states.context.Execution] %}" },
          Output: payload,
          End: true,
        }),
      }),
      functions: { plan: () => "base", work: failing("Boom") },
    });
    const arn = run.start({ a: 1 }, "one");
    await run.states.idle();
    const before = run.events(arn);
    await run.clock.advance(60_000);
    const redriveDate = redrive(run, arn);
    expect(redriveDate).toEqual(new Date(run.clock.now()));
    await run.states.idle();
    expect(run.calls).toEqual(["plan", "work", "work"]);
    expect(run.events(arn).slice(0, before.length)).toEqual(before);
    expect(outline(run.events(arn)).slice(6)).toEqual([
      "7 <- 6 TaskStateEntered",
      "8 <- 7 TaskScheduled",
      "9 <- 8 TaskStarted",
      "10 <- 9 TaskFailed",
      "11 <- 10 ExecutionFailed",
      "12 <- 11 ExecutionRedriven",
      "13 <- 7 TaskScheduled",
      "14 <- 13 TaskStarted",
      "15 <- 14 TaskSucceeded",
      "16 <- 15 TaskStateExited",
      "17 <- 16 ExecutionSucceeded",
    ]);
    expect(detailsOf(run.events(arn)[11] as never)).toEqual({ redriveCount: 1 });
    const [base, context] = JSON.parse(describeExecution(run, arn).output ?? "");
    expect(base).toBe("base");
    expect(context).toMatchObject({
      StartTime: "2026-01-01T00:00:00.000Z",
      RedriveCount: 1,
      RedriveTime: redriveDate.toISOString(),
    });
  });

  it("lets Retry start anew", async () => {
    const counts: unknown[] = [];
    const run = workflow({
      definition: machine("Work", {
        Work: task("work", {
          Arguments: { FunctionName: "work", Payload: "{% $states.context.State.RetryCount %}" },
          Retry: [{ ErrorEquals: ["Boom"], MaxAttempts: 1, IntervalSeconds: 5 }],
          End: true,
        }),
      }),
      functions: {
        work: (count) => {
          counts.push(count);
          throw thrown("Boom");
        },
      },
    });
    const arn = run.start();
    await run.states.idle();
    redrive(run, arn);
    await run.states.idle();
    expect(counts).toEqual([0, 1, 0, 1]);
    expect(violations(run.events(arn))).toEqual([]);
  });

  it("fails again in a Fail state, which it does not enter again", async () => {
    const run = workflow({ definition: machine("F", { F: { Type: "Fail", Error: "Ours", Cause: "why" } }) });
    const arn = run.start();
    await run.states.idle();
    for (const attempt of [1, 2]) {
      redrive(run, arn);
      await run.states.idle();
      expect(describeExecution(run, arn)).toMatchObject({ status: "FAILED", error: "Ours", redriveCount: attempt });
    }
    expect(outline(run.events(arn))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 FailStateEntered",
      "3 <- 2 ExecutionFailed",
      "4 <- 3 ExecutionRedriven",
      "5 <- 4 ExecutionFailed",
      "6 <- 5 ExecutionRedriven",
      "7 <- 6 ExecutionFailed",
    ]);
  });

  it("of a Parallel runs the branches that failed or were cut, from their own unfinished states", async () => {
    const run = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: ["quick", "failing", "cut"].map((name) => ({
            StartAt: name,
            States: { [name]: task(name, { Output: payload, End: true }) },
          })),
          End: true,
        },
      }),
      functions: {
        quick: () => "preserved",
        failing: (() => {
          const then = failing("Boom");
          return async (input: never, signal: AbortSignal) => {
            for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
            return then(input, signal);
          };
        })(),
        cut: (() => {
          let calls = 0;
          return (input: unknown) => (calls++ === 0 ? never() : input);
        })(),
      },
    });
    const arn = run.start("x");
    await run.states.idle();
    const before = run.events(arn);
    const entered = (name: string) => before.find((event) => detailsOf(event).name === name)?.id;
    redrive(run, arn);
    await run.states.idle();
    expect(run.calls).toEqual(["quick", "failing", "cut", "failing", "cut"]);
    const after = run.events(arn).slice(before.length);
    const scheduled = after.filter(({ type }) => type === "TaskScheduled");
    expect(scheduled.map(({ previousEventId }) => previousEventId)).toEqual([entered("failing"), entered("cut")]);
    expect(after.filter(({ type }) => /StateEntered|ParallelStateStarted/.test(type))).toEqual([]);
    const last = after.findLast(({ type }) => type === "TaskStateExited")?.id ?? 0;
    expect(outline(after).slice(-3)).toEqual([
      `${last + 1} <- ${last} ParallelStateSucceeded`,
      `${last + 2} <- ${last} ParallelStateExited`,
      `${last + 3} <- ${last + 2} ExecutionSucceeded`,
    ]);
    expect(JSON.parse(describeExecution(run, arn).output ?? "")).toEqual(["preserved", "x", "x"]);
  });

  it("of a Map goes on in the iteration that failed, and then with those that had not begun", async () => {
    const run = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          MaxConcurrency: 1,
          ItemProcessor: { StartAt: "Work", States: { Work: task("work", { Output: payload, End: true }) } },
          End: true,
        },
      }),
      functions: {
        work: (() => {
          const second = failing("Boom");
          return (item: number, signal: AbortSignal) => (item === 1 ? second(item as never, signal) : item);
        })(),
      },
    });
    const arn = run.start([0, 1, 2]);
    await run.states.idle();
    const before = run.events(arn).length;
    expect(before).toBe(19);
    redrive(run, arn);
    await run.states.idle();
    expect(outline(run.events(arn)).slice(before)).toEqual([
      "20 <- 19 ExecutionRedriven",
      "21 <- 12 TaskScheduled",
      "22 <- 21 TaskStarted",
      "23 <- 22 TaskSucceeded",
      "24 <- 23 TaskStateExited",
      "25 <- 24 MapIterationSucceeded",
      "26 <- 24 MapIterationStarted",
      "27 <- 26 TaskStateEntered",
      "28 <- 27 TaskScheduled",
      "29 <- 28 TaskStarted",
      "30 <- 29 TaskSucceeded",
      "31 <- 30 TaskStateExited",
      "32 <- 31 MapIterationSucceeded",
      "33 <- 32 MapStateSucceeded",
      "34 <- 32 MapStateExited",
      "35 <- 34 ExecutionSucceeded",
    ]);
    expect(JSON.parse(describeExecution(run, arn).output ?? "")).toEqual([0, 1, 2]);
  });

  it("of a Map whose result was too large runs all of it again", async () => {
    let size = 200_000;
    const run = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          ItemProcessor: { StartAt: "Work", States: { Work: task("work", { Output: payload, End: true }) } },
          End: true,
        },
      }),
      functions: { work: () => "x".repeat(size) },
    });
    const arn = run.start([1, 2]);
    await run.states.idle();
    expect(describeExecution(run, arn).error).toBe("States.DataLimitExceeded");
    size = 10;
    redrive(run, arn);
    await run.states.idle();
    expect(run.calls).toHaveLength(4);
    expect(describeExecution(run, arn).status).toBe("SUCCEEDED");
  });

  it("of an ItemSelector that failed computes it again, for the item that it failed for", async () => {
    const run = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          ItemSelector:
            "{% $states.context.Map.Item.Index = 1 and $states.context.Execution.RedriveCount < 2 ? $missing : 'x' %}",
          ItemProcessor: { StartAt: "Work", States: { Work: task("work", { Output: payload, End: true }) } },
          End: true,
        },
      }),
      functions: { work: (item) => item },
    });
    const arn = run.start([1, 2]);
    await run.states.idle();
    for (const count of [0, 1]) {
      expect(describeExecution(run, arn)).toMatchObject({
        error: "States.QueryEvaluationError",
        redriveCount: count,
      });
      redrive(run, arn);
      await run.states.idle();
    }
    expect(run.events(arn).filter(({ type }) => type === "EvaluationFailed")).toHaveLength(2);
    expect(run.events(arn).filter(({ type }) => type === "MapIterationStarted")).toHaveLength(2);
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", output: '["x","x"]' });
  });

  it("keeps to the way of a caught failure that left no event", async () => {
    const run = workflow({
      definition: machine("Work", {
        Work: task("work", {
          Output: "{% $pad('', 262144, 'x') %}",
          Catch: [{ ErrorEquals: ["States.DataLimitExceeded"], Output: "caught", Next: "Undo" }],
          End: true,
        }),
        Undo: task("undo", { Output: payload, End: true }),
      }),
      functions: { work: () => 1, undo: failing("Boom") },
    });
    const arn = run.start();
    await run.states.idle();
    redrive(run, arn);
    await run.states.idle();
    expect(run.calls).toEqual(["work", "undo", "undo"]);
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", output: '"caught"' });
  });

  it("of an iteration whose Parallel failed in its second attempt runs that attempt again, not the first", async () => {
    const run = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          ItemProcessor: {
            StartAt: "Both",
            States: {
              Both: {
                Type: "Parallel",
                Branches: [
                  { StartAt: "Pause", States: { Pause: { Type: "Wait", Seconds: "{% $states.input %}", End: true } } },
                ],
                Output: "{% $states.context.Execution.RedriveCount = 0 ? $missing : 'x' %}",
                Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: 1, IntervalSeconds: 1 }],
                End: true,
              },
            },
          },
          End: true,
        },
      }),
      functions: {},
    });
    const arn = run.start([1, 2]);
    await run.states.idle();
    expect(describeExecution(run, arn).status).toBe("FAILED");
    redrive(run, arn);
    await run.states.idle();
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", output: '["x","x"]' });
  }, 10_000);

  it("of an expression that failed computes it again, and the state's result is not asked for again where it was kept", async () => {
    const run = workflow({
      definition: machine("Each", {
        Each: {
          Type: "Map",
          ItemProcessor: { StartAt: "Work", States: { Work: task("work", { Output: payload, End: true }) } },
          Output: "{% $states.context.Execution.RedriveCount > 0 ? $states.result : $missing %}",
          End: true,
        },
      }),
      functions: { work: (item) => item },
    });
    const arn = run.start([1, 2]);
    await run.states.idle();
    expect(describeExecution(run, arn).error).toBe("States.QueryEvaluationError");
    redrive(run, arn);
    await run.states.idle();
    expect(run.calls).toHaveLength(2);
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", output: "[1,2]" });
  });
});

describe("the time of a redriven execution", () => {
  it("begins anew for TimeoutSeconds of the state machine, and a Wait by Seconds waits in full", async () => {
    const run = workflow({
      definition: machine(
        "Wait",
        { Wait: { Type: "Wait", Seconds: 50, Next: "Work" }, Work: task("slow") },
        {
          TimeoutSeconds: 100,
        },
      ),
      functions: { slow: never },
    });
    const arn = run.start();
    call(run.states, "StopExecution", { executionArn: arn });
    await run.clock.advance(1000_000);
    const redriven = redrive(run, arn).getTime();
    await run.clock.advance(99_999);
    const work = run.events(arn).find(({ type }) => type === "TaskStateEntered");
    expect(work?.timestamp.getTime()).toBe(redriven + 50_000);
    expect(describeExecution(run, arn).status).toBe("RUNNING");
    await run.clock.advance(1);
    expect(describeExecution(run, arn).status).toBe("TIMED_OUT");
    redrive(run, arn);
    await run.clock.advance(99_999);
    expect(run.calls).toEqual(["slow", "slow"]);
    await run.clock.advance(1);
    expect(run.events(arn).slice(-1).map(detailsOf)).toEqual([{ error: "States.Timeout" }]);
    expect(outline(run.events(arn)).at(-1)).toMatch(/<- 0 ExecutionTimedOut$/);
  });

  it("is over at once for a Wait until a Timestamp that is past", async () => {
    const run = workflow({
      definition: machine("Wait", { Wait: { Type: "Wait", Timestamp: "2026-01-01T01:00:00Z", End: true } }),
    });
    const arn = run.start();
    call(run.states, "StopExecution", { executionArn: arn });
    await run.clock.advance(7_200_000);
    const redriven = redrive(run, arn);
    await run.states.idle();
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", stopDate: redriven });
  });
});

describe("what is told of a redriven execution", () => {
  it("is told by DescribeExecution, ListExecutions and the status change events", async () => {
    const run = workflow({
      definition: machine("Work", { Work: task("work") }),
      functions: { work: failing("Boom") },
    });
    const arn = run.start();
    await run.states.idle();
    const { stateMachineArn } = call<{ stateMachineArn: string }>(run.states, "DescribeExecution", {
      executionArn: arn,
    });
    const failed = describeExecution(run, arn);
    expect(failed).toMatchObject({ status: "FAILED", redriveCount: 0, redriveStatus: "REDRIVABLE" });
    expect(failed.redriveDate).toBeUndefined();
    expect(failed.redriveStatusReason).toBeUndefined();

    const redriveDate = redrive(run, arn);
    const running = describeExecution(run, arn);
    expect(running).toMatchObject({
      status: "RUNNING",
      redriveCount: 1,
      redriveDate,
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution is RUNNING and cannot be redriven",
    });
    expect([running.error, running.stopDate]).toEqual([undefined, undefined]);
    await run.states.idle();
    expect(describeExecution(run, arn)).toMatchObject({
      status: "SUCCEEDED",
      redriveCount: 1,
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution is SUCCEEDED and cannot be redriven",
    });
    const { executions } = call<{ executions: Description[] }>(run.states, "ListExecutions", { stateMachineArn });
    expect(executions).toMatchObject([{ redriveCount: 1, redriveDate }]);
    expect(run.emitted.map(({ detail }) => [detail.status, detail.redriveCount, detail.redriveStatus])).toEqual([
      ["RUNNING", 0, "NOT_REDRIVABLE"],
      ["FAILED", 0, "REDRIVABLE"],
      ["RUNNING", 1, "NOT_REDRIVABLE"],
      ["SUCCEEDED", 1, "NOT_REDRIVABLE"],
    ]);
    expect(run.emitted.map(({ detail }) => detail.redriveDate)).toEqual([
      null,
      null,
      redriveDate.getTime(),
      redriveDate.getTime(),
    ]);
  });

  it("is a new promise of its end", async () => {
    const run = workflow({
      definition: machine("Work", { Work: task("work") }),
      functions: { work: failing("Boom") },
    });
    const arn = run.start();
    const [execution] = run.states.executions();
    await execution?.done;
    redrive(run, arn);
    expect(execution?.status).toBe("RUNNING");
    await execution?.done;
    expect(execution?.status).toBe("SUCCEEDED");
  });
});

describe("a redrive is refused", () => {
  async function failed(definition = machine("F", { F: { Type: "Fail", Error: "Ours" } })) {
    const run = workflow({ definition, functions: { work: never } });
    const arn = run.start();
    if (definition.StartAt === "F") await run.states.idle();
    return { run, arn };
  }

  it("while the execution is RUNNING, and when it SUCCEEDED", async () => {
    const { run, arn } = await failed(machine("Work", { Work: task("work") }));
    expect(await refusal(() => redrive(run, arn))).toEqual({
      name: "ExecutionNotRedrivable",
      message: `Execution ${arn} invalid for redrive as: Execution is RUNNING and cannot be redriven`,
      statusCode: 400,
    });
    const { run: other, arn: succeeded } = await failed(machine("S", { S: { Type: "Succeed" } }));
    await other.states.idle();
    expect((await refusal(() => redrive(other, succeeded))).message).toContain("Execution is SUCCEEDED");
  });

  it("14 days after its end", async () => {
    const { run, arn } = await failed();
    await run.clock.advance(14 * DAY);
    redrive(run, arn);
    await run.states.idle();
    await run.clock.advance(14 * DAY + 1);
    expect((await refusal(() => redrive(run, arn))).message).toContain("Execution redrivable period exceeded");
    expect(describeExecution(run, arn)).toMatchObject({
      redriveStatus: "NOT_REDRIVABLE",
      redriveStatusReason: "Execution redrivable period exceeded",
    });
  });

  it("when its history is full", async () => {
    const run = workflow({
      definition: machine("Loop", {
        Loop: { Type: "Pass", Next: "Again" },
        Again: { Type: "Choice", Choices: [{ Condition: false, Next: "End" }], Default: "Loop" },
        End: { Type: "Succeed" },
      }),
    });
    const arn = run.start();
    await run.states.idle();
    expect((await refusal(() => redrive(run, arn))).message).toContain("Execution history event limit exceeded");
  });

  it("when it does not exist, or is the ARN of something else", async () => {
    const { run, arn } = await failed();
    expect((await refusal(() => redrive(run, `${arn}-2`))).name).toBe("ExecutionDoesNotExist");
    expect((await refusal(() => redrive(run, arn.replace(":execution:", ":express:")))).name).toBe("InvalidArn");
  });

  it("in a closed account", async () => {
    const { run, arn } = await failed();
    await run.states.stop();
    expect((await refusal(() => redrive(run, arn))).name).toBe("ServiceUnavailable");
  });
});

describe("the client token", () => {
  it("gives the first answer again for 15 minutes, whatever became of the execution, and a refused one is not used up", async () => {
    const store = memoryStore();
    const definition = machine("F", { F: { Type: "Fail", Error: "Ours" } });
    const run = workflow({ definition, store });
    const arn = run.start();
    await run.states.idle();
    const first = redrive(run, arn, "A");
    expect(redrive(run, arn, "A")).toEqual(first);
    expect((await refusal(() => redrive(run, arn, "B"))).name).toBe("ExecutionNotRedrivable");
    await run.states.idle();
    await run.clock.advance(60_000);
    expect(redrive(run, arn, "A")).toEqual(first);
    expect(describeExecution(run, arn).status).toBe("FAILED");
    const second = redrive(run, arn, "B");
    await run.states.idle();
    expect(describeExecution(run, arn).redriveCount).toBe(2);

    const clock = new VirtualClock({ start: run.clock.now() });
    const again = workflow({ definition, store: memoryStore(store.kept), clock });
    again.states.recover();
    expect([redrive(again, arn, "A"), redrive(again, arn, "B")]).toEqual([first, second]);
    await clock.advance(first.getTime() + 900_001 - clock.now());
    expect(redrive(again, arn, "A")).not.toEqual(first);
    await again.states.idle();
    expect(describeExecution(again, arn).redriveCount).toBe(3);
  });
});

describe("what was running when the execution ended", () => {
  it("does not end the redriven one, when it comes to its own end afterwards", async () => {
    const run = workflow({
      definition: machine("Which", {
        Which: {
          Type: "Choice",
          Choices: [{ Condition: "{% $states.context.Execution.RedriveCount > 0 %}", Next: "Done" }],
        },
        Done: { Type: "Succeed" },
      }),
    });
    const arn = run.start();
    call(run.states, "StopExecution", { executionArn: arn });
    redrive(run, arn);
    await run.states.idle();
    expect(describeExecution(run, arn).status).toBe("SUCCEEDED");
  });

  it("does nothing to the redriven one: its results are lost, and its token is closed", async () => {
    const finish: ((value: unknown) => void)[] = [];
    const tokens: string[] = [];
    const run = workflow({
      definition: machine("Work", {
        Work: {
          Type: "Task",
          Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
          Arguments: { FunctionName: "work", Payload: "{% $states.context.Task.Token %}" },
          End: true,
        },
      }),
      functions: {
        work: (token: string) => {
          tokens.push(token);
          return new Promise((resolve) => finish.push(resolve));
        },
      },
    });
    const arn = run.start();
    while (tokens.length === 0) await run.clock.advance(0);
    call(run.states, "StopExecution", { executionArn: arn });
    redrive(run, arn);
    while (tokens.length === 1) await run.clock.advance(0);
    const [old, fresh] = tokens;
    expect(fresh).not.toBe(old);
    finish[0]?.("late");
    await run.clock.advance(0);
    expect(run.events(arn).map(({ type }) => type)).not.toContain("TaskSubmitted");
    const success = (taskToken: string | undefined) => {
      return call<Promise<unknown>>(run.states, "SendTaskSuccess", { taskToken, output: "1" });
    };
    expect((await refusal(() => success(old))).name).toBe("TaskTimedOut");
    await success(fresh);
    await run.states.idle();
    expect(describeExecution(run, arn).status).toBe("SUCCEEDED");
    expect(violations(run.events(arn))).toEqual([]);
  });
});

describe("a redriven execution in a recovered account", () => {
  it("ends the same wherever the process was killed, and nothing that had succeeded is called again", async () => {
    const definition = machine("Plan", {
      Plan: task("plan", { Assign: { base: payload }, Next: "P" }),
      P: {
        Type: "Parallel",
        Branches: [
          { StartAt: "Quick", States: { Quick: task("quick", { Output: payload, End: true }) } },
          {
            StartAt: "Each",
            States: {
              Each: {
                Type: "Map",
                Items: [1, 2, 3],
                MaxConcurrency: 1,
                ItemProcessor: { StartAt: "Work", States: { Work: task("work", { Output: payload, End: true }) } },
                End: true,
              },
            },
          },
        ],
        Next: "After",
      },
      After: { Type: "Pass", Output: { base: "{% $base %}", both: "{% $states.input %}" }, End: true },
    });
    const functions = (broken: boolean): Record<string, Handler> => ({
      plan: () => "base",
      quick: () => "quick",
      work: (item: number) => (item === 2 && broken ? Promise.reject(thrown("Boom")) : item),
    });
    const store = memoryStore();
    const first = workflow({ definition, functions: functions(true), store });
    const arn = first.start();
    await first.states.idle();
    redrive(first, arn);
    await first.states.idle();
    expect(describeExecution(first, arn)).toMatchObject({ status: "FAILED", error: "Boom" });
    redrive(first, arn);
    await first.states.stop();
    const redriven = first.events(arn).length;

    const whole = memoryStore(store.kept);
    const repaired = workflow({ definition, functions: functions(false), store: whole });
    repaired.states.recover();
    await repaired.states.idle();
    const complete = outline(repaired.events(arn));
    expect(repaired.calls).toEqual(["work", "work"]);
    const { status, output, redriveCount, redriveDate } = describeExecution(repaired, arn);
    expect(JSON.parse(output ?? "")).toEqual({ base: "base", both: ["quick", [1, 2, 3]] });
    expect(redriveCount).toBe(2);

    const [kept] = whole.kept;
    if (kept === undefined) throw new Error("nothing was stored");
    for (let length = redriven; length < kept.entries.length; length++) {
      const entries = kept.entries.slice(0, length);
      const again = workflow({
        definition,
        functions: functions(false),
        store: memoryStore([{ record: kept.record, entries: [...entries] }]),
      });
      expect(again.states.recover()).toBe(1);
      await again.states.idle();
      const where = `killed after event ${length}`;
      expect(outline(again.events(arn)), where).toEqual(complete);
      const settled = entries.slice(redriven).filter(({ event }) => event.type === "TaskSucceeded").length;
      expect(again.calls.length, where).toBe(2 - settled);
      expect(describeExecution(again, arn), where).toMatchObject({ status, output, redriveCount, redriveDate });
    }
  });
});
