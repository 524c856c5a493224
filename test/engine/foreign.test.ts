import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { detailsOf, type HistoryEvent } from "../../local/engine/history.ts";
import { AwsError } from "../../local/services/service.ts";
import { ForeignInterpreter } from "./foreign-interpreter.ts";
import { call, type Handler, machine, task, thrown, workflow } from "./harness.ts";

/**
 * The same machines on an interpreter that nobody here wrote (moto 5.2.1): outcome, path of states, calls and kinds of
 * events must agree, but for its known faults. ROTOR_ASL_BRIDGE names the bridge script; python3 with moto is needed.
 */
const bridge = process.env.ROTOR_ASL_BRIDGE;
if (bridge === undefined) console.info("Foreign interpreter: not run (ROTOR_ASL_BRIDGE is not set)");

/** Faults of moto 5.2.1, by name: the kinds of events that are not compared where one of them shows. */
const FAULTS = {
  "records no aborted states and iterations": /StateAborted$|^MapIterationAborted$/,
  "records EvaluationFailed twice": /^EvaluationFailed$/,
} as const;

interface Scenario {
  readonly definition: unknown;
  readonly input?: unknown;
  readonly functions?: () => Record<string, Handler>;
  readonly excused?: readonly (keyof typeof FAULTS)[];
  /** Its output is not compared: it holds times or ids. */
  readonly volatile?: true;
}

const catchAll = (Next: string, Assign = {}) => [{ ErrorEquals: ["States.ALL"], Assign, Next }];
const failing = () => ({ work: () => Promise.reject(thrown("Boom", `with "quotes" and {braces}`)) });

const machines: Record<string, Scenario> = {
  "a chain with variables, a choice and an output": {
    definition: machine("Set", {
      Set: { Type: "Pass", Assign: { x: 3, list: ["{% $states.input.a %}", 2] }, Next: "Which" },
      Which: {
        Type: "Choice",
        Choices: [{ Condition: "{% $x > 5 %}", Next: "Wrong" }],
        Default: "Work",
        Assign: { y: "{% $x + 1 %}" },
      },
      Wrong: { Type: "Fail" },
      Work: task("work", { Assign: { result: "{% $states.result.Payload %}" }, Next: "Done" }),
      Done: { Type: "Succeed", Output: { x: "{% $x %}", y: "{% $y %}", list: "{% $list %}", result: "{% $result %}" } },
    }),
    input: { a: 1 },
    functions: () => ({ work: (payload) => ({ echo: payload }) }),
  },
  "a failure that is retried once and then caught": {
    definition: machine("Work", {
      Work: task("work", {
        Retry: [{ ErrorEquals: ["Boom"], IntervalSeconds: 1, MaxAttempts: 1 }],
        Catch: catchAll("Failed", { failure: "{% $states.errorOutput %}" }),
        End: true,
      }),
      Failed: {
        Type: "Fail",
        Error: "Ours",
        Cause: "{% $failure.Error & ': ' & $parse($failure.Cause).errorMessage %}",
      },
    }),
    functions: failing,
  },
  "an error of the Lambda service": {
    definition: machine("Work", {
      Work: task("work", {
        Catch: [
          { ErrorEquals: ["Lambda.TooManyRequestsException"], Output: "{% $states.errorOutput.Error %}", Next: "E" },
        ],
        End: true,
      }),
      E: { Type: "Succeed" },
    }),
    functions: () => ({
      work: () => {
        throw new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);
      },
    }),
  },
  "an expression that fails in a Task, caught": {
    definition: machine("Work", {
      Work: task("work", {
        Assign: { x: "{% $states.result.Payload.missing %}" },
        Catch: catchAll("Caught"),
        End: true,
      }),
      Caught: { Type: "Succeed", Output: "{% $states.input.Error %}" },
    }),
    functions: () => ({ work: () => ({}) }),
    excused: ["records EvaluationFailed twice"],
  },
  "a Map, two at a time, that reads outer variables": {
    definition: machine("Set", {
      Set: { Type: "Pass", Assign: { factor: 10 }, Next: "Each" },
      Each: {
        Type: "Map",
        Items: "{% $states.input %}",
        MaxConcurrency: 2,
        ItemSelector: { item: "{% $states.context.Map.Item.Value %}", index: "{% $states.context.Map.Item.Index %}" },
        ItemProcessor: {
          StartAt: "Work",
          States: { Work: task("work", { Output: "{% $states.result.Payload * $factor %}", End: true }) },
        },
        End: true,
      },
    }),
    input: [1, 2, 3, 4, 5],
    functions: () => ({ work: ({ item, index }: { item: number; index: number }) => item + index }),
  },
  "a Map, one at a time, whose second item fails": {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        MaxConcurrency: 1,
        ItemProcessor: { StartAt: "Work", States: { Work: task("work") } },
        Catch: catchAll("Caught"),
        End: true,
      },
      Caught: { Type: "Succeed", Output: "{% $states.input.Error %}" },
    }),
    input: [1, 2, 3, 4],
    functions: () => ({ work: (item) => (item === 2 ? Promise.reject(thrown("Boom")) : item) }),
    excused: ["records no aborted states and iterations"],
  },
  "a Parallel with arguments and variables": {
    definition: machine("Set", {
      Set: { Type: "Pass", Assign: { factor: 10 }, Next: "P" },
      P: {
        Type: "Parallel",
        Arguments: { n: "{% $states.input.n %}" },
        Branches: [
          {
            StartAt: "Work",
            States: {
              Work: task("work", { Assign: { factor2: "{% $factor * 2 %}" }, Next: "Times" }),
              Times: { Type: "Pass", Output: "{% $states.input.Payload * $factor2 %}", End: true },
            },
          },
          { StartAt: "Other", States: { Other: { Type: "Pass", Output: "{% $factor %}", End: true } } },
        ],
        Output: "{% $states.result %}",
        End: true,
      },
    }),
    input: { n: 4 },
    functions: () => ({ work: ({ n }: { n: number }) => n + 1 }),
  },
  "a Parallel whose only branch fails, retried and caught": {
    definition: machine("P", {
      P: {
        Type: "Parallel",
        Branches: [{ StartAt: "Work", States: { Work: task("work") } }],
        Retry: [{ ErrorEquals: ["Boom"], IntervalSeconds: 1, MaxAttempts: 1 }],
        Catch: catchAll("Caught"),
        End: true,
      },
      Caught: { Type: "Succeed", Output: "{% $states.input.Error %}" },
    }),
    functions: failing,
    excused: ["records no aborted states and iterations"],
  },
  "a Map that fails with its siblings in flight": {
    definition: machine("Each", {
      Each: {
        Type: "Map",
        ItemProcessor: { StartAt: "Work", States: { Work: task("work") } },
        Catch: catchAll("Caught"),
        End: true,
      },
      Caught: { Type: "Succeed", Output: "{% $states.input.Error %}" },
    }),
    input: [1, 2, 3],
    functions: () => {
      let arrived = 0;
      let everybody: () => void = () => {};
      const all = new Promise<void>((resolve) => (everybody = resolve));
      return {
        work: async (item) => {
          if (++arrived === 3) everybody();
          await all;
          if (item === 2) throw thrown("Boom");
          await new Promise(() => {});
        },
      };
    },
    excused: ["records no aborted states and iterations"],
  },
};

const rotation: unknown = JSON.parse(
  readFileSync("statemachines/rotation.asl.json", "utf8").replaceAll(
    /\$\{(\w+)\}/g,
    "arn:aws:lambda:us-east-1:123456789012:function:$1",
  ),
);

/** Rotations: every function answers well, but for the step given, which throws the error given. */
const rotations: Record<string, Scenario> = Object.fromEntries(
  [
    ["goes well", {}],
    ["is refused by Plan", { Plan: "ConfigurationInvalid" }],
    ["has nothing to do", {}, { decision: "ignore" }],
    ["loses its claim", { createSecret: "RotationInProgress" }],
    ["cannot be set", { setSecret: "AccessDenied" }],
    ["does not sign in", { testSecret: "CredentialRejected" }],
    ["cannot be promoted, nor rolled back", { finishSecret: "AccessDenied", rollBack: "RollbackFailed" }],
    ["finds a dependent that refuses it", { verify: "DependentUnhealthy" }],
    ["may not be rolled back", { verify: "DependentUnhealthy", rollBack: "NotConverged" }],
    ["cannot confirm the evidence", { confirmEvidence: "DependentUnhealthy" }],
    ["notifies nobody", { SUCCEEDED: "AccessDenied" }],
  ].map(([name, faults, plan]) => [
    `a rotation that ${String(name)}`,
    {
      definition: rotation,
      input: { secretArn: "arn:secret", token: "token", mode: "driven" },
      functions: () => rotationFunctions(faults as Record<string, string>, plan as object),
      excused: "verify" in (faults as object) ? ["records no aborted states and iterations"] : [],
      volatile: true,
    } satisfies Scenario,
  ]),
);

describe.skipIf(bridge === undefined)(
  bridge === undefined ? "foreign interpreter: not run (ROTOR_ASL_BRIDGE is not set)" : "foreign interpreter",
  () => {
    let foreign: ForeignInterpreter | undefined;
    beforeAll(async () => {
      if (bridge !== undefined) foreign = await ForeignInterpreter.start(bridge);
    }, 120_000);
    afterAll(async () => {
      await foreign?.[Symbol.asyncDispose]();
    });

    const scenarios = { ...machines, ...rotations };
    it.for(Object.entries(scenarios))("agrees on %s", { timeout: 120_000 }, async ([, scenario]) => {
      const functions = scenario.functions ?? (() => ({}));
      const { states, calls, start, events } = workflow({ definition: scenario.definition, functions: functions() });
      const arn = start(scenario.input);
      await states.idle();
      const ours = call<{ status: string; output?: string; error?: string; cause?: string }>(
        states,
        "DescribeExecution",
        {
          executionArn: arn,
        },
      );
      const theirs = await foreign?.run(scenario.definition, scenario.input ?? {}, functions(), 60);
      if (theirs === undefined) throw new Error("the foreign interpreter is not there");

      expect(theirs.status).toBe(ours.status);
      expect(theirs.error ?? undefined).toBe(ours.error);
      if (scenario.volatile === undefined) {
        const output = ours.output === undefined ? undefined : JSON.parse(ours.output);
        expect(withoutHttp(theirs.output ?? undefined)).toEqual(withoutHttp(output));
        expect(theirs.cause ?? undefined).toBe(ours.cause);
      }
      expect(path(theirs.events)).toEqual(path(events(arn)));
      expect([...theirs.calls].sort()).toEqual([...calls].sort());
      expect(kinds(theirs.events, scenario.excused)).toEqual(kinds(events(arn), scenario.excused));
    });
  },
);

/** The states entered: in order, or sorted where iterations run side by side. */
function path(events: readonly HistoryEvent[]): string[] {
  const names = events
    .filter(({ type }) => type.endsWith("StateEntered"))
    .map((event) => String(detailsOf(event).name));
  return events.some(({ type }) => /^(MapIteration|ParallelState)Started$/.test(type)) ? names.sort() : names;
}

function kinds(events: readonly HistoryEvent[], excused: Scenario["excused"] = []): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of events) {
    if (!excused.some((fault) => FAULTS[fault].test(type))) counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

/** What the SDK adds to a result is not the interpreter's. */
function withoutHttp(value: unknown): unknown {
  return value === undefined
    ? undefined
    : JSON.parse(
        JSON.stringify(value, (key, member) => (/^Sdk(Http|Response)Metadata$/.test(key) ? undefined : member)),
      );
}

/** The functions of the rotation, scripted: each call is named by its step, action or outcome. */
function rotationFunctions(faults: Record<string, string>, plan: object = {}): Record<string, Handler> {
  const dependents = ["one", "two"].map((name) => ({ name, wasHealthy: true }));
  const replies: Record<string, unknown> = {
    Plan: {
      secretArn: "arn:secret",
      secretName: "orders/db",
      token: "token",
      mode: "driven",
      base: "base",
      previous: null,
      labels: {},
      baseline: [],
      dependents,
      probes: dependents,
      decision: "rotate",
      reason: "nothing to do",
      mayRollBack: true,
      refreshAttempted: false,
      intervalSeconds: 1,
      deadlineSeconds: 300,
      settleSeconds: 1,
      waitSeconds: 0,
      soakSeconds: 0,
      forcedRollBack: false,
      ...plan,
    },
    createSecret: { overlap: true },
    setSecret: { changedAt: "2026-01-01T00:00:00Z" },
    testSecret: { signedInAt: "2026-01-01T00:00:00Z" },
    finishSecret: { promotedAt: "2026-01-01T00:00:00Z" },
    confirmEvidence: { evidence: [] },
    rollBack: { live: "base", signedInAt: "2026-01-01T00:00:00Z" },
  };
  // A failing dependent fails when both are at work, so that both interpreters cut the other one. That one never answers: an answer
  // before the end is recorded by the foreign interpreter, and it takes as long for an end as the machine is slow.
  const gates = new Map<string, { arrived: number; open: () => void; all: Promise<void> }>();
  const both = async (step: string) => {
    const gate = gates.get(step) ?? newGate();
    gates.set(step, gate);
    if (++gate.arrived === dependents.length) gate.open();
    await gate.all;
  };
  const handler = (step: (payload: Record<string, unknown>) => string): Handler => {
    return async (payload: Record<string, unknown>) => {
      const name = step(payload);
      const error = payload.versionId === "base" ? undefined : faults[name];
      if (error === undefined) return replies[name] ?? { done: name };
      if (payload.dependent !== undefined) await both(name);
      if (payload.dependent === undefined || payload.dependent === "one") throw thrown(error, `${name} on purpose`);
      await new Promise(() => {});
      return { done: name };
    };
  };
  return {
    PlanFunctionArn: handler(() => "Plan"),
    RotateFunctionArn: handler(({ Step }) => String(Step)),
    DependentsFunctionArn: handler(({ action }) => String(action)),
    RollBackFunctionArn: handler(({ action }) => String(action)),
    NotifyFunctionArn: handler(({ outcome }) => String(outcome)),
  };
}

function newGate() {
  let open: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { arrived: 0, open, all };
}
