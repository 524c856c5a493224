import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AwsError } from "../../local/services/service.ts";
import { ConnectionLost, type InterceptedCall } from "../../local/wire-calls.ts";
import { expectEnd } from "../support/invariants.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import {
  afterEffect,
  beforeEffect,
  callKey,
  failedAttempts,
  failStep,
  isSecretCall,
  loseReplyForGood,
  type StepName,
} from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

/** As many as a step may fail: a fifth attempt follows. Two did nothing; the effect of the other two is there, the result is lost. */
const FOUR_FAULTS = [
  beforeEffect("Lambda.TooManyRequestsException"),
  afterEffect("Sandbox.Timedout"),
  beforeEffect("ServiceUnavailable"),
  afterEffect("Throttled"),
];
const FOUR_ERRORS = FOUR_FAULTS.map(({ error }) => error);
/** A crash of the whole function, before and after its effect; RollBack has six attempts. */
const FIVE_FAULTS = [...FOUR_FAULTS, afterEffect("Runtime.ExitError")];

const WRITES = ["PutSecretValue", "UpdateSecretVersionStage"];
const isWrite = ({ operation }: InterceptedCall) => WRITES.includes(operation);

describe("a step that fails four times, before its effect and after it, succeeds in the fifth attempt", () => {
  const steps: readonly (readonly [state: string, Situation["mode"], StepName])[] = [
    ["Plan", "native", "Plan"],
    ["CreateSecret", "driven", "CreateSecret"],
    ["CreateSecret", "native", "CreateSecret"],
    ["SetSecret", "native", "SetSecret"],
    ["TestSecret", "driven", "TestSecret"],
    ["FinishSecret", "driven", "FinishSecret"],
    ["FinishSecret", "native", "FinishSecret"],
    ["Refresh", "native", "Refresh"],
    ["Verify", "driven", "Verify"],
    ["ConfirmEvidence", "native", "ConfirmEvidence"],
    ["NotifySucceeded", "driven", "Notify"],
  ];
  const secrets = new Map<string, Situation>();
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    for (const [state, mode] of steps) {
      secrets.set(`${state} ${mode}`, await situation(world, { mode, dependents: { orders: "cache" } }));
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(steps)("%s, %s", async (state, mode, step) => {
    const secret = secrets.get(`${state} ${mode}`) as Situation;
    using _ = failStep(world, secret, step, FOUR_FAULTS);

    const token = await rotateOnce(world, secret);

    const end = { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] } as const;
    const { run } = await expectEnd(world, secret, token, end);
    const errors = failedAttempts(run, state).filter((error) => error !== "CandidateNotReady");
    expect(errors).toEqual(FOUR_ERRORS);
    expect(secret.dependents["orders"]?.versionId()).toBe(token);
  });
});

describe("alternating users", () => {
  test("ProbeCandidate that fails four times succeeds in the fifth attempt, and both users sign in", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ alternating: true, dependents: { reports: "reload" } });
    using _ = failStep(world, secret, "Probe", FOUR_FAULTS);

    const token = await world.rotate(secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: {
        [secret.firstVersion]: ["AWSPREVIOUS"],
        [token]: ["AWSCURRENT", "AWSPENDING", "ROTATION_CANDIDATE"],
      },
      opens: [secret.firstVersion, token],
    });
    expect(failedAttempts(run, "Probe")).toEqual(FOUR_ERRORS);
  });
});

describe("Secrets Manager falters, and the rotation succeeds", () => {
  let world: World;
  let secrets: readonly Situation[];
  beforeAll(async () => {
    world = await startWorld({ rotation: { attempts: 1 } });
    const of = (mode: Situation["mode"]) => situation(world, { mode, dependents: { orders: "cache" } });
    secrets = [await of("driven"), await of("driven"), await of("driven"), await of("driven"), await of("native")];
  });
  afterAll(() => world[Symbol.asyncDispose]());

  async function expectSuccess(secret: Situation) {
    const token = await rotateOnce(world, secret);
    const end = { outcome: "SUCCEEDED", labels: secret.succeeded(token), opens: [token] } as const;
    return (await expectEnd(world, secret, token, end)).run;
  }

  test("the reply of each of the four writes is lost once: the client asks again, and no step has to", async () => {
    const secret = secrets[0] as Situation;
    const lost: string[] = [];
    using _ = world.account.intercept((call) => {
      const key = `${callKey(call)} ${JSON.stringify((call.input as { MoveToVersionId?: string }).MoveToVersionId)}`;
      if (call.phase === "before" || !isSecretCall(call, secret, "rotate") || !isWrite(call)) return;
      if (lost.includes(key)) return;
      lost.push(key);
      throw new ConnectionLost();
    });

    const run = await expectSuccess(secret);

    expect(lost).toHaveLength(4);
    expect(run.history.filter(({ type }) => type === "TaskFailed")).toEqual([]);
  });

  test("the reply of each write is lost, and Secrets Manager stays silent until the client gives up: the step is tried again", async () => {
    const secret = secrets[1] as Situation;
    using _ = loseReplyForGood(world, (call) => isSecretCall(call, secret, "rotate") && isWrite(call));

    const run = await expectSuccess(secret);

    // PutSecretValue and AWSPENDING on; AWSCURRENT. AWSPENDING off is told from AWSPENDING on by its place only.
    expect(failedAttempts(run, "CreateSecret")).toEqual(["ServiceUnavailable", "ServiceUnavailable"]);
    expect(failedAttempts(run, "FinishSecret")).toEqual(["ServiceUnavailable"]);
  });

  test("AWSPENDING is taken off, and nobody hears of it", async () => {
    const secret = secrets[2] as Situation;
    using _ = loseReplyForGood(world, (call) => {
      const { VersionStage, MoveToVersionId } = call.input as Record<string, string | undefined>;
      const isTakenOff = VersionStage === "AWSPENDING" && MoveToVersionId === undefined;
      return isSecretCall(call, secret, "rotate") && isWrite(call) && isTakenOff;
    });

    const run = await expectSuccess(secret);

    expect(failedAttempts(run, "FinishSecret")).toEqual(["ServiceUnavailable"]);
  });

  test("a read and two writes are throttled until the client gives up: each is a retry of its step", async () => {
    const secret = secrets[3] as Situation;
    const times = new Map([
      ["plan DescribeSecret", 3],
      ["rotate PutSecretValue", 3],
      ["rotate UpdateSecretVersionStage AWSPENDING", 1],
      ["rotate UpdateSecretVersionStage AWSCURRENT", 3],
    ]);
    using _ = world.account.intercept((call) => {
      if (call.phase === "after" || !isSecretCall(call, secret, "plan", "rotate")) return;
      const key = `${call.caller} ${callKey(call)}`;
      const left = times.get(key) ?? 0;
      if (left === 0) return;
      times.set(key, left - 1);
      throw new AwsError("ThrottlingException", "Rate exceeded", 400);
    });

    const run = await expectSuccess(secret);

    expect([...times.values()]).toEqual([0, 0, 0, 0]);
    expect(failedAttempts(run, "Plan")).toEqual(["Throttled"]);
    expect(failedAttempts(run, "CreateSecret")).toEqual(["Throttled"]);
    expect(failedAttempts(run, "FinishSecret")).toEqual(["Throttled"]);
  });

  test("native: the gate's PutSecretValue lands, its reply is lost, and Secrets Manager's own retry finds the same version", async () => {
    const secret = secrets[4] as Situation;
    using _ = loseReplyForGood(world, (call) => isSecretCall(call, secret, "gate") && isWrite(call));

    await expectSuccess(secret);

    const told = world.account.events.seen().flatMap(({ detail, resources }) => {
      const isAbout = JSON.stringify([detail, resources]).includes(secret.arn);
      return isAbout && /^Rotation/.test(String(detail["eventName"])) ? [detail["eventName"]] : [];
    });
    expect(told).toEqual(["RotationStarted", "RotationFailed", "RotationStarted", "RotationSucceeded"]);
  });
});

describe("a step on the way back that fails for a while: rolled back all the same", () => {
  const steps: readonly (readonly [state: string, Situation["mode"], StepName])[] = [
    ["RollBack", "driven", "RollBack"],
    ["RollBack", "native", "RollBack"],
    ["RefreshBase", "driven", "Refresh"],
    ["VerifyBase", "native", "Verify"],
    ["NotifyRolledBack", "driven", "Notify"],
  ];
  const secrets = new Map<string, Situation>();
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    for (const [state, mode] of steps) {
      secrets.set(`${state} ${mode}`, await situation(world, { mode, dependents: { orders: "cache" } }));
    }
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(steps)("%s, %s", async (state, mode, step) => {
    const secret = secrets.get(`${state} ${mode}`) as Situation;
    const faults = state === "RollBack" ? FIVE_FAULTS : FOUR_FAULTS;
    const versionId = state.endsWith("Base") ? secret.firstVersion : undefined;
    using _broken = failStep(world, secret, "ConfirmEvidence", [afterEffect("DependentUnhealthy")]);
    using _ = failStep(world, secret, step, faults, { versionId });

    const token = await rotateOnce(world, secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      failedIn: "ConfirmEvidence",
      error: "DependentUnhealthy",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
    });
    expect(failedAttempts(run, state)).toEqual(faults.map(({ error }) => error));
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
  });
});

describe("a way back that is cut off at any of its calls", () => {
  /** The calls of RollBack in the order it makes them; DescribeSecret twice. */
  const CALLS = [
    "GetSecretValue base",
    "GetSecretValue candidate",
    "GetSecretValue older",
    "UpdateSecretVersionStage AWSCURRENT",
    "UpdateSecretVersionStage AWSPENDING",
    "UpdateSecretVersionStage AWSPREVIOUS",
    "UpdateSecretVersionStage ROTATION_ROLLED_BACK",
    "UpdateSecretVersionStage ROTATION_CANDIDATE",
    "DescribeSecret",
  ];
  const pairs = CALLS.flatMap((call, index) =>
    index % 2 === 0 ? [[call, CALLS[index + 1] ?? "nothing"] as const] : [],
  );
  const secrets = new Map<string, Situation>();
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    for (const [call] of pairs) secrets.set(call, await situation(world, { mode: "native" }));
  });
  afterAll(() => world[Symbol.asyncDispose]());

  test.each(pairs)("the function dies just before and just after %s, and %s", async (...calls) => {
    const secret = secrets.get(calls[0]) as Situation;
    const token = crypto.randomUUID();
    const names: Readonly<Record<string, string>> = {
      [secret.firstVersion]: "base",
      [token]: "candidate",
      [secret.older]: "older",
    };
    const left = calls.flatMap((call) => (call === "nothing" ? [] : [`before ${call}`, `after ${call}`]));
    const deaths = left.length;
    // After promotion: every label has to go back.
    using _broken = failStep(world, secret, "ConfirmEvidence", [beforeEffect("DependentUnhealthy")]);
    using _ = world.account.intercept(async (call) => {
      if (!isSecretCall(call, secret, "roll-back")) return;
      const [operation, of = ""] = callKey(call).split(" ");
      const place = left.indexOf(`${call.phase} ${`${operation} ${names[of] ?? of}`.trim()}`);
      if (place === -1) return;
      left.splice(place, 1);
      await world.account.lambda.kill("roll-back");
      throw new ConnectionLost();
    });

    await world.rotate(secret, token);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      failedIn: "ConfirmEvidence",
      error: "DependentUnhealthy",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
    });
    expect(left).toEqual([]);
    expect(failedAttempts(run, "RollBack")).toEqual(Array(deaths).fill("Runtime.ExitError"));
  });
});
