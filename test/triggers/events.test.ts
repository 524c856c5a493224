/**
 * Where each row of the catalogue of failures, for triggers (E) and for what happens at once (D), has its test.
 *
 * E1 delivered twice               here; incidents, died and requests.test.ts for what is not a rotation
 * E2 E5 several events, any order  here; identity.test.ts ("RotationStarted, as CloudTrail tells it")
 * E3 late                          here
 * E4 lost                          here; reconcile.test.ts, each finding
 * E6 our own moves                 here; observed.test.ts ("the move back starts nothing")
 * E7 unknown secrets               here; incidents.test.ts ("a secret without a policy")
 * E8 other accounts and Regions    here; identity.test.ts ("of another account or Region"), normalise-event.test.ts
 * E9 forged                        here; identity.test.ts ("from a source that begins with aws.")
 * E10 malformed, huge, deep        here; normalise-event.test.ts, identity.test.ts ("malformed")
 * E12 E13 dispatch dies            here
 * D1 two rotations at once         identity.test.ts ("two rotations of one secret at once"), requests.test.ts
 * D2 Secrets Manager rotates, too  identity.test.ts ("RotateSecret is refused", "takes AWSPENDING between")
 * D3 AWSPENDING left over          here; identity.test.ts ("of somebody else that holds AWSPENDING"), reconcile.test.ts
 * D4 AWSCURRENT moved by hand      humans.test.ts ("moves AWSCURRENT to a third version")
 * D5 a version put by hand         humans.test.ts ("adds a version or a label")
 * D6 password changed by hand      target.test.ts ("somebody changes the password by hand")
 * D7 deleted                       humans.test.ts ("the secret is deleted during a rotation")
 * D8 made again under its name     here; incidents.test.ts ("that has the name of one with a policy")
 * D12 D13 managed, replica         managed.test.ts, observed.test.ts, decide.test.ts
 * D14 dependents of a policy       policy.test.ts ("a policy that cannot be followed"), policies.test.ts
 */
import { randomUUID } from "node:crypto";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EVENT_SOURCE } from "../../core/blueprint.ts";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import type { EventChaos } from "../../local/services/events.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { expectEnd } from "../support/invariants.ts";
import { errorsLogged, executionsOf, moment, movesOfCurrent, outcomesTold } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

let world: World;
beforeAll(async () => {
  // Events that come late make virtual time run ahead, and it must not overtake the dependents' own.
  world = await startWorld({ startsAgoMs: 60 * DAY });
});
afterAll(() => world[Symbol.asyncDispose]());

const MODES = ["native", "driven", "observed"] as const;
type Mode = (typeof MODES)[number];

/** A secret of one mode, rotated in the way that mode knows, and how that has to end. */
interface Subject {
  readonly secret: TestSecret;
  /** Asks for a rotation, and returns its token once nothing is at work any more. */
  rotate(): Promise<string>;
  expectRotated(token: string): Promise<void>;
}

async function subject(mode: Mode): Promise<Subject> {
  if (mode === "observed") {
    const managedBy = { OwningService: "rds" };
    const secret = await world.addSecret({ managedBy, policy: { mode }, dependents: { orders: "cache" } });
    return {
      secret,
      rotate: () => rotateByOwner(secret),
      async expectRotated(token) {
        const labels = { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] };
        await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
      },
    };
  }
  const secret = await situation(world, { mode, dependents: { orders: "cache" } });
  return {
    secret,
    rotate: () => rotateOnce(world, secret),
    async expectRotated(token) {
      const labels = secret.succeeded(token);
      await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
    },
  };
}

/** Exactly one execution, and people were told once. */
async function expectOnce({ secret, expectRotated }: Subject, token: string): Promise<void> {
  await expectRotated(token);
  expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
  expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  expect(secret.dependents["orders"]?.versionId()).toBe(token);
}

describe("every event is delivered k times, and a rotation is made once", () => {
  test.each(MODES.flatMap((mode) => [2, 5].map((k) => [mode, k] as const)))("%s, k = %i", async (mode, k) => {
    const one = await subject(mode);
    using _ = disturb({ copies: () => k });

    const token = await one.rotate();

    await expectOnce(one, token);
    expect(incidentsOf(one.secret)).toEqual([]);
  });

  test("a request for a rotation by the secret's owner is made once, and nobody is alarmed", async () => {
    const one = await subject("observed");
    const both = moment();
    let waiting = 0;
    using _hold = world.account.intercept(async (call) => {
      if (call.operation !== "RotateSecret" || call.phase !== "before" || call.caller !== "dispatch") return;
      waiting += 1;
      if (waiting === 2) both.reach();
      await both.reached;
    });
    using _ = disturb({ copies: () => 2 });

    await world.request(one.secret);

    await expectOnce(one, deriveToken(one.secret.arn, one.secret.firstVersion, 1));
    expect(incidentsOf(one.secret)).toEqual([]);
  });
});

describe("the events of a rotation come in any order, and it is made once", () => {
  test.each(MODES.flatMap((mode) => [1, 2, 3].map((seed) => [mode, seed] as const)))(
    "%s, seed %i",
    async (mode, seed) => {
      const one = await subject(mode);
      const random = seeded(seed);
      using _ = disturb({ copies: () => 1 + Math.floor(random() * 2), delayMs: () => Math.floor(random() * 90_000) });

      const token = await one.rotate();

      await expectOnce(one, token);
    },
  );

  test.each(MODES)("%s: told again afterwards, in sampled orders of all of them, they start nothing", async (mode) => {
    const one = await subject(mode);
    const token = await one.rotate();
    const events = eventsOf(one.secret);
    expect(events.length).toBeGreaterThan(mode === "driven" ? 4 : 2);
    const labels = await world.labels(one.secret);
    const random = seeded(4);
    for (let sample = 0; sample < 5; sample += 1) {
      for (const event of shuffled(events, random)) tellAgain(event);
      await world.settled();
    }

    expect(await world.labels(one.secret)).toEqual(labels);
    await expectOnce(one, token);
  });
});

describe("an event that comes 23 hours late", () => {
  test.each(["native", "observed"] as const)("%s: is still of one rotation", async (mode) => {
    const one = await subject(mode);
    using _ = disturb({ delayMs: ({ source }) => (source === "aws.secretsmanager" ? 23 * HOUR : 0) });

    const token = await one.rotate();

    await expectOnce(one, token);
  });

  test("a request is still carried out where AWSCURRENT is what its requester saw", async () => {
    const one = await subject("driven");
    using _ = disturb({ delayMs: ({ source }) => (source === "test" ? 23 * HOUR : 0) });
    const token = await one.rotate();
    await expectOnce(one, token);
  });

  test("a request is not carried out where somebody has rotated meanwhile", async () => {
    const one = await subject("driven");
    const detail = { secretId: one.secret.name, expectedVersionId: one.secret.firstVersion, attempt: 2 };
    {
      using _ = disturb({ delayMs: ({ detail: { attempt } }) => (attempt === 2 ? 23 * HOUR : 0) });
      world.account.events.put({ bus: "rotation", source: "test", detailType: "Rotation Requested", detail });
      world.account.events.put({
        ...{ bus: "rotation", source: "test", detailType: "Rotation Requested" },
        detail: { ...detail, attempt: 1 },
      });
      await world.settled();
    }
    await expectOnce(one, deriveToken(one.secret.arn, one.secret.firstVersion, 1));
  });

  test("the move of AWSCURRENT to a version that is not live any more starts nothing", async () => {
    const one = await subject("observed");
    {
      using _ = disturb({ copies: ({ source }) => (source === "aws.secretsmanager" ? 0 : 1) });
      await one.rotate();
    }
    const late = eventsOf(one.secret);
    const token = await one.rotate();
    for (const event of late) tellAgain(event);
    await world.settled();

    expect(await executionsOf(world, one.secret)).toEqual([executionName(one.secret.arn, token)]);
    expect(one.secret.dependents["orders"]?.versionId()).toBe(token);
  });
});

describe("every read in the first minute after the event shows the past", () => {
  test("driven: the request is carried out by Lambda's next try", async () => {
    await using place = await startWorld();
    const secret = await situation(place);
    using _ = readBehind(place, secret, { [secret.older]: ["AWSCURRENT"] });

    const token = await rotateOnce(place, secret);

    await expectEnd(place, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(errorsLogged(place, "dispatch").map((error) => error.split(":")[0])).toEqual(["VersionNotVisible"]);
    expect(place.account.lambda.deadLetters()).toEqual([]);
  });

  test("observed: the rotation is seen by Lambda's next try, whichever event it is of", async () => {
    await using place = await startWorld();
    const managedBy = { OwningService: "rds" };
    const policy = { mode: "observed" } as const;
    const secret = await place.addSecret({ managedBy, policy, dependents: { orders: "cache" } });
    using _ = readBehind(place, secret, { [secret.firstVersion]: ["AWSCURRENT"] });

    const token = randomUUID();
    await place.client.send(new RotateSecretCommand({ SecretId: secret.arn, ClientRequestToken: token }));
    await place.settled();

    // Of the older version, which is all that was seen, nothing was started.
    expect(await executionsOf(place, secret)).toEqual([executionName(secret.arn, token)]);
    expect((await place.run(secret, token)).path).toContain("ConvergeDependents");
    expect(place.account.lambda.deadLetters()).toEqual([]);
  });

  /** Until a minute has passed dispatch is told these labels. */
  function readBehind(place: World, secret: TestSecret, labels: Record<string, string[]>): Disposable {
    const until = place.clock.now() + 60_000;
    return place.account.intercept(({ operation, caller, phase, output, input }) => {
      const isIt = operation === "DescribeSecret" && caller === "dispatch" && phase === "after";
      if (!isIt || !JSON.stringify(input).includes(secret.name) || place.clock.now() >= until) return undefined;
      return { reply: { ...(output as object), VersionIdsToStages: labels } };
    });
  }
});

describe("an event that is lost", () => {
  test("native: without any event of Secrets Manager's the rotation is made all the same", async () => {
    const one = await subject("native");
    using _ = disturb({ copies: ({ source }) => (source.startsWith("aws.") ? 0 : 1) });
    const token = await one.rotate();
    await expectOnce(one, token);
  });

  test("driven: a request by the schedule that is lost is made again by the next run of reconcile", async () => {
    await using place = await startWorld({ startsAgoMs: 60 * DAY });
    const secret = await situation(place, { policy: { schedule: "rate(7 days)" } });
    await place.clock.advance(8 * DAY);
    {
      using _ = place.account.events.disturb({ copies: () => 0 });
      await reconcile(place);
      expect(await executionsOf(place, secret)).toEqual([]);
    }

    await reconcile(place);

    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    await expectEnd(place, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    await reconcile(place);
    expect(await executionsOf(place, secret)).toHaveLength(1);
  });

  test("driven: of a rotation that dies after that, too, what it left is found by the next run of reconcile", async () => {
    await using place = await startWorld({ startsAgoMs: 60 * DAY });
    const secret = await situation(place, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    {
      using _lost = place.account.events.disturb({ copies: ({ source }) => (source.startsWith("aws.") ? 0 : 1) });
      using _stop = atStep(place, secret, "FinishSecret", "after", async () => {
        const arn = executionArn(place.deployment().stateMachineArn, executionName(secret.arn, token));
        await place.sfn.send(new StopExecutionCommand({ executionArn: arn }));
      });
      await rotateOnce(place, secret);
    }
    await place.clock.advance(10 * 60 * 1000);

    await reconcile(place);

    const labels = secret.rolledBack(token);
    await expectEnd(place, secret, token, { outcome: "ROLLED_BACK", labels, opens: [secret.firstVersion], repair: 1 });
  });
});

test.each(["native", "driven"] as const)(
  "%s: every event that a rotation and a rollback have made is told again, our own among them, and nothing follows",
  async (mode) => {
    const secret = await situation(world, { mode, dependents: { orders: "cache" } });
    const good = await rotateOnce(world, secret);
    for (const double of Object.values(secret.dependents)) double.faults.refresh = 422;
    await rotateOnce(world, secret);
    const before = { labels: await world.labels(secret), executions: await executionsOf(world, secret) };
    expect(before.executions).toHaveLength(2);
    const moves = movesOfCurrent(world, secret).length;

    const echoed = eventsOf(secret);
    for (const event of echoed) tellAgain(event);
    await world.settled();

    expect(echoed.length).toBeGreaterThan(8);
    expect(await executionsOf(world, secret)).toEqual(before.executions);
    expect(await world.labels(secret)).toEqual(before.labels);
    expect(holderOf(before.labels, "AWSCURRENT")).toBe(good);
    // The label events that were told again, and no other move.
    expect(new Set(movesOfCurrent(world, secret).slice(moves))).toEqual(
      new Set(movesOfCurrent(world, secret).slice(0, moves)),
    );
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  },
);

describe("an event about nothing of ours", () => {
  const anywhere = { account: "123456789012", region: "us-east-1", name: "nobodys/db-AbCdEf" };
  const arnIn = ({
    partition = "aws",
    service = "secretsmanager",
    kind = "secret",
    ...place
  }: Partial<typeof anywhere> & {
    partition?: string;
    service?: string;
    kind?: string;
  }) => {
    const { account, region, name } = { ...anywhere, ...place };
    return `arn:${partition}:${service}:${region}:${account}:${kind}:${name}`;
  };

  test("of secrets that no policy names, in every shape, reads and writes nothing", async () => {
    const calls = callsOfDispatch().length;
    const executions = (await world.executions()).length;
    for (const name of ["nobodys/db", "test/db", "x", "rds!db-1", "a".repeat(512)]) {
      const arn = arnIn({ name: `${name}-AbCdEf` });
      tellService(arn, "RotationStarted");
      tellService(arn, "RotationSucceeded");
      tellMoved(arn, randomUUID());
      tellCall(name, "UpdateSecretVersionStage", { versionStage: "AWSCURRENT", moveToVersionId: randomUUID() });
      for (const detailType of ["Rotation Requested", "Rehearsal Requested"]) {
        const detail = { secretId: name, expectedVersionId: randomUUID() };
        world.account.events.put({ bus: "rotation", source: "test", detailType, detail });
      }
      const detail = { secretId: arn, token: randomUUID() };
      world.account.events.put({ bus: "rotation", source: "test", detailType: "Repair Requested", detail });
    }
    await world.settled();

    expect(callsOfDispatch()).toHaveLength(calls);
    expect(await world.executions()).toHaveLength(executions);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ["another account in the envelope", { account: "210987654321" }, arnIn({})],
    ["another Region in the envelope", { region: "eu-west-1" }, arnIn({})],
    ["no account in the envelope", { account: undefined }, arnIn({})],
    ["another account in the ARN", {}, arnIn({ account: "210987654321" })],
    ["another Region in the ARN", {}, arnIn({ region: "eu-west-1" })],
    ["an account of 11 digits in the ARN", {}, arnIn({ account: "12345678901" })],
    ["another service in the ARN", {}, arnIn({ service: "ssm" })],
    ["something that is no secret", {}, arnIn({ kind: "parameter" })],
    ["a partition that is none", {}, arnIn({ partition: "AWS" })],
    ["an ARN in capitals", {}, arnIn({}).toUpperCase()],
    ["an ARN with a line break", {}, arnIn({ name: "x\n-AbCdEf" })],
  ])("with %s is ignored, and nothing is told", async (_what, envelope, secretId) => {
    const event = { ...failedEvent(secretId), ...envelope };
    const calls = callsOfDispatch().length;
    // The same event is told where nothing is wrong with it.
    expect(await ask(failedEvent(arnIn({})))).toMatchObject({ decision: "reported" });
    expect(callsOfDispatch()).toHaveLength(calls + 1);

    expect(await ask(event)).toMatchObject({ decision: "ignored" });

    expect(callsOfDispatch()).toHaveLength(calls + 1);
    await world.settled();
  });
});

test("20 forged events on the rotation bus start nothing, write nothing and are told to nobody", async () => {
  const policy = { rehearsal: { accounts: ["210987654321"] } };
  const secret = await situation(world, { policy });
  const [{ secret: other }] = [await subject("observed")];
  const { arn, name, firstVersion } = secret;
  const before = await everything([secret, other]);
  const rehearsed = {
    digest: "0".repeat(32),
    strategy: "postgres-single-user",
    rollbackProved: true,
    at: new Date().toISOString(),
  };
  const rotation = { arn, name };
  const service = { eventSource: "secretsmanager.amazonaws.com", additionalEventData: { SecretId: arn } };
  const { stateMachineArn } = world.deployment();
  const request = { secretId: name, expectedVersionId: firstVersion };
  const forged: readonly (readonly [source: string, detailType: string, detail: object])[] = [
    ["test", "AWS Service Event via CloudTrail", { ...service, eventName: "RotationStarted" }],
    ["secretsmanager", "AWS Service Event via CloudTrail", { ...service, eventName: "RotationFailed" }],
    [EVENT_SOURCE, "AWS Service Event via CloudTrail", { ...service, eventName: "RotationSucceeded" }],
    [
      "test",
      "AWS API Call via CloudTrail",
      { ...service, eventName: "DeleteSecret", requestParameters: { secretId: arn } },
    ],
    ["test", "Secret Label Updated", { name: other.name, labelUpdated: "AWSCURRENT", versionId: other.firstVersion }],
    [
      EVENT_SOURCE,
      "Secret Label Updated",
      { name: other.name, labelUpdated: "AWSCURRENT", versionId: other.firstVersion },
    ],
    [
      "test",
      "Step Functions Execution Status Change",
      { status: "ABORTED", stateMachineArn, name: executionName(arn, firstVersion) },
    ],
    // The account is declared by EventBridge, not by the sender: this one is not among those that the policy names.
    [EVENT_SOURCE, "Rotation Succeeded", { rehearsal: rehearsed, data: { secret: rotation } }],
    [
      EVENT_SOURCE,
      "Rotation Succeeded",
      { rehearsal: rehearsed, account: "210987654321", data: { secret: { ...rotation, account: "210987654321" } } },
    ],
    [
      EVENT_SOURCE,
      "Rotation Succeeded",
      { rehearsal: rehearsed, data: { secret: { ...rotation, arn: arn.replace(/:\d{12}:/, ":210987654321:") } } },
    ],
    ["test", "Rotation Succeeded", { rehearsal: rehearsed, data: { secret: rotation } }],
    [
      EVENT_SOURCE,
      "Rotation Rolled Back",
      { rehearsal: rehearsed, data: { secret: rotation, rotation: { token: firstVersion } } },
    ],
    [
      EVENT_SOURCE,
      "Rotation Rolled Back",
      {
        rehearsal: rehearsed,
        data: { secret: rotation, rotation: { token: deriveToken(arn, firstVersion, 1, "rehearsal") } },
      },
    ],
    ["test", "Incident Detected", { kind: "rotation-failed", secretArn: arn }],
    [EVENT_SOURCE, "Incident Detected", { kind: "rotation-failed", secretArn: arn, password: "x" }],
    ["test", "Rotation Requested", { ...request, expectedVersionId: randomUUID() }],
    ["test", "Rotation Requested", { ...request, mode: "repair" }],
    ["test", "Rotation Requested", { ...request, secretId: arn.replace(/:\d{12}:/, ":210987654321:") }],
    ["test", "Rotation Requested", { ...request, secretId: `${name}*` }],
    ["test", "Rotation requested", request],
  ];
  expect(forged).toHaveLength(20);
  const client = eventBridge();
  const entry = ([Source, DetailType, detail]: (typeof forged)[number]) => ({
    EventBusName: "rotation",
    Source,
    DetailType,
    Detail: JSON.stringify(detail),
    Resources: [arn],
  });
  for (const part of [forged.slice(0, 10), forged.slice(10)]) {
    const put = await client.send(new PutEventsCommand({ Entries: part.map(entry) }));
    expect(put.FailedEntryCount).toBe(0);
  }
  await world.settled();

  expect(await everything([secret, other])).toEqual(before);
});

describe("an event that is none", () => {
  const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`) as object;
  test.each<[string, unknown]>([
    ["null", null],
    ["a text", "RotationStarted"],
    ["a list", [{ source: "aws.secretsmanager" }]],
    ["an empty object", {}],
    ["one whose detail is a text", { ...failedEvent("x"), detail: "RotationFailed" }],
    ["one whose every value is null", Object.fromEntries(Object.keys(failedEvent("x")).map((key) => [key, null]))],
    ["one whose detail is nested 1,000 levels deep", { ...failedEvent("x"), detail: nested(1000) }],
    ["one of 256 KB", { ...failedEvent("x".repeat(250_000)) }],
    [
      "one with a text of 256 KB in place of a step",
      { ...failedEvent("x"), detail: { errorMessage: `during ${"a".repeat(250_000)}` } },
    ],
  ])("%s is ignored, and ends the function well", async (_what, event) => {
    const calls = callsOfDispatch().length;
    expect(await ask(event)).toMatchObject({ decision: "ignored" });
    expect(callsOfDispatch()).toHaveLength(calls);
  });

  test.each<[string, Record<string, unknown>]>([
    // As deep as the embedded bus takes it: the detail is the first level.
    ["a request whose reason is nested 999 levels deep", { reason: nested(999) }],
    ["a request of 256 KB", { reason: "x".repeat(250_000) }],
  ])("%s is refused three times, and then a dead letter: it goes round no more", async (_what, more) => {
    const secret = await situation(world);
    const dead = world.account.lambda.deadLetters().length;
    const errors = errorsLogged(world, "dispatch").length;

    await world.request(secret, more);

    expect(
      errorsLogged(world, "dispatch")
        .slice(errors)
        .map((error) => error.split(":")[0]),
    ).toEqual(["EventInvalid", "EventInvalid", "EventInvalid"]);
    expect(world.account.lambda.deadLetters()).toHaveLength(dead + 1);
    expect(await executionsOf(world, secret)).toEqual([]);
  });
});

describe("dispatch dies", () => {
  test.each([
    ["driven", "before"],
    ["driven", "after"],
    ["observed", "before"],
    ["observed", "after"],
  ] as const)("%s, just %s StartExecution: Lambda calls it again, and there is one execution", async (mode, phase) => {
    const one = await subject(mode);
    let deaths = 0;
    using _ = world.account.intercept(async (call) => {
      if (call.operation !== "StartExecution" || call.caller !== "dispatch" || call.phase !== phase) return;
      if (deaths > 0 || !JSON.stringify(call.input).includes(one.secret.arn)) return;
      deaths += 1;
      await world.account.lambda.kill("dispatch");
      // What the dead function had sent off never arrived.
      if (phase === "before") throw new Error("lost");
    });

    const token = await one.rotate();

    expect(deaths).toBe(1);
    await expectOnce(one, token);
  });

  test("just after RotateSecret: Lambda calls it again, and Secrets Manager rotates once", async () => {
    const secret = await situation(world, { mode: "native" });
    const base = await rotateOnce(world, secret);
    let deaths = 0;
    using _ = world.account.intercept(async (call) => {
      if (call.operation !== "RotateSecret" || call.caller !== "dispatch" || call.phase !== "after" || deaths > 0)
        return;
      deaths += 1;
      await world.account.lambda.kill("dispatch");
    });

    await world.request(secret);

    const token = deriveToken(secret.arn, base, 1);
    expect(deaths).toBe(1);
    expect(holderOf(await world.labels(secret), "AWSCURRENT")).toBe(token);
    expect(await executionsOf(world, secret)).toHaveLength(2);
    expect(incidentsOf(secret)).toEqual([]);
  });
});

describe("labels that an earlier rotation has left", () => {
  test("AWSPENDING on AWSCURRENT is a leftover, and taken along", async () => {
    const secret = await situation(world);
    await world.moveLabel(secret, "AWSPENDING", secret.firstVersion, undefined);
    const token = await rotateOnce(world, secret);
    const labels = secret.succeeded(token);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
  });

  test("ROTATION_CANDIDATE on a version whose execution nobody knows any more is taken over", async () => {
    const secret = await situation(world);
    await world.moveLabel(secret, "ROTATION_CANDIDATE", secret.older, undefined);
    const token = await rotateOnce(world, secret);
    const labels = secret.succeeded(token);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
  });

  test.each([[["AWSPENDING"]], [["AWSPENDING", "ROTATION_CANDIDATE"]]])(
    "%j on a version of nobody's are not taken: a person has to say what becomes of it",
    async (labels) => {
      const secret = await situation(world);
      const left = await put(secret, labels);
      const token = await rotateOnce(world, secret);
      await expectEnd(world, secret, token, {
        outcome: "REJECTED",
        labels: { ...secret.before, [left]: labels },
        opens: [secret.firstVersion],
        error: "RotationInProgress",
        failedIn: "Plan",
      });
    },
  );

  test("AWSPENDING that was put back on a version that was rolled back is not taken, and once it is off the rotation goes on", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    for (const double of Object.values(secret.dependents)) double.faults.refresh = 422;
    const first = await rotateOnce(world, secret);
    for (const double of Object.values(secret.dependents)) delete double.faults.refresh;
    await world.moveLabel(secret, "AWSPENDING", first, undefined);

    const second = await rotateOnce(world, secret, 2);
    await world.moveLabel(secret, "AWSPENDING", undefined, first);
    const third = await rotateOnce(world, secret, 3);

    expect((await world.run(secret, second)).execution.error).toBe("RotationRejected");
    const labels = { ...secret.succeeded(third), [first]: ["ROTATION_ROLLED_BACK"] };
    await expectEnd(world, secret, third, { outcome: "SUCCEEDED", labels, opens: [third] });
  });
});

test("a secret that is made again under its name during a rotation is not touched by it", async () => {
  const secret = await situation(world);
  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  let made = "";
  using _ = atStep(world, secret, "SetSecret", "before", async () => {
    await world.client.send(new DeleteSecretCommand({ SecretId: secret.arn, ForceDeleteWithoutRecovery: true }));
    const created = await world.client.send(new CreateSecretCommand({ Name: secret.name, SecretString: "{}" }));
    made = created.ARN ?? "";
  });

  await rotateOnce(world, secret);

  expect(made).not.toBe(secret.arn);
  expect(["RollbackFailed", "RotationRejected"]).toContain((await world.run(secret, token)).execution.error);
  const { VersionIdsToStages = {} } = await world.client.send(new DescribeSecretCommand({ SecretId: made }));
  expect(Object.values(VersionIdsToStages)).toEqual([["AWSCURRENT"]]);
  // Dispatch looks at it, because its first AWSCURRENT is an event, and a policy has its name.
  const touched = world.account.calls().filter(({ input }) => (input as { SecretId?: string }).SecretId === made);
  const ours = touched.filter(({ caller }) => caller !== undefined);
  expect(ours.map(({ caller, operation }) => [caller, operation])).toEqual([["dispatch", "DescribeSecret"]]);
});

// --- events ---

/** Everything that was put about a secret, by whomever, in its order. */
function eventsOf({ arn, name }: TestSecret): readonly (BusEvent & { readonly bus: string })[] {
  return world.account.events.seen().filter((event) => {
    const text = JSON.stringify(event);
    return event["detail-type"] !== "Incident Detected" && (text.includes(arn) || text.includes(`"${name}"`));
  });
}

function tellAgain({ bus, source, "detail-type": detailType, resources, detail }: BusEvent & { bus: string }): void {
  world.account.events.put({ bus, source, detailType, resources, detail });
}

function tellService(SecretId: string, eventName: string): void {
  const eventSource = "secretsmanager.amazonaws.com";
  const detail = {
    eventSource,
    eventName,
    additionalEventData: { SecretId },
    requestID: `Rotation-${SecretId}-${randomUUID()}`,
  };
  world.account.events.put({ source: "aws.secretsmanager", detailType: "AWS Service Event via CloudTrail", detail });
}

function tellMoved(arn: string, versionId: string): void {
  const detail = { name: "nobodys/db", labelUpdated: "AWSCURRENT", versionId };
  world.account.events.put({
    source: "aws.secretsmanager",
    detailType: "Secret Label Updated",
    resources: [arn],
    detail,
  });
}

function tellCall(secretId: string, eventName: string, parameters: Record<string, unknown>): void {
  const eventSource = "secretsmanager.amazonaws.com";
  const detail = { eventSource, eventName, requestParameters: { secretId, ...parameters }, responseElements: null };
  world.account.events.put({ source: "aws.secretsmanager", detailType: "AWS API Call via CloudTrail", detail });
}

function failedEvent(SecretId: string) {
  return {
    id: randomUUID(),
    source: "aws.secretsmanager",
    "detail-type": "AWS Service Event via CloudTrail",
    account: "123456789012",
    region: "us-east-1",
    time: "2026-05-04T03:02:01Z",
    resources: [],
    detail: {
      eventSource: "secretsmanager.amazonaws.com",
      eventName: "RotationFailed",
      additionalEventData: { SecretId },
    },
  };
}

/** What dispatch answers, asked directly: EventBridge itself would make an event of this account and Region. */
async function ask(event: unknown): Promise<unknown> {
  const answer = await world.account.lambda.invoke(world.deployment().functionArns.dispatch, event);
  expect(answer.FunctionError, JSON.stringify(answer.Payload)).toBeUndefined();
  return answer.Payload;
}

/** Does this to deliveries until disposed. The schedule of reconcile never runs here. */
function disturb({ copies, ...chaos }: EventChaos): Disposable {
  return world.account.events.disturb({
    ...chaos,
    copies: (event, target) => (event["detail-type"] === "Scheduled Event" ? 0 : (copies?.(event, target) ?? 1)),
  });
}

function eventBridge(): EventBridgeClient {
  const { endpoint, region } = world.account;
  return new EventBridgeClient({ endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } });
}

// --- what happened ---

async function reconcile(place: World): Promise<void> {
  const answer = await place.account.lambda.invoke("reconcile", { time: new Date(place.clock.now()).toISOString() });
  expect(answer.FunctionError, JSON.stringify(answer.Payload)).toBeUndefined();
  await place.settled();
}

/** All that an event could have led to. */
async function everything(secrets: readonly TestSecret[]) {
  const read = secrets.map(async (secret) => {
    const { Tags, VersionIdsToStages } = await world.client.send(new DescribeSecretCommand({ SecretId: secret.arn }));
    return { Tags, VersionIdsToStages };
  });
  return {
    secrets: await Promise.all(read),
    executions: await world.executions(),
    told: world.account.sns.inbox().length,
  };
}

function incidentsOf(secret: TestSecret) {
  return world.incidents().filter((each) => each.secret.arn === secret.arn);
}

function callsOfDispatch() {
  return world.account.calls().filter(({ caller }) => caller === "dispatch");
}

async function rotateByOwner(secret: TestSecret): Promise<string> {
  const token = randomUUID();
  await world.client.send(new RotateSecretCommand({ SecretId: secret.arn, ClientRequestToken: token }));
  await world.settled();
  return token;
}

async function put(secret: Situation, VersionStages: string[]): Promise<string> {
  const ClientRequestToken = randomUUID();
  const version = { SecretId: secret.arn, ClientRequestToken, SecretString: "{}", VersionStages };
  await world.client.send(new PutSecretValueCommand(version));
  return ClientRequestToken;
}

// --- chance ---

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled<T>(all: readonly T[], random: () => number): readonly T[] {
  return all
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}
