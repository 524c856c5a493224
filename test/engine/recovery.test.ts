import { describe, expect, it } from "vitest";
import { detailsOf, type HistoryEvent, type JournalEntry } from "../../local/engine/history.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { call, type Handler, machine, outline, task, thrown, workflow } from "./harness.ts";
import { violations } from "./invariants.ts";
import { memoryStore } from "./memory-store.ts";

interface Scenario {
  readonly definition: Record<string, unknown>;
  readonly functions: () => Record<string, Handler>;
  readonly input?: unknown;
}

const scenarios: Record<string, Scenario> = {
  "a saga with a retry, a wait, a choice and a compensation": {
    definition: machine("Plan", {
      Plan: task("plan", { Assign: { base: "{% $states.result.Payload %}", at: "{% $now() %}" }, Next: "Pause" }),
      Pause: { Type: "Wait", Seconds: 30, Next: "Change" },
      Change: task("change", {
        Retry: [{ ErrorEquals: ["Throttled"], IntervalSeconds: 5, MaxAttempts: 2 }],
        Catch: [{ ErrorEquals: ["States.ALL"], Assign: { failure: "{% $states.errorOutput.Error %}" }, Next: "Which" }],
        End: true,
      }),
      Which: {
        Type: "Choice",
        Choices: [{ Condition: "{% $failure = 'Refused' %}", Next: "Undo" }],
        Default: "Failed",
      },
      Undo: task("undo", {
        Arguments: { FunctionName: "undo", Payload: { base: "{% $base %}", at: "{% $at %}" } },
        Next: "Failed",
      }),
      Failed: { Type: "Fail", Error: "RolledBack", Cause: "{% $base & ' ' & $at %}" },
    }),
    functions: () => {
      const changes = ["Throttled", "Refused"];
      return {
        plan: () => "base",
        change: () => {
          throw thrown(changes.shift() ?? "Refused");
        },
        undo: () => "done",
      };
    },
  },
  "a Map, two at a time, whose third iteration fails": {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        MaxConcurrency: 2,
        ItemProcessor: {
          StartAt: "First",
          States: {
            First: task("first", { Next: "Rest" }),
            Rest: { Type: "Wait", Seconds: 5, Next: "Second" },
            Second: task("second"),
          },
        },
        Catch: [{ ErrorEquals: ["Boom"], Next: "Undo" }],
        Next: "Never",
      },
      Never: { Type: "Succeed" },
      Undo: task("undo"),
    }),
    input: ["a", "b", "c", "d", "e"],
    functions: () => ({
      first: (item) => (item === "c" ? Promise.reject(thrown("Boom")) : item),
      second: (item) => item,
      undo: () => "undone",
    }),
  },
  "a Parallel, retried, with a branch that fails without a task": {
    definition: machine("Both", {
      Both: {
        Type: "Parallel",
        Branches: [
          {
            StartAt: "Shortly",
            States: { Shortly: { Type: "Wait", Seconds: 5, Next: "Boom" }, Boom: { Type: "Fail", Error: "Boom" } },
          },
          {
            StartAt: "First",
            States: {
              First: task("first", { Next: "Rest" }),
              Rest: { Type: "Wait", Seconds: 100, Next: "Second" },
              Second: task("second"),
            },
          },
          { StartAt: "Quick", States: { Quick: { Type: "Pass", End: true } } },
        ],
        Retry: [{ ErrorEquals: ["Boom"], IntervalSeconds: 7, MaxAttempts: 1 }],
        Catch: [{ ErrorEquals: ["Boom"], Next: "Undo" }],
        End: true,
      },
      Undo: task("undo"),
    }),
    functions: () => ({ first: () => 1, second: () => 2, undo: () => "undone" }),
  },
  "a Map that succeeds": {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        MaxConcurrency: 2,
        ItemProcessor: {
          StartAt: "First",
          States: { First: task("first", { Output: "{% $states.result.Payload %}", End: true }) },
        },
        End: true,
      },
    }),
    input: [1, 2, 3],
    functions: () => ({ first: (item) => item }),
  },
  "a Task whose Output is too large, which is caught": {
    definition: machine("Work", {
      Work: task("work", {
        Output: "{% $pad('', 262144, 'x') %}",
        Catch: [{ ErrorEquals: ["States.DataLimitExceeded"], Next: "Fix" }],
        End: true,
      }),
      Fix: { Type: "Wait", Seconds: 60, Next: "Undo" },
      Undo: task("undo"),
    }),
    functions: () => ({ work: () => 1, undo: () => "undone" }),
  },
  "a Map of Tasks with an Output that fails, which is caught": {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        ItemProcessor: {
          StartAt: "Work",
          States: {
            Work: task("work", {
              Output: "{% $states.result.Payload = 'a' ? $missing : 'good' %}",
              Catch: [{ ErrorEquals: ["States.QueryEvaluationError"], Output: "bad", Next: "Fix" }],
              End: true,
            }),
            Fix: { Type: "Wait", Seconds: 60, Next: "Undo" },
            Undo: task("undo"),
          },
        },
        End: true,
      },
    }),
    input: ["a", "b"],
    functions: () => ({ work: (item) => item, undo: (item) => item }),
  },
  "a Map of Tasks with Arguments that fail, at every attempt": {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        ItemProcessor: {
          StartAt: "Work",
          States: {
            Work: task("work", {
              Arguments: { FunctionName: "work", Payload: "{% $states.input = 'a' ? $missing : 'good' %}" },
              Retry: [{ ErrorEquals: ["States.QueryEvaluationError"], MaxAttempts: 2 }],
              Next: "Rest",
            }),
            Rest: { Type: "Wait", Seconds: 60, End: true },
          },
        },
        Catch: [{ ErrorEquals: ["States.QueryEvaluationError"], Next: "Undo" }],
        End: true,
      },
      Undo: task("undo"),
    }),
    input: ["b", "a"],
    functions: () => ({ work: (item) => item, undo: () => "undone" }),
  },
  "a Map whose ItemSelector fails for its third item": eachSelecting(0, [{ x: 1 }, { x: 1 }, { y: 1 }]),
  "a Map, two at a time, whose ItemSelector fails": eachSelecting(2, [{ x: 1 }, { x: 2 }, { y: 1 }, { x: 1 }]),
  "a Map whose ItemSelector fails for two items at once": eachSelecting(0, [{ x: 1 }, { y: 1 }, { x: 1 }, { y: 1 }]),
};

/** A Map that takes the x of every item; the failure is caught. */
function eachSelecting(MaxConcurrency: number, input: readonly object[]): Scenario {
  return {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        MaxConcurrency,
        ItemSelector: "{% $states.context.Map.Item.Value.x %}",
        ItemProcessor: {
          StartAt: "Rest",
          States: { Rest: { Type: "Wait", Seconds: "{% $states.input %}", Next: "Work" }, Work: task("work") },
        },
        Catch: [{ ErrorEquals: ["States.QueryEvaluationError"], Next: "Fix" }],
        End: true,
      },
      Fix: { Type: "Wait", Seconds: 60, Next: "Undo" },
      Undo: task("undo"),
    }),
    input,
    functions: () => ({ work: (item) => item, undo: () => "undone" }),
  };
}

describe.each(Object.entries(scenarios))("%s", (_, { definition, functions, input }) => {
  it("ends the same wherever the process was killed, and no recorded task is called again", async () => {
    const whole = memoryStore();
    const first = workflow({ definition, functions: functions(), store: whole });
    const arn = first.start(input);
    await first.states.idle();
    const expected = outcome(first, arn);
    const complete = first.events(arn);
    const [kept] = whole.kept;
    if (kept === undefined) throw new Error("nothing was stored");

    for (let length = 0; length < kept.entries.length; length++) {
      const entries = kept.entries.slice(0, length);
      const store = memoryStore([{ record: kept.record, entries: [...entries] }]);
      const start = entries.at(-1)?.event.timestamp ?? new Date(kept.record.startDate);
      const again = workflow({
        definition,
        functions: remaining(functions(), entries),
        store,
        clock: new VirtualClock({ start }),
      });
      expect(again.states.recover()).toBe(1);
      await again.states.idle();

      const events = again.events(arn);
      const where = `killed after event ${length}`;
      expect(outline(events).slice(0, length), where).toEqual(outline(complete).slice(0, length));
      expect(violations(events), where).toEqual([]);
      expect(outcome(again, arn), where).toEqual(expected);
      const scheduled = events.filter(({ type }) => type === "TaskScheduled").length;
      expect(again.calls.length, where).toBe(scheduled - settled(entries) - cut(entries));
      expect(store.kept[0]?.entries.length, where).toBe(events.length);
      const kinds = (list: readonly HistoryEvent[]) => list.map(({ type }) => type).sort();
      if (!JSON.stringify(definition).includes("Map")) expect(kinds(events), where).toEqual(kinds(complete));
    }
  });
});

describe("a recovered execution", () => {
  it("that had ended is as it was, and nothing is announced again", async () => {
    const definition = machine("S", { S: { Type: "Succeed" } });
    const store = memoryStore();
    const first = workflow({ definition, store });
    const arn = first.start({ a: 1 });
    await first.states.idle();
    const second = workflow({ definition, store: memoryStore(store.kept) });
    expect(second.states.recover()).toBe(0);
    expect(second.events(arn)).toEqual(first.events(arn));
    expect(outcome(second, arn)).toEqual(outcome(first, arn));
    expect(second.emitted).toEqual([]);
  });

  it("waits no longer than it would have: the time before the crash counts", async () => {
    const definition = machine("W", { W: { Type: "Wait", Seconds: 100, End: true } });
    const store = memoryStore();
    const clock = new VirtualClock();
    const first = workflow({ definition, store, clock });
    const arn = first.start();
    const started = clock.now();
    await first.states.stop();
    expect(outcome(first, arn).status).toBe("RUNNING");

    const later = new VirtualClock({ start: started + 70_000 });
    const second = workflow({ definition, store: memoryStore(store.kept), clock: later });
    second.states.recover();
    await second.states.idle();
    expect(later.now() - started).toBe(100_000);
  });

  it("with two branches that had failed at once still fails with the one that came first", async () => {
    const ask = (name: string) => ({
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Arguments: { FunctionName: "ask", Payload: { name, token: "{% $states.context.Task.Token %}" } },
      End: true,
    });
    const definition = machine("Both", {
      Both: {
        Type: "Parallel",
        Branches: ["one", "two"].map((name) => ({ StartAt: name, States: { [name]: ask(name) } })),
        Retry: [{ ErrorEquals: ["one"] }],
        Catch: [{ ErrorEquals: ["two"], Next: "Caught" }],
        End: true,
      },
      Caught: { Type: "Wait", Seconds: 60, End: true },
    });
    const tokens: Record<string, string> = {};
    const functions = {
      ask: ({ name, token }: { name: string; token: string }) => {
        tokens[name] = token;
      },
    };
    const store = memoryStore();
    const first = workflow({ definition, functions, store });
    const arn = first.start();
    await first.states.idle();
    const fail = (error: string) => {
      return call<Promise<unknown>>(first.states, "SendTaskFailure", { taskToken: tokens[error], error });
    };
    await Promise.all([fail("two"), fail("one")]);
    await first.states.idle();
    const [kept] = store.kept;
    if (kept === undefined) throw new Error("nothing was stored");
    expect(first.events(arn).filter(({ type }) => type === "TaskFailed")).toHaveLength(2);

    const failures = kept.entries.findIndex(({ event }) => event.type === "ParallelStateFailed");
    for (const entries of [kept.entries.slice(0, failures), kept.entries.slice(0, failures + 1)]) {
      const again = workflow({ definition, functions, store: memoryStore([{ record: kept.record, entries }]) });
      again.states.recover();
      await again.states.idle();
      expect(outline(again.events(arn))).toEqual(outline(first.events(arn)));
    }
  });

  it("whose history does not fit its definition fails with States.Runtime instead of acting on it", async () => {
    const store = memoryStore();
    const definition = machine("P", { P: { Type: "Pass", Next: "T" }, T: task("work") });
    const first = workflow({ definition, store, functions: { work: () => 1 } });
    const arn = first.start();
    await first.states.idle();
    const [kept] = store.kept;
    if (kept === undefined) throw new Error("nothing was stored");
    const other = JSON.stringify(machine("T", { T: task("work") }));
    const changed = { record: { ...kept.record, definition: other }, entries: kept.entries.slice(0, 4) };
    const second = workflow({ definition, store: memoryStore([changed]), functions: { work: () => 1 } });
    second.states.recover();
    await second.states.idle();
    expect(outcome(second, arn)).toMatchObject({ status: "FAILED", error: "States.Runtime" });
    expect(second.calls).toEqual([]);
  });

  it("whose recorded failure does not come again fails with States.Runtime and is not left RUNNING", async () => {
    const machineWith = (Output: string) =>
      machine("Each", {
        Each: {
          Type: "Map",
          ItemProcessor: { StartAt: "Work", States: { Work: task("work", { Output, End: true }) } },
          Catch: [{ ErrorEquals: ["States.ALL"], Next: "Fix" }],
          End: true,
        },
        Fix: { Type: "Wait", Seconds: 60, End: true },
      });
    const recovered = await recoveredWith(machineWith("{% $missing %}"), machineWith("fine"), ["a"]);
    expect(recovered).toMatchObject({ status: "FAILED", error: "States.Runtime" });
    expect(recovered.cause).toMatch(/^Event \d+ was MapIterationFailed, and nothing had failed on replay.$/);
  });

  it("fails with States.Runtime also where what does not fit is a branch that was cut", async () => {
    const machineWith = (late: object) =>
      machine("Both", {
        Both: {
          Type: "Parallel",
          Branches: [
            { StartAt: "Boom", States: { Boom: { Type: "Fail", Error: "Boom" } } },
            {
              StartAt: "P0",
              States: { P0: { Type: "Pass", Next: "P1" }, P1: { Type: "Pass", Next: "Late" }, Late: late },
            },
          ],
          Catch: [{ ErrorEquals: ["Boom"], Next: "Fix" }],
          End: true,
        },
        Fix: { Type: "Wait", Seconds: 60, End: true },
      });
    const wait = machineWith({ Type: "Wait", Seconds: 60, End: true });
    const recovered = await recoveredWith(wait, machineWith({ Type: "Succeed" }), {});
    expect(recovered).toMatchObject({ status: "FAILED", error: "States.Runtime" });
    expect(recovered.cause).toMatch(/^Event \d+ was WaitStateEntered, and SucceedStateEntered on replay.$/);
  });

  it("makes no call before it is known that the whole history fits", async () => {
    const machineWith = (late: string) => {
      // Choices, because replay evaluates them: the task in flight would long be called.
      const names = [...Array.from({ length: 12 }, (_, index) => `P${index}`), late];
      const passes = names.map((name, index) => {
        const never = { Condition: "{% $states.input = 'never' %}", Next: "Rest" };
        return [name, { Type: "Choice", Choices: [never], Default: names[index + 1] ?? "Rest" }];
      });
      const rule = { Condition: "{% $states.input = 'work' %}", Next: "Work" };
      return machine("Each", {
        Each: {
          Type: "Map",
          ItemProcessor: {
            StartAt: "Which",
            States: {
              Which: { Type: "Choice", Choices: [rule], Default: "P0" },
              Work: task("work"),
              ...Object.fromEntries(passes),
              Rest: { Type: "Wait", Seconds: 1000, End: true },
            },
          },
          End: true,
        },
      });
    };
    const store = memoryStore();
    const functions = { work: () => new Promise<never>(() => {}) };
    const first = workflow({ definition: machineWith("Last"), functions, store });
    const arn = first.start(["work", "wait"]);
    while (first.events(arn).at(-1)?.type !== "WaitStateEntered") await first.clock.advance(0);
    const [kept] = store.kept;
    if (kept === undefined) throw new Error("nothing was stored");

    const record = { ...kept.record, definition: JSON.stringify(machineWith("Other")) };
    const changed = { record, entries: [...kept.entries] };
    const other = workflow({ definition: machineWith("Last"), functions, store: memoryStore([changed]) });
    other.states.recover();
    await other.states.idle();
    expect(other.calls).toEqual([]);
    expect(outcome(other, arn)).toMatchObject({ status: "FAILED", error: "States.Runtime" });

    const same = workflow({ definition: machineWith("Last"), functions, store: memoryStore([kept]) });
    same.states.recover();
    await same.clock.advance(0);
    expect(same.calls).toEqual(["work"]);
  });
});

/** How `changed` goes on with what the whole run of `definition` recorded until it came to Fix. */
async function recoveredWith(definition: Record<string, unknown>, changed: Record<string, unknown>, input: unknown) {
  const store = memoryStore();
  const first = workflow({ definition, store, functions: { work: (item) => item } });
  const arn = first.start(input);
  await first.states.idle();
  const [kept] = store.kept;
  if (kept === undefined) throw new Error("nothing was stored");
  const fix = kept.entries.findIndex(({ event }) => detailsOf(event).name === "Fix");
  const record = { ...kept.record, definition: JSON.stringify(changed) };
  const kill = { record, entries: kept.entries.slice(0, fix + 1) };
  const second = workflow({ definition: changed, store: memoryStore([kill]) });
  second.states.recover();
  await second.states.idle();
  return outcome(second, arn);
}

function outcome({ states }: ReturnType<typeof workflow>, executionArn: string) {
  const { status, output, error, cause } = call<Record<string, string | undefined>>(states, "DescribeExecution", {
    executionArn,
  });
  const parsed = output === undefined ? undefined : JSON.parse(output);
  const payload = (value: { Payload?: unknown }) => value?.Payload ?? value;
  return { status, output: Array.isArray(parsed) ? parsed.map(payload) : payload(parsed), error, cause };
}

/** Tasks whose end is recorded. */
function settled(entries: readonly JournalEntry[]): number {
  return entries.filter(({ event }) => /^Task(Succeeded|Failed|TimedOut)$/.test(event.type)).length;
}

/** Tasks that were cut before the crash: they are not called again either. */
function cut(entries: readonly JournalEntry[]): number {
  const failing = entries.filter(({ event }) => event.type === "TaskFailed").length > 0;
  const aborted = entries.filter(({ event }) => event.type === "TaskStateAborted").length;
  return failing ? Math.max(0, aborted - 1) : 0;
}

/** The functions after the answers that are recorded were given: scripted ones go on where they were. */
function remaining(functions: Record<string, Handler>, entries: readonly JournalEntry[]): Record<string, Handler> {
  const failures = entries.filter(({ event }) => event.type === "TaskFailed").length;
  for (let index = 0; index < failures && functions.change !== undefined; index++) {
    try {
      functions.change(undefined as never, new AbortController().signal);
    } catch {
      // The recorded failure.
    }
  }
  return functions;
}
