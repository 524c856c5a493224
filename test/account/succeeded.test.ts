import { describe, expect, test } from "vitest";
import { deriveToken } from "../../core/identity.ts";
import { startWorld } from "../support/world.ts";

describe("a rotation that succeeds", () => {
  test("native, single user: the new password signs in, the old one is refused, every dependent was seen using it", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ dependents: { "orders-api": "reload", "billing-worker": "cache" } });

    const token = await world.rotate(secret);

    const { execution, path } = await world.run(secret, token);
    expect(execution.status).toBe("SUCCEEDED");
    expect(path.slice(0, 8)).toEqual([
      "Plan",
      "Mode",
      "CreateSecret",
      "SetSecret",
      "TestSecret",
      "ProbeCandidate",
      "FinishSecret",
      "ConvergeDependents",
    ]);
    expect(await world.signsIn(secret, token)).toBe(true);
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(false);
    // AWSPENDING stays: in native mode that label is Secrets Manager's own business.
    expect(await world.labels(secret)).toEqual({
      [secret.firstVersion]: ["AWSPREVIOUS"],
      [token]: expect.arrayContaining(["AWSCURRENT", "ROTATION_CANDIDATE"]),
    });
    for (const dependent of Object.values(secret.dependents)) expect(dependent.versionId()).toBe(token);
    expect(JSON.parse(execution.output ?? "")).toMatchObject({
      outcome: "SUCCEEDED",
      evidence: [
        { dependent: "orders-api", strength: "strong" },
        { dependent: "billing-worker", strength: "strong" },
      ],
    });
    const [message] = world.notifications();
    expect(message).toMatchObject({ event: "rotation.succeeded", state: { credentialGapMs: expect.any(Number) } });
    const told = world.account.events.seen().map(({ detail }) => detail["eventName"]);
    expect(told.filter((name) => /^Rotation/.test(name))).toEqual(["RotationStarted", "RotationSucceeded"]);
  });

  test("native, alternating users: the new user signs in, and so does the one before", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({ alternating: true, dependents: { "reports-api": "reload" } });

    const first = await world.rotate(secret);
    const second = await world.rotate(secret);

    expect((await world.run(secret, second)).execution.status).toBe("SUCCEEDED");
    expect(await world.signsIn(secret, first)).toBe(true);
    expect(await world.signsIn(secret, second)).toBe(true);
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(false);
    expect(secret.dependents["reports-api"]?.asked.probe).toBe(2);
    // Both users sign in all the time.
    for (const message of world.notifications()) expect(message).toMatchObject({ state: { credentialGapMs: null } });
  });

  test("driven: 12 transitions and 3 for each dependent, 11 calls to Secrets Manager and one for the evidence, 4 of them writes", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret({
      policy: { mode: "driven" },
      dependents: { "orders-api": "cache", "billing-worker": "cache" },
    });
    const before = world.account.calls().length;

    await world.request(secret);

    const token = deriveToken(secret.arn, secret.firstVersion, 1);
    const { execution, path } = await world.run(secret, token);
    expect(execution.status).toBe("SUCCEEDED");
    // Single user has no overlap, so nobody is probed: two transitions for each dependent.
    expect(path).toHaveLength(12 + 2 * 2);
    const ours = world.account.calls().slice(before);
    const byStep = ours.filter(
      ({ service, caller }) => service === "secretsmanager" && ["plan", "rotate", "roll-back"].includes(caller ?? ""),
    );
    expect(byStep.map(({ operation }) => operation)).toEqual([
      "DescribeSecret", // Plan
      "DescribeSecret", // CreateSecret: the claim
      "GetSecretValue",
      "PutSecretValue",
      "UpdateSecretVersionStage",
      "GetSecretValue", // SetSecret
      "GetSecretValue",
      "GetSecretValue", // TestSecret
      "DescribeSecret", // FinishSecret
      "UpdateSecretVersionStage",
      "UpdateSecretVersionStage",
      "GetSecretValue", // ConfirmEvidence
    ]);
    expect(await world.labels(secret)).toEqual({
      [secret.firstVersion]: ["AWSPREVIOUS"],
      [token]: expect.arrayContaining(["AWSCURRENT", "ROTATION_CANDIDATE"]),
    });
    expect((await world.labels(secret))[token]).toHaveLength(2);
  });

  test("a secret without dependents converges at once", async () => {
    await using world = await startWorld();
    const secret = await world.addSecret();
    const token = await world.rotate(secret);
    expect((await world.run(secret, token)).path).toHaveLength(12);
    expect(await world.signsIn(secret, token)).toBe(true);
  });
});
