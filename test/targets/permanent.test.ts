import { StartExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executionName, repairName } from "../../core/identity.ts";
import type { OUTCOMES } from "../../core/outcome.ts";
import { AwsError } from "../../local/services/service.ts";
import { expectEnd } from "../support/invariants.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import {
  afterEffect,
  beforeEffect,
  breakStep,
  callKey,
  type Fault,
  failedAttempts,
  isSecretCall,
  type StepName,
} from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

type Mode = Situation["mode"];
type Outcome = (typeof OUTCOMES)[number];

describe("a step that fails for good ends in the outcome that has its name, and the next rotation succeeds", () => {
  // FailedIn, mode, how each attempt ends, outcome; the step where its name is not the state's.
  const cases: readonly (readonly [string, Mode, Fault, Outcome, StepName?])[] = [
    ["Plan", "driven", beforeEffect("AccessDenied"), "REJECTED"],
    ["Plan", "native", beforeEffect("ConfigurationInvalid"), "REJECTED"],
    ["Plan", "driven", beforeEffect("ServiceUnavailable"), "REJECTED"],
    ["CreateSecret", "driven", beforeEffect("AccessDenied"), "REJECTED"],
    ["CreateSecret", "driven", afterEffect("InternalError"), "REJECTED"],
    ["CreateSecret", "native", afterEffect("AccessDenied"), "REJECTED"],
    ["SetSecret", "driven", beforeEffect("AccessDenied"), "ROLLED_BACK"],
    ["SetSecret", "driven", afterEffect("Sandbox.Timedout"), "ROLLED_BACK"],
    ["SetSecret", "native", afterEffect("AccessDenied"), "ROLLED_BACK"],
    ["TestSecret", "driven", beforeEffect("CredentialRejected"), "ROLLED_BACK"],
    ["TestSecret", "native", afterEffect("TargetUnavailable"), "ROLLED_BACK"],
    ["FinishSecret", "driven", beforeEffect("AccessDenied"), "ROLLED_BACK"],
    ["FinishSecret", "driven", afterEffect("InternalError"), "ROLLED_BACK"],
    ["FinishSecret", "native", afterEffect("AccessDenied"), "ROLLED_BACK"],
    ["ConvergeDependents", "native", beforeEffect("DependentUnhealthy"), "ROLLED_BACK", "Refresh"],
    ["ConvergeDependents", "driven", afterEffect("TargetUnavailable"), "ROLLED_BACK", "Refresh"],
    ["ConvergeDependents", "native", afterEffect("DependentUnhealthy"), "ROLLED_BACK", "Verify"],
    ["ConfirmEvidence", "driven", beforeEffect("DependentUnhealthy"), "ROLLED_BACK"],
    ["ConfirmEvidence", "native", afterEffect("Runtime.ExitError"), "ROLLED_BACK"],
  ];
  const RETRIED = ["ServiceUnavailable", "TargetUnavailable", "Sandbox.Timedout", "Runtime.ExitError"];
  const secrets: Situation[] = [];
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    for (const [, mode] of cases) secrets.push(await situation(world, { mode, dependents: { orders: "cache" } }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(
    cases.map(([failedIn, mode, fault, outcome, step], index) => {
      return [failedIn, mode, `${fault.error} ${fault.phase} its effect`, outcome, { fault, step, index }] as const;
    }),
  )("%s, %s, %s: %s", async (failedIn, _mode, _fault, outcome, { fault, step, index }) => {
    const secret = secrets[index] as Situation;
    const asked = step ?? (failedIn as StepName);
    const filter = step === undefined ? {} : { notVersionId: secret.firstVersion };
    const broken = breakStep(world, secret, asked, fault, filter);

    const token = await rotateOnce(world, secret);

    broken[Symbol.dispose]();
    const { run, told } = await expectEnd(world, secret, token, {
      outcome,
      failedIn,
      error: fault.error,
      labels: outcome === "REJECTED" ? secret.before : secret.rolledBack(token),
      opens: [secret.firstVersion],
    });
    expect(told?.failure).toMatchObject({ step: failedIn, name: fault.error });
    const errors = failedAttempts(run, asked).filter((error) => error === fault.error);
    expect(errors).toHaveLength(RETRIED.includes(fault.error) ? 5 : 1);
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);

    const next = await rotateOnce(world, secret, 2);
    const rest = secret.rolledBack(token)[token] ?? [];
    await expectEnd(world, secret, next, {
      outcome: "SUCCEEDED",
      labels: { ...secret.succeeded(next), ...(outcome === "REJECTED" ? {} : { [token]: rest }) },
      opens: [next],
    });
  });
});

describe("nobody can be told", () => {
  test("a notification that fails for good changes no outcome", async () => {
    await using world = await startWorld();
    const succeeds = await situation(world);
    const isRejected = await situation(world);
    const rollsBack = await situation(world, { mode: "native" });
    for (const secret of [succeeds, isRejected, rollsBack])
      breakStep(world, secret, "Notify", beforeEffect("AccessDenied"));
    breakStep(world, isRejected, "CreateSecret", afterEffect("AccessDenied"));
    breakStep(world, rollsBack, "ConfirmEvidence", afterEffect("DependentUnhealthy"));

    const tokens = [
      await rotateOnce(world, succeeds),
      await rotateOnce(world, isRejected),
      await rotateOnce(world, rollsBack),
    ];
    const [first = "", second = "", third = ""] = tokens;

    await expectEnd(world, succeeds, first, { ...success(succeeds, first), isTold: false });
    await expectEnd(world, isRejected, second, {
      outcome: "REJECTED",
      labels: isRejected.before,
      opens: [isRejected.firstVersion],
      isTold: false,
    });
    await expectEnd(world, rollsBack, third, {
      outcome: "ROLLED_BACK",
      labels: rollsBack.rolledBack(third),
      opens: [rollsBack.firstVersion],
      isTold: false,
    });
  });
});

describe("a way back that fails for good", () => {
  let world: World;
  let nativeOne: Situation;
  let drivenOne: Situation;
  let unfrozen: Situation;
  let unmeasured: Situation;
  let denied: Situation;
  let behind: Situation;
  let undiscarded: Situation;
  beforeAll(async () => {
    world = await startWorld();
    nativeOne = await situation(world, { mode: "native" });
    drivenOne = await situation(world);
    unfrozen = await situation(world);
    unmeasured = await situation(world);
    denied = await situation(world, { mode: "native" });
    behind = await situation(world, { dependents: { orders: "cache" } });
    undiscarded = await situation(world);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** The candidate is set at the target, is not promoted, and stays there: RollBack is refused. */
  async function failToRollBack(secret: Situation): Promise<string> {
    using _test = breakStep(world, secret, "TestSecret", beforeEffect("AccessDenied"));
    using _back = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
    return await rotateOnce(world, secret);
  }

  const halfDone = (secret: Situation, token: string, ...more: readonly string[]) => ({
    outcome: "ROLLBACK_FAILED" as const,
    failedIn: "TestSecret",
    error: "AccessDenied",
    labels: { ...secret.before, [token]: ["AWSPENDING", "ROTATION_CANDIDATE", ...more] },
    opens: [token],
  });

  test("native: the truth table is told and the secret is frozen; gate and Plan refuse, until a person has done what the message says", async () => {
    const secret = nativeOne;
    const base = secret.firstVersion;

    const token = await failToRollBack(secret);

    const { told } = await expectEnd(world, secret, token, halfDone(secret, token, "ROTATION_FROZEN"));
    expect(told?.state).toMatchObject({ production: "broken", frozen: true, liveVersionId: base });
    const table = (told?.state.truthTable ?? []).map(({ id, labels, signIn }) => ({
      id,
      labels: labels.sort(),
      signIn,
    }));
    expect(table).toHaveLength(3);
    expect(table).toEqual(
      expect.arrayContaining([
        { id: base, labels: ["AWSCURRENT"], signIn: "rejected" },
        { id: secret.older, labels: ["AWSPREVIOUS", "BLUE"], signIn: "rejected" },
        { id: token, labels: ["AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"], signIn: "accepted" },
      ]),
    );
    expect(told?.failure).toMatchObject({ step: "TestSecret", name: "AccessDenied" });
    expect(told?.rollbackFailure).toMatchObject({ step: "RollBack", name: "AccessDenied" });

    // Secrets Manager itself begins nothing while AWSPENDING is there; without it, we are asked.
    await expect(world.rotate(secret)).rejects.toThrow("A previous rotation isn't complete");
    await world.moveLabel(secret, "AWSPENDING", undefined, token);
    const frozen = await world.labels(secret);
    const refused = await rotateOnce(world, secret);
    expect(await world.labels(secret)).toEqual(frozen);
    expect(gateErrors(refused)).toEqual(["SecretFrozen"]);

    const makeCurrent = told?.nextSteps
      .map(({ command }) => command ?? "")
      .find((command) => command.includes("AWSCURRENT"));
    expect(makeCurrent).toMatch(new RegExp(`--move-to-version-id ${token}.*--remove-from-version-id ${base}`));
    await world.moveLabel(secret, "AWSCURRENT", token, base);
    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
    const next = await rotateOnce(world, secret);
    await expectEnd(world, secret, next, {
      outcome: "SUCCEEDED",
      labels: {
        [token]: ["AWSPREVIOUS"],
        [secret.older]: ["BLUE"],
        [next]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"],
      },
      opens: [next],
    });
  });

  test("driven: Plan refuses a frozen secret; without the label a repair completes the way back, and the next rotation succeeds", async () => {
    const secret = drivenOne;
    const token = await failToRollBack(secret);
    const end = halfDone(secret, token, "ROTATION_FROZEN");
    await expectEnd(world, secret, token, end);

    const refused = await rotateOnce(world, secret, 2);
    const isRefused = { outcome: "REJECTED", failedIn: "Plan" } as const;
    const rejected = await world.run(secret, refused);
    expect(JSON.parse(rejected.execution.cause ?? "{}")).toMatchObject({ ...isRefused, error: "SecretFrozen" });
    expect(await world.labels(secret)).toEqual(end.labels);

    await repair(secret, token, 1);
    const early = JSON.parse((await world.run(secret, token, 1)).execution.cause ?? "{}");
    expect(early).toMatchObject({ outcome: "ROLLBACK_FAILED", failedIn: "Plan", error: "SecretFrozen" });
    expect(await world.labels(secret)).toEqual(end.labels);

    await world.moveLabel(secret, "ROTATION_FROZEN", undefined, token);
    const stillThere = await world.run(secret, await rotateOnce(world, secret, 3));
    expect(JSON.parse(stillThere.execution.cause ?? "{}")).toMatchObject({ ...isRefused, error: "RotationInProgress" });

    await repair(secret, token, 2);
    await expectEnd(world, secret, token, {
      repair: 2,
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
    });
    const next = await rotateOnce(world, secret, 4);
    await expectEnd(world, secret, next, {
      ...success(secret, next),
      labels: { ...secret.succeeded(next), [token]: ["ROTATION_ROLLED_BACK"] },
    });
  });

  test("the label that freezes cannot be put on: the message has the truth table, and says that the label is missing", async () => {
    using _ = world.account.intercept((call) => {
      const isLabel = callKey(call) === "UpdateSecretVersionStage ROTATION_FROZEN";
      if (isLabel && isSecretCall(call, unfrozen, "roll-back")) throw new AwsError("AccessDeniedException", "no", 400);
    });

    const token = await failToRollBack(unfrozen);

    const { told } = await expectEnd(world, unfrozen, token, halfDone(unfrozen, token));
    expect(told?.state.frozen).toBe(false);
    expect(told?.state.truthTable).toHaveLength(3);
    expect(told?.nextSteps.map(({ say }) => say).join(" ")).toContain("could not put ROTATION_FROZEN on it");
  });

  test("Freeze itself fails: the operator is told all the same, that nothing was measured and the label is missing", async () => {
    using _ = breakStep(world, unmeasured, "Freeze", beforeEffect("Sandbox.Timedout"));

    const token = await failToRollBack(unmeasured);

    const { run, told } = await expectEnd(world, unmeasured, token, halfDone(unmeasured, token));
    expect(failedAttempts(run, "Freeze")).toHaveLength(6);
    expect(told?.state).toMatchObject({ frozen: false, truthTable: null, production: "may-be-broken" });
    expect(told?.nextSteps.map(({ say }) => say).join(" ")).toContain("could not put ROTATION_FROZEN on it");
  });

  test("AWSCURRENT may not be moved back: the target is on the base again, and the message says that production is broken", async () => {
    using _broken = breakStep(world, denied, "ConfirmEvidence", beforeEffect("DependentUnhealthy"));
    using _ = world.account.intercept((call) => {
      const isMove = callKey(call) === "UpdateSecretVersionStage AWSCURRENT";
      if (isMove && isSecretCall(call, denied, "roll-back")) throw new AwsError("AccessDeniedException", "no", 400);
    });

    const token = await rotateOnce(world, denied);

    const { told } = await expectEnd(world, denied, token, {
      outcome: "ROLLBACK_FAILED",
      failedIn: "ConfirmEvidence",
      error: "DependentUnhealthy",
      labels: {
        [denied.firstVersion]: ["AWSPREVIOUS"],
        [denied.older]: ["BLUE"],
        [token]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"],
      },
      opens: [denied.firstVersion],
    });
    expect(told?.state).toMatchObject({ production: "broken", live: "new", frozen: true });
    expect(told?.rollbackFailure).toMatchObject({ step: "RollBack", name: "AccessDenied" });
    expect(gateErrors(token)).toEqual(["RollbackFailed"]);
  });

  test("a dependent does not come back: labels and target are restored, and a person has to see to the dependent", async () => {
    const orders = behind.dependents["orders"];
    using _ = world.account.intercept(({ service, phase, caller, input }) => {
      const asked = JSON.stringify(input).includes(behind.arn) && JSON.stringify(input).includes('"rollBack"');
      if (service === "lambda" && caller === "states" && phase === "after" && asked && orders)
        orders.faults.health = 500;
    });
    using _broken = breakStep(world, behind, "ConfirmEvidence", beforeEffect("DependentUnhealthy"));

    const token = await rotateOnce(world, behind);

    const { told } = await expectEnd(world, behind, token, {
      outcome: "ROLLBACK_FAILED",
      failedIn: "ConfirmEvidence",
      error: "DependentUnhealthy",
      labels: { ...behind.before, [token]: ["ROTATION_FROZEN", "ROTATION_ROLLED_BACK"] },
      opens: [behind.firstVersion],
    });
    expect(told?.rollbackFailure).toMatchObject({ step: "RestoreDependents", name: "DependentUnhealthy" });
    expect(told?.state).toMatchObject({ production: "may-be-broken", live: "previous", frozen: true });
  });

  test("an unused candidate cannot be taken away: frozen, and the target was never touched", async () => {
    using _create = breakStep(world, undiscarded, "CreateSecret", afterEffect("InternalError"));
    using _ = breakStep(world, undiscarded, "Discard", beforeEffect("AccessDenied"));

    const token = await rotateOnce(world, undiscarded);

    const { told } = await expectEnd(world, undiscarded, token, {
      outcome: "ROLLBACK_FAILED",
      failedIn: "CreateSecret",
      error: "InternalError",
      labels: { ...undiscarded.before, [token]: ["AWSPENDING", "ROTATION_CANDIDATE", "ROTATION_FROZEN"] },
      opens: [undiscarded.firstVersion],
    });
    expect(told?.rollbackFailure).toMatchObject({ step: "Discard", name: "AccessDenied" });
  });

  async function repair(secret: Situation, token: string, n: number): Promise<void> {
    const { stateMachineArn } = world.deployment();
    const name = repairName(executionName(secret.arn, token), n);
    const input = JSON.stringify({ secretArn: secret.arn, token, mode: "repair" });
    await world.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input }));
    await world.settled();
  }

  /** What the gate has refused a token with, as its log names it. */
  function gateErrors(token: string): readonly string[] {
    const lines = world.account.lambda
      .logs()
      .filter(({ functionName, text }) => functionName === "gate" && text.includes(token));
    return lines.flatMap(({ text }) => /"errorName":"(\w+)"/.exec(text)?.[1] ?? []);
  }
});

function success(secret: Situation, token: string) {
  return { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] } as const;
}
