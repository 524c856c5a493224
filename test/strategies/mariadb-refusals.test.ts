import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { isRetryable } from "../../core/errors.ts";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { mariadbAlternatingUsers } from "../../core/strategies/mariadb-alternating-users.ts";
import type { MariadbAlternatingCredential } from "../../core/strategies/mariadb-credential.ts";
import { mariadbDual } from "../../core/strategies/mariadb-dual.ts";
import { toRotationError } from "../../core/strategies/mariadb-errors.ts";
import { mariadbSingleUser } from "../../core/strategies/mariadb-single-user.ts";
import type { RotationContext, RotationStrategy } from "../../core/strategies/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";

const generate = passwordGenerator(passwordRules.parse({}));

type Strategy = RotationStrategy<MariadbAlternatingCredential & { engine: "mariadb" }>;
const strategies = [mariadbSingleUser, mariadbAlternatingUsers, mariadbDual] as unknown as readonly Strategy[];

/** What changes an account. */
const CHANGE = /\b(SET PASSWORD|(CREATE|ALTER|DROP) USER|GRANT|REVOKE)\b/;

describe.skipIf(mariadbIsMissing)(
  named("what a MariaDB would not carry out is refused before anything is changed"),
  () => {
    const mariadb = useMariadb({ options: ["--plugin-load-add=auth_ed25519"] });
    const context: RotationContext = {
      secretArn: "arn:secret",
      versionId: "v-1",
      readSecret: async () => mariadb.admin,
      timeoutMs: 5000,
      policy: { openSessions: "report" as const, administratorSecretId: "arn:admin" },
      signal: new AbortController().signal,
    };

    async function rotation<C extends Strategy>(strategy: C) {
      const { host, port } = mariadb;
      const login = { username: uniqueName("refused"), password: generate() };
      await mariadb.createUser(login.username, login.password);
      const base = { engine: "mariadb" as const, host, port, ssl: false, ...login, masterarn: "arn:admin" };
      return { base, candidate: strategy.createSecret(base, generate) };
    }

    /** The error of `work`, and the statements that changed accounts meanwhile. */
    async function refusal(work: () => Promise<unknown>) {
      const before = (await mariadb.generalLog()).length;
      const error = await work().then(
        () => new Error("was carried out"),
        (reason: Error) => reason,
      );
      const sent = (await mariadb.generalLog()).slice(before).split("\n");
      return { error, changes: sent.filter((line) => CHANGE.test(line) && !line.includes("SHOW ")) };
    }

    describe.each(["simple_password_check", "password_reuse_check"])("by a server with the plugin %s", (plugin) => {
      async function withPlugin(work: () => Promise<void>): Promise<void> {
        await mariadb.query(`INSTALL SONAME '${plugin}'`);
        await work().finally(() => mariadb.query(`UNINSTALL SONAME '${plugin}'`));
      }

      test.each(strategies)("strict_password_validation is terminal, and says what to do: $name", async (strategy) => {
        const { base, candidate } = await rotation(strategy);
        await withPlugin(async () => {
          const { error, changes } = await refusal(() => strategy.setSecret({ base, candidate }, context));

          expect(error).toMatchObject({
            name: "ConfigurationInvalid",
            message: expect.stringMatching(/strict_password_validation.*SET GLOBAL strict_password_validation = OFF/),
          });
          expect(isRetryable(error)).toBe(false);
          expect(changes).toEqual([]);
          await strategy.rollbackSecret({ base, candidate }, context);
          expect(await strategy.signIn(base, context)).toBe("accepted");
        });
      });

      test.each(strategies)("it goes on where strict_password_validation is off: $name", async (strategy) => {
        const { base, candidate } = await rotation(strategy);
        await mariadb.query("SET GLOBAL strict_password_validation = OFF");
        await withPlugin(async () => {
          await strategy.setSecret({ base, candidate }, context);
          await strategy.testSecret(candidate, context);
        }).finally(() => mariadb.query("SET GLOBAL strict_password_validation = ON"));
      });
    });

    test("what a server says to a password that it may judge is terminal, and says what to do", async () => {
      const { base } = await rotation(mariadbSingleUser as unknown as Strategy);
      await mariadb.query("INSTALL SONAME 'simple_password_check'");
      const set = mariadb.queryAs(base, "SET PASSWORD = PASSWORD('too-weak')");
      const answer = await set
        .catch((reason: unknown) => reason)
        .finally(() => mariadb.query("UNINSTALL SONAME 'simple_password_check'"));

      const error = toRotationError(answer, { ...base, port: mariadb.port, versionId: "v-1", isSignedIn: true });

      expect(error).toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("let the policy's password rules ask for as much"),
      });
      expect(inspect(error, { depth: null })).not.toContain("too-weak");
      expect(isRetryable(error)).toBe(false);
      expect(await mariadbSingleUser.signIn(base, context)).toBe("accepted");
    });

    test("privileges of the copy stay as they are, too, where its later turn is refused", async () => {
      const { base, candidate } = await rotation(mariadbAlternatingUsers as unknown as Strategy);
      await mariadbAlternatingUsers.setSecret({ base, candidate }, context);
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${base.username}`);
      await mariadb.query("INSTALL SONAME 'simple_password_check'");
      const next = { base, candidate: mariadbAlternatingUsers.createSecret(base, generate) };

      const { error, changes } = await refusal(() => mariadbAlternatingUsers.setSecret(next, context)).finally(() =>
        mariadb.query("UNINSTALL SONAME 'simple_password_check'"),
      );

      expect([error.name, changes]).toEqual(["ConfigurationInvalid", []]);
    });

    test.each([
      ["two passwords", (stored: string) => `mysql_native_password USING ${stored} OR ed25519 USING PASSWORD('two')`],
      ["no password", () => "unix_socket"],
    ])("a copy with %s, before it is given a privilege", async (_, ways) => {
      const { base, candidate } = await rotation(mariadbAlternatingUsers as unknown as Strategy);
      await mariadb.createUser(candidate.username, "one");
      const [stored = ""] = /'\*[^']*'/.exec(await mariadb.show(candidate.username)) ?? [];
      await mariadb.query(`ALTER USER ${candidate.username} IDENTIFIED VIA ${ways(stored)}`);
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${base.username}`);

      const { error, changes } = await refusal(() => mariadbAlternatingUsers.setSecret({ base, candidate }, context));

      expect([error.name, changes]).toEqual(["ConfigurationInvalid", []]);
    });

    test("an original whose one account has a second password, before the copy is given a privilege", async () => {
      const { base, candidate } = await rotation(mariadbAlternatingUsers as unknown as Strategy);
      await mariadbAlternatingUsers.setSecret({ base, candidate }, context);
      const [stored = ""] = /'\*[^']*'/.exec(await mariadb.show(base.username)) ?? [];
      await mariadb.query(
        `ALTER USER ${base.username} IDENTIFIED VIA mysql_native_password USING ${stored} OR ed25519 USING PASSWORD('two')`,
      );
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${base.username}`);
      const next = { base, candidate: mariadbAlternatingUsers.createSecret(base, generate) };

      const { error, changes } = await refusal(() => mariadbAlternatingUsers.setSecret(next, context));

      expect([error.name, changes]).toEqual(["ConfigurationInvalid", []]);
    });

    test("the administrator as one of the two alternating users: a secret must not take over whoever changes it", async () => {
      const admin = { username: uniqueName("boss"), password: generate() };
      await mariadb.createUser(admin.username, admin.password);
      await mariadb.query(`GRANT ALL ON *.* TO ${admin.username} WITH GRANT OPTION`);
      const { base } = await rotation(mariadbAlternatingUsers as unknown as Strategy);
      const clone = { ...base, username: `${admin.username}_clone` };
      await mariadb.createUser(clone.username, clone.password);
      const readSecret = async () => admin;
      const versions = { base: clone, candidate: mariadbAlternatingUsers.createSecret(clone, generate) };

      const { error, changes } = await refusal(() =>
        mariadbAlternatingUsers.setSecret(versions, { ...context, readSecret }),
      );

      expect(error).toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(admin.username),
      });
      expect(changes).toEqual([]);
      await mariadbAlternatingUsers.rollbackSecret(versions, { ...context, readSecret });
      expect(await mariadb.queryAs(admin, "SELECT 1 AS one")).toMatchObject([{ one: 1 }]);
    });

    test("a default role of the original that is gone is named", async () => {
      const { base, candidate } = await rotation(mariadbAlternatingUsers as unknown as Strategy);
      const role = uniqueName("role");
      await mariadb.query(`CREATE ROLE ${role}`);
      await mariadb.query(`GRANT ${role} TO ${base.username}`);
      await mariadb.query(`SET DEFAULT ROLE ${role} FOR ${base.username}`);
      await mariadb.query(`DROP ROLE ${role}`);

      await expect(mariadbAlternatingUsers.setSecret({ base, candidate }, context)).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(`\`${role}\` DEFAULT ROLE`),
      });
    });

    test("an administrator whose password has expired: it is not this secret's that has", async () => {
      const admin = { username: uniqueName("boss"), password: generate() };
      await mariadb.createUser(admin.username, admin.password, { options: "PASSWORD EXPIRE" });
      const { base, candidate } = await rotation(mariadbAlternatingUsers as unknown as Strategy);

      const set = mariadbAlternatingUsers.setSecret({ base, candidate }, { ...context, readSecret: async () => admin });

      await expect(set).rejects.toMatchObject({
        name: "AccessDenied",
        message: expect.stringMatching(/administrator that masterarn names.*error 1820/),
      });
    });

    test.each([
      ["a table", "SELECT ON %.t", "DROP TABLE %.t", "`t`"],
      ["a column", "SELECT (c) ON %.t", "ALTER TABLE %.t DROP COLUMN c", "`c`"],
      ["a procedure", "EXECUTE ON PROCEDURE %.p", "DROP PROCEDURE %.p", "`p`"],
      ["a column of a view", "SELECT (id) ON %.v", "DROP TABLE %.t", "`v`"],
    ])(
      "a privilege of the original on %s that is gone is named, and the rollback leaves no account",
      async (...row) => {
        const [, privilege, drop, names] = row;
        const { base, candidate } = await rotation(mariadbAlternatingUsers as unknown as Strategy);
        const schema = uniqueName("schema");
        const into = (text: string) => text.replace("%", schema);
        for (const statement of [
          "SET GLOBAL automatic_sp_privileges = OFF",
          `CREATE DATABASE ${schema}`,
          `CREATE TABLE ${schema}.t (id int, c int)`,
          `CREATE VIEW ${schema}.v AS SELECT id FROM ${schema}.t`,
          `CREATE PROCEDURE ${schema}.p() SELECT 1`,
          `GRANT ${into(privilege)} TO ${base.username}`,
          into(drop),
          "SET GLOBAL automatic_sp_privileges = ON",
        ]) {
          await mariadb.query(statement);
        }

        await expect(mariadbAlternatingUsers.setSecret({ base, candidate }, context)).rejects.toMatchObject({
          name: "ConfigurationInvalid",
          message: expect.stringMatching(new RegExp(`${base.username}@%.*${names}.*REVOKE`)),
        });

        await mariadbAlternatingUsers.rollbackSecret({ base, candidate }, context);
        const left = await mariadb.query(`SELECT User FROM mysql.global_priv WHERE User = '${candidate.username}'`);
        expect(left).toEqual([]);
        expect(await mariadbAlternatingUsers.signIn(base, context)).toBe("accepted");
      },
    );
  },
);
