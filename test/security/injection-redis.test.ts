import { afterAll, beforeAll, describe } from "vitest";
import { redisDual } from "../../core/strategies/index.ts";
import { administratorCredential } from "../../core/strategies/redis-credential.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { named, redisIsMissing } from "../support/redis.ts";
import type { Arenas } from "./arena.ts";
import { startRedisArenas } from "./arena-redis.ts";
import { testInjection } from "./injection.ts";

describe.skipIf(redisIsMissing)(named("Redis"), () => {
  let arenas: Arenas;
  beforeAll(async () => {
    arenas = await startRedisArenas();
  });
  afterAll(() => arenas?.[Symbol.asyncDispose]());

  testInjection("Redis", [
    {
      name: "redis-dual",
      strategy: redisDual,
      arena: () => arenas.of(redisDual as RotationStrategy, "user"),
    },
    {
      name: "redis-dual and an administrator",
      strategy: redisDual,
      arena: () => arenas.of(redisDual as RotationStrategy, "administrator"),
      administrator: administratorCredential,
    },
  ]);
});
