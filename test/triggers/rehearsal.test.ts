import { randomUUID } from "node:crypto";
import { DescribeSecretCommand, RotateSecretCommand, TagResourceCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { EVENT_SOURCE, ROTATION_BUS } from "../../core/blueprint.ts";
import { deriveToken, executionName } from "../../core/identity.ts";
import type { PolicyInput } from "../../core/policies.ts";
import { REHEARSAL_TAG } from "../../core/rehearsal.ts";
import { deploy } from "../../local/deploy.ts";
import { AwsError } from "../../local/services/service.ts";
import { expectEnd, type Told } from "../support/invariants.ts";
import {
  errorsLogged,
  executionsOf,
  isGateStep,
  outcomesTold,
  rotationEvents,
  until,
  writesOf,
} from "../support/observations.ts";
import { atStep, failedAttempts, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const STAGING = "210987654321";
const MODES = ["driven", "native"] as const;
type Mode = (typeof MODES)[number];

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe.each(MODES)("a rehearsal in mode %s", (mode) => {
  test("rotates and takes that back, proved; then it rotates and stays, and the bus says what was proved", async () => {
    const secret = await rehearsing(mode);
    const { first, second } = tokensOf(secret);
    const between = atFirstEnd(secret);

    await rehearse(secret);

    expect(await between).toEqual({
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [first]: ["ROTATION_ROLLED_BACK"] },
      opens: [secret.firstVersion],
      dependent: secret.firstVersion,
    });
    await expectEnd(world, secret, second, {
      outcome: "SUCCEEDED",
      labels: {
        [secret.firstVersion]: ["AWSPREVIOUS"],
        [first]: ["ROTATION_ROLLED_BACK"],
        [second]: ["AWSCURRENT", ...(mode === "native" ? ["AWSPENDING"] : []), "ROTATION_CANDIDATE"],
      },
      opens: [second],
    });
    expect(secret.dependents["orders"]?.versionId()).toBe(second);
    const [rolledBack, succeeded, ...others] = toldOf(secret);
    expect(others).toEqual([]);
    expect(rolledBack).toMatchObject({ outcome: "ROLLED_BACK", severity: "notice", actionRequired: false });
    expect(rolledBack?.failure).toMatchObject({ name: "RehearsalRollback", step: "Converged" });
    expect(rolledBack?.rehearsal).toMatchObject({ part: "roll-back", rollbackExecution: null });
    const rollbackExecution = executionName(secret.arn, first);
    expect(succeeded).toMatchObject({ outcome: "SUCCEEDED", rehearsal: { part: "rotation", rollbackExecution } });
    const { digest, strategy } = rolledBack?.rehearsal ?? {};
    expect(provedOf(secret)).toEqual([
      ["Rotation Rolled Back", { digest, strategy }],
      ["Rotation Succeeded", { digest, strategy, at: expect.any(String), rollbackProved: true }],
    ]);
    expect(incidentsOf(secret)).toEqual([]);
    const attempts = ["RotationStarted", "RotationFailed", "RotationStarted", "RotationSucceeded"];
    expect(rotationEvents(world, secret).slice(-4)).toEqual(mode === "native" ? attempts : []);
    const asked = mode === "native" ? ["RotateSecret", "RotateSecret"] : [];
    expect(writesOf(world, secret, "dispatch", ["RotateSecret"])).toEqual(asked);
  });

  test("is the same two rotations where every event comes twice", async () => {
    const secret = await rehearsing(mode);
    const { first, second } = tokensOf(secret);
    using _ = world.account.events.disturb({ copies: (event) => (event.source === "aws.events" ? 0 : 2) });

    await rehearse(secret);

    expect(await executionsOf(world, secret)).toEqual([first, second].map((each) => executionName(secret.arn, each)));
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "SUCCEEDED"]);
    expect(incidentsOf(secret)).toEqual([]);
  });

  test("that is rolled back for a real reason has proved nothing, and ends there; the next attempt is a whole one", async () => {
    const secret = await rehearsing(mode);
    const double = secret.dependents["orders"];
    if (double) double.faults.refresh = 503;

    await rehearse(secret);

    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
    expect(toldOf(secret)[0]).toMatchObject({ severity: "warning", failure: { step: "ConvergeDependents" } });
    expect(provedOf(secret)).toEqual([["Rotation Rolled Back", undefined]]);
    expect(incidentsOf(secret)).toEqual([]);
    if (double) delete double.faults.refresh;
    await rehearse(secret, { attempt: 2 });
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "ROLLED_BACK", "SUCCEEDED"]);
    expect(provedOf(secret).at(-1)?.[1]).toMatchObject({ rollbackProved: true });
  });
});

test("a rehearsal takes back what has converged under a policy, too, that keeps what has not", async () => {
  const secret = await rehearsing("driven", { whenUnhealthy: "keep-new" });
  await rehearse(secret);
  expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "SUCCEEDED"]);
});

test("a rehearsal of a secret that does not rehearse is refused, and that is told", async () => {
  const secret = await rehearsing("driven", { rehearses: false });
  const before = await world.labels(secret);

  await rehearse(secret, { requester: "ops" });

  expect(incidentsOf(secret)).toMatchObject([{ kind: "request-refused", name: "ConfigurationInvalid" }]);
  expect(incidentsOf(secret)[0]?.message).toMatch(/that ops asked for was refused: .*rehearses: true/);
  expect(await executionsOf(world, secret)).toEqual([]);
  expect(await world.labels(secret)).toEqual(before);
});

test("a rehearsal that waits while its policy is taken out of rehearsing is rejected: it is no rotation of its own", async () => {
  await using own = await startWorld();
  const [from, to] = [-HOUR, HOUR].map((each) => new Date(own.clock.now() + each).toISOString());
  const freezes = [{ from: from ?? "", to: to ?? "", reason: "release" }];
  const secret = await own.addSecret({ policy: { mode: "driven", rehearses: true, freezes } });
  const { first } = tokensOf(secret);
  const config = [{ secretId: secret.name, strategy: "postgres-single-user", mode: "driven" }] as const;
  using _ = atStep(own, secret, "Plan", "after", () => deploy(own.account, { config, bundles: inject("bundles") }));

  await own.ask("Rehearsal Requested", { secretId: secret.name, expectedVersionId: secret.firstVersion });

  const { run, told } = await expectEnd(own, secret, first, {
    outcome: "REJECTED",
    labels: { [secret.firstVersion]: ["AWSCURRENT"] },
    opens: [secret.firstVersion],
    error: "ConfigurationInvalid",
    failedIn: "Plan",
  });
  expect(run.path).toContain("AwaitWindow");
  expect(told?.failure?.message).toMatch(/asked for as a rehearsal/);
});

test("the second part waits for the execution of the first, which tells its end before it ends", async () => {
  const secret = await rehearsing("driven");
  const { second } = tokensOf(secret);
  let looks = 0;
  using _ = world.account.intercept(({ operation, phase, input }) => {
    const { rotation } = (input as { Payload?: { rotation?: { token?: string } } }).Payload ?? {};
    if (operation === "Invoke" && phase === "after" && rotation?.token === second) looks += 1;
  });
  using __ = atStep(world, secret, "Notify", "after", () => until(() => looks > 0));

  await rehearse(secret);

  expect(failedAttempts(await world.run(secret, second), "Plan")).toEqual(["VersionNotVisible"]);
  expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "SUCCEEDED"]);
});

describe.each(MODES)("a policy of mode %s that requires a rehearsal", (mode) => {
  test("lets nothing be rotated before it; the rehearsal of another secret of the account lets it", async () => {
    const rehearsed = await rehearsing(mode);
    const secret = await requiring(mode, { secretId: rehearsed.name, accounts: [world.account.accountId] });
    const connections = secret.proxy.connections();

    const refused = await rotate(secret, mode, 1);

    await expectRejected(secret, refused, /^\S+ may only be rotated after a rehearsal, and none is known\./);
    expect(secret.proxy.connections()).toBe(connections);
    expect(writesOf(world, secret, "gate", ["PutSecretValue"])).toEqual([]);

    await rehearse(rehearsed);
    const [, passed] = provedOf(rehearsed);
    const proof = passed?.[1] as { digest: string; at: string };
    expect(await tagsOf(secret)).toEqual({
      [REHEARSAL_TAG + proof.digest]: `${proof.at} ${world.account.accountId}`,
    });
    expect(await tagsOf(rehearsed)).toEqual({});
    const token = await rotate(secret, mode, 2);
    expect(toldOf(secret).at(-1)).toMatchObject({ outcome: "SUCCEEDED", rotation: { token }, override: null });
  });

  test("does not take one that is older than the policy says", async () => {
    const secret = await requiring(mode, { accounts: [STAGING], maxAgeDays: 2 });
    const digest = await digestOf(secret, mode);
    putPassed(secret, { digest, at: new Date(Date.now() - 2 * DAY - HOUR) });
    await world.settled();

    const token = await rotate(secret, mode, 2);

    await expectRejected(secret, token, new RegExp(`the last one \\(\\S+ ${STAGING}\\) is not of the last 2 days`));
    putPassed(secret, { digest, at: new Date(Date.now() - 2 * DAY + HOUR) });
    await world.settled();
    await rotate(secret, mode, 3);
    expect(outcomesTold(world, secret).at(-1)).toBe("SUCCEEDED");
  });

  test("can be overridden for a time, and the outcome says by whom and why", async () => {
    const override = { by: "J. Doe", reason: "staging is down, INC-4711" };
    const until = new Date(world.clock.now() + DAY).toISOString();
    const secret = await requiring(mode, { accounts: [STAGING], override: { ...override, until } });

    await rotate(secret, mode, 1);

    expect(toldOf(secret)).toMatchObject([{ outcome: "SUCCEEDED", override }]);
    const emails = world.account.sns.inbox(world.deployment().topicArns.email).map(({ Message }) => Message);
    const [email] = emails.filter((each) => each.includes(secret.name));
    expect(email?.replaceAll(/\s+/g, " ")).toContain(
      "rotated without its rehearsal, by J. Doe: staging is down, INC-4711",
    );
  });
});

test("a policy does not take the rehearsal of another policy", async () => {
  const rehearsed = await rehearsing("driven");
  const accounts = [world.account.accountId];
  const secret = await requiring("driven", { secretId: rehearsed.arn, accounts }, { soakSeconds: 1 });
  await rehearse(rehearsed);
  expect(Object.keys(await tagsOf(secret))).toHaveLength(1);

  const token = await rotate(secret, "driven", 1);

  await expectRejected(secret, token, /none of this release, workflow and policy is known \(digest \w+; 1 of others\)/);
});

test("a rehearsal is required again when the override has expired", async () => {
  const override = { by: "J. Doe", reason: "staging is down", until: new Date(world.clock.now() - HOUR).toISOString() };
  const secret = await requiring("driven", { accounts: [STAGING], override });
  await expectRejected(secret, await rotate(secret, "driven", 1), /none is known/);
});

test("a rehearsal grows too old while nothing happens", async () => {
  const rehearsed = await rehearsing("driven");
  const accounts = [world.account.accountId];
  const secret = await requiring("driven", { secretId: rehearsed.name, accounts, maxAgeDays: 1 });
  await rehearse(rehearsed);
  await world.account.events.operations["DisableRule"]?.({ Name: "reconcile" });
  await world.clock.advance(DAY + HOUR);

  const token = await rotate(secret, "driven", 1);

  await expectRejected(secret, token, /is not of the last 1 days/);
});

describe("an event that says that a rehearsal was passed", () => {
  const digest = "0123456789abcdef0123456789abcdef";

  test("of the secret of the same name in a declared account is kept, with its time and account", async () => {
    const secret = await requiring("driven", { accounts: ["333333333333", STAGING] });
    const at = new Date(Date.now() - HOUR);
    putPassed(secret, { digest, at });
    await world.settled();
    expect(await tagsOf(secret)).toEqual({ [REHEARSAL_TAG + digest]: `${at.toISOString()} ${STAGING}` });
  });

  test.each<[what: string, forged: (secret: TestSecret) => Forged]>([
    ["of an account that is not declared", () => ({ account: "333333333333" })],
    ["of a secret of another name", (secret) => ({ name: `${secret.name}-too` })],
    ["of a secret of another account than its own", () => ({ secretAccount: "333333333333" })],
    ["of another source", () => ({ source: "rotor.rotations" })],
    ["of another detail-type", () => ({ detailType: "Rotation Rolled Back" })],
    ["without a proved rollback", () => ({ rehearsal: { rollbackProved: false } })],
    ["with a digest that is none", () => ({ rehearsal: { digest: `${digest}"` } })],
    ["with a digest that is a list", () => ({ rehearsal: { digest: [digest] } })],
    ["without a strategy", () => ({ rehearsal: { strategy: undefined } })],
    ["without a time", () => ({ rehearsal: { at: "soon" } })],
    ["of tomorrow", () => ({ at: new Date(Date.now() + DAY) })],
  ])("%s is kept nowhere", async (_what, forged) => {
    putPassed(shared, { digest, ...forged(shared) });
    await world.settled();
    expect(await tagsOf(shared)).toEqual({});
  });
  let shared: TestSecret;
  beforeAll(async () => {
    shared = await requiring("driven", { accounts: [STAGING] });
  });

  test("counts for the full ARN that a policy names, and for no other secret of that name", async () => {
    const arn = `arn:aws:secretsmanager:us-east-1:${STAGING}:secret:staging/db-AbCdEf`;
    const secret = await requiring("driven", { secretId: arn, accounts: [STAGING, "333333333333"] });
    putPassed(secret, { digest, name: "staging/db", account: "333333333333" });
    await world.settled();
    expect(await tagsOf(secret)).toEqual({});
    putPassed(secret, { digest, name: "staging/db" });
    await world.settled();
    expect(Object.keys(await tagsOf(secret))).toEqual([REHEARSAL_TAG + digest]);
  });

  test("late, or once more, does not replace a later one of its digest", async () => {
    const secret = await requiring("driven", { accounts: [STAGING] });
    const at = new Date(Date.now() - HOUR);
    for (const each of [at, at, new Date(at.getTime() - DAY)]) {
      putPassed(secret, { digest, at: each });
      await world.settled();
    }
    expect(await tagsOf(secret)).toEqual({ [REHEARSAL_TAG + digest]: `${at.toISOString()} ${STAGING}` });
  });

  test("leaves the newest five digests, none of them too old, and every tag of somebody else's", async () => {
    const secret = await requiring("driven", { accounts: [STAGING], maxAgeDays: 7 });
    await world.account.secretsManager.operations["TagResource"]?.({
      SecretId: secret.arn,
      Tags: [{ Key: "team", Value: "orders" }],
    });
    const now = Date.now();
    const put = async (n: number, daysAgo: number) => {
      putPassed(secret, { digest: `${n}`.repeat(32), at: new Date(now - daysAgo * DAY) });
      await world.settled();
    };
    const kept = async () => Object.keys(await tagsOf(secret)).map((key) => key.slice(REHEARSAL_TAG.length)[0]);
    await put(1, 8);
    await put(2, 6);
    expect((await kept()).sort()).toEqual(["1", "2"]);
    for (const [n, daysAgo] of [
      [3, 4],
      [4, 5],
      [5, 3],
      [6, 2],
      [7, 1],
    ] as const) {
      await put(n, daysAgo);
    }
    expect((await kept()).sort()).toEqual(["3", "4", "5", "6", "7"]);
    const { Tags = [] } = await world.client.send(new DescribeSecretCommand({ SecretId: secret.arn }));
    expect(Tags).toContainEqual({ Key: "team", Value: "orders" });
  });

  test("is kept for every secret that wants it, though one of them does not exist", async () => {
    const rehearsal = { secretId: "staging/shared", accounts: [STAGING] };
    await requiring("driven", rehearsal, { secretId: "no/such-secret" });
    const secrets = [await requiring("driven", rehearsal), await requiring("driven", rehearsal)];
    putPassed(shared, { digest, name: "staging/shared" });
    await world.settled();
    for (const secret of secrets) expect(Object.keys(await tagsOf(secret))).toEqual([REHEARSAL_TAG + digest]);
  });

  test("is kept for every secret that wants it, though one of them cannot be tagged", async () => {
    const digest = "b".repeat(32);
    const rehearsal = { accounts: [STAGING], secretId: `staging/${randomUUID()}` };
    const [first, second] = [await requiring("driven", rehearsal), await requiring("driven", rehearsal)];
    using _ = refuseTags(first, () => true);
    const dead = world.account.lambda.deadLetters().length;

    putPassed(second, { digest, name: rehearsal.secretId });
    await world.settled();

    expect(await tagsOf(first)).toEqual({});
    expect(Object.keys(await tagsOf(second))).toEqual([REHEARSAL_TAG + digest]);
    // It was tried three times, and then somebody has to look.
    expect(world.account.lambda.deadLetters()).toHaveLength(dead + 1);
  });

  test("takes the place of an outdated one where no tag is free", async () => {
    const secret = await requiring("driven", { accounts: [STAGING] });
    const digest = "c".repeat(32);
    await addTags(secret, 49);
    putPassed(secret, { digest: "d".repeat(32), at: new Date(Date.now() - 30 * DAY) });
    await world.settled();
    using _ = refuseTags(secret, (tags) => tags > 50);

    putPassed(secret, { digest });
    await world.settled();

    expect(Object.keys(await tagsOf(secret))).toEqual([REHEARSAL_TAG + digest]);
  });

  test.each(["InvalidParameterException", "InvalidRequestException", "LimitExceededException"])(
    "cannot be kept where every tag is somebody else's, and the log says so, whichever error AWS answers: %s",
    async (code) => {
      const secret = await requiring("driven", { accounts: [STAGING] });
      await addTags(secret, 50);
      using _ = refuseTags(secret, (tags) => tags > 50, code);

      putPassed(secret, { digest: "e".repeat(32) });
      await world.settled();

      expect(await tagsOf(secret)).toEqual({});
      const error = `ConfigurationInvalid: secretsmanager:TagResource on ${secret.name}: it has 50 tags, and may have 50. Remove one that is not needed.`;
      expect(errorsLogged(world, "dispatch")).toContain(error);
    },
  );

  /** Secrets Manager answers so when dispatch would give the secret more tags than it may have. */
  function refuseTags(secret: TestSecret, isOver: (tags: number) => boolean, code = "InvalidParameterException") {
    return world.account.intercept(async (call) => {
      if (call.operation !== "TagResource" || call.phase !== "before" || !isSecretCall(call, secret, "dispatch"))
        return;
      const { Tags = [] } = await world.client.send(new DescribeSecretCommand({ SecretId: secret.arn }));
      if (isOver(Tags.length + 1)) throw new AwsError(code, "as the test wants it");
    });
  }

  async function addTags(secret: TestSecret, count: number): Promise<void> {
    const Tags = Array.from({ length: count }, (_, n) => ({ Key: `team:${n}`, Value: "x" }));
    await world.client.send(new TagResourceCommand({ SecretId: secret.arn, Tags }));
  }
});

// --- internal ---

interface Forged {
  readonly account?: string;
  /** Of the secret's ARN. Default: `account`. */
  readonly secretAccount?: string;
  readonly name?: string;
  readonly source?: string;
  readonly detailType?: string;
  readonly at?: Date;
  readonly rehearsal?: Readonly<Record<string, unknown>>;
}

/** The event of another account's deployment, as that account's rule sends it here. */
function putPassed(secret: TestSecret, passed: Forged & { readonly digest: string }): void {
  const { account = STAGING, name = secret.name, at = new Date(), digest } = passed;
  const arn = `arn:aws:secretsmanager:us-east-1:${passed.secretAccount ?? account}:secret:${name}-AbCdEf`;
  const strategy = "postgres-single-user";
  world.account.events.put({
    source: passed.source ?? EVENT_SOURCE,
    detailType: passed.detailType ?? "Rotation Succeeded",
    bus: ROTATION_BUS,
    account,
    detail: {
      data: { secret: { arn, name }, rotation: { token: deriveToken(arn, digest, 1, "rehearsed") } },
      rehearsal: { digest, strategy, at: at.toISOString(), rollbackProved: true, ...passed.rehearsal },
    },
  });
}

async function rehearsing(mode: Mode, policy: Partial<PolicyInput> = {}): Promise<TestSecret> {
  return withRotation(mode, await world.addSecret({ policy: { mode, rehearses: true, ...policy }, ...DEPENDENTS }));
}

async function requiring(
  mode: Mode,
  rehearsal: PolicyInput["rehearsal"],
  policy: Partial<PolicyInput> = {},
): Promise<TestSecret> {
  return withRotation(mode, await world.addSecret({ policy: { mode, rehearsal, ...policy }, ...DEPENDENTS }));
}

const DEPENDENTS = { dependents: { orders: "cache" } } as const;

/** In native mode Secrets Manager rotates it from now on. */
async function withRotation(mode: Mode, secret: TestSecret): Promise<TestSecret> {
  if (mode === "native") {
    const request = {
      SecretId: secret.arn,
      RotationLambdaARN: world.deployment().functionArns.gate,
      RotationRules: { AutomaticallyAfterDays: 30 },
      RotateImmediately: false,
    };
    await world.client.send(new RotateSecretCommand(request));
    await world.settled();
  }
  return secret;
}

async function rehearse(secret: TestSecret, detail: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await world.ask("Rehearsal Requested", { secretId: secret.name, expectedVersionId: secret.firstVersion, ...detail });
}

function tokensOf({ arn, firstVersion }: TestSecret) {
  const [first, second] = (["rehearsal", "rehearsed"] as const).map((kind) => deriveToken(arn, firstVersion, 1, kind));
  return { first: first ?? "", second: second ?? "" };
}

/** What is true when the end of the rehearsal's first part has been told. */
function atFirstEnd(secret: TestSecret): Promise<unknown> {
  return new Promise((resolve) => {
    atStep(world, secret, "Notify", "after", async () => {
      const labels = await world.labels(secret);
      const doors = await Promise.all(
        Object.keys(labels).map(async (versionId) => ((await world.signsIn(secret, versionId)) ? [versionId] : [])),
      );
      resolve({ labels, opens: doors.flat(), dependent: secret.dependents["orders"]?.versionId() });
    });
  });
}

/** Asks for a rotation, and waits for its end. Returns the candidate's VersionId. */
async function rotate(secret: TestSecret, mode: Mode, attempt: number): Promise<string> {
  if (mode === "native") {
    const token = randomUUID();
    // What a refusing gate leaves is gone soon; the workflow is to say why before that.
    using _ = world.account.intercept(async (call) => {
      if (call.phase !== "before" || !isGateStep(call, secret, "createSecret")) return;
      await until(async () => (await executionsOf(world, secret)).includes(executionName(secret.arn, token)));
    });
    return await world.rotate(secret, token);
  }
  await world.request(secret, { attempt });
  return deriveToken(secret.arn, secret.firstVersion, attempt);
}

async function expectRejected(secret: TestSecret, token: string, message: RegExp): Promise<void> {
  const { told } = await expectEnd(world, secret, token, {
    outcome: "REJECTED",
    labels: { [secret.firstVersion]: ["AWSCURRENT"] },
    opens: [secret.firstVersion],
    error: "RehearsalMissing",
    failedIn: "Plan",
  });
  expect(told?.failure?.message).toMatch(message);
}

/** The digest that a secret's rotation wants, as its refusal says. */
async function digestOf(secret: TestSecret, mode: Mode): Promise<string> {
  putPassed(secret, { digest: "f".repeat(32) });
  await world.settled();
  await rotate(secret, mode, 1);
  const digest = /\(digest (\w+);/.exec(toldOf(secret).at(-1)?.failure?.message ?? "")?.[1];
  expect(digest).toBeDefined();
  return digest ?? "";
}

function toldOf(secret: TestSecret): readonly Told[] {
  const all = world.notifications() as readonly unknown[] as readonly Told[];
  return all.filter((each) => each.secret.arn === secret.arn);
}

function incidentsOf(secret: TestSecret) {
  return world.incidents().filter((each) => each.secret.arn === secret.arn);
}

/** The secret's outcomes on the bus, and what each of them proves. */
function provedOf(secret: TestSecret): readonly (readonly [detailType: string, proved: unknown])[] {
  const own = world.account.events
    .seen()
    .filter(
      ({ source, bus, resources }) => source === EVENT_SOURCE && bus === ROTATION_BUS && resources[0] === secret.arn,
    );
  return own
    .filter((event) => event["detail-type"].startsWith("Rotation "))
    .map((event) => [event["detail-type"], event.detail["rehearsal"]]);
}

/** The tags that keep rehearsals. */
async function tagsOf(secret: TestSecret): Promise<Record<string, string>> {
  const { Tags = [] } = await world.client.send(new DescribeSecretCommand({ SecretId: secret.arn }));
  const own = Tags.filter(({ Key }) => Key?.startsWith(REHEARSAL_TAG));
  return Object.fromEntries(own.map(({ Key = "", Value = "" }) => [Key, Value]));
}
