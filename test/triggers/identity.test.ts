import { randomUUID } from "node:crypto";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { CancelRotateSecretCommand, PutSecretValueCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { expectEnd } from "../support/invariants.ts";
import {
  errorsLogged,
  executionsOf,
  isGateStep,
  moment,
  movesOfCurrent,
  outcomesTold,
  until,
  writesOf,
} from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("RotationStarted, as CloudTrail tells it", () => {
  test("told three times, it starts one execution", async () => {
    const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
    const token = randomUUID();
    using _ = world.account.intercept((call) => {
      if (call.phase !== "before" || !isGateStep(call, secret, "createSecret")) return;
      tellStarted(secret, `Rotation-${secret.arn}-${token}`);
      tellStarted(secret, `Rotation-${secret.arn}-${token}`);
    });

    await world.rotate(secret, token);

    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
  });

  test("told again after the rotation has succeeded, it changes nothing", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = await world.rotate(secret);

    tellStarted(secret, `Rotation-${secret.arn}-${token}`);
    tellStarted(secret, randomUUID());
    await world.settled();

    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(await executionsOf(world, secret)).toHaveLength(1);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("told again after the rollback, it changes nothing, and neither does StartExecution by the same name", async () => {
    const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
    refuse(secret);
    const token = await world.rotate(secret);

    tellStarted(secret, `Rotation-${secret.arn}-${token}`);
    tellStarted(secret, randomUUID());
    await world.settled();
    const again = startByHand(secret, token, "native");

    await expect(again).rejects.toMatchObject({ name: "ExecutionAlreadyExists" });
    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
    });
    expect(await executionsOf(world, secret)).toHaveLength(1);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
  });

  test("an execution for a version that is AWSCURRENT already ends IGNORED at once, and nobody is told", async () => {
    const secret = await situation(world, { mode: "native" });

    await startByHand(secret, secret.firstVersion, "native");
    await world.settled();

    const { execution, path } = await world.run(secret, secret.firstVersion);
    expect(execution.status).toBe("SUCCEEDED");
    expect(JSON.parse(execution.output ?? "")).toMatchObject({ outcome: "IGNORED", token: secret.firstVersion });
    expect(path).toEqual(["Plan", "Mode", "Ignored"]);
    expect(await world.labels(secret)).toEqual(secret.before);
    expect(outcomesTold(world, secret)).toEqual([]);
  });

  test("without a usable requestID, it starts the execution of the version that holds AWSPENDING", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    const started = moment();
    using _dispatch = world.account.intercept((call) => {
      // CloudTrail's own event is lost: only the one without a usable requestID arrives.
      const { Payload } = call.input as { Payload?: { detail?: { requestID?: string } } };
      const isLost = call.caller === "events" && Payload?.detail?.requestID === `Rotation-${secret.arn}-${token}`;
      return isLost && call.phase === "before" ? { reply: { StatusCode: 202 } } : undefined;
    });
    using _gate = world.account.intercept(async (call) => {
      // The gate has written the value, and is not asked to start anything yet.
      if (call.phase === "after" && isGateStep(call, secret, "createSecret")) await started.reached;
    });

    const rotating = world.rotate(secret, token);
    await until(async () => (await world.labels(secret))[token]?.includes("ROTATION_CANDIDATE"));
    tellStarted(secret, randomUUID());
    const names = await until(async () => {
      const found = await executionsOf(world, secret);
      return found.length > 0 && found;
    });
    started.reach();
    await rotating;

    expect(names).toEqual([executionName(secret.arn, token)]);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });
});

describe("Rotation Requested", () => {
  test("asked for three times at the same base, it starts one execution", async () => {
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const detail = { secretId: secret.name, expectedVersionId: secret.firstVersion };

    for (let n = 0; n < 3; n += 1) tellRequested(detail);
    await world.settled();
    tellRequested(detail);
    await world.settled();

    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("of a requester who saw another version as AWSCURRENT, it is ignored", async () => {
    const secret = await situation(world, { mode: "driven" });
    const token = await rotateOnce(world, secret);

    for (const attempt of [1, 2]) {
      await world.request(secret, { expectedVersionId: secret.firstVersion, attempt });
    }
    await world.request(secret, { expectedVersionId: secret.older });

    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });

  test("of a secret that no policy names it is ignored, and of a native one that was never turned on it is refused and told", async () => {
    const native = await situation(world, { mode: "native" });
    const nameless = await world.addSecret({ policy: { secretId: `another/${randomUUID()}` } });
    const executions = (await world.executions()).length;
    const expectedVersionId = native.firstVersion;

    const decisions = [
      await askDispatch({ secretId: `missing/${randomUUID()}`, expectedVersionId }),
      await askDispatch({ secretId: nameless.name, expectedVersionId: nameless.firstVersion }),
      await askDispatch({ secretId: native.arn, expectedVersionId }),
    ];

    expect(decisions).toEqual([
      expect.objectContaining({ decision: "ignored", reason: expect.stringContaining("no policy names") }),
      expect.objectContaining({ decision: "ignored", reason: expect.stringContaining("no policy names") }),
      expect.objectContaining({ decision: "reported", reason: "ConfigurationInvalid" }),
    ]);
    expect(await world.executions()).toHaveLength(executions);
    expect(await world.labels(native)).toEqual(native.before);
  });

  test("malformed, it starts nothing, and the function's error names the field and no value", async () => {
    const secret = await situation(world, { mode: "driven" });
    const errors = errorsLogged(world, "dispatch").length;

    await world.request(secret, { attempt: 51 });
    await world.request(secret, { expectedVersionId: "latest" });
    await world.request(secret, { password: "hunter2-hunter2" });

    // Lambda tries each of them three times.
    const told = errorsLogged(world, "dispatch").slice(errors);
    expect([...new Set(told)]).toEqual([
      expect.stringMatching(
        /^EventInvalid: "Rotation Requested" [0-9a-f-]{36}: Field attempt: .*Nothing was started\.$/,
      ),
      expect.stringMatching(/^EventInvalid: .*: Field expectedVersionId: /),
      expect.stringMatching(/^EventInvalid: .*"password"/),
    ]);
    expect(told.join()).not.toContain("hunter2");
    expect(await executionsOf(world, secret)).toEqual([]);
    expect(await world.labels(secret)).toEqual(secret.before);
  });

  test("of another account or Region, it is ignored", async () => {
    const secret = await situation(world, { mode: "driven" });
    const detail = { secretId: secret.name, expectedVersionId: secret.firstVersion };

    const decisions = [
      await askDispatch(detail, { account: "210987654321" }),
      await askDispatch(detail, { region: "eu-central-1" }),
    ];

    const ignored = { decision: "ignored", reason: "it is of another account or Region" };
    expect(decisions).toEqual([ignored, ignored]);
    expect(await executionsOf(world, secret)).toEqual([]);
  });

  test("from a source that begins with aws., it never reaches dispatch", async () => {
    const secret = await situation(world, { mode: "driven" });
    const detail = { secretId: secret.name, expectedVersionId: secret.firstVersion };
    const eventBridge = new EventBridgeClient({
      endpoint: world.account.endpoint,
      region: world.account.region,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const invocations = () =>
      world.account.calls().filter(({ service, caller }) => service === "lambda" && caller === "events");
    const before = invocations().length;

    const put = await eventBridge.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: "rotation",
            Source: "aws.secretsmanager",
            DetailType: "Rotation Requested",
            Detail: JSON.stringify(detail),
          },
        ],
      }),
    );
    // An AWS service's own event, which PutEvents cannot make, is not ours either.
    tellRequested(detail, "aws.secretsmanager");
    await world.settled();

    expect(put.Entries?.[0]?.ErrorCode).toBe("NotAuthorizedForSourceException");
    expect(invocations()).toHaveLength(before);
    expect(await executionsOf(world, secret)).toEqual([]);
  });
});

describe("two rotations of one secret at once", () => {
  test("the second attempt is rejected while the first one runs, which goes on undisturbed", async () => {
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const [first, second] = tokensOf(secret);
    using _ = atStep(world, secret, "TestSecret", "before", async () => {
      tellRequested({ secretId: secret.name, expectedVersionId: secret.firstVersion, attempt: 2 });
      await until(() => outcomesTold(world, secret).includes("REJECTED"));
    });

    await world.request(secret);

    await expectEnd(world, secret, first, { outcome: "SUCCEEDED", labels: secret.succeeded(first), opens: [first] });
    await expectEnd(world, secret, second, {
      outcome: "REJECTED",
      labels: secret.succeeded(first),
      opens: [first],
      error: "RotationInProgress",
      failedIn: "Plan",
    });
  });

  // Attempts of one kind wait for each other; an emergency does not.
  test.each([
    ["before either has written", ["PutSecretValue"]],
    ["after both have written, before either has claimed", ["PutSecretValue", "UpdateSecretVersionStage"]],
  ] as const)(
    "when both claim at the same instant, %s, at most one touches the target, and it agrees with AWSCURRENT",
    async (_when, operations: readonly string[]) => {
      const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
      const kinds = ["ordinary", "emergency"] as const;
      const tokens = kinds.map((kind) => deriveToken(secret.arn, secret.firstVersion, 1, kind));
      const barriers = new Map(operations.map((each) => [each, { there: new Set<unknown>(), both: moment() }]));
      using _ = world.account.intercept(async (call) => {
        const barrier = barriers.get(call.operation);
        if (call.phase !== "before" || barrier === undefined || !isSecretCall(call, secret, "rotate")) return;
        const { ClientRequestToken, MoveToVersionId } = call.input as Record<string, unknown>;
        barrier.there.add(ClientRequestToken ?? MoveToVersionId);
        if (barrier.there.size === 2) barrier.both.reach();
        await barrier.both.reached;
      });

      for (const emergency of [false, true]) {
        tellRequested({ secretId: secret.name, expectedVersionId: secret.firstVersion, emergency });
      }
      await world.settled();

      const runs = await Promise.all(tokens.map((token) => world.run(secret, token)));
      const facts = runs.map(({ execution }) => JSON.parse(execution.cause ?? execution.output ?? "{}"));
      const rejected = facts.filter(({ outcome, error }) => outcome === "REJECTED" && error === "RotationInProgress");
      expect(rejected.length).toBeGreaterThanOrEqual(1);
      const winner = facts.find((each) => !rejected.includes(each));
      // Both may lose; whoever has claimed and then misses its label has put everything back.
      expect(["SUCCEEDED", "ROLLED_BACK", undefined]).toContain(winner?.outcome);
      const current = holderOf(await world.labels(secret), "AWSCURRENT") ?? "";
      expect(current).toBe(winner?.outcome === "SUCCEEDED" ? winner.token : secret.firstVersion);
      for (const { outcome, token } of facts) {
        await expectEnd(world, secret, token, {
          outcome,
          labels:
            winner?.outcome === "SUCCEEDED"
              ? secret.succeeded(current)
              : winner === undefined
                ? secret.before
                : secret.rolledBack(winner.token),
          opens: [current],
        });
      }
      expect(secret.dependents["orders"]?.versionId()).toBe(current);
    },
  );

  test("RotateSecret is refused while a driven rotation holds AWSPENDING, and changes nothing", async () => {
    const secret = await situation(world, { mode: "driven" });
    const [first] = tokensOf(secret);
    let refusal: unknown;
    using _ = atStep(world, secret, "TestSecret", "before", async () => {
      refusal = await rotateByHand(secret).catch((error: unknown) => error);
    });

    await world.request(secret);

    expect(refusal).toMatchObject({ name: "InvalidRequestException" });
    await expectEnd(world, secret, first, { outcome: "SUCCEEDED", labels: secret.succeeded(first), opens: [first] });
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });

  test("a driven secret on which RotateSecret was called is Secrets Manager's to rotate: a request becomes RotateSecret, until rotation is turned off", async () => {
    const secret = await situation(world, { mode: "driven" });

    await rotateByHand(secret);
    await world.settled();
    const [first = ""] = movesOfCurrent(world, secret).slice(-1);
    await world.request(secret);

    const requested = deriveToken(secret.arn, first, 1);
    const { run } = await expectEnd(world, secret, requested, {
      outcome: "SUCCEEDED",
      labels: {
        [secret.older]: ["BLUE"],
        [first]: ["AWSPREVIOUS"],
        [requested]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"],
      },
      opens: [requested],
    });
    expect(JSON.parse(run.execution.input ?? "").mode).toBe("native");
    expect(writesOf(world, secret, "dispatch", ["RotateSecret"])).toEqual(["RotateSecret"]);
    await world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn }));
    await world.request(secret);
    const driven = deriveToken(secret.arn, requested, 1);
    expect(JSON.parse((await world.run(secret, driven)).execution.input ?? "").mode).toBe("driven");
    expect(movesOfCurrent(world, secret).at(-1)).toBe(driven);
  });

  test("a version of somebody else that holds AWSPENDING is not touched: the rotation is rejected", async () => {
    const secret = await situation(world, { mode: "driven" });
    const [token] = tokensOf(secret);
    const foreign = await putForeign(secret, ["AWSPENDING"]);

    await world.request(secret);

    await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: { ...secret.before, [foreign]: ["AWSPENDING"] },
      opens: [secret.firstVersion],
      error: "RotationInProgress",
      failedIn: "Plan",
    });
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion]);
  });

  test("a version of somebody else that takes AWSPENDING between our value and our claim keeps it", async () => {
    const secret = await situation(world, { mode: "driven" });
    const [token] = tokensOf(secret);
    let foreign = "";
    using _ = world.account.intercept(async (call) => {
      const isPut = call.operation === "PutSecretValue" && isSecretCall(call, secret, "rotate");
      if (isPut && call.phase === "after" && foreign === "") foreign = await putForeign(secret, ["AWSPENDING"]);
    });

    await world.request(secret);

    await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: { ...secret.before, [foreign]: ["AWSPENDING"] },
      opens: [secret.firstVersion],
      error: "RotationInProgress",
      failedIn: "CreateSecret",
    });
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion]);
  });
});

function tellStarted(secret: TestSecret, requestID: string): void {
  world.account.events.put({
    source: "aws.secretsmanager",
    detailType: "AWS Service Event via CloudTrail",
    detail: {
      eventSource: "secretsmanager.amazonaws.com",
      eventName: "RotationStarted",
      eventType: "AwsServiceEvent",
      additionalEventData: { SecretId: secret.arn },
      requestID,
    },
  });
}

/** Puts a request without waiting for what it starts. */
function tellRequested(detail: Record<string, unknown>, source = "test"): void {
  world.account.events.put({ bus: "rotation", source, detailType: "Rotation Requested", detail });
}

/** What dispatch answers to a request, asked directly: EventBridge would make the event of this account and Region. */
async function askDispatch(detail: Record<string, unknown>, envelope: Record<string, string> = {}): Promise<unknown> {
  const { account, region } = { account: world.account.accountId, region: world.account.region };
  const event = { id: randomUUID(), source: "test", "detail-type": "Rotation Requested", account, region, detail };
  const answer = await world.account.lambda.invoke(world.deployment().functionArns.dispatch, { ...event, ...envelope });
  expect(answer.FunctionError).toBeUndefined();
  return answer.Payload;
}

async function startByHand(secret: TestSecret, token: string, mode: string): Promise<void> {
  await world.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: world.deployment().stateMachineArn,
      name: executionName(secret.arn, token),
      input: JSON.stringify({ secretArn: secret.arn, token, mode }),
    }),
  );
}

async function rotateByHand(secret: TestSecret): Promise<void> {
  await world.client.send(
    new RotateSecretCommand({
      SecretId: secret.arn,
      ClientRequestToken: randomUUID(),
      RotationLambdaARN: world.deployment().functionArns.gate,
      RotationRules: { AutomaticallyAfterDays: 30 },
    }),
  );
}

async function putForeign(secret: TestSecret, labels: string[]): Promise<string> {
  const id = randomUUID();
  const value = JSON.stringify({ username: secret.username, password: `foreign-${randomUUID()}` });
  await world.client.send(
    new PutSecretValueCommand({
      SecretId: secret.arn,
      ClientRequestToken: id,
      SecretString: value,
      VersionStages: labels,
    }),
  );
  return id;
}

function tokensOf(secret: Situation): readonly [string, string] {
  return [deriveToken(secret.arn, secret.firstVersion, 1), deriveToken(secret.arn, secret.firstVersion, 2)];
}

function refuse(secret: TestSecret): void {
  for (const double of Object.values(secret.dependents)) double.faults.refresh = 422;
}
