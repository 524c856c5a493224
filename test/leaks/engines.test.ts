import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { strategyBlueprint } from "../../core/engines.ts";
import { quoteAccount } from "../../core/strategies/mariadb-identifiers.ts";
import type { StrategyTarget } from "../contracts/strategy.ts";
import { mariadbTarget } from "../strategies/mariadb-target.ts";
import { redisTarget } from "../strategies/redis-target.ts";
import { uniqueName } from "../support/database.ts";
import { secretsIn } from "../support/leak-secrets.ts";
import { SINKS } from "../support/leak-sinks.ts";
import { findLeaks } from "../support/leaks.ts";
import { mariadbIsMissing, named as namedMariadb, useMariadb } from "../support/mariadb.ts";
import { bundlePatched, type Patch } from "../support/patched-bundles.ts";
import { named as namedRedis, redisIsMissing, useRedis } from "../support/redis.ts";
import { startWorld, type World } from "../support/world.ts";
import { type EngineControl, MARIADB_CONTROLS, REDIS_CONTROLS } from "./engine-controls.ts";
import { MARIADB_OPTIONS, MARIADB_SINKS, REDIS_SETTINGS, REDIS_SINKS } from "./engine-sinks.ts";

const mariadb = useMariadb({ options: MARIADB_OPTIONS });
const redis = useRedis({ settings: REDIS_SETTINGS });
const monitored: string[] = [];
let monitor: Redis | undefined;
let world: World;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rotor-leaks-"));
  // A slow machine is no reason for a rotation to fail here.
  const patient = { TARGET_TIMEOUT_MS: "5000" };
  world = await startWorld({ isLeaky: true, environment: { gate: patient, rotate: patient } });
  if (redisIsMissing) return;
  const { host, port, admin } = redis;
  monitor = await new Redis({ host, port, ...admin, protocol: 2, lazyConnect: true }).monitor();
  monitor.on("monitor", (_time: string, args: readonly string[]) => monitored.push(args.join(" ")));
});
afterAll(async () => {
  monitor?.disconnect();
  await world?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

interface Engine {
  readonly missing: string | undefined;
  readonly strategy: string;
  target(): Pick<StrategyTarget<never>, "user">;
  /** Lets a user do what a leak needs besides. */
  permit(username: string): Promise<void>;
  readonly sinks: Readonly<Record<string, { read(): Promise<string>; readonly hasHashes?: true }>>;
  readonly controls: readonly EngineControl[];
  /** Resolves when the server has written down all that it was asked so far. */
  written(): Promise<void>;
}

const ENGINES: Readonly<Record<string, Engine>> = {
  [namedMariadb("MariaDB")]: {
    missing: mariadbIsMissing,
    strategy: "mariadb-single-user",
    target: () => mariadbTarget(mariadb, { change: /^SET PASSWORD/i }) as never,
    // What is to be in the binary log has to change something.
    permit: async (user) => void (await mariadb.query(`GRANT CREATE ON *.* TO ${quoteAccount({ user, host: "%" })}`)),
    sinks: bound(MARIADB_SINKS, () => mariadb),
    controls: MARIADB_CONTROLS,
    async written() {
      const mark = randomUUID();
      await mariadb.query(`SELECT '${mark}'`);
      await expect.poll(() => MARIADB_SINKS["MariaDB's slow log"].read(mariadb), { timeout: 15_000 }).toContain(mark);
    },
  },
  [namedRedis("Redis")]: {
    missing: redisIsMissing,
    strategy: "redis-dual",
    target: () => redisTarget(redis, { by: "administrator" }) as never,
    permit: async () => {},
    sinks: bound(REDIS_SINKS, () => Object.assign(Object.create(redis), { monitored })),
    controls: REDIS_CONTROLS,
    async written() {
      const mark = randomUUID();
      await redis.call("ECHO", mark);
      await expect.poll(() => monitored.join("\n"), { timeout: 15_000 }).toContain(mark);
    },
  },
};

describe.each(Object.entries(ENGINES))(
  "%s",
  (_title, { missing, strategy, target, permit, sinks, controls, written }) => {
    test.skipIf(missing)("a rotation leaves no secret in the server's logs, nor anywhere else", async () => {
      expect(await leaksOfRotation([])).toEqual([]);
    });

    test.each(Object.keys(sinks))("%s is tried with a leak", (sink) => {
      expect(controls.filter((each) => (each.sinks as readonly string[]).includes(sink))).not.toHaveLength(0);
    });

    test.skipIf(missing).each(controls)("a leak is seen where it is, and nowhere else: $name", async (control) => {
      expect(await leaksOfRotation(control.patches)).toEqual([...control.sinks].sort());
    });

    async function leaksOfRotation(patches: readonly Patch[]): Promise<readonly string[]> {
      const outdir = join(directory, randomUUID());
      const bundles = inject("bundles");
      await world.deployBundles(patches.length > 0 ? await bundlePatched(patches, { outdir, bundles }) : bundles);
      const user = await target().user({ password: `Aa1${randomUUID()}` });
      const admin = JSON.stringify(await user.readSecret("the administrator's"));
      const created = await world.client.send(
        new CreateSecretCommand({ Name: uniqueName("test/admin"), SecretString: admin }),
      );
      const administrator = strategyBlueprint(strategy)?.administrator !== "never";
      const value = { ...(user.current as { readonly username: string }), masterarn: created.ARN };
      await permit(value.username);
      const secret = await world.add(value, {
        strategy,
        ...(administrator ? { administratorSecretId: created.ARN ?? "" } : {}),
      });
      const token = await world.rotate(secret);
      expect((await world.run(secret, token)).execution.status).toBe("SUCCEEDED");
      await written();
      const values = world.account.secretsManager.everyValue();
      const own = values.filter((each) => each.includes(JSON.stringify(value.username)) || each === admin);
      const read = (sink: { read(): string | Promise<string> }) => sink.read();
      const everywhere = { ...bound(SINKS, () => world.leakWatch), ...sinks };
      const leaks = await findLeaks(own.flatMap(secretsIn), read, everywhere);
      await user[Symbol.asyncDispose]();
      return Object.keys(leaks).sort();
    }
  },
);

/** Sinks of one server or account, which is not there yet. */
function bound<T>(
  sinks: Readonly<Record<string, { read(from: T): string | Promise<string>; readonly hasHashes?: true }>>,
  from: () => T,
): Engine["sinks"] {
  const entries = Object.entries(sinks).map(([name, { read, ...rest }]) => {
    return [name, { ...rest, read: async () => read(from()) }] as const;
  });
  return Object.fromEntries(entries);
}
