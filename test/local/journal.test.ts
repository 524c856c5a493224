import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { ask, eventually, journals } from "./journal-harness.ts";

const RETRIED = { ErrorEquals: ["Runtime.ExitError"], IntervalSeconds: 1, MaxAttempts: 2 };
const task = (name: string, rest: object) => ({
  Type: "Task",
  Resource: "arn:aws:states:::lambda:invoke",
  Arguments: { FunctionName: name, Payload: {} },
  Output: "{% $states.result.Payload %}",
  ...rest,
});

type Started = Awaited<ReturnType<Awaited<ReturnType<typeof journals>>["start"]>>;

async function createMachine({ states }: Started, StartAt: string, States: object): Promise<string> {
  const definition = JSON.stringify({ QueryLanguage: "JSONata", StartAt, States });
  const request = { name: "machine", definition, roleArn: "arn:aws:iam::123456789012:role/r" };
  return (await ask(states, "CreateStateMachine", request)).stateMachineArn;
}

const startExecution = async ({ states }: Started, stateMachineArn: string, input = {}): Promise<string> => {
  const request = { stateMachineArn, name: "execution", input: JSON.stringify(input) };
  return (await ask(states, "StartExecution", request)).executionArn;
};
const describeExecution = ({ states }: Started, executionArn: string) =>
  ask(states, "DescribeExecution", { executionArn });
const typesOf = async ({ states }: Started, executionArn: string): Promise<string[]> => {
  const { events } = await ask(states, "GetExecutionHistory", { executionArn, maxResults: 1000 });
  return events.map(({ type }: { type: string }) => type);
};
const define = ({ lambda }: Started, name: string, file: string) => {
  return lambda.define({ name, file, timeoutMs: 30_000, environment: {}, onFailure: "arn:aws:sqs:us-east-1:1:dead" });
};
/** A secret "a" that a function rotates, from now on. */
const rotates = async ({ secretsManager }: Started, RotationLambdaARN: string, further: object = {}) => {
  const first = { Name: "a", SecretString: "x", ClientRequestToken: "1".repeat(32) };
  await ask(secretsManager, "CreateSecret", first);
  const rotation = { SecretId: "a", RotationLambdaARN, ClientRequestToken: TOKEN, ...further };
  await ask(secretsManager, "RotateSecret", { ...rotation, RotationRules: { AutomaticallyAfterDays: 1 } });
};
const TOKEN = "3".repeat(32);

test("secrets are as they were: versions, values, labels, tags, schedule and dates", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const clock = new VirtualClock();
  const account = await all.start(journal, { clock });
  const { secretsManager } = account;
  const arn = define(account, "rotates", await all.handler(""));
  const token = (letter: string) => letter.repeat(32);
  await ask(secretsManager, "CreateSecret", {
    ...{ Name: "a", SecretString: "one", ClientRequestToken: token("1"), Description: "d" },
    Tags: [{ Key: "team", Value: "payments" }],
  });
  await clock.advance(5_000);
  await ask(secretsManager, "PutSecretValue", { SecretId: "a", SecretBinary: "dHdv", ClientRequestToken: token("2") });
  await ask(secretsManager, "UpdateSecretVersionStage", {
    SecretId: "a",
    VersionStage: "MINE",
    MoveToVersionId: token("1"),
  });
  await ask(secretsManager, "GetSecretValue", { SecretId: "a" });
  await ask(secretsManager, "RotateSecret", {
    ...{ SecretId: "a", RotationLambdaARN: arn, ClientRequestToken: token("3"), RotateImmediately: false },
    RotationRules: { ScheduleExpression: "rate(10 days)", Duration: "2h" },
  });
  await account.idle();
  await ask(secretsManager, "CreateSecret", { Name: "b", SecretString: "x", ClientRequestToken: token("4") });
  await ask(secretsManager, "DeleteSecret", { SecretId: "b", RecoveryWindowInDays: 7 });
  await ask(secretsManager, "CreateSecret", { Name: "c", SecretString: "x", ClientRequestToken: token("5") });
  await ask(secretsManager, "DeleteSecret", { SecretId: "c", ForceDeleteWithoutRecovery: true });
  const look = async ({ secretsManager: service }: Started) => {
    const values = ["1", "2"].map((each) => ({ SecretId: "a", VersionId: token(each) }));
    return {
      values: await Promise.all(values.map((each) => ask(service, "GetSecretValue", each))),
      versions: await ask(service, "ListSecretVersionIds", { SecretId: "a", IncludeDeprecated: true }),
      descriptions: await Promise.all(["a", "b"].map((SecretId) => ask(service, "DescribeSecret", { SecretId }))),
      every: service.everyValue(),
    };
  };
  const before = await look(account);
  expect(before.descriptions[0]).toMatchObject({ RotationEnabled: true, Tags: [{ Key: "team" }] });

  const again = await all.start(await all.killed(journal), { clock: new VirtualClock({ start: clock.now() }) });

  expect(await look(again)).toEqual({ ...before, every: expect.arrayContaining(["one", "dHdv"]) });
  await expect(ask(again.secretsManager, "DescribeSecret", { SecretId: "c" })).rejects.toThrow("can't find");
  await ask(again.secretsManager, "RestoreSecret", { SecretId: "b" });
});

test("the window of a schedule that opened while no process was there is made up for, once", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const clock = new VirtualClock();
  const account = await all.start(journal, { clock });
  const arn = define(account, "rotates", await all.handler(""));
  await rotates(account, arn, { RotateImmediately: false });
  await account.idle();
  const copy = await all.killed(journal);

  const later = new VirtualClock({ start: clock.now() + 5 * 86_400_000 });
  const again = await all.start(copy, { clock: later, rotation: { attempts: 0 } });
  define(again, "rotates", await all.handler(""));
  const started = () => again.events.seen().filter(({ detail }) => detail.eventName === "RotationStarted").length;
  await later.advance(1000);
  expect(started()).toBe(0);
  again.resume();
  again.resume();
  await later.advance(1000);
  await again.idle();
  expect(started()).toBe(1);
});

test("a rotation whose function ran goes on as after a failed attempt, and attempts do not begin anew", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const rotation = { attempts: 1, delaySeconds: 1 };
  const account = await all.start(journal, { rotation });
  const arn = define(account, "rotates", await all.handler("await new Promise(() => setInterval(() => {}, 1000))"));
  const token = TOKEN;
  await rotates(account, arn);
  const rotationEvents = (each: Started) =>
    each.events.seen().flatMap(({ detail }) => (/^Rotation/.exec(detail.eventName) ? [detail.eventName] : []));
  await vi.waitUntil(() => rotationEvents(account).length === 1);

  const second = await all.killed(journal);
  const again = await all.start(second, { rotation });
  define(again, "rotates", await all.handler("await new Promise(() => setInterval(() => {}, 1000))"));
  await expect(
    ask(again.secretsManager, "RotateSecret", { SecretId: "a", ClientRequestToken: "4".repeat(32) }),
  ).rejects.toThrow(/previous rotation/i);
  again.resume();
  await vi.waitUntil(() => rotationEvents(again).length === 2, 10_000);
  expect(rotationEvents(again)).toEqual(["RotationFailed", "RotationStarted"]);
  const { VersionIdsToStages } = await ask(again.secretsManager, "DescribeSecret", { SecretId: "a" });
  expect(VersionIdsToStages[token]).toEqual(["AWSPENDING"]);

  const third = await all.start(await all.killed(second), { rotation });
  define(third, "rotates", await all.handler(""));
  third.resume();
  await third.idle();
  expect(rotationEvents(third)).toEqual(["RotationFailed"]);
});

test("a rotation that waited for its next attempt waits as long as it would have, and no attempt is added", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal, { rotation: { attempts: 1, delaySeconds: 2 } });
  const arn = define(account, "rotates", await all.handler("throw new Error('no')"));
  await rotates(account, arn);
  const failedAt = await eventually(() =>
    account.events.seen().some(({ detail }) => detail.eventName === "RotationFailed") ? Date.now() : undefined,
  );
  const copy = await all.killed(journal);
  const again = await all.start(copy, { rotation: { attempts: 1, delaySeconds: 3600 } });
  define(again, "rotates", await all.handler("throw new Error('no')"));
  again.resume();
  await again.idle();
  expect(Date.now() - failedAt).toBeGreaterThan(1_800);
  const told = again.events.seen().map(({ detail }) => detail.eventName);
  expect(told).toEqual(["RotationStarted", "RotationFailed"]);
});

test("an execution that had ended is as it was, and its name stays taken", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  const machine = await createMachine(account, "Done", { Done: { Type: "Pass", End: true } });
  const arn = await startExecution(account, machine, { a: 1 });
  await account.states.idle();
  const again = await all.start(await all.killed(journal));
  expect(await describeExecution(again, arn)).toEqual(await describeExecution(account, arn));
  const history = { executionArn: arn };
  expect(await ask(again.states, "GetExecutionHistory", history)).toEqual(
    await ask(account.states, "GetExecutionHistory", history),
  );
  await expect(startExecution(again, machine, { a: 2 })).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
  const described = { stateMachineArn: machine };
  expect(await ask(again.states, "DescribeStateMachine", described)).toEqual(
    await ask(account.states, "DescribeStateMachine", described),
  );
});

test("a running execution waits for the rest of its time, with its variables; and not before the account resumes", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const clock = new VirtualClock();
  // Time stands still.
  void clock.track(new Promise(() => {}));
  const account = await all.start(journal, { clock });
  const machine = await createMachine(account, "Note", {
    Note: { Type: "Pass", Assign: { noted: "{% $now() %}" }, Next: "Wait" },
    Wait: { Type: "Wait", Seconds: 100, Output: "{% $noted %}", End: true },
  });
  const started = clock.now();
  const arn = await startExecution(account, machine);
  await eventually(async () => ((await typesOf(account, arn)).includes("WaitStateEntered") ? true : undefined));
  const copy = await all.killed(journal);

  const later = new VirtualClock({ start: started + 70_000 });
  const again = await all.start(copy, { clock: later });
  await new Promise((resolve) => setImmediate(resolve));
  expect(await describeExecution(again, arn)).toMatchObject({ status: "RUNNING" });
  expect(later.now()).toBe(started + 70_000);
  again.resume();
  await again.idle();
  expect(later.now()).toBe(started + 100_000);
  expect(await describeExecution(again, arn)).toMatchObject({
    status: "SUCCEEDED",
    output: JSON.stringify(new Date(started).toISOString()),
  });
});

test("one that is stopped before the account resumes is over, and nothing of it runs", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  const machine = await createMachine(account, "Wait", {
    Wait: { Type: "Wait", Seconds: 1, Next: "Work" },
    Work: task("work", { End: true }),
  });
  const arn = await startExecution(account, machine);
  const again = await all.start(await all.killed(journal));
  await ask(again.states, "StopExecution", { executionArn: arn, error: "Stopped" });
  again.resume();
  await again.idle();
  expect(await describeExecution(again, arn)).toMatchObject({ status: "ABORTED", error: "Stopped" });
  expect(again.calls().filter(({ operation }) => operation === "Invoke")).toEqual([]);
});

test("a function that ran when the process was killed has failed as one whose host is lost; its Retry counts on, and what had exited does not run again", async () => {
  await using all = await journals();
  let journal = all.fresh();
  let account = await all.start(journal);
  const hangs = await all.handler("await new Promise(() => setInterval(() => {}, 1000))");
  const first = async () => {
    define(account, "first", await all.handler("return 'first'"));
    define(account, "hangs", hangs);
    account.resume();
  };
  await first();
  const machine = await createMachine(account, "First", {
    First: task("first", { Next: "Each" }),
    Each: {
      Type: "Map",
      Items: [1, 2],
      ItemProcessor: { StartAt: "Hangs", States: { Hangs: task("hangs", { Retry: [RETRIED], End: true }) } },
      End: true,
    },
  });
  const arn = await startExecution(account, machine);
  const invoked = (name: string) =>
    account
      .calls()
      .filter(
        ({ operation, input }) =>
          operation === "Invoke" && (input as { FunctionName: string }).FunctionName.endsWith(name),
      ).length;
  await vi.waitUntil(() => invoked("hangs") === 2, 20_000);
  expect(invoked("first")).toBe(1);

  for (const attempt of [1, 2]) {
    journal = await all.killed(journal);
    account = await all.start(journal);
    await first();
    await vi.waitUntil(() => invoked("hangs") === 2, 20_000);
    expect(invoked("first")).toBe(0);
    const failures = (await typesOf(account, arn)).filter((type) => type === "TaskFailed");
    expect(failures).toHaveLength(2 * attempt);
  }
  account = await all.start(await all.killed(journal));
  await first();
  await account.idle();
  expect(await describeExecution(account, arn)).toMatchObject({
    ...{ status: "FAILED", error: "Runtime.ExitError" },
    cause: expect.stringContaining("Runtime exited with error: signal: killed"),
  });
  expect(invoked("hangs")).toBe(0);
});

test("a task token that is out is good after a restart, and its function is not called again", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  define(account, "asks", await all.handler("console.log(event.token)"));
  const machine = await createMachine(account, "Ask", {
    Ask: {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Arguments: { FunctionName: "asks", Payload: { token: "{% $states.context.Task.Token %}" } },
      End: true,
    },
  });
  const arn = await startExecution(account, machine);
  await account.states.idle();
  const taskToken = account.lambda.logs()[0]?.text;

  const again = await all.start(await all.killed(journal));
  const answered = ask(again.states, "SendTaskSuccess", { taskToken, output: "42" });
  again.resume();
  await answered;
  await again.idle();
  expect(await describeExecution(again, arn)).toMatchObject({ status: "SUCCEEDED", output: "42" });
  expect(again.calls()).toEqual([]);
});

test("the end of an execution and the event that tells of it are kept together", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  define(account, "told", await all.handler("return 1"));
  await listen(account, "told");
  // Lambda takes nothing: what was accepted is still to be delivered.
  account.intercept(({ caller }) => {
    if (caller === "events") throw new AwsError("ServiceException", "not now", 500);
  });
  const machine = await createMachine(account, "Done", { Done: { Type: "Succeed" } });
  await startExecution(account, machine);
  await account.states.idle();

  const again = await all.start(await all.killed(journal));
  const told: string[] = [];
  again.intercept(({ caller, phase, input }) => {
    if (caller === "events" && phase === "before")
      told.push((input as { Payload: { detail: { status: string } } }).Payload.detail.status);
  });
  define(again, "told", await all.handler("return 1"));
  again.resume();
  await again.idle();
  expect(told.sort()).toEqual(["RUNNING", "SUCCEEDED"]);
  expect(await ask(again.events, "ListRules", { EventBusName: "default" })).toEqual(
    await ask(account.events, "ListRules", {}),
  );
});

test("an event that was accepted is delivered after a restart, with the tries that are left; then it is a dead letter, which stays one", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  define(account, "told", await all.handler("return 1"));
  await ask(account.events, "CreateEventBus", { Name: "own" });
  await listen(account, "told", { EventBusName: "own", MaximumRetryAttempts: 1 });
  const refuse = (each: Started) =>
    each.intercept(({ caller }) => {
      if (caller === "events") throw new AwsError("ServiceException", "not now", 500);
    });
  refuse(account);
  const Entries = [{ EventBusName: "own", Source: "mine", DetailType: "d", Detail: '{"n":1}' }];
  await ask(account.events, "PutEvents", { Entries });
  const never = await all.killed(journal);
  await vi.waitUntil(() => account.calls().some(({ caller }) => caller === "events"));

  const delivered = await all.start(never);
  define(delivered, "told", await all.handler("return 1"));
  delivered.resume();
  await delivered.idle();
  expect(delivered.calls().filter(({ caller }) => caller === "events")).toMatchObject([
    { input: { Payload: { detail: { n: 1 } } } },
  ]);

  const once = await all.killed(journal);
  const refused = await all.start(once);
  refuse(refused);
  refused.resume();
  await refused.idle();
  const letters = refused.events.deadLetters();
  expect(letters).toMatchObject([
    { RETRY_ATTEMPTS: 1, EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts", event: { detail: { n: 1 } } },
  ]);
  const last = await all.start(await all.killed(once));
  last.resume();
  await last.idle();
  expect(last.events.deadLetters()).toEqual(letters);
  expect(last.calls()).toEqual([]);
});

test("an asynchronous invocation that ran is tried again at once; its third try is its last, and what is given up stays so", async () => {
  await using all = await journals();
  let journal = all.fresh();
  let account = await all.start(journal);
  const hangs = await all.handler(
    "console.log('began', event.n); await new Promise(() => setInterval(() => {}, 1000))",
  );
  define(account, "hangs", hangs);
  await ask(account.lambda, "Invoke", { FunctionName: "hangs", InvocationType: "Event", Payload: { n: 7 } });
  const began = () => account.lambda.logs().some(({ text }) => text === "began 7");
  await vi.waitUntil(began, 20_000);
  for (const _ of ["second", "third"]) {
    journal = await all.killed(journal);
    account = await all.start(journal);
    define(account, "hangs", hangs);
    account.resume();
    await vi.waitUntil(began, 20_000);
  }
  for (let time = 0; time < 2; time++) {
    journal = await all.killed(journal);
    account = await all.start(journal);
    define(account, "hangs", hangs);
    account.resume();
    await account.idle();
    expect(account.lambda.deadLetters("arn:aws:sqs:us-east-1:1:dead")).toMatchObject([
      {
        requestPayload: { n: 7 },
        responsePayload: { errorType: "Runtime.ExitError" },
        requestContext: { condition: "RetriesExhausted" },
      },
    ]);
    expect(account.lambda.logs()).toEqual([]);
  }
});

test("topics, subscriptions and messages are as they were, and a new message still finds its subscriptions", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  const { TopicArn } = await ask(account.sns, "CreateTopic", { Name: "t", Attributes: { DisplayName: "T" } });
  const subscription = { TopicArn, Protocol: "email", Endpoint: "a@b", Attributes: { FilterPolicy: '{"k":["v"]}' } };
  const { SubscriptionArn } = await ask(account.sns, "Subscribe", subscription);
  const publish = (each: Started, Message: string, value: string) =>
    ask(each.sns, "Publish", {
      TopicArn,
      Message,
      MessageAttributes: { k: { DataType: "String", StringValue: value } },
    });
  await publish(account, "one", "v");
  await publish(account, "two", "w");
  const again = await all.start(await all.killed(journal));
  expect(again.sns.inbox(TopicArn)).toEqual(account.sns.inbox(TopicArn));
  expect(again.sns.received(SubscriptionArn)).toEqual(account.sns.received(SubscriptionArn));
  expect(await ask(again.sns, "Subscribe", subscription)).toEqual({ SubscriptionArn });
  await publish(again, "three", "v");
  expect(again.sns.received(SubscriptionArn).map(({ Message }) => Message)).toEqual(["one", "three"]);
});

test("a journal with what this release does not take is refused in one sentence", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  const machine = await createMachine(account, "Ends", { Ends: { Type: "Succeed" } });
  await startExecution(account, machine);
  await account.idle();
  await account.close();
  const file = join(journal, "journal.jsonl");
  await writeFile(file, (await readFile(file, "utf8")).replaceAll("JSONata", "JSONPath"));

  await expect(all.start(journal)).rejects.toMatchObject({
    name: "JournalRefused",
    message: expect.stringMatching(
      /^The journal holds what this release does not take \(.*JSONPath.*\): name another directory\.$/,
    ),
  });
});

test("closing is no other end than a kill: what ran goes on after the next start", async () => {
  await using all = await journals();
  const journal = all.fresh();
  const account = await all.start(journal);
  const hangs = await all.handler("console.log('began'); await new Promise(() => setInterval(() => {}, 1000))");
  const arn = define(account, "hangs", hangs);
  await listen(account, "hangs");
  const machine = await createMachine(account, "Hangs", { Hangs: task("hangs", { Retry: [RETRIED], End: true }) });
  const execution = await startExecution(account, machine);
  await rotates(account, arn);
  await vi.waitUntil(() => account.lambda.logs().filter(({ text }) => text === "began").length === 3, 20_000);
  await account.close();

  const again = await all.start(journal, { rotation: { delaySeconds: 0 } });
  define(again, "hangs", await all.handler("console.log('again'); return 1"));
  again.resume();
  await again.idle();
  expect(await describeExecution(again, execution)).toMatchObject({ status: "SUCCEEDED", output: "1" });
  // The task, the delivery of the event that it began, that of its end, and two attempts of four steps that promote nothing.
  expect(again.lambda.logs().filter(({ text }) => text === "again")).toHaveLength(3 + 2 * 4);
});

async function listen(account: Started, name: string, { EventBusName = "default", MaximumRetryAttempts = 5 } = {}) {
  await ask(account.events, "PutRule", { Name: "r", EventBusName, EventPattern: '{"source":["aws.states","mine"]}' });
  const Arn = `arn:aws:lambda:us-east-1:123456789012:function:${name}`;
  await ask(account.events, "PutTargets", {
    Rule: "r",
    EventBusName,
    Targets: [{ Id: "1", Arn, RetryPolicy: { MaximumRetryAttempts } }],
  });
}
