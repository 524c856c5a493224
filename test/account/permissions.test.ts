import { randomUUID } from "node:crypto";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  TagResourceCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EVENT_SOURCE, FUNCTIONS, type FunctionName } from "../../core/blueprint.ts";
import { REHEARSAL_TAG } from "../../core/rehearsal.ts";
import { executionsOf, isGateStep, outcomesTold, repair, rotationEvents } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const DAY_SECONDS = 86_400;
const names = Object.keys(FUNCTIONS) as FunctionName[];

describe("what the functions may call, over every way a rotation goes", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    // First: evidence counts from the execution's start, which a clock that has jumped puts into the future.
    await runObserved();
    await runNative();
    await runDriven();
    await runAlternating();
    await runRejected();
    await runFrozen();
    await runTestRotation();
    await runRequested();
    await runRehearsed();
    await runReconciled();
  }, 120_000);
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(names)("%s calls every action that is granted to it, and no other", (name) => {
    expect(actionsOf(name)).toEqual([...FUNCTIONS[name].actions].sort());
  });

  test("only the gate, rotate and roll-back read a value, and only those may", () => {
    const readers = ["gate", "roll-back", "rotate"];
    const reads = "secretsmanager:GetSecretValue";
    expect(names.filter((name) => actionsOf(name).includes(reads)).sort()).toEqual(readers);
    expect(names.filter((name) => grants(name).includes(reads)).sort()).toEqual(readers);
  });

  // What dependents of other kinds need, and that it is exactly that: aws-dependents.test.ts.
  test("dependents was at work, and calls no AWS service at all where all it speaks to is asked over HTTP", () => {
    const asked = world.account.calls().filter(({ operation, input }) => {
      const { FunctionName = "" } = input as { FunctionName?: string };
      return operation === "Invoke" && FunctionName === world.deployment().functionArns.dependents;
    });
    expect(asked.length).toBeGreaterThan(0);
    expect(actionsOf("dependents")).toEqual([]);
  });

  /** What a function has called, by IAM's names: the account's services are called as IAM calls them, but for one action. */
  function actionsOf(name: FunctionName): readonly string[] {
    const calls = world.account.calls().filter(({ caller }) => caller === name);
    const actions = calls.map(({ service, operation }) => `${service}:${operation}`);
    return [...new Set(actions.map((each) => (each === "lambda:Invoke" ? "lambda:InvokeFunction" : each)))].sort();
  }

  /** A success, a rollback, and a new token that is refused soon after it. */
  async function runNative(): Promise<void> {
    const secret = await situation(world, {
      mode: "native",
      dependents: { orders: "cache" },
      policy: { retryAfterRollbackSeconds: DAY_SECONDS },
    });
    await rotateOnce(world, secret);
    setFault(secret, "refresh", 422);
    await rotateOnce(world, secret);
    await rotateOnce(world, secret);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
    expect(rotationEvents(world, secret).filter((each) => each === "RotationFailed")).toHaveLength(2);
  }

  /** A success, and the repair that takes it back. */
  async function runDriven(): Promise<void> {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = await rotateOnce(world, secret);
    await repair(world, secret, token);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  }

  /** A candidate that a dependent refuses, a success, and a success after a person went back from that one. */
  async function runAlternating(): Promise<void> {
    const secret = await situation(world, { alternating: true, dependents: { reports: "reload" } });
    setFault(secret, "probe", 422);
    await rotateOnce(world, secret);
    setFault(secret, "probe", undefined);
    const token = await rotateOnce(world, secret, 2);
    await world.moveLabel(secret, "AWSCURRENT", secret.firstVersion, token);
    await rotateOnce(world, secret, 3);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "SUCCEEDED", "SUCCEEDED"]);
  }

  async function runRejected(): Promise<void> {
    for (const mode of ["native", "driven"] as const) {
      const secret = await situation(world, { mode });
      using _ = breakStep(world, secret, "CreateSecret", beforeEffect("AccessDenied"));
      await rotateOnce(world, secret);
      expect(outcomesTold(world, secret)).toEqual(["REJECTED"]);
    }
  }

  async function runFrozen(): Promise<void> {
    const secret = await situation(world);
    using _test = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
    using _back = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
    await rotateOnce(world, secret);
    expect(outcomesTold(world, secret)).toEqual(["ROLLBACK_FAILED"]);
  }

  async function runTestRotation(): Promise<void> {
    const secret = await situation(world, { mode: "native" });
    await world.client.send(
      new RotateSecretCommand({
        SecretId: secret.arn,
        ClientRequestToken: randomUUID(),
        RotationLambdaARN: world.deployment().functionArns.gate,
        RotationRules: { AutomaticallyAfterDays: 30 },
        RotateImmediately: false,
      }),
    );
    await world.settled();
    expect(rotationEvents(world, secret)).toEqual(["TestRotationStarted", "TestRotationSucceeded"]);
    expect(await executionsOf(world, secret)).toEqual([]);
  }

  /** A request for a rotation that is Secrets Manager's to make. */
  async function runRequested(): Promise<void> {
    const secret = await situation(world, { mode: "native" });
    await rotateOnce(world, secret);
    await world.request(secret);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  }

  /** A rehearsal that was passed elsewhere takes the place of one that is too old. */
  async function runRehearsed(): Promise<void> {
    const { accountId: account } = world.account;
    const secret = await situation(world, { policy: { rehearsal: { accounts: [account] } } });
    const Tags = [{ Key: `${REHEARSAL_TAG}${"0".repeat(32)}`, Value: `2020-01-01T00:00:00.000Z ${account}` }];
    await world.client.send(new TagResourceCommand({ SecretId: secret.arn, Tags }));
    const digest = "1".repeat(32);
    const at = new Date().toISOString();
    world.account.events.put({
      bus: "rotation",
      source: EVENT_SOURCE,
      detailType: "Rotation Succeeded",
      detail: {
        rehearsal: { digest, strategy: "postgres-single-user", rollbackProved: true, at },
        data: { secret: { arn: secret.arn, name: secret.name } },
      },
    });
    await world.settled();
    const { Tags: kept = [] } = await world.client.send(new DescribeSecretCommand({ SecretId: secret.arn }));
    expect(kept.map(({ Key }) => Key)).toEqual([REHEARSAL_TAG + digest]);
  }

  /** A candidate whose execution never started, which a sweep finds; and every AWSCURRENT is tried. */
  async function runReconciled(): Promise<void> {
    const secret = await situation(world, { mode: "native" });
    await world.account.events.operations["DisableRule"]?.({ Name: "rotation" });
    {
      using _ = world.account.intercept((call) => {
        if (call.phase === "before" && isGateStep(call, secret, "setSecret")) throw new Error("lost");
      });
      await world.rotate(secret);
    }
    const time = new Date(world.clock.now() + 60 * 60 * 1000).toISOString();
    await world.account.lambda.invoke("reconcile", { time, measure: "all" });
    await world.settled();
    expect(outcomesTold(world, secret)).toEqual(["REJECTED"]);
  }

  /** Somebody else has put versions, here with the password that the target has already: one is followed, one taken back. */
  async function runObserved(): Promise<void> {
    const policy = { mode: "observed", whenUnhealthy: "roll-back" } as const;
    const secret = await world.addSecret({ policy, dependents: { orders: "cache" } });
    const { SecretString } = await world.client.send(new GetSecretValueCommand({ SecretId: secret.arn }));
    for (const status of [undefined, 422]) {
      setFault(secret, "refresh", status);
      const version = { SecretId: secret.arn, ClientRequestToken: randomUUID(), SecretString };
      await world.client.send(new PutSecretValueCommand(version));
      await world.settled();
    }
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
  }
});

function grants(name: FunctionName): readonly string[] {
  return FUNCTIONS[name].actions;
}

function setFault(secret: Situation | TestSecret, fault: "refresh" | "probe", status: number | undefined): void {
  for (const { faults } of Object.values(secret.dependents)) {
    if (status === undefined) delete faults[fault];
    else faults[fault] = status;
  }
}
