import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { passwordHash } from "../../core/strategies/redis-acl.ts";
import type { RedisCredential } from "../../core/strategies/redis-credential.ts";
import { redisDual } from "../../core/strategies/redis-dual.ts";
import type { RotationContext, Versions } from "../../core/strategies/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { named, redisIsMissing, useRedis } from "../support/redis.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";

/** More commands than any step sends. */
const MOST = 20;

describe.skipIf(redisIsMissing)(named("redis-dual, cut off at each of its commands"), () => {
  const redis = useRedis();
  const rotations = ["first", "later"] as const;
  const faults = ["loseStatement", "loseReply"] as const;

  describe.each(rotations)("in a %s rotation", (rotation) => {
    test.each(faults)("sets when it is repeated (%s)", async (fault) => {
      const cuts = await eachCut(rotation, async ({ versions, context, cutAt, isDone, passwords }) => {
        cutAt(fault);
        const error = await failureOf(redisDual.setSecret(versions, context));
        if (isDone()) return undefined;

        await redisDual.setSecret(versions, context);

        expect(await passwords()).toEqual(expectedAfterSet(rotation));
        return error;
      });
      expect(cuts).toEqual(Array(9).fill("TargetUnavailable"));
    });

    test.each(faults)("rolls back what was set, or half set (%s)", async (fault) => {
      const cuts = await eachCut(rotation, async ({ versions, context, cutAt, isDone, passwords, before }) => {
        cutAt(fault);
        const error = await failureOf(redisDual.setSecret(versions, context));
        if (isDone()) return undefined;

        await redisDual.rollbackSecret(versions, context);

        expect((await passwords()).toSorted()).toEqual(before.toSorted());
        return error;
      });
      expect(cuts).toEqual(Array(9).fill("TargetUnavailable"));
    });

    test.each(faults)("rolls back when that is repeated (%s)", async (fault) => {
      const cuts = await eachCut(rotation, async ({ versions, context, cutAt, isDone, passwords, before }) => {
        await redisDual.setSecret(versions, context);
        cutAt(fault);
        const error = await failureOf(redisDual.rollbackSecret(versions, context));
        if (isDone()) return undefined;

        await redisDual.rollbackSecret(versions, context);

        expect((await passwords()).toSorted()).toEqual(before.toSorted());
        return error;
      });
      expect(cuts).toEqual(Array(8).fill("TargetUnavailable"));
    });
  });

  interface Situation {
    readonly versions: Versions<RedisCredential>;
    readonly context: RotationContext;
    /** The user's passwords at the beginning. */
    readonly before: readonly string[];
    cutAt(fault: (typeof faults)[number]): void;
    /** Whether the work came to its end before the command that would have been cut off. */
    isDone(): boolean;
    /** The user's passwords in the server's order, in its memory and in its file alike. */
    passwords(): Promise<readonly string[]>;
  }

  /** Does the work with a user of its own for each command, until it sends none that could be cut off. */
  async function eachCut(
    rotation: (typeof rotations)[number],
    work: (situation: Situation) => Promise<string | undefined>,
  ): Promise<readonly string[]> {
    const errors: string[] = [];
    for (let at = 1; at <= MOST; at += 1) {
      const username = uniqueName("cut");
      await redis.createUser(username, "password-1", "+ping");
      await using proxy = await startRedisProxy(redis);
      const version = (password: string): RedisCredential => ({
        ...{ host: proxy.host, port: proxy.port, ssl: false, masterarn: "arn:admin" },
        ...{ username, password },
      });
      const [first, second, third] = [version("password-1"), version("password-2"), version("password-3")];
      const context = {
        secretArn: "arn:secret",
        versionId: "v-1",
        readSecret: async () => ({ ...redis.admin, host: redis.host, ssl: false }),
        timeoutMs: 5000,
        policy: { openSessions: "report" as const, administratorSecretId: "arn:admin" },
        signal: new AbortController().signal,
      };
      if (rotation === "later") await redisDual.setSecret({ base: first, candidate: second }, context);
      await redis.call("ACL", "SAVE");
      let seen = 0;
      const error = await work({
        versions:
          rotation === "first"
            ? { base: first, candidate: second }
            : { previous: first, base: second, candidate: third },
        context,
        before: rotation === "first" ? ["password-1"] : ["password-2", "password-1"],
        cutAt: (fault) => proxy[fault]({ test: () => ++seen === at } as unknown as RegExp),
        isDone: () => seen < at,
        passwords: async () => {
          const hashes = await redis.hashesOf(username);
          const file = await readFile(join(redis.directory, "users.acl"), "utf8");
          const line = file.split("\n").find((each) => each.startsWith(`user ${username} `)) ?? "";
          expect(line.match(/(?<=#)[0-9a-f]{64}/g)).toEqual(hashes);
          const known = new Map([first, second, third].map(({ password }) => [passwordHash(password), password]));
          return hashes.map((hash) => known.get(hash) ?? hash);
        },
      });
      if (error === undefined) return errors;
      errors.push(error);
    }
    return errors;
  }
});

function expectedAfterSet(rotation: "first" | "later"): readonly string[] {
  return rotation === "first" ? ["password-2", "password-1"] : ["password-2", "password-3"];
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error) => error.name,
  );
}
