import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Clock } from "../../local/clock.ts";
import type { Operation } from "../../local/services/service.ts";
import { createSns } from "../../local/services/sns.ts";

const TOPIC = "arn:aws:sns:eu-west-1:123456789012:rotation-events";

function account() {
  const sleeps: number[] = [];
  let now = Date.parse("2026-01-02T03:04:05.678Z");
  const clock: Clock = {
    now: () => now,
    async sleep(milliseconds, _kind, signal) {
      if (signal?.aborted) return false;
      sleeps.push(milliseconds);
      now += milliseconds;
      await turn();
      return true;
    },
    track: (work) => work,
  };
  const options = { region: "eu-west-1", accountId: "123456789012", clock, endpoint: () => "http://127.0.0.1:4566/" };
  const sns = createSns(options);
  // biome-ignore lint/suspicious/noExplicitAny: an answer is whatever the operation returns
  const call = (operation: string, input: object): any => (sns.operations[operation] as Operation)(input);
  call("CreateTopic", { Name: "rotation-events" });
  const publish = (input: object) => call("Publish", { TopicArn: TOPIC, Message: "hello", ...input });
  return { sns, call, publish, sleeps };
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** An HTTP endpoint on this machine that answers with the given statuses, the last one for ever. */
async function endpoint(...statuses: number[]) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    received.push({ headers: request.headers, text });
    const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200;
    response.writeHead(status).end("answer");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { received, url, bodies: () => received.map((each) => JSON.parse(each.text)) };
}

async function confirmed(attributes: object = {}, ...statuses: number[]) {
  const here = account();
  const hook = await endpoint(200, ...statuses);
  const subscription = { TopicArn: TOPIC, Protocol: "http", Endpoint: hook.url, Attributes: attributes };
  here.call("Subscribe", subscription);
  await here.sns.idle();
  const { Token } = hook.bodies()[0];
  const { SubscriptionArn } = here.call("ConfirmSubscription", { TopicArn: TOPIC, Token });
  hook.received.length = 0;
  return { ...here, ...hook, SubscriptionArn, subscription, Token };
}

const refusal = (name: string, message = "") =>
  expect.objectContaining({ name, message: expect.stringContaining(message) });

describe("topics", () => {
  test("are created once, with the same attributes again", () => {
    const { call } = account();
    const create = (Attributes?: object) => call("CreateTopic", { Name: "email", Attributes });
    const TopicArn = "arn:aws:sns:eu-west-1:123456789012:email";
    expect(create({ DisplayName: "Rotor" })).toEqual({ TopicArn });
    expect(create({ DisplayName: "Rotor" })).toEqual({ TopicArn });
    expect(create()).toEqual({ TopicArn });
    expect(() => create({ DisplayName: "Other" })).toThrow(refusal("InvalidParameter", "different attributes"));
  });

  test.each(["", "a b", "a.b", "a".repeat(257), "orders.fifo"])("have no name like %j", (Name) => {
    const { call } = account();
    expect(() => call("CreateTopic", { Name })).toThrow(refusal("InvalidParameter", "Invalid parameter: Topic Name"));
  });

  test("that do not exist are NotFound, and an ARN that is none is InvalidParameter", () => {
    const { call, publish } = account();
    const missing = refusal("NotFound", "Topic does not exist");
    for (const operation of ["Subscribe", "ConfirmSubscription"]) {
      expect(() => call(operation, { TopicArn: `${TOPIC}x` })).toThrow(missing);
    }
    expect(() => publish({ TopicArn: `${TOPIC}x` })).toThrow(missing);
    expect(() => publish({ TopicArn: "topic" })).toThrow(
      refusal("InvalidParameter", "TopicArn Reason: An ARN must have at least 6 elements, not 1"),
    );
    expect(() => publish({ TopicArn: undefined })).toThrow(refusal("InvalidParameter", "no value for required"));
  });
});

describe("Publish", () => {
  test("puts the message into the inbox, by topic", () => {
    const { sns, call, publish } = account();
    const { TopicArn } = call("CreateTopic", { Name: "email" });
    const MessageAttributes = { outcome: { DataType: "String", StringValue: "SUCCEEDED" } };
    const { MessageId } = publish({ Subject: "Rotated", MessageAttributes });
    publish({ TopicArn: undefined, TargetArn: TopicArn, Message: "second" });
    const message = {
      MessageId,
      TopicArn: TOPIC,
      Subject: "Rotated",
      Message: "hello",
      MessageAttributes,
      Timestamp: "2026-01-02T03:04:05.678Z",
    };
    expect(sns.inbox(TOPIC)).toEqual([message]);
    expect(sns.inbox().map((each) => each.Message)).toEqual(["hello", "second"]);
  });

  test("takes a subject of 1 to 99 characters in one line", () => {
    const { publish } = account();
    const refused = refusal("InvalidParameter", "Invalid parameter: Subject");
    expect(publish({ Subject: "ü".repeat(99) }).MessageId).toBeDefined();
    for (const Subject of ["", "x".repeat(100), "two\nlines", "tab\t", "bell\u0007"]) {
      expect(() => publish({ Subject })).toThrow(refused);
    }
  });

  test("takes 262,144 bytes, attributes counted with their names and types, and not one more", () => {
    const { publish } = account();
    const MessageAttributes = { key: { DataType: "String", StringValue: "é" } };
    const bytes = 3 + 6 + 2;
    expect(publish({ Message: "x".repeat(262_144) }).MessageId).toBeDefined();
    expect(publish({ Message: "x".repeat(262_144 - bytes), MessageAttributes }).MessageId).toBeDefined();
    const tooLong = refusal("InvalidParameter", "Invalid parameter: Message too long");
    expect(() => publish({ Message: "x".repeat(262_145) })).toThrow(tooLong);
    expect(() => publish({ Message: "x".repeat(262_145 - bytes), MessageAttributes })).toThrow(tooLong);
    expect(() => publish({ Message: "" })).toThrow(refusal("InvalidParameter", "Empty message"));
  });

  test("refuses attributes that are not of their type", () => {
    const { publish } = account();
    const asked = (name: string, DataType: string, StringValue?: string) => () =>
      publish({ MessageAttributes: { [name]: { DataType, StringValue } } });
    expect(asked("n", "Number.int", "-1.5e3")().MessageId).toBeDefined();
    expect(asked("a", "String.Array", '["x",1,true,null]')().MessageId).toBeDefined();
    const refused = refusal("ParameterValueInvalid");
    expect(asked("n", "Number", "many")).toThrow(refused);
    expect(asked("a", "String.Array", "x")).toThrow(refused);
    expect(asked("a", "String.Array", "[[1]]")).toThrow(refused);
    expect(asked("s", "String", "")).toThrow(refused);
    expect(asked("s", "String")).toThrow(refused);
    expect(asked("s", "Text", "x")).toThrow(refused);
    expect(asked("b", "Binary", "eA==")).toThrow(refused);
    for (const name of ["a b", "AWS.x", ".x", "x.", "a..b"]) expect(asked(name, "String", "x")).toThrow(refused);
  });

  test("picks the body by protocol when the message structure is JSON, and sends no attributes then", () => {
    const { sns, publish } = account();
    const MessageAttributes = { key: { DataType: "String", StringValue: "x" } };
    publish({ Message: '{"default":"d","http":"h"}', MessageStructure: "json", MessageAttributes });
    expect(sns.inbox()).toEqual([expect.objectContaining({ Message: "d", MessageAttributes: {} })]);
    const refused = (Message: string) => () => publish({ Message, MessageStructure: "json" });
    expect(refused("text")).toThrow(refusal("InvalidParameter", "JSON message body failed to parse"));
    expect(refused('{"http":"h"}')).toThrow(refusal("InvalidParameter", "No default entry in JSON message body"));
    expect(refused('{"default":1}')).toThrow(refusal("InvalidParameter", "No default entry in JSON message body"));
    expect(() => publish({ MessageStructure: "xml" })).toThrow(refusal("InvalidParameter", "MessageStructure"));
  });

  test("says nothing of the message in any refusal", () => {
    const { publish } = account();
    const canary = "CANARY-5e1f";
    fc.assert(
      fc.property(fc.constantFrom("Subject", "Message", "StringValue"), fc.string(), (place, text) => {
        const dirty = `${canary}\n${text}`;
        const attribute = { DataType: "Number", StringValue: place === "StringValue" ? dirty : "1" };
        const input = { Subject: place === "Subject" ? dirty : "s", MessageAttributes: { n: attribute } };
        const Message = place === "Message" ? dirty.padEnd(262_145) : "m";
        try {
          publish({ ...input, Message });
          expect.fail("was accepted");
        } catch (error) {
          expect(String(error)).toMatch(/InvalidParameter|ParameterValueInvalid/);
          expect(String(error)).not.toContain(canary);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("subscriptions", () => {
  test("over HTTP are pending until the token they were sent is confirmed", async () => {
    const { sns, call, publish } = account();
    const { received, bodies, url } = await endpoint(200);
    const subscription = { TopicArn: TOPIC, Protocol: "http", Endpoint: url };
    expect(call("Subscribe", subscription)).toEqual({ SubscriptionArn: "pending confirmation" });
    await sns.idle();
    publish({});
    await sns.idle();
    expect(received).toHaveLength(1);
    expect(received[0]?.headers).toMatchObject({
      "content-type": "text/plain; charset=UTF-8",
      "x-amz-sns-message-type": "SubscriptionConfirmation",
      "x-amz-sns-topic-arn": TOPIC,
    });
    const [body] = bodies();
    expect(body).toMatchObject({ Type: "SubscriptionConfirmation", TopicArn: TOPIC, Token: expect.any(String) });
    const link = new URL(body.SubscribeURL);
    expect(link.origin).toBe("http://127.0.0.1:4566");
    expect(Object.fromEntries(link.searchParams)).toEqual({
      Action: "ConfirmSubscription",
      TopicArn: TOPIC,
      Token: body.Token,
    });
    const confirm = (Token: string) => call("ConfirmSubscription", { TopicArn: TOPIC, Token });
    expect(() => confirm("wrong")).toThrow(refusal("InvalidParameter", "Invalid parameter: Token"));
    const { SubscriptionArn } = confirm(body.Token);
    expect(confirm(body.Token)).toEqual({ SubscriptionArn });
    expect(call("Subscribe", subscription)).toEqual({ SubscriptionArn });
    publish({});
    await sns.idle();
    expect(received.map(({ headers }) => headers["x-amz-sns-message-type"])).toEqual([
      ...["SubscriptionConfirmation", "Notification"],
    ]);
  });

  test("of other protocols are confirmed at once and read from the inbox", () => {
    const { sns, call, publish } = account();
    const subscribe = (more: object) => () =>
      call("Subscribe", { TopicArn: TOPIC, Protocol: "email", Endpoint: "ops@example.com", ...more });
    expect(subscribe({})().SubscriptionArn).toMatch(new RegExp(`^${TOPIC}:[0-9a-f-]{36}$`));
    publish({});
    expect(sns.inbox()).toHaveLength(1);
    expect(subscribe({ Protocol: "fax" })).toThrow(refusal("InvalidParameter", "does not support this protocol"));
    expect(subscribe({ Endpoint: "" })).toThrow(refusal("InvalidParameter", "Endpoint"));
    expect(subscribe({ Protocol: "https", Endpoint: "http://x" })).toThrow(refusal("InvalidParameter", "Endpoint"));
    expect(subscribe({ Protocol: "http", Endpoint: "http://u:p@x" })).toThrow(refusal("InvalidParameter", "Endpoint"));
    expect(subscribe({ Attributes: { DeliveryPolicy: "{}" } })).toThrow(refusal("InvalidParameter", "AttributeName"));
    const FilterPolicy = '{"a":["x"]}';
    expect(subscribe({ Attributes: { FilterPolicy } })).toThrow(refusal("InvalidParameter", "different attributes"));
  });
});

describe("an HTTP endpoint", () => {
  test("receives AWS's notification with its headers", async () => {
    const { sns, publish, received, bodies, SubscriptionArn } = await confirmed();
    const MessageAttributes = { outcome: { DataType: "String", StringValue: "SUCCEEDED" } };
    const { MessageId } = publish({ Subject: "Rotated", MessageAttributes });
    expect(received).toEqual([]);
    await sns.idle();
    expect(received[0]?.headers).toMatchObject({
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": MessageId,
      "x-amz-sns-topic-arn": TOPIC,
      "x-amz-sns-subscription-arn": SubscriptionArn,
    });
    expect(bodies()).toEqual([
      {
        Type: "Notification",
        MessageId,
        TopicArn: TOPIC,
        Subject: "Rotated",
        Message: "hello",
        Timestamp: "2026-01-02T03:04:05.678Z",
        SignatureVersion: "1",
        Signature: "",
        SigningCertURL: "",
        UnsubscribeURL: "",
        MessageAttributes: { outcome: { Type: "String", Value: "SUCCEEDED" } },
      },
    ]);
  });

  test("receives the bare message if it asked for raw delivery, and the body for its protocol", async () => {
    const { sns, publish, received } = await confirmed({ RawMessageDelivery: "true" });
    publish({ Message: '{"default":"d","http":"h"}', MessageStructure: "json" });
    await sns.idle();
    expect(received).toEqual([expect.objectContaining({ text: "h" })]);
    expect(received[0]?.headers["x-amz-sns-rawdelivery"]).toBe("true");
  });

  test("is tried again, 20 s later, after a failure of its own", async () => {
    const { sns, publish, received, sleeps } = await confirmed({}, 500, 429, 200);
    publish({});
    await sns.idle();
    expect(received).toHaveLength(3);
    expect(sleeps).toEqual([20_000, 20_000]);
    expect(sns.undelivered()).toEqual([]);
  });

  test("is given up after four tries, and at once when it refuses", async () => {
    const broken = await confirmed({}, 503);
    broken.publish({});
    await broken.sns.idle();
    expect(broken.received).toHaveLength(4);
    expect(broken.sns.undelivered()).toEqual([expect.objectContaining({ Endpoint: broken.url, Reason: "503" })]);
    const refusing = await confirmed({}, 403);
    refusing.publish({});
    await refusing.sns.idle();
    expect(refusing.received).toHaveLength(1);
    expect(refusing.sns.undelivered()).toEqual([expect.objectContaining({ Reason: "403" })]);
  });

  test("that nobody answers at does not stop the publisher", async () => {
    const { sns, call, publish } = account();
    call("Subscribe", { TopicArn: TOPIC, Protocol: "http", Endpoint: "http://127.0.0.1:1/" });
    expect(publish({}).MessageId).toBeDefined();
    await sns.idle();
    expect(sns.undelivered()).toEqual([expect.objectContaining({ Endpoint: "http://127.0.0.1:1/" })]);
  });

  test("receives nothing after stop", async () => {
    const { sns, publish, received } = await confirmed();
    publish({});
    sns.stop();
    await sns.idle();
    publish({});
    await sns.idle();
    expect(received).toEqual([]);
    expect(sns.undelivered()).toEqual([]);
  });
});

describe("a filter policy", () => {
  const attribute = (DataType: string, StringValue: string) => ({ DataType, StringValue });

  test.each([
    ['{"outcome":["ROLLED_BACK",{"prefix":"NOT_"}]}', { outcome: attribute("String", "NOT_CONVERGED") }, true],
    ['{"outcome":["ROLLED_BACK"]}', { outcome: attribute("String", "SUCCEEDED") }, false],
    ['{"outcome":["ROLLED_BACK"]}', {}, false],
    ['{"outcome":[{"exists":false}]}', {}, true],
    ['{"attempt":[{"numeric":[">",2]}]}', { attempt: attribute("Number", "3") }, true],
    ['{"attempt":["3"]}', { attempt: attribute("Number", "3") }, false],
    ['{"dependents":["web"]}', { dependents: attribute("String.Array", '["api","web"]') }, true],
    ['{"dependents":[{"anything-but":["api","web"]}]}', { dependents: attribute("String.Array", '["api"]') }, false],
    ["{}", {}, true],
  ])("%s, given %j: %s", async (FilterPolicy, MessageAttributes, expected) => {
    const { sns, publish, received } = await confirmed({ FilterPolicy });
    publish({ MessageAttributes });
    await sns.idle();
    expect(received).toHaveLength(expected ? 1 : 0);
    expect(sns.inbox()).toHaveLength(1);
  });

  test("of an email subscription decides what is received there", () => {
    const { sns, call, publish } = account();
    const subscribe = (Endpoint: string, Attributes?: object) =>
      call("Subscribe", { TopicArn: TOPIC, Protocol: "email", Endpoint, Attributes }).SubscriptionArn;
    const all = subscribe("all@example.com");
    const some = subscribe("some@example.com", { FilterPolicy: '{"outcome":[{"anything-but":"SUCCEEDED"}]}' });
    publish({ Message: "one", MessageAttributes: { outcome: attribute("String", "SUCCEEDED") } });
    publish({ Message: "two", MessageAttributes: { outcome: attribute("String", "ROLLED_BACK") } });
    expect(sns.received(all).map((each) => each.Message)).toEqual(["one", "two"]);
    expect(sns.received(some).map((each) => each.Message)).toEqual(["two"]);
    expect(sns.received("arn:aws:sns:eu-west-1:123456789012:nobody:1")).toEqual([]);
  });

  test("can be about the body", async () => {
    const Attributes = { FilterPolicy: '{"detail":{"outcome":["SUCCEEDED"]}}', FilterPolicyScope: "MessageBody" };
    const { sns, publish, bodies } = await confirmed(Attributes);
    publish({ Message: "no JSON" });
    publish({ Message: '{"detail":{"outcome":"REJECTED"}}' });
    publish({ Message: '{"detail":{"outcome":"SUCCEEDED"}}' });
    await sns.idle();
    expect(bodies().map((body) => body.Message)).toEqual(['{"detail":{"outcome":"SUCCEEDED"}}']);
  });

  test.each([
    ["no JSON", "FilterPolicy: failed to parse JSON."],
    ['{"a":"x"}', 'FilterPolicy: "a" must be an object or an array'],
    ['{"a":[{"is":"x"}]}', "FilterPolicy: Unrecognized match type is"],
    ['{"a":{"b":["x"]}}', "does not support nested filter policy"],
    ['{"a":["x"],"b":["x"],"c":["x"],"d":["x"],"e":["x"],"f":["x"]}', "can not have more than 5 keys"],
    [JSON.stringify({ a: Array(13).fill("x"), b: Array(12).fill("x") }), "Filter policy is too complex"],
  ])("%s is refused", (FilterPolicy, reason) => {
    const { call } = account();
    const input = { TopicArn: TOPIC, Protocol: "email", Endpoint: "ops@example.com" };
    expect(() => call("Subscribe", { ...input, Attributes: { FilterPolicy } })).toThrow(
      refusal("InvalidParameter", reason),
    );
    // Were it there, the same endpoint with other attributes would be refused.
    const Attributes = { FilterPolicy: '{"a":["x"]}' };
    expect(call("Subscribe", { ...input, Attributes }).SubscriptionArn).toMatch(TOPIC);
  });
});
