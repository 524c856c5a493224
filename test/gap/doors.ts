import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { mariadbTarget } from "../strategies/mariadb-target.ts";
import { redisTarget } from "../strategies/redis-target.ts";
import { queryAs, uniqueName } from "../support/database.ts";
import type { TestMariadb } from "../support/mariadb.ts";
import type { TestRedis } from "../support/redis.ts";
import type { World } from "../support/world.ts";

/** A user of a server, and a way to sign in that nothing disturbs. */
export interface Door {
  readonly value: Readonly<Record<string, unknown>> & { readonly masterarn: string };
  /** A new connection that signs in. @throws where it is refused */
  signIn(value: string): Promise<void>;
}

export async function openPostgres(world: World): Promise<Door> {
  const { database } = world;
  const [username, password] = [uniqueName("app"), uniqueName("first-password")];
  await database.createRole(username, password);
  const at = { engine: "postgres", host: database.host, port: database.port, dbname: "postgres", ssl: false };
  const masterarn = await administrator(world, { ...at, ...database.admin });
  return {
    value: { ...at, username, password, masterarn },
    signIn: async (value) => {
      await queryAs({ ...database, ...(JSON.parse(value) as { username: string; password: string }) }, "SELECT 1");
    },
  };
}

export async function openMariadb(world: World, mariadb: TestMariadb): Promise<Door> {
  const user = await mariadbTarget(mariadb, { change: /^ALTER/ }).user();
  return doorOf(world, user, mariadb);
}

export async function openRedis(world: World, redis: TestRedis): Promise<Door> {
  const user = await redisTarget(redis, { by: "administrator" }).user();
  return doorOf(world, user, redis);
}

async function doorOf<C>(
  world: World,
  user: {
    readonly current: C;
    readSecret(id: string): Promise<unknown>;
    open(one: C, name: string): Promise<AsyncDisposable>;
  },
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Door> {
  const secret = (await user.readSecret("the administrator's")) as object;
  const masterarn = await administrator(world, { ...secret, host, port, ssl: false });
  return {
    // Not by the exam's proxy, which is there to be disturbed.
    value: { ...user.current, host, port, masterarn },
    signIn: async (value) => {
      const session = await user.open(JSON.parse(value) as C, "probe");
      await session[Symbol.asyncDispose]();
    },
  };
}

async function administrator(world: World, value: unknown): Promise<string> {
  const request = { Name: uniqueName("test/admin"), SecretString: JSON.stringify(value) };
  return (await world.client.send(new CreateSecretCommand(request))).ARN ?? "";
}
