import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { mariadbAlternatingUsers } from "../../core/strategies/mariadb-alternating-users.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";

const strategy = mariadbAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));
const HOSTS = ["%", "10.%"];

describe.skipIf(mariadbIsMissing)(named("mariadb-alternating-users, cut off at any statement"), () => {
  const mariadb = useMariadb();
  const context: RotationContext = {
    secretArn: "arn:secret",
    versionId: "v-1",
    readSecret: async () => mariadb.admin,
    timeoutMs: 5000,
    policy: { openSessions: "report" as const, administratorSecretId: "arn:admin" },
    signal: new AbortController().signal,
  };

  /** An original at two hosts with something of everything, and a candidate whose statements are the same each time. */
  async function rotation() {
    const [username, schema, role] = [uniqueName("cut"), uniqueName("schema"), uniqueName("role")] as const;
    const password = generate();
    await mariadb.createUser(username, password);
    await mariadb.createUser(username, password, { host: "10.%", options: "REQUIRE SSL WITH MAX_USER_CONNECTIONS 7" });
    for (const statement of [
      `CREATE DATABASE ${schema}`,
      `CREATE TABLE ${schema}.t (id int, c int)`,
      `CREATE PROCEDURE ${schema}.p() SELECT 1`,
      `CREATE ROLE ${role}`,
      `GRANT SELECT, RELOAD ON *.* TO ${username}`,
      `GRANT ALL ON ${schema}.* TO ${username} WITH GRANT OPTION`,
      `GRANT SELECT (id), UPDATE (c) ON ${schema}.t TO ${username}`,
      `GRANT EXECUTE ON PROCEDURE ${schema}.p TO ${username}@'10.%'`,
      `GRANT PROXY ON ${mariadb.admin.username} TO ${username}`,
      `GRANT ${role} TO ${username} WITH ADMIN OPTION`,
      `SET DEFAULT ROLE ${role} FOR ${username}`,
    ]) {
      await mariadb.query(statement);
    }
    const proxy = await startMariadbProxy(mariadb);
    const { host, port } = proxy;
    const login = { username, password };
    const base = { engine: "mariadb" as const, host, port, ssl: false, ...login, masterarn: "arn:admin" };
    const versions = { base, candidate: strategy.createSecret(base, generate) };
    return {
      versions,
      proxy,
      has: async (name: string) =>
        Promise.all(HOSTS.map(async (at) => [(await mariadb.grants(name, at)).toSorted(), await optionsOf(name, at)])),
    };
  }

  /** The account but for its name and password. */
  async function optionsOf(username: string, host: string): Promise<string> {
    return (await mariadb.show(username, host)).replace(/^CREATE USER \S+ IDENTIFIED BY PASSWORD '[^']*'/, "");
  }

  async function changesOf({ versions, proxy }: Awaited<ReturnType<typeof rotation>>): Promise<readonly RegExp[]> {
    const before = proxy.statements().length;
    await strategy.setSecret(versions, context);
    const sent = proxy.statements().slice(before);
    const changes = sent.filter((statement) => /^(CREATE|ALTER|GRANT|REVOKE|SET DEFAULT)/.test(statement));
    return changes.map((statement) => new RegExp(`^${statement.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`));
  }

  test.each(["loseStatement", "loseReply"] as const)(
    "is healed by a repeat, and taken back by a rollback (%s)",
    async (fault) => {
      const cut = await rotation();
      await using proxy = cut.proxy;
      const { base, candidate } = cut.versions;
      const changes = await changesOf(cut);
      expect(changes.length).toBeGreaterThanOrEqual(10);

      for (const [index, change] of changes.entries()) {
        for (const end of ["repeat", "rollback"]) {
          await mariadb.dropUser(candidate.username);
          proxy[fault](change);
          const set = strategy.setSecret(cut.versions, context);
          await expect(set, `cut off at ${change}`).rejects.toMatchObject({ name: "TargetUnavailable" });
          proxy.pass();
          if (end === "rollback") {
            await strategy.rollbackSecret(cut.versions, context);
            const signIns = [strategy.signIn(base, context), strategy.signIn(candidate, context)];
            expect(await Promise.all(signIns), `rolled back at ${change}`).toEqual(["accepted", "rejected"]);
            const isLast = index === changes.length - 1 && fault === "loseReply";
            const left = await mariadb.query(`SELECT 1 FROM mysql.global_priv WHERE User = '${candidate.username}'`);
            expect(left.length, `left by the rollback at ${change}`).toBe(isLast ? HOSTS.length : 0);
          }

          await strategy.setSecret(cut.versions, context);

          await strategy.testSecret(candidate, context);
          expect(await cut.has(candidate.username), `after ${end} at ${change}`).toEqual(await cut.has(base.username));
        }
      }
    },
  );

  test("later turns, too: what was granted to, and taken from, the original meanwhile arrives", async () => {
    for (const fault of ["loseStatement", "loseReply"] as const) {
      const cut = await rotation();
      await using proxy = cut.proxy;
      const { base, candidate } = cut.versions;
      await strategy.setSecret(cut.versions, context);
      const drift = async () => {
        const copy = candidate.username;
        await mariadb.query(`REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${copy}`);
        await mariadb.query(`GRANT INSERT ON mysql.* TO ${copy} WITH GRANT OPTION`);
        await mariadb.query(`GRANT PROXY ON ${mariadb.admin.username} TO ${copy} WITH GRANT OPTION`);
        await mariadb.query(`ALTER USER ${copy}@'10.%' REQUIRE NONE WITH MAX_USER_CONNECTIONS 0`);
      };
      await drift();
      const again = { base, previous: candidate, candidate: { ...candidate, password: generate() } };
      const changes = await changesOf({ ...cut, versions: again });
      expect(changes.length).toBeGreaterThanOrEqual(9);

      for (const change of changes) {
        const restoring = { base, previous: again.candidate, candidate };
        await strategy.setSecret(restoring, context);
        await drift();
        proxy[fault](change);
        await expect(strategy.setSecret(again, context), `cut off at ${change}`).rejects.toMatchObject({
          name: "TargetUnavailable",
        });
        proxy.pass();

        await strategy.setSecret(again, context);

        expect(await strategy.signIn(again.candidate, context)).toBe("accepted");
        expect(await cut.has(candidate.username), `after ${change}`).toEqual(await cut.has(base.username));
      }
    }
  });
});
