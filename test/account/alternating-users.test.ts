import { afterAll, beforeAll, expect, test } from "vitest";
import { connectAs, queryAs, uniqueName } from "../support/database.ts";
import { expectEnd } from "../support/invariants.ts";
import { startWorld, type TestSecret, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a service that stayed on the user whose password is changed is named in the message about the success", async () => {
  const secret = await rotatedOnce("report");
  const held = await holdOpen(secret);

  const token = await world.rotate(secret);
  await held.end();

  expect((await world.run(secret, token)).execution.status).toBe("SUCCEEDED");
  expect(world.notifications().at(-1)).toMatchObject({
    event: "rotation.succeeded",
    remarks: [expect.stringMatching(/ had 1 session open, which go on: "nightly-export" from 127\.0\.0\.1\.$/)],
  });
});

test("where the policy refuses, the rotation is taken back, the old password works on, and the message names the service", async () => {
  const secret = await rotatedOnce("refuse");
  const held = await holdOpen(secret);
  const before = await world.labels(secret);
  const base = Object.keys(before).find((version) => before[version]?.includes("AWSCURRENT")) ?? "";

  const token = await world.rotate(secret);
  await held.end();

  const { told } = await expectEnd(world, secret, token, {
    outcome: "ROLLED_BACK",
    labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [base]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
    opens: [base, secret.firstVersion],
    error: "SessionsOpen",
    failedIn: "SetSecret",
  });
  expect(told?.failure?.message).toContain('this user has 1 session open: "nightly-export" from 127.0.0.1.');
  expect(told?.remarks).toEqual([]);
});

test("a user who lacks what was granted to the other is not promoted, and the message names it", async () => {
  const secret = await rotatedOnce("report");
  const before = await world.labels(secret);
  const base = Object.keys(before).find((version) => before[version]?.includes("AWSCURRENT")) ?? "";
  const table = uniqueName("invoices");
  await world.database.query(`CREATE TABLE ${table} (id int); GRANT SELECT ON ${table} TO ${secret.username}_clone`);

  const token = await world.rotate(secret);

  const { told } = await expectEnd(world, secret, token, {
    outcome: "ROLLED_BACK",
    labels: { [secret.firstVersion]: ["AWSPREVIOUS"], [base]: ["AWSCURRENT"], [token]: ["ROTATION_ROLLED_BACK"] },
    opens: [base, secret.firstVersion],
    error: "AccessDenied",
    failedIn: "TestSecret",
  });
  expect(told?.failure?.message).toContain(
    `lacks what "${secret.username}_clone" has: 1 grant (table public.${table}).`,
  );
});

test("where the policy wants a shared owner, the sessions of the copy begin as the original", async () => {
  const secret = await world.addSecret({ alternating: true, policy: { sharedOwner: true } });

  const token = await world.rotate(secret);

  expect((await world.run(secret, token)).execution.status).toBe("SUCCEEDED");
  const login = { username: `${secret.username}_clone`, password: await world.password(secret, token) };
  const [row] = await queryAs({ ...world.database, ...login }, "SELECT current_user::text AS user");
  expect(row).toEqual({ user: secret.username });
});

async function holdOpen(secret: TestSecret) {
  const password = await world.password(secret, secret.firstVersion);
  return connectAs({ ...world.database, username: secret.username, password }, "nightly-export");
}

/** The next rotation sets the password of the first version's user. */
async function rotatedOnce(openSessions: "refuse" | "report"): Promise<TestSecret> {
  const managedRotation = { declined: "the test wants no other remark" };
  const secret = await world.addSecret({ alternating: true, policy: { openSessions, managedRotation } });
  await world.rotate(secret);
  return secret;
}
