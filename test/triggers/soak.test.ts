import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deriveToken } from "../../core/identity.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { expectEnd } from "../support/invariants.ts";
import { movesOfCurrent, outcomesTold, rotationEvents } from "../support/observations.ts";
import { rotateOnce, type Situation, type SituationOptions, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { type Run, startWorld, type World } from "../support/world.ts";

const SOAK_SECONDS = 600;
const AFTER_CONVERGENCE = ["Soak", "VerifyAfterSoak", "VerifyAgain", "ConfirmAfterSoak"];

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe.each(["driven", "native"] as const)("a rotation in mode %s with a soak", (mode) => {
  test("ends that much later, when every dependent is still on the new version", async () => {
    const secret = await soaking({ mode });
    const token = await rotateOnce(world, secret);

    const { run } = await expectEnd(world, secret, token, {
      outcome: "SUCCEEDED",
      labels: secret.succeeded(token),
      opens: [token],
    });
    expect(run.path.slice(run.path.indexOf("Converged"))).toEqual([
      ...["Converged", ...AFTER_CONVERGENCE, "NotifySucceeded", "Succeeded"],
    ]);
    expect(soakedSeconds(run)).toBeGreaterThanOrEqual(SOAK_SECONDS);
    expect(soakedSeconds(run)).toBeLessThan(SOAK_SECONDS + 5);
    if (mode === "native") expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationSucceeded"]);
  });

  test("is rolled back when a dependent is not on the new version any more", async () => {
    const secret = await soaking({ mode });
    using _ = fallBack(secret);

    const token = await rotateOnce(world, secret);

    const { told, run } = await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
      failedIn: "VerifyAfterSoak",
    });
    expect(told?.failure?.message).toMatch(/^orders/);
    expect(soakedSeconds(run)).toBeGreaterThanOrEqual(SOAK_SECONDS);
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
  });

  test("is rolled back when a person moves AWSCURRENT back in the soak, though every dependent keeps the new version", async () => {
    const secret = await soaking({ mode });
    using _ = moveBack(secret);

    const token = await rotateOnce(world, secret);

    await expectEnd(world, secret, token, {
      outcome: "ROLLED_BACK",
      labels: secret.rolledBack(token),
      opens: [secret.firstVersion],
      error: "RotationInProgress",
      failedIn: "ConfirmAfterSoak",
    });
    expect(secret.dependents["orders"]?.versionId()).toBe(secret.firstVersion);
    if (mode === "native") expect(rotationEvents(world, secret)).toEqual(["RotationStarted", "RotationFailed"]);
  });
});

test("AWSCURRENT moved back in the soak is told where the policy keeps what was promoted, and nothing is undone", async () => {
  const secret = await soaking({ policy: { whenUnhealthy: "keep-new" } });
  using _ = moveBack(secret);

  const token = await rotateOnce(world, secret);

  const { execution } = await world.run(secret, token);
  expect(JSON.parse(execution.cause ?? "")).toMatchObject({ outcome: "NOT_CONVERGED", error: "RotationInProgress" });
  expect(outcomesTold(world, secret)).toEqual(["NOT_CONVERGED"]);
  expect(movesOfCurrent(world, secret)).toEqual([secret.firstVersion, token, secret.firstVersion]);
  expect(await world.signsIn(secret, token)).toBe(true);
});

test("a version that the target does not accept any more after the soak is rolled back", async () => {
  const secret = await soaking({ dependents: {} });
  using _ = inSoak(secret, () => world.database.setPassword(secret.username, `by-hand-${randomUUID()}`));
  using _back = atStep(world, secret, "RollBack", "before", async () => {
    const password = await world.password(secret, secret.firstVersion);
    await world.database.setPassword(secret.username, password);
  });

  const token = await rotateOnce(world, secret);

  await expectEnd(world, secret, token, {
    outcome: "ROLLED_BACK",
    labels: secret.rolledBack(token),
    opens: [secret.firstVersion],
    error: "CredentialRejected",
    failedIn: "ConfirmAfterSoak",
  });
});

test("a dependent that falls back in the soak leaves the new version live where the policy keeps it", async () => {
  const secret = await soaking({ policy: { whenUnhealthy: "keep-new" } });
  using _ = fallBack(secret);

  const token = await rotateOnce(world, secret);

  await expectEnd(world, secret, token, {
    outcome: "NOT_CONVERGED",
    labels: secret.succeeded(token),
    opens: [token],
    failedIn: "VerifyAfterSoak",
  });
});

test("an optional dependent that falls back in the soak fails nothing", async () => {
  const secret = await soaking({ dependentPolicy: { orders: { required: false } } });
  using _ = fallBack(secret);
  await rotateOnce(world, secret);
  expect(outcomesTold(world, secret)).toEqual(["SUCCEEDED"]);
});

test("a rotation without a soak makes no transition for it", async () => {
  const secret = await situation(world, { dependents: { orders: "cache" } });
  const { path } = await world.run(secret, await rotateOnce(world, secret));
  expect(path.slice(path.indexOf("Converged"))).toEqual(["Converged", "NotifySucceeded", "Succeeded"]);
});

test("an emergency does not soak", async () => {
  const secret = await soaking();
  await world.request(secret, { emergency: true });
  const { path } = await world.run(secret, deriveToken(secret.arn, secret.firstVersion, 1, "emergency"));
  expect(path.at(-1)).toBe("Succeeded");
  expect(path.filter((state) => AFTER_CONVERGENCE.includes(state))).toEqual([]);
});

// --- internal ---

function soaking({ policy, ...options }: SituationOptions = {}): Promise<Situation> {
  return situation(world, {
    dependents: { orders: "cache" },
    policy: { soakSeconds: SOAK_SECONDS, ...policy },
    ...options,
  });
}

/** Does something a minute after the rotation has converged. */
function inSoak(secret: Situation, run: () => Promise<unknown>): Disposable {
  return atStep(world, secret, "ConfirmEvidence", "after", async () => {
    void world.clock.sleep(60_000, "wait").then(() => world.clock.track(run()));
  });
}

function moveBack(secret: Situation): Disposable {
  return inSoak(secret, async () => {
    const token = holderOf(await world.labels(secret), "AWSCURRENT");
    await world.moveLabel(secret, "AWSCURRENT", secret.firstVersion, token);
  });
}

/** Once it has been confirmed on the new version the dependent works no more, until the rollback is through. */
function fallBack(secret: Situation): Disposable {
  const double = secret.dependents["orders"];
  if (double === undefined) throw new Error("The secret has no dependent.");
  const began = atStep(world, secret, "ConfirmEvidence", "after", async () => {
    double.faults.health = 503;
  });
  const ended = atStep(world, secret, "RollBack", "after", async () => {
    delete double.faults.health;
  });
  return {
    [Symbol.dispose]() {
      began[Symbol.dispose]();
      ended[Symbol.dispose]();
    },
  };
}

function soakedSeconds({ history }: Run): number {
  const at = (find: (event: Run["history"][number]) => boolean) =>
    history.find(find)?.timestamp?.getTime() ?? Number.NaN;
  const entered = at((event) => event.stateEnteredEventDetails?.name === "Soak");
  return (at((event) => event.stateEnteredEventDetails?.name === "VerifyAfterSoak") - entered) / 1000;
}
