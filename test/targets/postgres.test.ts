import { PutSecretValueCommand, UpdateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { escapeIdentifier, escapeLiteral } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken } from "../../core/identity.ts";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep, failedAttempts, type StepName } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const success = (secret: Situation, token: string): End => ({
  outcome: "SUCCEEDED",
  labels: secret.succeeded(token),
  opens: [token],
});
const rolledBack = (secret: Situation, token: string): End => ({
  outcome: "ROLLED_BACK",
  labels: secret.rolledBack(token),
  opens: [secret.firstVersion],
});
/** Set, or not; not promoted; and not provably as before. */
const frozen = (secret: Situation, token: string, opens: readonly string[]): End => ({
  outcome: "ROLLBACK_FAILED",
  labels: { ...secret.before, [token]: ["AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"] },
  opens,
});

const GONE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf";

describe("the database is not there", () => {
  let world: World;
  const secrets: Situation[] = [];
  beforeAll(async () => {
    const impatient = { TARGET_TIMEOUT_MS: "300" };
    world = await startWorld({ environment: { rotate: impatient, "roll-back": impatient } });
    for (let n = 0; n < 6; n += 1) secrets.push(await situation(world));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** Lets the database come back after so many looks of one step. */
  function backAfter(secret: Situation, step: StepName, times: number): Disposable {
    let left = times;
    return world.account.intercept(({ service, caller, phase, input }) => {
      if (service !== "lambda" || caller !== "states" || phase !== "after") return;
      const text = JSON.stringify(input).toLowerCase();
      if (!text.includes(`"${step.toLowerCase()}"`) || !text.includes(secret.arn.toLowerCase())) return;
      left -= 1;
      if (left === 0) secret.proxy.pass();
    });
  }

  test.each([
    ["SetSecret", "refuses connections", 0],
    ["TestSecret", "hangs", 1],
  ] as const)("for a while: %s is tried again when it %s", async (step, how, index) => {
    const secret = secrets[index] as Situation;
    using _away = atStep(world, secret, step, "before", async () => {
      if (how === "hangs") secret.proxy.hang();
      else await secret.proxy.refuse();
    });
    using _back = backAfter(secret, step, 2);

    const token = await rotateOnce(world, secret);

    const { run } = await expectEnd(world, secret, token, success(secret, token));
    const failed = failedAttempts(run, step);
    // A slow machine may need longer for one more answer than these impatient functions wait.
    expect(failed.length).toBeGreaterThanOrEqual(2);
    expect(new Set(failed)).toEqual(new Set(["TargetUnavailable"]));
  });

  test("for a while, on the way back: RollBack is tried again", async () => {
    const secret = secrets[2] as Situation;
    using _broken = breakStep(world, secret, "FinishSecret", beforeEffect("AccessDenied"));
    using _away = atStep(world, secret, "RollBack", "before", () => secret.proxy.refuse());
    using _back = backAfter(secret, "RollBack", 3);

    const token = await rotateOnce(world, secret);

    const { run } = await expectEnd(world, secret, token, rolledBack(secret, token));
    expect(failedAttempts(run, "RollBack")).toEqual(Array(3).fill("TargetUnavailable"));
  });

  test.each([
    ["refuses connections", 3],
    ["hangs", 4],
  ] as const)("for good: it %s, so nothing can be proved, and that is said", async (how, index) => {
    const secret = secrets[index] as Situation;
    using _away = atStep(world, secret, "SetSecret", "before", async () => {
      if (how === "hangs") secret.proxy.hang();
      else await secret.proxy.refuse();
    });

    const token = await rotateOnce(world, secret);

    secret.proxy.pass();
    const end = frozen(secret, token, [secret.firstVersion]);
    const { told } = await expectEnd(world, secret, token, {
      ...end,
      failedIn: "SetSecret",
      error: "TargetUnavailable",
    });
    expect(told?.state).toMatchObject({ production: "may-be-broken", live: "previous", frozen: true });
    expect(told?.state.truthTable?.map(({ signIn }) => signIn)).toEqual(Array(3).fill("unreachable"));
    expect(told?.rollbackFailure).toMatchObject({ step: "RollBack", name: "TargetUnavailable" });
  });
});

describe("a statement or its reply is lost on the way", () => {
  let world: World;
  const secrets: Situation[] = [];
  beforeAll(async () => {
    world = await startWorld();
    for (let n = 0; n < 4; n += 1) secrets.push(await situation(world, { mode: n % 2 === 0 ? "native" : "driven" }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each([
    ["the reply to ALTER ROLE", "loseReply", 0],
    ["ALTER ROLE", "loseStatement", 1],
  ] as const)(
    "in SetSecret, %s: the next attempt looks first, and the rotation succeeds",
    async (_what, lose, index) => {
      const secret = secrets[index] as Situation;
      secret.proxy[lose](/ALTER ROLE/i);

      const token = await rotateOnce(world, secret);

      const { run } = await expectEnd(world, secret, token, success(secret, token));
      expect(failedAttempts(run, "SetSecret")).toEqual(["TargetUnavailable"]);
    },
  );

  test.each([
    ["the reply to ALTER ROLE", "loseReply", 2],
    ["ALTER ROLE", "loseStatement", 3],
  ] as const)(
    "in RollBack, %s: the next attempt looks first, and everything is as before",
    async (_what, lose, index) => {
      const secret = secrets[index] as Situation;
      using _broken = breakStep(world, secret, "ConfirmEvidence", beforeEffect("DependentUnhealthy"));
      using _lost = atStep(world, secret, "RollBack", "before", async () => secret.proxy[lose](/ALTER ROLE/i));

      const token = await rotateOnce(world, secret);

      const { run } = await expectEnd(world, secret, token, rolledBack(secret, token));
      expect(failedAttempts(run, "RollBack")).toEqual(["TargetUnavailable"]);
    },
  );

  test("alternating users: the reply to COMMIT, or COMMIT itself: the transaction is there whole or not at all", async () => {
    const [unheard, unsaid] = [
      await world.addSecret({ alternating: true }),
      await world.addSecret({ alternating: true }),
    ];
    unheard.proxy.loseReply(/COMMIT/i);
    unsaid.proxy.loseStatement(/COMMIT/i);
    for (const secret of [unheard, unsaid]) {
      const { firstVersion } = secret;

      const token = await world.rotate(secret);

      const { run } = await expectEnd(world, secret, token, {
        outcome: "SUCCEEDED",
        labels: { [firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"] },
        opens: [firstVersion, token],
      });
      expect(failedAttempts(run, "SetSecret")).toEqual(["TargetUnavailable"]);
    }
  });

  test("alternating users, on the way back: the reply to DROP ROLE, or DROP ROLE itself: the copy is gone", async () => {
    const [unheard, unsaid] = [
      await world.addSecret({ alternating: true }),
      await world.addSecret({ alternating: true }),
    ];
    for (const secret of [unheard, unsaid]) {
      const { firstVersion, proxy } = secret;
      const lose = async () => (secret === unheard ? proxy.loseReply(/DROP ROLE/i) : proxy.loseStatement(/DROP ROLE/i));
      using _broken = breakStep(world, secret, "FinishSecret", beforeEffect("AccessDenied"));
      using _lost = atStep(world, secret, "RollBack", "before", lose);

      const token = await world.rotate(secret);

      const { run } = await expectEnd(world, secret, token, {
        outcome: "ROLLED_BACK",
        labels: { [firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
        opens: [firstVersion],
      });
      expect(failedAttempts(run, "RollBack")).toEqual(["TargetUnavailable"]);
      const left = await world.database.query("SELECT FROM pg_roles WHERE rolname = $1", [`${secret.username}_clone`]);
      expect(left).toHaveLength(0);
    }
  });
});

describe("names and passwords of any characters", () => {
  const cases = [
    ["quotes", `o'br"ien`, `it's "quoted", isn't it`],
    ["backslashes", "back\\slash\\", "C:\\path\\' OR 1=1 --\\"],
    ["other alphabets", "ünïcödé 用户 🔑", "пароль-密码-🔑"],
    ["SQL", `x"; DROP ROLE "y"; --`, `'; DROP ROLE "postgres"; --`],
  ] as const;
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const [what, username, password] of cases) {
      const unique = `${username}${Math.random().toString(36).slice(2, 8)}`;
      secrets.set(what, await situation(world, { username: unique, password }));
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(cases)("%s: rolled back, then rotated", async (what) => {
    const secret = secrets.get(what) as Situation;
    const roles = await rolesNear(world, secret);
    {
      using _broken = breakStep(world, secret, "TestSecret", beforeEffect("CredentialRejected"));
      const token = await rotateOnce(world, secret);
      await expectEnd(world, secret, token, rolledBack(secret, token));
    }
    const token = await rotateOnce(world, secret, 2);
    const marked = deriveToken(secret.arn, secret.firstVersion, 1);
    const end = success(secret, token);
    await expectEnd(world, secret, token, { ...end, labels: { ...end.labels, [marked]: ["ROTATION_ROLLED_BACK"] } });
    expect(await rolesNear(world, secret)).toEqual(roles);
  });

  test("alternating users: the copy's name is quoted as well", async () => {
    const secret = await world.addSecret({
      alternating: true,
      username: `o'b"\\ ${Math.random().toString(36).slice(2, 8)}`,
    });
    const token = await world.rotate(secret);
    await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: {
        [secret.firstVersion]: ["AWSPREVIOUS"],
        [token]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"],
      },
      opens: [secret.firstVersion, token],
    });
  });
});

describe("somebody changes the password by hand", () => {
  let world: World;
  const secrets: Situation[] = [];
  beforeAll(async () => {
    world = await startWorld();
    for (let n = 0; n < 3; n += 1) secrets.push(await situation(world, { mode: n === 1 ? "native" : "driven" }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function changeByHand({ username }: Situation, password: string): Promise<void> {
    const verifier = escapeLiteral(await scramSha256Verifier(password));
    await world.database.query(`ALTER ROLE ${escapeIdentifier(username)} PASSWORD ${verifier}`);
  }

  test("before the rotation: CredentialDrift, nothing is overwritten, and the message says that production is broken", async () => {
    const secret = secrets[0] as Situation;
    await changeByHand(secret, "set-by-hand");

    const token = await rotateOnce(world, secret);

    const end = frozen(secret, token, []);
    const { told } = await expectEnd(world, secret, token, { ...end, failedIn: "SetSecret", error: "CredentialDrift" });
    expect(told?.state).toMatchObject({ production: "broken", live: "previous" });
    expect(told?.state.truthTable?.map(({ signIn }) => signIn)).toEqual(Array(3).fill("rejected"));
    expect(told?.rollbackFailure).toMatchObject({ step: "RollBack", name: "CredentialDrift" });
  });

  test("during the rotation, after SetSecret: the same, and what the person set is not overwritten", async () => {
    const secret = secrets[1] as Situation;
    using _ = atStep(world, secret, "TestSecret", "before", () => changeByHand(secret, "set-by-hand"));

    const token = await rotateOnce(world, secret);

    const end = frozen(secret, token, []);
    const { told } = await expectEnd(world, secret, token, {
      ...end,
      failedIn: "TestSecret",
      error: "CredentialRejected",
    });
    expect(told?.rollbackFailure).toMatchObject({ step: "RollBack", name: "CredentialDrift" });
    expect(told?.state.production).toBe("broken");
  });

  test("back to that of AWSPREVIOUS: that version still opens the door, so the rotation succeeds and heals it", async () => {
    const secret = secrets[2] as Situation;
    await changeByHand(secret, await world.password(secret, secret.older));

    const token = await rotateOnce(world, secret);

    await expectEnd(world, secret, token, success(secret, token));
  });
});

describe("a value that is not a credential is rejected: nothing is touched, nothing is stuck, and the field is named, never its value", () => {
  const CANARY = "canary-5f2c9a";
  const good = {
    engine: "postgres",
    host: `${CANARY}-host`,
    username: `${CANARY}-user`,
    password: `${CANARY}-password`,
  };
  const cases: readonly (readonly [string, string | Uint8Array, string])[] = [
    ["no JSON", `${CANARY} {`, "is not JSON"],
    ["JSON that is no object", JSON.stringify(CANARY), "must be a JSON object"],
    ["binary", Buffer.from(CANARY), "is binary"],
    ["no password", JSON.stringify({ ...good, password: undefined }), "password"],
    ["no username", JSON.stringify({ ...good, username: undefined }), "username"],
    ["a host that is an array", JSON.stringify({ ...good, host: [CANARY] }), "host"],
    ["a port out of range", JSON.stringify({ ...good, port: 70_000 }), "port"],
    ["another engine", JSON.stringify({ ...good, engine: CANARY }), "engine"],
  ];
  const MODES = ["driven", "native"] as const;
  let world: World;
  const secrets = new Map<string, Situation>();
  beforeAll(async () => {
    world = await startWorld();
    for (const [what] of cases)
      for (const mode of MODES) secrets.set(`${what} ${mode}`, await situation(world, { mode }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(cases.flatMap(([what, value, field]) => MODES.map((mode) => [what, mode, field, value] as const)))(
    "%s, %s",
    async (what, mode, field, value) => {
      const secret = secrets.get(`${what} ${mode}`) as Situation;
      const first = await world.client.send(
        new PutSecretValueCommand({
          SecretId: secret.arn,
          ...(typeof value === "string" ? { SecretString: value } : { SecretBinary: value }),
        }),
      );
      const bad = first.VersionId ?? "";
      const labels = { [secret.firstVersion]: ["AWSPREVIOUS"], [secret.older]: ["BLUE"], [bad]: ["AWSCURRENT"] };
      const connections = secret.proxy.connections();

      const token = await rotateOnce(world, secret);

      const { told } = await expectEnd(world, secret, token, {
        outcome: "REJECTED",
        failedIn: "CreateSecret",
        error: "ConfigurationInvalid",
        labels,
        opens: [secret.firstVersion],
      });
      expect(told?.failure?.message).toContain(field);
      expect(JSON.stringify(told)).not.toContain(CANARY);
      expect(secret.proxy.connections()).toBe(connections);

      const corrected = await world.client.send(
        new UpdateSecretCommand({ SecretId: secret.arn, SecretString: await firstValue(world, secret) }),
      );
      const next = await rotateOnce(world, secret);
      await expectEnd(world, secret, next, {
        outcome: "SUCCEEDED",
        labels: {
          [corrected.VersionId ?? ""]: ["AWSPREVIOUS"],
          [secret.older]: ["BLUE"],
          [next]: secret.succeeded(next)[next] ?? [],
        },
        opens: [next],
      });
    },
  );
});

describe("a confused deputy", () => {
  test("single user: a candidate that somebody else wrote, for another host, is set nowhere, and that host learns nothing", async () => {
    await using world = await startWorld();
    await using elsewhere = await startDatabaseProxy(world.database);
    const secret = await situation(world);
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const value = JSON.parse(await firstValue(world, secret)) as Record<string, unknown>;
    await world.client.send(
      new PutSecretValueCommand({
        SecretId: secret.arn,
        ClientRequestToken: token,
        SecretString: JSON.stringify({ ...value, port: elsewhere.port, password: "of-somebody-else" }),
        VersionStages: ["ROTATION_CANDIDATE"],
      }),
    );

    await world.request(secret);

    const end = rolledBack(secret, token);
    const { told } = await expectEnd(world, secret, token, {
      ...end,
      failedIn: "SetSecret",
      error: "ConfigurationInvalid",
    });
    expect(told?.failure?.message).toContain(
      "must have the host, port, dbname, username and masterarn of the version before it",
    );
    expect(elsewhere.connections()).toBe(0);
  });

  test.each([
    ["is for another host", { host: "localhost" }, {}, "The secret that masterarn names is for the host"],
    ["is not the policy's", { masterarn: GONE }, {}, "masterarn is not the policy's administratorSecretId"],
    ["does not exist", { masterarn: GONE }, { administratorSecretId: GONE }, "does not exist"],
  ] as const)(
    "alternating users: the administrator's secret %s: rolled back, nothing was sent",
    async (_what, overrides, policy, says) => {
      await using world = await startWorld();
      const secret = await world.addSecret({ alternating: true, overrides, policy });
      const roles = await rolesNear(world, secret);

      const token = await world.rotate(secret);

      const { told } = await expectEnd(world, secret, token, {
        outcome: "ROLLED_BACK",
        failedIn: "SetSecret",
        labels: { [secret.firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
        opens: [secret.firstVersion],
      });
      expect(told?.failure?.message).toContain(says);
      expect(await rolesNear(world, secret)).toEqual(roles);
    },
  );
});

/** The roles that a wrong name could have made or taken away; other tests have theirs in the same server. */
async function rolesNear(world: World, { username }: TestSecret): Promise<readonly unknown[]> {
  const near = "SELECT rolname FROM pg_roles WHERE strpos(rolname, $1) > 0 OR rolname = $2 ORDER BY 1";
  return (await world.database.query(near, [username, world.database.admin.username])).map((row) => row["rolname"]);
}

async function firstValue(world: World, secret: Situation): Promise<string> {
  const { proxy, username, firstVersion } = secret;
  const password = await world.password(secret, firstVersion);
  return JSON.stringify({ engine: "postgres", host: proxy.host, port: proxy.port, ssl: false, username, password });
}
