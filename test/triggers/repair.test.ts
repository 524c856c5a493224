import { randomUUID } from "node:crypto";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FUNCTIONS } from "../../core/blueprint.ts";
import { deriveToken, executionArn, executionName } from "../../core/identity.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { movesOfCurrent, outcomesTold, repair, rotationEvents, startRepair, until } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, isSecretCall } from "../support/step-faults.ts";
import { type Run, startWorld, type TestSecret, type World } from "../support/world.ts";

/** How long a step of a stopped execution may still be at work, and AWS's clocks may differ, in seconds. */
const LONGEST_STEP_SECONDS = Math.max(
  FUNCTIONS.rotate.timeoutSeconds,
  FUNCTIONS["roll-back"].timeoutSeconds,
  FUNCTIONS.dependents.timeoutSeconds,
);

let world: World;
beforeAll(async () => {
  // Repairs are asked for here when the test wants them: nobody hears of the executions that die.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a repair of an execution that was stopped puts everything back as it was before", () => {
  type Stop = (secret: Situation, token: string) => readonly Disposable[];
  const afterStep =
    (step: Parameters<typeof atStep>[2]): Stop =>
    (secret, token) => [atStep(world, secret, step, "after", () => stop(secret, token))];
  const stops: readonly (readonly [when: string, promoted: boolean, Stop])[] = [
    ["before SetSecret", false, afterStep("CreateSecret")],
    ["after SetSecret", false, afterStep("SetSecret")],
    ["before FinishSecret", false, afterStep("TestSecret")],
    [
      "in FinishSecret, which had just moved AWSCURRENT",
      true,
      (secret, token) => [stopAtMove(secret, token, "rotate")],
    ],
    ["during ConvergeDependents", true, afterStep("Refresh")],
    [
      "before RollBack has done anything",
      true,
      (secret, token) => {
        refuse(secret);
        const stopping = atStep(world, secret, "RollBack", "before", () => stop(secret, token));
        let isStopped = false;
        const dead = world.account.intercept((call) => {
          // Only the task that was stopped is dead before it ran: the repair's own has to run.
          if (isStopped || call.phase !== "before" || call.caller !== "states") return undefined;
          const { Payload } = call.input as { Payload?: { action?: string; secretArn?: string } };
          if (Payload?.action !== "rollBack" || Payload.secretArn !== secret.arn) return undefined;
          isStopped = true;
          return { reply: { StatusCode: 200, ExecutedVersion: "$LATEST", Payload: {} } };
        });
        return [stopping, dead];
      },
    ],
    [
      "in the middle of RollBack, which had just moved AWSCURRENT back",
      true,
      (secret, token) => {
        refuse(secret);
        return [stopAtMove(secret, token, "roll-back")];
      },
    ],
    [
      "after RollBack",
      true,
      (secret, token) => {
        refuse(secret);
        return afterStep("RollBack")(secret, token);
      },
    ],
  ];

  test.each(stops)("stopped %s", async (_when, promoted, stopIt) => {
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const hooks = stopIt(secret, token);
    await rotateOnce(world, secret);
    for (const hook of hooks) hook[Symbol.dispose]();
    const original = await world.run(secret, token);
    const told = outcomesTold(world, secret);

    await repair(world, secret, token);

    expect(original.execution.status).toBe("ABORTED");
    expect(told).toEqual([]);
    const { run } = await expectEnd(world, secret, token, rolledBack(secret, token, 1));
    expect(run.path.slice(0, 6)).toEqual(["Plan", "Mode", "SettleRepair", "Plan", "Mode", "RollBack"]);
    expect(secondsBetween(original, run)).toBeGreaterThanOrEqual(LONGEST_STEP_SECONDS + 30);
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
    const moves = [secret.firstVersion, ...(promoted ? [token, secret.firstVersion] : [])];
    expect(movesOfCurrent(world, secret)).toEqual(moves);

    // A second repair finds everything in place, and a new rotation is free to begin.
    await repair(world, secret, token, 2);
    await expectEnd(world, secret, token, rolledBack(secret, token, 2));
    expect(movesOfCurrent(world, secret)).toEqual(moves);
    accept(secret);
    const next = await rotateOnce(world, secret, 2);
    const succeeded = { ...secret.succeeded(next), [token]: ["ROTATION_ROLLED_BACK"] };
    await expectEnd(world, secret, next, { outcome: "SUCCEEDED", labels: succeeded, opens: [next] });
  });

  test("though somebody has put AWSPENDING on a version of their own meanwhile, which stays there", async () => {
    const secret = await situation(world, { mode: "driven" });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    using _ = atStep(world, secret, "SetSecret", "after", () => stop(secret, token));
    await rotateOnce(world, secret);
    const theirs = randomUUID();
    const version = { SecretString: "{}", VersionStages: ["AWSPENDING"] };
    await world.client.send(
      new PutSecretValueCommand({ SecretId: secret.arn, ClientRequestToken: theirs, ...version }),
    );

    await repair(world, secret, token);

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: { ...secret.rolledBack(token), [theirs]: ["AWSPENDING"] },
      opens: [secret.firstVersion],
      repair: 1,
    });
  });

  test("native: Secrets Manager is told that the rotation failed, and may begin a new one after the repair", async () => {
    const secret = await situation(world, { mode: "native", dependents: { orders: "cache" } });
    const token = randomUUID();
    using _ = atStep(world, secret, "Refresh", "after", () => stop(secret, token));
    await world.rotate(secret, token);

    await repair(world, secret, token);

    await expectEnd(world, secret, token, rolledBack(secret, token, 1));
    expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationFailed"]);
    const next = await world.rotate(secret);
    const succeeded = { ...secret.succeeded(next), [token]: ["ROTATION_ROLLED_BACK"] };
    await expectEnd(world, secret, next, { outcome: "SUCCEEDED", labels: succeeded, opens: [next] });
  });
});

test("a repair of an execution that was stopped after promotion keeps the new version where the policy says so", async () => {
  const secret = await situation(world, { dependents: { orders: "cache" }, policy: { whenUnhealthy: "keep-new" } });
  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  using _ = atStep(world, secret, "Refresh", "after", () => stop(secret, token));
  await rotateOnce(world, secret);

  await repair(world, secret, token);

  await expectEnd(world, secret, token, {
    outcome: "NOT_CONVERGED",
    labels: secret.succeeded(token),
    opens: [token],
    repair: 1,
  });
  expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token]);
});

describe("a repair of an execution that was stopped in Plan discards what was written, and never looks at the target", () => {
  test("driven: nothing was written", async () => {
    const secret = await situation(world, { mode: "driven" });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    using _ = atStep(world, secret, "Plan", "after", () => stop(secret, token));
    await rotateOnce(world, secret);

    await expectDiscarded(secret, token);
  });

  test("native: the gate had written the version", async () => {
    const secret = await situation(world, { mode: "native" });
    const token = randomUUID();
    const isWritten = async () => (await world.labels(secret))[token]?.includes("ROTATION_CANDIDATE");
    using _ = atStep(world, secret, "Plan", "after", async () => {
      await until(isWritten);
      await stop(secret, token);
    });
    await world.rotate(secret, token);

    await expectDiscarded(secret, token);
  });

  async function expectDiscarded(secret: Situation, token: string): Promise<void> {
    const connections = secret.proxy.connections();
    await repair(world, secret, token);
    const { run } = await expectEnd(world, secret, token, {
      outcome: "REJECTED",
      labels: secret.before,
      opens: [secret.firstVersion],
      repair: 1,
    });
    expect(run.path).toEqual(["Plan", "Mode", "Discard", "NotifyRejected", "Rejected"]);
    expect(secret.proxy.connections()).toBe(connections);
  }
});

describe("a repair of an execution that succeeded", () => {
  test.each(["native", "driven"] as const)(
    "%s: takes the promotion back, because a person asked for it",
    async (mode) => {
      const secret = await situation(world, { mode, dependents: { orders: "cache", billing: "reload" } });
      const token = await rotateOnce(world, secret);

      await repair(world, secret, token);

      await expectEnd(world, secret, token, rolledBack(secret, token, 1));
      for (const double of Object.values(secret.dependents)) expect(double.versionId()).toBe(secret.firstVersion);
      expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "ROLLED_BACK"]);
    },
  );

  test("a promotion that the policy kept is taken back too: a person asked for it", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" }, policy: { whenUnhealthy: "keep-new" } });
    refuse(secret);
    const token = await rotateOnce(world, secret);

    await repair(world, secret, token);

    await expectEnd(world, secret, token, rolledBack(secret, token, 1));
    expect(outcomesTold(world, secret)).toEqual(["NOT_CONVERGED", "ROLLED_BACK"]);
  });

  test("changes nothing once another rotation has moved AWSCURRENT on", async () => {
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const token = await rotateOnce(world, secret);
    const next = await rotateOnce(world, secret);
    const labels = await world.labels(secret);

    await repair(world, secret, token);

    const { execution, path } = await world.run(secret, token, 1);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "IGNORED" });
    expect(path).toEqual(["Plan", "Mode", "Ignored"]);
    expect(await world.labels(secret)).toEqual(labels);
    expect(await world.signsIn(secret, next)).toBe(true);
    expect(secret.dependents["orders"]?.versionId()).toBe(next);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  });
});

describe("a repair that must not be made", () => {
  test("while the execution still runs it is refused, without Discard, and touches nothing", async () => {
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const labels: unknown[] = [];
    using _ = atStep(world, secret, "TestSecret", "after", async () => {
      labels.push(await world.labels(secret));
      await repairBeside(secret, token, 1);
      labels.push(await world.labels(secret));
    });

    await rotateOnce(world, secret);

    const { path, execution } = await world.run(secret, token, 1);
    expect(path).toEqual(["Plan", "PlanFailed", "NotifyRollbackFailed", "RollbackFailed"]);
    expect(JSON.parse(execution.cause ?? "")).toMatchObject({ failedIn: "Plan", error: "RotationInProgress" });
    expect(labels[1]).toEqual(labels[0]);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(secret.dependents["orders"]?.versionId()).toBe(token);
    expect(outcomesTold(world, secret)).toEqual(["ROLLBACK_FAILED", "SUCCEEDED"]);
  });

  test("while another rotation of the secret, or another repair of the execution, runs it is refused", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = await rotateOnce(world, secret);
    const next = deriveToken(secret.arn, token, 1);
    {
      using _ = atStep(world, secret, "TestSecret", "after", () => repairBeside(secret, token, 1));
      await rotateOnce(world, secret);
    }
    await expectEnd(world, secret, next, {
      outcome: "SUCCEEDED",
      labels: { [secret.older]: ["BLUE"], [token]: ["AWSPREVIOUS"], [next]: ["AWSCURRENT", "ROTATION_CANDIDATE"] },
      opens: [next],
    });

    using _ = atStep(world, secret, "RollBack", "before", () => repairBeside(secret, next, 2));
    await repair(world, secret, next, 1);

    for (const [version, n] of [
      [token, 1],
      [next, 2],
    ] as const) {
      const { path, execution } = await world.run(secret, version, n);
      expect(path).toEqual(["Plan", "PlanFailed", "NotifyRollbackFailed", "RollbackFailed"]);
      expect(JSON.parse(execution.cause ?? "")).toMatchObject({ failedIn: "Plan", error: "RotationInProgress" });
    }
    await expectEnd(world, secret, next, {
      outcome: "ROLLED_BACK",
      labels: {
        [secret.firstVersion]: ["AWSPREVIOUS"],
        [secret.older]: ["BLUE"],
        [token]: ["AWSCURRENT"],
        [next]: ["ROTATION_ROLLED_BACK"],
      },
      opens: [token],
      repair: 1,
    });
  });

  test("while the secret is frozen it is refused; after ROTATION_FROZEN was taken off it finishes the rollback that failed", async () => {
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    refuse(secret);
    using _ = atStep(world, secret, "RollBack", "before", () => secret.proxy.refuse());
    const token = await rotateOnce(world, secret);
    const { [token]: held, ...others } = secret.succeeded(token);
    const frozen = { ...others, [token]: [...(held ?? []), "ROTATION_FROZEN"] };
    const stuck = { outcome: "ROLLBACK_FAILED", labels: frozen, opens: [token] } as const;
    await expectEnd(world, secret, token, { ...stuck, error: "DependentUnhealthy" });
    secret.proxy.pass();

    await repair(world, secret, token, 1);
    const refused = await expectEnd(world, secret, token, {
      ...stuck,
      error: "SecretFrozen",
      failedIn: "Plan",
      repair: 1,
    });
    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
    await repair(world, secret, token, 2);

    expect(refused.run.path).toEqual(["Plan", "PlanFailed", "NotifyRollbackFailed", "RollbackFailed"]);
    await expectEnd(world, secret, token, rolledBack(secret, token, 2));
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
  });

  test("of a version that no execution has rotated it is refused, and the version is left alone", async () => {
    const secret = await situation(world, { mode: "driven" });

    await repair(world, secret, secret.older);

    const { path, execution } = await world.run(secret, secret.older, 1);
    expect(path).toEqual(["Plan", "PlanFailed", "NotifyRollbackFailed", "RollbackFailed"]);
    expect(JSON.parse(execution.cause ?? "")).toMatchObject({ failedIn: "Plan", error: "ConfigurationInvalid" });
    expect(await world.labels(secret)).toEqual(secret.before);
  });
});

/** Starts a repair and waits for its end while something else of the secret is held at work. */
async function repairBeside(secret: TestSecret, token: string, n: number): Promise<void> {
  await startRepair(world, secret, token, n);
  await until(async () => (await world.run(secret, token, n)).execution.status !== "RUNNING");
}

async function stop(secret: TestSecret, token: string): Promise<void> {
  const arn = executionArn(world.deployment().stateMachineArn, executionName(secret.arn, token));
  await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
}

/** Stops the execution, and ends the function at work, as soon as it has moved AWSCURRENT. */
function stopAtMove(secret: TestSecret, token: string, functionName: "rotate" | "roll-back"): Disposable {
  let isDone = false;
  return world.account.intercept(async (call) => {
    const { VersionStage } = call.input as { VersionStage?: string };
    const isMove = isSecretCall(call, secret, functionName) && VersionStage === "AWSCURRENT";
    if (isDone || call.phase !== "after" || !isMove) return;
    isDone = true;
    await stop(secret, token);
    await world.account.lambda.kill(functionName);
  });
}

function secondsBetween(original: Run, repaired: Run): number {
  const begun = repaired.history.find((event) => event.stateEnteredEventDetails?.name === "RollBack")?.timestamp;
  return ((begun?.getTime() ?? 0) - (original.execution.stopDate?.getTime() ?? 0)) / 1000;
}

function refuse(secret: TestSecret): void {
  for (const double of Object.values(secret.dependents)) double.faults.refresh = 422;
}

function accept(secret: TestSecret): void {
  for (const double of Object.values(secret.dependents)) delete double.faults.refresh;
}

function rolledBack({ firstVersion, ...secret }: Situation, token: string, repair: number): End {
  return { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [firstVersion], repair };
}
