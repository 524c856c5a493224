import { randomUUID } from "node:crypto";
import { CancelRotateSecretCommand, PutSecretValueCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { deriveToken, executionName, repairName } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { AwsError } from "../../local/services/service.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import {
  errorsLogged,
  executionsOf,
  moment,
  movesOfCurrent,
  outcomesTold,
  until,
  writesOf,
} from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, isSecretCall } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const HOUR = 60 * 60 * 1000;
/** A window that opens in eleven hours, for an hour. */
const later = () => {
  const clock = (ms: number) => new Date(world.clock.now() + ms).toISOString().slice(11, 16);
  return [{ timeZone: "UTC", from: clock(11 * HOUR), to: clock(12 * HOUR) }];
};
/** A freeze period that has begun, and lasts for a day. */
const frozenNow = () => {
  const at = (ms: number) => new Date(world.clock.now() + ms).toISOString();
  return [{ from: at(-HOUR), to: at(24 * HOUR), reason: "end of the year" }];
};

let world: World;
beforeAll(async () => {
  // Waits for windows run ahead, and must not overtake the dependents' own time.
  world = await startWorld({ startsAgoMs: 40 * 24 * HOUR });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a request on a secret that Secrets Manager rotates through Rotor", () => {
  test("becomes one RotateSecret with the derived token, and its duplicates become nothing", async () => {
    const secret = await enabled({ dependents: { orders: "cache" } });
    const base = await current(secret);
    const before = asked(secret).length;

    await world.request(secret);
    await world.request(secret, { expectedVersionId: base });

    const token = deriveToken(secret.arn, base, 1);
    expect(asked(secret).slice(before)).toEqual([token]);
    expect(await current(secret)).toBe(token);
    expect(JSON.parse((await world.run(secret, token)).execution.input ?? "")).toEqual({
      secretArn: secret.arn,
      token,
      mode: "native",
    });
    expect(writesOf(world, secret, "dispatch")).toEqual([]);
    expect(incidentsOf(secret)).toEqual([]);
  });

  test("becomes one rotation where both copies of the event are at work at once, and nobody is alarmed", async () => {
    const secret = await enabled();
    const base = await current(secret);
    const token = deriveToken(secret.arn, base, 1);
    const both = moment();
    let rotated = 0;
    let waiting = 0;
    using _ = world.account.intercept(async (call) => {
      if (call.operation !== "RotateSecret" || !isSecretCall(call, secret, "dispatch")) return;
      if (call.phase === "after") rotated += 1;
      if (call.phase === "after") return;
      waiting += 1;
      if (waiting === 2) both.reach();
      await both.reached;
    });
    {
      using _twice = world.account.events.disturb({
        copies: (event) => (event["detail-type"] === "Rotation Requested" ? 2 : 1),
      });
      await world.request(secret);
    }

    expect([waiting, rotated]).toEqual([2, 1]);
    expect(await current(secret)).toBe(token);
    expect(
      (await executionsOf(world, secret)).filter((name) => name === executionName(secret.arn, token)),
    ).toHaveLength(1);
    expect(incidentsOf(secret)).toEqual([]);
  });

  test("alarms nobody where the second copy is refused, and does not see the version of the first one yet", async () => {
    // The event is young there: the account's clock is not behind.
    await using place = await startWorld();
    const secret = await situation(place, { mode: "native" });
    const base = await rotateOnce(place, secret);
    const labels = await place.labels(secret);
    const until = place.clock.now() + 60_000;
    const both = moment();
    let waiting = 0;
    using _ = place.account.intercept(async (call) => {
      if (!isSecretCall(call, secret, "dispatch")) return;
      if (call.operation === "RotateSecret" && call.phase === "before") {
        waiting += 1;
        if (waiting === 2) both.reach();
        await both.reached;
      }
      if (call.operation !== "DescribeSecret" || call.phase === "before" || place.clock.now() >= until) return;
      return { reply: { ...(call.output as object), VersionIdsToStages: labels } };
    });
    {
      using _twice = place.account.events.disturb({
        copies: (event) => (event["detail-type"] === "Rotation Requested" ? 2 : 1),
      });
      await place.request(secret);
    }

    expect(errorsLogged(place, "dispatch")[0]).toMatch(/^VersionNotVisible: .* it is being rotated/);
    expect(await current(secret, place)).toBe(deriveToken(secret.arn, base, 1));
    expect(place.incidents()).toEqual([]);
  });

  test("that Secrets Manager refuses because AWSPENDING is elsewhere is told as RotationInProgress", async () => {
    const secret = await enabled();
    const labels = await world.labels(secret);
    await takePendingOff(secret);
    await put(secret, ["AWSPENDING"]);

    await world.request(secret, { requester: "olga" });

    const message = expect.stringContaining("that olga asked for");
    expect(incidentsOf(secret)).toEqual([
      expect.objectContaining({ kind: "request-refused", name: "RotationInProgress", severity: "warning", message }),
    ]);
    expect(holderOf(await world.labels(secret), "AWSCURRENT")).toBe(holderOf(labels, "AWSCURRENT"));
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });
});

test.each([
  ["The secret is managed by another service, and you must use that service to update it.", "SecretManagedElsewhere"],
  ["No Lambda rotation function ARN is associated with this secret.", "ConfigurationInvalid"],
])("a request that Secrets Manager refuses with %j is told as %s", async (text, name) => {
  const secret = await enabled();
  using _ = world.account.intercept((call) => {
    if (call.operation !== "RotateSecret" || !isSecretCall(call, secret, "dispatch")) return;
    throw new AwsError("InvalidRequestException", text);
  });

  await world.request(secret, { requester: "olga" });

  const message = expect.stringContaining("that olga asked for");
  expect(incidentsOf(secret)).toEqual([expect.objectContaining({ kind: "request-refused", name, message })]);
  expect(incidentsOf(secret)[0]?.message).not.toContain(text);
});

describe("a request that is refused is one incident, and changes nothing", () => {
  test("a native policy whose rotation was turned off", async () => {
    const secret = await enabled();
    await world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn }));
    await world.settled();

    await expectRefused(secret, "RotationCancelled");
  });

  test.each(["native", "driven"] as const)(
    "a %s policy whose secret has somebody else's rotation function",
    async (mode) => {
      const secret = await situation(world, { mode });
      await turnOnForeign(secret);

      await expectRefused(secret, "ConfigurationInvalid");
    },
  );

  async function expectRefused(secret: Situation, name: string): Promise<void> {
    const before = { labels: await world.labels(secret), executions: await executionsOf(world, secret) };
    const earlier = incidentsOf(secret).length;
    await world.request(secret, { requester: "olga", reason: "leaked" });
    await world.request(secret, { requester: "olga", reason: "leaked" });

    const told = incidentsOf(secret).slice(earlier);
    expect(told.map((each) => [each.kind, each.name])).toEqual(told.map(() => ["request-refused", name]));
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    expect(told[0]?.message).toContain("olga");
    expect(await world.labels(secret)).toEqual(before.labels);
    expect(await executionsOf(world, secret)).toEqual(before.executions);
  }
});

describe("an emergency", () => {
  test("waits for no window and no end of a freeze period, and skips the soak", async () => {
    const policy = { windows: later(), freezes: frozenNow(), soakSeconds: 600 };
    const secret = await situation(world, { dependents: { orders: "cache" }, policy });
    const begun = world.clock.now();

    await world.request(secret, { emergency: true });

    const token = deriveToken(secret.arn, secret.firstVersion, 1, "emergency");
    const { run } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expect(run.path).not.toContain("AwaitWindow");
    expect(run.path).not.toContain("Soak");
    expect(world.clock.now() - begun).toBeLessThan(10 * 60 * 1000);
  });

  test("overtakes an ordinary rotation that waits for its window, which then finds nothing to do", async () => {
    const secret = await situation(world, { policy: { windows: later() } });
    const [ordinary, emergency] = (["ordinary", "emergency"] as const).map((kind) =>
      deriveToken(secret.arn, secret.firstVersion, 1, kind),
    );

    await whileWaiting(secret, ordinary ?? "", async () => {
      tell(secret, { emergency: true });
      await until(() => outcomesTold(world, secret).includes("SUCCEEDED"));
    });

    expect(await current(secret)).toBe(emergency);
    const { execution, path } = await world.run(secret, ordinary ?? "");
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "IGNORED" });
    expect(path).toEqual(["Plan", "Mode", "AwaitWindow", "Plan", "Mode", "Ignored"]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("is rejected while the secret is frozen, while another version is being rotated in, and without a rehearsal", async () => {
    const frozen = await situation(world);
    await world.moveLabel(frozen, "ROTATION_FROZEN", frozen.older, undefined);
    const busy = await situation(world);
    const foreign = await put(busy, ["AWSPENDING"]);
    const unrehearsed = await situation(world, { policy: { rehearsal: { accounts: ["210987654321"] } } });

    for (const [secret, error, labels] of [
      [frozen, "SecretFrozen", { ...frozen.before, [frozen.older]: ["AWSPREVIOUS", "BLUE", "ROTATION_FROZEN"] }],
      [busy, "RotationInProgress", { ...busy.before, [foreign]: ["AWSPENDING"] }],
      [unrehearsed, "RehearsalMissing", unrehearsed.before],
    ] as const) {
      await world.request(secret, { emergency: true });
      const token = deriveToken(secret.arn, secret.firstVersion, 1, "emergency");
      const end: Omit<End, "labels"> = { outcome: "REJECTED", opens: [secret.firstVersion], error, failedIn: "Plan" };
      await expectEnd(world, secret, token, { ...end, labels: labels as End["labels"] });
    }
  });
});

test("a second attempt is rejected while the first one waits for its window, which then rotates", async () => {
  const secret = await situation(world, { policy: { windows: later() } });
  const [first, second] = [1, 2].map((attempt) => deriveToken(secret.arn, secret.firstVersion, attempt)) as [
    string,
    string,
  ];

  await whileWaiting(secret, first, async () => {
    tell(secret, { attempt: 2 });
    await until(() => outcomesTold(world, secret).includes("REJECTED"));
  });

  const labels = secret.succeeded(first);
  const error = { error: "RotationInProgress", failedIn: "Plan" };
  await expectEnd(world, secret, second, { outcome: "REJECTED", labels, opens: [first], ...error });
  const { run } = await expectEnd(world, secret, first, { outcome: "SUCCEEDED", labels, opens: [first] });
  expect(run.path.slice(0, 5)).toEqual(["Plan", "Mode", "AwaitWindow", "Plan", "Mode"]);
});

test("who asked, and why, is in dispatch's log and not in the execution's input", async () => {
  const secret = await situation(world);

  await world.request(secret, { requester: "olga", reason: "a laptop was stolen" });

  const lines = world.account.lambda.logs().filter(({ text }) => text.includes("a laptop was stolen"));
  expect(new Set(lines.map(({ functionName }) => functionName))).toEqual(new Set(["dispatch"]));
  expect(JSON.parse(lines[0]?.text ?? "{}")).toMatchObject({ requester: "olga", reason: "a laptop was stolen" });
  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  const { execution } = await world.run(secret, token);
  expect(execution.input).toBe(JSON.stringify({ secretArn: secret.arn, token, mode: "driven" }));
});

test("why a request was ignored is in dispatch's log, with the secret and without any value", async () => {
  const secret = await situation(world);

  await world.request(secret, { expectedVersionId: secret.older, reason: "asked by mistake" });

  const lines = world.account.lambda.logs().filter(({ text }) => text.includes("asked by mistake"));
  const done = lines.map(({ text }) => JSON.parse(text)).find(({ message }) => message === "done");
  expect(done.result).toEqual({
    decision: "ignored",
    reason: "AWSCURRENT is not the version that the requester saw",
    secretArn: secret.arn,
  });
});

describe("Repair Requested", () => {
  test("takes a rotation back that has succeeded; duplicates with its number share one execution", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = await rotateOnce(world, secret);
    const detail = { secretId: secret.arn, token, repair: 1 };
    {
      using _ = world.account.events.disturb({
        copies: (event) => (event["detail-type"] === "Repair Requested" ? 3 : 1),
      });
      await world.ask("Repair Requested", detail);
    }
    await world.ask("Repair Requested", detail);

    const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [secret.firstVersion] } as const;
    await expectEnd(world, secret, token, { ...end, repair: 1 });
    const name = executionName(secret.arn, token);
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1)]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token, secret.firstVersion]);
  });

  test("is refused while the execution runs, which goes on and ends well", async () => {
    const secret = await situation(world, { policy: { windows: later() } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);

    await whileWaiting(secret, token, async () => {
      tellRepair({ secretId: secret.name, token, requester: "olga" });
      await until(() => incidentsOf(secret).length > 0);
    });

    const message = expect.stringContaining(`A repair of version ${token} of ${secret.name} that olga asked for`);
    expect(incidentsOf(secret)).toEqual([
      expect.objectContaining({ name: "RotationInProgress", severity: "warning", message }),
    ]);
    expect(await executionsOf(world, secret)).toEqual([executionName(secret.arn, token)]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("is refused while a repair runs that had begun before: it is not told the end of that one as its own", async () => {
    const secret = await situation(world);
    const token = await rotateOnce(world, secret);
    {
      using _ = atStep(world, secret, "RollBack", "before", async () => {
        tellRepair({ secretId: secret.name, token });
        await until(() => incidentsOf(secret).length > 0);
      });
      await world.ask("Repair Requested", { secretId: secret.name, token });
    }

    expect(incidentsOf(secret)).toEqual([expect.objectContaining({ name: "RotationInProgress" })]);
    const name = executionName(secret.arn, token);
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1)]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  });

  test("of a version that was never being rotated in is refused, and starts nothing", async () => {
    const secret = await situation(world);
    const labels = await world.labels(secret);

    await world.ask("Repair Requested", { secretId: secret.name, token: randomUUID(), requester: "olga" });
    await world.ask("Repair Requested", { secretId: secret.name, token: secret.older });

    expect(incidentsOf(secret).map(({ name }) => name)).toEqual(["ConfigurationInvalid", "ConfigurationInvalid"]);
    expect(incidentsOf(secret)[0]?.message).toContain("olga");
    expect(await executionsOf(world, secret)).toEqual([]);
    expect(await world.labels(secret)).toEqual(labels);
    expect(outcomesTold(world, secret)).toEqual([]);
  });

  test.each([
    ["without a number", {}],
    ["with a number that is too high", { repair: 2 }],
  ])("%s, that comes again when its repair has ended, is still the same one", async (_what, more) => {
    const secret = await situation(world);
    const token = await rotateOnce(world, secret);
    const time = new Date(world.clock.now());
    const detail = { secretId: secret.name, token, ...more };
    tellRepair(detail, time);
    await world.settled();
    await world.clock.advance(HOUR);

    tellRepair(detail, time);
    await world.settled();

    const name = executionName(secret.arn, token);
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1)]);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
    expect(incidentsOf(secret)).toEqual([]);
  });

  test("that cannot be planned leaves a native rotation that succeeded as it was, for Secrets Manager too", async () => {
    const secret = await enabled();
    const token = await current(secret);
    await world.moveLabel(secret, "ROTATION_FROZEN", secret.older, undefined);

    await world.ask("Repair Requested", { secretId: secret.name, token });

    const repaired = await world.run(secret, token, 1);
    expect([repaired.execution.error, repaired.path[0]]).toEqual(["RollbackFailed", "Plan"]);
    expect(repaired.path).not.toContain("RollBack");
    const event = { Step: "createSecret", SecretId: secret.arn, ClientRequestToken: token };
    const answer = await world.account.lambda.invoke(world.deployment().functionArns.gate, event);
    expect(answer).toMatchObject({ StatusCode: 200, Payload: null });
    // And a person who takes it back by hand finds the secret free for the next rotation.
    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, secret.older);
    await takePendingOff(secret);
    await world.database.setPassword(secret.username, await world.password(secret, secret.firstVersion));
    await world.moveLabel(secret, "AWSCURRENT", secret.firstVersion, token);
    const next = await rotateOnce(world, secret);
    expect((await world.run(secret, next)).execution.status).toBe("SUCCEEDED");
  });

  test("with a number that is too high gets the next one: a repair behind a gap would be seen by nobody", async () => {
    const secret = await situation(world);
    const token = await rotateOnce(world, secret);

    await world.ask("Repair Requested", { secretId: secret.name, token, repair: 9 });
    await world.ask("Repair Requested", { secretId: secret.name, token });

    const name = executionName(secret.arn, token);
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1), repairName(name, 2)]);
    // The second one finds everything in place, and tells the same end.
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK", "ROLLED_BACK"]);
  });
});

/** A native secret that has been rotated once: its rotation is turned on. */
async function enabled(options: Parameters<typeof situation>[1] = {}): Promise<Situation> {
  const secret = await situation(world, { ...options, mode: "native" });
  await rotateOnce(world, secret);
  return secret;
}

/** Asks for an ordinary rotation, and does something while it waits for its window: time stands still meanwhile. */
async function whileWaiting(secret: Situation, token: string, act: () => Promise<void>): Promise<void> {
  const over = moment();
  void world.clock.track(over.reached);
  tell(secret, {});
  try {
    const path = () =>
      world.run(secret, token).then(
        (run) => run.path,
        () => [],
      );
    await until(async () => (await path()).at(-1) === "AwaitWindow");
    await act();
  } finally {
    over.reach();
  }
  await world.settled();
}

function tell(secret: Situation, detail: Record<string, unknown>): void {
  world.account.events.put({
    bus: "rotation",
    source: "test",
    detailType: "Rotation Requested",
    detail: { secretId: secret.name, expectedVersionId: secret.firstVersion, ...detail },
  });
}

function tellRepair(detail: Record<string, unknown>, time?: Date): void {
  world.account.events.put({ bus: "rotation", source: "test", detailType: "Repair Requested", detail, time });
}

/** Rotation by a function that is not ours, turned on without a rotation. */
async function turnOnForeign(secret: TestSecret): Promise<void> {
  const { lambda } = world.account;
  const theirs = { name: `theirs-${randomUUID()}`, file: inject("bundles").dependents ?? "", timeoutMs: 1000 };
  const foreign = lambda.define({ ...theirs, environment: {} });
  await world.client.send(
    new RotateSecretCommand({
      SecretId: secret.arn,
      ClientRequestToken: randomUUID(),
      RotationLambdaARN: foreign,
      RotationRules: { AutomaticallyAfterDays: 30 },
      RotateImmediately: false,
    }),
  );
  await world.settled();
}

async function put(secret: TestSecret, VersionStages: string[]): Promise<string> {
  const ClientRequestToken = randomUUID();
  await world.client.send(
    new PutSecretValueCommand({ SecretId: secret.arn, ClientRequestToken, SecretString: "{}", VersionStages }),
  );
  return ClientRequestToken;
}

async function takePendingOff(secret: TestSecret): Promise<void> {
  const pending = holderOf(await world.labels(secret), "AWSPENDING");
  if (pending !== undefined) await world.moveLabel(secret, "AWSPENDING", undefined, pending);
}

async function current(secret: TestSecret, place: World = world): Promise<string> {
  return holderOf(await place.labels(secret), "AWSCURRENT") ?? "";
}

/** The tokens with which dispatch has called RotateSecret. */
function asked(secret: TestSecret): readonly unknown[] {
  return world.account
    .calls()
    .filter(({ operation, caller }) => operation === "RotateSecret" && caller === "dispatch")
    .map(({ input }) => input as { SecretId?: string; ClientRequestToken?: string })
    .filter(({ SecretId }) => SecretId === secret.arn)
    .map(({ ClientRequestToken }) => ClientRequestToken);
}

function incidentsOf(secret: TestSecret) {
  return world.incidents().filter((each) => each.secret.arn === secret.arn && each.kind === "request-refused");
}
