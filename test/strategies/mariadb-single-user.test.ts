import { describe, expect, test } from "vitest";
import type { MariadbCredential } from "../../core/strategies/mariadb-credential.ts";
import { authenticationBy } from "../../core/strategies/mariadb-passwords.ts";
import { mariadbSingleUser } from "../../core/strategies/mariadb-single-user.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { testStrategy } from "../contracts/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";
import { mariadbTarget } from "./mariadb-target.ts";

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({}),
  timeoutMs: 5000,
  policy: { openSessions: "report" },
  signal: new AbortController().signal,
};

describe.skipIf(mariadbIsMissing)(named("mariadb-single-user"), () => {
  const mariadb = useMariadb({ options: ["--plugin-load-add=auth_ed25519"] });

  testStrategy({ strategy: mariadbSingleUser, target: mariadbTarget(mariadb, { change: /^SET PASSWORD/ }) });

  async function userWith(
    password: string,
    rest?: Parameters<typeof mariadb.createUser>[2],
  ): Promise<(password: string) => MariadbCredential> {
    const username = uniqueName("single");
    await mariadb.createUser(username, password, rest);
    return (of) => ({
      engine: "mariadb",
      host: mariadb.host,
      port: mariadb.port,
      ssl: false,
      username,
      password: of,
    });
  }

  test("the version before the base is enough, as after a rotation that was left half done", async () => {
    const version = await userWith("password-1");
    const versions = { previous: version("password-1"), base: version("password-2"), candidate: version("password-3") };

    await mariadbSingleUser.setSecret(versions, context);

    expect(await mariadbSingleUser.signIn(versions.candidate, context)).toBe("accepted");
  });

  test("a version before the base that is another user's is not tried", async () => {
    const [version, other] = [await userWith("password-1"), await userWith("password-0")];
    const versions = { previous: other("password-0"), base: version("password-2"), candidate: version("password-3") };

    await expect(mariadbSingleUser.setSecret(versions, context)).rejects.toMatchObject({ name: "CredentialDrift" });
    expect(await mariadbSingleUser.signIn(versions.previous, context)).toBe("accepted");
  });

  test("rolls back by the version before the base, too", async () => {
    const version = await userWith("password-1");
    const versions = { previous: version("password-1"), base: version("password-2"), candidate: version("password-3") };

    await mariadbSingleUser.rollbackSecret(versions, context);

    expect(await mariadbSingleUser.signIn(versions.base, context)).toBe("accepted");
  });

  test("the gap opens with the last statement: setSecret ends with SET PASSWORD, and sends one only", async () => {
    const version = await userWith("password-1");
    await using proxy = await startMariadbProxy(mariadb);
    const through = (credential: MariadbCredential) => ({ ...credential, host: proxy.host, port: proxy.port });

    await mariadbSingleUser.setSecret(
      { base: through(version("password-1")), candidate: through(version("password-2")) },
      context,
    );

    expect(proxy.statements().at(-1)).toMatch(/^SET PASSWORD = '\*[0-9A-F]{40}'$/);
    expect(proxy.statements().filter((statement) => !/^(SELECT|SHOW|SET SESSION) /.test(statement))).toHaveLength(1);
  });

  test("a pooled connection survives, and tells nothing about the password", async () => {
    const version = await userWith("password-1");
    const base = version("password-1");
    const pooled = await mariadb.connect(base);

    await mariadbSingleUser.setSecret({ base, candidate: version("password-2") }, context);
    const rows = await pooled.query("SELECT 1 AS one");
    await pooled.end();

    expect([...rows]).toEqual([{ one: 1 }]);
    expect(await mariadbSingleUser.signIn(base, context)).toBe("rejected");
  });

  test("a retry that finds the candidate set makes one connection, and no statement", async () => {
    const version = await userWith("password-1");
    await using proxy = await startMariadbProxy(mariadb);
    const through = (credential: MariadbCredential) => ({ ...credential, host: proxy.host, port: proxy.port });
    const versions = { base: through(version("password-1")), candidate: through(version("password-2")) };
    await mariadbSingleUser.setSecret(versions, context);
    const before = [proxy.connections(), proxy.statements().length] as const;

    await mariadbSingleUser.setSecret(versions, context);

    expect([proxy.connections() - before[0], proxy.statements().length - before[1]]).toEqual([1, 0]);
  });

  test("a rollback that finds nothing to undo makes one connection, and no statement", async () => {
    const version = await userWith("password-1");
    await using proxy = await startMariadbProxy(mariadb);
    const through = (credential: MariadbCredential) => ({ ...credential, host: proxy.host, port: proxy.port });

    await mariadbSingleUser.rollbackSecret(
      { base: through(version("password-1")), candidate: through(version("password-2")) },
      context,
    );

    expect([proxy.connections(), proxy.statements().length]).toEqual([1, 0]);
  });

  test("nothing else of the account changes: TLS requirement, limits, privileges", async () => {
    const version = await userWith("password-1", {
      options: "WITH MAX_USER_CONNECTIONS 9 PASSWORD EXPIRE INTERVAL 90 DAY",
    });
    const base = version("password-1");
    await mariadb.query(`GRANT SELECT ON mysql.proc TO \`${base.username}\``);
    const before = [await mariadb.show(base.username), await mariadb.grants(base.username)];
    const candidate = version("password-2");

    await mariadbSingleUser.setSecret({ base, candidate }, context);
    expect(await mariadbSingleUser.signIn(candidate, context)).toBe("accepted");
    await mariadbSingleUser.rollbackSecret({ base, candidate }, context);

    expect([await mariadb.show(base.username), await mariadb.grants(base.username)]).toEqual(before);
  });

  test("an account of the plugin ed25519 keeps it", async () => {
    const version = await userWith("password-1", { plugin: "ed25519" });
    const versions = { base: version("password-1"), candidate: version("not 32 bytes: ünïcødé 🐘") };

    await mariadbSingleUser.setSecret(versions, context);
    expect(await mariadbSingleUser.signIn(versions.candidate, context)).toBe("accepted");
    await mariadbSingleUser.rollbackSecret(versions, context);

    expect(await mariadbSingleUser.signIn(versions.base, context)).toBe("accepted");
    expect(await mariadb.show(versions.base.username)).toContain("IDENTIFIED VIA ed25519");
  });

  test("other ways to sign in than the password stay as they are", async () => {
    const version = await userWith("password-1");
    const { username } = version("");
    const { stored } = authenticationBy("mysql_native_password", "password-1");
    await mariadb.query(`ALTER USER ${username} IDENTIFIED VIA unix_socket OR mysql_native_password USING '${stored}'`);

    await mariadbSingleUser.setSecret({ base: version("password-1"), candidate: version("password-2") }, context);

    const after = authenticationBy("mysql_native_password", "password-2").stored;
    expect(await mariadb.show(username)).toContain(
      `IDENTIFIED VIA unix_socket OR mysql_native_password USING '${after}'`,
    );
  });

  test("of an account with two passwords nobody can say which is the secret's: ConfigurationInvalid", async () => {
    const version = await userWith("password-1");
    const { username } = version("");
    const clauses = ["password-1", "another"].map(
      (password) => `mysql_native_password USING '${authenticationBy("mysql_native_password", password).stored}'`,
    );
    await mariadb.query(`ALTER USER ${username} IDENTIFIED VIA ${clauses.join(" OR ")}`);
    const before = await mariadb.show(username);

    const set = mariadbSingleUser.setSecret({ base: version("password-1"), candidate: version("password-2") }, context);

    await expect(set).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining("it has 2"),
    });
    expect(await mariadb.show(username)).toBe(before);
  });

  test("an anonymous account that lets everybody in is not taken for the user's", async () => {
    await mariadb.query("CREATE USER ''@'127.0.0.1'");
    const version = await userWith("password-1");
    const before = await mariadb.show(version("").username);

    const set = mariadbSingleUser.setSecret(
      { base: { ...version(""), password: "" }, candidate: version("password-2") },
      context,
    );

    await expect(set).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining("anonymous"),
    });
    await mariadb.query("DROP USER ''@'127.0.0.1'");
    expect(await mariadb.show(version("").username)).toBe(before);
  });
});
