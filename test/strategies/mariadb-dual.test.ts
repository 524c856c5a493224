import { describe, expect, test } from "vitest";
import type { MariadbDualCredential } from "../../core/strategies/mariadb-credential.ts";
import { mariadbDual } from "../../core/strategies/mariadb-dual.ts";
import { authenticationBy } from "../../core/strategies/mariadb-passwords.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { testStrategy } from "../contracts/strategy.ts";
import { uniqueName } from "../support/database.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";
import { startMariadbProxy } from "../support/mariadb-proxy.ts";
import { MASTER_ARN, mariadbTarget } from "./mariadb-target.ts";

describe.skipIf(mariadbIsMissing)(named("mariadb-dual"), () => {
  const mariadb = useMariadb({ options: ["--plugin-load-add=auth_ed25519"] });
  const context: RotationContext = {
    secretArn: "arn:secret",
    versionId: "v-1",
    readSecret: async () => mariadb.admin,
    timeoutMs: 5000,
    policy: { openSessions: "report", administratorSecretId: MASTER_ARN },
    signal: new AbortController().signal,
  };

  testStrategy({ strategy: mariadbDual, target: mariadbTarget(mariadb, { change: /^ALTER USER/ }) });

  async function userWith(
    password: string,
    rest?: Parameters<typeof mariadb.createUser>[2],
  ): Promise<(password: string) => MariadbDualCredential> {
    const username = uniqueName("dual");
    await mariadb.createUser(username, password, rest);
    const { host, port } = mariadb;
    return (of) => ({ engine: "mariadb", host, port, ssl: false, username, password: of, masterarn: MASTER_ARN });
  }

  /** Sets the passwords of the account, in this order. */
  async function give(username: string, passwords: readonly string[], host = "%"): Promise<void> {
    await mariadb.query(`ALTER USER \`${username}\`@\`${host}\` IDENTIFIED VIA ${passwords.map(clause).join(" OR ")}`);
  }

  function clause(password: string): string {
    return `mysql_native_password USING '${authenticationBy("mysql_native_password", password).stored}'`;
  }

  /** Which of these passwords the account has, in the server's order. */
  async function has(username: string, passwords: readonly string[], host?: string): Promise<readonly string[]> {
    const shown = await mariadb.show(username, host);
    const stored = (password: string) => authenticationBy("mysql_native_password", password).stored;
    return passwords
      .filter((password) => shown.includes(stored(password)))
      .sort((one, other) => shown.indexOf(stored(one)) - shown.indexOf(stored(other)));
  }

  const all = ["one", "two", "three", "four"];

  test("an account has two passwords at most: that of the version before the base goes when the next is set", async () => {
    const version = await userWith("one");
    const { username } = version("");

    await mariadbDual.setSecret({ base: version("one"), candidate: version("two") }, context);
    expect(await has(username, all)).toEqual(["one", "two"]);
    await mariadbDual.setSecret(
      { previous: version("one"), base: version("two"), candidate: version("three") },
      context,
    );
    expect(await has(username, all)).toEqual(["three", "two"]);
    await mariadbDual.setSecret(
      { previous: version("two"), base: version("three"), candidate: version("four") },
      context,
    );
    expect(await has(username, all)).toEqual(["four", "three"]);
  });

  test("a rollback gives back the password that made room, and only that", async () => {
    const version = await userWith("two");
    const { username } = version("");
    await give(username, ["one", "two"]);
    const versions = { previous: version("one"), base: version("two"), candidate: version("three") };

    await mariadbDual.setSecret(versions, context);
    await mariadbDual.rollbackSecret(versions, context);

    expect(await has(username, all)).toEqual(["one", "two"]);
  });

  test("a rollback does not bring back a password that was not there before, although a version has it", async () => {
    const version = await userWith("two");
    const versions = { previous: version("one"), base: version("two"), candidate: version("three") };

    await mariadbDual.setSecret(versions, context);
    await mariadbDual.rollbackSecret(versions, context);

    expect(await has(version("").username, all)).toEqual(["two"]);
  });

  test("a rollback without the value of the version before leaves the base alone", async () => {
    const version = await userWith("two");
    const { username } = version("");
    await give(username, ["one", "two"]);
    const versions = { previous: version("one"), base: version("two"), candidate: version("three") };
    await mariadbDual.setSecret(versions, context);

    await mariadbDual.rollbackSecret({ base: versions.base, candidate: versions.candidate }, context);

    expect(await has(username, all)).toEqual(["two"]);
  });

  test("a rollback gives it back also when a second attempt came between, and found the first one's work", async () => {
    const version = await userWith("two");
    const { username } = version("");
    await give(username, ["one", "two"]);
    const versions = { previous: version("one"), base: version("two"), candidate: version("three") };
    // The second attempt has looked before the first one's statement, and reads the account after it.
    const late = async () => {
      await mariadbDual.setSecret(versions, context);
      return mariadb.admin;
    };

    await mariadbDual.setSecret(versions, { ...context, readSecret: late });
    expect(await has(username, all)).toEqual(["three", "two"]);
    await mariadbDual.rollbackSecret(versions, context);

    expect(await has(username, all)).toEqual(["one", "two"]);
  });

  test("a password that no labelled version knows is CredentialDrift, and stays", async () => {
    const version = await userWith("one");
    const { username } = version("");
    await give(username, ["by hand", "one"]);

    const set = mariadbDual.setSecret({ base: version("one"), candidate: version("two") }, context);

    await expect(set).rejects.toMatchObject({
      name: "CredentialDrift",
      message: expect.stringContaining(`${username}@%`),
    });
    expect(await has(username, ["by hand", ...all])).toEqual(["by hand", "one"]);
  });

  test("a base that does not sign in is CredentialDrift, although the version before it does", async () => {
    const version = await userWith("one");

    const set = mariadbDual.setSecret(
      { previous: version("one"), base: version("two"), candidate: version("three") },
      context,
    );

    await expect(set).rejects.toMatchObject({ name: "CredentialDrift" });
    expect(await has(version("").username, all)).toEqual(["one"]);
  });

  test("all accounts of the user name are changed by one statement", async () => {
    const version = await userWith("one");
    const { username } = version("");
    await mariadb.createUser(username, "one", { host: "10.%" });
    await using proxy = await startMariadbProxy(mariadb);
    const through = (password: string) => ({ ...version(password), host: proxy.host, port: proxy.port });

    await mariadbDual.setSecret({ base: through("one"), candidate: through("two") }, context);
    expect([await has(username, all), await has(username, all, "10.%")]).toEqual([
      ["one", "two"],
      ["one", "two"],
    ]);
    expect(proxy.statements().filter((statement) => statement.startsWith("ALTER"))).toHaveLength(1);
    await mariadbDual.rollbackSecret({ base: through("one"), candidate: through("two") }, context);

    expect([await has(username, all), await has(username, all, "10.%")]).toEqual([["one"], ["one"]]);
  });

  test("an account of the user name with another password is named, and nothing is changed", async () => {
    const version = await userWith("one");
    const { username } = version("");
    await mariadb.createUser(username, "somebody else's", { host: "10.0.0.1" });

    const set = mariadbDual.setSecret({ base: version("one"), candidate: version("two") }, context);

    await expect(set).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining(`${username}@10.0.0.1`),
    });
    expect(await has(username, all)).toEqual(["one"]);
  });

  test("ways to sign in that are no passwords stay, and so do TLS requirement, limits and privileges", async () => {
    const version = await userWith("one", { options: "WITH MAX_USER_CONNECTIONS 9 PASSWORD EXPIRE INTERVAL 90 DAY" });
    const { username } = version("");
    await mariadb.query(`ALTER USER ${username} IDENTIFIED VIA unix_socket OR ${clause("one")}`);
    await mariadb.query(`GRANT SELECT ON mysql.proc TO ${username}`);
    const before = [await mariadb.show(username), await mariadb.grants(username)];
    const versions = { base: version("one"), candidate: version("two") };

    await mariadbDual.setSecret(versions, context);
    expect(await mariadb.show(username)).toContain(
      `IDENTIFIED VIA unix_socket OR ${clause("one")} OR ${clause("two")}`,
    );
    await mariadbDual.rollbackSecret(versions, context);

    expect([await mariadb.show(username), await mariadb.grants(username)]).toEqual(before);
  });

  test("an account of the plugin ed25519 gets its second password by the same plugin", async () => {
    const version = await userWith("one", { plugin: "ed25519" });
    const versions = { base: version("one"), candidate: version("two") };

    await mariadbDual.setSecret(versions, context);

    const signIns = [versions.base, versions.candidate].map((each) => mariadbDual.signIn(each, context));
    expect(await Promise.all(signIns)).toEqual(["accepted", "accepted"]);
    await mariadbDual.rollbackSecret(versions, context);
    expect(await mariadbDual.signIn(versions.candidate, context)).toBe("rejected");
    expect(await mariadb.show(version("").username)).toContain("IDENTIFIED VIA ed25519 USING");
  });

  test("an administrator rotates a user whose password has expired", async () => {
    const version = await userWith("one", { options: "PASSWORD EXPIRE" });
    const versions = { base: version("one"), candidate: version("two") };

    await mariadbDual.setSecret(versions, context);

    await mariadbDual.testSecret(versions.candidate, context);
  });

  test("without an administrator, a user with CREATE USER changes its own account", async () => {
    const version = await userWith("one");
    const { username } = version("");
    await mariadb.query(`GRANT CREATE USER ON *.* TO ${username}`);
    const own = (password: string) => ({ ...version(password), masterarn: undefined });
    const versions = { base: own("one"), candidate: own("two") };

    await mariadbDual.setSecret(versions, context);
    expect(await has(username, all)).toEqual(["one", "two"]);
    await mariadbDual.rollbackSecret(versions, context);

    expect(await has(username, all)).toEqual(["one"]);
  });

  test("without an administrator and CREATE USER it is AccessDenied", async () => {
    const version = await userWith("one");
    const own = (password: string) => ({ ...version(password), masterarn: undefined });

    const set = mariadbDual.setSecret({ base: own("one"), candidate: own("two") }, context);

    await expect(set).rejects.toMatchObject({ name: "AccessDenied", message: expect.stringContaining("error 1227") });
    expect(await has(version("").username, all)).toEqual(["one"]);
  });

  test("the administrator's secret may not be exchanged by the candidate", async () => {
    const version = await userWith("one");
    const candidate = { ...version("two"), masterarn: "arn:of-another-administrator" };

    await expect(mariadbDual.setSecret({ base: version("one"), candidate }, context)).rejects.toMatchObject({
      name: "ConfigurationInvalid",
    });
  });

  test("overlap leaves no gap: while rotations go on, the base of each signs in all the time", async () => {
    const version = await userWith("zero");
    const names = Array.from({ length: 6 }, (_, rotation) => `password-${rotation}`);
    let [previous, base] = [undefined as MariadbDualCredential | undefined, version("zero")];
    const answers: string[] = [];
    for (const password of names) {
      const candidate = version(password);
      let isSet = false;
      const probing = (async () => {
        while (!isSet) answers.push(await mariadbDual.signIn(base, context));
      })();
      await mariadbDual.setSecret({ candidate, base, ...(previous && { previous }) }, context);
      isSet = true;
      await probing;
      [previous, base] = [base, candidate];
    }

    expect(answers.length).toBeGreaterThan(names.length);
    expect(answers.filter((answer) => answer !== "accepted")).toEqual([]);
  });
});
