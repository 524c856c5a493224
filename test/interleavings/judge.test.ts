import { describe, expect, test } from "vitest";
import type { Arena } from "./arena.ts";
import type { Dependent } from "./dependents.ts";
import type { Played, Told } from "./played.ts";
import { judge } from "./promises.ts";
import { drawScenario, type Scenario } from "./scenario.ts";
import type { Act, Instant } from "./watch.ts";
import type { Seen } from "./watch-executions.ts";

// Runs that never were: each breaks a promise, and the judge has to say so whatever else has happened in it.

const BASE = "base0000-0000-4000-8000-000000000000";
const OLDER = "older000-0000-4000-8000-000000000000";
const TOKEN = "token000-0000-4000-8000-000000000000";
const NAME = `rot-0123456789abcdef-${TOKEN}`;
const CURRENT = "AWSCURRENT";
const PREVIOUS = "AWSPREVIOUS";

const START: Instant = {
  step: 2,
  labels: { [BASE]: [CURRENT], [OLDER]: [PREVIOUS] },
  opens: [BASE, OLDER],
  doors: "base older",
  authenticated: { orders: BASE },
};

interface Execution {
  readonly seen?: Partial<Seen>;
  readonly status?: string;
  readonly error?: string;
  readonly output?: object;
  readonly cause?: object;
  readonly history: readonly string[];
  readonly tells?: string;
  readonly truthTable?: readonly { readonly id: string; readonly signIn: string }[];
}

interface Run {
  readonly executions: readonly Execution[];
  readonly acts?: readonly Partial<Act>[];
  readonly scenario?: Partial<Scenario>;
  readonly now?: Instant;
  readonly deaths?: readonly string[];
}

describe("a rotation that was cancelled and rolled back", () => {
  const takenBack = (ended: Partial<Instant>, acts: readonly Partial<Act>[]) =>
    broken({
      executions: [
        {
          seen: { planned: START, rollingBack: 30, ended: { ...START, step: 50, ...ended } },
          error: "RolledBack",
          history: ["Plan", "SetSecret", "RollBack"],
          tells: "ROLLED_BACK",
        },
      ],
      acts,
    });
  const acts = ["AWSPENDING off", "CancelRotateSecret", "PutSecretValue AWSPENDING"];

  test.each(acts)("has every promise of a rollback: %s", (what) => {
    const act = { step: 20, what, cancels: true };
    expect(takenBack({}, [act])).toEqual([]);
    expect(takenBack({ labels: { [BASE]: [CURRENT], [TOKEN]: [PREVIOUS] } }, [act])).toMatch(/labels were/);
    expect(takenBack({ labels: { ...START.labels, [TOKEN]: ["ROTATION_CANDIDATE"] } }, [act])).toMatch(/still has/);
    expect(takenBack({ labels: { ...START.labels, [TOKEN]: ["AWSPENDING"] } }, [act])).toMatch(/still has AWSPENDING/);
    expect(takenBack({ doors: "base" }, [act])).toMatch(/does not accept what it did before/);
    expect(takenBack({ authenticated: { orders: TOKEN } }, [act])).toMatch(/orders .* is not on what is live/);
    expect(takenBack({ opens: [OLDER] }, [act])).toMatch(/AWSCURRENT does not sign in/);
  });
});

test("SUCCEEDED is not believed where AWSCURRENT was moved before the workflow has looked at it last", () => {
  const back = { ...START, step: 50 };
  const succeeded = (act: Partial<Act>) =>
    broken({
      executions: [
        {
          seen: { planned: START, tested: 20, promoting: 25, confirming: 40, ended: back },
          status: "SUCCEEDED",
          output: { outcome: "SUCCEEDED" },
          history: ["Plan"],
          tells: "SUCCEEDED",
        },
      ],
      acts: [act],
    });
  expect(succeeded({ step: 30, labels: true })).toMatch(/AWSCURRENT is not the candidate/);
  expect(succeeded({ step: 30, cancels: true })).toMatch(/was not seen using the candidate/);
  expect(succeeded({ step: 45, labels: true })).toEqual([]);
});

test("REJECTED is judged by what is true, not by the states it has been in", () => {
  const rejected = (ended: Partial<Instant>) =>
    broken({
      executions: [
        {
          seen: { planned: START, ended: { ...START, step: 50, ...ended } },
          error: "RotationRejected",
          history: ["Plan", "CreateSecret", "Discard"],
          tells: "REJECTED",
        },
      ],
      acts: [{ step: 10, what: "AWSPENDING off", cancels: true }],
    });
  expect(rejected({})).toEqual([]);
  expect(rejected({ labels: { [BASE]: [CURRENT], [TOKEN]: [PREVIOUS] } })).toMatch(/labels were/);
  expect(rejected({ labels: { ...START.labels, [TOKEN]: ["AWSPENDING"] } })).toMatch(/AWSPENDING is left/);
  expect(rejected({ doors: "base" })).toMatch(/does not accept what it did before/);
});

describe("ROLLBACK_FAILED", () => {
  const frozen = { ...START, step: 50, labels: { ...START.labels, [TOKEN]: ["ROTATION_FROZEN"] } };
  const full = [BASE, OLDER, TOKEN].map((id) => ({ id, signIn: id === TOKEN ? "rejected" : "accepted" }));
  const failed = (acts: readonly Partial<Act>[], truthTable: Execution["truthTable"] = full) =>
    broken({
      executions: [
        {
          seen: { planned: START, rollingBack: 30, ended: frozen },
          error: "RollbackFailed",
          history: ["Plan", "SetSecret", "RollBack", "Freeze"],
          tells: "ROLLBACK_FAILED",
          truthTable,
        },
      ],
      now: frozen,
      acts,
    });

  test("needs a reason that came before its end", () => {
    expect(failed([{ step: 25, target: true }])).toEqual([]);
    expect(failed([{ step: 55, target: true }])).toMatch(/nothing has happened/);
    expect(failed([{ step: 25, cancels: true }])).toMatch(/nothing has happened/);
    expect(failed([{ step: 25, stopped: "another" }])).toMatch(/nothing has happened/);
  });

  test("comes with what the target accepts of every labelled version", () => {
    const meddled = [{ step: 25, target: true }];
    expect(failed(meddled, full.slice(1))).toMatch(/truth table does not have/);
    expect(failed(meddled, [])).toMatch(/no truth table/);
    expect(failed(meddled, [...full.slice(0, 2), { id: TOKEN, signIn: "accepted" }])).toMatch(/does not sign in/);
    expect(failed(meddled, [...full.slice(0, 2), { id: TOKEN, signIn: "unreachable" }])).toMatch(/unreachable/);
  });
});

test("an execution that was stopped is finished by a repair that came past its Plan, and by no other", () => {
  const half = { ...START, step: 40, labels: { ...START.labels, [TOKEN]: ["AWSPENDING", "ROTATION_CANDIDATE"] } };
  const stopped = { seen: { planned: START, ended: half }, status: "ABORTED", history: ["Plan", "SetSecret"] };
  const repaired = (history: readonly string[], error: string) => ({
    seen: { name: `${NAME}-r1`, isRepair: true, mode: "repair", planned: half, ended: { ...half, step: 55 } },
    error: "RollbackFailed",
    cause: { error },
    history,
    tells: "ROLLBACK_FAILED",
  });
  const found = broken({
    executions: [stopped, repaired(["Plan", "NotifyRollbackFailed"], "InternalError")],
    acts: [{ step: 30, stopped: NAME }],
    scenario: { overlap: false },
    now: { ...half, opens: [TOKEN] },
    deaths: [NAME],
  });
  expect(found).toMatch(/nobody has finished it/);
  expect(found).toMatch(/was refused with InternalError/);
  expect(found).toMatch(/AWSCURRENT does not sign in at the end/);
});

describe("what is only observed", () => {
  const planned = { ...START, labels: { [TOKEN]: [CURRENT], [BASE]: [PREVIOUS] }, opens: [TOKEN, BASE] };
  const scenario = { mode: "observed" as const };

  test("is looked at when its event was not lost", () => {
    expect(broken({ executions: [], scenario, now: planned })).toMatch(
      /nothing stood in the way, and it ended nowhere/,
    );
  });

  test("is not NOT_CONVERGED when everybody follows", () => {
    const ended = { ...planned, step: 50, authenticated: { orders: TOKEN } };
    const execution = { seen: { planned, ended }, error: "NotConverged", history: ["Plan"], tells: "NOT_CONVERGED" };
    expect(broken({ executions: [execution], scenario, now: ended })).toMatch(/nobody was missing/);
  });

  test("is taken back to the version before, and to no other", () => {
    const ended = { ...planned, step: 50, labels: { green: [CURRENT] }, opens: ["green"] };
    const seen = { planned, rollingBack: 30, ended };
    const execution = { seen, error: "RolledBack", history: ["Plan", "RollBack"], tells: "ROLLED_BACK" };
    expect(broken({ executions: [execution], scenario, now: ended })).toMatch(/AWSCURRENT is not the version before/);
  });
});

test("what a step survives is no reason for a rollback", () => {
  const seen = { planned: START, rollingBack: 30, ended: { ...START, step: 50 } };
  const execution = { seen, error: "RolledBack", history: ["Plan", "SetSecret", "RollBack"], tells: "ROLLED_BACK" };
  const faults = (times: number) => [{ fault: "lose-reply" as const, atRequest: 2, times, seconds: 0 }];
  expect(broken({ executions: [execution], scenario: { faults: faults(1) } })).toMatch(/nothing stood in the way/);
  expect(broken({ executions: [execution], scenario: { faults: faults(9) } })).toEqual([]);
});

/** What the judge says of a run, in one text; an empty list when it finds nothing. */
function broken({ executions, acts = [], scenario = {}, now = { ...START, step: 60 }, deaths = [] }: Run) {
  const known = executions.map((execution) => ({
    ...execution,
    one: {
      ...{ name: NAME, token: TOKEN, mode: "driven", isRepair: false, started: 1, finishTries: 1 },
      ...execution.seen,
    },
  }));
  const states = known.map(({ one, status = "FAILED", error, output, cause, history }) => ({
    ...{ record: { name: one.name }, status, error, output: output && JSON.stringify(output) },
    ...{
      cause: cause && JSON.stringify(cause),
      events: history.map((name) => ({ stateEnteredEventDetails: { name } })),
    },
  }));
  const arena = {
    account: { states: { executions: () => states } },
    ask: (_: string, operation: string) => (operation === "ListSecretVersionIds" ? { Versions: [] } : {}),
  } as unknown as Arena;
  const told = known.flatMap(({ one, tells, truthTable = null }): Told[] => {
    if (tells === undefined) return [];
    const id = `${one.name}:${tells}`;
    const rotation = { executionName: one.name };
    const state = { frozen: true, liveVersionId: BASE, truthTable };
    return [{ schema: "rotation.notification/1", id, outcome: tells, rotation, state }];
  });
  const played: Played = {
    scenario: {
      ...{ ...drawScenario(1), mode: "driven", overlap: true, shape: "followed", retryForm: null, faults: [] },
      ...{ events: { lose: 0, double: 0, delay: 0 }, ...scenario },
    },
    ...{ secretArn: "arn", older: OLDER, base: BASE, tokens: new Set([TOKEN]), told, rotationEvents: [] },
    dependents: [{ name: "orders", behaviour: "caching", authenticated: BASE, history: [] } satisfies Dependent],
    watch: {
      ...{ violations: new Set<string>(), seen: new Map(known.map(({ one }) => [one.name, one as Seen])), trace: [] },
      acts: acts.map((act): Act => ({ ...{ step: 0, what: "", labels: false }, ...act })),
      ...{
        now: () => now,
        credentialOf: () => undefined,
        byHand: async () => {},
        onCall: () => undefined,
        look: () => {},
      },
      [Symbol.dispose]: () => {},
    },
    incidents: deaths.map((executionName) => {
      const rotation = { executionName };
      return { schema: "rotation.incident/1", id: `died:${executionName}`, kind: "execution-died", rotation };
    }),
  };
  const found = judge(arena, played).broken;
  return found.length === 0 ? found : found.join("\n");
}
