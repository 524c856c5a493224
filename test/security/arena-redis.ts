import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { MASTER_ARN } from "../strategies/redis-target.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";
import type { StatementProxy } from "../support/statement-proxy.ts";
import type { Arena, Arenas, Catalog } from "./arena.ts";
import { VICTIM } from "./payloads.ts";

/** A server of its own, so that whatever changes in it was changed by the test. */
export async function startRedisArenas(): Promise<Arenas> {
  const redis = await startRedis();
  const proxy = await startRedisProxy(redis);
  await redis.createUser(VICTIM, "password-of-the-victim", "+get");
  await redis.call("SET", "payments", "1");
  return {
    of: (strategy, by) => arena(redis, proxy, strategy, by),
    [Symbol.asyncDispose]: async () => {
      await proxy.refuse();
      await redis[Symbol.asyncDispose]();
    },
  };
}

// --- internal ---

/** What a user needs who changes its own passwords. */
const OWN_RULES = ["+acl|getuser", "+acl|setuser", "+acl|save", "+client|list"];

function arena(
  redis: TestRedis,
  proxy: StatementProxy,
  strategy: RotationStrategy,
  by: "administrator" | "user",
): Arena {
  return {
    strategy,
    policy: { openSessions: "report", ...(by === "administrator" && { administratorSecretId: MASTER_ARN }) },
    administrator: async () => ({ ...redis.admin, host: proxy.host, port: proxy.port, ssl: false }),
    connections: () => proxy.connections(),
    catalog: () => catalogOf(redis),
    async user({ username, password }) {
      await redis.createUser(username, password, "+ping", ...(by === "user" ? OWN_RULES : []));
      const place = { engine: "redis", host: proxy.host, port: proxy.port, ssl: false };
      return { ...place, username, password, ...(by === "administrator" && { masterarn: MASTER_ARN }) };
    },
    drop: async (username) => {
      await redis.call("ACL", "DELUSER", username);
    },
  };
}

/** Users with their passwords and rules, keys, functions and every setting. */
async function catalogOf(redis: TestRedis): Promise<Catalog> {
  const users = (await redis.call("ACL", "LIST")) as readonly string[];
  const settings = (await redis.call("CONFIG", "GET", "*")) as readonly string[];
  const keys = (await redis.call("KEYS", "*")) as readonly string[];
  const functions = await redis.call("FUNCTION", "LIST");
  const nobodys = Object.entries({ settings, keys: keys.toSorted(), functions });
  return new Map<string, { readonly about: readonly string[]; readonly is: string }>([
    ...users.map((line) => [`user ${line.split(" ")[1]}`, { about: line.split(" ").slice(1, 2), is: line }] as const),
    ...nobodys.map(([what, value]) => [what, { about: [], is: JSON.stringify(value) }] as const),
  ]);
}
