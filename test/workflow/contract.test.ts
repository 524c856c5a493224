import { readFileSync } from "node:fs";
import { join } from "node:path";
import validate from "asl-validator";
import { describe, expect, test } from "vitest";
import { SDK_REQUEST } from "../../core/aws.ts";
import { FUNCTIONS, RELEASE, STATE_MACHINE } from "../../core/blueprint.ts";
import { readEnvironment } from "../../core/env.ts";
import { RETRYABLE, TERMINAL } from "../../core/errors.ts";
import { serverTimeouts } from "../../core/strategies/postgres-connection.ts";
import { RULES } from "../../core/triggers.ts";
import { checkDefinition } from "../support/definition-check.ts";

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
}
interface State {
  readonly Type: string;
  readonly Arguments?: { readonly FunctionName: string; readonly Payload: Record<string, unknown> };
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly Next?: string;
  readonly Error?: string;
  readonly Cause?: string;
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> };
}

const text = readFileSync(join(import.meta.dirname, "../..", STATE_MACHINE.file), "utf8");
const definition = JSON.parse(text) as { readonly StartAt: string; readonly States: Readonly<Record<string, State>> };
const all = Object.entries(definition.States).flatMap(([name, state]) => [
  { name, state, inMap: false },
  ...Object.entries(state.ItemProcessor?.States ?? {}).map(([inner, each]) => ({
    name: inner,
    state: each,
    inMap: true,
  })),
]);
const tasks = all.filter(({ state }) => state.Type === "Task");
const NOT_RETRIED_BY_TASKS: readonly string[] = [
  "CandidateNotReady", // of CreateSecret only, with a pace of its own
  "DependentNotReady", // caught into a Wait, at the policy's pace
  "RotationUnfinished", // of RollBack only, caught into a Wait
  "WorkflowStillRunning", // the gate's: Secrets Manager retries it
];

describe("the state machine and the code agree", () => {
  test("the definition is valid", () => {
    const filled = text.replace(/\$\{\w+\}/g, "arn:aws:lambda:eu-west-1:123456789012:function:any");
    const result = validate(JSON.parse(filled), { checkArn: true, checkPaths: true });
    expect(result.isValid, result.errorsText()).toBe(true);
  });

  test("no expression uses a variable that some path leaves unassigned", () => {
    expect(checkDefinition(definition)).toEqual([]);
  });

  test("every name in Retry and Catch is one of ours, of Lambda's or of Step Functions'", () => {
    const known = new Set<string>([...RETRYABLE, ...TERMINAL]);
    const names = all.flatMap(({ state }) =>
      [...(state.Retry ?? []), ...(state.Catch ?? [])].flatMap((each) => each.ErrorEquals),
    );
    const unknown = names.filter((name) => !known.has(name) && !/^(States|Lambda|Sandbox|Runtime)\./.test(name));
    expect(unknown).toEqual([]);
  });

  test.each(tasks)("$name retries every retryable name, and no terminal one", ({ name, state }) => {
    const retried = (state.Retry ?? []).flatMap((each) => each.ErrorEquals);
    const expected = RETRYABLE.filter((each) => !NOT_RETRIED_BY_TASKS.includes(each));
    expect(retried).toEqual(expect.arrayContaining(expected));
    expect(retried.filter((each) => (TERMINAL as readonly string[]).includes(each))).toEqual([]);
    if (name === "CreateSecret") expect(retried).toContain("CandidateNotReady");
  });

  test("tasks get 5 attempts on the way forward and 6 on the way back and in telling the outcome", () => {
    const six = ["RollBack", "Discard", "Freeze", "VerifyBase"];
    for (const { name, state } of tasks) {
      const attempts = six.includes(name) || name.startsWith("Notify") ? 6 : 5;
      expect(state.Retry?.[0]?.MaxAttempts, name).toBe(attempts - 1);
    }
  });

  test("every task has a timeout, and a Catch for everything, its own or its Map's", () => {
    for (const { name, state, inMap } of tasks) {
      expect(state.TimeoutSeconds, name).toBeGreaterThan(0);
      if (!inMap) expect(state.Catch?.at(-1)?.ErrorEquals, name).toEqual(["States.ALL"]);
    }
    for (const { name, state } of all.filter((each) => each.state.Type === "Map")) {
      expect(state.Catch?.at(-1)?.ErrorEquals, name).toEqual(["States.ALL"]);
    }
  });

  test("a notification that fails ends where one that works ends, and the end says so", () => {
    const notifies = all.filter(({ name }) => name.startsWith("Notify"));
    expect(notifies.length).toBe(5);
    for (const { name, state } of notifies)
      expect(state.Catch, name).toEqual([{ ErrorEquals: ["States.ALL"], Assign: { told: false }, Next: state.Next }]);
  });

  test("every Fail says an error of ours and a cause", () => {
    const fails = all.filter(({ state }) => state.Type === "Fail");
    expect(fails.map(({ state }) => state.Error).sort()).toEqual(
      ["NotConverged", "RolledBack", "RollbackFailed", "RotationRejected"].sort(),
    );
    for (const { name, state } of fails) {
      expect(TERMINAL, name).toContain(state.Error);
      expect(state.Cause, name).toMatch(/^\{% \$string\(/);
    }
  });

  test("every placeholder has a substitution, and every substitution a placeholder", () => {
    const used = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map((match) => match[1]));
    expect([...used].sort()).toEqual(Object.keys(STATE_MACHINE.substitutions).sort());
  });

  test("no state carries anything but ids, times and labels: SecretString is nowhere in the definition", () => {
    expect(text).not.toMatch(/SecretString|password/i);
  });
});

describe("timeouts are a fence", () => {
  test.each(tasks)("lock <= statement < SDK request < Lambda < task for $name", ({ state }) => {
    const placeholder = /\$\{(\w+)\}/.exec(
      state.Arguments?.FunctionName ?? "",
    )?.[1] as keyof typeof STATE_MACHINE.substitutions;
    const { timeoutSeconds } = FUNCTIONS[STATE_MACHINE.substitutions[placeholder]];
    const variables = { STAGE: "dev", ENGINE: "postgresql", STATE_MACHINE_ARN: "arn:aws:states:any" };
    const { TARGET_TIMEOUT_MS } = readEnvironment("rotate", variables);
    const { lockTimeoutMs, statementTimeoutMs } = serverTimeouts(TARGET_TIMEOUT_MS);
    const sdk = SDK_REQUEST.attempts * SDK_REQUEST.requestMs;
    expect(lockTimeoutMs).toBeLessThanOrEqual(statementTimeoutMs);
    expect(statementTimeoutMs).toBeLessThan(sdk);
    expect(sdk).toBeLessThan(timeoutSeconds * 1000);
    expect(timeoutSeconds).toBeLessThan(state.TimeoutSeconds ?? 0);
  });
});

describe("the blueprint", () => {
  test("every rule's target and every function's file exist", () => {
    for (const rule of RULES) expect(Object.keys(FUNCTIONS), rule.name).toContain(rule.target);
    for (const { file } of Object.values(FUNCTIONS)) {
      expect(readFileSync(join(import.meta.dirname, "../..", file), "utf8")).toContain("export const handler");
    }
  });

  test("the release is the package's version", () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
    expect(RELEASE).toBe(version);
  });

  test("a missing variable is named, with the function that needs it", () => {
    expect(() => readEnvironment("notify", { STAGE: "x" })).toThrowError(
      /Function notify is deployed wrong.*ROTATION_BUS_NAME/,
    );
  });
});
