import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { EVENT_SOURCE, ROTATION_BUS } from "../../core/blueprint.ts";
import { INCIDENT_DETECTED } from "../../core/events.ts";
import { type Incident, incidentId } from "../../core/incident.ts";
import { buildIncident } from "../../core/notifications/build-incident.ts";
import { buildPlain } from "../../core/notifications/plain.ts";
import { reportIncidents } from "../../core/report-incidents.ts";
import { type Account, startAccount } from "../../local/account.ts";
import { type Deployment, deploy } from "../../local/deploy.ts";
import { AwsError } from "../../local/services/service.ts";
import { INCIDENTS } from "./incidents.ts";

const incident = INCIDENTS["rotation-failed"] as Incident;
const STAGE = { stage: "local", errorRunbook: "https://runbooks.example.com/rotor/runbooks" };

let account: Account;
let deployment: Deployment;
let client: EventBridgeClient;
let before: number;

beforeAll(async () => {
  account = await startAccount({ region: "eu-west-1" });
  const environment = { notify: { ERROR_RUNBOOK_URL: STAGE.errorRunbook } };
  deployment = await deploy(account, { chat: true, config: [], bundles: inject("bundles"), environment });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new EventBridgeClient({ endpoint: account.endpoint, region: account.region, credentials });
});
afterAll(async () => {
  client.destroy();
  await account.close();
});
beforeEach(() => {
  before = account.sns.inbox().length;
});

const told = (topic: "events" | "email" | "chat") =>
  account.sns
    .inbox()
    .slice(before)
    .filter(({ TopicArn }) => TopicArn === deployment.topicArns[topic]);
const putEvents = () => account.calls().filter(({ operation }) => operation === "PutEvents");
const event = (detail: unknown) => ({
  id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
  source: EVENT_SOURCE,
  "detail-type": INCIDENT_DETECTED,
  resources: [incident.secretArn],
  detail,
});

describe("an incident on the rotation bus", () => {
  test("is told to machines and to people, with the same attributes, and is not put on the bus again", async () => {
    const calls = putEvents().length;
    await reportIncidents(client, ROTATION_BUS, [incident]);
    await account.idle();
    const message = buildIncident(incident, STAGE);
    expect(told("events").map(({ Message }) => JSON.parse(Message))).toEqual([message.json]);
    expect(told("email").map(({ Message, Subject }) => [Subject, Message])).toEqual([[message.subject, message.email]]);
    expect(told("chat").map(({ Message }) => Message)).toEqual([message.chat]);
    for (const { MessageAttributes } of [...told("events"), ...told("email"), ...told("chat")]) {
      const attributes = Object.entries(MessageAttributes ?? {}).map(([key, { StringValue }]) => [key, StringValue]);
      expect(Object.fromEntries(attributes)).toEqual(message.attributes);
    }
    expect(putEvents().length - calls).toBe(1);
  });

  test("reported again is told with the same id", async () => {
    const later = { ...incident, at: "2026-11-24T02:00:00.000Z", message: "It failed again." };
    await reportIncidents(client, ROTATION_BUS, [incident, later]);
    await account.idle();
    const ids = told("events").map(({ Message }) => (JSON.parse(Message) as { id: string }).id);
    expect(ids).toEqual([incidentId(incident), incidentId(incident)]);
  });
});

describe("reporting", () => {
  test("of many takes as few calls as EventBridge allows, and loses none", async () => {
    const calls = putEvents().length;
    const many = Array.from({ length: 23 }, (_, index) => ({ ...incident, token: `version-${index}` }));
    await reportIncidents(client, ROTATION_BUS, many);
    await account.idle();
    expect(putEvents().length - calls).toBe(3);
    const ids = told("events").map(({ Message }) => (JSON.parse(Message) as { id: string }).id);
    expect(new Set(ids)).toEqual(new Set(many.map(incidentId)));
  });

  test("of none calls nobody", async () => {
    const calls = putEvents().length;
    await reportIncidents(client, ROTATION_BUS, []);
    expect(putEvents().length).toBe(calls);
  });

  test("of what the bus does not take is an error that may be retried", async () => {
    using _ = account.intercept(({ operation, phase }) => {
      if (operation !== "PutEvents" || phase !== "before") return undefined;
      return { reply: { FailedEntryCount: 1, Entries: [{ EventId: "1" }, { ErrorCode: "ThrottlingException" }] } };
    });
    await expect(reportIncidents(client, ROTATION_BUS, [incident, incident])).rejects.toMatchObject({
      name: "ServiceUnavailable",
      message: "events:PutEvents to rotation did not take 1 of 2 incidents (ThrottlingException).",
    });
  });

  test("that is refused is an error with a name of ours", async () => {
    using _ = account.intercept(({ operation }) => {
      if (operation === "PutEvents") throw new AwsError("AccessDeniedException", "no");
    });
    await expect(reportIncidents(client, ROTATION_BUS, [incident])).rejects.toMatchObject({ name: "AccessDenied" });
  });
});

describe("an audience that cannot be reached costs no other one its message", () => {
  const report = {
    outcome: "REJECTED",
    execution: { arn: "arn:aws:states:eu-west-1:123456789012:execution:rotation:rot-1", name: "rot-1", startedAt: "" },
    plan: { secretArn: incident.secretArn, token: "c07e5b6a", mode: "native", labels: {} },
  };
  const denied = (topic: "events" | "email" | "chat") =>
    account.intercept(({ operation, phase, input }) => {
      if (operation !== "Publish" || phase !== "before") return;
      const { TopicArn } = input as { TopicArn?: string };
      if (TopicArn === deployment.topicArns[topic]) throw new AwsError("AuthorizationError", "no", 403);
    });

  test.each([
    ["email", "events"],
    ["events", "email"],
    ["chat", "email"],
  ] as const)("an outcome where the topic %s is denied", async (topic, other) => {
    using _ = denied(topic);
    const events = account.events.seen().length;
    const { Payload } = await account.lambda.invoke("notify", report);
    expect(Payload).toMatchObject({ errorType: "AccessDenied" });
    expect(told(topic)).toEqual([]);
    expect(told(other)).toHaveLength(1);
    const onBus = account.events.seen().slice(events);
    expect(onBus.map((each) => each["detail-type"])).toEqual(["Rotation Rejected"]);
  });

  test("an incident where the topic events is denied", async () => {
    using _ = denied("events");
    const { Payload } = await account.lambda.invoke("notify", event(incident));
    expect(Payload).toMatchObject({ errorType: "AccessDenied" });
    expect(told("email")).toHaveLength(1);
  });

  test("the error that may be repeated is the one that is told, so that all of it is", async () => {
    using _ = denied("events");
    using __ = account.intercept(({ operation, phase }) => {
      if (operation !== "PutEvents" || phase !== "before") return undefined;
      return { reply: { FailedEntryCount: 1, Entries: [{ ErrorCode: "InternalFailure" }] } };
    });
    const { Payload } = await account.lambda.invoke("notify", report);
    expect(Payload).toMatchObject({ errorType: "ServiceUnavailable" });
    expect(told("email")).toHaveLength(1);
  });
});

describe("an outcome whose report cannot be read", () => {
  const name = "rot-0123456789abcdef-c07e5b6a-0000-4000-8000-0000000000b2";
  const execution = { arn: `arn:aws:states:eu-west-1:123456789012:execution:rotation:${name}`, name };
  // As the workflow of another release might report it.
  const report = { outcome: "ROLLBACK_FAILED", execution, plan: { secret: "s3cr3t-value" }, failure: "s3cr3t-value" };

  test("is told to everybody in plain words, and rings its alarm", async () => {
    const { FunctionError, Payload } = await account.lambda.invoke("notify", report);
    expect([FunctionError, Payload]).toEqual([undefined, { id: `${name}:ROLLBACK_FAILED` }]);
    const message = buildPlain({ outcome: "ROLLBACK_FAILED", execution }, STAGE);
    expect(told("events").map(({ Message }) => JSON.parse(Message))).toEqual([message.json]);
    expect(told("email").map(({ Message, Subject }) => [Subject, Message])).toEqual([[message.subject, message.email]]);
    expect(told("chat").map(({ Message }) => Message)).toEqual([message.chat]);
    const attributes = told("email").flatMap(({ MessageAttributes = {} }) => Object.keys(MessageAttributes));
    expect(attributes.sort()).toEqual(Object.keys(message.attributes).sort());
    const log = JSON.stringify(account.lambda.logs());
    expect(log).toContain("Only how it ended was told");
    expect(log).toContain("RollbacksFailed");
    expect(log + JSON.stringify(told("events"))).not.toContain("s3cr3t-value");
  });
});

describe("notify refuses", () => {
  const refused = async (input: unknown) => {
    const { FunctionError, Payload } = await account.lambda.invoke("notify", input);
    expect(FunctionError).toBe("Unhandled");
    expect(told("events")).toEqual([]);
    return Payload as { errorType: string; errorMessage: string };
  };

  test("an incident that is not of the schema, and names the field but not its value", async () => {
    const answer = await refused(event({ ...incident, severity: "s3cr3t-value" }));
    expect(answer.errorType).toBe("EventInvalid");
    expect(answer.errorMessage).toContain("detail.severity");
    expect(answer.errorMessage).not.toContain("s3cr3t-value");
  });

  test("an incident that somebody else has put on the bus", async () => {
    expect(await refused({ ...event(incident), source: "somebody.else" })).toMatchObject({ errorType: "EventInvalid" });
  });

  test("an event of another kind", async () => {
    expect(await refused({ ...event(incident), "detail-type": "Rotation Succeeded" })).toMatchObject({
      errorType: "EventInvalid",
    });
  });
});
