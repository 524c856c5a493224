import { randomUUID } from "node:crypto";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { escapeIdentifier, escapeLiteral } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionName } from "../../core/identity.ts";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import { expectEnd, notificationsOf } from "../support/invariants.ts";
import {
  errorsLogged,
  executionsOf,
  movesOfCurrent,
  outcomesTold,
  rotationEvents,
  writesOf,
} from "../support/observations.ts";
import { rotateOnce, situation } from "../support/situation.ts";
import { afterEffect, atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { type SecretOptions, startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a policy that keeps the new version", () => {
  const KEEP = { whenUnhealthy: "keep-new" } as const;

  test.each(["native", "driven"] as const)(
    "%s: a dependent that does not follow ends NOT_CONVERGED, nothing is undone, and an operator is told which one",
    async (mode) => {
      const secret = await situation(world, {
        mode,
        policy: KEEP,
        dependents: { orders: "cache", billing: "cache" },
      });
      refuse(secret, "billing");

      const token = await rotateOnce(world, secret);

      const { run, told } = await expectEnd(world, secret, token, {
        outcome: "NOT_CONVERGED",
        labels: secret.succeeded(token),
        opens: [token],
        error: "DependentUnhealthy",
        failedIn: "ConvergeDependents",
      });
      expect(run.path).not.toContain("RollBack");
      expect(writesOf(world, secret, "roll-back")).toEqual([]);
      expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token]);
      expect(secret.dependents["orders"]?.versionId()).toBe(token);
      expect(told?.state).toMatchObject({ live: "new", liveVersionId: token });
      expect(told?.actionRequired).toBe(true);
      expect(told?.failure?.message).toContain("422");
      if (mode === "native") expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationFailed"]);
    },
  );

  test("before AWSCURRENT has moved, a failure rolls back all the same", async () => {
    const secret = await situation(world, { policy: KEEP, dependents: { orders: "cache" } });
    using _ = breakStep(world, secret, "TestSecret", beforeEffect("CredentialRejected"));

    const token = await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
      error: "CredentialRejected",
      failedIn: "TestSecret",
    });
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
  });

  test("a failure that hides that AWSCURRENT has moved brings the old version back as little", async () => {
    const secret = await situation(world, { policy: KEEP });
    using _ = breakStep(world, secret, "FinishSecret", afterEffect("AccessDenied"));

    const token = await rotateOnce(world, secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "NOT_CONVERGED",
      labels: secret.succeeded(token),
      opens: [token],
      error: "AccessDenied",
      failedIn: "FinishSecret",
    });
    expect(run.path.slice(-3)).toEqual(["RollBack", "NotifyNotConverged", "NotConverged"]);
    expect(writesOf(world, secret, "roll-back")).toEqual([]);
  });
});

describe("dependents", () => {
  test("an optional one that refuses and is not healthy fails no rotation, and is reported", async () => {
    const secret = await situation(world, {
      dependents: { orders: "cache", reports: "cache" },
      dependentPolicy: { reports: { required: false } },
    });
    refuse(secret, "reports");
    const reports = secret.dependents["reports"];
    if (reports) reports.faults.health = 503;

    const token = await rotateOnce(world, secret);

    const { run, told } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expect(JSON.parse(run.execution.output ?? "").evidence).toEqual([
      expect.objectContaining({ dependent: "orders", strength: "strong" }),
      expect.objectContaining({ dependent: "reports", strength: "none", seen: expect.stringContaining("503") }),
    ]);
    // What needs a look comes first.
    expect(told?.dependents.items).toMatchObject([
      { name: "reports", before: "unhealthy", after: "none" },
      { name: "orders", after: "strong" },
    ]);
  });

  test("one whose claim the target does not confirm is enough only where the policy says weak", async () => {
    const weak = await situation(world, {
      dependents: { orders: "cache" },
      dependentPolicy: { orders: { evidence: "weak" } },
    });
    const strong = await situation(world, { dependents: { orders: "cache" } });
    for (const secret of [weak, strong]) {
      const orders = secret.dependents["orders"];
      if (orders) orders.faults.lie = true;
    }

    const accepted = await rotateOnce(world, weak);
    const refused = await rotateOnce(world, strong);

    const { run } = await expectEnd(world, weak, accepted, {
      outcome: "SUCCEEDED",
      labels: weak.succeeded(accepted),
      opens: [accepted],
    });
    expect(JSON.parse(run.execution.output ?? "").evidence).toMatchObject([{ dependent: "orders", strength: "weak" }]);
    await expectEnd(world, strong, refused, {
      outcome: "ROLLED_BACK",
      labels: strong.rolledBack(refused),
      opens: [strong.firstVersion],
      error: "DependentUnhealthy",
      failedIn: "ConfirmEvidence",
    });
  });

  test("one that names no version is strong evidence where the target saw it sign in, and weak where nothing can", async () => {
    const secret = await situation(world, {
      dependents: { orders: "cache", reports: "cache" },
      dependentPolicy: { reports: { evidence: "weak", application: undefined } },
    });
    for (const double of Object.values(secret.dependents)) double.faults.silent = true;

    const token = await rotateOnce(world, secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expect(JSON.parse(run.execution.output ?? "").evidence).toMatchObject([
      { dependent: "orders", strength: "strong" },
      { dependent: "reports", strength: "weak" },
    ]);
  });

  test("one that was unhealthy before has to be seen on the new version all the same", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const orders = secret.dependents["orders"];
    if (orders) orders.faults.health = 503;
    using _ = atStep(world, secret, "Refresh", "before", async () => {
      delete orders?.faults.health;
    });

    const token = await rotateOnce(world, secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expect(orders?.versionId()).toBe(token);
    expect(told?.dependents.items).toEqual([
      expect.objectContaining({ name: "orders", before: "unhealthy", after: "strong" }),
    ]);
  });

  test("one that was unhealthy before and stays so prevents success, and is reported, not judged, in the rollback", async () => {
    const secret = await situation(world, { dependents: { orders: "cache", billing: "cache" } });
    const orders = secret.dependents["orders"];
    if (orders) orders.faults.health = 503;

    const token = await rotateOnce(world, secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
      error: "DependentUnhealthy",
      failedIn: "ConvergeDependents",
    });
    expect(secret.dependents["billing"]?.versionId()).toBe(secret.firstVersion);
    expect(told?.dependents.items).toEqual([
      expect.objectContaining({ name: "orders", before: "unhealthy", restored: "none" }),
      expect.objectContaining({ name: "billing", before: "healthy", restored: "claimed" }),
    ]);
  });

  test("alternating users: a probe that fails rolls back before AWSCURRENT has ever moved", async () => {
    const secret = await world.addSecret({ alternating: true, dependents: { reports: "reload" } });
    const reports = secret.dependents["reports"];
    if (reports) reports.faults.probe = 422;

    const token = await world.rotate(secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
      opens: [secret.firstVersion],
      error: "DependentUnhealthy",
      failedIn: "ProbeCandidate",
    });
    expect(run.path).not.toContain("FinishSecret");
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion]);
    expect(reports?.asked).toMatchObject({ probe: 1, refresh: 0 });
  });
});

describe("a policy that cannot be followed", () => {
  const endpoint = { refresh: "http://127.0.0.1:9/refresh", verify: "http://127.0.0.1:9/health" };
  const dependent = { name: "orders", kind: "http-endpoint", application: "orders", target: endpoint };
  const wrong: readonly (readonly [what: string, SecretOptions["policy"], said: RegExp, failedIn: string])[] = [
    [
      "a strategy that does not exist",
      { strategy: "postgres-one-user" },
      /strategy "postgres-one-user"/,
      "CreateSecret",
    ],
    [
      "a kind of dependent that does not exist",
      { dependents: [{ ...dependent, kind: "http-endpont" }] },
      /orders: there is no kind "http-endpont"/,
      "Plan",
    ],
    [
      "a target that is not of its kind's shape",
      { dependents: [{ ...dependent, target: { ...endpoint, verify: "not a url" } }] },
      /orders, its target: Field verify: /,
      "Plan",
    ],
  ];

  test.each(wrong)("driven: %s is rejected, and the message names it", async (_what, policy, said, failedIn) => {
    const secret = await situation(world, { policy });

    const token = await rotateOnce(world, secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      error: "ConfigurationInvalid",
      failedIn,
    });
    expect(told?.failure?.message).toMatch(said);
    expect(secret.proxy.connections()).toBe(0);
  });

  test.each(wrong)("native: %s is rejected, and nothing is left of the rotation", async (_what, policy, said) => {
    const secret = await situation(world, { mode: "native", policy });

    const token = await rotateOnce(world, secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
    });
    expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationFailed"]);
    const messages = [told?.failure?.message, ...errorsLogged(world, "gate", secret)];
    expect(messages.filter((message) => said.test(message ?? "")).length).toBeGreaterThanOrEqual(1);
    expect(secret.proxy.connections()).toBe(0);
  });

  test("a configuration that is invalid as a whole starts nothing; an execution started by hand is rejected, and names the field", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { policy: { verify: { intervalSeconds: 0, deadlineSeconds: 20 } } });

    await world.request(secret);

    expect(errorsLogged(world, "dispatch")[0]).toMatch(
      /^ConfigurationInvalid: .*policies\[0\] \("[^"]+"\)\.verify\.intervalSeconds: /,
    );
    expect(await executionsOf(world, secret)).toEqual([]);
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    await startByHand(world, secret, token, "driven");
    const { told } = await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      error: "ConfigurationInvalid",
      failedIn: "Plan",
    });
    expect(told?.failure?.message).toMatch(/policies\[0\] \("[^"]+"\)\.verify\.intervalSeconds: /);
    expect(secret.proxy.connections()).toBe(0);
  });
});

describe("a secret that somebody else rotates", () => {
  let world: World;
  beforeAll(async () => {
    // A world of its own: evidence counts from the execution's start, which a clock that has jumped puts into the future.
    world = await startWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each([
    ["with a strategy, so that its sessions can be asked", { mode: "observed" }],
    ["without a strategy, where weak evidence is enough", { mode: "observed", strategy: undefined }],
  ] as const)("converges its dependents, %s", async (_what, policy) => {
    const isWeak = "strategy" in policy;
    const secret = await world.addSecret({
      policy,
      dependents: { orders: "cache" },
      dependentPolicy: isWeak ? { orders: { evidence: "weak" } } : {},
    });
    const version = await rotateForeign(world, secret);

    await startByHand(world, secret, version, "observed");

    const { run } = await expectEnd(world, secret, version, {
      outcome: "SUCCEEDED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [version]: ["AWSCURRENT"] },
      opens: [version],
    });
    expect(run.path.slice(0, 4)).toEqual(["Plan", "Mode", "ConvergeDependents", "Refresh"]);
    expect(JSON.parse(run.execution.output ?? "").evidence).toMatchObject([{ strength: isWeak ? "weak" : "strong" }]);
    expect(secret.dependents["orders"]?.versionId()).toBe(version);
    expectNoWriteOfOurs(secret);
  });

  test("ends NOT_CONVERGED where a dependent does not follow, and nothing is undone", async () => {
    const secret = await world.addSecret({ policy: { mode: "observed" }, dependents: { orders: "cache" } });
    refuse(secret, "orders");
    const version = await rotateForeign(world, secret);

    await startByHand(world, secret, version, "observed");

    await expectEnd(world, secret, version, {
      outcome: "NOT_CONVERGED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [version]: ["AWSCURRENT"] },
      opens: [version],
      error: "DependentUnhealthy",
      failedIn: "ConvergeDependents",
    });
    expectNoWriteOfOurs(secret);
  });

  test("is left alone where AWSCURRENT has moved on from the version", async () => {
    const secret = await world.addSecret({ policy: { mode: "observed" }, dependents: { orders: "cache" } });
    await rotateForeign(world, secret);
    await world.settled();
    const [refreshed, told] = [secret.dependents["orders"]?.asked.refresh, outcomesTold(world, secret)];

    await startByHand(world, secret, secret.firstVersion, "observed");

    const run = await world.run(secret, secret.firstVersion);
    expect(JSON.parse(run.execution.output ?? "")).toMatchObject({ outcome: "IGNORED" });
    expect(secret.dependents["orders"]?.asked.refresh).toBe(refreshed);
    expect(notificationsOf(world, run)).toEqual([]);
    expect(outcomesTold(world, secret)).toEqual(told);
  });

  function expectNoWriteOfOurs(secret: TestSecret): void {
    for (const functionName of ["gate", "rotate", "roll-back"] as const) {
      expect(writesOf(world, secret, functionName)).toEqual([]);
    }
  }
});

async function startByHand(world: World, secret: TestSecret, token: string, mode: string): Promise<void> {
  await world.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: world.deployment().stateMachineArn,
      name: executionName(secret.arn, token),
      input: JSON.stringify({ secretArn: secret.arn, token, mode }),
    }),
  );
  await world.settled();
}

/** Changes the password at the target and puts it as AWSCURRENT, without us. Returns its VersionId. */
async function rotateForeign(world: World, secret: TestSecret): Promise<string> {
  const version = randomUUID();
  const password = `foreign-${randomUUID()}`;
  const verifier = escapeLiteral(await scramSha256Verifier(password));
  await world.database.query(`ALTER ROLE ${escapeIdentifier(secret.username)} PASSWORD ${verifier}`);
  const value = { engine: "postgres", dbname: "postgres", ssl: false, username: secret.username, password };
  await world.client.send(
    new PutSecretValueCommand({
      SecretId: secret.arn,
      ClientRequestToken: version,
      SecretString: JSON.stringify({ ...value, host: secret.proxy.host, port: secret.proxy.port }),
    }),
  );
  return version;
}

function refuse(secret: TestSecret, dependent: string): void {
  const double = secret.dependents[dependent];
  if (double) double.faults.refresh = 422;
}
