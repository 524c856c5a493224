import { readFileSync } from "node:fs";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterEach, beforeEach, expect, test } from "vitest";
import { STRATEGIES } from "../../core/engines.ts";
import { deriveToken } from "../../core/identity.ts";
import { findStrategy } from "../../core/strategies/registry.ts";
import { hasOverlap } from "../../core/strategies/strategy.ts";
import { holderOf } from "../../core/versions/secret.ts";
import { askedNumber } from "../support/asked.ts";
import { mariadbIsMissing, useMariadb } from "../support/mariadb.ts";
import { outcomesTold } from "../support/observations.ts";
import { redisIsMissing, useRedis } from "../support/redis.ts";
import { startWeakDependent } from "../support/weak-dependent.ts";
import { type AnySecret, startWorld, type World } from "../support/world.ts";
import { type Door, openMariadb, openPostgres, openRedis } from "./doors.ts";

/** What docs/strategies.md tells. */
const WHOLE = 10_000;
/**
 * The promise of overlap, counted: what AWSCURRENT says signs in at every instant of a rotation and of a rollback. Each second
 * rotation is taken back.
 */
const PROBES = askedNumber("ROTOR_SIGN_INS", WHOLE);
const AT_A_TIME = 8;

const mariadb = useMariadb();
const redis = useRedis();
let world: World;
// One for each strategy: at its end every place is searched for every password.
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world[Symbol.asyncDispose](), 300_000);

const DOORS: Readonly<Record<string, { readonly missing?: string | undefined; open(): Promise<Door> }>> = {
  "postgres-alternating-users": { open: () => openPostgres(world) },
  "mariadb-alternating-users": { missing: mariadbIsMissing, open: () => openMariadb(world, mariadb) },
  "mariadb-dual": { missing: mariadbIsMissing, open: () => openMariadb(world, mariadb) },
  "redis-dual": { missing: redisIsMissing, open: () => openRedis(world, redis) },
};

for (const [strategy, { missing, open }] of Object.entries(DOORS)) {
  test.skipIf(missing)(
    `${strategy}: ${PROBES} sign-ins with AWSCURRENT during rotations and rollbacks, none refused`,
    async () => {
      const counted: Counted = { probes: 0, overtaken: 0, refused: [] };
      const outcomes: string[] = [];
      while (counted.probes < PROBES && counted.refused.length === 0) {
        outcomes.push(...(await rotateAndProbe(strategy, await open(), counted)));
      }
      const times = (outcome: string) => outcomes.filter((each) => each === outcome).length;
      console.log(
        `${strategy}: ${counted.probes} probes, ${counted.refused.length} refused, ${counted.overtaken} of a version that was taken back since; ` +
          `${times("SUCCEEDED")} rotations, ${times("ROLLED_BACK")} rollbacks`,
      );
      expect(counted.refused).toEqual([]);
      expect([...new Set(outcomes)].sort()).toEqual(["ROLLED_BACK", "SUCCEEDED"]);
    },
  );
}

test("every strategy with overlap that has a target to sign in to is counted here, and docs/strategies.md says how often", () => {
  const withOverlap = Object.keys(STRATEGIES).filter((name) => {
    const strategy = findStrategy(name);
    return strategy !== undefined && hasOverlap(strategy) && strategy.scheme !== "replace";
  });
  expect(Object.keys(DOORS).sort()).toEqual(withOverlap.sort());
  const document = readFileSync(new URL("../../docs/strategies.md", import.meta.url), "utf8");
  for (const name of withOverlap) {
    const row = document.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row, name).toContain(`0 of ${WHOLE.toLocaleString("en")}`);
  }
});

interface Counted {
  probes: number;
  overtaken: number;
  readonly refused: string[];
}

/** A secret takes 100 versions in a day. */
const ROUNDS = 60;

/** Rotates one secret again and again, each second time in vain, while it is probed. Returns the outcomes. */
async function rotateAndProbe(strategy: string, door: Door, counted: Counted): Promise<readonly string[]> {
  let secret: AnySecret | undefined;
  using dependent = await startWeakDependent("orders", () => secret?.firstVersion ?? "");
  const { masterarn: administratorSecretId } = door.value;
  const policy = { strategy, mode: "driven" as const, administratorSecretId, dependents: [dependent.policy] };
  secret = await world.add(door.value, policy);
  const state = { rotating: false, over: false };
  const probers = Array.from({ length: AT_A_TIME }, () => probe(secret.arn, door, counted, state));
  try {
    for (let round = 0; round < ROUNDS && counted.probes < PROBES && counted.refused.length === 0; round += 1) {
      // What follows a rollback begins from the same base.
      const [refuses, attempt] = round % 2 === 1 ? [422, 1] : [undefined, round === 0 ? 1 : 2];
      dependent.refuses = refuses;
      const base = holderOf(await world.labels(secret), "AWSCURRENT") ?? "";
      state.rotating = true;
      await world.request(secret, { attempt });
      state.rotating = false;
      const { execution } = await world.run(secret, deriveToken(secret.arn, base, attempt));
      expect(execution.error ?? execution.status, execution.cause).toBe(refuses ? "RolledBack" : "SUCCEEDED");
    }
  } finally {
    state.over = true;
    await Promise.all(probers);
  }
  return outcomesTold(world, secret);
}

/** Only what began and ended while a rotation was under way is counted. */
async function probe(
  arn: string,
  { signIn }: Door,
  counted: Counted,
  state: { readonly rotating: boolean; readonly over: boolean },
): Promise<void> {
  const read = () => world.client.send(new GetSecretValueCommand({ SecretId: arn }));
  while (!state.over) {
    const began = state.rotating;
    const { SecretString = "", VersionId } = await read();
    try {
      await signIn(SecretString);
      if (began && state.rotating) counted.probes += 1;
    } catch (error) {
      // A rollback takes AWSCURRENT off the candidate before its password: who has read it just before has to read again.
      if ((await read()).VersionId === VersionId) counted.refused.push(`${VersionId}: ${(error as Error).message}`);
      else counted.overtaken += 1;
    }
  }
}
