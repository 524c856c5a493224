import { randomUUID } from "node:crypto";
import {
  CancelRotateSecretCommand,
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DELIVERY, ON_FAILURE, RULES, SCHEDULES } from "../../core/triggers.ts";
import { AwsError } from "../../local/services/service.ts";
import { uniqueName } from "../support/database.ts";
import { executionsOf, moment, outcomesTold, rotationEvents, until } from "../support/observations.ts";
import { situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const NAMES = ["RotationFailed", "RotationAbandoned", "TestRotationFailed"] as const;
const KINDS = {
  RotationFailed: "rotation-failed",
  RotationAbandoned: "rotation-abandoned",
  TestRotationFailed: "test-rotation-failed",
} as const;
/** The function of somebody else's that the events name. */
const THEIRS = "arn:aws:lambda:us-east-1:123456789012:function:SecretsManagerRotation";

let world: World;
beforeAll(async () => {
  world = await startWorld({ startsAgoMs: 4 * 60 * 60 * 1000, rotation: { attempts: 2, delaySeconds: 60 } });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a failed rotation of a secret without a policy is told, and the secret is not looked at", () => {
  test.each(NAMES)("%s", async (eventName) => {
    const arn = arnOf(uniqueName("nobodys/db"));
    const token = randomUUID();
    const calls = world.account.calls().length;

    await fail(arn, { eventName, token });

    expect(incidentsOf(arn)).toEqual([
      expect.objectContaining({
        kind: KINDS[eventName],
        name: eventName,
        actionRequired: true,
        secret: expect.objectContaining({ name: nameIn(arn), hasPolicy: false, owner: null }),
        rotation: expect.objectContaining({ token, step: "setSecret", functionArn: THEIRS }),
      }),
    ]);
    const ours = world.account.calls().slice(calls);
    expect(ours.filter(({ caller }) => caller === "dispatch").map(({ operation }) => operation)).toEqual(["PutEvents"]);
  });

  const shapes: readonly (readonly [what: string, place: (arn: string) => Envelope, found: Record<string, unknown>])[] =
    [
      ["as AWS delivers it", (arn) => ({ additionalEventData: { SecretId: arn } }), {}],
      ["of a managed secret", (arn) => ({ additionalEventData: { secretId: arn } }), {}],
      ["with the secret in serviceEventDetails", (arn) => ({ serviceEventDetails: { secretId: arn } }), {}],
      ["in the casing of before February 2024", (arn) => ({ responseElements: { aRN: arn } }), {}],
      ["with the secret in resources only", (arn) => ({ resources: [arn] }), {}],
      [
        "with a message that is cut off in the function's ARN",
        (arn) => ({ additionalEventData: { SecretId: arn }, errorMessage: `Error when executing lambda ${THEIRS}` }),
        { step: null, functionArn: null },
      ],
      [
        "with a message that is cut off in the step",
        (arn) => ({
          additionalEventData: { SecretId: arn },
          errorMessage: `Error when executing lambda ${THEIRS} during setSec`,
        }),
        { step: null },
      ],
      [
        "without a message",
        (arn) => ({ additionalEventData: { SecretId: arn }, errorMessage: undefined }),
        { step: null, functionArn: null },
      ],
      [
        "without a usable requestID",
        (arn) => ({ additionalEventData: { SecretId: arn }, requestID: randomUUID() }),
        { token: null },
      ],
    ];
  test.each(shapes)("%s", async (_what, place, found) => {
    const arn = arnOf(uniqueName("nobodys/db"));
    const token = randomUUID();

    await fail(arn, { token, ...place(arn) });

    const told = incidentsOf(arn);
    expect(told.map(({ rotation }) => rotation)).toEqual([
      expect.objectContaining({ token, step: "setSecret", functionArn: THEIRS, ...found }),
    ]);
  });

  test("of the name that RDS gives its secrets", async () => {
    const arn = arnOf("rds!db-3f0c5b0e-6c1d-4f5e-9d53-0a4b7c0e1f22");
    await fail(arn, { errorMessage: "The service that manages the secret could not rotate it." });
    expect(incidentsOf(arn)).toEqual([
      expect.objectContaining({ secret: expect.objectContaining({ name: nameIn(arn) }) }),
    ]);
  });

  test("that is named without an ARN, by the ARN as far as it is known", async () => {
    const name = uniqueName("nobodys/db");
    await fail(name, { requestID: randomUUID() });
    const arn = arnOf(name, "");
    expect(incidentsOf(arn)).toEqual([expect.objectContaining({ secret: expect.objectContaining({ name, arn }) })]);
  });

  test("that has the name of one with a policy, which names that one by its full ARN", async () => {
    const name = uniqueName("test/db");
    await world.addSecret({ policy: { secretId: arnOf(name) } });
    const { ARN: made = "" } = await world.client.send(new CreateSecretCommand({ Name: name, SecretString: "{}" }));
    await fail(made);
    expect(incidentsOf(made)).toEqual([
      expect.objectContaining({ secret: expect.objectContaining({ name, hasPolicy: false }) }),
    ]);
  });
});

describe("a failed rotation of a secret with a policy", () => {
  test("is told with its owner and runbook, to machines and to people", async () => {
    const runbook = "https://runbooks.example.com/orders";
    const secret = await situation(world, { policy: { owner: "team-orders", runbook } });

    await fail(secret.arn);

    const [told] = incidentsOf(secret.arn);
    expect(told).toMatchObject({
      secret: { name: secret.name, owner: "team-orders", hasPolicy: true },
      links: { runbook },
    });
    const mails = world.account.sns.inbox(world.deployment().topicArns.email);
    const mail = mails.find(({ Message }) => Message.includes(told?.id ?? "none"));
    expect(mail?.Message).toContain(secret.name);
    expect(mail?.Message).toContain("during setSecret");
    expect(mail?.MessageAttributes?.["owner"]?.StringValue).toBe("team-orders");
  });

  test("is one incident per token, however often Secrets Manager tries again", async () => {
    const secret = await situation(world);
    const [first, second] = [randomUUID(), randomUUID()];
    for (const token of [first, first, second, first]) await fail(secret.arn, { token });

    const told = incidentsOf(secret.arn);
    const ids = (token: string) => new Set(told.filter(({ rotation }) => rotation.token === token).map(({ id }) => id));
    expect([told.length, ids(first).size, ids(second).size]).toEqual([4, 1, 1]);
    expect(new Set(told.map(({ id }) => id)).size).toBe(2);
  });

  test("is none while our workflow still runs", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    const decided = decisions().length;
    const held = moment();
    using _ = atStep(world, secret, "TestSecret", "before", () => held.reached);

    const rotating = world.rotate(secret, token);
    await until(async () => (await executionsOf(world, secret)).length === 1);
    tell(secret.arn, { token });
    await until(() => decisions().length > decided + 1);
    held.reach();
    await rotating;

    expect(incidentsOf(secret.arn)).toEqual([]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("is none after our workflow rolled it back, in all of Secrets Manager's attempts", async () => {
    const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
    for (const double of Object.values(secret.dependents)) double.faults.refresh = 422;

    await world.rotate(secret);

    expect(rotationEvents(world, secret).filter((name) => name === "RotationFailed")).toHaveLength(3);
    expect(incidentsOf(secret.arn)).toEqual([]);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
  });

  test("is told where our execution only observed: that one says nothing of Secrets Manager's own", async () => {
    const secret = await world.addSecret({ policy: { mode: "observed" }, dependents: { orders: "reload" } });
    const password = `owner-${randomUUID()}`;
    const token = await putCurrent(secret, password);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);

    await fail(secret.arn, { token });

    expect(incidentsOf(secret.arn).map(({ kind, rotation }) => [kind, rotation.token])).toEqual([
      ["rotation-failed", token],
    ]);
  });

  test("that the gate refuses is told once by id, with our own function and step", async () => {
    const secret = await situation(world, { mode: "native" });
    await world.moveLabel(secret, "ROTATION_FROZEN", secret.older, undefined);
    {
      // The event that would start an execution, which would tell it itself, is lost.
      using _ = world.account.events.disturb({
        copies: ({ detail }) => (detail["eventName"] === "RotationStarted" ? 0 : 1),
      });
      await world.rotate(secret);
    }

    const told = incidentsOf(secret.arn);
    expect(told.length).toBeGreaterThan(1);
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    const { gate } = world.deployment().functionArns;
    expect(told[0]?.rotation).toMatchObject({ step: "createSecret", functionArn: gate });
    expect(await executionsOf(world, secret)).toEqual([]);
  });
});

describe("what ends a schedule or a secret", () => {
  test("is told of secrets with a policy", async () => {
    const secret = await situation(world, { mode: "native" });
    await world.rotate(secret);

    await world.client.send(new CancelRotateSecretCommand({ SecretId: secret.name }));
    await world.settled();
    await world.client.send(new DeleteSecretCommand({ SecretId: secret.arn }));
    await world.settled();

    expect(incidentsOf(secret.arn).map(({ kind, severity }) => [kind, severity])).toEqual([
      ["rotation-cancelled", "warning"],
      ["secret-deleted", "critical"],
    ]);
  });

  test("is not told of others, of which nothing is read", async () => {
    const { ARN: arn = "" } = await world.client.send(
      new CreateSecretCommand({ Name: uniqueName("nobodys/db"), SecretString: "{}" }),
    );
    const calls = world.account.calls().length;

    await world.client.send(new CancelRotateSecretCommand({ SecretId: arn }));
    await world.client.send(new DeleteSecretCommand({ SecretId: arn }));
    await world.settled();

    expect(incidentsOf(arn)).toEqual([]);
    const ours = world.account.calls().slice(calls);
    expect(ours.filter(({ caller }) => caller === "dispatch")).toEqual([]);
    expect(ours.filter(({ operation }) => operation === "Invoke")).toHaveLength(2);
  });

  test("is not told where it was refused", async () => {
    const secret = await situation(world);
    await world.client.send(new DeleteSecretCommand({ SecretId: secret.arn }));
    await world.settled();
    const told = incidentsOf(secret.arn).length;

    const again = world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn }));

    await expect(again).rejects.toMatchObject({ name: "InvalidRequestException" });
    await world.settled();
    expect(incidentsOf(secret.arn)).toHaveLength(told);
  });
});

describe("an incident that SNS does not take", () => {
  test("is told by a later try of Lambda's, and no dead letter", async () => {
    const arn = arnOf(uniqueName("nobodys/db"));
    const dead = world.account.lambda.deadLetters().length;
    {
      using _ = snsFailing(2);
      await fail(arn);
    }
    expect(incidentsOf(arn)).toHaveLength(1);
    expect(world.account.lambda.deadLetters()).toHaveLength(dead);
  });

  test("three times is a dead letter, in the queue of those that no function was reached with", async () => {
    const arn = arnOf(uniqueName("nobodys/db"));
    const { region, accountId } = world.account;
    const queue = `arn:aws:sqs:${region}:${accountId}:${DELIVERY.deadLetters}`;
    const dead = world.account.lambda.deadLetters(queue).length;
    {
      using _ = snsFailing(Number.POSITIVE_INFINITY);
      await fail(arn);
    }

    expect(incidentsOf(arn)).toEqual([]);
    const [letter, ...more] = world.account.lambda.deadLetters(queue).slice(dead);
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      requestContext: {
        functionArn: `${world.deployment().functionArns.notify}:$LATEST`,
        approximateInvokeCount: 1 + ON_FAILURE.maximumRetryAttempts,
      },
      requestPayload: { "detail-type": "Incident Detected", detail: { secretArn: arn, kind: "rotation-failed" } },
      responsePayload: { errorType: "ServiceUnavailable" },
    });
  });

  test("or any other event that a function fails on, goes there from every function that rules and schedules call", () => {
    const called = [...RULES, ...SCHEDULES].map(({ target }) => target);
    expect([...ON_FAILURE.functions].sort()).toEqual([...new Set(called)].sort());
  });
});

interface Envelope extends Record<string, unknown> {
  readonly resources?: readonly string[];
}

interface Failure extends Envelope {
  readonly eventName?: string;
  readonly token?: string;
}

/** Secrets Manager's own event, as CloudTrail tells it; `more` has members of its detail. */
function tell(
  secretId: string,
  { eventName = "RotationFailed", token = randomUUID(), resources, ...more }: Failure = {},
): void {
  const isPlaced = resources !== undefined || ["serviceEventDetails", "responseElements"].some((key) => key in more);
  world.account.events.put({
    source: "aws.secretsmanager",
    detailType: "AWS Service Event via CloudTrail",
    resources: resources ?? [],
    detail: {
      eventSource: "secretsmanager.amazonaws.com",
      eventName,
      eventType: "AwsServiceEvent",
      requestParameters: null,
      responseElements: null,
      ...(isPlaced ? {} : { additionalEventData: { SecretId: secretId } }),
      requestID: `Rotation-${secretId}-${token}`,
      errorMessage: `Error when executing lambda ${THEIRS} during setSecret step`,
      ...more,
    },
  });
}

async function fail(secretId: string, failure?: Failure): Promise<void> {
  tell(secretId, failure);
  await world.settled();
}

/** SNS is down for so many tries of notify. The SDK makes three requests in each, to each of two topics. */
function snsFailing(tries: number): Disposable {
  let left = tries * 3 * 2;
  return world.account.intercept(({ operation, phase }) => {
    if (operation !== "Publish" || phase !== "before" || left <= 0) return;
    left -= 1;
    throw new AwsError("InternalError", "down", 500);
  });
}

/** What somebody else does who rotates: a new password at the database, and a version that is AWSCURRENT at once. */
async function putCurrent(secret: TestSecret, password: string): Promise<string> {
  await world.database.setPassword(secret.username, password);
  const { host, port } = secret.proxy;
  const login = { engine: "postgres", host, port, dbname: "postgres", ssl: false, username: secret.username, password };
  const ClientRequestToken = randomUUID();
  await world.client.send(
    new PutSecretValueCommand({ SecretId: secret.arn, ClientRequestToken, SecretString: JSON.stringify(login) }),
  );
  await world.settled();
  return ClientRequestToken;
}

function arnOf(name: string, suffix = "-AbCdEf"): string {
  const { region, accountId } = world.account;
  return `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}${suffix}`;
}

function nameIn(arn: string): string {
  return arn.split(":").at(-1)?.slice(0, -"-AbCdEf".length) ?? "";
}

function incidentsOf(arn: string) {
  return world.incidents().filter(({ secret }) => secret.arn === arn);
}

/** Invocations of dispatch that have ended. */
function decisions() {
  return world.account.lambda
    .logs()
    .filter(({ functionName, text }) => functionName === "dispatch" && text.includes('"done"'));
}
