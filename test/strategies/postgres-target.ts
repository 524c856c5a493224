import { escapeIdentifier } from "pg";
import type { PostgresAlternatingCredential, PostgresCredential } from "../../core/strategies/postgres-credential.ts";
import type { StrategyTarget, TargetUser } from "../contracts/strategy.ts";
import { connectAs, type TestDatabase, uniqueName } from "../support/database.ts";
import { startDatabaseProxy } from "../support/database-proxy.ts";

export const MASTER_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/admin-GhIjKl";

/** The statement that makes the new credential valid: COMMIT where there is a transaction. */
interface Options {
  readonly change: RegExp;
}

/** Users of the run's PostgreSQL for the exam. Each is reached through a proxy of its own; a second proxy counts who is led astray. */
export function postgresTarget(
  database: TestDatabase,
  { change }: Options,
): StrategyTarget<PostgresAlternatingCredential> {
  return {
    hardUsernames: [
      "O'Brien",
      'a "quoted" name',
      "back\\slash",
      "Ünïcødé 名前 🐘",
      '"; DROP ROLE postgres; --',
      "%s $1 ${x} $$",
      "UPPER lower",
      "_clone_",
    ].map((name) => uniqueName(name)),
    hardPasswords: [
      'it\'s "quoted" \\ back',
      "'; DROP ROLE postgres; --",
      "with spaces  and\ttab",
      "$1 %s ${x} $$",
      "SCRAM-SHA-256$4096:not$a:verifier",
      "decomposed e\u0301, non-breaking\u00a0space, soft\u00adhyphen",
      "ﬁ ligature, ① circled, 全角",
      "emoji 🐘",
      "עברית",
      "x".repeat(1000),
    ],
    user: async (login = {}) => {
      const username = login.username ?? uniqueName("app");
      const password = login.password ?? uniqueName("first-password");
      const proxy = await startDatabaseProxy(database);
      const decoy = await startDatabaseProxy(database);
      await database.createRole(username, password);
      const user: TargetUser<PostgresAlternatingCredential> = {
        current: {
          engine: "postgres",
          host: proxy.host,
          port: proxy.port,
          dbname: "postgres",
          // The server has no TLS: nothing is gained by asking it every time.
          ssl: false,
          username,
          password,
          masterarn: MASTER_ARN,
        },
        tampered: (candidate) => ({
          "another host": { ...candidate, host: "localhost" },
          "another port": { ...candidate, port: decoy.port },
          "another database": { ...candidate, dbname: "template1" },
          "another user": { ...candidate, username: "postgres" },
          "a user who only looks the same": { ...candidate, username: candidate.username.toUpperCase() },
        }),
        readSecret: async () => ({ username: database.admin.username, password: database.admin.password }),
        attempts: () => proxy.connections() + decoy.connections(),
        statements: () => proxy.statements(),
        loseStatement: () => proxy.loseStatement(change),
        loseReply: () => proxy.loseReply(change),
        refuse: () => proxy.refuse(),
        hang: () => proxy.hang(),
        pass: () => proxy.pass(),
        open: async (credential, application) => {
          const client = await connectAs({ ...credential, host: database.host, port: database.port }, application);
          return { [Symbol.asyncDispose]: () => client.end() };
        },
        [Symbol.asyncDispose]: async () => {
          await proxy.refuse();
          await decoy.refuse();
          for (const role of [`${username}_clone`, username]) {
            await database.query(`DROP ROLE IF EXISTS ${escapeIdentifier(role)}`);
          }
        },
      };
      return user;
    },
  };
}

/** The same users, whose secrets name no administrator. */
export function withoutAdministrator(
  target: StrategyTarget<PostgresAlternatingCredential>,
): StrategyTarget<PostgresCredential> {
  return {
    ...target,
    user: async (login) => {
      const user = await target.user(login);
      const { masterarn: _, ...current } = user.current;
      const readSecret = async () => {
        throw new Error("There is no administrator whose secret could be read.");
      };
      return { ...user, current, readSecret } as TargetUser<PostgresCredential>;
    },
  };
}

/** One with what docs/postgres.md asks for and no more: no superuser, and no member of the users that they change. */
export async function createAdministrator(
  database: TestDatabase,
  username = uniqueName("role_admin"),
): Promise<{ readonly username: string; readonly password: string }> {
  const password = uniqueName("administrator-password");
  await database.createRole(username, password, "CREATEROLE");
  return { username, password };
}

/** Since PostgreSQL 16, CREATEROLE is not enough for users that others have created. */
export async function giveAdmin(
  database: TestDatabase,
  administrator: { readonly username: string },
  ...users: readonly { readonly username: string }[]
): Promise<void> {
  const [server] = await database.query("SELECT current_setting('server_version_num')::int >= 160000 AS asks");
  if (server?.["asks"] !== true) return;
  for (const { username } of users) {
    const grant = `GRANT ${escapeIdentifier(username)} TO ${escapeIdentifier(administrator.username)}`;
    await database.query(`${grant} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE`);
  }
}
