import { describe, expect, it } from "vitest";
import { detailsOf, type HistoryEvent } from "../../local/engine/history.ts";
import { call, machine, outline, task, thrown, workflow } from "./harness.ts";
import { violations } from "./invariants.ts";

/** Histories of Parallel that no recording in the corpus shows; each names where its rule comes from. */

const never = () => new Promise<never>(() => {});
const pass = (rest: Record<string, unknown> = {}) => ({ Type: "Pass", End: true, ...rest });
const branch = (StartAt: string, States: Record<string, unknown>) => ({ StartAt, States });
const caught = [{ ErrorEquals: ["States.ALL"], Next: "Caught" }];

function describeExecution(states: ReturnType<typeof workflow>["states"], executionArn: string) {
  return call<{ status: string; output?: string; error?: string }>(states, "DescribeExecution", { executionArn });
}

describe("a Parallel that succeeds", () => {
  // Measured on AWS, us-east-1: floci AslExecutorBranchHistoryEventsTest (issue 2868), "parallelBranchesPublish...".
  it("chains each branch to ParallelStateStarted, and goes on from the last event of all", async () => {
    const { states, start, events } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: [
            branch("A1", { A1: pass({ End: undefined, Next: "A2" }), A2: pass() }),
            branch("B1", { B1: pass({ End: undefined, Next: "B2" }), B2: pass() }),
          ],
          Next: "After",
        },
        After: pass(),
      }),
    });
    const arn = start({ x: "a" });
    await states.idle();
    const history = events(arn);
    expect(history).toHaveLength(16);
    expect(outline(history.slice(0, 3))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 ParallelStateEntered",
      "3 <- 2 ParallelStateStarted",
    ]);
    const id = (type: string, name: string) => {
      return history.find((event) => event.type === type && detailsOf(event).name === name)?.id ?? -1;
    };
    for (const name of ["A", "B"]) {
      const chain = [3, id("PassStateEntered", `${name}1`), id("PassStateExited", `${name}1`)];
      chain.push(id("PassStateEntered", `${name}2`), id("PassStateExited", `${name}2`));
      chain.slice(1).forEach((event, index) => {
        expect(at(history, event).previousEventId).toBe(chain[index]);
      });
    }
    expect(outline(history.slice(11))).toEqual([
      "12 <- 11 ParallelStateSucceeded",
      "13 <- 11 ParallelStateExited",
      "14 <- 13 PassStateEntered",
      "15 <- 14 PassStateExited",
      "16 <- 15 ExecutionSucceeded",
    ]);
    expect(detailsOf(at(history, 3))).toEqual({});
    expect(detailsOf(at(history, 13)).output).toBe('[{"x":"a"},{"x":"a"}]');
  });

  it("gives its Arguments to every branch, and its outputs in the order of the branches to Output and Assign", async () => {
    const { states, start } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Arguments: { n: "{% $states.input.n + 1 %}" },
          Branches: [
            branch("Slow", {
              Slow: { Type: "Wait", Seconds: 10, Next: "Double" },
              Double: pass({ Output: "{% $states.input.n * 2 %}" }),
            }),
            branch("Negate", { Negate: pass({ Output: "{% -$states.input.n %}" }) }),
          ],
          Output: "{% $sum($states.result) %}",
          Assign: { both: "{% $states.result %}" },
          Next: "After",
        },
        After: pass({ Output: "{% [$states.input, $both] %}" }),
      }),
    });
    const arn = start({ n: 4 });
    await states.idle();
    expect(JSON.parse(describeExecution(states, arn).output ?? "")).toEqual([5, 10, -5]);
  });

  it("lets a branch read the variables of outside and keeps to itself what the branch assigns", async () => {
    const { states, start } = workflow({
      definition: machine("Set", {
        Set: pass({ Assign: { shared: "outer" }, End: undefined, Next: "P" }),
        P: {
          Type: "Parallel",
          Branches: ["a", "b"].map((name) =>
            branch(`Change ${name}`, {
              [`Change ${name}`]: pass({ Assign: { own: `{% $shared & '${name}' %}` }, End: undefined, Next: name }),
              [name]: pass({ Output: "{% $own %}" }),
            }),
          ),
          Next: "After",
        },
        After: pass({ Output: "{% [$states.input, $shared, $exists($own)] %}" }),
      }),
    });
    const arn = start();
    await states.idle();
    expect(JSON.parse(describeExecution(states, arn).output ?? "")).toEqual(["outera", "outerb", "outer", false]);
  });
});

describe("a Parallel with a branch that fails", () => {
  // Recorded on AWS: stackd redrive_execution, 02-parallel, 2026-09-24 (activities instead of functions): one succeeded,
  // one failed, one cut short. Both Aborted events and ParallelStateFailed point to the failure.
  it("records the states that were cut in the order of the branches, and no event of the branches themselves", async () => {
    const { states, calls, start, events } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: ["quick", "failing", "cut"].map((name) => branch(name, { [name]: task(name) })),
          End: true,
        },
      }),
      functions: {
        quick: () => "done",
        failing: () => new Promise((_, reject) => setImmediate(() => setImmediate(() => reject(thrown("Boom"))))),
        cut: never,
      },
    });
    const arn = start();
    await states.idle();
    const history = events(arn);
    const failing = history.find(({ type }) => type === "TaskFailed")?.id ?? 0;
    expect(history[failing - 2]?.type).toBe("TaskStateExited");
    expect(outline(history.slice(failing))).toEqual([
      `${failing + 1} <- ${failing} TaskStateAborted`,
      `${failing + 2} <- ${failing} TaskStateAborted`,
      `${failing + 3} <- ${failing} ParallelStateFailed`,
      `${failing + 4} <- ${failing + 3} ExecutionFailed`,
    ]);
    expect(calls).toEqual(["quick", "failing", "cut"]);
    expect(detailsOf(at(history, failing + 3))).toEqual({});
  });

  // Measured on AWS: floci, as above, "retriedParallelStartsAgainAndFailsOnceItsRetryIsUsedUp".
  it("is run again as a whole by its Retry, and ParallelStateFailed comes after the last attempt only", async () => {
    const { states, start, events } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: [branch("Boom", { Boom: { Type: "Fail", Error: "MyError", Cause: "my cause" } })],
          Retry: [{ ErrorEquals: ["States.ALL"], MaxAttempts: 1 }],
          End: true,
        },
      }),
    });
    const arn = start();
    await states.idle();
    expect(outline(events(arn))).toEqual([
      "1 <- 0 ExecutionStarted",
      "2 <- 0 ParallelStateEntered",
      "3 <- 2 ParallelStateStarted",
      "4 <- 3 FailStateEntered",
      "5 <- 4 ParallelStateStarted",
      "6 <- 5 FailStateEntered",
      "7 <- 6 ParallelStateFailed",
      "8 <- 7 ExecutionFailed",
    ]);
  });

  // Measured on AWS: floci, as above, "runtimeErrorInABranchTaskLeavesNoAbortedEvent".
  it("leaves no Failed event when the failure is States.Runtime, and no Catch sees it", async () => {
    const { states, start, events } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: [
            branch("C", { C: { Type: "Choice", Choices: [{ Condition: false, Next: "D" }] }, D: { Type: "Succeed" } }),
          ],
          Catch: caught,
          End: true,
        },
        Caught: { Type: "Succeed" },
      }),
    });
    const arn = start();
    await states.idle();
    expect(outline(events(arn)).slice(3)).toEqual(["4 <- 3 ChoiceStateEntered", "5 <- 4 ExecutionFailed"]);
  });

  it("starts nothing more of the other branches, and throws away what they still return", async () => {
    let finish: () => void = () => {};
    const { states, clock, calls, start, events } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: [
            branch("First", { First: task("slow", { Next: "Second" }), Second: task("second") }),
            branch("Shortly", { Shortly: { Type: "Wait", Seconds: 1, Next: "Boom" }, Boom: task("boom") }),
            branch("Pause", { Pause: { Type: "Wait", Seconds: 100, Next: "Third" }, Third: task("third") }),
          ],
          Catch: caught,
          End: true,
        },
        Caught: { Type: "Wait", Seconds: 1000, End: true },
      }),
      functions: {
        slow: () => new Promise<void>((resolve) => (finish = resolve)),
        boom: () => Promise.reject(thrown("Boom")),
        second: () => "never called",
        third: () => "never called",
      },
    });
    const arn = start();
    await clock.advance(1000);
    while (!events(arn).some(({ type }) => type === "ParallelStateExited")) await clock.advance(0);
    const exited = events(arn).findIndex(({ type }) => type === "ParallelStateExited");
    finish();
    await states.idle();
    expect(calls).toEqual(["slow", "boom"]);
    const types = events(arn).map(({ type }) => type);
    expect(types.slice(exited - 4, exited)).toEqual([
      "TaskStateAborted",
      "TaskStateAborted",
      "WaitStateAborted",
      "ParallelStateFailed",
    ]);
    expect(types.slice(exited + 1)).toEqual(["WaitStateEntered", "WaitStateExited", "ExecutionSucceeded"]);
    expect(violations(events(arn))).toEqual([]);
  });

  // AWS has ParallelStateAborted (HistoryEventType); its place is that of MapStateAborted, an inference.
  it("aborts a Parallel inside of it, the outer state first", async () => {
    const { clock, start, events } = workflow({
      definition: machine("P", {
        P: {
          Type: "Parallel",
          Branches: [
            branch("Inner", {
              Inner: { Type: "Parallel", Branches: [branch("T", { T: task("hang") })], End: true },
            }),
            branch("Boom", { Boom: { Type: "Wait", Seconds: 0, Next: "Fail" }, Fail: { Type: "Fail", Error: "Boom" } }),
          ],
          End: true,
        },
      }),
      functions: { hang: never },
    });
    const arn = start();
    while (!events(arn).some(({ type }) => type === "ExecutionFailed")) await clock.advance(0);
    const history = events(arn);
    const failing = history.find(({ type }) => type === "FailStateEntered")?.id ?? 0;
    expect(outline(history.slice(failing))).toEqual([
      `${failing + 1} <- ${failing} ParallelStateAborted`,
      `${failing + 2} <- ${failing} TaskStateAborted`,
      `${failing + 3} <- ${failing} ParallelStateFailed`,
      `${failing + 4} <- ${failing + 3} ExecutionFailed`,
    ]);
  });
});

function at(events: readonly HistoryEvent[], id: number): HistoryEvent {
  const event = events.find((candidate) => candidate.id === id);
  if (event === undefined) throw new Error(`no event ${id}`);
  return event;
}
