import { randomUUID } from "node:crypto";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { describe, expect, inject, test } from "vitest";
import { HEARTBEAT_SECRET_NAME } from "../../core/blueprint.ts";
import { deriveToken, executionArn, executionName, repairName } from "../../core/identity.ts";
import type { IncidentBody } from "../../core/notifications/incident-schema.ts";
import type { PolicyInput } from "../../core/policies.ts";
import type { Reconciled } from "../../core/reconcile/reconcile.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { DAYS } from "../../core/windows.ts";
import { deploy } from "../../local/deploy.ts";
import { AwsError } from "../../local/services/service.ts";
import { uniqueName } from "../support/database.ts";
import { expectEnd } from "../support/invariants.ts";
import { executionsOf, isGateStep, moment, outcomesTold } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import {
  afterEffect,
  atStep,
  beforeEffect,
  breakStep,
  failedAttempts,
  failStep,
  isSecretCall,
} from "../support/step-faults.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe("a version that nobody is at work on any more", () => {
  test.each([
    ["by its ARN", ""],
    ["by an alias", ":live"],
  ])(
    "an empty placeholder of our own rotation function, set %s, is taken care of, and told once",
    async (_how, qualifier) => {
      await using world = await startWorld();
      const secret = await situation(world, { mode: "native" });
      const token = await leaveBehind(world, secret, "createSecret");
      using _alias = showFunction(world, secret, qualifier);
      await later(world, 31 * MINUTE);

      const done = await reconcile(world);

      expect(done).toMatchObject({ findings: { StuckPending: 1 }, requested: 1, told: 1, failed: 0 });
      const end = { outcome: "REJECTED", labels: secret.before, opens: [secret.firstVersion], repair: 1 } as const;
      const { run } = await expectEnd(world, secret, token, end);
      expect(run.path).toEqual(["Plan", "Mode", "Discard", "NotifyRejected", "Rejected"]);
      expect(told(world, secret.arn)).toEqual([["StuckPending", "notice", token]]);
      expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0, told: 0 });
      expect(await executionsOf(world, secret)).toEqual([repairName(executionName(secret.arn, token), 1)]);
      // Nothing is in the way of a new rotation.
      const next = await rotateOnce(world, secret);
      await expectEnd(world, secret, next, { outcome: "SUCCEEDED", labels: secret.succeeded(next), opens: [next] });
    },
  );

  test("a candidate of the gate whose execution never started is taken care of without a look at the target", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    const token = await leaveBehind(world, secret, "setSecret");
    expect((await world.labels(secret))[token]).toEqual(["AWSPENDING", "ROTATION_CANDIDATE"]);
    const connections = secret.proxy.connections();
    await later(world, 31 * MINUTE);

    await reconcile(world);

    await expectRejectedUntouched(world, secret, token, connections);
  });

  test("is told to be that of a repair, and what was repaired: nothing else has failed", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    await leaveBehind(world, secret, "setSecret");
    await later(world, 31 * MINUTE);
    await reconcile(world);

    expect(world.notifications()).toMatchObject([
      { remarks: ["Why it ran: no execution has ever rotated the version."], failure: null },
    ]);
  });

  test("one whose histories are forgotten is left to a person: an execution may have touched the target", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    const token = await leaveBehind(world, secret, "setSecret");
    const labels = await world.labels(secret);
    await disable(world, "reconcile");
    await world.client.send(
      new UpdateSecretVersionStageCommand({ SecretId: secret.arn, VersionStage: "KEPT", MoveToVersionId: token }),
    );

    const done = await reconcile(world, { time: new Date(world.clock.now() + 91 * DAY).toISOString() });

    expect(done.requested).toBe(0);
    expect(told(world, secret.arn)).toEqual([["StuckPending", "warning", token]]);
    expect(await executionsOf(world, secret)).toEqual([]);
    const kept = (await world.labels(secret))[token]?.toSorted();
    expect(kept).toEqual([...(labels[token] ?? []), "KEPT"].toSorted());
  });

  test.each(["not dated", "not there"] as const)(
    "one that is %s in ListSecretVersionIds is told by the secret's LastChangedDate, and left to a person",
    async (how) => {
      await using world = await startWorld();
      const secret = await situation(world, { mode: "native" });
      const token = await leaveBehind(world, secret, "createSecret");
      const labels = await world.labels(secret);
      using _ = undated(world, token, how);
      await later(world, 20 * MINUTE);
      expect(await reconcile(world)).toMatchObject({ findings: {}, told: 0, failed: 0 });
      await later(world, 11 * MINUTE);

      expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, requested: 0, told: 1 });

      expect(told(world, secret.arn)).toEqual([["StuckPending", "warning", token]]);
      expect(incidentsOf(world, secret.arn)[0]?.message).toMatch(/AWSPENDING is on version .* since 20\S+Z or longer,/);
      expect(await world.labels(secret)).toEqual(labels);
      expect(await executionsOf(world, secret)).toEqual([]);
    },
  );

  test("one of which no date at all is known is told, and left to a person", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    const token = await leaveBehind(world, secret, "createSecret");
    using _ = undated(world, token, "not dated");
    using __ = neverChanged(world);

    expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, requested: 0, told: 1 });

    expect(incidentsOf(world, secret.arn)[0]?.message).toContain("for a time that is not known");
  });

  test("one of somebody else's is told with what to do, once and then once a day, and left alone", async () => {
    await using world = await startWorld();
    const { arn, token } = await foreignPending(world);
    await later(world, 29 * MINUTE);
    expect(await reconcile(world)).toMatchObject({ findings: {}, told: 0 });
    await later(world, 2 * MINUTE);
    const before = await world.client.send(new DescribeSecretCommand({ SecretId: arn }));

    for (let n = 0; n < 3; n += 1) {
      expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, requested: 0 });
      await later(world, 15 * MINUTE);
    }

    expect(told(world, arn)).toEqual([["StuckPending", "warning", token]]);
    const [incident] = incidentsOf(world, arn);
    expect(incident?.secret.hasPolicy).toBe(false);
    expect(incident?.message).toContain("the target may have that version's password");
    expect(incident?.nextSteps.map(({ command }) => command).join("\n")).toContain(
      `--version-stage AWSPENDING --remove-from-version-id ${token} --region us-east-1`,
    );
    await later(world, DAY);
    await reconcile(world);
    const ids = incidentsOf(world, arn).map(({ id }) => id);
    expect(ids).toEqual([ids[0], ids[0]]);
    const after = await world.client.send(new DescribeSecretCommand({ SecretId: arn }));
    expect(after.VersionIdsToStages).toEqual(before.VersionIdsToStages);
    expect(await world.executions()).toEqual([]);
  });

  test("of a rotation that was rejected: the labels come off again, and the target is not looked at", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    using _ = breakStep(world, secret, "CreateSecret", afterEffect("AccessDenied"));
    const token = await rotateOnce(world, secret);
    expect(outcomesTold(world, secret)).toEqual(["REJECTED"]);
    for (const label of ["AWSPENDING", "ROTATION_CANDIDATE"]) await world.moveLabel(secret, label, token, undefined);
    const connections = secret.proxy.connections();
    await later(world, 31 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, requested: 1 });

    await expectRejectedUntouched(world, secret, token, connections);
  });

  test("promoted by a person before it was planned, and taken back by one: its labels come off, by one repair", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    await disable(world, "rotation");
    let token = "";
    {
      using _ = atStep(world, secret, "Plan", "before", async () => {
        token = holderOf(await world.labels(secret), "ROTATION_CANDIDATE") ?? "";
        await world.moveLabel(secret, "AWSCURRENT", token, secret.firstVersion);
      });
      await rotateOnce(world, secret);
    }
    await world.moveLabel(secret, "AWSCURRENT", secret.firstVersion, token);
    const connections = secret.proxy.connections();
    await later(world, 31 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, requested: 1 });

    // AWS moves AWSPREVIOUS with AWSCURRENT, whoever moves that.
    const labels = { [secret.firstVersion]: ["AWSCURRENT"], [secret.older]: ["BLUE"], [token]: ["AWSPREVIOUS"] };
    await expectEnd(world, secret, token, { outcome: "REJECTED", labels, opens: [secret.firstVersion], repair: 1 });
    expect(secret.proxy.connections()).toBe(connections);
    await later(world, 31 * MINUTE);
    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0 });
  });

  test("put by hand where our own function rotates: a repair leaves it alone, and then it is a person's", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "native" });
    await rotateOnce(world, secret);
    const token = randomUUID();
    const version = {
      SecretId: secret.arn,
      ClientRequestToken: token,
      SecretString: "{}",
      VersionStages: ["AWSPENDING"],
    };
    await world.client.send(new PutSecretValueCommand(version));
    const labels = await world.labels(secret);
    await later(world, 31 * MINUTE);
    await reconcile(world);
    await later(world, 31 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, requested: 0 });

    expect(await world.labels(secret)).toEqual(labels);
    expect((await executionsOf(world, secret)).filter((name) => name.includes(token))).toHaveLength(1);
  });

  test("of a secret that cannot be looked at keeps no other from being looked at, and is made up for", async () => {
    await using world = await startWorld();
    const [one, other] = [await foreignPending(world), await foreignPending(world)];
    await later(world, 31 * MINUTE);
    {
      using _ = world.account.intercept((call) => {
        const { SecretId } = call.input as { SecretId?: string };
        if (call.phase !== "before" || call.caller !== "reconcile" || SecretId !== one.arn) return;
        throw new AwsError("ThrottlingException", "Rate exceeded", 400);
      });
      expect(await reconcile(world)).toMatchObject({ findings: { StuckPending: 1 }, failed: 1, told: 1 });
    }
    await later(world, 15 * MINUTE);

    await reconcile(world);

    expect(told(world, one.arn)).toEqual([["StuckPending", "warning", one.token]]);
    expect(new Set(incidentsOf(world, other.arn).map(({ id }) => id)).size).toBe(1);
  });

  test("is not found while its execution runs, however old it is", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    const seen: Reconciled[] = [];
    using _ = atStep(world, secret, "TestSecret", "after", async () => {
      seen.push(await invoke(world, { time: new Date(world.clock.now() + 60 * MINUTE).toISOString(), measure: "all" }));
    });

    const token = await rotateOnce(world, secret);

    expect(seen).toMatchObject([{ findings: {}, requested: 0, told: 0, failed: 0 }]);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  });
});

describe("a rollback that failed", () => {
  test("is left to a person while the secret is frozen, and finished by itself after that", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const broken = [
      breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied")),
      breakStep(world, secret, "RollBack", beforeEffect("AccessDenied")),
    ];
    const token = await rotateOnce(world, secret);
    for (const each of broken) each[Symbol.dispose]();
    await later(world, 31 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { SecretFrozen: 1 }, requested: 0, told: 1 });
    expect(told(world, secret.arn)).toEqual([["SecretFrozen", "critical", token]]);
    expect(await executionsOf(world, secret)).toHaveLength(1);

    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
    expect(await reconcile(world)).toMatchObject({ requested: 1 });

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
      repair: 1,
    });
    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0 });
    expect(await executionsOf(world, secret)).toHaveLength(2);
  });
});

describe("an execution that died", () => {
  test("is repaired and told once, by however many sweeps at once", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    await disable(world, "execution-ended");
    const token = await die(world, secret);
    await later(world, 6 * MINUTE);
    expect(outcomesTold(world, secret)).toEqual([]);

    // Neither asks for the repair before both have found that there is none.
    const bothFound = moment();
    let asked = 0;
    using _ = world.account.intercept(async (call) => {
      if (call.phase !== "before" || call.caller !== "reconcile" || call.operation !== "PutEvents") return;
      if (!JSON.stringify(call.input).includes("Repair Requested")) return;
      asked += 1;
      if (asked === 2) bothFound.reach();
      await bothFound.reached;
    });
    const both = await Promise.all([invoke(world), invoke(world)]);
    await world.settled();

    expect(both.map(({ findings }) => findings)).toEqual([{ DeadExecution: 1 }, { DeadExecution: 1 }]);
    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
      repair: 1,
    });
    await reconcile(world);
    const name = executionName(secret.arn, token);
    expect(await executionsOf(world, secret)).toEqual([name, repairName(name, 1)]);
    expect(new Set(incidentsOf(world, secret.arn).map(({ id }) => id)).size).toBe(1);
    expect(incidentsOf(world, secret.arn)[0]).toMatchObject({ kind: "execution-died", name: "ABORTED" });
  });

  test("is one repair and one incident where the rule on status changes has seen it, too", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven", dependents: { orders: "cache" } });
    const token = await die(world, secret);
    await later(world, 6 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0, told: 0 });

    expect(await executionsOf(world, secret)).toHaveLength(2);
    expect(incidentsOf(world, secret.arn).map(({ kind }) => kind)).toEqual(["execution-died"]);
    expect(await world.labels(secret)).toEqual(secret.rolledBack(token));
  });

  test("that waited long before it began is found behind a page of those that ended before", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    await disable(world, "execution-ended");
    const token = await die(world, secret);
    await later(world, 6 * MINUTE);
    type Page = { readonly executions: readonly { readonly stopDate: Date }[] };
    let page: Page | undefined;
    using _ = world.account.intercept(({ caller, operation, phase, input, output }) => {
      const { statusFilter, nextToken } = input as { statusFilter?: string; nextToken?: string };
      if (caller !== "reconcile" || operation !== "ListExecutions" || statusFilter !== "ABORTED") return undefined;
      if (phase === "before") return nextToken === undefined || page === undefined ? undefined : { reply: page };
      page = output as Page;
      const executions = page.executions.map((each) => ({
        ...each,
        stopDate: new Date(each.stopDate.getTime() - 3 * DAY),
      }));
      return { reply: { executions, nextToken: "next" } };
    });

    expect(await reconcile(world)).toMatchObject({ findings: { DeadExecution: 1 }, requested: 1 });

    expect((await executionsOf(world, secret)).at(-1)).toBe(repairName(executionName(secret.arn, token), 1));
  });

  test("of a secret whose policy is gone is told: nobody can repair it", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    await disable(world, "execution-ended");
    const token = await die(world, secret);
    await deploy(world.account, { config: [], bundles: inject("bundles") });
    await later(world, 31 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { DeadExecution: 1 }, requested: 0 });

    expect(told(world, secret.arn)).toContainEqual(["DeadExecution", "critical", token]);
    expect(await executionsOf(world, secret)).toHaveLength(1);
  });

  test("whose repairs die as well is repaired three times, and then left to a person", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    await disable(world, "execution-ended");
    const token = await die(world, secret);
    const name = executionName(secret.arn, token);
    for (const n of [1, 2, 3]) {
      await later(world, 6 * MINUTE);
      using _ = atStep(world, secret, "RollBack", "before", () => stop(world, repairName(name, n)));
      await reconcile(world);
    }
    await later(world, 6 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ requested: 0, told: 1 });

    expect(await executionsOf(world, secret)).toEqual([name, ...[1, 2, 3].map((n) => repairName(name, n))]);
    const severities = incidentsOf(world, secret.arn).map(({ severity }) => severity);
    expect(severities).toEqual(["warning", "warning", "warning", "critical"]);
    expect(await reconcile(world)).toMatchObject({ requested: 0, told: 0 });
  });
});

describe("a rotation that is due by the policy's schedule", () => {
  test("is asked for once, and again one interval after it", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven", policy: { schedule: "rate(7 days)" } });
    await later(world, 7 * DAY - MINUTE);
    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0 });
    await later(world, 2 * MINUTE);

    await Promise.all([invoke(world), invoke(world)]);
    await world.settled();

    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0 });
    expect(await executionsOf(world, secret)).toHaveLength(1);
    expect(incidentsOf(world, secret.arn)).toEqual([]);
    await later(world, 7 * DAY);
    await reconcile(world);
    expect(await executionsOf(world, secret)).toHaveLength(2);
  });

  test("is counted from LastChangedDate where AWSCURRENT has no date, and told where there is none at all", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven", policy: { schedule: "rate(7 days)" } });
    using _ = undated(world, secret.firstVersion, "not dated");
    {
      using __ = neverChanged(world);
      expect(await reconcile(world)).toMatchObject({ findings: { Overdue: 1 }, requested: 0, told: 1 });
      expect(incidentsOf(world, secret.arn)[0]?.message).toContain(
        "its policy's schedule rate(7 days) cannot be counted",
      );
    }
    await later(world, 7 * DAY - 10 * MINUTE);
    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0 });
    await later(world, 11 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { RotationDue: 1 }, requested: 1 });
  });

  test("that fails is tried three times, with the policy's pause between, and then left to a person", async () => {
    await using world = await startWorld();
    const policy = { schedule: "rate(7 days)", retryAfterRollbackSeconds: 3600 };
    const secret = await situation(world, { mode: "driven", policy });
    using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
    await later(world, 7 * DAY + MINUTE);
    await reconcile(world);
    await later(world, 30 * MINUTE);
    await reconcile(world);
    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK"]);
    for (let n = 0; n < 3; n += 1) {
      await later(world, 61 * MINUTE);
      await reconcile(world);
    }

    expect(outcomesTold(world, secret)).toEqual(["ROLLED_BACK", "ROLLED_BACK", "ROLLED_BACK"]);
    expect(told(world, secret.arn)).toEqual([["Overdue", "warning", secret.firstVersion]]);
    expect(incidentsOf(world, secret.arn)[0]?.message).toContain("RolledBack after AccessDenied");
  });

  test("whose value the target refuses is not retried with it: the next attempt has another value", async () => {
    await using world = await startWorld();
    const policy = { schedule: "rate(7 days)", retryAfterRollbackSeconds: 3600 };
    const secret = await situation(world, { mode: "driven", policy });
    const [first, second] = [1, 2].map((attempt) => deriveToken(secret.arn, secret.firstVersion, attempt));
    if (first === undefined || second === undefined) throw new Error("There are no tokens.");
    using _ = failStep(world, secret, "SetSecret", [beforeEffect("ConfigurationInvalid")]);
    await later(world, 7 * DAY + MINUTE);
    await reconcile(world);
    const refused = await world.password(secret, first);
    const end = { outcome: "ROLLED_BACK", labels: secret.rolledBack(first), opens: [secret.firstVersion] } as const;
    const { run } = await expectEnd(world, secret, first, end);
    expect(failedAttempts(run, "SetSecret")).toEqual(["ConfigurationInvalid"]);
    await later(world, 61 * MINUTE);
    await reconcile(world);

    expect(holderOf(await world.labels(secret), "AWSCURRENT")).toBe(second);
    expect(await world.signsIn(secret, second)).toBe(true);
    expect(await world.password(secret, second)).not.toBe(refused);
  });

  test.each([
    ["outside its windows", (world: World) => opensOnce(world.clock.now() + 9 * DAY)],
    ["in a freeze period", (world: World) => frozenUntil(world.clock.now() + 9 * DAY)],
  ])("%s is not asked for where the policy would refuse it, but as soon as it may begin", async (_where, closed) => {
    await using world = await startWorld();
    const policy = { schedule: "rate(7 days)", outsideWindow: "refuse", ...closed(world) } as const;
    const secret = await situation(world, { mode: "driven", policy });
    await later(world, 7 * DAY + MINUTE);
    for (let n = 0; n < 6; n += 1) {
      expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0, told: 0 });
      await later(world, n < 4 ? 15 * MINUTE : 12 * 60 * MINUTE);
    }
    await later(world, 23 * 60 * MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { RotationDue: 1 }, requested: 1, told: 0 });

    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  });

  test("is asked for however many attempts were refused for their time alone", async () => {
    await using world = await startWorld();
    const opens = opensOnce(world.clock.now() + 8 * DAY);
    const policy = { schedule: "rate(7 days)", outsideWindow: "refuse", ...opens } as const;
    const secret = await situation(world, { mode: "driven", policy });
    await later(world, 7 * DAY + MINUTE);
    for (const attempt of [1, 2, 3]) await rotateOnce(world, secret, attempt);
    expect(outcomesTold(world, secret)).toEqual(["REJECTED", "REJECTED", "REJECTED"]);
    expect(await reconcile(world)).toMatchObject({ findings: {}, requested: 0, told: 0 });
    await later(world, DAY);

    expect(await reconcile(world)).toMatchObject({ findings: { RotationDue: 1 }, requested: 1, told: 0 });

    const token = deriveToken(secret.arn, secret.firstVersion, 4);
    await expectEnd(world, secret, token, { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] });
  });

  test("that its policy leaves no time for is told: nobody waits for a window that does not open", async () => {
    await using world = await startWorld();
    const freezes = frozenUntil(world.clock.now() + 900 * DAY);
    const policy = { schedule: "rate(7 days)", outsideWindow: "refuse", ...freezes } as const;
    const secret = await situation(world, { mode: "driven", policy });
    await later(world, 8 * DAY + MINUTE);

    expect(await reconcile(world)).toMatchObject({ findings: { Overdue: 1 }, requested: 0, told: 1 });

    expect(incidentsOf(world, secret.arn)[0]?.message).toContain("leave no time for it within 400 days");
  });
});

test("that no further attempt is made is told with another id than that it is tried again", async () => {
  await using world = await startWorld();
  const policy = { schedule: "rate(7 days)", retryAfterRollbackSeconds: (20 * 60 * MINUTE) / 1000 };
  const secret = await situation(world, { mode: "driven", policy });
  using _ = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
  await later(world, 7 * DAY);
  for (let n = 0; n < 4; n += 1) {
    await later(world, 20 * 60 * MINUTE + 6 * MINUTE);
    await reconcile(world);
  }

  const idsOf = (said: string) =>
    incidentsOf(world, secret.arn).flatMap(({ id, message }) => (message.includes(said) ? [id] : []));
  const [again, none] = [idsOf("It is tried again."), idsOf("None is made any more by itself.")];
  expect([again.length, none.length]).toEqual([2, 1]);
  expect(again).not.toContain(none[0]);
});

test("a rotation that Secrets Manager has missed for more than a day is told", async () => {
  await using world = await startWorld();
  const secret = await situation(world, { mode: "native" });
  await rotateOnce(world, secret);
  // Every later one fails before anything is written.
  using _ = world.account.intercept((call) => {
    if (call.phase === "before" && isGateStep(call, secret, "createSecret")) throw new Error("lost");
  });
  await disable(world, "rotation");
  await later(world, 31 * DAY);
  await takePendingOff(world, secret);
  expect(await reconcile(world)).toMatchObject({ findings: {} });
  await later(world, 2 * DAY);
  await takePendingOff(world, secret);

  expect(await reconcile(world)).toMatchObject({ findings: { Overdue: 1 }, requested: 0, told: 1 });

  expect(told(world, secret.arn)).toEqual([["Overdue", "warning", null]]);
});

describe("a target that refuses AWSCURRENT", () => {
  test("is told with the truth table, from one sign-in with AWSCURRENT and one with each other version", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    const connections = secret.proxy.connections();
    expect(await reconcile(world, { measure: "all" })).toMatchObject({ findings: {}, failed: 0 });
    expect(secret.proxy.connections()).toBe(connections + 1);
    await world.database.setPassword(secret.username, await world.password(secret, secret.older));
    await later(world, MINUTE);

    expect(await reconcile(world, { measure: "all" })).toMatchObject({
      findings: { CredentialDrift: 1 },
      requested: 0,
    });

    expect(secret.proxy.connections()).toBe(connections + 3);
    expect(told(world, secret.arn)).toEqual([["CredentialDrift", "critical", secret.firstVersion]]);
    const [incident] = incidentsOf(world, secret.arn);
    expect(incident?.message).toContain(`version ${secret.firstVersion} (AWSCURRENT): rejected`);
    expect(incident?.message).toContain(`version ${secret.older} (AWSPREVIOUS, BLUE): accepted`);
    expect(incident?.nextSteps[0]?.command).toBe(
      `aws secretsmanager update-secret-version-stage --secret-id ${secret.name} --version-stage AWSCURRENT --move-to-version-id ${secret.older} --remove-from-version-id ${secret.firstVersion} --region us-east-1`,
    );
  });

  test("while a rotation has begun meanwhile is no finding: a refusal is as it should be then", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    await world.database.setPassword(secret.username, await world.password(secret, secret.older));
    using _ = world.account.intercept(async (call) => {
      if (call.phase !== "after" || call.caller !== "reconcile" || call.service !== "lambda") return;
      const version = { SecretId: secret.arn, SecretString: "{}", VersionStages: ["AWSPENDING"] };
      await world.client.send(new PutSecretValueCommand(version));
    });

    expect(await reconcile(world, { measure: "all" })).toMatchObject({ findings: {}, told: 0, failed: 0 });
  });

  test("is tried in one run of those of six hours", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    const connections = secret.proxy.connections();
    for (let run = 0; run < 24; run += 1) {
      await reconcile(world);
      await later(world, 15 * MINUTE);
    }
    expect(secret.proxy.connections()).toBe(connections + 1);
  });

  test("that cannot be reached is no finding", async () => {
    await using world = await startWorld();
    const secret = await situation(world, { mode: "driven" });
    secret.proxy.refuse();

    expect(await reconcile(world, { measure: "all" })).toMatchObject({ findings: {}, failed: 0 });
  });
});

describe("the trail", () => {
  test("that delivers is no finding; one that does not is told once, until it delivers again", async () => {
    await using world = await startWorld();
    const arn = (await world.client.send(new DescribeSecretCommand({ SecretId: HEARTBEAT_SECRET_NAME }))).ARN ?? "";
    const runs = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) {
        await later(world, 15 * MINUTE);
        await reconcile(world);
      }
    };
    await runs(3);
    expect(incidentsOf(world, arn)).toEqual([]);

    await disable(world, "heartbeat");
    await runs(4);
    expect(told(world, arn)).toEqual([["TrailSilent", "warning", null]]);

    await enable(world, "heartbeat");
    await runs(3);
    expect(told(world, arn)).toHaveLength(1);
  });
});

// --- internal ---

async function invoke(world: World, input: Record<string, unknown> = {}): Promise<Reconciled & { more: boolean }> {
  const event = { time: new Date(world.clock.now()).toISOString(), ...input };
  const answer = await world.account.lambda.invoke("reconcile", event);
  expect(answer.FunctionError, JSON.stringify(answer.Payload)).toBeUndefined();
  return answer.Payload as Reconciled & { more: boolean };
}

async function reconcile(world: World, input: Record<string, unknown> = {}): Promise<Reconciled & { more: boolean }> {
  const done = await invoke(world, input);
  await world.settled();
  return done;
}

/** Time goes by without a run of reconcile but the test's own. */
async function later(world: World, milliseconds: number): Promise<void> {
  await disable(world, "reconcile");
  await world.clock.advance(milliseconds);
  await world.settled();
}

async function disable({ account }: World, rule: string): Promise<void> {
  await account.events.operations["DisableRule"]?.({ Name: rule });
}

async function enable({ account }: World, rule: string): Promise<void> {
  await account.events.operations["EnableRule"]?.({ Name: rule });
}

/** The repair rejected it, and nobody has connected to the target since `connections` were counted. */
async function expectRejectedUntouched(
  world: World,
  secret: Situation,
  token: string,
  connections: number,
): Promise<void> {
  const labels = secret.before;
  await expectEnd(world, secret, token, { outcome: "REJECTED", labels, opens: [secret.firstVersion], repair: 1 });
  expect(secret.proxy.connections()).toBe(connections);
}

/** Rotates, and lets Secrets Manager give up at a step, without the event that would start the execution. */
async function leaveBehind(world: World, secret: TestSecret, step: string): Promise<string> {
  await disable(world, "rotation");
  using _ = world.account.intercept((call) => {
    if (call.phase === "before" && isGateStep(call, secret, step)) throw new Error("lost");
  });
  return await world.rotate(secret);
}

/** The rotation function of a secret was set with this qualifier: the account's own Lambda knows none. */
function showFunction(world: World, secret: TestSecret, qualifier: string): Disposable {
  return world.account.intercept((call) => {
    if (call.phase !== "after" || call.operation !== "DescribeSecret") return undefined;
    if (!isSecretCall(call, secret, "reconcile", "plan", "rotate", "roll-back")) return undefined;
    const described = call.output as { RotationLambdaARN?: string };
    return { reply: { ...described, RotationLambdaARN: `${described.RotationLambdaARN}${qualifier}` } };
  });
}

/** A secret without a policy, which a rotation of somebody else's has left half-way. */
async function foreignPending({ client }: World): Promise<{ arn: string; token: string }> {
  const { ARN: arn = "" } = await client.send(
    new CreateSecretCommand({ Name: uniqueName("foreign"), SecretString: "{}" }),
  );
  const token = randomUUID();
  const version = { SecretId: arn, ClientRequestToken: token, SecretString: "{}", VersionStages: ["AWSPENDING"] };
  await client.send(new PutSecretValueCommand(version));
  return { arn, token };
}

/** What ListSecretVersionIds says of a version: whether it has a date, or is there, is not confirmed on AWS. */
function undated(world: World, versionId: string, how: "not dated" | "not there"): Disposable {
  return world.account.intercept(({ caller, operation, phase, output }) => {
    if (caller !== "reconcile" || operation !== "ListSecretVersionIds" || phase !== "after") return undefined;
    const page = output as { readonly Versions: readonly { readonly VersionId: string }[] };
    const others = page.Versions.filter(({ VersionId }) => VersionId !== versionId);
    const Versions = how === "not there" ? others : [...others, { VersionId: versionId }];
    return { reply: { ...page, Versions } };
  });
}

function neverChanged(world: World): Disposable {
  return world.account.intercept(({ caller, operation, phase, output }) => {
    if (caller !== "reconcile" || operation !== "DescribeSecret" || phase !== "after") return undefined;
    return { reply: { ...(output as object), LastChangedDate: undefined } };
  });
}

/** A window of an hour in the week, which is open then. */
function opensOnce(atMs: number): Pick<PolicyInput, "windows"> {
  const time = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  const opens = atMs - 10 * MINUTE;
  const days = [DAYS[new Date(opens).getUTCDay()] ?? "SUN"];
  return { windows: [{ timeZone: "UTC", days, from: time(opens), to: time(opens + 60 * MINUTE) }] };
}

function frozenUntil(atMs: number): Pick<PolicyInput, "freezes"> {
  return { freezes: [{ from: new Date(0).toISOString(), to: new Date(atMs).toISOString(), reason: "year-end" }] };
}

/** Rotates, and stops the execution after promotion. */
async function die(world: World, secret: Awaited<ReturnType<typeof situation>>): Promise<string> {
  const token = deriveToken(secret.arn, secret.firstVersion, 1);
  using _ = atStep(world, secret, "FinishSecret", "after", () => stop(world, executionName(secret.arn, token)));
  await rotateOnce(world, secret);
  return token;
}

async function stop(world: World, name: string): Promise<void> {
  await world.sfn.send(
    new StopExecutionCommand({ executionArn: executionArn(world.deployment().stateMachineArn, name) }),
  );
}

async function takePendingOff(world: World, secret: TestSecret): Promise<void> {
  const labels = await world.labels(secret);
  const pending = Object.keys(labels).find((each) => labels[each]?.includes("AWSPENDING"));
  if (pending === undefined || labels[pending]?.includes("AWSCURRENT")) return;
  await world.moveLabel(secret, "AWSPENDING", undefined, pending);
}

function incidentsOf(world: World, secretArn: string): readonly IncidentBody[] {
  return (world.incidents() as readonly IncidentBody[]).filter(
    ({ secret, kind }) => secret.arn === secretArn && ["finding", "execution-died"].includes(kind),
  );
}

function told(world: World, secretArn: string): readonly (readonly unknown[])[] {
  return incidentsOf(world, secretArn).map(({ name, severity, rotation }) => [name, severity, rotation.token]);
}
