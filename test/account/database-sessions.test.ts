import { afterAll, beforeAll, expect, test } from "vitest";
import { connectAs } from "../support/database.ts";
import { expectEnd } from "../support/invariants.ts";
import { rotateOnce, situation } from "../support/situation.ts";
import { atStep } from "../support/step-faults.ts";
import { startWorld, type World } from "../support/world.ts";

const NOBODY_ASKED = { probe: 0, refresh: 0, verify: 0 };

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a service that nobody asks is proved by its sessions, once it has gone over of its own accord", async () => {
  const secret = await startSituation();
  const [worker] = Object.values(secret.dependents);
  let asked: unknown;
  using _ = atStep(world, secret, "ConfirmEvidence", "after", async () => {
    asked = { ...worker?.asked };
    await fetch(`${worker?.url}/refresh`, { method: "POST", body: "{}" });
  });

  const token = await rotateOnce(world, secret);

  const { run } = await expectEnd(world, secret, token, {
    outcome: "SUCCEEDED",
    labels: secret.succeeded(token),
    opens: [token],
  });
  expect(asked).toEqual(NOBODY_ASKED);
  // The first look at the sessions has seen old ones only.
  expect(run.path.filter((state) => state === "AwaitEvidence").length).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(run.execution.output ?? "").evidence).toMatchObject([{ dependent: "worker", strength: "strong" }]);
});

test("one that keeps its old sessions is named with their address, and the rotation is taken back", async () => {
  const secret = await startSituation();
  // The double's own pool opens new connections from time to time.
  const { username, firstVersion } = secret;
  const password = await world.password(secret, firstVersion);
  const held = await connectAs({ ...world.database, username, password }, "worker");

  const token = await rotateOnce(world, secret);
  await held.end();

  const { told } = await expectEnd(world, secret, token, {
    outcome: "ROLLED_BACK",
    labels: secret.rolledBack(token),
    opens: [secret.firstVersion],
    error: "DependentUnhealthy",
    failedIn: "ConfirmEvidence",
  });
  expect(told?.failure?.message).toContain("only older sessions of it are open, from 127.0.0.1");
  expect(secret.dependents["worker"]?.asked).toEqual(NOBODY_ASKED);
});

function startSituation() {
  return situation(world, {
    dependents: { worker: "cache" },
    dependentPolicy: { worker: { kind: "database-sessions", target: {} } },
  });
}
