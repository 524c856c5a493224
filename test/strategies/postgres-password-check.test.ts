import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isRetryable } from "../../core/errors.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import type { RotationContext, RotationStrategy } from "../../core/strategies/strategy.ts";
import { type Database, startDatabase } from "../../local/database.ts";
import { queryAs, uniqueName } from "../support/database.ts";

const generate = passwordGenerator(passwordRules.parse({}));

type Strategy = RotationStrategy<PostgresAlternatingCredential>;
const strategies = [postgresSingleUser, postgresAlternatingUsers] as unknown as readonly Strategy[];

describe("PostgreSQL with passwordcheck", () => {
  let database: Database;
  let context: RotationContext;
  beforeAll(async () => {
    database = await startDatabase({ settings: { shared_preload_libraries: "passwordcheck", log_statement: "all" } });
    context = {
      secretArn: "arn:secret",
      versionId: "v-1",
      readSecret: async () => ({ username: database.admin.username, password: database.admin.password }),
      timeoutMs: 5000,
      policy: { openSessions: "report", administratorSecretId: "arn:admin" },
      signal: new AbortController().signal,
    };
  });
  afterAll(() => database.stop());

  /** A user that is as it was before the module was there. */
  async function user(): Promise<PostgresAlternatingCredential> {
    const { host, port } = database;
    const login = { username: uniqueName("checked"), password: generate() };
    const verifier = await scramSha256Verifier(login.password);
    await queryAs(database.admin, `CREATE ROLE ${login.username} LOGIN PASSWORD '${verifier}'`);
    return { engine: "postgres", host, port, dbname: "postgres", ssl: false, ...login, masterarn: "arn:admin" };
  }

  test("judges passwords in plain", async () => {
    const { username } = await user();
    await expect(queryAs(database.admin, `ALTER ROLE ${username} PASSWORD 'short'`)).rejects.toMatchObject({
      code: "22023",
    });
  });

  test.each(strategies)("takes what $name sends, and lets the new password in", async (strategy) => {
    const base = await user();
    const candidate = strategy.createSecret(base, generate);

    await strategy.setSecret({ base, candidate }, context);
    await strategy.testSecret(candidate, context);
    await strategy.rollbackSecret({ base, candidate }, context);

    expect(await strategy.signIn(base, context)).toBe("accepted");
  });

  test.each(strategies)(
    "refuses a password that is the user's name, for good: $name ends there, and the target is as before",
    async (strategy) => {
      const base = await user();
      const candidate = strategy.createSecret(base, generate);
      const weak = { ...candidate, password: candidate.username };

      const error = await strategy.setSecret({ base, candidate: weak }, context).catch((reason: Error) => reason);

      expect(error).toMatchObject({ name: "ConfigurationInvalid", message: expect.stringContaining("SQLSTATE 22023") });
      expect(isRetryable(error)).toBe(false);
      await strategy.rollbackSecret({ base, candidate: weak }, context);
      expect([await strategy.signIn(base, context), await strategy.signIn(weak, context)]).toEqual([
        "accepted",
        "rejected",
      ]);
    },
  );
});
