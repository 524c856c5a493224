import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { changePasswords, passwordHash } from "../../core/strategies/redis-acl.ts";
import { withSession } from "../../core/strategies/redis-connection.ts";
import type { RedisCredential } from "../../core/strategies/redis-credential.ts";
import { redisDual } from "../../core/strategies/redis-dual.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { testStrategy } from "../contracts/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { named, redisIsMissing, startRedis, type TestRedis, useRedis } from "../support/redis.ts";
import { startRedisProxy } from "../support/redis-proxy.ts";
import { redisTarget } from "./redis-target.ts";

describe.skipIf(redisIsMissing)(named("redis-dual"), () => {
  const redis = useRedis();
  const context = contextFor(redis);

  describe.each(["administrator", "user"] as const)("set by the %s", (by) => {
    testStrategy({ strategy: redisDual, target: redisTarget(redis, { by }) });
  });

  test("a user has two passwords at most: the one before the base is dropped", async () => {
    const version = await userWith(redis, "password-1");
    const [first, second, third] = [version("password-1"), version("password-2"), version("password-3")];

    await redisDual.setSecret({ base: first, candidate: second }, context);
    await redisDual.setSecret({ previous: first, base: second, candidate: third }, context);

    expect(await accepted([first, second, third])).toEqual(["password-2", "password-3"]);
    expect(await redis.hashesOf(first.username)).toHaveLength(2);
  });

  test("nothing else of the user is changed, and its open connections go on", async () => {
    const version = await userWith(redis, "password-1");
    const base = version("password-1");
    const before = rulesOf(await redis.call("ACL", "LIST"), base.username);
    await using _session = await redis.open(base, "orders-api");

    await redisDual.setSecret({ base, candidate: version("password-2") }, context);
    await redisDual.rollbackSecret({ base, candidate: version("password-2") }, context);

    const sessions = await redisDual.sessions?.(base, context);
    expect(sessions?.map(({ application, address }) => [application, address])).toEqual([["orders-api", "127.0.0.1"]]);
    expect(rulesOf(await redis.call("ACL", "LIST"), base.username)).toContain(before);
  });

  test("a password that may be the version's before asks for that version, and changes nothing meanwhile", async () => {
    const version = await userWith(redis, "password-1");
    const [first, second, third] = [version("password-1"), version("password-2"), version("password-3")];
    await redisDual.setSecret({ base: first, candidate: second }, context);

    const set = redisDual.setSecret({ base: second, candidate: third }, context);

    await expect(set).rejects.toMatchObject({ name: "CredentialDrift" });
    expect(await accepted([first, second, third])).toEqual(["password-1", "password-2"]);
  });

  test("a password that no version has is refused, and neither it nor its hash is told", async () => {
    const version = await userWith(redis, "password-1");
    const [previous, base, candidate] = [version("password-0"), version("password-1"), version("password-2")];
    await redis.call("ACL", "SETUSER", base.username, `#${passwordHash("somebody-else's")}`);

    const set = redisDual.setSecret({ previous, base, candidate }, context);

    const hash = passwordHash("somebody-else's");
    await expect(set).rejects.toMatchObject({
      name: "CredentialDrift",
      message: expect.stringContaining("1 password(s) that neither AWSCURRENT nor AWSPREVIOUS has"),
    });
    await expect(set).rejects.not.toThrow(hash);
    await redisDual.rollbackSecret({ previous, base, candidate }, context);
    expect(await accepted([previous, base, version("somebody-else's"), candidate])).toEqual([
      "password-1",
      "somebody-else's",
    ]);
  });

  test("a version before that is another user's is not taken for one of this user", async () => {
    const [version, other] = [await userWith(redis, "password-1"), await userWith(redis, "password-0")];
    const base = version("password-1");
    await redis.call("ACL", "SETUSER", base.username, `#${passwordHash("password-0")}`);

    const set = redisDual.setSecret({ previous: other("password-0"), base, candidate: version("password-2") }, context);

    await expect(set).rejects.toMatchObject({ name: "CredentialDrift" });
  });

  test("a password that a person has revoked before the rotation does not come back with a rollback", async () => {
    const version = await userWith(redis, "password-1");
    const [leaked, base, candidate] = [version("password-1"), version("password-2"), version("password-3")];
    await redisDual.setSecret({ base: leaked, candidate: base }, context);
    await redis.call("ACL", "SETUSER", base.username, `!${passwordHash("password-1")}`);
    await redisDual.setSecret({ previous: leaked, base, candidate }, context);

    await redisDual.rollbackSecret({ previous: leaked, base, candidate }, context);

    expect(await accepted([leaked, base, candidate])).toEqual(["password-2"]);
  });

  test("a password that setSecret has dropped comes back, whatever was rolled back before", async () => {
    const version = await userWith(redis, "password-1");
    const [first, base] = [version("password-1"), version("password-2")];
    await redisDual.setSecret({ base: first, candidate: base }, context);

    for (const candidate of [version("password-3"), version("password-4"), version("password-5")]) {
      await redisDual.setSecret({ previous: first, base, candidate }, context);
      await redisDual.rollbackSecret({ previous: first, base, candidate }, context);

      expect(await accepted([first, base, candidate])).toEqual(["password-1", "password-2"]);
    }
  });

  test.each(["password-1", "password-0"])(
    "a candidate with a password that was there before (%s) takes none away",
    async (password) => {
      const version = await userWith(redis, "password-0");
      const [previous, base] = [version("password-0"), version("password-1")];
      await redisDual.setSecret({ base: previous, candidate: base }, context);
      const candidate = version(password);

      await redisDual.setSecret({ previous, base, candidate }, context);
      await redisDual.rollbackSecret({ previous, base, candidate }, context);

      expect(await accepted([previous, base])).toEqual(["password-0", "password-1"]);
    },
  );

  test("a user who needs no password is refused, and stays as it is", async () => {
    const version = await userWith(redis, "password-1");
    const base = version("password-1");
    await redis.call("ACL", "SETUSER", base.username, "nopass");

    const set = redisDual.setSecret({ base, candidate: version("password-2") }, context);

    await expect(set).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining("nopass"),
    });
    expect(await accepted([version("anything")])).toEqual(["anything"]);
  });

  test("a user who is off does not sign in", async () => {
    const version = await userWith(redis, "password-1");
    await redis.call("ACL", "SETUSER", version("").username, "off");

    expect(await redisDual.signIn(version("password-1"), context)).toBe("rejected");
  });

  test("a user who is gone meanwhile is not made anew", async () => {
    const { username } = (await userWith(redis, "password-1"))("");
    await redis.call("ACL", "DELUSER", username);

    const change = withSession({ ...addressOf(redis), ...redis.admin }, context, (session) =>
      changePasswords(session, username, [`!${passwordHash("password-1")}`, `#${passwordHash("password-2")}`]),
    );

    await expect(change).rejects.toMatchObject({ name: "TargetUnavailable" });
    expect(await redis.call("ACL", "GETUSER", username)).toBeNull();
  });

  test("these commands are sent, and no others", async () => {
    const version = await userWith(redis, "password-1");
    await using proxy = await startRedisProxy(redis);
    const through = (password: string) => ({ ...version(password), port: proxy.port });
    const [one, two, three] = ["password-1", "password-2", "password-3"].map((each) => `#${passwordHash(each)}`);
    const { username } = through("");
    const sent = async (work: Promise<unknown>) => {
      const from = proxy.statements().length;
      await work;
      return proxy
        .statements()
        .slice(from)
        .filter((command) => !/^(AUTH|HELLO) /.test(command));
    };
    const gone = (password: string | undefined) => password?.replace("#", "!");

    const first = { base: through("password-1"), candidate: through("password-2") };
    const second = { previous: first.base, base: first.candidate, candidate: through("password-3") };

    expect(await sent(redisDual.testSecret(first.base, context))).toEqual([]);
    const look = [`ROLE`, `ACL GETUSER ${username}`];
    expect(await sent(redisDual.setSecret(first, context))).toEqual([
      ...[...look, "ACL SAVE"],
      `ACL SETUSER ${username} ${gone(one)} ${two} ${one}`,
      "ACL SAVE",
    ]);
    expect(await sent(redisDual.setSecret(first, context))).toEqual([...look, "ACL SAVE"]);
    expect(await sent(redisDual.setSecret(second, context))).toEqual([
      ...[...look, "ACL SAVE"],
      `ACL SETUSER ${username} ${gone(one)} ${gone(two)} ${two} ${three}`,
      "ACL SAVE",
    ]);
    expect(await sent(redisDual.rollbackSecret(second, context))).toEqual([
      ...[`ACL GETUSER ${username}`, "ACL SAVE"],
      `ACL SETUSER ${username} ${gone(three)} ${one}`,
      "ACL SAVE",
    ]);
    expect(await sent(redisDual.rollbackSecret(second, context))).toEqual([`ACL GETUSER ${username}`, "ACL SAVE"]);
    expect(await sent(Promise.resolve(redisDual.sessions?.(first.base, context)))).toEqual(["CLIENT LIST"]);
  });

  describe("what others have to allow", () => {
    test("an administrator who is refused is AccessDenied", async () => {
      const version = await userWith(redis, "password-1");
      const versions = { base: version("password-1"), candidate: version("password-2") };
      const readSecret = async () => ({
        ...redis.admin,
        host: redis.host,
        ssl: false,
        password: "not-the-administrator's",
      });

      const set = redisDual.setSecret(versions, { ...context, readSecret });

      await expect(set).rejects.toMatchObject({
        name: "AccessDenied",
        message: expect.stringContaining("masterarn names (WRONGPASS)"),
      });
      await redisDual.rollbackSecret(versions, { ...context, readSecret });
    });

    test.each([
      ["ACL GETUSER", "-acl|getuser"],
      ["ACL SETUSER", "-acl|setuser"],
      ["ACL SAVE", "-acl|save"],
    ])(
      "an administrator who may not run %s is AccessDenied, which names it, and nothing is changed",
      async (command, rule) => {
        const version = await userWith(redis, "password-1");
        const versions = { base: version("password-1"), candidate: version("password-2") };
        const limited = await administratorWith(redis, "+@all", rule);

        const set = redisDual.setSecret(versions, limited);

        await expect(set).rejects.toMatchObject({
          name: "AccessDenied",
          message: expect.stringContaining(`denied ${command} (NOPERM)`),
        });
        await redisDual.rollbackSecret(versions, limited);
        expect(await accepted([versions.base, versions.candidate])).toEqual(["password-1"]);
      },
    );

    test("a candidate that nobody may take away is not reported as rolled back", async () => {
      const version = await userWith(redis, "password-1");
      const versions = { base: version("password-1"), candidate: version("password-2") };
      await redisDual.setSecret(versions, context);

      const rollback = redisDual.rollbackSecret(versions, await administratorWith(redis, "+@all", "-acl"));

      await expect(rollback).rejects.toMatchObject({ name: "AccessDenied" });
    });

    test("the rights that the documentation lists are enough", async () => {
      const version = await userWith(redis, "password-1");
      const versions = { base: version("password-1"), candidate: version("password-2") };
      const limited = await administratorWith(
        redis,
        ...["+acl|getuser", "+acl|setuser", "+acl|save", "+role", "+client|list"],
      );

      await redisDual.setSecret(versions, limited);
      await redisDual.testSecret(versions.candidate, limited);
      await redisDual.sessions?.(versions.candidate, limited);
      await redisDual.rollbackSecret(versions, limited);

      expect(await accepted([versions.base, versions.candidate])).toEqual(["password-1"]);
    });

    test("sessions that nobody may list are AccessDenied", async () => {
      const version = await userWith(redis, "password-1");

      const sessions = redisDual.sessions?.(version("password-1"), await administratorWith(redis, "+@all", "-client"));

      await expect(sessions).rejects.toMatchObject({
        name: "AccessDenied",
        message: expect.stringContaining("CLIENT LIST"),
      });
    });
  });

  describe("when the server has been restarted from its file", () => {
    test("everything is as it was", async () => {
      await using server = await startRedis();
      const version = await userWith(server, "password-1");
      const [first, second, third] = [version("password-1"), version("password-2"), version("password-3")];
      const its = contextFor(server);
      await redisDual.setSecret({ base: first, candidate: second }, its);

      await server.restart();
      expect(await accepted([first, second])).toEqual(["password-1", "password-2"]);

      const versions = { previous: first, base: second, candidate: third };
      await redisDual.setSecret(versions, its);
      await redisDual.rollbackSecret(versions, its);
      await server.restart();
      expect(await accepted([first, second, third])).toEqual(["password-1", "password-2"]);
    });

    test("a retry saves what an attempt before it had changed and not saved, in both directions", async () => {
      await using server = await startRedis();
      const version = await userWith(server, "password-1");
      await using proxy = await startRedisProxy(server);
      const through = (password: string) => ({ ...version(password), port: proxy.port });
      const versions = { base: through("password-1"), candidate: through("password-2") };
      const its = contextFor(server);

      proxy.loseReply(/^ACL SETUSER/);
      await expect(redisDual.setSecret(versions, its)).rejects.toMatchObject({ name: "TargetUnavailable" });
      await redisDual.setSecret(versions, its);
      await server.restart();
      expect(await accepted([versions.base, versions.candidate])).toEqual(["password-1", "password-2"]);

      proxy.loseReply(/^ACL SETUSER/);
      await expect(redisDual.rollbackSecret(versions, its)).rejects.toMatchObject({ name: "TargetUnavailable" });
      await redisDual.rollbackSecret(versions, its);
      await server.restart();
      expect(await accepted([versions.base, versions.candidate])).toEqual(["password-1"]);
    });

    test.each(["config-file", "nowhere"] as const)(
      "one without an ACL file (%s) would have forgotten the candidate: it is refused, and not written to",
      async (users) => {
        await using server = await startRedis({ users });
        const version = await userWith(server, "password-1");
        const versions = { base: version("password-1"), candidate: version("password-2") };
        const configuration = () => readFile(join(server.directory, "redis.conf"), "utf8");
        const before = await configuration();

        await expect(redisDual.setSecret(versions, contextFor(server))).rejects.toMatchObject({
          name: "ConfigurationInvalid",
          message: expect.stringContaining("ERR_NO_ACL_FILE"),
        });
        await redisDual.rollbackSecret(versions, contextFor(server));

        expect(await accepted([versions.base, versions.candidate])).toEqual(["password-1"]);
        expect(await configuration()).toBe(before);
      },
    );

    test("a rollback that could not be saved is not reported as one, and a repeat heals it", async () => {
      await using server = await startRedis();
      const version = await userWith(server, "password-1");
      const [first, base, candidate] = [version("password-1"), version("password-2"), version("password-3")];
      const its = contextFor(server);
      await redisDual.setSecret({ base: first, candidate: base }, its);
      const versions = { previous: first, base, candidate };
      await redisDual.setSecret(versions, its);

      await rename(server.directory, `${server.directory}-gone`);
      try {
        for (const _ of ["at first", "again"]) {
          await expect(redisDual.rollbackSecret(versions, its)).rejects.toMatchObject({ name: "TargetUnavailable" });
        }
      } finally {
        await rename(`${server.directory}-gone`, server.directory);
      }
      const denied = await administratorWith(server, "+@all", "-acl|save");
      for (const _ of ["at first", "again"]) {
        await expect(redisDual.rollbackSecret(versions, denied)).rejects.toMatchObject({ name: "AccessDenied" });
      }
      await redisDual.rollbackSecret(versions, its);
      await server.restart();

      expect(await accepted([first, base, candidate])).toEqual(["password-1", "password-2"]);
    });

    test("where the users cannot be saved nothing is changed, and the rollback has nothing to undo", async () => {
      await using server = await startRedis();
      const version = await userWith(server, "password-1");
      const versions = { base: version("password-1"), candidate: version("password-2") };
      await rename(server.directory, `${server.directory}-gone`);
      try {
        await expect(redisDual.setSecret(versions, contextFor(server))).rejects.toMatchObject({
          name: "TargetUnavailable",
          message: expect.stringContaining("ACL SAVE (ERR_NOT_SAVED)"),
        });
        await redisDual.rollbackSecret(versions, contextFor(server));
        expect(await accepted([versions.base, versions.candidate])).toEqual(["password-1"]);
      } finally {
        await rename(`${server.directory}-gone`, server.directory);
      }
    });
  });

  describe("where others have the users, too", () => {
    test("a server with a replica is refused, unless we may not see it; the replica itself is not written to", async () => {
      await using primary = await startRedis({ settings: ["repl-diskless-sync-delay 0"] });
      await using replica = await startRedis({
        settings: [`replicaof 127.0.0.1 ${primary.port}`, "masteruser default", `masterauth ${primary.admin.password}`],
      });
      await expect
        .poll(() => primary.call("ROLE"), { timeout: 15_000 })
        .toMatchObject({ 0: "master", 2: { length: 1 } });
      const versionsOf = async (server: TestRedis) => {
        const version = await userWith(server, "password-1");
        return { base: version("password-1"), candidate: version("password-2") };
      };
      const seen = await versionsOf(primary);

      await expect(redisDual.setSecret(seen, contextFor(primary))).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("1 replica(s)"),
      });
      await expect(redisDual.setSecret(await versionsOf(replica), contextFor(replica))).rejects.toMatchObject({
        name: "TargetUnavailable",
        message: expect.stringContaining("is a replica"),
      });
      expect(await redisDual.signIn(seen.candidate, context)).toBe("rejected");
      await redisDual.setSecret(seen, await administratorWith(primary, "+@all", "-role"));
      expect(await redisDual.signIn(seen.candidate, context)).toBe("accepted");
    });

    test("a node of a cluster is refused", async () => {
      await using server = await startRedis({ settings: ["cluster-enabled yes"] });
      const version = await userWith(server, "password-1");

      const set = redisDual.setSecret(
        { base: version("password-1"), candidate: version("password-2") },
        contextFor(server),
      );

      await expect(set).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("mode cluster"),
      });
    });
  });

  /** The passwords of those versions that sign in. */
  async function accepted(versions: readonly RedisCredential[]): Promise<readonly string[]> {
    const answers = await Promise.all(versions.map((version) => redisDual.signIn(version, context)));
    return versions.filter((_, index) => answers[index] === "accepted").map(({ password }) => password);
  }
});

function contextFor(redis: TestRedis): RotationContext {
  return {
    secretArn: "arn:secret",
    versionId: "v-1",
    readSecret: async () => ({ ...redis.admin, host: redis.host, ssl: false }),
    timeoutMs: 5000,
    policy: { openSessions: "report", administratorSecretId: "arn:admin" },
    signal: new AbortController().signal,
  };
}

function addressOf(redis: TestRedis) {
  return { host: redis.host, port: redis.port, ssl: false };
}

/** Makes a user and returns its versions by their password. */
async function userWith(redis: TestRedis, password: string, username = uniqueName("dual")) {
  await redis.createUser(username, password, "+ping");
  return (of: string): RedisCredential => ({ ...addressOf(redis), username, password: of, masterarn: "arn:admin" });
}

/** A context whose administrator has these rules only. */
async function administratorWith(redis: TestRedis, ...rules: readonly string[]): Promise<RotationContext> {
  const [username, password] = [uniqueName("limited"), "limited-administrator"];
  await redis.createUser(username, password, ...rules);
  return { ...contextFor(redis), readSecret: async () => ({ username, password, host: redis.host, ssl: false }) };
}

/** What ACL LIST says of a user, without its passwords. */
function rulesOf(list: unknown, username: string): string {
  const line = (list as readonly string[]).find((each) => each.startsWith(`user ${username} `)) ?? "";
  return line.replace(/ #[0-9a-f]+/g, "");
}
