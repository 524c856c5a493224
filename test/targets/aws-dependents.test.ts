import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createReceiver } from "../dependents/webhook-receiver.ts";
import { startPlace } from "../support/aws-place.ts";

describe("an ECS service that reads the secret when its tasks start", () => {
  test("is deployed anew, and every task has signed in with the new version", async () => {
    await using place = await startPlace();
    const { world, secret, service, versions } = await place.withService({ desiredCount: 3 });

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({
      outcome: "SUCCEEDED",
      evidence: [{ dependent: "orders", strength: "strong" }],
    });
    expect([service.forced, service.tasks.length, versions()]).toEqual([1, 3, [token, token, token]]);
    expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
  });

  test("takes the rotation back when its tasks do not come up, and runs on the old version again", async () => {
    await using place = await startPlace();
    const { world, secret, service, versions } = await place.withService({
      circuitBreaker: "roll-back",
      startsWith: (versionId, first) => versionId === first,
    });

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({
      outcome: "ROLLED_BACK",
      failedIn: "ConvergeDependents",
      error: "DependentUnhealthy",
    });
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
    expect(service.forced).toBe(2);
    expect([...new Set(versions())]).toEqual([secret.firstVersion]);
    expect(service.deployments.map(({ rolloutState }) => rolloutState)).toEqual(["COMPLETED"]);
  });

  test("that pins a version is refused before anything is touched", async () => {
    await using place = await startPlace();
    const { world, secret, service } = await place.withService();
    const valueFrom = `${secret.arn}:password::${secret.firstVersion}`;
    service.containers = [{ name: "orders", secrets: [{ name: "PASSWORD", valueFrom }] }];

    const token = await world.rotate(secret);

    const { execution, path } = await world.run(secret, token);
    expect(execution.error).toBe("RotationRejected");
    expect(execution.cause).toContain("Dependent orders: Container orders of task definition");
    expect(path).not.toContain("CreateSecret");
    expect(service.forced).toBe(0);
  });
});

describe("a Lambda function that keeps what it read when it started", () => {
  test("proves the candidate before promotion, is given new environments, and answers with the new version", async () => {
    await using place = await startPlace();
    const { world, secret, fn, asked } = await place.withFunction();

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({
      outcome: "SUCCEEDED",
      evidence: [{ dependent: "orders", strength: "strong" }],
    });
    expect(asked).toContain(`probe ${token}`);
    expect(fn.updates).toBe(1);
    expect(Object.values(fn.variables)).toEqual([token]);
    expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
  });
});

describe("an HTTP endpoint whose requests are signed", () => {
  test("is refreshed by a request that it has verified, with a key that stands in no log", async () => {
    await using place = await startPlace();
    const key = `whsec_${randomBytes(32).toString("base64")}`;
    const { world, secret, verified } = await place.withReceiver(key, createReceiver([key]));

    const token = await world.rotate(secret);

    const { execution, history } = await world.run(secret, token);
    expect(JSON.parse(execution.output ?? "{}")).toMatchObject({ outcome: "SUCCEEDED" });
    expect(verified).toEqual([`refresh ${token}`]);
    expect(JSON.stringify([history, world.account.lambda.logs(), world.account.calls()])).not.toContain(key.slice(6));
    expect(place.calledBeyond(secret)).toEqual({ refused: [], unused: [] });
  });

  test("that accepts another key only takes the rotation back", async () => {
    await using place = await startPlace();
    const another = `whsec_${randomBytes(32).toString("base64")}`;
    const receive = createReceiver([another]);
    const { world, secret, verified } = await place.withReceiver(
      `whsec_${randomBytes(32).toString("base64")}`,
      receive,
    );

    const token = await world.rotate(secret);

    const { execution } = await world.run(secret, token);
    expect(JSON.parse(execution.cause ?? "{}")).toMatchObject({ outcome: "ROLLED_BACK", error: "DependentUnhealthy" });
    expect(verified).toEqual([]);
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });
});
