import { randomUUID } from "node:crypto";
import {
  CancelRotateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken } from "../../core/identity.ts";
import { queryAs } from "../support/database.ts";
import { type End, expectEnd, notificationsOf } from "../support/invariants.ts";
import { until } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { afterEffect, atStep, beforeEffect, breakStep, type StepName } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

type Mode = Situation["mode"];

const MODES: readonly Mode[] = ["driven", "native"];
const rejected = ({ before, firstVersion }: Situation): End => ({
  outcome: "REJECTED",
  labels: before,
  opens: [firstVersion],
});
const rolledBack = (secret: Situation, token: string): End => ({
  outcome: "ROLLED_BACK",
  labels: secret.rolledBack(token),
  opens: [secret.firstVersion],
});
const success = (secret: Situation, token: string): End => ({
  outcome: "SUCCEEDED",
  labels: secret.succeeded(token),
  opens: [token],
});

/** Rotates with a token that the test knows before, so that people can act on the candidate while it is being rotated in. */
async function rotateAs(world: World, secret: Situation, token: string): Promise<void> {
  if (secret.mode === "native") await world.rotate(secret, token);
  else await world.request(secret);
}

const tokenOf = (secret: Situation) =>
  secret.mode === "native" ? randomUUID() : deriveToken(secret.arn, secret.firstVersion, 1);

/** Native: the gate has written the candidate. The workflow may have begun before. */
async function untilWritten(world: World, secret: Situation, token: string): Promise<void> {
  await until(async () => (await world.labels(secret))[token]?.includes("ROTATION_CANDIDATE"));
}

/** A version with the password that works, put by a person under labels of their choice. */
async function putByHand(world: World, secret: Situation, labels: readonly string[]): Promise<string> {
  const { proxy, username } = secret;
  const password = await world.password(secret, secret.firstVersion);
  const value = { engine: "postgres", host: proxy.host, port: proxy.port, ssl: false, username, password };
  const put = await world.client.send(
    new PutSecretValueCommand({
      SecretId: secret.arn,
      SecretString: JSON.stringify(value),
      VersionStages: [...labels],
    }),
  );
  return put.VersionId ?? "";
}

describe("AWSPENDING is taken off the candidate: the rotation is cancelled", () => {
  const cases = MODES.flatMap((mode) =>
    (
      [
        ["SetSecret", "before", "SetSecret"],
        ["TestSecret", "before", "TestSecret"],
        ["FinishSecret", "before", "FinishSecret"],
      ] as const
    ).map(([step, phase, seenIn]) => [step, mode, phase, seenIn] as const),
  );
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const [step, mode] of cases) secrets.set(`${step} ${mode}`, await situation(world, { mode }));
    for (const name of ["placeholder", "promoted"]) {
      secrets.set(name, await situation(world, { mode: "native" }));
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(cases)("just before %s, %s: rolled back, and proved", async (step, mode, phase, seenIn) => {
    const secret = secrets.get(`${step} ${mode}`) as Situation;
    const token = tokenOf(secret);
    using _ = atStep(world, secret, step, phase, () => world.moveLabel(secret, "AWSPENDING", undefined, token));

    await rotateAs(world, secret, token);

    const end = { ...rolledBack(secret, token), failedIn: seenIn, error: "RotationCancelled" };
    const { told } = await expectEnd(world, secret, token, end);
    expect(told).toMatchObject({ severity: "notice", actionRequired: false });
    const next = await rotateOnce(world, secret, 2);
    const labels = { ...secret.succeeded(next), [token]: ["ROTATION_ROLLED_BACK"] };
    await expectEnd(world, secret, next, { outcome: "SUCCEEDED", labels, opens: [next] });
  });

  test("before CreateSecret has seen it, native: discarded, nothing is touched", async () => {
    const secret = secrets.get("placeholder") as Situation;
    const token = randomUUID();
    using _ = atStep(world, secret, "CreateSecret", "before", async () => {
      await untilWritten(world, secret, token);
      await world.moveLabel(secret, "AWSPENDING", undefined, token);
    });

    await world.rotate(secret, token);

    const end = { ...rejected(secret), failedIn: "CreateSecret", error: "RotationCancelled" };
    await expectEnd(world, secret, token, end);
  });

  test("after promotion it cancels nothing any more", async () => {
    const secret = secrets.get("promoted") as Situation;
    const token = randomUUID();
    using _ = atStep(world, secret, "FinishSecret", "after", () =>
      world.moveLabel(secret, "AWSPENDING", undefined, token),
    );

    await world.rotate(secret, token);

    const labels = { ...secret.succeeded(token), [token]: ["AWSCURRENT", "ROTATION_CANDIDATE"] };
    await expectEnd(world, secret, token, { ...success(secret, token), labels });
  });
});

describe("CancelRotateSecret during a native rotation", () => {
  const cases: readonly (readonly [StepName, "before" | "after", (secret: Situation, token: string) => End])[] = [
    ["CreateSecret", "before", (secret) => ({ ...rejected(secret), failedIn: "CreateSecret" })],
    ["SetSecret", "before", (secret, token) => ({ ...rolledBack(secret, token), failedIn: "FinishSecret" })],
    ["TestSecret", "after", (secret, token) => ({ ...rolledBack(secret, token), failedIn: "FinishSecret" })],
    ["FinishSecret", "after", success],
  ];
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const [step] of cases) secrets.set(step, await situation(world, { mode: "native" }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(cases)("%s, %s it", async (step, phase, endOf) => {
    const secret = secrets.get(step) as Situation;
    const token = randomUUID();
    using _ = atStep(world, secret, step, phase, async () => {
      // The gate has written the version; CreateSecret of the workflow only looks.
      await untilWritten(world, secret, token);
      await world.client.send(new CancelRotateSecretCommand({ SecretId: secret.arn }));
    });

    await world.rotate(secret, token);

    const end = endOf(secret, token);
    await expectEnd(world, secret, token, end.outcome === "SUCCEEDED" ? end : { ...end, error: "RotationCancelled" });
    // RotateSecret turns rotation on again.
    const next = await world.rotate(secret);
    expect((await world.run(secret, next)).execution.status).toBe("SUCCEEDED");
  });
});

describe("the secret is deleted during a rotation", () => {
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const mode of MODES) {
      secrets.set(`before ${mode}`, await situation(world, { mode }));
      secrets.set(`after ${mode}`, await situation(world, { mode }));
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** Values of a deleted secret cannot be read, so the passwords are noted before. */
  async function remove(secret: Situation, versionIds: readonly string[]): Promise<readonly string[]> {
    const passwords = await Promise.all(versionIds.map((versionId) => world.password(secret, versionId)));
    await world.client.send(new DeleteSecretCommand({ SecretId: secret.arn }));
    return passwords;
  }

  async function opens({ username }: Situation, password: string | undefined): Promise<boolean> {
    const login = { ...world.database, username, password: password ?? "" };
    return queryAs(login, "SELECT 1").then(
      () => true,
      () => false,
    );
  }

  test.each(MODES)("before CreateSecret, %s: rejected, the target is not touched", async (mode) => {
    const secret = secrets.get(`before ${mode}`) as Situation;
    const token = tokenOf(secret);
    let passwords: readonly string[] = [];
    using _ = atStep(world, secret, "CreateSecret", "before", async () => {
      if (mode === "native") await untilWritten(world, secret, token);
      passwords = await remove(secret, [secret.firstVersion]);
    });

    await rotateAs(world, secret, token);

    const run = await world.run(secret, token);
    expect(run.execution.error).toBe("RotationRejected");
    const cause = JSON.parse(run.execution.cause ?? "{}") as unknown;
    expect(cause).toMatchObject({ outcome: "REJECTED", failedIn: "CreateSecret", error: "SecretNotFound" });
    // A deleted secret takes no write: what the gate has labelled stays.
    const left = mode === "native" ? { [token]: ["AWSPENDING", "ROTATION_CANDIDATE"] } : {};
    expect(await world.labels(secret)).toEqual({ ...secret.before, ...left });
    expect(await opens(secret, passwords[0])).toBe(true);
    expect(notificationsOf(world, run).map(({ event }) => event)).toEqual(["rotation.rejected"]);
  });

  test.each(MODES)("after SetSecret, %s: it cannot be put back, and a person is told so", async (mode) => {
    const secret = secrets.get(`after ${mode}`) as Situation;
    const token = tokenOf(secret);
    let passwords: readonly string[] = [];
    using _ = atStep(world, secret, "SetSecret", "after", async () => {
      passwords = await remove(secret, [secret.firstVersion, token]);
    });

    await rotateAs(world, secret, token);

    const run = await world.run(secret, token);
    expect(run.execution.error).toBe("RollbackFailed");
    const cause = JSON.parse(run.execution.cause ?? "{}") as unknown;
    expect(cause).toMatchObject({ failedIn: "TestSecret", error: "SecretNotFound", rollbackError: "SecretNotFound" });
    const labels = { ...secret.before, [token]: ["AWSPENDING", "ROTATION_CANDIDATE"] };
    expect(await world.labels(secret)).toEqual(labels);
    expect([await opens(secret, passwords[0]), await opens(secret, passwords[1])]).toEqual([false, true]);
    const [told, ...more] = notificationsOf(world, run);
    expect(more).toEqual([]);
    expect(told).toMatchObject({ event: "rotation.rollback_failed", severity: "critical", state: { frozen: false } });
    expect(told?.state.production).toBe("may-be-broken");
  });
});

describe("a person adds a version or a label during a rotation", () => {
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const name of ["custom forth", "custom back", "version", "current"]) {
      for (const mode of MODES) secrets.set(`${name} ${mode}`, await situation(world, { mode }));
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(MODES)("a label of their own survives success and rollback, %s", async (mode) => {
    const forth = secrets.get(`custom forth ${mode}`) as Situation;
    const back = secrets.get(`custom back ${mode}`) as Situation;
    const tokens = { forth: tokenOf(forth), back: tokenOf(back) };
    const add = (secret: Situation, token: string) => async () => {
      await world.moveLabel(secret, "GREEN", token, undefined);
      await world.moveLabel(secret, "BASE", secret.firstVersion, undefined);
      await world.moveLabel(secret, "BLUE", secret.firstVersion, secret.older);
    };
    using _forth = atStep(world, forth, "TestSecret", "before", add(forth, tokens.forth));
    using _back = atStep(world, back, "Refresh", "before", add(back, tokens.back));
    using _also = atStep(world, back, "FinishSecret", "after", add(back, tokens.back));
    using _broken = breakStep(world, back, "ConfirmEvidence", beforeEffect("DependentUnhealthy"));

    await rotateAs(world, forth, tokens.forth);
    await rotateAs(world, back, tokens.back);

    await expectEnd(world, forth, tokens.forth, {
      ...success(forth, tokens.forth),
      labels: {
        [forth.firstVersion]: ["AWSPREVIOUS", "BASE", "BLUE"],
        [tokens.forth]: [...(forth.succeeded(tokens.forth)[tokens.forth] ?? []), "GREEN"],
      },
    });
    await expectEnd(world, back, tokens.back, {
      ...rolledBack(back, tokens.back),
      labels: {
        [back.firstVersion]: ["AWSCURRENT", "BASE", "BLUE"],
        [back.older]: ["AWSPREVIOUS"],
        [tokens.back]: ["GREEN", "ROTATION_ROLLED_BACK"],
      },
    });
  });

  test.each([
    ["driven", "the rotation succeeds"],
    ["native", "Secrets Manager abandons the rotation, and it is rolled back"],
  ] as const)("a new version under a label of their own, %s: %s", async (mode, _what) => {
    const secret = secrets.get(`version ${mode}`) as Situation;
    const token = tokenOf(secret);
    let added = "";
    using _ = atStep(world, secret, "SetSecret", "after", async () => {
      added = await putByHand(world, secret, ["GREEN"]);
    });

    await rotateAs(world, secret, token);

    const end =
      mode === "driven"
        ? success(secret, token)
        : { ...rolledBack(secret, token), failedIn: "TestSecret", error: "RotationCancelled" };
    // It holds the password of the base.
    const opens = mode === "driven" ? end.opens : [...end.opens, added];
    await expectEnd(world, secret, token, { ...end, opens, labels: { ...end.labels, [added]: ["GREEN"] } });
  });

  test.each(MODES)("a new version that is AWSCURRENT at once, %s: it stays live and opens the door", async (mode) => {
    const secret = secrets.get(`current ${mode}`) as Situation;
    const token = tokenOf(secret);
    let added = "";
    using _ = atStep(world, secret, "SetSecret", "after", async () => {
      added = await putByHand(world, secret, ["AWSCURRENT"]);
    });

    await rotateAs(world, secret, token);

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      // What AWS did for the person stays, AWSPREVIOUS too.
      labels: {
        [secret.firstVersion]: ["AWSPREVIOUS"],
        [secret.older]: ["BLUE"],
        [added]: ["AWSCURRENT"],
        [token]: ["ROTATION_ROLLED_BACK"],
      },
      opens: [secret.firstVersion, added],
    });
  });
});

describe("a person moves AWSCURRENT to a third version during a rotation: it stays there, and it opens the door", () => {
  const points: readonly (readonly [StepName, "before" | "after", Mode])[] = [
    ["SetSecret", "before", "driven"],
    ["SetSecret", "after", "native"],
    ["TestSecret", "after", "driven"],
    ["FinishSecret", "after", "driven"],
    ["FinishSecret", "after", "native"],
  ];
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const point of points) secrets.set(point.join(" "), await situation(world, { mode: point[2] }));
    secrets.set("unclaimed", await situation(world));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(points)("%s, %s it, %s", async (step, phase, mode) => {
    const secret = secrets.get(`${step} ${phase} ${mode}`) as Situation;
    const { firstVersion, older } = secret;
    const token = tokenOf(secret);
    const from = step === "FinishSecret" ? token : firstVersion;
    using _ = atStep(world, secret, step, phase, () => world.moveLabel(secret, "AWSCURRENT", older, from));

    await rotateAs(world, secret, token);

    // AWSPREVIOUS is where AWS has put it for the person; off the candidate, to which nobody is to go back.
    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      error: "RotationInProgress",
      labels: {
        ...(from === firstVersion ? { [firstVersion]: ["AWSPREVIOUS"] } : {}),
        [older]: ["AWSCURRENT", "BLUE"],
        [token]: ["ROTATION_ROLLED_BACK"],
      },
      opens: [older],
    });
  });

  test("before CreateSecret, driven: nothing is claimed, nothing is touched", async () => {
    const secret = secrets.get("unclaimed") as Situation;
    const { firstVersion, older } = secret;
    const token = tokenOf(secret);
    using _ = atStep(world, secret, "CreateSecret", "before", () =>
      world.moveLabel(secret, "AWSCURRENT", older, firstVersion),
    );

    await rotateAs(world, secret, token);

    await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      failedIn: "CreateSecret",
      error: "RotationInProgress",
      labels: { [firstVersion]: ["AWSPREVIOUS"], [older]: ["AWSCURRENT", "BLUE"] },
      opens: [firstVersion],
    });
  });
});

test("where persons have made other versions AWSCURRENT twice, the last of them keeps its only label, and people are told", async () => {
  await using world = await startWorld();
  const secret = await situation(world);
  const token = tokenOf(secret);
  const later = randomUUID();
  using _meddle = atStep(world, secret, "TestSecret", "before", async () => {
    const candidate = { SecretId: secret.arn, VersionId: token };
    const { SecretString } = await world.client.send(new GetSecretValueCommand(candidate));
    const put = { SecretId: secret.arn, ClientRequestToken: later, SecretString };
    await world.client.send(new PutSecretValueCommand(put));
    await world.moveLabel(secret, "AWSCURRENT", token, later);
  });
  using _fail = breakStep(world, secret, "TestSecret", afterEffect("CredentialRejected"));

  await rotateAs(world, secret, token);

  await expectEnd(world, secret, token, {
    outcome: "ROLLBACK_FAILED",
    error: "CredentialRejected",
    labels: {
      [secret.older]: ["BLUE"],
      [later]: ["AWSPREVIOUS"],
      [token]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"],
    },
    opens: [later, token],
  });
});
