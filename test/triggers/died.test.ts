import { randomUUID } from "node:crypto";
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { RedriveExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken, executionArn, executionName, repairName } from "../../core/identity.ts";
import { type End, expectEnd } from "../support/invariants.ts";
import { executionsOf, outcomesTold } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { afterEffect, atStep, beforeEffect, breakStep, type StepName } from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const OBSERVED = { mode: "observed", strategy: "postgres-single-user" } as const;
const DAY = 24 * 60 * 60 * 1000;

let world: World;
beforeAll(async () => {
  // Every repair waits until the dead step is surely over, in virtual time, which must not overtake the dependents' own.
  world = await startWorld({ startsAgoMs: 10 * DAY });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("an execution that is ended is told once, and repaired once", () => {
  const rolledBack = (secret: Situation, token: string): End => ({
    outcome: "ROLLED_BACK",
    labels: secret.rolledBack(token),
    opens: [secret.firstVersion],
  });
  const rejected = ({ before, firstVersion }: Situation): End => ({
    outcome: "REJECTED",
    labels: before,
    opens: [firstVersion],
  });
  const stops: readonly (readonly [StepName, "before" | "after", (secret: Situation, token: string) => End])[] = [
    ["Plan", "after", rejected],
    ["SetSecret", "before", rolledBack],
    ["SetSecret", "after", rolledBack],
    ["FinishSecret", "after", rolledBack],
    ["Verify", "after", rolledBack],
  ];

  test.each(stops)("by a person: %s, %s it", async (step, phase, endOf) => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const name = executionName(secret.arn, token);
    {
      using _ = atStep(world, secret, step, phase, () => stop(name));
      await rotateOnce(world, secret);
    }

    expect(incidentsOf(secret)).toEqual([
      expect.objectContaining({
        kind: "execution-died",
        name: "ABORTED",
        severity: "warning",
        rotation: expect.objectContaining({ token, executionName: name }),
      }),
    ]);
    await expectEnd(world, secret, token, { ...endOf(secret, token), repair: 1 });
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1)]);
    expect(outcomesTold(world, secret)).toHaveLength(1);
  });

  test("those who have taken the new version meanwhile are brought back by the repair", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    using _ = atStep(world, secret, "FinishSecret", "after", async () => {
      await stop(executionName(secret.arn, token));
      await fetch(`${secret.dependents["orders"]?.url}/refresh`, {
        method: "POST",
        body: JSON.stringify({ versionId: token }),
      });
    });

    await rotateOnce(world, secret);

    await expectEnd(world, secret, token, { ...rolledBack(secret, token), repair: 1 });
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
  });

  test("twice told that it ended, and once more a day later, it is one incident and one repair", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const name = executionName(secret.arn, token);
    {
      using _twice = world.account.events.disturb({ copies: ({ source }) => (source === "aws.states" ? 2 : 1) });
      using _stop = atStep(world, secret, "Refresh", "after", () => stop(name));
      await rotateOnce(world, secret);
    }
    const labels = await world.labels(secret);

    await world.clock.advance(DAY);
    tellEnded(name, { status: "ABORTED" });
    await world.settled();

    expect(new Set(incidentsOf(secret).map(({ id }) => id)).size).toBe(1);
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1)]);
    expect(await world.labels(secret)).toEqual(labels);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
  });

  test("by Step Functions itself, it is told and repaired as well", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const name = executionName(secret.arn, token);
    {
      using _lost = world.account.events.disturb({ copies: ({ source }) => (source === "aws.states" ? 0 : 1) });
      using _stop = atStep(world, secret, "Refresh", "after", () => stop(name));
      await rotateOnce(world, secret);
    }
    // The account's own Step Functions has no history that could grow too long.
    using _ = world.account.intercept(({ caller, operation, phase, output }) => {
      const described = output as { name?: string } | undefined;
      const isIt = caller === "dispatch" && operation === "DescribeExecution" && described?.name === name;
      const ended = { status: "FAILED", error: "States.Runtime" };
      return isIt && phase === "after" ? { reply: { ...described, ...ended } } : undefined;
    });

    tellEnded(name, { status: "FAILED" });
    await world.settled();

    expect(incidentsOf(secret)).toEqual([
      expect.objectContaining({ name: "FAILED", message: expect.stringContaining("ended States.Runtime half-way") }),
    ]);
    await expectEnd(world, secret, token, { ...rolledBack(secret, token), repair: 1 });
  });
});

describe("an execution that could not tell its outcome", () => {
  test.each(["the rule on its end", "reconcile"])("is told by %s when that can be, once by id", async (by) => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    {
      using _lost = world.account.events.disturb({
        copies: ({ source }) => (source === "aws.events" || (source === "aws.states" && by === "reconcile") ? 0 : 1),
      });
      using _broken = breakStep(world, secret, "TestSecret", beforeEffect("CredentialRejected"));
      using _silent = breakStep(world, secret, "Notify", beforeEffect("ServiceUnavailable"));
      await rotateOnce(world, secret);
    }
    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({ outcome: "ROLLED_BACK", told: false });
    expect(outcomesTold(world, secret)).toEqual([]);
    const told = () => world.incidents().filter((each) => each.secret.arn === secret.arn);
    // Before any sweep: reconcile would tell the same under the same id.
    expect(told()).toHaveLength(by === "reconcile" ? 0 : 1);

    for (let n = 0; n < 2; n += 1) {
      await world.clock.advance(10 * 60 * 1000);
      const answer = await world.account.lambda.invoke("reconcile", {
        time: new Date(world.clock.now()).toISOString(),
      });
      expect(answer.FunctionError).toBeUndefined();
      await world.settled();
    }

    expect(new Set(told().map(({ id }) => id)).size).toBe(1);
    expect(told()[0]).toMatchObject({ kind: "outcome-untold", name: "ROLLED_BACK", severity: "warning" });
    expect(told()[0]?.message).toContain("TestSecret, with CredentialRejected");
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });
});

describe("repairs that die", () => {
  test("a repair that is stopped is repaired by the next one, each told for itself", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const name = executionName(secret.arn, token);
    using _original = atStep(world, secret, "Refresh", "after", () => stop(name));
    using _repair = atStep(world, secret, "RollBack", "before", () => stop(repairName(name, 1)));

    await rotateOnce(world, secret);

    const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [secret.firstVersion] } as const;
    await expectEnd(world, secret, token, { ...end, repair: 2 });
    expect(incidentsOf(secret).map(({ rotation }) => rotation.executionName)).toEqual([name, repairName(name, 1)]);
    expect(new Set(incidentsOf(secret).map(({ id }) => id)).size).toBe(2);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
  });

  test("after three dead repairs none is started any more, and the incident is critical, until a person asks for one", async () => {
    const secret = await situation(world, { dependents: { orders: "cache" } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const name = executionName(secret.arn, token);
    const repairs = [1, 2, 3].map((n) => repairName(name, n));
    {
      using _original = atStep(world, secret, "Refresh", "after", () => stop(name));
      const left = [...repairs];
      using _repairs = world.account.intercept(async (call) => {
        const { Payload } = call.input as { Payload?: { executionName?: string } };
        const isNext = call.caller === "states" && call.phase === "before" && Payload?.executionName === left[0];
        if (left[0] !== undefined && isNext) await stop(left.shift() ?? "");
      });
      await rotateOnce(world, secret);
    }

    expect(await executionsOf(world, secret)).toEqual([name, ...repairs]);
    // Each is told by a call of its own: in which order they arrive is nobody's promise.
    const severities = incidentsOf(secret).map(({ severity }) => severity);
    expect(severities.sort()).toEqual(["critical", "warning", "warning", "warning"]);
    expect(outcomesTold(world, secret)).toEqual([]);
    // Time stands still meanwhile, and a repair that began in the same second as it was asked for would be this one.
    await world.clock.advance(60_000);
    await world.ask("Repair Requested", { secretId: secret.arn, token });
    const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [secret.firstVersion] } as const;
    await expectEnd(world, secret, token, { ...end, repair: 4 });
  });
});

describe("an observed execution", () => {
  test("that is stopped is told, with what to look at, and its repair has nothing to do", async () => {
    const secret = await world.addSecret({ policy: { mode: "observed" }, dependents: { orders: "cache" } });
    const token = randomUUID();
    using _ = atStep(world, secret, "Refresh", "after", () => stop(executionName(secret.arn, token)));

    await putCurrent(secret, token);

    const [told, ...more] = incidentsOf(secret);
    expect(more).toEqual([]);
    expect(told?.message).toMatch(/somebody else's/);
    expect(JSON.stringify(told?.nextSteps)).toMatch(/dependents use AWSCURRENT/);
    const { execution, path } = await world.run(secret, token, 1);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "IGNORED" });
    expect(path).toEqual(["Plan", "Mode", "Ignored"]);
    expect(outcomesTold(world, secret)).toEqual([]);
  });

  test("that is stopped in Plan is taken up by its repair: the dependents follow, and that is told", async () => {
    const secret = await world.addSecret({ policy: OBSERVED, dependents: { orders: "cache" } });
    const token = randomUUID();
    using _ = atStep(world, secret, "Plan", "after", () => stop(executionName(secret.arn, token)));

    await putCurrent(secret, token);

    const { told } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [token]: ["AWSCURRENT"] },
      opens: [secret.firstVersion, token],
      repair: 1,
    });
    expect(told?.rotation.mode).toBe("observed");
    expect(secret.dependents["orders"]?.versionId()).toBe(token);
    expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
  });

  test("that was taken up so, and whose repair is stopped while it takes the version back, is finished by the next", async () => {
    const policy = { ...OBSERVED, whenUnhealthy: "roll-back" } as const;
    const secret = await world.addSecret({ policy, dependents: { orders: "cache" } });
    const double = secret.dependents["orders"];
    if (double) double.faults.refresh = 503;
    const token = randomUUID();
    const name = executionName(secret.arn, token);
    using _original = atStep(world, secret, "Plan", "after", () => stop(name));
    using _repair = atStep(world, secret, "RollBack", "before", () => stop(repairName(name, 1)));

    await putCurrent(secret, token);

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: { [secret.firstVersion]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
      opens: [secret.firstVersion, token],
      repair: 2,
    });
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1), repairName(name, 2)]);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
  });
});

describe("an execution that was stopped in its soak and repaired, and that a person redrives", () => {
  test.each([
    ["with a dependent", { orders: "cache" }],
    ["without dependents", {}],
  ] as const)("%s: it finds its version taken back, and never tells that it succeeded", async (_with, dependents) => {
    const secret = await situation(world, { dependents, policy: { soakSeconds: 600 } });
    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const name = executionName(secret.arn, token);
    {
      using _ = atStep(world, secret, "ConfirmEvidence", "after", async () => {
        void world.clock.sleep(60_000, "wait").then(() => world.clock.track(stop(name)));
      });
      await rotateOnce(world, secret);
    }
    const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(token), opens: [secret.firstVersion] } as const;
    await expectEnd(world, secret, token, { ...end, repair: 1 });
    expect((await world.run(secret, token)).path.at(-1)).toBe("Soak");

    await world.sfn.send(new RedriveExecutionCommand({ executionArn: arnOf(name) }));
    await world.settled();

    await expectEnd(world, secret, token, end);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "ROLLED_BACK"]);
  });
});

describe("nothing follows from the end of an execution", () => {
  test.each<[string, StepName, string]>([
    ["that was rejected", "CreateSecret", "REJECTED"],
    ["that was rolled back", "TestSecret", "ROLLED_BACK"],
  ])("%s: it has told that itself", async (_how, step, outcome) => {
    const secret = await situation(world);
    using _ = breakStep(world, secret, step, beforeEffect("AccessDenied"));
    await rotateOnce(world, secret);
    await expectNothing(secret, [outcome]);
  });

  test("that failed to go back, and has frozen the secret", async () => {
    const secret = await situation(world);
    using _test = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
    using _back = breakStep(world, secret, "RollBack", afterEffect("AccessDenied"));
    await rotateOnce(world, secret);
    await expectNothing(secret, ["ROLLBACK_FAILED"]);
  });

  test("that was not converged and kept", async () => {
    const secret = await situation(world, { policy: { whenUnhealthy: "keep-new" } });
    using _ = breakStep(world, secret, "ConfirmEvidence", beforeEffect("DependentUnhealthy"));
    await rotateOnce(world, secret);
    await expectNothing(secret, ["NOT_CONVERGED"]);
  });

  test("that is told of with another name, of another state machine, or that was never started", async () => {
    const secret = await situation(world);
    const token = await rotateOnce(world, secret);
    const name = executionName(secret.arn, token);
    tellEnded(name, { status: "TIMED_OUT" });
    tellEnded(executionName(secret.arn, randomUUID()), { status: "ABORTED" });
    tellEnded(`${name}:child`, { status: "ABORTED" });
    const other = world.deployment().stateMachineArn.replace(/:rotation$/, ":billing");
    tellEnded(name, { status: "ABORTED", stateMachineArn: other });
    await world.settled();
    await expectNothing(secret, ["SUCCEEDED"]);
  });

  async function expectNothing(secret: TestSecret, outcomes: readonly string[]): Promise<void> {
    expect(incidentsOf(secret)).toEqual([]);
    expect(await executionsOf(world, secret)).toHaveLength(1);
    expect(outcomesTold(world, secret)).toEqual(outcomes);
  }
});

async function stop(name: string): Promise<void> {
  await world.sfn.send(new StopExecutionCommand({ executionArn: arnOf(name) }));
}

function arnOf(name: string): string {
  return executionArn(world.deployment().stateMachineArn, name);
}

/** Step Functions' own event, put again. */
function tellEnded(name: string, detail: { readonly status: string; readonly stateMachineArn?: string }): void {
  const { stateMachineArn } = { ...world.deployment(), ...detail };
  world.account.events.put({
    source: "aws.states",
    detailType: "Step Functions Execution Status Change",
    detail: { executionArn: executionArn(stateMachineArn, name), name, stateMachineArn, ...detail },
  });
}

/** A version of somebody else's that is AWSCURRENT at once, with a password that the database has already. */
async function putCurrent(secret: TestSecret, token: string): Promise<void> {
  const password = await world.password(secret, secret.firstVersion);
  const { host, port } = secret.proxy;
  const login = { engine: "postgres", host, port, dbname: "postgres", ssl: false, username: secret.username, password };
  await world.client.send(
    new PutSecretValueCommand({ SecretId: secret.arn, ClientRequestToken: token, SecretString: JSON.stringify(login) }),
  );
  await world.settled();
}

function incidentsOf(secret: TestSecret) {
  return world.incidents().filter((each) => each.secret.arn === secret.arn && each.kind === "execution-died");
}
