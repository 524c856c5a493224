import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { mariadbAlternatingUsers } from "../../core/strategies/mariadb-alternating-users.ts";
import type { MariadbAlternatingCredential } from "../../core/strategies/mariadb-credential.ts";
import { mariadbDual } from "../../core/strategies/mariadb-dual.ts";
import { mariadbSingleUser } from "../../core/strategies/mariadb-single-user.ts";
import type { RotationContext, RotationStrategy } from "../../core/strategies/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { leakScanner } from "../support/leak-scanner.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";

const generate = passwordGenerator(passwordRules.parse({}));

type Strategy = RotationStrategy<MariadbAlternatingCredential & { engine: "mariadb" }>;
const strategies = [mariadbSingleUser, mariadbAlternatingUsers, mariadbDual] as unknown as readonly Strategy[];

describe.skipIf(mariadbIsMissing)(named("the server's logs have no password"), () => {
  const mariadb = useMariadb({
    options: [
      "--log-bin=$logs/binlog",
      "--slow-query-log",
      "--slow-query-log-file=$logs/slow.log",
      "--long-query-time=0",
      "--log-warnings=9",
      // Statements that fail, with their text.
      "--plugin-load-add=sql_errlog",
      "--sql-error-log-filename=$logs/failed.log",
      "--plugin-load-add=simple_password_check",
      "--strict-password-validation=OFF",
    ],
  });
  const context: RotationContext = {
    secretArn: "arn:secret",
    versionId: "v-1",
    readSecret: async () => mariadb.admin,
    timeoutMs: 5000,
    policy: { openSessions: "report", administratorSecretId: "arn:admin" },
    signal: new AbortController().signal,
  };

  async function rotation(strategy: Strategy) {
    const { host, port } = mariadb;
    const login = { username: uniqueName("leak"), password: generate() };
    await mariadb.createUser(login.username, login.password);
    const base = { engine: "mariadb" as const, host, port, ssl: false, ...login, masterarn: "arn:admin" };
    return { base, candidate: strategy.createSecret(base, generate) };
  }

  async function expectNoLeak(...passwords: readonly string[]): Promise<string> {
    const logs = await mariadb.everyLog();
    expect(leakScanner(passwords)(logs)).toEqual([]);
    return logs;
  }

  test.each(strategies)("of a whole rotation and its rollback: $name", async (strategy) => {
    const { base, candidate } = await rotation(strategy);

    await strategy.setSecret({ base, candidate }, context);
    await strategy.testSecret(candidate, context);
    await strategy.rollbackSecret({ base, candidate }, context);
    await strategy.rollbackSecret({ base, candidate }, context);

    const logs = await expectNoLeak(base.password, candidate.password, mariadb.admin.password);
    expect(logs).toContain(candidate.username);
  });

  test.each(strategies)("of a statement that the server refuses: $name", async (strategy) => {
    const { base, candidate } = await rotation(strategy);
    await mariadb.query("SET GLOBAL tx_read_only = ON");

    const set = strategy.setSecret({ base, candidate }, context).finally(async () => {
      await mariadb.query("SET GLOBAL tx_read_only = OFF");
    });

    await expect(set).rejects.toMatchObject({
      name: "TargetUnavailable",
      message: expect.stringContaining("error 1792"),
    });
    expect(await strategy.signIn(base, context)).toBe("accepted");
    const logs = await expectNoLeak(base.password, candidate.password, mariadb.admin.password);
    expect(logs).toMatch(/ERROR 1792.*: (SET PASSWORD|CREATE USER|ALTER USER)/);
  });

  test("which would have it, had it been sent", async () => {
    const password = `${generate()}!`;

    await mariadb.query(`CREATE USER ${uniqueName("plain")} IDENTIFIED BY '${password}'`);

    expect(leakScanner([password])(await mariadb.everyLog())).not.toEqual([]);
  });
});
