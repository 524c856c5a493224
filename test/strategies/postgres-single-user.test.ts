import { describe, expect, test } from "vitest";
import type { PostgresCredential } from "../../core/strategies/postgres-credential.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { testStrategy } from "../contracts/strategy.ts";
import { connectAs, uniqueName, useDatabase } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";
import { postgresTarget, withoutAdministrator } from "./postgres-target.ts";

const database = useDatabase();

const target = postgresTarget(database, { change: /^ALTER ROLE/ });
describe("changed by the user itself", () => {
  testStrategy({ strategy: postgresSingleUser, target: withoutAdministrator(target) });
});
describe("changed by an administrator", () => {
  testStrategy({ strategy: postgresSingleUser, target });
});

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({}),
  timeoutMs: 5000,
  policy: { openSessions: "report" },
  signal: new AbortController().signal,
};

async function userWith(password: string): Promise<(password: string) => PostgresCredential> {
  const username = uniqueName("single");
  await database.createRole(username, password);
  return (of) => ({ engine: "postgres", host: database.host, port: database.port, username, password: of });
}

test("the version before the base is enough, as after a rotation that was left half done", async () => {
  const version = await userWith("password-1");
  const versions = { previous: version("password-1"), base: version("password-2"), candidate: version("password-3") };

  await postgresSingleUser.setSecret(versions, context);

  expect(await postgresSingleUser.signIn(versions.candidate, context)).toBe("accepted");
});

test("a version before the base that is another user's is not tried", async () => {
  const [version, other] = [await userWith("password-1"), await userWith("password-0")];
  const versions = { previous: other("password-0"), base: version("password-2"), candidate: version("password-3") };

  await expect(postgresSingleUser.setSecret(versions, context)).rejects.toMatchObject({ name: "CredentialDrift" });
  expect(await postgresSingleUser.signIn(versions.previous, context)).toBe("accepted");
});

test("rolls back by the version before the base, too", async () => {
  const version = await userWith("password-1");
  const versions = { previous: version("password-1"), base: version("password-2"), candidate: version("password-3") };

  await postgresSingleUser.rollbackSecret(versions, context);

  expect(await postgresSingleUser.signIn(versions.base, context)).toBe("accepted");
});

test("the gap opens with the last statement: setSecret ends with ALTER ROLE, and sends one only", async () => {
  const version = await userWith("password-1");
  const base = version("password-1");
  const mark = (await database.log()).length;

  await postgresSingleUser.setSecret({ base, candidate: version("password-2") }, context);

  const log = (await database.log()).slice(mark);
  expect(log.match(new RegExp(`ALTER ROLE "${base.username}"`, "g"))).toHaveLength(1);
});

test("a pooled connection survives, and tells nothing about the password", async () => {
  const version = await userWith("password-1");
  const base = version("password-1");
  const pooled = await connectAs({ ...base, host: database.host, port: database.port });

  await postgresSingleUser.setSecret({ base, candidate: version("password-2") }, context);
  const { rows } = await pooled.query("SELECT 1 AS one");
  await pooled.end();

  expect(rows).toEqual([{ one: 1 }]);
  expect(await postgresSingleUser.signIn(base, context)).toBe("rejected");
});

test("a retry that finds the candidate set makes one connection, and no statement", async () => {
  const version = await userWith("password-1");
  await using proxy = await startDatabaseProxy(database);
  const through = (credential: PostgresCredential) => ({
    ...credential,
    host: proxy.host,
    port: proxy.port,
    ssl: false,
  });
  const versions = { base: through(version("password-1")), candidate: through(version("password-2")) };
  await postgresSingleUser.setSecret(versions, context);
  const before = proxy.connections();
  proxy.loseStatement(/./);

  await postgresSingleUser.setSecret(versions, context);

  expect(proxy.connections() - before).toBe(1);
});

test("a rollback that finds nothing to undo makes one connection, and no statement", async () => {
  const version = await userWith("password-1");
  await using proxy = await startDatabaseProxy(database);
  const through = (credential: PostgresCredential) => ({
    ...credential,
    host: proxy.host,
    port: proxy.port,
    ssl: false,
  });
  proxy.loseStatement(/./);

  await postgresSingleUser.rollbackSecret(
    { base: through(version("password-1")), candidate: through(version("password-2")) },
    context,
  );

  expect(proxy.connections()).toBe(1);
});

test("an ALTER that the server refuses leaves the base as it was", async () => {
  const version = await userWith("password-1");
  const base = version("password-1");
  await database.query(`ALTER ROLE "${base.username}" SET default_transaction_read_only = on`);

  await expect(postgresSingleUser.setSecret({ base, candidate: version("password-2") }, context)).rejects.toMatchObject(
    {
      name: "TargetUnavailable",
      message: expect.stringContaining("SQLSTATE 25006"),
    },
  );
  expect(await postgresSingleUser.signIn(base, context)).toBe("accepted");
});

test("a user whose sessions begin as another role changes their own password all the same", async () => {
  const version = await userWith("password-1");
  const versions = { base: version("password-1"), candidate: version("password-2") };
  const owner = uniqueName("owner");
  await database.query(`CREATE ROLE ${owner}; GRANT ${owner} TO ${versions.base.username}`);
  await database.query(`ALTER ROLE ${versions.base.username} SET role = ${owner}`);
  const held = await connectAs({ ...versions.base, host: database.host, port: database.port }, "orders-api");

  await postgresSingleUser.setSecret(versions, context);
  const seen = await postgresSingleUser.sessions?.(versions.candidate, context);
  await held.end();
  await postgresSingleUser.rollbackSecret(versions, context);

  expect(seen?.map(({ application }) => application)).toEqual(["orders-api"]);
  expect(await postgresSingleUser.signIn(versions.base, context)).toBe("accepted");
});
