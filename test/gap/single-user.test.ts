import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mariadbIsMissing, useMariadb } from "../support/mariadb.ts";
import { startWorld, type World } from "../support/world.ts";
import { type Door, openMariadb, openPostgres } from "./doors.ts";

const ROTATIONS = 10;
const AT_A_TIME = 4;

const mariadb = useMariadb();
let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world[Symbol.asyncDispose](), 300_000);

const SINGLE_USERS: Readonly<Record<string, { readonly missing?: string | undefined; open(): Promise<Door> }>> = {
  "postgres-single-user": { open: () => openPostgres(world) },
  "mariadb-single-user": { missing: mariadbIsMissing, open: () => openMariadb(world, mariadb) },
};

for (const [strategy, { missing, open }] of Object.entries(SINGLE_USERS)) {
  test.skipIf(missing)(
    `${strategy}: a sign-in with AWSCURRENT fails only within the gap that its rotation tells`,
    async () => {
      const { value: administered, signIn } = await open();
      const { masterarn: _administrator, ...value } = administered;
      const secret = await world.add(value, { strategy, mode: "driven" });
      const gaps: number[] = [];
      let [asked, refused] = [0, 0];
      for (let round = 0; round < ROTATIONS; round += 1) {
        const state = { over: false };
        const failed: { readonly began: number; readonly ended: number }[] = [];
        const probers = Array.from({ length: AT_A_TIME }, async () => {
          while (!state.over) {
            const { SecretString = "", VersionId } = await world.client.send(
              new GetSecretValueCommand({ SecretId: secret.arn }),
            );
            const began = Date.now();
            const isRefused = await signIn(SecretString).then(
              () => false,
              () => true,
            );
            const ended = Date.now();
            const { VersionId: current } = await world.client.send(new GetSecretValueCommand({ SecretId: secret.arn }));
            asked += 1;
            if (isRefused && current === VersionId) failed.push({ began, ended });
          }
        });
        await world.request(secret);
        state.over = true;
        await Promise.all(probers);
        const told = (world.notifications() as readonly unknown[] as readonly Told[]).at(-1);
        const gapMs = told?.state.credentialGapMs ?? Number.NaN;
        // A refusal lies somewhere between its beginning and its end.
        const seenMs = Math.max(0, ...failed.map(({ began }) => began)) - Math.min(...failed.map(({ ended }) => ended));
        if (failed.length > 0) expect(seenMs).toBeLessThanOrEqual(gapMs);
        gaps.push(gapMs);
        refused += failed.length;
      }
      console.log(`${strategy}: ${asked} probes, ${refused} refused; the gaps told: ${gaps.join(", ")} ms`);
      expect(refused).toBeGreaterThan(0);
    },
  );
}

interface Told {
  readonly state: { readonly credentialGapMs: number };
}
