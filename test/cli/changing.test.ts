import { UpdateSecretVersionStageCommand } from "@aws-sdk/client-secrets-manager";
import { StopExecutionCommand } from "@aws-sdk/client-sfn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executionArn, executionName, repairName } from "../../core/identity.ts";
import type { BusEvent } from "../../local/services/service.ts";
import { ConnectionLost } from "../../local/wire-calls.ts";
import { isGateStep } from "../support/observations.ts";
import { rotateOnce, type Situation, situation } from "../support/situation.ts";
import { atStep, beforeEffect, breakStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";
import { documentOf, type Ended, rotor, start } from "./rotor.ts";
import { whileHeld as whileHeldIn } from "./while-held.ts";

let world: World;
const run = (...args: readonly string[]) => rotor(world.account.environment, ...args);
const secretWith = (options = {}): Promise<Situation> => situation(world, { mode: "driven", ...options });

/** Works while a rotation of the secret is held just before TestSecret. */
function whileHeld<T>(secret: Situation, work: (name: string) => Promise<T>): Promise<T> {
  return whileHeldIn(world, secret, async () => (await run("rotate", secret.name)).stdout.trim(), work);
}

/** Versions that were created an hour ago, for the program: one that is young may be somebody's at work. */
function createdLongAgo(): Disposable {
  const hourAgo = Date.now() / 1000 - 3600;
  return world.account.intercept(({ caller, operation, phase, output }) => {
    if (caller !== undefined || operation !== "ListSecretVersionIds" || phase !== "after") return undefined;
    const { Versions } = output as { readonly Versions: readonly object[] };
    return { reply: { ...(output as object), Versions: Versions.map((each) => ({ ...each, CreatedDate: hourAgo })) } };
  });
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

describe("rotate --wait", () => {
  test("of a rotation that is running follows that: 124 when its time is over, 130 at Ctrl-C", async () => {
    const secret = await secretWith();
    await whileHeld(secret, async (held) => {
      const late = await run("rotate", secret.name, "--wait", "--timeout", "1");
      expect(late.stderr).toContain(`A rotation of ${secret.name} is running already.`);
      expect([late.status, late.stdout]).toEqual([124, ""]);
      const waiting = start(["rotate", secret.name, "--wait"], world.account.environment);
      await expect.poll(waiting.stderr, { timeout: 20_000 }).toContain("SetSecret");
      waiting.interrupt();
      const left = await waiting.ended;
      expect(left.stderr).toContain(`To come back: rotor watch ${held}`);
      expect(left.status).toBe(130);
    });
    expect((await run("show", secret.name)).status).toBe(0);
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
      expect([stopped.status, stopped.stdout]).toEqual([0, `${held}\n`]);
      const again = await run("stop", held, "--confirm", secret.name);
      expect(again.stderr).toMatch(/AWSPENDING is not on version .* \(any more\)\. Nothing was done\.\n/);
      expect(again.status).toBe(3);
    });
    const ended = await run("watch", secret.name);
    expect(ended.status).toBe(4);
    expect(ended.stdout).toContain("RotationCancelled");
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });

  test("as JSON says what the run is called, or with --wait how it ended: status 4", async () => {
    const secret = await secretWith();
    const [held, document] = await whileHeld(secret, async (name) => {
      return [name, documentOf(await run("stop", name, "--confirm", secret.name, "--output", "json"))] as const;
    });
    const told = { secret: { name: secret.name, arn: secret.arn }, run: held };
    expect(document).toEqual({ schema: "rotor.request/1", ...told });

    const other = await secretWith();
    let stopping: ReturnType<typeof start> | undefined;
    await whileHeld(other, async (name) => {
      const args = ["stop", name, "--confirm", other.name, "--wait", "--output", "json"];
      stopping = start(args, world.account.environment);
      await expect.poll(stopping.stderr, { timeout: 20_000 }).toContain("AWSPENDING was taken off");
    });
    const ended = (await stopping?.ended) ?? { status: null, stdout: "", stderr: "" };
    expect([ended.status, documentOf(ended).outcome]).toEqual([4, "ROLLED_BACK"]);
  });

  test("of a run that has ended, or whose version is live, is refused, and nothing is done", async () => {
    const secret = await secretWith({ dependents: { api: "reload" } });
    let late: Ended | undefined;
    using _ = atStep(world, secret, "Refresh", "before", async () => {
      late ??= await run("stop", secret.name, "--confirm", secret.name);
    });
    const token = await rotateOnce(world, secret);
    expect(late?.stderr).toMatch(/is AWSCURRENT already: it cannot be cancelled any more\. Nothing was done\.\n/);
    expect(late?.status).toBe(3);
    const ended = await run("stop", secret.name, "--confirm", secret.name);
    expect(ended.status).toBe(3);
    expect(ended.stderr).toMatch(/has ended \(SUCCEEDED\): there is nothing to stop\. Nothing was done\.\n$/);
    expect(await world.labels(secret)).toEqual(secret.succeeded(token));
  });
});

describe("roll-back", () => {
  test("takes back a rotation that has succeeded, and proves that the old credential works", async () => {
    const secret = await secretWith({ dependents: { api: "reload" } });
    const token = await rotateOnce(world, secret);
    const unsaid = await run("roll-back", secret.name, "--wait");
    expect(unsaid.stderr).toMatch(new RegExp(`Nothing was done\\.\n {2}to do: .*--confirm ${secret.name}\n$`));
    expect(unsaid.status).toBe(252);
    expect(await world.labels(secret)).toEqual(secret.succeeded(token));
    const ended = await run("roll-back", secret.name, "--wait", "--confirm", secret.name);
    expect(ended.status).toBe(4);
    expect(ended.stdout).toMatch(/Production works: it is (back )?on the old version/);
    expect(await world.labels(secret)).toEqual(secret.rolledBack(token));
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);

    const again = await run("roll-back", secret.name, "--confirm", secret.name);
    expect(again.status).toBe(3);
    expect(again.stderr).toMatch(/ended ROLLED BACK: nothing of it is live .*\. Nothing was done\.\n$/);
    const first = await run("roll-back", executionName(secret.arn, token), "--confirm", secret.name);
    expect(first.stderr).toMatch(/is not AWSCURRENT any more: it is not live\. Nothing was done\.\n$/);
    expect(first.status).toBe(3);
  });

  test("takes back as well what stays although it has not converged, status 6; as JSON it is one document", async () => {
    const secret = await secretWith({ dependents: { api: "reload" }, policy: { whenUnhealthy: "keep-new" } });
    const { api } = secret.dependents;
    if (api === undefined) throw new Error("There is no dependent.");
    api.faults.refresh = 422;
    const kept = await run("rotate", secret.name, "--wait");
    expect(kept.stdout).toContain("NOT CONVERGED");
    expect(kept.status).toBe(6);
    const shown = await run("show", secret.name, "--output", "json");
    expect([shown.status, documentOf(shown).outcome]).toEqual([6, "NOT_CONVERGED"]);
    const retried = await run("retry", secret.name);
    expect(retried.stderr).toMatch(/ended NOT CONVERGED: its version is live\. Nothing was done\.\n {2}to do: /);
    expect(retried.status).toBe(3);
    delete api.faults.refresh;

    const ended = await run("roll-back", secret.name, "--wait", "--confirm", secret.name, "--output", "json");
    expect(documentOf(ended)).toMatchObject({ schema: "rotor.run/1", mode: "repair", outcome: "ROLLED_BACK" });
    expect(ended.status).toBe(4);
    expect(await world.signsIn(secret, secret.firstVersion)).toBe(true);
  });

  test("while one is at work neither that, nor retry, nor repair does anything: status 3", async () => {
    const secret = await secretWith();
    const name = await whileHeld(secret, async (held) => {
      for (const [command, says] of [
        ["roll-back", `Run ${held} is at work. Nothing was done.`],
        ["retry", `Run ${held} is at work. Nothing was done.`],
        ["repair", "there is nothing to repair yet. Nothing was asked for."],
      ] as const) {
        const refused = await run(command, secret.name, "--confirm", secret.name);
        expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining(`${says}\n  to do: `)]);
      }
      return held;
    });
    expect((await run("show", secret.name)).status).toBe(0);
    expect(await world.executions()).not.toContain(repairName(name, 1));
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
    expect(nothing.stderr).toMatch(/there is nothing to repair\. Nothing was asked for\.\n$/);
    expect(nothing.status).toBe(3);
  });

  test("a rotation is refused while AWSPENDING is on another version, status 3; a repair leaves what others may be at work on", async () => {
    const secret = await secretWith();
    await world.moveLabel(secret, "AWSPENDING", secret.older, undefined);
    const rejected = await run("rotate", secret.name, "--wait");
    expect(rejected.stdout).toMatch(/REJECTED .*RotationInProgress/s);
    expect(rejected.status).toBe(3);
    expect((await run("show", secret.name)).status).toBe(3);

    const labels = await world.labels(secret);
    const told = world.account.events.seen().length;
    const refused = await run("repair", secret.name);
    expect(refused.stderr).toMatch(
      /whoever put it there may be at work\. Nothing was asked for\.\n {2}to do: look again/,
    );
    expect(refused.status).toBe(3);
    await world.settled();
    expect([await world.labels(secret), world.account.events.seen().length]).toEqual([labels, told]);
  });

  test("an empty version that Secrets Manager has left, and nobody ever rotated in, is discarded: status 3", async () => {
    const secret = await secretWith({ mode: "native" });
    {
      const isLost = ({ source, detail }: BusEvent) =>
        source === "aws.states" || source === "aws.events" || detail["eventName"] === "RotationStarted";
      using _ = world.account.events.disturb({ copies: (event) => (isLost(event) ? 0 : 1) });
      using __ = world.account.intercept((call) => {
        if (call.phase === "before" && isGateStep(call, secret, "createSecret")) throw new ConnectionLost();
      });
      await world.rotate(secret);
    }
    const left = await world.labels(secret);
    expect(left).toMatchObject(secret.before);
    expect(Object.values(left)).toContainEqual(["AWSPENDING"]);
    using _old = createdLongAgo();
    const ended = await run("repair", secret.name, "--wait", "--output", "json");
    expect(documentOf(ended)).toMatchObject({ schema: "rotor.run/1", mode: "repair", outcome: "REJECTED" });
    expect([ended.status, await world.labels(secret)]).toEqual([3, secret.before]);
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
    const again = await run("retry", name);
    expect(again.stderr).toMatch(/ended SUCCEEDED: its version is live\. Nothing was done\.\n/);
    expect(again.status).toBe(3);
  });

  test("one that was repaired does not go on, and another attempt is made of the one that was taken back", async () => {
    const secret = await secretWith();
    const name = await whileHeld(secret, async (held) => {
      const executionArn_ = executionArn(world.deployment().stateMachineArn, held);
      await world.sfn.send(new StopExecutionCommand({ executionArn: executionArn_ }));
      return held;
    });
    expect((await run("repair", secret.name, "--wait")).status).toBe(4);
    const refused = await run("retry", name);
    expect(refused.stderr).toContain(`by ${repairName(name, 1)}: it must not go on. Nothing was done.`);
    expect(refused.status).toBe(3);
    const ended = await run("retry", secret.name, "--wait");
    expect(ended.stdout).toContain("SUCCEEDED");
    expect(ended.status).toBe(0);
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

    for (const [command, section] of [
      ["retry", "rollbackfailed"],
      ["repair", "secretfrozen"],
      ["rotate", "secretfrozen"],
    ] as const) {
      const kept = await run(command, secret.name);
      expect(kept.stderr).toMatch(/frozen.*Nothing was (done|asked for)\.\n {2}to do: .*rotor unfreeze/);
      expect(kept.stderr).toContain(`\n  runbook: docs/runbooks.md#${section}\n`);
      expect(kept.status).toBe(7);
    }
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
    expect(refused.stderr).toMatch(
      /it stays frozen\. Nothing was done\.\n.*\n {2}runbook: docs\/runbooks\.md#rollbackfailed\n$/,
    );
    await move(current ?? "", secret.older);

    const unsaid = await run("unfreeze", secret.name);
    expect(unsaid.stderr).toMatch(/AWSCURRENT signs in\..* Nothing was done\.\n {2}to do: .*--confirm/);
    expect(unsaid.status).toBe(252);
    expect(JSON.stringify(await world.labels(secret))).toContain("ROTATION_FROZEN");

    const freed = await run("unfreeze", secret.name, "--confirm", secret.name, "--wait", "--output", "json");
    expect(freed.stderr).toContain("ROTATION_FROZEN was taken off");
    expect(freed.status).toBeLessThan(5);
    await world.settled();
    expect(JSON.stringify(await world.labels(secret))).not.toContain("ROTATION_FROZEN");
    const nothing = await run("unfreeze", secret.name);
    expect([nothing.status, nothing.stderr]).toEqual([
      3,
      expect.stringMatching(/is not frozen\. Nothing was done\.\n$/),
    ]);
  });

  test("whose candidate is gone is only let go, and that is said", async () => {
    const freeze = async () => {
      const secret = await secretWith();
      await world.moveLabel(secret, "ROTATION_FROZEN", secret.older, undefined);
      return secret;
    };
    const [one, other] = [await freeze(), await freeze()];
    const table = await run("unfreeze", one.name, "--confirm", one.name);
    expect([table.status, table.stdout]).toEqual([0, `${one.name} is not frozen any more.\n`]);
    expect(await world.labels(one)).toEqual(one.before);
    const json = await run("unfreeze", other.name, "--confirm", other.name, "--output", "json");
    expect(json.status).toBe(0);
    expect(documentOf(json)).toEqual({
      ...{ schema: "rotor.unfreeze/1", secret: { name: other.name, arn: other.arn }, unfrozen: other.older },
    });
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
