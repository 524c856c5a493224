import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { mariadbAlternatingUsers } from "../../core/strategies/mariadb-alternating-users.ts";
import type { MariadbAlternatingCredential } from "../../core/strategies/mariadb-credential.ts";
import { quoteAccount } from "../../core/strategies/mariadb-identifiers.ts";
import type { RotationContext, Versions } from "../../core/strategies/strategy.ts";
import { testStrategy } from "../contracts/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";
import { MASTER_ARN, mariadbTarget } from "./mariadb-target.ts";

const strategy = mariadbAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));

describe.skipIf(mariadbIsMissing)(named("mariadb-alternating-users"), () => {
  const mariadb = useMariadb({ options: ["--plugin-load-add=auth_ed25519"] });
  const context: RotationContext = {
    secretArn: "arn:secret",
    versionId: "v-1",
    readSecret: async () => mariadb.admin,
    timeoutMs: 5000,
    policy: { openSessions: "report", administratorSecretId: MASTER_ARN },
    signal: new AbortController().signal,
  };

  testStrategy({
    strategy,
    // ALTER USER makes a set, either a rollback.
    target: mariadbTarget(mariadb, { change: /^(ALTER USER .* IDENTIFIED|DROP USER)/ }),
  });

  async function firstRotation(
    rest?: Parameters<typeof mariadb.createUser>[2],
  ): Promise<Versions<MariadbAlternatingCredential>> {
    const { host, port } = mariadb;
    const login = { username: uniqueName("alt"), password: generate() };
    await mariadb.createUser(login.username, login.password, rest);
    const base = { engine: "mariadb" as const, host, port, ssl: false, ...login, masterarn: MASTER_ARN };
    return { base, candidate: strategy.createSecret(base, generate) };
  }

  /** The rotation after the one that `versions` describes. */
  function next({ candidate, base }: Versions<MariadbAlternatingCredential>): Versions<MariadbAlternatingCredential> {
    return { previous: base, base: candidate, candidate: strategy.createSecret(candidate, generate) };
  }

  async function hosts(username: string): Promise<readonly unknown[]> {
    const rows = await mariadb.query(`SELECT Host FROM mysql.global_priv WHERE User = '${username}' ORDER BY Host`);
    return rows.map(({ Host }) => Host);
  }

  /** The account but for its name and authentications. */
  async function optionsOf(username: string, host?: string): Promise<string> {
    const shown = await mariadb.show(username, host);
    return shown.replace(/^CREATE USER \S+ IDENTIFIED (BY PASSWORD|VIA \w+ USING) '[^']*'/, "").trim();
  }

  describe("the other user", () => {
    const current = { engine: "mariadb" as const, host: "db", username: "app", password: "x", masterarn: "arn" };

    test("is the name with _clone, and the name without it again", () => {
      const clone = strategy.createSecret(current, generate);

      expect([clone.username, strategy.createSecret(clone, generate).username]).toEqual(["app_clone", "app"]);
    });

    test.each([
      ["mariadb", "x".repeat(123)],
      ["mysql", "x".repeat(27)],
      ["aurora-mysql", "x".repeat(27)],
      ["mariadb", "_clone"],
    ] as const)("whose name the server cannot hold is ConfigurationInvalid: %s, %s", (engine, username) => {
      expect(() => strategy.createSecret({ ...current, engine, username }, generate)).toThrow(
        expect.objectContaining({ name: "ConfigurationInvalid" }),
      );
    });
  });

  describe("the administrator's secret", () => {
    test.each([
      ["is for another host", { username: "admin", password: "hunter2", host: "other.example" }, "other.example"],
      ["has no password", { username: "admin" }, "password"],
      ["is a text", "hunter2", "object"],
    ])("that %s is ConfigurationInvalid, and nothing is set", async (_, secret, names) => {
      const versions = await firstRotation();

      await expect(strategy.setSecret(versions, { ...context, readSecret: async () => secret })).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(names),
      });
      expect(await hosts(versions.candidate.username)).toEqual([]);
    });

    test("is read by its ARN, once, and only when there is something to set", async () => {
      const versions = await firstRotation();
      const read: string[] = [];
      const reading = {
        ...context,
        readSecret: async (secretId: string) => {
          read.push(secretId);
          return mariadb.admin;
        },
      };

      await strategy.setSecret(versions, reading);
      await strategy.setSecret(versions, reading);

      expect(read).toEqual([MASTER_ARN]);
    });

    test("that the server refuses is AccessDenied: it is not this secret's credential that is wrong", async () => {
      const versions = await firstRotation();
      const readSecret = async () => ({ ...mariadb.admin, password: "no longer" });

      await expect(strategy.setSecret(versions, { ...context, readSecret })).rejects.toMatchObject({
        name: "AccessDenied",
      });
    });

    test("may not be exchanged by the candidate", async () => {
      const versions = await firstRotation();
      const candidate = { ...versions.candidate, masterarn: "arn:of-another-administrator" };

      await expect(strategy.setSecret({ ...versions, candidate }, context)).rejects.toMatchObject({
        name: "ConfigurationInvalid",
      });
    });

    test("may be of a user with CREATE USER, SELECT on mysql, and what it has to give WITH GRANT OPTION", async () => {
      const versions = await firstRotation();
      const [admin, schema] = [{ username: uniqueName("user_admin"), password: generate() }, uniqueName("schema")];
      await mariadb.query(`CREATE DATABASE ${schema}`);
      await mariadb.query(`GRANT SELECT, INSERT ON ${schema}.* TO ${versions.base.username}`);
      await mariadb.createUser(admin.username, admin.password);
      await mariadb.query(`GRANT CREATE USER ON *.* TO ${admin.username}`);
      await mariadb.query(`GRANT SELECT ON mysql.* TO ${admin.username}`);
      await mariadb.query(`GRANT SELECT, INSERT ON ${schema}.* TO ${admin.username} WITH GRANT OPTION`);
      const asUserAdmin = { ...context, readSecret: async () => admin };

      await strategy.setSecret(versions, asUserAdmin);
      const second = next(versions);
      await strategy.setSecret(second, { ...asUserAdmin, versionId: "v-2" });
      await strategy.rollbackSecret(second, { ...asUserAdmin, versionId: "v-2" });

      expect(await strategy.signIn(versions.base, context)).toBe("accepted");
      expect(await mariadb.grants(versions.candidate.username)).toEqual(await mariadb.grants(versions.base.username));
    });

    test("of a user who may not do that is AccessDenied, and the rollback leaves no account behind", async () => {
      const versions = await firstRotation();
      const admin = { username: uniqueName("weak_admin"), password: generate() };
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${versions.base.username}`);
      await mariadb.createUser(admin.username, admin.password);
      await mariadb.query(`GRANT CREATE USER ON *.* TO ${admin.username}`);
      await mariadb.query(`GRANT SELECT ON mysql.* TO ${admin.username}`);
      const weak = { ...context, readSecret: async () => admin };

      await expect(strategy.setSecret(versions, weak)).rejects.toMatchObject({
        name: "AccessDenied",
        message: expect.stringMatching(/error 1(045|142)/),
      });
      expect(await hosts(versions.candidate.username)).toEqual(["%"]);
      await strategy.rollbackSecret(versions, weak);

      expect(await hosts(versions.candidate.username)).toEqual([]);
    });
  });

  describe("the copy has what the original has", () => {
    test("by privileges on everything, roles, the default role and PROXY, and a second turn changes nothing", async () => {
      const versions = await firstRotation();
      const { username } = versions.base;
      const [schema, odd, role, other] = ["schema", "it's TO `odd", "role", "admin role"].map(uniqueName) as [
        string,
        string,
        string,
        string,
      ];
      const quoted = (name: string) => `\`${name.replaceAll("`", "``")}\``;
      for (const statement of [
        `CREATE DATABASE ${schema}`,
        `CREATE TABLE ${schema}.t (id int, \`a,b\` int, c int)`,
        `CREATE PROCEDURE ${schema}.p() SELECT 1`,
        `CREATE FUNCTION ${schema}.f() RETURNS int RETURN 1`,
        `CREATE ROLE ${quoted(role)}`,
        `CREATE ROLE ${quoted(other)}`,
        `GRANT SELECT, RELOAD ON *.* TO ${username}`,
        `GRANT ALL ON ${schema}.* TO ${username} WITH GRANT OPTION`,
        `GRANT SELECT, SHOW VIEW ON ${quoted(odd)}.* TO ${username}`,
        `GRANT SELECT ON \`pre\\_fix%\`.* TO ${username}`,
        `GRANT SELECT (id, \`a,b\`), INSERT (c), UPDATE, DELETE ON ${schema}.t TO ${username} WITH GRANT OPTION`,
        `GRANT EXECUTE ON PROCEDURE ${schema}.p TO ${username}`,
        `GRANT EXECUTE, ALTER ROUTINE ON FUNCTION ${schema}.f TO ${username} WITH GRANT OPTION`,
        `GRANT PROXY ON ${mariadb.admin.username} TO ${username} WITH GRANT OPTION`,
        `GRANT ${quoted(role)} TO ${username}`,
        `GRANT ${quoted(other)} TO ${username} WITH ADMIN OPTION`,
        `SET DEFAULT ROLE ${quoted(role)} FOR ${username}`,
      ]) {
        await mariadb.query(statement);
      }
      const wanted = (await mariadb.grants(username)).toSorted();
      expect(wanted).toHaveLength(11);

      await strategy.setSecret(versions, context);
      expect((await mariadb.grants(versions.candidate.username)).toSorted()).toEqual(wanted);

      await using proxy = await startMariadbProxy(mariadb);
      const candidate = { ...strategy.createSecret(versions.base, generate), host: proxy.host, port: proxy.port };
      await strategy.setSecret({ base: { ...versions.base, host: proxy.host, port: proxy.port }, candidate }, context);

      expect(proxy.statements().filter((statement) => /^(GRANT|REVOKE|SET DEFAULT)/.test(statement))).toEqual([]);
    });

    test("by privileges on packages, which the server knows of in one mode alone, and no longer when they are taken", async () => {
      const versions = await firstRotation();
      const { username } = versions.base;
      const schema = uniqueName("schema");
      await mariadb.query(`CREATE DATABASE ${schema}`);
      const grant = async (statement: string) => {
        await mariadb.query("SET SESSION sql_mode = 'ORACLE'");
        await mariadb.query(statement).finally(() => mariadb.query("SET SESSION sql_mode = DEFAULT"));
      };
      await grant(`CREATE PACKAGE ${schema}.k AS PROCEDURE p1(); END`);
      await grant(`CREATE PACKAGE BODY ${schema}.k AS PROCEDURE p1() AS BEGIN NULL; END; END`);
      await grant(`GRANT EXECUTE, ALTER ROUTINE ON PACKAGE ${schema}.k TO ${username} WITH GRANT OPTION`);
      await grant(`GRANT EXECUTE ON PACKAGE BODY ${schema}.k TO ${username}`);

      await strategy.setSecret(versions, context);
      expect(await mariadb.grants(versions.candidate.username)).toEqual(await mariadb.grants(username));
      expect(await mariadb.grants(username)).toHaveLength(3);
      await grant(`REVOKE EXECUTE ON PACKAGE ${schema}.k FROM ${username}`);
      const candidate = strategy.createSecret(versions.base, generate);
      await strategy.setSecret({ ...versions, candidate }, { ...context, versionId: "v-2" });

      expect(await mariadb.grants(candidate.username)).toEqual(await mariadb.grants(username));
    });

    test.each([
      ["a privilege", "SELECT ON *.*", "INSERT ON *.*"],
      ["one of several privileges", "SELECT, INSERT ON mysql.*", "SELECT ON mysql.*"],
      ["some of all privileges", "ALL ON mysql.*", "SELECT ON mysql.*"],
      ["all privileges", "SELECT ON mysql.*", "ALL ON mysql.*"],
      ["a column", "SELECT (db, name) ON mysql.proc", "SELECT (db), INSERT (name) ON mysql.proc"],
      ["everything", "ALL ON *.*", undefined],
    ])("also what was taken from it or given to it since: %s", async (_, before, after) => {
      const versions = await firstRotation();
      const { username } = versions.base;
      await mariadb.query(`GRANT ${before} TO ${username} WITH GRANT OPTION`);
      await strategy.setSecret(versions, context);
      await mariadb.query(`REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${username}`);
      if (after) await mariadb.query(`GRANT ${after} TO ${username}`);
      const candidate = strategy.createSecret(versions.base, generate);

      await strategy.setSecret({ ...versions, candidate }, { ...context, versionId: "v-2" });

      expect(await mariadb.grants(candidate.username)).toEqual(await mariadb.grants(username));
      expect(await strategy.signIn(candidate, context)).toBe("accepted");
    });

    test("and what people gave to it alone is taken away: roles, PROXY, options, privileges", async () => {
      const versions = await firstRotation();
      const [original, copy] = [versions.base.username, versions.candidate.username];
      await strategy.setSecret(versions, context);
      const role = uniqueName("role");
      for (const statement of [
        `CREATE ROLE ${role}`,
        `GRANT ${role} TO ${copy} WITH ADMIN OPTION`,
        `SET DEFAULT ROLE ${role} FOR ${copy}`,
        `GRANT PROXY ON ${mariadb.admin.username} TO ${copy}`,
        `GRANT ALL ON mysql.* TO ${copy} WITH GRANT OPTION`,
        `GRANT SELECT (db) ON mysql.proc TO ${copy}`,
        `ALTER USER ${copy} REQUIRE X509 WITH MAX_USER_CONNECTIONS 3`,
      ]) {
        await mariadb.query(statement);
      }
      const candidate = strategy.createSecret(versions.base, generate);

      await strategy.setSecret({ ...versions, candidate }, { ...context, versionId: "v-2" });

      expect(await mariadb.grants(copy)).toEqual(await mariadb.grants(original));
      expect(await optionsOf(copy)).toBe(await optionsOf(original));
    });

    test("by TLS requirement, limits and rules for passwords", async () => {
      const options =
        `REQUIRE SUBJECT '/CN=it''s \\\\ "REQUIRE" GRANT OPTION' AND ISSUER '/CN=authority' AND CIPHER 'AES' ` +
        "WITH MAX_QUERIES_PER_HOUR 5 MAX_UPDATES_PER_HOUR 6 MAX_CONNECTIONS_PER_HOUR 700 MAX_USER_CONNECTIONS 8 " +
        "MAX_STATEMENT_TIME 9.5 PASSWORD EXPIRE INTERVAL 30 DAY";
      const versions = await firstRotation();
      // The account at another host: from here, nobody could sign in with that requirement.
      await mariadb.createUser(versions.base.username, versions.base.password, { host: "10.%", options });

      await strategy.setSecret(versions, context);

      const copied = await optionsOf(versions.candidate.username, "10.%");
      expect(copied).toBe(await optionsOf(versions.base.username, "10.%"));
      expect(copied).toContain("MAX_STATEMENT_TIME 9.5");
    });

    test("at each of its hosts, and the candidate's password opens all of them", async () => {
      const versions = await firstRotation();
      const [original, copy] = [versions.base.username, versions.candidate.username];
      await mariadb.createUser(original, versions.base.password, { host: "10.%" });
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${quoteAccount({ user: original, host: "10.%" })}`);
      await strategy.setSecret(versions, context);
      const passwords = await Promise.all(["%", "10.%"].map((host) => mariadb.show(copy, host)));
      await mariadb.createUser(original, versions.base.password, { host: "192.168.%" });
      const second = next(versions);

      expect(await hosts(copy)).toEqual(["%", "10.%"]);
      expect(new Set(passwords.map((shown) => shown.match(/'\*[0-9A-F]{40}'/)?.[0])).size).toBe(1);
      expect(await mariadb.grants(copy, "10.%")).toEqual(await mariadb.grants(original, "10.%"));
      await strategy.setSecret(second, { ...context, versionId: "v-2" });
      const third = next(second);
      await strategy.setSecret(third, { ...context, versionId: "v-3" });
      expect(await hosts(copy)).toEqual(["%", "10.%", "192.168.%"]);
    });

    test("by the plugin, also when the original changed to another", async () => {
      const versions = await firstRotation({ plugin: "ed25519" });
      await strategy.setSecret(versions, context);
      expect(await mariadb.show(versions.candidate.username)).toContain("IDENTIFIED VIA ed25519");
      await mariadb.dropUser(versions.base.username);
      await mariadb.createUser(versions.base.username, versions.base.password);
      const candidate = strategy.createSecret(versions.base, generate);

      await strategy.setSecret({ ...versions, candidate }, { ...context, versionId: "v-2" });

      expect(await mariadb.show(candidate.username)).toContain("IDENTIFIED BY PASSWORD '*");
      expect(await strategy.signIn(candidate, context)).toBe("accepted");
    });

    test("and is let in again where wrong passwords have blocked it since its last turn", async () => {
      const versions = await firstRotation();
      await strategy.setSecret(versions, context);
      await mariadb.query("SET GLOBAL max_password_errors = 2");
      try {
        const wrong = { ...versions.candidate, password: "wrong" };
        for (let attempt = 0; attempt < 3; attempt += 1) await strategy.signIn(wrong, context);
        await expect(strategy.testSecret(versions.candidate, context)).rejects.toMatchObject({
          name: "AccessDenied",
          message: expect.stringMatching(/blocked.*error 4150/),
        });
        const candidate = strategy.createSecret(versions.base, generate);

        await strategy.setSecret({ ...versions, candidate }, { ...context, versionId: "v-2" });

        await strategy.testSecret(candidate, context);
      } finally {
        await mariadb.query("SET GLOBAL max_password_errors = DEFAULT");
      }
    });

    test("but not that its password has expired", async () => {
      const versions = await firstRotation({ options: "PASSWORD EXPIRE" });

      await strategy.setSecret(versions, context);

      await strategy.testSecret(versions.candidate, context);
    });

    test("and the original keeps what it was given while the copy was in use", async () => {
      const versions = await firstRotation();
      await strategy.setSecret(versions, context);
      const { username } = versions.base;
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${username} WITH MAX_USER_CONNECTIONS 7`);
      const [grants, options] = [await mariadb.grants(username), await optionsOf(username)];
      const second = next(versions);

      await strategy.setSecret(second, { ...context, versionId: "v-2" });

      expect([await mariadb.grants(username), await optionsOf(username)]).toEqual([grants, options]);
    });

    test("also when a first attempt has created the account and got no further", async () => {
      const suffixed = await firstRotation();
      const username = `${suffixed.base.username}_clone`;
      await mariadb.createUser(username, suffixed.base.password);
      await mariadb.dropUser(suffixed.base.username);
      for (const versions of [
        await firstRotation(),
        { base: { ...suffixed.base, username }, candidate: suffixed.base },
      ]) {
        await mariadb.query(`GRANT SELECT, INSERT ON mysql.proc TO ${versions.base.username}`);
        await using proxy = await startMariadbProxy(mariadb);
        const through = { host: proxy.host, port: proxy.port };
        const candidate = { ...strategy.createSecret(versions.base, generate), ...through };
        const rotation = { base: { ...versions.base, ...through }, candidate };
        proxy.loseStatement(/^GRANT/);
        await expect(strategy.setSecret(rotation, context)).rejects.toMatchObject({ name: "TargetUnavailable" });
        proxy.pass();

        await strategy.setSecret(rotation, context);

        expect(await mariadb.grants(candidate.username)).toEqual(await mariadb.grants(versions.base.username));
      }
    });

    test("also when an attempt at a further host was given up", async () => {
      const versions = await firstRotation();
      await strategy.setSecret(versions, context);
      const second = next(versions);
      await strategy.setSecret(second, { ...context, versionId: "v-2" });
      await mariadb.createUser(versions.base.username, second.candidate.password, { host: "10.%" });
      await using proxy = await startMariadbProxy(mariadb);
      const third = next(second);
      const through = { host: proxy.host, port: proxy.port };
      const lossy = { base: { ...third.base, ...through }, candidate: { ...third.candidate, ...through } };
      proxy.loseStatement(/^ALTER USER .* IDENTIFIED/);
      await expect(strategy.setSecret(lossy, { ...context, versionId: "v-3" })).rejects.toMatchObject({
        name: "TargetUnavailable",
      });
      await strategy.rollbackSecret(third, { ...context, versionId: "v-3" });
      const again = { ...third, candidate: strategy.createSecret(third.base, generate) };

      await strategy.setSecret(again, { ...context, versionId: "v-4" });

      expect(await strategy.signIn(again.candidate, context)).toBe("accepted");
      expect(await hosts(again.candidate.username)).toEqual(["%", "10.%"]);
    });

    test("also when the first version is the user with the suffix", async () => {
      const versions = await firstRotation();
      const username = `${versions.base.username}_clone`;
      await mariadb.createUser(username, versions.base.password);
      await mariadb.query(`GRANT SELECT ON mysql.proc TO ${username}`);
      await mariadb.dropUser(versions.base.username);
      const base = { ...versions.base, username };
      let rotation: Versions<MariadbAlternatingCredential> = { base, candidate: strategy.createSecret(base, generate) };

      for (const versionId of ["v-1", "v-2", "v-3"]) {
        await strategy.setSecret(rotation, { ...context, versionId });
        await strategy.testSecret(rotation.candidate, context);
        rotation = next(rotation);
      }

      expect(await mariadb.grants(versions.base.username)).toEqual(await mariadb.grants(username));
    });
  });

  describe("what one secret cannot serve is refused before anything is changed", () => {
    test("accounts of the original with different passwords", async () => {
      const versions = await firstRotation();
      await mariadb.createUser(versions.base.username, "somebody else's", { host: "10.0.0.1" });

      await expect(strategy.setSecret(versions, context)).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("different passwords"),
      });
      expect(await hosts(versions.candidate.username)).toEqual([]);
    });

    test("accounts of the other user with different passwords", async () => {
      const versions = await firstRotation();
      await strategy.setSecret(versions, context);
      await mariadb.createUser(versions.base.username, "somebody else's", { host: "10.0.0.1" });
      const before = await mariadb.show(versions.base.username);

      await expect(strategy.setSecret(next(versions), context)).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(`${versions.base.username}@10.0.0.1`),
      });
      expect(await mariadb.show(versions.base.username)).toBe(before);
    });

    test("an account of the copy where the original has none", async () => {
      const versions = await firstRotation();
      await mariadb.createUser(versions.candidate.username, "left over", { host: "10.0.0.1" });

      await expect(strategy.setSecret(versions, context)).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining(`${versions.candidate.username}@10.0.0.1`),
      });
      expect(await hosts(versions.candidate.username)).toEqual(["10.0.0.1"]);
    });

    test("an account of the other user with two passwords", async () => {
      const versions = await firstRotation();
      await mariadb.createUser(versions.candidate.username, "one");
      const before = await mariadb.show(versions.candidate.username);
      const [stored] = /'[^']*'/.exec(before) ?? [];
      const account = versions.candidate.username;
      await mariadb.query(
        `ALTER USER ${account} IDENTIFIED VIA mysql_native_password USING ${stored} OR ed25519 USING PASSWORD('two')`,
      );

      await expect(strategy.setSecret(versions, context)).rejects.toMatchObject({
        name: "ConfigurationInvalid",
        message: expect.stringContaining("it has 2"),
      });
    });
  });

  describe("rollback makes the other user what it was", () => {
    test("no account, when it was created for this candidate and never got its password", async () => {
      const versions = await firstRotation();
      await using proxy = await startMariadbProxy(mariadb);
      const through = (credential: MariadbAlternatingCredential) => ({
        ...credential,
        host: proxy.host,
        port: proxy.port,
      });
      proxy.loseStatement(/^ALTER USER .* IDENTIFIED/);
      const lossy = { base: through(versions.base), candidate: through(versions.candidate) };
      await expect(strategy.setSecret(lossy, context)).rejects.toMatchObject({ name: "TargetUnavailable" });
      expect(await hosts(versions.candidate.username)).toEqual(["%"]);

      await strategy.rollbackSecret(versions, context);

      expect(await hosts(versions.candidate.username)).toEqual([]);
    });

    test("an account without a password, when it was created for this candidate and has been used", async () => {
      const versions = await firstRotation();
      await strategy.setSecret(versions, context);

      await strategy.rollbackSecret(versions, context);
      await strategy.rollbackSecret(versions, context);

      expect(await strategy.signIn(versions.candidate, context)).toBe("rejected");
      expect(await hosts(versions.candidate.username)).toEqual(["%"]);
      const candidate = strategy.createSecret(versions.base, generate);
      await strategy.setSecret({ base: versions.base, candidate }, { ...context, versionId: "v-2" });
      await strategy.testSecret(candidate, context);
    });

    test("an account with the password of the version before, when there is one", async () => {
      const first = await firstRotation();
      await strategy.setSecret(first, context);
      const second = next(first);
      await strategy.setSecret(second, { ...context, versionId: "v-2" });
      expect(await strategy.signIn(first.base, context)).toBe("rejected");

      await strategy.rollbackSecret(second, { ...context, versionId: "v-2" });

      expect(await strategy.signIn(first.base, context)).toBe("accepted");
      expect(await strategy.signIn(second.candidate, context)).toBe("rejected");
    });

    test("an account without a password, when it was there before and no labelled version knows the old one", async () => {
      const versions = await firstRotation();
      await mariadb.createUser(versions.candidate.username, "nobody-knows");
      await strategy.setSecret(versions, context);

      await strategy.rollbackSecret(versions, context);

      const old = { ...versions.candidate, password: "nobody-knows" };
      expect(await strategy.signIn(old, context)).toBe("rejected");
      expect(await strategy.signIn(versions.candidate, context)).toBe("rejected");
      expect(await hosts(versions.candidate.username)).toEqual(["%"]);
    });

    test("the very account it was, when setSecret never ran", async () => {
      const versions = await firstRotation();
      await mariadb.createUser(versions.candidate.username, "somebody-uses-it");

      await strategy.rollbackSecret(versions, context);

      const used = { ...versions.candidate, password: "somebody-uses-it" };
      expect(await strategy.signIn(used, context)).toBe("accepted");
    });

    test("at every host", async () => {
      const versions = await firstRotation();
      await mariadb.createUser(versions.base.username, versions.base.password, { host: "10.%" });
      await strategy.setSecret(versions, context);
      const set = await mariadb.show(versions.candidate.username, "10.%");

      await strategy.rollbackSecret(versions, context);

      expect(await mariadb.show(versions.candidate.username, "10.%")).not.toBe(set);
    });

    test.each(["loseStatement", "loseReply"] as const)(
      "at every host, also when a first attempt was cut off at one (%s)",
      async (fault) => {
        const first = await firstRotation();
        await mariadb.createUser(first.base.username, first.base.password, { host: "10.%" });
        const accounts = () => Promise.all(["%", "10.%"].map((host) => mariadb.show(first.base.username, host)));
        const before = await accounts();
        await strategy.setSecret(first, context);
        const second = next(first);
        await strategy.setSecret(second, { ...context, versionId: "v-2" });
        await using proxy = await startMariadbProxy(mariadb);
        const through = (each: MariadbAlternatingCredential) => ({ ...each, host: proxy.host, port: proxy.port });
        proxy[fault](/^ALTER USER .*`10\.%`/);
        const cutOff = strategy.rollbackSecret(
          { previous: through(first.base), base: through(second.base), candidate: through(second.candidate) },
          { ...context, versionId: "v-2" },
        );
        await expect(cutOff).rejects.toMatchObject({ name: "TargetUnavailable" });

        await strategy.rollbackSecret(second, { ...context, versionId: "v-2" });

        expect(await accounts()).toEqual(before);
      },
    );

    test("when somebody has locked it meanwhile", async () => {
      const versions = await firstRotation();
      await strategy.setSecret(versions, context);
      await mariadb.query(`ALTER USER ${versions.candidate.username} ACCOUNT LOCK`);

      await strategy.rollbackSecret(versions, context);

      expect(await strategy.signIn(versions.candidate, context)).toBe("rejected");
    });

    test("without a word to the administrator when the version before signs in", async () => {
      const first = await firstRotation();
      await strategy.setSecret(first, context);
      const readSecret = async () => {
        throw new Error("not to be read");
      };

      await strategy.rollbackSecret(next(first), { ...context, versionId: "v-2", readSecret });
    });
  });
});
