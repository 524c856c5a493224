import { expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import { postgresSingleUser } from "../../core/strategies/postgres-single-user.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { uniqueName, useDatabase } from "../support/database.ts";

const database = useDatabase();
const generate = passwordGenerator(passwordRules.parse({}));

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({ username: database.admin.username, password: database.admin.password }),
  timeoutMs: 5000,
  policy: { openSessions: "report" },
  signal: new AbortController().signal,
};

function credentialOf(username: string, password: string) {
  const { host, port } = database;
  return { engine: "postgres" as const, host, port, username, password, masterarn: "arn:admin" };
}

/** In any encoding that a log might use. */
function forms(password: string): string[] {
  const bytes = Buffer.from(password);
  return [
    password,
    password.slice(0, 12),
    bytes.toString("base64").slice(0, -4),
    bytes.toString("hex"),
    encodeURIComponent(password),
  ];
}

test.each([postgresSingleUser, postgresAlternatingUsers])(
  "the server's log, which has every statement, has no password: $name",
  async (strategy) => {
    const base = credentialOf(uniqueName("leak"), generate());
    await database.createRole(base.username, base.password);
    const candidate = strategy.createSecret(base, generate);

    await strategy.setSecret({ base, candidate }, context);
    await strategy.testSecret(candidate, context);
    await strategy.sessions?.(candidate, context);
    await strategy.rollbackSecret({ base, candidate }, context);
    await strategy.rollbackSecret({ base, candidate }, context);

    const log = await database.log();
    expect(log).toContain(`"${candidate.username}"`);
    expect(log).toContain("SCRAM-SHA-256$4096:");
    for (const { password } of [base, candidate, database.admin]) {
      expect(forms(password).filter((form) => log.includes(form))).toEqual([]);
    }
  },
);

test("a statement that fails is logged, too, and has no password", async () => {
  const base = credentialOf(uniqueName("leak"), generate());
  await database.createRole(base.username, base.password);
  await database.query(`ALTER ROLE "${base.username}" SET default_transaction_read_only = on`);
  const candidate = postgresSingleUser.createSecret(base, generate);

  await expect(postgresSingleUser.setSecret({ base, candidate }, context)).rejects.toMatchObject({
    name: "TargetUnavailable",
  });

  const log = await database.log();
  expect(log).toMatch(new RegExp(`ERROR: .*\\n.*STATEMENT: +ALTER ROLE "${base.username}" PASSWORD 'SCRAM-SHA-256`));
  for (const { password } of [base, candidate]) {
    expect(forms(password).filter((form) => log.includes(form))).toEqual([]);
  }
});
