import { randomUUID } from "node:crypto";
import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsCommandOutput,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EVENT_SOURCE } from "../../core/blueprint.ts";
import { INCIDENT_DETECTED, REQUESTS } from "../../core/events.ts";
import { deriveToken, executionName, type RequestKind, repairName } from "../../core/identity.ts";
import { normaliseEvent } from "../../core/normalise-event.ts";
import { DETAIL_TYPES } from "../../core/notifications/names.ts";
import { executionsOf } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { startWorld, type World } from "../support/world.ts";
import { counted } from "./payloads.ts";

/** Every type of event that a rule takes, and one that none takes. */
const TYPES = [
  ...REQUESTS,
  ...Object.values(DETAIL_TYPES),
  INCIDENT_DETECTED,
  "AWS Service Event via CloudTrail",
  "AWS API Call via CloudTrail",
  "Secret Label Updated",
  "Step Functions Execution Status Change",
  "Scheduled Event",
  "Nothing Known",
];
const BUSES = ["rotation", "default"];
const SOURCES = ["test", EVENT_SOURCE, "secretsmanager", "AWS.secretsmanager", "aws", "rotor.rotation "];

const lists = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
/** Details as texts: some could not be written as values. */
const details = ({ arn, name, firstVersion }: Situation): Readonly<Record<string, string>> => {
  const ids = `"secretId":"${name}","expectedVersionId":"${firstVersion}","token":"${firstVersion}"`;
  return {
    "a key of the prototype's": `{"__proto__":{${ids},"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}`,
    "1,000 levels": `{${ids},"reason":${lists(999)}}`,
    "250 KB": `{"reason":"${"x".repeat(250_000)}"}`,
    "20,000 fields": `{${Array.from({ length: 20_000 }, (_, n) => `"f${n}":0`).join()}}`,
    "a forged place": `{"account":"210987654321","region":"eu-west-9","additionalEventData":{"SecretId":"${arn}"},"eventName":"RotationFailed"}`,
  };
};

let world: World;
let secret: Situation;
let put = 0;
beforeAll(async () => {
  world = await startWorld();
  secret = await situation(world, { mode: "driven" });
});
afterAll(async () => {
  counted("forged events", { types: TYPES.length, sources: SOURCES.length, buses: BUSES.length, events: put });
  await world[Symbol.asyncDispose]();
});

describe.each(["a key of the prototype's", "1,000 levels", "250 KB", "20,000 fields", "a forged place"])(
  "an event with %s",
  (what) => {
    test("of any type, source and bus is taken by the bus, starts nothing, moves nothing, is told to nobody, and breaks no function", async () => {
      const before = await seen();
      const since = world.account.calls().length;
      const Detail = details(secret)[what] ?? "";
      const isLarge = Detail.length > 100_000;
      // Large ones are slow: one source that is believed in something, and one that is not.
      const sources = isLarge ? SOURCES.slice(0, 2) : SOURCES;
      for (const EventBusName of BUSES) {
        for (const Source of sources) {
          for (const DetailType of isLarge ? REQUESTS : TYPES) {
            const { FailedEntryCount } = await putEvent({ EventBusName, Source, DetailType, Detail });
            expect([EventBusName, Source, DetailType, FailedEntryCount]).toEqual([EventBusName, Source, DetailType, 0]);
          }
        }
      }
      await world.settled();

      const asked = REQUESTS.flatMap((type) => sources.map((source) => `${type} from ${source}`));
      expect(dispatched(since).sort()).toEqual(asked.sort());
      expect(madeBy("dispatch", since)).toEqual([]);
      expect(await seen()).toEqual(before);
      expect(broken()).toEqual([]);
    });
  },
);

test.each([1001, 100_000])(
  "an event that is nested %i levels deep is refused by the bus: no function is called",
  async (levels) => {
    const before = await seen();
    const since = world.account.calls().length;
    for (const EventBusName of BUSES) {
      for (const DetailType of REQUESTS) {
        const Detail = `{"reason":${lists(levels - 1)}}`;
        const { FailedEntryCount, Entries } = await putEvent({ EventBusName, Source: "test", DetailType, Detail });
        expect([FailedEntryCount, Entries?.[0]?.ErrorCode]).toEqual([1, "MalformedDetail"]);
      }
    }
    await world.settled();

    const calls = world.account.calls().slice(since);
    expect(calls.filter(({ operation }) => operation === "Invoke")).toEqual([]);
    expect(await seen()).toEqual(before);
  },
);

test("what is nested 100,000 levels deep is for dispatch a request with a wrong field, or nothing", () => {
  // No deeper than 1,000 levels gets through the embedded account: this is what dispatch does first with what it is called with.
  const { accountId: account, region } = world.account;
  const deep: unknown = JSON.parse(lists(100_000));
  const event = (source: string, type: string, detail: object) => {
    return { id: randomUUID(), source, "detail-type": type, account, region, detail, time: deep, resources: deep };
  };
  const ids = { secretId: secret.name, expectedVersionId: secret.firstVersion, token: secret.firstVersion };
  for (const type of REQUESTS) {
    const read = () => normaliseEvent(event("test", type, { ...ids, reason: deep }), { account, region });
    expect(read).toThrow(expect.objectContaining({ name: "EventInvalid" }));
    expect(read).toThrow("Field reason: must be a text, and is a list");
  }
  const detail = {
    additionalEventData: deep,
    responseElements: deep,
    requestParameters: deep,
    data: deep,
    rehearsal: deep,
  };
  for (const source of [EVENT_SOURCE, "aws.secretsmanager", "aws.states"]) {
    for (const type of TYPES.filter((each) => !(REQUESTS as readonly string[]).includes(each))) {
      expect(normaliseEvent(event(source, type, detail), { account, region })).toMatchObject({ kind: "ignored" });
    }
  }
});

describe("a request of which a field is in the prototype", () => {
  interface Prepared {
    readonly of: Situation;
    readonly detail: Readonly<Record<string, unknown>>;
    /** What the request starts, if it is one. */
    readonly starts: string;
  }
  const asked = (kind: RequestKind) => async (): Promise<Prepared> => {
    const of = await situation(world, { mode: "driven", policy: { rehearses: kind === "rehearsal" } });
    const expectedVersionId = of.firstVersion;
    const token = deriveToken(of.arn, expectedVersionId, 1, kind);
    return { of, detail: { secretId: of.name, expectedVersionId }, starts: executionName(of.arn, token) };
  };
  const repair = async (): Promise<Prepared> => {
    const of = await situation(world, { mode: "driven" });
    const token = await rotateOnce(world, of);
    return { of, detail: { secretId: of.name, token }, starts: repairName(executionName(of.arn, token), 1) };
  };

  test.each([
    ["Rotation Requested", "secretId", asked("ordinary")],
    ["Rotation Requested", "expectedVersionId", asked("ordinary")],
    ["Repair Requested", "secretId", repair],
    ["Repair Requested", "token", repair],
    ["Rehearsal Requested", "secretId", asked("rehearsal")],
    ["Rehearsal Requested", "expectedVersionId", asked("rehearsal")],
  ] as const)("%s lacks it and is refused by its name: %s", async (DetailType, field, prepare) => {
    const { of, detail, starts } = await prepare();
    const before = await executionsOf(world, of);
    const { [field]: value, ...rest } = detail;
    const lines = log("dispatch").length;

    await askText(DetailType, withPrototype(rest, { [field]: value }));

    expect(await executionsOf(world, of)).toEqual(before);
    const said = log("dispatch")
      .slice(lines)
      .filter(({ errorName }) => errorName === "EventInvalid");
    expect(said[0]?.["message"]).toContain(`Field ${field}: is missing`);
    expect(said.filter(({ message }) => String(message).includes("there is no field"))).toEqual([]);

    // It was nothing else that kept it from being one.
    await askText(DetailType, JSON.stringify(detail));
    expect(await executionsOf(world, of)).toContain(starts);
  });

  test("is the request without it: no emergency comes of it", async () => {
    const { of, detail, starts } = await asked("ordinary")();

    await askText("Rotation Requested", withPrototype(detail, { emergency: true }));

    expect(await executionsOf(world, of)).toEqual([starts]);
    expect(({} as Record<string, unknown>)["emergency"]).toBeUndefined();

    const emergency = await asked("emergency")();
    await askText("Rotation Requested", JSON.stringify({ ...emergency.detail, emergency: true }));
    expect(await executionsOf(world, emergency.of)).toEqual([emergency.starts]);
    expect(emergency.starts).not.toBe(
      executionName(emergency.of.arn, deriveToken(emergency.of.arn, emergency.of.firstVersion, 1)),
    );
  });
});

describe("the words of whoever asks", () => {
  const LIES = ["x\r\nlevel: ERROR", "\u001b[31mx", "x\u2028y\u202e", '","errorName":"none'];
  /** As a reader sees them: what breaks a line, or turns its direction, is a space or gone. */
  const SHOWN = ["x level: ERROR", "[31mx", "x y", '","errorName":"none'];

  /** Of old: what is young is looked at again, and said again. */
  async function askLong(DetailType: string, detail: object): Promise<string> {
    const Time = new Date(world.clock.now() - 5 * 60_000);
    const Detail = JSON.stringify(detail);
    const { Entries } = await putEvent({ EventBusName: "rotation", Source: "test", DetailType, Detail, Time });
    await world.settled();
    return Entries?.[0]?.EventId ?? "";
  }

  test.each(LIES)(
    "are two fields of one line of JSON in the log, and in no message where nothing is refused (%#)",
    async (lie) => {
      const told = world.account.sns.inbox().length;
      const id = await askLong("Rotation Requested", {
        secretId: secret.name,
        expectedVersionId: randomUUID(),
        requester: lie,
        reason: `because ${lie}`,
      });

      const lines = log("dispatch").filter(({ eventId, message }) => eventId === id && message === "called");
      expect(lines).toEqual([expect.objectContaining({ requester: lie, reason: `because ${lie}`, level: "INFO" })]);
      expectOneLineEach(lie);
      expect(world.account.sns.inbox()).toHaveLength(told);
    },
  );

  test.each(LIES.map((lie, index) => [lie, SHOWN[index] ?? ""]))(
    "of a request that is refused: the name is in its message, on one line, and the reason is not (%#)",
    async (lie, shown) => {
      const told = world.account.sns.inbox().length;
      const token = randomUUID();
      await askLong("Repair Requested", { secretId: secret.name, token, requester: lie, reason: `because ${lie}` });

      const [incident, ...others] = world.incidents().filter(({ rotation }) => rotation.token === token);
      expect(others).toEqual([]);
      expect(incident).toMatchObject({ kind: "request-refused", name: "ConfigurationInvalid" });
      expect(incident?.message).toContain(`that ${shown} asked for was refused`);
      const messages = world.account.sns.inbox().slice(told);
      expect(messages.map(({ TopicArn }) => TopicArn).sort()).toEqual(
        Object.values(world.deployment().topicArns).sort(),
      );
      for (const { Subject, Message } of messages) {
        // An e-mail has lines of its own, each of which begins with a label or is indented.
        const isJson = Message.startsWith("{");
        const texts = isJson ? textsOf(JSON.parse(Message)) : Message.split("\n");
        expect([...texts, Subject ?? ""].filter((text) => UNSEEN.test(text))).toEqual([]);
        expect(texts.filter((text) => /^\s*(level:|","errorName)/.test(text))).toEqual([]);
        expect(texts.join("\n")).not.toContain("because");
      }
      const lines = log("dispatch").filter(
        ({ requester, message, detailType }) =>
          requester === lie && message === "called" && detailType === "Repair Requested",
      );
      expect(lines).toHaveLength(1);
      expectOneLineEach(lie);
    },
  );

  /** Whoever reads the log by lines reads nothing else there. */
  function expectOneLineEach(lie: string): void {
    const lines = world.account.lambda.logs();
    const withIt = lines.filter(({ text }) => text.includes(JSON.stringify(lie).slice(1, -1)));
    expect(withIt.length).toBeGreaterThan(0);
    expect(withIt.filter(({ text }) => /\p{Cc}/u.test(text.trimEnd()))).toEqual([]);
    expect(lines.filter(({ text }) => /^(level: ERROR|","errorName)/.test(text))).toEqual([]);
    expect(log("dispatch").filter(({ errorName }) => errorName === "none")).toEqual([]);
  }
});

/** What no eye sees: controls, marks of format and of direction, separators of lines. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;

function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/** Built as a text: a literal would set a prototype. */
function withPrototype(detail: object, prototype: object): string {
  const fields = JSON.stringify(detail).slice(1, -1);
  return `{${fields}${fields === "" ? "" : ","}"__proto__":${JSON.stringify(prototype)}}`;
}

async function askText(DetailType: string, Detail: string): Promise<void> {
  const { FailedEntryCount } = await putEvent({ EventBusName: "rotation", Source: "test", DetailType, Detail });
  expect(FailedEntryCount).toBe(0);
  await world.settled();
}

function putEvent(entry: PutEventsRequestEntry): Promise<PutEventsCommandOutput> {
  put += 1;
  return eventBridge().send(new PutEventsCommand({ Entries: [entry] }));
}

/** The events that dispatch was called with since then. */
function dispatched(since: number): string[] {
  const calls = world.account
    .calls()
    .slice(since)
    .filter(({ operation, caller }) => operation === "Invoke" && caller === "events");
  return calls.flatMap(({ input }) => {
    const { FunctionName, Payload } = input as {
      FunctionName: string;
      Payload: { source: string; "detail-type": string };
    };
    return FunctionName.endsWith(":dispatch") ? [`${Payload["detail-type"]} from ${Payload.source}`] : [];
  });
}

/** What a function has asked AWS for since then. */
function madeBy(functionName: string, since: number): readonly string[] {
  const calls = world.account
    .calls()
    .slice(since)
    .filter(({ caller }) => caller === functionName);
  return calls.map(({ service, operation }) => `${service}:${operation}`);
}

function log(functionName: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = world.account.lambda
    .logs()
    .filter((line) => line.functionName === functionName && line.text.startsWith("{"));
  return lines.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
}

function broken(): readonly unknown[] {
  const lines = world.account.lambda
    .logs()
    .filter(({ text }) => /InternalError|RangeError|Maximum call stack/.test(text));
  return lines.map(({ functionName, text }) => [functionName, text.slice(0, 300)]);
}

/** What events could have changed. */
async function seen(): Promise<unknown> {
  return {
    labels: await world.labels(secret),
    executions: await executionsOf(world, secret),
    told: [world.notifications().length, world.incidents().length, world.account.sns.inbox().length],
    connections: secret.proxy.connections(),
  };
}

function eventBridge(): EventBridgeClient {
  const { endpoint, region } = world.account;
  return new EventBridgeClient({ endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } });
}
