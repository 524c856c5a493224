import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../local/clock.ts";
import { createEvents, type EventsOptions, type EventTarget } from "../../local/services/events.ts";
import type { BusEvent, Operation } from "../../local/services/service.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";

const PLACE = { region: "eu-west-1", accountId: "123456789012" };
const FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:dispatch";
const PATTERN = JSON.stringify({ source: ["shop"] });
const ENTRY = { Source: "shop", DetailType: "Order Placed", Detail: '{"id":1}' };
const RULE_ARN = "arn:aws:events:eu-west-1:123456789012:rule/orders";

function named(name: string, message = name): Error {
  return Object.assign(new Error(message), { name });
}

/** Sleeps take no time, and move the clock. */
function testClock() {
  const sleeps: { milliseconds: number; kind: string }[] = [];
  let now = Date.parse("2026-01-02T03:04:05.678Z");
  const clock: Clock = {
    now: () => now,
    async sleep(milliseconds, kind, signal) {
      if (signal?.aborted) return false;
      sleeps.push({ milliseconds, kind });
      now += milliseconds;
      await turn();
      return true;
    },
    track: (work) => work,
  };
  return { clock, sleeps };
}

function account(options: Partial<EventsOptions> = {}) {
  const { clock, sleeps } = testClock();
  const delivered: { target: EventTarget; event: unknown }[] = [];
  const events = createEvents({
    ...PLACE,
    clock,
    async deliver(target, event) {
      delivered.push({ target, event });
    },
    ...options,
  });
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the operation returns
  const call = (operation: string, input: object): any => (events.operations[operation] as Operation)(input);
  function rule(name = "orders", more: object = {}, target: object = {}) {
    call("PutRule", { Name: name, EventPattern: PATTERN, ...more });
    call("PutTargets", { Rule: name, Targets: [{ Id: "dispatch", Arn: FUNCTION, ...target }] });
  }
  return { events, call, rule, delivered, sleeps };
}

const refusal = (name: string, message = "") =>
  expect.objectContaining({ name, message: expect.stringContaining(message) });

describe("PutEvents", () => {
  test("delivers a matching event in AWS's envelope, after the caller has its answer", async () => {
    const { events, call, rule, delivered } = account();
    rule();
    const Time = Date.parse("2025-12-31T23:59:59Z") / 1000;
    const answer = call("PutEvents", { Entries: [{ ...ENTRY, Resources: ["arn:aws:x"], Time }] });
    expect(delivered).toEqual([]);
    await events.idle();
    expect(answer).toEqual({ FailedEntryCount: 0, Entries: [{ EventId: expect.stringMatching(/^[0-9a-f-]{36}$/) }] });
    const event = {
      version: "0",
      id: answer.Entries[0].EventId,
      "detail-type": "Order Placed",
      source: "shop",
      account: "123456789012",
      time: "2025-12-31T23:59:59Z",
      region: "eu-west-1",
      resources: ["arn:aws:x"],
      detail: { id: 1 },
    };
    expect(delivered).toEqual([{ target: { Id: "dispatch", Arn: FUNCTION }, event }]);
    expect(events.seen()).toEqual([{ ...event, bus: "default" }]);
  });

  test("judges every entry for itself", () => {
    const { events, call } = account();
    const malformed = ["text", "[]", '"text"', "null", "{"].map((Detail) => ({ ...ENTRY, Detail }));
    const missing = ["Source", "DetailType", "Detail"].map((name) => ({ ...ENTRY, [name]: undefined }));
    const answer = call("PutEvents", {
      Entries: [...malformed, ...missing, { ...ENTRY, Source: "aws.secretsmanager" }, ENTRY],
    });
    expect(answer.FailedEntryCount).toBe(9);
    const codes = answer.Entries.map((entry: { ErrorCode?: string }) => entry.ErrorCode);
    expect(codes.slice(0, 5)).toEqual(Array(5).fill("MalformedDetail"));
    expect(codes.slice(5)).toEqual([...Array(3).fill("InvalidArgument"), "NotAuthorizedForSourceException", undefined]);
    expect(answer.Entries[5].ErrorMessage).toBe(
      "Parameter Source is not valid. Reason: Source is a required argument.",
    );
    expect(events.seen()).toHaveLength(1);
  });

  test("refuses a time that is none, and a detail too deep to be written again", () => {
    const { call } = account();
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const answer = call("PutEvents", {
      Entries: [
        { ...ENTRY, Time: "soon" },
        { ...ENTRY, Detail: deep },
      ],
    });
    expect(answer.Entries).toEqual([
      expect.objectContaining({ ErrorCode: "InvalidArgument" }),
      expect.objectContaining({ ErrorCode: "MalformedDetail" }),
    ]);
  });

  test("refuses a request of no entry, of eleven, and of over 1,048,576 bytes, as a whole", () => {
    const { events, call } = account();
    const sized = (bytes: number) => ({ Source: "s", DetailType: "t", Detail: `{"a":"${"x".repeat(bytes - 10)}"}` });
    expect(() => call("PutEvents", { Entries: [] })).toThrow(refusal("ValidationException", "'entries'"));
    expect(() => call("PutEvents", { Entries: Array(11).fill(ENTRY) })).toThrow(refusal("ValidationException"));
    expect(() => call("PutEvents", { Entries: [sized(1_048_577)] })).toThrow(
      refusal("ValidationException", "Total size of the entries in the request is over the limit."),
    );
    expect(events.seen()).toEqual([]);
    expect(call("PutEvents", { Entries: [sized(1_048_576)] }).FailedEntryCount).toBe(0);
  });

  test("accepts an event for a bus that does not exist, and delivers it nowhere", async () => {
    const { events, call, rule, delivered } = account();
    rule();
    const answer = call("PutEvents", { Entries: [{ ...ENTRY, EventBusName: "none" }] });
    await events.idle();
    expect(answer.Entries[0].EventId).toBeDefined();
    expect(delivered).toEqual([]);
    expect(events.seen()).toEqual([expect.objectContaining({ bus: "none" })]);
  });
});

describe("put, for the other services of the account", () => {
  test("may use AWS's own sources and returns the event", async () => {
    const { events, rule, delivered } = account();
    rule("label", { EventPattern: '{"source":["aws.secretsmanager"]}' });
    const put = { source: "aws.secretsmanager", detailType: "Secret Label Updated", detail: { name: "db" } };
    const event = events.put(put);
    await events.idle();
    expect(event).toMatchObject({ time: "2026-01-02T03:04:05Z", resources: [], detail: { name: "db" } });
    expect(delivered.map((each) => each.event)).toEqual([event]);
  });

  test("no target and no caller can change what another one sees", async () => {
    const { events, rule } = account({
      async deliver(_target, event) {
        (event as { detail: { id: number } }).detail.id += 1;
      },
      chaos: { copies: () => 2 },
    });
    rule();
    const detail = { id: 1 };
    const event = events.put({ source: "shop", detailType: "t", detail });
    event.detail.id = 99;
    detail.id = 98;
    await events.idle();
    expect(events.seen()[0]?.detail).toEqual({ id: 1 });
    expect(events.deadLetters()).toEqual([]);
  });
});

describe("delivery", () => {
  test("goes to every target of every matching rule of that bus only", async () => {
    const { events, call, rule, delivered } = account();
    call("CreateEventBus", { Name: "rotation" });
    rule("one");
    rule("two", { EventPattern: '{"source":["other"]}' });
    rule("off", { State: "DISABLED" });
    call("PutRule", { Name: "three", EventPattern: PATTERN, EventBusName: "rotation" });
    const Targets = [
      { Id: "a", Arn: FUNCTION, Input: '{"fixed":true}' },
      { Id: "b", Arn: FUNCTION },
    ];
    call("PutTargets", { Rule: "three", EventBusName: "rotation", Targets });
    const EventBusName = "arn:aws:events:eu-west-1:123456789012:event-bus/rotation";
    call("PutEvents", { Entries: [{ ...ENTRY, EventBusName }] });
    await events.idle();
    expect(delivered.map((each) => each.target.Id)).toEqual(["a", "b"]);
    expect(delivered[0]?.event).toEqual({ fixed: true });
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(delivered.map((each) => each.target.Id)).toEqual(["a", "b", "dispatch"]);
  });

  test("is retried with growing pauses until it succeeds", async () => {
    let failures = 3;
    const { events, call, rule, sleeps } = account({
      async deliver() {
        if (failures > 0) {
          failures -= 1;
          throw named("TooManyRequestsException");
        }
      },
    });
    rule();
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(sleeps).toEqual([1000, 2000, 4000].map((milliseconds) => ({ milliseconds, kind: "retry" })));
    expect(events.deadLetters()).toEqual([]);
  });

  test("ends as a dead letter after the retries of the policy, 185 within 24 h by default", async () => {
    const failing = async () => {
      throw named("ServiceException", "down");
    };
    const two = account({ deliver: failing });
    two.rule("orders", {}, { RetryPolicy: { MaximumRetryAttempts: 2 } });
    const event = two.events.put({ source: "shop", detailType: "t", detail: {} });
    await two.events.idle();
    expect(two.events.deadLetters()).toEqual([
      {
        RULE_ARN,
        TARGET_ARN: FUNCTION,
        ERROR_CODE: "ServiceException",
        ERROR_MESSAGE: "down",
        EXHAUSTED_RETRY_CONDITION: "MaximumRetryAttempts",
        RETRY_ATTEMPTS: 2,
        event,
      },
    ]);
    expect(two.events.deadLetters("arn:aws:sqs:eu-west-1:123456789012:rotation")).toEqual([]);
    const byDefault = account({ deliver: failing });
    byDefault.rule();
    byDefault.call("PutEvents", { Entries: [ENTRY] });
    await byDefault.events.idle();
    const hours = byDefault.sleeps.reduce((sum, sleep) => sum + sleep.milliseconds, 0) / 3_600_000;
    expect(byDefault.events.deadLetters()).toEqual([expect.objectContaining({ RETRY_ATTEMPTS: 185 })]);
    expect(hours).toBeGreaterThan(23);
    expect(hours).toBeLessThanOrEqual(24);
  });

  test("ends as a dead letter when the event gets too old", async () => {
    const { events, call, rule, sleeps } = account({ deliver: () => Promise.reject(new Error("down")) });
    rule("orders", {}, { RetryPolicy: { MaximumEventAgeInSeconds: 60 } });
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(sleeps.map((sleep) => sleep.milliseconds)).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(events.deadLetters()).toEqual([
      expect.objectContaining({ EXHAUSTED_RETRY_CONDITION: "MaximumEventAgeInSeconds", RETRY_ATTEMPTS: 5 }),
    ]);
  });

  test.each([
    ["ResourceNotFoundException", "NO_RESOURCE"],
    ["AccessDeniedException", "NO_PERMISSIONS"],
  ])("is not retried on %s", async (name, ERROR_CODE) => {
    const { events, call, rule, sleeps } = account({ deliver: () => Promise.reject(named(name)) });
    rule();
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(sleeps).toEqual([]);
    expect(events.deadLetters()).toEqual([expect.objectContaining({ ERROR_CODE, RETRY_ATTEMPTS: 0 })]);
  });

  test("can be doubled, lost and held back", async () => {
    const release = new Gate();
    const { events, call, rule, delivered } = account({
      chaos: {
        copies: (event) => event.detail.copies,
        hold: (event) => (event.detail.held ? release.promise : undefined),
      },
    });
    rule();
    const put = (detail: object) => call("PutEvents", { Entries: [{ ...ENTRY, Detail: JSON.stringify(detail) }] });
    put({ copies: 1, held: true });
    put({ copies: 2 });
    put({ copies: 0 });
    await turn();
    await turn();
    const details = () => delivered.map((each) => (each.event as { detail: object }).detail);
    expect(details()).toEqual([{ copies: 2 }, { copies: 2 }]);
    release.resolve();
    await events.idle();
    expect(details()).toEqual([{ copies: 2 }, { copies: 2 }, { copies: 1, held: true }]);
    expect(events.seen()).toHaveLength(3);
  });

  test("can be delayed, each copy for itself, so that events and copies arrive in another order", async () => {
    const clock = new VirtualClock({ start: "2026-01-02T00:00:00Z" });
    const arrived: unknown[] = [];
    const { events, call, rule } = account({
      clock,
      async deliver(_target, event) {
        arrived.push([(event as BusEvent).detail.name, new Date(clock.now()).toISOString().slice(11, 19)]);
      },
    });
    rule();
    const put = (name: string) => call("PutEvents", { Entries: [{ ...ENTRY, Detail: JSON.stringify({ name }) }] });
    {
      using _ = events.disturb({
        copies: (event) => (event.detail.name === "first" ? 2 : 1),
        delayMs: (event, copy) => (event.detail.name === "first" ? 60_000 + copy * 3_600_000 : 0),
      });
      put("first");
      put("second");
    }
    put("third");
    await events.idle();
    expect(arrived).toEqual([
      ["second", "00:00:00"],
      ["third", "00:00:00"],
      ["first", "00:01:00"],
      ["first", "01:01:00"],
    ]);
  });

  test("leaves its dead letters in the queue of their target", async () => {
    const { events, call, rule } = account({ deliver: () => Promise.reject(named("AccessDeniedException")) });
    const queue = (name: string) => `arn:aws:sqs:eu-west-1:123456789012:${name}`;
    rule("one", {}, { DeadLetterConfig: { Arn: queue("one") } });
    rule("two", {}, { DeadLetterConfig: { Arn: queue("two") } });
    rule("none");
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(events.deadLetters()).toHaveLength(3);
    const inQueue = events.deadLetters(queue("two"));
    expect(inQueue).toEqual([expect.objectContaining({ queueArn: queue("two"), ERROR_CODE: "NO_PERMISSIONS" })]);
    expect(inQueue[0]?.RULE_ARN).toMatch(/rule\/two$/);
    expect(events.deadLetters(queue("three"))).toEqual([]);
  });

  test("ends with stop, between two tries and before the first", async () => {
    const tries: string[] = [];
    const { events, call, rule } = account({
      async deliver() {
        tries.push("try");
        events.stop();
        throw new Error("down");
      },
    });
    rule();
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(tries).toEqual(["try"]);
    expect(events.deadLetters()).toEqual([]);
  });

  test("leaves CloudTrail's read-only events to rules that ask for them", async () => {
    const { events, rule, delivered } = account();
    const EventPattern = '{"source":["aws.secretsmanager"]}';
    rule("plain", { EventPattern });
    rule("all", { EventPattern, State: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" }, { Id: "all" });
    const put = (readOnly: boolean) =>
      events.put({ source: "aws.secretsmanager", detailType: "AWS API Call via CloudTrail", detail: { readOnly } });
    put(true);
    await events.idle();
    expect(delivered.map((each) => each.target.Id)).toEqual(["all"]);
    put(false);
    await events.idle();
    expect(delivered.map((each) => each.target.Id)).toEqual(["all", "dispatch", "all"]);
  });
});

describe("buses", () => {
  test("the default bus is there, others are created once", () => {
    const { call } = account();
    const Arn = "arn:aws:events:eu-west-1:123456789012:event-bus/rotation";
    expect(call("ListRules", {})).toEqual({ Rules: [] });
    expect(() => call("ListRules", { EventBusName: "rotation" })).toThrow(
      refusal("ResourceNotFoundException", "Event bus rotation does not exist."),
    );
    expect(call("CreateEventBus", { Name: "rotation" })).toEqual({ EventBusArn: Arn });
    expect(call("ListRules", { EventBusName: Arn })).toEqual({ Rules: [] });
    expect(() => call("CreateEventBus", { Name: "rotation" })).toThrow(
      refusal("ResourceAlreadyExistsException", "Event bus rotation already exists."),
    );
    expect(() => call("CreateEventBus", { Name: "a/b" })).toThrow(refusal("ValidationException"));
  });
});

describe("rules", () => {
  test("are listed as they were put, and put again without losing their targets", async () => {
    const { events, call, rule, delivered } = account();
    rule("orders", { Description: "old" });
    expect(call("PutRule", { Name: "orders", EventPattern: PATTERN, State: "DISABLED" })).toEqual({
      RuleArn: RULE_ARN,
    });
    const described = {
      Name: "orders",
      Arn: RULE_ARN,
      EventPattern: PATTERN,
      State: "DISABLED",
      EventBusName: "default",
    };
    expect(call("ListRules", { NamePrefix: "ord" })).toEqual({ Rules: [described] });
    call("PutRule", { Name: "orders", EventPattern: PATTERN });
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(delivered.map((each) => each.target)).toEqual([{ Id: "dispatch", Arn: FUNCTION }]);
    call("CreateEventBus", { Name: "rotation" });
    expect(call("PutRule", { Name: "orders", EventPattern: PATTERN, EventBusName: "rotation" })).toEqual({
      RuleArn: "arn:aws:events:eu-west-1:123456789012:rule/rotation/orders",
    });
  });

  test("need a valid name, state and pattern", () => {
    const { call } = account();
    const put = (input: object) => () => call("PutRule", { Name: "orders", EventPattern: PATTERN, ...input });
    expect(put({ Name: "a b" })).toThrow(refusal("ValidationException", "'name'"));
    expect(put({ Name: "a".repeat(65) })).toThrow(refusal("ValidationException", "64"));
    expect(put({ State: "ON" })).toThrow(refusal("ValidationException", "'state'"));
    expect(put({ EventPattern: undefined })).toThrow(refusal("ValidationException", "must be specified"));
    expect(put({ EventPattern: '{"source":"shop"}' })).toThrow(refusal("InvalidEventPatternException", '"source"'));
    expect(put({ EventPattern: JSON.stringify({ a: ["x".repeat(2048)] }) })).toThrow(refusal("LimitExceededException"));
    expect(put({ EventBusName: "none" })).toThrow(refusal("ResourceNotFoundException"));
  });

  test("take five targets, replaced by Id, all or none", async () => {
    const { events, call, rule, delivered } = account();
    rule();
    const target = (index: number) => ({ Id: `t${index}`, Arn: FUNCTION });
    const put = (Targets: unknown) => () => call("PutTargets", { Rule: "orders", Targets });
    expect(put([1, 2, 3, 4, 5].map(target))).toThrow(refusal("LimitExceededException"));
    expect(put([1, 2, 3, 4].map(target))()).toEqual({ FailedEntryCount: 0, FailedEntries: [] });
    expect(put([{ ...target(4), Input: "1" }])()).toEqual({ FailedEntryCount: 0, FailedEntries: [] });
    expect(put([{ ...target(1), Input: "{" }])).toThrow(refusal("ValidationException", "JSON syntax error"));
    expect(put([{ ...target(1), Arn: "dispatch" }])).toThrow(refusal("ValidationException", "Provided Arn"));
    expect(put([{ ...target(1), InputPath: "$.detail" }])).toThrow(refusal("ValidationException", "InputPath"));
    expect(put([{ ...target(1), RetryPolicy: { MaximumRetryAttempts: 186 } }])).toThrow(refusal("ValidationException"));
    expect(put([{ ...target(1), RetryPolicy: { MaximumEventAgeInSeconds: 59 } }])).toThrow(
      refusal("ValidationException"),
    );
    expect(() => call("PutTargets", { Rule: "none", Targets: [target(1)] })).toThrow(
      refusal("ResourceNotFoundException", "Rule none does not exist on EventBus default."),
    );
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    expect(delivered.map((each) => each.target.Id)).toEqual(["dispatch", "t1", "t2", "t3", "t4"]);
    expect(delivered[4]).toEqual({ target: { ...target(4), Input: "1" }, event: 1 });
  });
});

/** A promise that its owner resolves. */
class Gate {
  resolve: () => void = () => {};
  readonly promise = new Promise<void>((resolve) => {
    this.resolve = resolve;
  });
}

describe("TestEventPattern", () => {
  const whole = {
    id: "1",
    account: "1",
    source: "shop",
    time: "2026-01-01T00:00:00Z",
    region: "r",
    "detail-type": "t",
  };

  test("answers for one event", () => {
    const { call } = account();
    const ask = (event: object) => call("TestEventPattern", { EventPattern: PATTERN, Event: JSON.stringify(event) });
    expect(ask(whole)).toEqual({ Result: true });
    expect(ask({ ...whole, source: "other" })).toEqual({ Result: false });
  });

  test("refuses what is no event", () => {
    const { call } = account();
    const { source: _, ...incomplete } = whole;
    for (const Event of ["text", "[]", JSON.stringify(incomplete)]) {
      expect(() => call("TestEventPattern", { EventPattern: PATTERN, Event })).toThrow(
        refusal("ValidationException", "Parameter Event is not valid."),
      );
    }
  });
});

describe("a schedule", () => {
  const HOUR = 3_600_000;
  function scheduled() {
    const clock = new VirtualClock({ start: "2026-01-01T00:30:00Z" });
    const parts = account({ clock });
    const times = () => parts.events.seen().map((event) => event.time.slice(11, 16));
    const rule = (ScheduleExpression: string, target: object = {}) => {
      parts.call("PutRule", { Name: "hourly", ScheduleExpression });
      parts.call("PutTargets", { Rule: "hourly", Targets: [{ Id: "reconcile", Arn: FUNCTION, ...target }] });
    };
    return { ...parts, clock, times, rule };
  }

  test("fires as the clock passes it, in AWS's shape, and nobody waits for it", async () => {
    const { events, rule, clock, delivered, times } = scheduled();
    rule("cron(0 * * * ? *)");
    await events.idle();
    expect(clock.now()).toBe(Date.parse("2026-01-01T00:30:00Z"));
    await clock.advance(2 * HOUR);
    await events.idle();
    expect(times()).toEqual(["01:00", "02:00"]);
    expect(delivered[0]?.event).toEqual({
      version: "0",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: "123456789012",
      time: "2026-01-01T01:00:00Z",
      region: "eu-west-1",
      resources: ["arn:aws:events:eu-west-1:123456789012:rule/hourly"],
      detail: {},
    });
    expect(events.seen()).toEqual(delivered.map(({ event }) => ({ ...(event as object), bus: "default" })));
  });

  test("of a rate begins when the rule is put, and gives the target its own input", async () => {
    const { events, rule, clock, delivered, times } = scheduled();
    rule("rate(2 hours)", { Input: '{"sweep":true}' });
    await clock.advance(4 * HOUR);
    await events.idle();
    expect(times()).toEqual(["02:30", "04:30"]);
    expect(delivered.map(({ event }) => event)).toEqual([{ sweep: true }, { sweep: true }]);
  });

  test("does not fire while its rule is disabled, nor after it was replaced or deleted, nor after stop", async () => {
    const { events, call, rule, clock, times } = scheduled();
    rule("rate(1 hour)");
    call("DisableRule", { Name: "hourly" });
    expect(call("DescribeRule", { Name: "hourly" })).toMatchObject({ State: "DISABLED" });
    await clock.advance(HOUR);
    call("EnableRule", { Name: "hourly" });
    await clock.advance(HOUR);
    await events.idle();
    expect(times()).toEqual(["02:30"]);

    rule("cron(0 12 * * ? *)");
    await clock.advance(10 * HOUR);
    await events.idle();
    expect(times()).toEqual(["02:30", "12:00"]);

    expect(() => call("DeleteRule", { Name: "hourly" })).toThrow(refusal("ValidationException", "has targets"));
    expect(call("RemoveTargets", { Rule: "hourly", Ids: ["reconcile", "other"] })).toEqual({
      FailedEntryCount: 1,
      FailedEntries: [expect.objectContaining({ TargetId: "other", ErrorCode: "ResourceNotFoundException" })],
    });
    call("DeleteRule", { Name: "hourly" });
    expect(call("DeleteRule", { Name: "hourly" })).toEqual({});
    expect(() => call("DescribeRule", { Name: "hourly" })).toThrow(refusal("ResourceNotFoundException"));
    await clock.advance(48 * HOUR);
    rule("rate(1 minute)");
    events.stop();
    await clock.advance(HOUR);
    await events.idle();
    expect(times()).toHaveLength(2);
  });

  test("can share a rule with a pattern, and is described with it", async () => {
    const { events, call, clock, delivered } = scheduled();
    const ScheduleExpression = "rate(1 day)";
    const { RuleArn } = call("PutRule", { Name: "both", EventPattern: PATTERN, ScheduleExpression, Description: "d" });
    const Targets = [{ Id: "a", Arn: FUNCTION }];
    call("PutTargets", { Rule: "both", Targets });
    call("PutEvents", { Entries: [ENTRY] });
    await events.idle();
    await clock.advance(24 * HOUR);
    await events.idle();
    expect(delivered.map(({ event }) => (event as BusEvent).source)).toEqual(["shop", "aws.events"]);
    const described = { Name: "both", Arn: RuleArn, State: "ENABLED", EventBusName: "default", Description: "d" };
    const answer = { ...described, EventPattern: PATTERN, ScheduleExpression };
    expect(call("DescribeRule", { Name: "both" })).toEqual({ ...answer, CreatedBy: "123456789012" });
    expect(call("ListRules", {})).toEqual({ Rules: [answer] });
    expect(call("ListTargetsByRule", { Rule: "both" })).toEqual({ Targets });
  });

  test("must be one, and on the default bus", () => {
    const { call } = account();
    call("CreateEventBus", { Name: "rotation" });
    const put = (input: object) => () => call("PutRule", { Name: "r", ScheduleExpression: "rate(1 day)", ...input });
    expect(put({ ScheduleExpression: "rate(1 days)" })).toThrow(
      refusal("ValidationException", "Parameter ScheduleExpression is not valid."),
    );
    expect(put({ EventBusName: "rotation" })).toThrow(refusal("ValidationException", "only on the default event bus"));
  });
});
