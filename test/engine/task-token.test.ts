import { describe, expect, it } from "vitest";
import { detailsOf, type HistoryEvent } from "../../local/engine/history.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { call, type Handler, machine, outline, task, thrown, type Workflow, workflow } from "./harness.ts";
import { violations } from "./invariants.ts";
import { memoryStore } from "./memory-store.ts";
import { refusal } from "./refusal.ts";

/** A Task that hands its token to the function `ask`. */
function asking(rest: Record<string, unknown> = {}) {
  return {
    Type: "Task",
    Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
    Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
    End: true,
    ...rest,
  };
}

/** A run of the definition, and the tokens that its function `ask` got. */
function asked(definition: Record<string, unknown>, options: Partial<Parameters<typeof workflow>[0]> = {}) {
  const tokens: string[] = [];
  const ask: Handler = ({ token }: { token: string }) => {
    tokens.push(token);
    return "sent";
  };
  const run = workflow({ definition, ...options, functions: { ask, ...options.functions } });
  return { ...run, tokens };
}

function send({ states }: Pick<Workflow, "states">, operation: string, input: Record<string, unknown>) {
  return call<Promise<unknown>>(states, operation, input);
}

function describeExecution({ states }: Pick<Workflow, "states">, executionArn: string) {
  type Description = { status: string; output?: string; error?: string; cause?: string };
  return call<Description>(states, "DescribeExecution", { executionArn });
}

const definition = machine("Ask", { Ask: asking() });
const GONE = "'Provided task does not exist anymore'";

describe("a Task with .waitForTaskToken", () => {
  // Recorded on AWS: localstack test_callback.py, test_sqs_wait_for_task_token, 2023-06-25 (SQS instead of Lambda).
  it("records TaskSubmitted when the function has answered, and succeeds with what SendTaskSuccess brings", async () => {
    const run = asked(definition);
    const arn = run.start();
    await run.states.idle();
    expect(describeExecution(run, arn).status).toBe("RUNNING");
    expect(await send(run, "SendTaskSuccess", { taskToken: run.tokens[0], output: '{"ok":1}' })).toEqual({});
    await run.states.idle();
    expect(outline(run.events(arn))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 TaskStateEntered",
      "3 <- 2 TaskScheduled",
      "4 <- 3 TaskStarted",
      "5 <- 4 TaskSubmitted",
      "6 <- 5 TaskSucceeded",
      "7 <- 6 TaskStateExited",
      "8 <- 7 ExecutionSucceeded",
    ]);
    const tag = { resource: "invoke.waitForTaskToken", resourceType: "lambda" };
    const [, , scheduled, started, submitted, succeeded] = run.events(arn).map(detailsOf);
    expect(scheduled).toMatchObject(tag);
    expect(started).toEqual(tag);
    expect(submitted).toMatchObject({ ...tag, outputDetails: { truncated: false } });
    expect(JSON.parse(String(submitted?.output))).toMatchObject({ Payload: "sent", StatusCode: 200 });
    expect(succeeded).toEqual({ ...tag, output: '{"ok":1}', outputDetails: { truncated: false } });
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", output: '{"ok":1}' });
  });

  // Recorded on AWS: the same file, test_sqs_failure_in_wait_for_task_token, 2023-06-25.
  it("fails with the error and cause of SendTaskFailure, which Retry and Catch see", async () => {
    const run = asked(
      machine("Ask", {
        Ask: asking({
          Retry: [{ ErrorEquals: ["Refused"], MaxAttempts: 1 }],
          Catch: [{ ErrorEquals: ["Refused"], Next: "Caught" }],
        }),
        Caught: { Type: "Succeed" },
      }),
    );
    const arn = run.start();
    for (const attempt of [0, 1]) {
      await run.states.idle();
      await send(run, "SendTaskFailure", { taskToken: run.tokens[attempt], error: "Refused", cause: `no ${attempt}` });
    }
    await run.states.idle();
    expect(new Set(run.tokens).size).toBe(2);
    expect(describeExecution(run, arn).output).toBe('{"Error":"Refused","Cause":"no 1"}');
    const failed = run.events(arn).filter(({ type }) => type === "TaskFailed");
    expect(failed.map((event) => detailsOf(event).cause)).toEqual(["no 0", "no 1"]);
    expect(violations(run.events(arn))).toEqual([]);
  });

  it("fails at once when the function fails", async () => {
    const run = asked(definition, { functions: { ask: () => Promise.reject(thrown("Boom")) } });
    const arn = run.start();
    await run.states.idle();
    expect(run.events(arn).map(({ type }) => type)).not.toContain("TaskSubmitted");
    expect(describeExecution(run, arn)).toMatchObject({ status: "FAILED", error: "Boom" });
  });

  it("ends when the token comes back before the function has answered", async () => {
    const run: ReturnType<typeof asked> = asked(definition, {
      functions: {
        ask: async ({ token }: { token: string }) => {
          await send(run, "SendTaskSuccess", { taskToken: token, output: '"early"' });
          throw thrown("TooLate");
        },
      },
    });
    const arn = run.start();
    await run.states.idle();
    expect(describeExecution(run, arn)).toMatchObject({ status: "SUCCEEDED", output: '"early"' });
    expect(run.events(arn).map(({ type }) => type)).not.toContain("TaskSubmitted");
  });

  it("has a token in the arguments of its own kind only", async () => {
    const plain = task("ask", {
      Arguments: { FunctionName: "ask", Payload: "{% $exists($states.context.Task) %}" },
      Output: "{% $states.result.Payload %}",
      End: true,
    });
    const seen: unknown[] = [];
    const run = workflow({ definition: machine("T", { T: plain }), functions: { ask: (given) => seen.push(given) } });
    run.start();
    await run.states.idle();
    expect(seen).toEqual([false]);
  });
});

describe("a token", () => {
  // Recorded on AWS: stackd callback_lifecycle, 02-token-validation-success, 2026-09-23; the text for what is no activity
  // is in many published logs.
  it("is used up by its first end: all later ones are TaskTimedOut", async () => {
    const run = asked(definition);
    const arn = run.start();
    await run.states.idle();
    const [taskToken] = run.tokens;
    const first = send(run, "SendTaskSuccess", { taskToken, output: "1" });
    const second = refusal(() => send(run, "SendTaskFailure", { taskToken, error: "Late" }));
    await first;
    expect(await second).toEqual({ name: "TaskTimedOut", message: `Task Timed Out: ${GONE}`, statusCode: 400 });
    await run.states.idle();
    for (const [operation, rest] of [
      ["SendTaskSuccess", { output: "{}" }],
      ["SendTaskFailure", {}],
      ["SendTaskHeartbeat", {}],
    ] as const) {
      expect((await refusal(() => send(run, operation, { taskToken, ...rest }))).name).toBe("TaskTimedOut");
    }
    expect(describeExecution(run, arn).output).toBe("1");
    expect(violations(run.events(arn))).toEqual([]);
  });

  // Recorded on AWS: the same. Output that is no JSON is refused before a token that is used up, and after one that is none.
  it("survives output that is no JSON, and is refused when it is none", async () => {
    const run = asked(definition);
    const arn = run.start();
    await run.states.idle();
    const [taskToken] = run.tokens;
    const invalid = {
      name: "InvalidOutput",
      message: "Invalid Output: 'not-json' is not valid JSON.",
      statusCode: 400,
    };
    expect(await refusal(() => send(run, "SendTaskSuccess", { taskToken, output: "not-json" }))).toEqual(invalid);
    await send(run, "SendTaskHeartbeat", { taskToken });
    await send(run, "SendTaskSuccess", { taskToken, output: "{}" });
    expect(await refusal(() => send(run, "SendTaskSuccess", { taskToken, output: "not-json" }))).toEqual(invalid);
    expect(await refusal(() => send(run, "SendTaskSuccess", { taskToken: "no-token", output: "not-json" }))).toEqual({
      name: "InvalidToken",
      message: "Invalid Token: 'Invalid token'",
      statusCode: 400,
    });
    await run.states.idle();
    expect(describeExecution(run, arn).status).toBe("SUCCEEDED");
  });

  it.for([
    ["SendTaskSuccess", { taskToken: "t" }, "ValidationException"],
    ["SendTaskSuccess", { output: "1" }, "ValidationException"],
    ["SendTaskFailure", { taskToken: "t", error: "x".repeat(257) }, "ValidationException"],
    ["SendTaskFailure", { taskToken: "t", cause: "x".repeat(32_769) }, "ValidationException"],
    ["SendTaskHeartbeat", { taskToken: "t" }, "InvalidToken"],
  ] as const)("%s refuses %j with %s", async ([operation, input, name]) => {
    expect((await refusal(() => send(asked(definition), operation, input))).name).toBe(name);
  });

  it("of an execution that this account does not have is TaskDoesNotExist", async () => {
    const other = asked(definition);
    other.start();
    await other.states.idle();
    const input = { taskToken: other.tokens[0], output: "1" };
    expect(await refusal(() => send(asked(definition), "SendTaskSuccess", input))).toMatchObject({
      name: "TaskDoesNotExist",
      message: `Task Does Not Exist: ${GONE}`,
    });
  });

  // Recorded on AWS: stackd callback_lifecycle, 10-stop-leased and 13-parallel-catch-cancel, 2026-09-23.
  it("is closed by StopExecution, and by a sibling that fails", async () => {
    const stopped = asked(definition);
    const arn = stopped.start();
    await stopped.states.idle();
    call(stopped.states, "StopExecution", { executionArn: arn });
    const late = { taskToken: stopped.tokens[0], output: "1" };
    expect((await refusal(() => send(stopped, "SendTaskSuccess", late))).name).toBe("TaskTimedOut");

    const boom = { Boom: { Type: "Wait", Seconds: 5, Next: "Fail" }, Fail: { Type: "Fail", Error: "Boom" } };
    const cut = asked(
      machine("P", {
        P: {
          Type: "Parallel",
          Branches: [
            { StartAt: "Ask", States: { Ask: asking() } },
            { StartAt: "Boom", States: boom },
          ],
          Catch: [{ ErrorEquals: ["Boom"], Next: "Caught" }],
          End: true,
        },
        Caught: { Type: "Wait", Seconds: 60, End: true },
      }),
    );
    const caught = cut.start();
    await cut.states.idle();
    expect((await refusal(() => send(cut, "SendTaskSuccess", { ...late, taskToken: cut.tokens[0] }))).name).toBe(
      "TaskTimedOut",
    );
    const ends = cut.events(caught).filter(({ type }) => /Aborted|Failed/.test(type));
    expect(ends.map(({ type }) => type)).toEqual(["TaskStateAborted", "ParallelStateFailed"]);
  });
});

describe("the time of a waiting task", () => {
  async function timedOut(rest: Record<string, unknown>, milliseconds: number, beats: number[] = []) {
    const run = asked(
      machine("Ask", {
        Ask: asking({ ...rest, Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "Lost" }] }),
        Lost: { Type: "Succeed", Output: "lost" },
      }),
    );
    const began = run.clock.now();
    const arn = run.start();
    await run.states.idle();
    for (const beat of beats) {
      await run.clock.advance(began + beat - run.clock.now());
      await send(run, "SendTaskHeartbeat", { taskToken: run.tokens[0] });
    }
    await run.clock.advance(began + milliseconds - 1 - run.clock.now());
    expect(describeExecution(run, arn).status).toBe("RUNNING");
    await run.clock.advance(1);
    await run.states.idle();
    return { run, events: run.events(arn), described: describeExecution(run, arn) };
  }

  // Recorded on AWS: localstack test_callback.py, test_sqs_wait_for_task_token_timeout, 2024-03-10.
  it("ends as States.Timeout after TimeoutSeconds, heartbeats or not", async () => {
    const beats = [4000, 8000];
    const { events, described } = await timedOut({ TimeoutSeconds: 10, HeartbeatSeconds: 5 }, 10_000, beats);
    expect(outline(events).slice(4)).toEqual(["5 <- 4 TaskSubmitted", "6 <- 5 TaskTimedOut", "7 <- 6 ExecutionFailed"]);
    expect(detailsOf(at(events, 3))).toMatchObject({ timeoutInSeconds: 10, heartbeatInSeconds: 5 });
    expect(described).toMatchObject({ status: "FAILED", error: "States.Timeout" });
  });

  // Recorded on AWS: stackd callback_lifecycle, 06-heartbeat-timeout, 2026-09-23: the error is States.Timeout, cause "".
  // States.HeartbeatTimeout means it too (States Language, "Errors").
  it("ends when HeartbeatSeconds have passed since the last heartbeat, and both names of the error match", async () => {
    const { run, events, described } = await timedOut({ TimeoutSeconds: 60, HeartbeatSeconds: 5 }, 9000, [4000]);
    expect(detailsOf(at(events, 6))).toMatchObject({ error: "States.Timeout" });
    expect(described).toMatchObject({ status: "SUCCEEDED", output: '"lost"' });
    expect(detailsOf(events.find(({ type }) => type === "TaskStateExited") as HistoryEvent).output).toBe(
      '{"Error":"States.Timeout","Cause":""}',
    );
    expect((await refusal(() => send(run, "SendTaskHeartbeat", { taskToken: run.tokens[0] }))).name).toBe(
      "TaskTimedOut",
    );
  });

  it("needs no TimeoutSeconds to lose a heartbeat", async () => {
    expect((await timedOut({ HeartbeatSeconds: 5 }, 5000)).described.output).toBe('"lost"');
  });

  // That AWS takes HeartbeatSeconds there is recorded: localstack test_base_evaluate_expressions.py. What it then does to a
  // slow function is States Language, "Timeouts".
  it("has a heartbeat also where no token is waited for, and then it is a timeout", async () => {
    const slow = task("slow", { HeartbeatSeconds: 5, TimeoutSeconds: 60, End: true });
    const run = workflow({
      definition: machine("Slow", {
        Slow: { ...slow, Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "Lost" }] },
        Lost: { Type: "Succeed", Output: "lost" },
      }),
      functions: { slow: () => new Promise<never>(() => {}) },
    });
    const arn = run.start();
    await run.clock.advance(4999);
    expect(describeExecution(run, arn).status).toBe("RUNNING");
    await run.clock.advance(1);
    await run.states.idle();
    expect(describeExecution(run, arn).output).toBe('"lost"');
  });

  it("does not make the clock jump, and what makes it jump fires it on the way", async () => {
    const run = asked(machine("Ask", { Ask: asking({ TimeoutSeconds: 10 }) }));
    const began = run.clock.now();
    const arn = run.start();
    await run.states.idle();
    expect(run.clock.now()).toBe(began);
    await run.clock.sleep(60_000, "wait");
    await run.states.idle();
    expect(describeExecution(run, arn)).toMatchObject({ status: "FAILED", error: "States.Timeout" });
    expect(run.events(arn).at(-1)?.timestamp.getTime()).toBe(began + 10_000);
  });
});

describe("idle", () => {
  it("waits for what goes on beside a waiting task, and not for the task", async () => {
    const run = asked(
      machine("Each", {
        Each: {
          Type: "Map",
          Items: ["ask", "work", "work", "work"],
          MaxConcurrency: 2,
          ItemProcessor: {
            StartAt: "Which",
            States: {
              Which: {
                Type: "Choice",
                Choices: [{ Condition: "{% $states.input = 'ask' %}", Next: "Ask" }],
                Default: "Pause",
              },
              Ask: asking(),
              Pause: { Type: "Wait", Seconds: 60, Next: "Work" },
              Work: task("work"),
            },
          },
          End: true,
        },
      }),
      { functions: { work: () => new Promise((resolve) => setTimeout(resolve, 5)) } },
    );
    const arn = run.start();
    await run.states.idle();
    expect(run.calls.filter((name) => name === "work")).toHaveLength(3);
    expect(describeExecution(run, arn).status).toBe("RUNNING");
    await send(run, "SendTaskSuccess", { taskToken: run.tokens[0], output: "1" });
    await run.states.idle();
    expect(describeExecution(run, arn).status).toBe("SUCCEEDED");
  });
});

describe("a waiting task in a recovered account", () => {
  async function recovered(length: number) {
    const store = memoryStore();
    const before = asked(definition, { store });
    const arn = before.start();
    await before.states.idle();
    await before.states.stop();
    const [kept] = store.kept;
    if (kept === undefined) throw new Error("nothing was stored");
    const again = asked(definition, {
      store: memoryStore([{ record: kept.record, entries: kept.entries.slice(0, length) }]),
      clock: new VirtualClock({ start: before.clock.now() }),
    });
    again.states.recover();
    return { again, arn, token: before.tokens[0] };
  }

  it("waits for the same token, and the function is not called again once it has answered", async () => {
    const { again, arn, token } = await recovered(5);
    // At once: the account may hear from the holder of the token before it has read its own histories.
    await send(again, "SendTaskSuccess", { taskToken: token, output: '"after"' });
    await again.states.idle();
    expect(again.calls).toEqual([]);
    expect(describeExecution(again, arn)).toMatchObject({ status: "SUCCEEDED", output: '"after"' });
    expect(violations(again.events(arn))).toEqual([]);
  });

  it("calls the function again, with the same token, when it had not answered", async () => {
    const { again, arn, token } = await recovered(4);
    await again.states.idle();
    expect(again.tokens).toEqual([token]);
    await send(again, "SendTaskSuccess", { taskToken: token, output: "1" });
    await again.states.idle();
    expect(describeExecution(again, arn).status).toBe("SUCCEEDED");
  });

  it("is gone when it had ended, whichever event the process was killed after, and its token is TaskTimedOut", async () => {
    const store = memoryStore();
    const timed = asked(machine("Ask", { Ask: asking({ TimeoutSeconds: 10 }) }), { store });
    timed.start();
    await timed.states.idle();
    await timed.clock.advance(10_000);
    const stopped = asked(definition, { store });
    const arn = stopped.start();
    await stopped.states.idle();
    call(stopped.states, "StopExecution", { executionArn: arn });

    for (const [run, kept] of [[timed, store.kept[0]] as const, [stopped, store.kept[1]] as const]) {
      if (kept === undefined) throw new Error("nothing was stored");
      const ended = kept.entries.findIndex(({ event }) => /^(TaskTimedOut|ExecutionAborted)$/.test(event.type));
      for (let length = ended + 1; length <= kept.entries.length; length++) {
        const again = asked(definition, {
          store: memoryStore([{ record: kept.record, entries: kept.entries.slice(0, length) }]),
        });
        again.states.recover();
        const taskToken = run.tokens[0];
        for (const [operation, rest] of [
          ["SendTaskSuccess", { output: "{}" }],
          ["SendTaskFailure", {}],
          ["SendTaskHeartbeat", {}],
        ] as const) {
          const { name } = await refusal(() => send(again, operation, { taskToken, ...rest }));
          expect(name, `${operation} after event ${length}`).toBe("TaskTimedOut");
        }
      }
    }
  });

  it("has a new token when its execution, which had ended, is redriven", async () => {
    const store = memoryStore();
    const before = asked(definition, { store });
    const arn = before.start();
    await before.states.idle();
    call(before.states, "StopExecution", { executionArn: arn });
    const again = asked(definition, { store: memoryStore(store.kept) });
    again.states.recover();
    call(again.states, "RedriveExecution", { executionArn: arn });
    await again.states.idle();
    const late = { taskToken: before.tokens[0], output: "1" };
    expect((await refusal(() => send(again, "SendTaskSuccess", late))).name).toBe("TaskTimedOut");
    await send(again, "SendTaskSuccess", { ...late, taskToken: again.tokens[0] });
    await again.states.idle();
    expect(describeExecution(again, arn)).toMatchObject({ status: "SUCCEEDED", output: "1" });
  });

  it("knows a lost heartbeat again from its record", async () => {
    const store = memoryStore();
    const States = {
      Ask: asking({
        HeartbeatSeconds: 5,
        TimeoutSeconds: 60,
        Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "Lost" }],
      }),
      Lost: { Type: "Wait", Seconds: 60, End: true },
    };
    const before = asked(machine("Ask", States), { store });
    const arn = before.start();
    await before.states.idle();
    await before.clock.advance(5000);
    await before.states.idle();
    const [kept] = store.kept;
    if (kept === undefined) throw new Error("nothing was stored");
    const timedOut = kept.entries.findIndex(({ event }) => event.type === "TaskTimedOut");
    const entries = kept.entries.slice(0, timedOut + 1);
    const again = asked(machine("Ask", States), { store: memoryStore([{ record: kept.record, entries }]) });
    again.states.recover();
    await again.states.idle();
    expect(describeExecution(again, arn).status).toBe("SUCCEEDED");
  });
});

function at(events: readonly HistoryEvent[], id: number): HistoryEvent {
  const event = events.find((candidate) => candidate.id === id);
  if (event === undefined) throw new Error(`no event ${id}`);
  return event;
}
