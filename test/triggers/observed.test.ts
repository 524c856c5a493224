import { randomUUID } from "node:crypto";
import { GetSecretValueCommand, PutSecretValueCommand, RotateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { ConnectionLost } from "../../local/wire-calls.ts";
import type { DependentDouble } from "../support/dependent-double.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { executionsOf, movesOfCurrent, outcomesTold, until, writesOf } from "../support/observations.ts";
import { atStep, failedAttempts, isSecretCall } from "../support/step-faults.ts";
import { rotateAsOwner, startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  // Virtual time runs ahead in tests that wait, and must not overtake the dependents' own.
  world = await startWorld({ startsAgoMs: 4 * 60 * 60 * 1000 });
});
afterAll(() => world[Symbol.asyncDispose]());

const OBSERVED = { mode: "observed", strategy: "postgres-single-user" } as const;
const OURS = ["dispatch", "gate", "plan", "rotate", "dependents", "roll-back", "notify"] as const;

describe("a secret that somebody else rotates", () => {
  test.each([
    ["another AWS service", { OwningService: "rds" }],
    [
      "another AWS service, whose events name the secret elsewhere",
      { OwningService: "rds", eventShape: "serviceEventDetails" },
    ],
    ["a partner", { Type: "SalesforceClientSecret" }],
  ] as const)(
    "by %s: the dependents follow, the outcome is told, and nothing is written by us",
    async (_by, managedBy) => {
      const secret = await world.addSecret({ managedBy, policy: OBSERVED, dependents: { orders: "cache" } });

      const token = await rotateByOwner(secret);

      const { told } = await expectEnd(world, secret, token, {
        outcome: "SUCCEEDED",
        labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] },
        opens: [token],
      });
      expect(told?.rotation.mode).toBe("observed");
      expect(secret.dependents["orders"]?.versionId()).toBe(token);
      expectNothingWritten(secret);
      // The label event and RotationSucceeded both came, and there is one execution.
      expect(await executionsOf(world, secret)).toHaveLength(1);
    },
  );

  test("a dependent that does not follow a managed rotation: nothing is undone, and people are told what can be done instead", async () => {
    const secret = await world.addSecret({
      managedBy: { OwningService: "rds" },
      policy: { ...OBSERVED, whenUnhealthy: "roll-back" },
      dependents: { orders: "cache" },
    });
    refuse(secret);

    const token = await rotateByOwner(secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "NOT_CONVERGED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] },
      opens: [token],
      error: "TargetUnavailable",
      failedIn: "ConvergeDependents",
    });
    expect(JSON.stringify(told?.nextSteps)).toMatch(/Rotation Requested/);
    expectNothingWritten(secret);
  });

  test("Rotor asks the owner for another rotation when it is requested, and observes that", async () => {
    const secret = await world.addSecret({
      managedBy: { OwningService: "rds" },
      policy: OBSERVED,
      dependents: { orders: "cache" },
    });

    await world.request(secret);

    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] },
      opens: [token],
    });
    expect(writesOf(world, secret, "dispatch", ["RotateSecret"])).toEqual(["RotateSecret"]);
  });

  test("by a function that Rotor does not know: a request for a rotation is refused, with the reason", async () => {
    const secret = await world.addSecret({ policy: OBSERVED });
    await world.request(secret);
    const refused = world.incidents().filter((each) => each.secret.arn === secret.arn);
    expect(refused.map(({ kind, name }) => [kind, name])).toEqual([["request-refused", "SecretManagedElsewhere"]]);
    expect(await executionsOf(world, secret)).toEqual([]);
  });
});

test("an event that comes an hour late does not make those unhealthy who had followed by themselves", async () => {
  // Its own time has to be the dependents': sessions are counted on that.
  await using own = await startWorld();
  const secret = await own.addSecret({ policy: OBSERVED, dependents: { orders: "reload" } });
  const orders = secret.dependents["orders"] as DependentDouble;
  using _ = own.account.events.disturb({
    copies: ({ source }) => (source === "aws.events" ? 0 : 1),
    delayMs: ({ source }) => (source === "aws.secretsmanager" ? 60 * 60 * 1000 : 0),
  });
  const token = await changeByHand(secret, own);
  // It is restarted, and from then on hears of nothing.
  await fetch(`${orders.url}/refresh`, { method: "POST", body: JSON.stringify({ versionId: token }) });
  orders.faults.refresh = 202;
  await own.settled();

  const labels = { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] };
  const { told } = await expectEnd(own, secret, token, { outcome: "SUCCEEDED", labels, opens: [token] });
  expect(told?.dependents.items).toEqual([expect.objectContaining({ name: "orders", after: "strong" })]);
});

describe("a version that somebody else rotated in and that a dependent does not follow", () => {
  test("stays, unless the policy asks for a rollback", async () => {
    const secret = await world.addSecret({ policy: OBSERVED, dependents: { orders: "cache" } });
    refuse(secret);
    const token = await rotateByHand(secret);
    await expectEnd(world, secret, token, {
      outcome: "NOT_CONVERGED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] },
      opens: [token],
    });
    expectNothingWritten(secret);
  });

  test("is taken back where the policy asks for it, 20 minutes later because no RotationSucceeded came; the move back starts nothing", async () => {
    const secret = await rollsBack();
    refuse(secret);
    const before = world.clock.now();

    const token = await rotateByHand(secret);

    const { run, told } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
      opens: [secret.firstVersion],
    });
    expect(run.path).toContain("AwaitRotationEnd");
    expect(world.clock.now() - before).toBeGreaterThanOrEqual(20 * 60 * 1000);
    expect(told?.remarks.join()).toMatch(/AWSPREVIOUS/);
    expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token, secret.firstVersion]);
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });

  test("is taken back with those who had followed it", async () => {
    const secret = await world.addSecret({
      policy: { ...OBSERVED, whenUnhealthy: "roll-back" },
      dependents: { orders: "cache", reports: "cache" },
    });
    const reports = secret.dependents["reports"];
    if (reports !== undefined) reports.faults.refresh = 503;

    const token = await rotateByHand(secret);

    const labels = { [secret.firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] };
    await expectEnd(world, secret, token, { outcome: "ROLLED_BACK", labels, opens: [secret.firstVersion] });
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
  });

  test("is taken back to the end where another rotation has begun between two attempts", async () => {
    const secret = await rollsBack();
    refuse(secret);
    const next = randomUUID();
    let isCutOff = false;
    // The target has the old password again by then, and AWSCURRENT is still on the version that it refuses now.
    using _ = world.account.intercept(async (call) => {
      if (isCutOff || call.phase !== "before" || !isSecretCall(call, secret, "roll-back")) return;
      if ((call.input as { VersionStage?: string }).VersionStage !== "AWSCURRENT") return;
      isCutOff = true;
      await put(secret, next, ["AWSPENDING"]);
      await world.account.lambda.kill("roll-back");
      throw new ConnectionLost();
    });

    const token = await rotateByHand(secret);

    const labels = { [secret.firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"], [next]: ["AWSPENDING"] };
    await expectEnd(world, secret, token, { outcome: "ROLLED_BACK", labels, opens: [secret.firstVersion] });
  });

  test("is left alone while another rotation is on its way", async () => {
    const secret = await rollsBack();
    refuse(secret);
    const next = randomUUID();
    using _ = world.account.intercept(({ operation, phase, caller }) => {
      if (operation !== "Invoke" || phase !== "before" || caller !== "states") return undefined;
      void put(secret, next, ["AWSPENDING"]).catch(() => {});
      return undefined;
    });

    const token = await rotateByHand(secret);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "NOT_CONVERGED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"], [next]: ["AWSPENDING"] },
      opens: [token],
    });
    expect(told?.outcome).toBe("NOT_CONVERGED");
  });

  test("is left alone when a later rotation was undone by hand: the later password keeps its label, and people are told", async () => {
    const secret = await rollsBack();
    refuse(secret);
    let later = "";
    using _ = atStep(world, secret, "RollBack", "after", async () => {
      const token = holderOf(await world.labels(secret), "AWSCURRENT");
      later = await changeByHand(secret);
      await world.moveLabel(secret, "AWSCURRENT", token, later);
    });

    const token = await rotateByHand(secret);

    await expectEnd(world, secret, token, {
      outcome: "ROLLBACK_FAILED",
      labels: { [token]: ["AWSCURRENT", "ROTATION_FROZEN"], [later]: ["AWSPREVIOUS"] },
      opens: [later],
    });
  });

  describe("where ROTATION_CANDIDATE is the last label of an older version, whose password might be the only one that works", () => {
    test("is taken back in one piece though it is cut off right after the move; the move back starts nothing", async () => {
      const secret = await rollsBack();
      await put(secret, randomUUID(), ["ROTATION_CANDIDATE"]);
      refuse(secret);
      using _ = atMoveBack(secret, () => world.account.lambda.kill("roll-back"));

      const token = await rotateByHand(secret);

      const { run } = await expectEnd(world, secret, token, takenBack(secret, token));
      expect(failedAttempts(run, "RollBack")).toContain("Runtime.ExitError");
      expect(await executionsOf(world, secret)).toHaveLength(1);
    });

    test("is taken back by the repair when its execution is stopped right after the move, which starts nothing", async () => {
      const secret = await rollsBack();
      await put(secret, randomUUID(), ["ROTATION_CANDIDATE"]);
      refuse(secret);
      using _ = atMoveBack(secret, async () => {
        const token = holderOf(await world.labels(secret), "AWSPREVIOUS") ?? "";
        await stop(executionName(secret.arn, token));
        await world.account.lambda.kill("roll-back");
      });

      const token = await rotateByHand(secret);

      await expectEnd(world, secret, token, { ...takenBack(secret, token), repair: 1 });
      expect(await executionsOf(world, secret)).toHaveLength(2);
    });
  });

  test("is nothing to finish for the repair of an execution that was stopped, once a person has taken it back", async () => {
    const secret = await rollsBack();
    refuse(secret);
    let token = "";
    // The person's move is not heard of: what is observed because of it might come first, and the repair be refused as a second rotation.
    let isSilent = false;
    using _silence = world.account.events.disturb({
      copies: ({ source }) => (isSilent && source === "aws.secretsmanager" ? 0 : 1),
    });
    using _ = atStep(world, secret, "RollBack", "after", async () => {
      token = holderOf(await world.labels(secret), "AWSCURRENT") ?? "";
      let goOn = () => {};
      const isTakenBack = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      // The repair begins with the stop, and plans when the label is back.
      atStep(world, secret, "Plan", "before", () => isTakenBack);
      await stop(executionName(secret.arn, token));
      isSilent = true;
      await world.moveLabel(secret, "AWSCURRENT", secret.firstVersion, token);
      goOn();
    });

    await rotateByHand(secret);

    const { execution } = await world.run(secret, token, 1);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "IGNORED" });
    expect(outcomesTold(world, secret)).not.toContain("NOT_CONVERGED");
  });

  test("is taken back once, not when somebody makes it AWSCURRENT again", async () => {
    const secret = await rollsBack();
    refuse(secret);
    const token = await rotateByHand(secret);
    await world.database.setPassword(secret.username, await world.password(secret, token));
    await world.moveLabel(secret, "AWSCURRENT", token, secret.firstVersion);
    await world.settled();
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
    expect((await world.labels(secret))[token]).toContain("AWSCURRENT");
  });

  test("is left alone where it is older than the one before: a person has gone back to it", async () => {
    const secret = await rollsBack();
    await world.clock.advance(1000);
    const newer = await rotateByHand(secret);
    refuse(secret);
    await world.database.setPassword(secret.username, await world.password(secret, secret.firstVersion));

    await world.moveLabel(secret, "AWSCURRENT", secret.firstVersion, newer);
    await world.settled();

    await expectEnd(world, secret, secret.firstVersion, {
      outcome: "NOT_CONVERGED",
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [newer]: ["AWSPREVIOUS"] },
      opens: [secret.firstVersion],
    });
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "NOT_CONVERGED"]);
    expectNothingWritten(secret);
  });

  test("and that is rotated again while the dependents still go back: that rotation is observed, too", async () => {
    const secret = await rollsBack();
    refuse(secret);
    let next = "";
    using _ = world.account.intercept(async ({ service, caller, phase }) => {
      if (next !== "" || service !== "lambda" || caller !== "states" || phase !== "after") return;
      if (holderOf(await world.labels(secret), "ROTATION_ROLLED_BACK") === undefined) return;
      next = await changeByHand(secret);
      // The first rotation's execution runs meanwhile: its RollBack has not returned yet.
      await until(async () => (await executionsOf(world, secret)).includes(executionName(secret.arn, next)));
    });

    const token = await rotateByHand(secret);

    expect(await executionsOf(world, secret)).toEqual([token, next].map((each) => executionName(secret.arn, each)));
    const { execution } = await world.run(secret, next);
    expect(JSON.parse(execution.input ?? "")).toEqual({ secretArn: secret.arn, token: next, mode: "observed" });
  });

  function rollsBack(): Promise<TestSecret> {
    return world.addSecret({ policy: { ...OBSERVED, whenUnhealthy: "roll-back" }, dependents: { orders: "cache" } });
  }

  function takenBack({ firstVersion }: TestSecret, token: string): End {
    const labels = { [firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] };
    return { outcome: "ROLLED_BACK", labels, opens: [firstVersion] };
  }

  /** Does something once, as soon as the rollback has moved AWSCURRENT. */
  function atMoveBack(secret: TestSecret, run: () => Promise<unknown>): Disposable {
    let isDone = false;
    return world.account.intercept(async (call) => {
      const { VersionStage } = call.input as { VersionStage?: string };
      if (isDone || call.phase !== "after" || call.operation !== "UpdateSecretVersionStage") return;
      if (VersionStage !== "AWSCURRENT" || !isSecretCall(call, secret, "roll-back")) return;
      isDone = true;
      await run();
    });
  }

  async function stop(name: string): Promise<void> {
    const arn = executionArn(world.deployment().stateMachineArn, name);
    await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
  }
});

async function rotateByOwner(secret: TestSecret): Promise<string> {
  const token = randomUUID();
  await world.client.send(new RotateSecretCommand({ SecretId: secret.arn, ClientRequestToken: token }));
  await world.settled();
  return token;
}

async function rotateByHand(secret: TestSecret): Promise<string> {
  const token = await changeByHand(secret);
  await world.settled();
  return token;
}

async function changeByHand(
  secret: TestSecret,
  { client, database }: Pick<World, "client" | "database"> = world,
): Promise<string> {
  const { SecretString = "" } = await client.send(new GetSecretValueCommand({ SecretId: secret.arn }));
  const token = randomUUID();
  await put(secret, token, ["AWSCURRENT"], await rotateAsOwner(database, SecretString), { client });
  return token;
}

async function put(
  secret: TestSecret,
  token: string,
  VersionStages: string[],
  value = "{}",
  { client }: Pick<World, "client"> = world,
): Promise<void> {
  const request = { SecretId: secret.arn, ClientRequestToken: token, SecretString: value, VersionStages };
  await client.send(new PutSecretValueCommand(request));
}

function refuse(secret: TestSecret): void {
  const double = secret.dependents["orders"];
  if (double !== undefined) double.faults.refresh = 503;
}

function expectNothingWritten(secret: TestSecret): void {
  for (const name of OURS) expect(writesOf(world, secret, name), name).toEqual([]);
}
