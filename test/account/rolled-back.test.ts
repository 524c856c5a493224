import { describe, expect, test } from "vitest";
import { startWorld } from "../support/world.ts";

describe("a rotation that is rolled back", () => {
  test("single user: a dependent refuses the new version, and everything is as it was before", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ dependents: { "orders-api": "reload", "billing-worker": "cache" } });
    const base = await world.rotate(secret);
    const billing = secret.dependents["billing-worker"];
    if (billing) billing.faults.refresh = 422;

    const token = await world.rotate(secret);

    const { execution, path } = await world.run(secret, token);
    expect([execution.status, execution.error]).toEqual(["FAILED", "RolledBack"]);
    expect(JSON.parse(execution.cause ?? "")).toMatchObject({
      outcome: "ROLLED_BACK",
      base,
      token,
      failedIn: "ConvergeDependents",
      error: "DependentUnhealthy",
    });
    expect(path).toEqual(expect.arrayContaining(["RollBack", "RestoreDependents", "NotifyRolledBack", "RolledBack"]));
    expect(await world.signsIn(secret, base)).toBe(true);
    expect(await world.signsIn(secret, token)).toBe(false);
    const after = await world.labels(secret);
    expect(after[base]).toEqual(["AWSCURRENT"]);
    expect(after[secret.firstVersion]).toEqual(["AWSPREVIOUS"]);
    expect(after[token]).toEqual(["ROTATION_ROLLED_BACK"]);
    for (const dependent of Object.values(secret.dependents)) expect(dependent.versionId()).toBe(base);
    expect(world.notifications().map((each) => each["event"])).toEqual(["rotation.succeeded", "rotation.rolled_back"]);
    const told = world.account.events.seen().map(({ detail }) => detail["eventName"]);
    expect(told.filter((name) => /^Rotation/.test(name)).at(-1)).toBe("RotationFailed");
  });

  test("alternating users: the user that was overwritten has its password from before again", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ alternating: true, dependents: { "reports-api": "reload" } });
    const base = await world.rotate(secret);
    const reports = secret.dependents["reports-api"];
    if (reports) reports.faults.refresh = 422;

    const token = await world.rotate(secret);

    expect((await world.run(secret, token)).execution.error).toBe("RolledBack");
    expect(await world.signsIn(secret, base)).toBe(true);
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
    expect(await world.signsIn(secret, token)).toBe(false);
  });

  test("the first rotation: AWSPREVIOUS is on no version again", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ dependents: { "billing-worker": "cache" } });
    const billing = secret.dependents["billing-worker"];
    if (billing) billing.faults.refresh = 422;

    const token = await world.rotate(secret);

    expect(await world.labels(secret)).toEqual({
      [secret.firstVersion]: ["AWSCURRENT"],
      [token]: ["ROTATION_ROLLED_BACK"],
    });
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });

  test("a dependent that only claims the new version is not believed: the target has not seen it", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ dependents: { "billing-worker": "cache" } });
    const billing = secret.dependents["billing-worker"];
    if (billing) billing.faults.lie = true;

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({
      failedIn: "ConfirmEvidence",
      error: "DependentUnhealthy",
    });
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });
});
