import { describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../local/engine/history.ts";
import { AwsError } from "../../local/services/service.ts";
import { call, machine, task, workflow } from "./harness.ts";

const succeed = machine("S", { S: { Type: "Succeed" } });
const waiting = machine("W", { W: { Type: "Wait", Seconds: 60, End: true } });
const working = machine("T", { T: task("f") });
const hangs = { f: () => new Promise<never>(() => {}) };
const roleArn = "arn:aws:iam::111111111111:role/machine";
const stateMachineArn = "arn:aws:states:eu-west-1:111111111111:stateMachine:machine";

/** The AWS error that the operation answers with. */
function refusal(run: () => unknown): { name: string; message: string; statusCode: number } {
  try {
    run();
  } catch (error) {
    if (error instanceof AwsError) return { name: error.name, message: error.message, statusCode: error.statusCode };
    throw error;
  }
  throw new Error("it was not refused");
}

describe("CreateStateMachine", () => {
  it("returns the same machine for the same name and definition", async () => {
    const { states, clock } = workflow({ definition: succeed });
    const created = call<{ creationDate: Date }>(states, "DescribeStateMachine", { stateMachineArn }).creationDate;
    await clock.advance(1000);
    const again = { name: "machine", definition: JSON.stringify(succeed), roleArn };
    expect(call(states, "CreateStateMachine", again)).toEqual({ stateMachineArn, creationDate: created });
  });

  // Recorded on AWS: localstack test_create_duplicate_definition_format_sm, test_create_duplicate_sm_name.
  it("refuses another definition under the name, even if only its spaces differ", () => {
    const { states } = workflow({ definition: succeed });
    const other = { name: "machine", definition: JSON.stringify(succeed, null, 1), roleArn };
    expect(refusal(() => call(states, "CreateStateMachine", other))).toEqual({
      name: "StateMachineAlreadyExists",
      message: `State Machine Already Exists: '${stateMachineArn}'`,
      statusCode: 400,
    });
  });

  // Recorded on AWS: localstack test_create_delete_invalid_sm.
  it("says what is wrong with a definition in AWS's words", () => {
    const { states } = workflow({ definition: succeed });
    const invalid = { name: "other", definition: '{"QueryLanguage":"JSONata","StartAt":"S"}', roleArn };
    expect(refusal(() => call(states, "CreateStateMachine", invalid))).toEqual({
      name: "InvalidDefinition",
      message: "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
      statusCode: 400,
    });
  });

  it.for([
    [{ name: "a b" }, "InvalidName"],
    [{ name: "x".repeat(81) }, "InvalidName"],
    [{ type: "EXPRESS" }, "StateMachineTypeNotSupported"],
    [{ publish: true }, "ValidationException"],
    [{ roleArn: undefined }, "ValidationException"],
  ] as const)("refuses %j with %s", ([change, name]) => {
    const { states } = workflow({ definition: succeed });
    const input = { name: "other", definition: JSON.stringify(succeed), roleArn, ...change };
    expect(refusal(() => call(states, "CreateStateMachine", input)).name).toBe(name);
  });
});

describe("state machines", () => {
  it("are described and listed", () => {
    const { states, clock } = workflow({ definition: succeed });
    const creationDate = new Date(clock.now());
    expect(call(states, "DescribeStateMachine", { stateMachineArn })).toMatchObject({
      stateMachineArn,
      name: "machine",
      definition: JSON.stringify(succeed),
      roleArn,
      status: "ACTIVE",
      type: "STANDARD",
      creationDate,
    });
  });

  it("that do not exist are refused as AWS refuses them", () => {
    const { states } = workflow({ definition: succeed });
    const missing = `${stateMachineArn}-2`;
    expect(refusal(() => call(states, "StartExecution", { stateMachineArn: missing }))).toEqual({
      name: "StateMachineDoesNotExist",
      message: `State Machine Does Not Exist: '${missing}'`,
      statusCode: 400,
    });
    expect(refusal(() => call(states, "DescribeStateMachine", { stateMachineArn: "machine" })).name).toBe("InvalidArn");
  });
});

describe("StartExecution", () => {
  // secrets-manager-rotation 7.
  it("gives the first answer again for the same name and input while that execution runs", async () => {
    const { states, clock } = workflow({ definition: working, functions: hangs });
    const request = { stateMachineArn, name: "one", input: '{"a":1}' };
    const first = call<{ startDate: Date }>(states, "StartExecution", request);
    await clock.advance(1000);
    expect(call(states, "StartExecution", request)).toEqual(first);
    expect(states.executions()).toHaveLength(1);
  });

  it("refuses another input under the name, compared as text", () => {
    const { states } = workflow({ definition: working, functions: hangs });
    call(states, "StartExecution", { stateMachineArn, name: "one", input: '{"a":1}' });
    const other = { stateMachineArn, name: "one", input: '{"a": 1}' };
    expect(refusal(() => call(states, "StartExecution", other))).toEqual({
      name: "ExecutionAlreadyExists",
      message: "Execution Already Exists: 'arn:aws:states:eu-west-1:111111111111:execution:machine:one'",
      statusCode: 400,
    });
  });

  it("refuses the name of an execution that has ended", async () => {
    const { states, start } = workflow({ definition: succeed });
    start({}, "one");
    await states.idle();
    expect(refusal(() => start({}, "one")).name).toBe("ExecutionAlreadyExists");
  });

  it.for([
    [{ name: "a/b" }, "InvalidName"],
    [{ name: "" }, "InvalidName"],
    [{ name: "x".repeat(81) }, "InvalidName"],
    [{ input: "not json" }, "InvalidExecutionInput"],
    [{ input: "" }, "InvalidExecutionInput"],
    [{ input: JSON.stringify("x".repeat(262_144)) }, "ValidationException"],
  ] as const)("refuses %j with %s", ([change, name]) => {
    const { states } = workflow({ definition: succeed });
    expect(refusal(() => call(states, "StartExecution", { stateMachineArn, ...change })).name).toBe(name);
  });

  it("takes any JSON value as input, and {} when there is none", async () => {
    const { states } = workflow({ definition: succeed });
    for (const input of [undefined, "1", "null", '"text"']) call(states, "StartExecution", { stateMachineArn, input });
    await states.idle();
    expect(states.executions().map(({ output }) => output)).toEqual(["{}", "1", "null", '"text"']);
  });
});

describe("DescribeExecution", () => {
  it("tells how an execution stands, with Dates", async () => {
    const { states, clock, start } = workflow({ definition: waiting });
    const startDate = new Date(clock.now());
    const executionArn = start({ a: 1 }, "one");
    const common = { executionArn, stateMachineArn, name: "one", startDate, input: '{"a":1}', redriveCount: 0 };
    expect(call(states, "DescribeExecution", { executionArn })).toMatchObject({ ...common, status: "RUNNING" });
    await states.idle();
    expect(call(states, "DescribeExecution", { executionArn })).toMatchObject({
      ...common,
      status: "SUCCEEDED",
      stopDate: new Date(startDate.getTime() + 60_000),
      output: '{"a":1}',
      outputDetails: { included: true },
    });
    const metadata = call<object>(states, "DescribeExecution", { executionArn, includedData: "METADATA_ONLY" });
    expect(metadata).toMatchObject({ status: "SUCCEEDED", input: undefined, output: undefined });
  });

  it("of an unknown execution is refused", () => {
    const { states } = workflow({ definition: succeed });
    const executionArn = "arn:aws:states:eu-west-1:111111111111:execution:machine:none";
    expect(refusal(() => call(states, "DescribeExecution", { executionArn }))).toMatchObject({
      name: "ExecutionDoesNotExist",
      message: `Execution Does Not Exist: '${executionArn}'`,
    });
  });

  it("has its definition in DescribeStateMachineForExecution", () => {
    const { states, start } = workflow({ definition: succeed });
    const described = call(states, "DescribeStateMachineForExecution", { executionArn: start() });
    expect(described).toMatchObject({ stateMachineArn, name: "machine", definition: JSON.stringify(succeed), roleArn });
  });
});

describe("ListExecutions", () => {
  it("has the newest first, filters by status, and pages without gaps while others start and end", async () => {
    const { states, start } = workflow({
      definition: machine("C", {
        C: { Type: "Choice", Choices: [{ Condition: "{% $states.input %}", Next: "T" }], Default: "S" },
        T: task("f"),
        S: { Type: "Succeed" },
      }),
      functions: hangs,
    });
    const arns = [0, 1, 2, 3, 4].map((index) => start(index % 2 === 0, `e${index}`));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    const list = (input: object) => {
      type Answer = { executions: { name: string; status: string }[]; nextToken?: string };
      return call<Answer>(states, "ListExecutions", { stateMachineArn, ...input });
    };
    expect(list({}).executions.map(({ name }) => name)).toEqual(["e4", "e3", "e2", "e1", "e0"]);
    expect(list({ statusFilter: "SUCCEEDED" }).executions.map(({ name }) => name)).toEqual(["e3", "e1"]);

    const first = list({ statusFilter: "RUNNING", maxResults: 1 });
    expect(first.executions.map(({ name }) => name)).toEqual(["e4"]);
    call(states, "StopExecution", { executionArn: arns[4] });
    start(true, "e5");
    const second = list({ statusFilter: "RUNNING", maxResults: 5, nextToken: first.nextToken });
    expect(second.executions.map(({ name }) => name)).toEqual(["e2", "e0"]);
    expect(second.nextToken).toBeUndefined();
  });
});

describe("GetExecutionHistory", () => {
  const definition = machine("A", { A: { Type: "Pass", Assign: { x: 1 }, Next: "B" }, B: { Type: "Succeed" } });

  it("pages in both directions and gives every event once", async () => {
    const { states, start, events } = workflow({ definition });
    const executionArn = start();
    await states.idle();
    for (const reverseOrder of [false, true]) {
      const ids: number[] = [];
      let nextToken: string | undefined;
      do {
        const page = call<{ events: HistoryEvent[]; nextToken?: string }>(states, "GetExecutionHistory", {
          executionArn,
          reverseOrder,
          maxResults: 2,
          nextToken,
        });
        expect(page.events.length).toBeLessThanOrEqual(2);
        ids.push(...page.events.map(({ id }) => id));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      const expected = events(executionArn).map(({ id }) => id);
      expect(ids).toEqual(reverseOrder ? expected.reverse() : expected);
    }
  });

  it("leaves inputs, outputs and variables out when asked to", async () => {
    const { states, start } = workflow({ definition });
    const executionArn = start({ hidden: "value" });
    await states.idle();
    const request = { executionArn, includeExecutionData: false };
    const text = JSON.stringify(call(states, "GetExecutionHistory", request));
    expect(text).not.toMatch(/hidden|"input"|"output"|assignedVariables/);
    expect(text).toContain('"name":"A"');
  });

  it.for([
    [{ nextToken: "nonsense" }, "InvalidToken"],
    [{ maxResults: 1001 }, "ValidationException"],
  ] as const)("refuses %j with %s", ([change, name]) => {
    const { states, start } = workflow({ definition });
    const executionArn = start();
    expect(refusal(() => call(states, "GetExecutionHistory", { executionArn, ...change })).name).toBe(name);
  });
});

describe("the status change event", () => {
  // AWS, "Automating Step Functions event delivery with EventBridge".
  it("comes when an execution starts and when it ends, once each", async () => {
    const { states, emitted, start } = workflow({ definition: waiting });
    const executionArn = start({ a: 1 }, "one");
    expect(emitted.map(({ detail }) => detail.status)).toEqual(["RUNNING"]);
    await states.idle();
    expect(emitted.map(({ detail }) => detail.status)).toEqual(["RUNNING", "SUCCEEDED"]);
    expect(emitted[1]).toMatchObject({
      source: "aws.states",
      detailType: "Step Functions Execution Status Change",
      resources: [executionArn],
      detail: {
        executionArn,
        stateMachineArn,
        name: "one",
        startDate: Date.parse("2026-01-01T00:00:00Z"),
        stopDate: Date.parse("2026-01-01T00:01:00Z"),
        input: '{"a":1}',
        inputDetails: { included: true },
        output: '{"a":1}',
        error: null,
        cause: null,
      },
    });
  });

  it("says ABORTED after StopExecution", () => {
    const { states, emitted, start } = workflow({ definition: waiting });
    call(states, "StopExecution", { executionArn: start(), error: "Operator" });
    expect(emitted[1]?.detail).toMatchObject({ status: "ABORTED", error: "Operator", cause: null, output: null });
  });
});

describe("stop", () => {
  it("leaves no timer behind and calls nothing any more", async () => {
    const { states, clock, calls, start } = workflow({
      definition: machine("W", { W: { Type: "Wait", Seconds: 60, Next: "T" }, T: task("f") }, { TimeoutSeconds: 600 }),
      functions: hangs,
    });
    start();
    await states.stop();
    await states.stop();
    await states.idle();
    await clock.advance(3_600_000);
    expect(calls).toEqual([]);
    expect(states.executions().map(({ status }) => status)).toEqual(["RUNNING"]);
    expect(refusal(() => start()).name).toBe("ServiceUnavailable");
  });

  it("does not wait for a function that hangs", async () => {
    const { states, clock, calls, start } = workflow({ definition: working, functions: hangs });
    start();
    while (calls.length === 0) await clock.advance(0);
    await states.stop();
    expect(states.executions()[0]?.events.at(-1)?.type).toBe("TaskStarted");
  });
});
