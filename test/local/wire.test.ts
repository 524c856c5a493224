import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { DescribeRuleCommand, EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { ListExecutionsCommand, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import {
  CreateTopicCommand,
  NotFoundException,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AwsError, type Operation, type Service } from "../../local/services/service.ts";
import { startWire, type Wire } from "../../local/wire.ts";
import { type Calls, ConnectionLost, createCalls } from "../../local/wire-calls.ts";

const calls: Calls = createCalls();
/** What each operation of these services was given, newest last. */
const inputs: unknown[] = [];
let effects = 0;

function service(name: string, operations: Record<string, Operation>): Service {
  const noting = Object.entries(operations).map(([operation, run]): [string, Operation] => [
    operation,
    (input) => {
      inputs.push(input);
      return run(input);
    },
  ]);
  return { name, operations: Object.fromEntries(noting) };
}

const services = [
  service("secretsmanager", {
    GetSecretValue: () => ({ SecretString: "grüße <&> \u{1F511}", CreatedDate: new Date(1_700_000_000_250) }),
    DescribeSecret: () => {
      effects++;
      return {
        Name: "orders/db",
        VersionIdsToStages: { a: ["AWSCURRENT"] },
        LastChangedDate: new Date(1_700_000_000_000),
      };
    },
    PutSecretValue: () => {
      throw new AwsError("ResourceExistsException", "The version exists.");
    },
    RotateSecret: () => JSON.parse("{ 'hunter2' }"),
  }),
  service("states", {
    StartExecution: async () => ({ executionArn: "arn:x", startDate: new Date(1_700_000_000_500) }),
    ListExecutions: () => ({ executions: [] }),
  }),
  service("events", { PutEvents: () => ({ FailedEntryCount: 0, Entries: [{ EventId: "1" }] }) }),
  service("sns", {
    CreateTopic: () => ({ TopicArn: "arn:aws:sns:a:1:t" }),
    Publish: ({ TopicArn }) => {
      if (TopicArn === "none") throw new AwsError("NotFoundException", "Topic does not exist", 404);
      return { MessageId: "<a & b>", SequenceNumber: undefined };
    },
    ConfirmSubscription: () => ({ SubscriptionArn: "arn:s" }),
    Subscribe: () => ({ SubscriptionArn: "arn:s" }),
  }),
  service("lambda", {
    Invoke: ({ FunctionName, InvocationType, Payload }) => {
      if (FunctionName === "nobody") throw new AwsError("ResourceNotFoundException", "Function not found: nobody", 404);
      if (InvocationType === "Event") return { StatusCode: 202 };
      const failed = Payload.fail ? { FunctionError: "Unhandled" } : {};
      return { StatusCode: 200, ExecutedVersion: "$LATEST", ...failed, Payload: { got: Payload } };
    },
  }),
];

let wire: Wire;
const open: { destroy(): void }[] = [];

beforeAll(async () => {
  wire = await startWire({
    port: 0,
    services,
    calls,
    functionOf: (key) => (key === "ASIAGATE" ? "gate" : undefined),
  });
});
afterAll(async () => {
  for (const client of open) client.destroy();
  await wire.close();
});
beforeEach(() => {
  inputs.length = 0;
  effects = 0;
});

function client<C extends { destroy(): void }>(kind: new (settings: never) => C, accessKeyId = "AKIATEST"): C {
  const settings = {
    endpoint: wire.endpoint,
    region: "eu-central-1",
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey: "x" },
  };
  const made = new kind(settings as never);
  open.push(made);
  return made;
}

interface RawReply {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

function raw(path: string, headers: Record<string, string>, body: string, method = "POST"): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(wire.endpoint + path, {
      method,
      headers: { authorization: "AWS4-HMAC-SHA256 x", ...headers },
    });
    sent.on("error", reject).on("response", async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      });
    });
    sent.end(body);
  });
}

describe("AWS JSON", () => {
  test("carries text unharmed and timestamps as seconds", async () => {
    const secrets = client(SecretsManagerClient);
    const value = await secrets.send(new GetSecretValueCommand({ SecretId: "ä" }));
    expect(value.SecretString).toBe("grüße <&> \u{1F511}");
    expect(value.CreatedDate).toEqual(new Date(1_700_000_000_250));
    expect(value.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(inputs).toEqual([{ SecretId: "ä" }]);
    const described = await secrets.send(new DescribeSecretCommand({ SecretId: "a" }));
    expect(described.VersionIdsToStages).toEqual({ a: ["AWSCURRENT"] });
  });

  test("serves Step Functions (1.0) and EventBridge (1.1)", async () => {
    const started = await client(SFNClient).send(new StartExecutionCommand({ stateMachineArn: "arn:m", input: "{}" }));
    expect(started.startDate).toEqual(new Date(1_700_000_000_500));
    const put = await client(EventBridgeClient).send(
      new PutEventsCommand({ Entries: [{ Source: "a", DetailType: "b", Detail: "{}" }] }),
    );
    expect(put.Entries).toEqual([{ EventId: "1" }]);
  });

  test("an error of the service is the SDK's class of that name", async () => {
    const failing = client(SecretsManagerClient).send(new PutSecretValueCommand({ SecretId: "a", SecretString: "s" }));
    await expect(failing).rejects.toThrow(ResourceExistsException);
    await expect(failing).rejects.toMatchObject({ message: "The version exists.", $metadata: { httpStatusCode: 400 } });
  });

  test("an operation that the account does not have is UnknownOperationException", async () => {
    await expect(client(SecretsManagerClient).send(new ListSecretsCommand({}))).rejects.toMatchObject({
      name: "UnknownOperationException",
    });
    await expect(client(EventBridgeClient).send(new DescribeRuleCommand({ Name: "r" }))).rejects.toMatchObject({
      name: "UnknownOperationException",
    });
    for (const target of ["DynamoDB_20120810.ListTables", "secretsmanager.constructor", "nothing", ""]) {
      const reply = await raw("/", { "x-amz-target": target }, "{}");
      expect([reply.status, JSON.parse(reply.body).__type]).toEqual([400, "UnknownOperationException"]);
    }
  });

  test("a body that is not a JSON object is SerializationException, and an empty one is an empty input", async () => {
    const headers = {
      "x-amz-target": "AWSStepFunctions.ListExecutions",
      "content-type": "application/x-amz-json-1.0",
    };
    for (const body of ["{", "[]", "null", '"x"']) {
      const reply = await raw("/", headers, body);
      expect([reply.status, reply.headers["x-amzn-errortype"]]).toEqual([400, "SerializationException"]);
    }
    expect(inputs).toEqual([]);
    const empty = await raw("/", headers, "");
    expect([empty.status, empty.headers["content-type"]]).toEqual([200, "application/x-amz-json-1.0"]);
  });

  test("a fault of the account itself is InternalFailure, and repeats nothing of what was sent", async () => {
    const reply = await raw("/", { "x-amz-target": "secretsmanager.RotateSecret" }, '{"SecretString":"hunter2"}');
    expect(reply.status).toBe(500);
    expect(reply.body).toContain("SyntaxError");
    expect(reply.body).not.toContain("hunter2");
  });
});

describe("AWS Query", () => {
  test("reads structures, lists and maps, and writes XML that the SDK reads", async () => {
    const sns = client(SNSClient);
    const published = await sns.send(
      new PublishCommand({
        TopicArn: "arn:t",
        Subject: "a+b & ü",
        Message: "line\nline",
        MessageAttributes: {
          outcome: { DataType: "String", StringValue: "SUCCEEDED" },
          "a.b": { DataType: "String", StringValue: "true" },
        },
      }),
    );
    expect(inputs.pop()).toEqual({
      TopicArn: "arn:t",
      Subject: "a+b & ü",
      Message: "line\nline",
      MessageAttributes: {
        outcome: { DataType: "String", StringValue: "SUCCEEDED" },
        "a.b": { DataType: "String", StringValue: "true" },
      },
    });
    await sns.send(
      new CreateTopicCommand({ Name: "t", Attributes: { DisplayName: "T" }, Tags: [{ Key: "k", Value: "v" }] }),
    );
    expect(inputs.pop()).toEqual({ Name: "t", Attributes: { DisplayName: "T" }, Tags: [{ Key: "k", Value: "v" }] });
    await sns.send(new SubscribeCommand({ TopicArn: "t", Protocol: "https", ReturnSubscriptionArn: true }));
    expect(inputs.pop()).toMatchObject({ ReturnSubscriptionArn: true });
    expect(published.MessageId).toBe("<a & b>");
    expect(published.SequenceNumber).toBeUndefined();
  });

  test("an error of the service is the SDK's class, by the code that SNS gives it", async () => {
    const failing = client(SNSClient).send(new PublishCommand({ TopicArn: "none", Message: "m" }));
    await expect(failing).rejects.toThrow(NotFoundException);
    await expect(failing).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  });

  test("a link out of a notification works unsigned, and no other link does", async () => {
    const link = (action: string) =>
      raw(`/?Action=${action}&TopicArn=arn%3At&Token=x`, { authorization: "" }, "", "GET");
    const confirmed = await link("ConfirmSubscription");
    expect(confirmed.body).toContain("<SubscriptionArn>arn:s</SubscriptionArn>");
    expect(inputs).toEqual([{ TopicArn: "arn:t", Token: "x" }]);
    for (const other of ["Publish", "Unsubscribe"]) expect((await link(other)).status).toBe(403);
  });

  test("an unknown action or version is InvalidAction", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
    for (const body of ["Action=DeleteTopic&Version=2010-03-31", "Action=GetCallerIdentity&Version=2011-06-15"]) {
      const reply = await raw("/", headers, body);
      expect(reply.status).toBe(400);
      expect(reply.body).toContain("<Code>InvalidAction</Code>");
    }
  });
});

describe("Lambda's Invoke", () => {
  test("passes the payload in and out, and says when the function failed", async () => {
    const lambda = client(LambdaClient);
    const arn = "arn:aws:lambda:eu-central-1:1:function:plan";
    const fine = await lambda.send(new InvokeCommand({ FunctionName: arn, Payload: Buffer.from('{"a":1}') }));
    expect(fine).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" });
    expect(fine.FunctionError).toBeUndefined();
    expect(JSON.parse(fine.Payload?.transformToString() ?? "")).toEqual({ got: { a: 1 } });
    expect(inputs.pop()).toEqual({ FunctionName: arn, Payload: { a: 1 } });
    const failed = await lambda.send(new InvokeCommand({ FunctionName: "plan", Payload: Buffer.from('{"fail":1}') }));
    expect(failed.FunctionError).toBe("Unhandled");
    const event = await lambda.send(
      new InvokeCommand({ FunctionName: "plan", InvocationType: "Event", Qualifier: "2" }),
    );
    expect(event.StatusCode).toBe(202);
    expect(inputs.pop()).toEqual({ FunctionName: "plan:2", InvocationType: "Event", Payload: {} });
  });

  test("refuses an unknown function, a body that is not JSON, and any other operation", async () => {
    const lambda = client(LambdaClient);
    await expect(lambda.send(new InvokeCommand({ FunctionName: "nobody" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      $metadata: { httpStatusCode: 404 },
    });
    await expect(
      lambda.send(new InvokeCommand({ FunctionName: "plan", Payload: Buffer.from("{") })),
    ).rejects.toMatchObject({ name: "InvalidRequestContentException" });
    const listed = await raw("/2015-03-31/functions/", {}, "", "GET");
    expect([listed.status, listed.headers["x-amzn-errortype"]]).toEqual([404, "UnknownOperationException"]);
  });
});

describe("the door", () => {
  test("is closed to unsigned requests and to names that are not loopback", async () => {
    const headers = { "x-amz-target": "secretsmanager.GetSecretValue" };
    const unsigned = await raw("/", { ...headers, authorization: "" }, "{}");
    expect([unsigned.status, JSON.parse(unsigned.body).__type]).toEqual([403, "MissingAuthenticationTokenException"]);
    const rebound = await raw("/", { ...headers, host: "evil.example:80" }, "{}");
    expect(rebound.status).toBe(403);
    expect(inputs).toEqual([]);
  });

  test("answers a body over 6 MiB with 413", async () => {
    const reply = await raw("/", { "x-amz-target": "secretsmanager.GetSecretValue" }, " ".repeat(6_291_457));
    expect(reply.status).toBe(413);
  });

  test("says in one sentence that its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    await expect(startWire({ port, services, calls, functionOf: () => undefined })).rejects.toMatchObject({
      name: "PortInUse",
      message: `Port ${port} of 127.0.0.1 is in use by another process: stop it, or choose another port.`,
    });
    await new Promise((resolve) => other.close(resolve));
  });

  test("closes although a client keeps its connection open", async () => {
    const short = await startWire({ port: 0, services, calls, functionOf: () => undefined });
    const settings = { endpoint: short.endpoint, region: "a", credentials: { accessKeyId: "a", secretAccessKey: "b" } };
    const states = new SFNClient(settings);
    await states.send(new ListExecutionsCommand({ stateMachineArn: "arn:m" }));
    await short.close();
    await expect(states.send(new ListExecutionsCommand({ stateMachineArn: "arn:m" }))).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    states.destroy();
  });

  test("refuses everything once it is told to: nothing is answered that is not done", async () => {
    const closing = await startWire({ port: 0, services, calls, functionOf: () => undefined });
    const settings = {
      endpoint: closing.endpoint,
      region: "a",
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
    };
    const secrets = new SecretsManagerClient({ ...settings, maxAttempts: 1 });
    const describeSecret = () => secrets.send(new DescribeSecretCommand({ SecretId: "a" }));
    await describeSecret();
    const before = effects;
    closing.refuse();
    await expect(describeSecret()).rejects.toMatchObject({
      name: "ServiceUnavailable",
      $metadata: { httpStatusCode: 503 },
    });
    expect(effects).toBe(before);
    await closing.close();
    secrets.destroy();
  });
});

describe("calls", () => {
  const describeSecret = (accessKeyId?: string) =>
    client(SecretsManagerClient, accessKeyId).send(new DescribeSecretCommand({ SecretId: "a" }));

  test("are recorded with the function that made them, and without secret values", async () => {
    const before = calls.recorded().length;
    await describeSecret("ASIAGATE");
    const put = new PutSecretValueCommand({ SecretId: "a", SecretString: "hunter2", RotationToken: "hunter3" });
    await client(SecretsManagerClient)
      .send(put)
      .catch(() => {});
    expect(calls.recorded().slice(before)).toEqual([
      { service: "secretsmanager", operation: "DescribeSecret", input: { SecretId: "a" }, caller: "gate" },
      {
        service: "secretsmanager",
        operation: "PutSecretValue",
        input: { SecretId: "a", ClientRequestToken: expect.any(String) },
      },
    ]);
  });

  test("are recorded without what the service's model does not know: it may be a value under a name that is written wrong", async () => {
    const headers = {
      authorization: "AWS4-HMAC-SHA256 Credential=A/20260101/a/secretsmanager/aws4_request",
      "x-amz-target": "secretsmanager.PutSecretValue",
      "content-type": "application/x-amz-json-1.1",
    };
    const body = {
      SecretId: "a",
      secretString: "hunter2",
      Password: "hunter3",
      Tags: [{ Key: "k", Value: "v", value: "hunter4" }],
    };
    const before = calls.recorded().length;
    await fetch(wire.endpoint, { method: "POST", headers, body: JSON.stringify(body) });
    expect(
      calls
        .recorded()
        .slice(before)
        .map(({ input }) => input),
    ).toEqual([{ SecretId: "a", Tags: [{ Key: "k", Value: "v" }] }]);
  });

  test("an interceptor that throws before leaves no effect; after, the effect is there", async () => {
    for (const [phase, expected] of [
      ["before", 0],
      ["after", 1],
    ] as const) {
      effects = 0;
      using _ = calls.intercept((call) => {
        if (call.phase === phase) throw new AwsError("ThrottlingException", "Rate exceeded");
      });
      await expect(describeSecret()).rejects.toMatchObject({ name: "ThrottlingException" });
      expect(effects).toBe(expected);
    }
    await expect(describeSecret()).resolves.toMatchObject({ Name: "orders/db" });
  });

  test("an interceptor may replace the reply, before or after the effect", async () => {
    for (const [phase, expected] of [
      ["before", 0],
      ["after", 1],
    ] as const) {
      effects = 0;
      using _ = calls.intercept(async (call) => (call.phase === phase ? { reply: { Name: "stale" } } : undefined));
      await expect(describeSecret()).resolves.toMatchObject({ Name: "stale" });
      expect(effects).toBe(expected);
    }
  });

  test("an interceptor sees the input, and the output after", async () => {
    const seen: unknown[] = [];
    using _ = calls.intercept(({ phase, input, output }) => void seen.push([phase, input, output]));
    await describeSecret();
    expect(seen).toEqual([
      ["before", { SecretId: "a" }, undefined],
      ["after", { SecretId: "a" }, expect.objectContaining({ Name: "orders/db" })],
    ]);
  });

  test("ConnectionLost breaks the connection, after which the client knows nothing", async () => {
    using _ = calls.intercept(({ phase }) => {
      if (phase === "after") throw new ConnectionLost();
    });
    await expect(describeSecret()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(effects).toBe(1);
  });
});
