import { UpdateSecretVersionStageCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executionArn, repairName } from "../../core/identity.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, rotor, start } from "./rotor.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const secretWith = (options = {}): Promise<Situation> => situation(world, { mode: "driven", ...options });

/** Runs `while_` while a rotation of the secret is held just before TestSecret. */
async function whileHeld<T>(secret: Situation, work: (name: string) => Promise<T>): Promise<T> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reached = () => {};
  const held = new Promise<void>((resolve) => {
    reached = resolve;
  });
  using _ = atStep(world, secret, "TestSecret", "before", async () => {
    reached();
    await released;
  });
  const { stdout } = await run("rotate", secret.name);
  await held;
  try {
    return await work(stdout.trim());
  } finally {
    release();
    await world.settled();
  }
}

beforeAll(async () => {
  // What dispatch would repair by itself is left to the commands.
  world = await startWorld({ loses: ({ source }) => source === "aws.states" });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("watch", () => {
  test("ends with 124 when its time is over, and says how to come back; the run goes on", async () => {
    const secret = await secretWith();
    const name = await whileHeld(secret, async (held) => {
      const ended = await run("watch", held, "--timeout", "1");
      expect(ended.status).toBe(124);
      expect(ended.stderr).toContain(`The time is over: the run goes on. To come back: rotor watch ${held}`);
      return held;
    });
    expect((await run("show", name)).status).toBe(0);
  });

  test("lets go at Ctrl-C with 130, and the run goes on", async () => {
    const secret = await secretWith();
    const name = await whileHeld(secret, async (held) => {
      const watching = start(["watch", held], world.account.environment);
      await expect.poll(watching.stderr, { timeout: 20_000 }).toContain("SetSecret");
      watching.interrupt();
      const ended = await watching.ended;
      expect(ended.status).toBe(130);
      expect(ended.stderr).toContain(`Detached: the run goes on. To come back: rotor watch ${held}`);
      return held;
    });
    expect(documentOf(await run("show", name, "--output", "json")).outcome).toBe("SUCCEEDED");
  });
});

describe("stop", () => {
  test("cancels a rotation, which takes back what it has done: the old credential works", async () => {
    const secret = await secretWith();
    await whileHeld(secret, async (held) => {
      const unsaid = await run("stop", held);
      expect(unsaid.status).toBe(252);
      expect(unsaid.stderr).toContain(`--confirm ${secret.name}`);
      const wrong = await run("stop", held, "--confirm", "another");
      expect(wrong.status).toBe(252);
      const stopped = await run("stop", held, "--confirm", secret.name);
      expect(stopped.status).toBe(0);
    });
    const ended = await run("watch", secret.name);
    expect(ended.status).toBe(4);
    expect(ended.stdout).toContain("RotationCancelled");
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });

  test("of a run that has ended is refused, and nothing is done", async () => {
    const secret = await secretWith();
    await rotateOnce(world, secret);
    const ended = await run("stop", secret.name, "--confirm", secret.name);
    expect(ended.status).toBe(253);
    expect(ended.stderr).toContain("has ended (SUCCEEDED)");
  });
});

describe("roll-back", () => {
  test("takes back a rotation that has succeeded, and proves that the old credential works", async () => {
    const secret = await secretWith({ dependents: { api: "reload" } });
    const token = await rotateOnce(world, secret);
    const ended = await run("roll-back", secret.name, "--wait", "--confirm", secret.name);
    expect(ended.status).toBe(4);
    expect(ended.stdout).toMatch(/Production works: it is (back )?on the old version/);
    expect(await world.labels(secret)).toEqual(secret.rolledBack(token));
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);

    const again = await run("roll-back", secret.name, "--confirm", secret.name);
    expect(again.status).toBe(253);
  });
});

describe("repair and retry", () => {
  test("a stopped execution is repaired, and its secret rotates again", async () => {
    const secret = await secretWith();
    const name = await whileHeld(secret, async (held) => {
      const arn = executionArn(world.deployment().stateMachineArn, held);
      await world.sfn.send(new StopExecutionCommand({ executionArn: arn }));
      expect((await run("repair", secret.name)).status).toBe(0);
      return held;
    });
    const shown = await run("show", repairName(name, 1), "--output", "json");
    expect(documentOf(shown)).toMatchObject({ mode: "repair", outcome: "ROLLED_BACK" });
    const rotated = await run("rotate", secret.name, "--wait");
    expect(rotated.status).toBe(0);
    const nothing = await run("repair", secret.name);
    expect(nothing.status).toBe(3);
  });

  test("a stopped execution goes on where it was", async () => {
    const secret = await secretWith();
    const name = await whileHeld(secret, async (held) => {
      const executionArn_ = executionArn(world.deployment().stateMachineArn, held);
      await world.sfn.send(new StopExecutionCommand({ executionArn: executionArn_ }));
      return held;
    });
    const dead = await run("show", name);
    expect(dead.status).toBe(5);
    expect(dead.stdout).toContain("DIED");
    const ended = await run("retry", name, "--wait", "--output", "json");
    expect([ended.status, documentOf(ended).outcome]).toEqual([0, "SUCCEEDED"]);
    expect((await run("retry", name)).status).toBe(253);
  });
});

describe("a frozen secret", () => {
  test("ends with 5, is not rotated, and is let go once AWSCURRENT signs in", async () => {
    const secret = await secretWith({ dependents: { api: "reload" } });
    const { api } = secret.dependents;
    if (api === undefined) throw new Error("There is no dependent.");
    api.faults.refresh = 422;
    const failed = await (async () => {
      using _ = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
      return await run("rotate", secret.name, "--wait");
    })();
    expect(failed.status).toBe(5);
    expect(failed.stdout).toContain("ROLLBACK FAILED");
    delete api.faults.refresh;

    expect((await run("retry", secret.name)).status).toBe(7);
    expect((await run("repair", secret.name)).status).toBe(7);
    const doctor = await run("doctor");
    expect(doctor.status).toBe(7);
    expect(doctor.stdout).toContain(`rotor unfreeze ${secret.name}`);

    // AWSCURRENT is put on the version whose password is refused.
    const labels = await world.labels(secret);
    const current = Object.keys(labels).find((id) => labels[id]?.includes("AWSCURRENT"));
    const move = (MoveToVersionId: string, RemoveFromVersionId: string | undefined) =>
      world.client.send(
        new UpdateSecretVersionStageCommand({
          SecretId: secret.arn,
          VersionStage: "AWSCURRENT",
          MoveToVersionId,
          RemoveFromVersionId,
        }),
      );
    await move(secret.older, current);
    const refused = await run("unfreeze", secret.name, "--confirm", secret.name);
    expect(refused.status).toBe(7);
    expect(refused.stderr).toMatch(/rejected/);
    await move(current ?? "", secret.older);

    const freed = await run("unfreeze", secret.name, "--confirm", secret.name, "--wait", "--output", "json");
    expect(freed.stderr).toContain("ROTATION_FROZEN was taken off");
    expect(freed.status).toBeLessThan(5);
    await world.settled();
    expect(JSON.stringify(await world.labels(secret))).not.toContain("ROTATION_FROZEN");
    expect((await run("unfreeze", secret.name)).status).toBe(3);
  });

  test("is not sent to repair, which refuses it, for what its failed rollback has left", async () => {
    const secret = await secretWith();
    using _ = breakStep(world, secret, "SetSecret", beforeEffect("AccessDenied"));
    using __ = breakStep(world, secret, "RollBack", beforeEffect("AccessDenied"));
    expect((await run("rotate", secret.name, "--wait")).status).toBe(5);
    expect(JSON.stringify(await world.labels(secret))).toContain("AWSPENDING");
    const doctor = await run("doctor", secret.name);
    expect(doctor.stdout).toContain(`rotor unfreeze ${secret.name}`);
    expect(doctor.stdout).not.toContain(`rotor repair ${secret.name}`);
  });
});
