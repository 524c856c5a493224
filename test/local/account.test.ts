import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import { CreateTopicCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Account, startAccount } from "../../local/account.ts";
import { bundleFunctions } from "../../local/bundle.ts";
import { AwsError } from "../../local/services/service.ts";
import { VirtualClock } from "../../local/virtual-clock.ts";
import { ConnectionLost } from "../../local/wire-calls.ts";

const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);
let outdir: string;
let bundles: Readonly<Record<string, string>>;
let account: Account;
let clients: { readonly destroy: () => void }[] = [];

beforeAll(async () => {
  outdir = await mkdtemp(join(tmpdir(), "account-"));
  bundles = await bundleProbes();
});
afterAll(async () => {
  await rm(outdir, { recursive: true });
});
beforeEach(async () => {
  account = await startAccount();
  // A client needs nothing else: no endpoint, no credentials, no Region in its settings.
  for (const [name, value] of Object.entries(account.environment)) vi.stubEnv(name, value);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  vi.unstubAllEnvs();
  await account.close();
});

function bundleProbes() {
  return bundleFunctions({
    outdir,
    entries: { probe: fixture("probe.ts"), rotation: fixture("rotation-function.ts") },
    configPath: fixture("rotation.config.ts"),
  });
}

function client<C extends { destroy(): void }>(kind: new () => C): C {
  const made = new kind();
  clients.push(made);
  return made;
}

function define(name: string, bundle = "probe"): string {
  return account.lambda.define({
    name,
    file: bundles[bundle] ?? "",
    timeoutMs: 5_000,
    environment: {},
    data: { policies: [] },
  });
}

async function eventually<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 8_000; ; await new Promise((resolve) => setTimeout(resolve, 5))) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error("it was not seen in 8 s");
  }
}

const task = (functionArn: string) =>
  JSON.stringify({
    QueryLanguage: "JSONata",
    StartAt: "Probe",
    States: {
      Probe: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Arguments: { FunctionName: functionArn, Payload: "{% $states.input %}" },
        Output: "{% $states.result.Payload %}",
        End: true,
      },
    },
  });

async function createStateMachine(functionArn: string): Promise<string> {
  const created = await client(SFNClient).send(
    new CreateStateMachineCommand({
      name: "probe",
      definition: task(functionArn),
      roleArn: "arn:aws:iam::123456789012:role/r",
    }),
  );
  return created.stateMachineArn ?? "";
}

async function execute(stateMachineArn: string, input: unknown) {
  const states = client(SFNClient);
  const { executionArn } = await states.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
  );
  return await eventually(async () => {
    const execution = await states.send(new DescribeExecutionCommand({ executionArn }));
    return execution.status === "RUNNING" ? undefined : execution;
  });
}

test("one request is bundled once in a process, and a failed one can be repeated", async () => {
  expect(await bundleProbes()).toBe(bundles);
  const broken = { outdir, entries: { broken: fixture("not-there.ts") }, configPath: fixture("rotation.config.ts") };
  await expect(bundleFunctions(broken)).rejects.toThrow("not-there.ts");
  await expect(bundleFunctions(broken)).rejects.toThrow("not-there.ts");
});

describe("through the wire", () => {
  test("SDK clients find every service by the environment alone", async () => {
    const secrets = client(SecretsManagerClient);
    const { ARN = "" } = await secrets.send(new CreateSecretCommand({ Name: "orders/db", SecretString: "s" }));
    expect(ARN).toContain(`:${account.region}:${account.accountId}:secret:orders/db-`);
    expect((await secrets.send(new GetSecretValueCommand({ SecretId: ARN }))).SecretString).toBe("s");
    const topic = await client(SNSClient).send(new CreateTopicCommand({ Name: "events" }));
    await client(SNSClient).send(new PublishCommand({ TopicArn: topic.TopicArn ?? "", Message: "hello" }));
    expect(account.sns.inbox().map((message) => message.Message)).toEqual(["hello"]);
  });

  test("a bundled function runs with the deployed configuration, and its calls carry its name", async () => {
    define("probe");
    await client(SecretsManagerClient).send(new CreateSecretCommand({ Name: "orders/db", SecretString: "s" }));
    const answer = await client(LambdaClient).send(
      new InvokeCommand({ FunctionName: "probe", Payload: Buffer.from('{"secretId":"orders/db"}') }),
    );
    expect(JSON.parse(answer.Payload?.transformToString() ?? "")).toEqual({
      config: { policies: [] },
      event: { secretId: "orders/db" },
      secretName: "orders/db",
      drivers: ["function"],
    });
    expect(account.calls().map(({ operation, caller }) => [operation, caller])).toEqual([
      ["CreateSecret", undefined],
      ["Invoke", undefined],
      ["DescribeSecret", "probe"],
    ]);
    expect(account.lambda.logs().some((line) => line.text.includes('"message":"probed"'))).toBe(true);
  });
});

test("a call without the wire takes no inherited name for an operation", async () => {
  for (const operation of ["constructor", "toString", "hasOwnProperty", "__proto__"]) {
    const call = account.perform({ service: "secretsmanager", operation, input: {} });
    await expect(call, operation).rejects.toMatchObject({ name: "UnknownOperationException" });
  }
});

describe("between services", () => {
  test("a rule's events reach a function", async () => {
    const events = client(EventBridgeClient);
    await events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"source":["test"]}' }));
    await events.send(new PutTargetsCommand({ Rule: "r", Targets: [{ Id: "1", Arn: define("probe") }] }));
    await events.send(
      new PutEventsCommand({ Entries: [{ Source: "test", DetailType: "Happened", Detail: '{"a":1}' }] }),
    );
    await account.idle();
    const line = account.lambda.logs().find(({ text }) => text.includes("probed"));
    expect(JSON.parse(line?.text ?? "{}").event).toMatchObject({
      source: "test",
      "detail-type": "Happened",
      detail: { a: 1 },
    });
    expect(account.calls().at(-1)).toMatchObject({
      ...{ service: "lambda", operation: "Invoke", caller: "events" },
      input: { InvocationType: "Event" },
    });
  });

  test("events are lost, doubled, delayed and reordered on demand, and a schedule fires as time passes", async () => {
    const clock = new VirtualClock({ start: "2026-01-01T00:00:00Z" });
    const hour = 3_600_000;
    const disturbed = await startAccount({
      clock,
      chaos: {
        copies: ({ detail }) => ({ lost: 0, doubled: 2 })[detail.name as string] ?? 1,
        delayMs: ({ detail }, copy) => (detail.name === "late" ? hour : 0) + copy * 2 * hour,
      },
    });
    try {
      for (const [name, value] of Object.entries(disturbed.environment)) vi.stubEnv(name, value);
      const { probe = "" } = bundles;
      const definition = { name: "probe", file: probe, timeoutMs: 5000, environment: {} };
      const target = { Id: "1", Arn: disturbed.lambda.define(definition) };
      const events = client(EventBridgeClient);
      await events.send(new PutRuleCommand({ Name: "r", EventPattern: '{"source":["test"]}' }));
      await events.send(new PutTargetsCommand({ Rule: "r", Targets: [target] }));
      await events.send(new PutRuleCommand({ Name: "s", ScheduleExpression: "rate(90 minutes)" }));
      await events.send(new PutTargetsCommand({ Rule: "s", Targets: [{ ...target, Input: '{"detail":"tick"}' }] }));
      const names = ["late", "lost", "doubled", "plain"];
      const Entries = names.map((name) => ({ Source: "test", DetailType: "t", Detail: JSON.stringify({ name }) }));
      await events.send(new PutEventsCommand({ Entries }));
      await disturbed.idle();
      expect(clock.now()).toBe(Date.parse("2026-01-01T02:00:00Z"));
      const probed = disturbed.lambda.logs().filter(({ text }) => text.includes("probed"));
      const details = probed.map(({ text }) => JSON.parse(text).event.detail);
      const arrived = details.map((detail) => detail.name ?? detail);
      expect(arrived.slice(0, 2).sort()).toEqual(["doubled", "plain"]);
      expect(arrived.slice(2)).toEqual(["late", "tick", "doubled"]);

      using _ = disturbed.events.disturb({ copies: () => 0 });
      await events.send(new PutEventsCommand({ Entries }));
      await disturbed.idle();
      expect(disturbed.lambda.logs().filter(({ text }) => text.includes("probed"))).toHaveLength(5);
    } finally {
      await disturbed.close();
    }
  });

  test("idle waits for the delivery of an event that nobody's call has made", async () => {
    const { probe = "" } = bundles;
    const definition = { name: "probe", file: probe, timeoutMs: 5000, environment: {} };
    const target = { Id: "1", Arn: account.lambda.define(definition) };
    const events = client(EventBridgeClient);
    await events.send(
      new PutRuleCommand({ Name: "r", EventPattern: '{"detail":{"eventName":["RotationSucceeded"]}}' }),
    );
    await events.send(new PutTargetsCommand({ Rule: "r", Targets: [target] }));
    let ends: (value: string) => void = () => {};
    const owned = { Name: "owned", SecretString: '{"password":"a"}', OwningService: "rds" };
    account.secretsManager.seed({ ...owned, rotate: () => new Promise<string>((resolve) => (ends = resolve)) });
    await client(SecretsManagerClient).send(
      new RotateSecretCommand({ SecretId: "owned", RotationRules: { AutomaticallyAfterDays: 7 } }),
    );

    const idle = account.idle();
    setImmediate(() => ends('{"password":"b"}'));
    await idle;

    expect(account.lambda.logs().filter(({ text }) => text.includes("RotationSucceeded"))).toHaveLength(1);
  });

  test("a task's function is invoked, and its error is named in the execution as on AWS", async () => {
    const stateMachineArn = await createStateMachine(define("probe"));
    const fine = await execute(stateMachineArn, { a: 1 });
    expect(JSON.parse(fine.output ?? "")).toMatchObject({ event: { a: 1 } });
    const failed = await execute(stateMachineArn, { fail: "CredentialRejected" });
    expect(failed).toMatchObject({ status: "FAILED", error: "CredentialRejected" });
    expect(JSON.parse(failed.cause ?? "")).toMatchObject({ errorType: "CredentialRejected", errorMessage: "as asked" });
  });

  test("RotateSecret invokes its function four times, and no recorded call holds a value or RotationToken", async () => {
    const secrets = client(SecretsManagerClient);
    const created = await secrets.send(new CreateSecretCommand({ Name: "orders/db", SecretString: "the old value" }));
    await secrets.send(
      new RotateSecretCommand({
        SecretId: created.ARN,
        RotationLambdaARN: define("rotation", "rotation"),
        RotationRules: { AutomaticallyAfterDays: 30 },
      }),
    );
    const value = await eventually(async () => {
      const current = await secrets.send(new GetSecretValueCommand({ SecretId: created.ARN }));
      return current.VersionId === created.VersionId ? undefined : current.SecretString;
    });
    expect(value).toBe("the new value");
    const invoked = account
      .calls()
      .filter(({ operation, caller }) => operation === "Invoke" && caller === "secretsmanager");
    expect(invoked.map(({ input }) => (input as { Payload: { Step: string } }).Payload.Step)).toEqual([
      ...["createSecret", "setSecret", "testSecret", "finishSecret"],
    ]);
    const recorded = JSON.stringify(account.calls());
    expect(recorded).not.toMatch(/the (new|old) value|RotationToken/);
  });

  test("virtual time stands still while a rotation step runs, and goes on while testSecret waits for an execution", async () => {
    const clock = new VirtualClock();
    await using virtual = await startAccount({ clock });
    const start = clock.now();
    const wait = {
      QueryLanguage: "JSONata",
      StartAt: "Wait",
      States: { Wait: { Type: "Wait", Seconds: 86_400, End: true } },
    };
    const machine = { name: "waits", definition: JSON.stringify(wait), roleArn: "arn:aws:iam::123456789012:role/r" };
    const created: unknown = await virtual.states.operations["CreateStateMachine"]?.(machine);
    const { stateMachineArn } = created as { stateMachineArn: string };
    const RotationLambdaARN = virtual.lambda.define({
      ...{ name: "rotation", file: bundles["rotation"] ?? "", timeoutMs: 8_000 },
      environment: { STATE_MACHINE_ARN: stateMachineArn },
    });
    const ended: [string, number][] = [];
    virtual.intercept(({ caller, input, phase }) => {
      const { Payload } = input as { Payload?: { Step: string } };
      if (caller === "secretsmanager" && phase === "after") ended.push([Payload?.Step ?? "", clock.now() - start]);
    });
    const { secretsManager } = virtual;
    await secretsManager.operations["CreateSecret"]?.({
      Name: "s",
      SecretString: "v",
      ClientRequestToken: "t".repeat(32),
    });
    const rotated = { SecretId: "s", RotationLambdaARN, ClientRequestToken: "u".repeat(32) };
    const waiting = clock.sleep(3_600_000, "wait");
    await secretsManager.operations["RotateSecret"]?.({ ...rotated, RotationRules: { AutomaticallyAfterDays: 30 } });
    await eventually(() => ended.find(([step]) => step === "finishSecret"));
    await waiting;
    expect(ended).toEqual([
      ["createSecret", 0],
      ["setSecret", 0],
      ["testSecret", 86_400_000],
      ["finishSecret", 86_400_000],
    ]);
  });

  test("an interceptor decides over a task's invocation: refused, lost, or answered by it", async () => {
    const stateMachineArn = await createStateMachine(define("probe"));
    const outcomes: unknown[] = [];
    const fates = [
      () => {
        throw new AwsError("TooManyRequestsException", "Rate Exceeded.", 429);
      },
      () => {
        throw new ConnectionLost();
      },
      () => ({ reply: { StatusCode: 200, ExecutedVersion: "$LATEST", Payload: "mine" } }),
    ];
    for (const fate of fates) {
      using _ = account.intercept((call) =>
        call.operation === "Invoke" && call.phase === "before" ? fate() : undefined,
      );
      const { status, error, output } = await execute(stateMachineArn, {});
      outcomes.push([status, error ?? output]);
    }
    expect(outcomes).toEqual([
      ["FAILED", "Lambda.TooManyRequestsException"],
      ["FAILED", "Lambda.SdkClientException"],
      ["SUCCEEDED", '"mine"'],
    ]);
    expect(account.lambda.logs()).toEqual([]);
  });
});

describe("close", () => {
  test("ends what runs and leaves no thread, timer or socket", async () => {
    const forever = join(outdir, "forever.mjs");
    await writeFile(
      forever,
      "export const handler = () => new Promise(() => { console.log('started'); setInterval(() => {}, 9e3) })",
    );
    const failing = join(outdir, "failing.mjs");
    await writeFile(failing, "export const handler = () => { console.log('started'); throw new Error('no') }");
    const program = ["--import", "tsx", fixture("close.ts"), forever, failing];
    // It ends by itself, or the test fails: after 15 s it is killed.
    const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 15_000 });
    expect(JSON.parse(stdout)).toEqual([]);
  }, 20_000);

  test("is not needed after a start that failed", async () => {
    const port = Number(new URL(account.endpoint).port);
    await expect(startAccount({ port })).rejects.toMatchObject({ name: "PortInUse" });
  });
});
