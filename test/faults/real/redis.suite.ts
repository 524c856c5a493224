import { redisIsMissing, startRedis } from "../../support/redis.ts";
import { testEveryFault } from "./every-fault.ts";
import { withDoor } from "./real-target.ts";
import { startRedisTarget } from "./redis-target.ts";

testEveryFault({
  missing: redisIsMissing,
  strategy: "redis-dual",
  overlap: true,
  mistake: {
    file: "core/strategies/redis-dual.ts",
    from: "`#${known.base}`, `#${known.candidate}`]",
    to: "`#${known.candidate}`]",
    path: "forward",
    shows: /AWSCURRENT does not sign in, though the scheme has overlap/,
  },
  async start() {
    const redis = await startRedis();
    return withDoor({ gate: "gate-redis", seesSessions: true, isProvedEarly: true }, (interpose) =>
      startRedisTarget(redis, interpose),
    );
  },
});
