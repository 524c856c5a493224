import type { RedisCredential } from "../../core/strategies/redis-credential.ts";
import type { StrategyTarget, TargetUser } from "../contracts/strategy.ts";
import { uniqueName } from "../support/database.ts";
import type { TestRedis } from "../support/redis.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";

export const MASTER_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/admin-GhIjKl";

/** What a user needs who changes its own passwords. */
const OWN_RULES = ["+acl|getuser", "+acl|setuser", "+acl|save", "+client|list"];

interface Options {
  /** Who changes the passwords. */
  readonly by: "administrator" | "user";
}

/** Users of a test's Redis for the exam. Each is reached through a proxy of its own; a second proxy counts who is led astray. */
export function redisTarget(redis: TestRedis, { by }: Options): StrategyTarget<RedisCredential> {
  const change = /^ACL SETUSER/;
  return {
    hardUsernames: [
      "O'Brien",
      '"quoted"',
      "back\\slash",
      "Ünïcødé名前🐘",
      "#0123",
      "+@all",
      "nopass",
      "%s$1${x}$$",
      "UPPER",
      "*2",
      "non\u00a0breaking",
    ].map((name) => uniqueName(name)),
    hardPasswords: [
      'it\'s "quoted" \\ back',
      "with spaces  and\ttab",
      "line\r\nbreak",
      "nul\0inside",
      "#e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      ">plain",
      "nopass",
      "decomposed e\u0301, non-breaking\u00a0space",
      "emoji 🐘",
      "x".repeat(16_384),
    ],
    // Ages come in whole seconds.
    sessionPrecisionMs: 2000,
    user: async (login = {}) => {
      const username = login.username ?? uniqueName("app");
      const password = login.password ?? uniqueName("first-password");
      const proxy = await startRedisProxy(redis);
      const decoy = await startRedisProxy(redis);
      await redis.createUser(username, password, "+ping", ...(by === "user" ? OWN_RULES : []));
      const user: TargetUser<RedisCredential> = {
        current: {
          host: proxy.host,
          port: proxy.port,
          ssl: false,
          username,
          password,
          ...(by === "administrator" && { masterarn: MASTER_ARN }),
        },
        tampered: (candidate) => ({
          "another host": { ...candidate, host: "localhost" },
          "another port": { ...candidate, port: decoy.port },
          "another user": { ...candidate, username: "somebody" },
          "a user who only looks the same": { ...candidate, username: candidate.username.toUpperCase() },
          "another administrator": { ...candidate, masterarn: "arn:another" },
          "TLS where the base has none": { ...candidate, ssl: true },
        }),
        readSecret: async () => ({ ...redis.admin, host: proxy.host, port: proxy.port, ssl: false }),
        attempts: () => proxy.connections() + decoy.connections(),
        statements: () => proxy.statements(),
        loseStatement: () => proxy.loseStatement(change),
        loseReply: () => proxy.loseReply(change),
        refuse: () => proxy.refuse(),
        hang: () => proxy.hang(),
        pass: () => proxy.pass(),
        open: (credential, application) => redis.open(credential, application),
        [Symbol.asyncDispose]: async () => {
          await proxy[Symbol.asyncDispose]();
          await decoy[Symbol.asyncDispose]();
          await redis.call("ACL", "DELUSER", username);
        },
      };
      return user;
    },
  };
}
