import { setTimeout } from "node:timers/promises";
import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import { expect, test } from "vitest";
import { HEARTBEAT_SECRET_NAME } from "../../core/blueprint.ts";
import { RULES } from "../../core/triggers.ts";
import { startWorld, type World } from "../support/world.ts";

const SECRETS = 10_000;

test("10,000 secrets cost 100 calls of ListSecrets, and the healthy ones none of their own", async () => {
  await using world = await startWorld();
  await seed(world, SECRETS);

  const answer = await world.account.lambda.invoke("reconcile", { time: timeOf(world), measure: "all" });
  await world.settled();

  // With the heartbeat's own secret there is one more page.
  expect(answer.Payload).toMatchObject({ pages: 101, secrets: SECRETS + 1, findings: {}, failed: 0, more: false });
  expect(callsOf(world)).toEqual({
    "secretsmanager:DescribeSecret": 1,
    "secretsmanager:ListSecrets": 101,
    "secretsmanager:TagResource": 2,
    "states:ListExecutions": 3,
  });
}, 60_000);

test("a sweep whose time is over goes on where it was, as of the time at which it began, until everything was looked at", async () => {
  await using world = await startWorld({ timeoutsMs: { reconcile: 3000 } });
  await seed(world, 2000);
  const time = timeOf(world);
  using _ = world.account.intercept(async (call) => {
    if (call.operation === "ListSecrets" && call.phase === "before") await setTimeout(250);
  });

  const answer = await world.account.lambda.invoke("reconcile", { time });
  await world.settled();

  expect(answer.Payload).toMatchObject({ more: true, nextToken: expect.any(String) });
  const goneOn = world.account.calls().filter(({ caller, service }) => caller === "reconcile" && service === "lambda");
  expect(goneOn.length).toBeGreaterThan(0);
  expect(callsOf(world)).toMatchObject({ "secretsmanager:ListSecrets": 21, "states:ListExecutions": 3 });
  const { Tags } = await world.client.send(new DescribeSecretCommand({ SecretId: HEARTBEAT_SECRET_NAME }));
  expect(Tags).toContainEqual({ Key: "rotor:reconciled", Value: time });
}, 60_000);

/** Their events would be 10,000 invocations of dispatch, which are not what is tested. */
async function seed({ account }: World, count: number): Promise<void> {
  for (const { name, bus } of RULES)
    await account.events.operations["DisableRule"]?.({ Name: name, EventBusName: bus });
  for (let n = 0; n < count; n += 1) {
    account.secretsManager.seed({ Name: `healthy/${String(n).padStart(5, "0")}`, SecretString: "{}" });
  }
}

function timeOf({ clock }: World): string {
  return new Date(clock.now()).toISOString();
}

/** How often reconcile has called what. */
function callsOf(world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { caller, service, operation } of world.account.calls()) {
    if (caller !== "reconcile" || service === "lambda") continue;
    const name = `${service}:${operation}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
