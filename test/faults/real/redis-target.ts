import { createHash } from "node:crypto";
import { secretNamed } from "../../interleavings/administrator.ts";
import { type Login, newPassword, type Target } from "../../interleavings/target.ts";
import { uniqueName } from "../../support/database.ts";
import type { Interpose } from "../../support/interposed.ts";
import type { TestRedis } from "../../support/redis.ts";
import { startRedisProxy } from "../../support/redis-proxy.ts";

const ADMINISTRATOR = "faults/redis-administrator";

/** Users with two passwords. What the server accepts is read from its list of users, so that no look is a sign-in. */
export async function startRedisTarget(redis: TestRedis, interpose: Interpose): Promise<Target> {
  const proxy = await startRedisProxy(redis, interpose);
  const server = { host: proxy.host, port: proxy.port, ssl: false };
  const sessions = new Map<string, AsyncDisposable>();
  let username = "";
  let hashes: readonly string[] = [];

  const target: Target = {
    strategies: { overlap: "redis-dual" },
    administrator: ADMINISTRATOR,
    onChange: () => {},

    async begin(_scenario, place) {
      username = uniqueName("app");
      const masterarn = secretNamed(ADMINISTRATOR, { ...redis.admin, ...server }, place);
      const login = (): Login => ({ ...server, username, password: newPassword(), masterarn });
      const [base, older] = [login(), login()];
      await redis.createUser(username, older.password, "+ping", `#${hashOf(base.password)}`);
      await target.refresh?.();
      return { base, older };
    },

    async end() {
      for (const session of sessions.values()) await session[Symbol.asyncDispose]();
      sessions.clear();
      await redis.call("ACL", "DELUSER", username);
    },

    async refresh() {
      hashes = await redis.hashesOf(username);
    },

    accepts: (login) => login.username === username && hashes.includes(hashOf(login.password)),
    doors: () => JSON.stringify([...hashes].sort()),

    async changeByHand(login, password, kept = false) {
      const passwords = kept ? [login.password, password] : [password];
      await redis.call("ACL", "SETUSER", username, "resetpass", ...passwords.map((each) => `#${hashOf(each)}`));
    },

    async signInAs(login, application) {
      try {
        const session = await redis.open(login, application);
        await sessions.get(application)?.[Symbol.asyncDispose]();
        sessions.set(application, session);
        return true;
      } catch {
        return false;
      }
    },

    heal: () => {},
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
  return target;
}

function hashOf(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}
