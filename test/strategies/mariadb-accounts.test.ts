import { describe, expect, test } from "vitest";
import { identifiedBy, optionsOf, parseAccount } from "../../core/strategies/mariadb-accounts.ts";
import { parseGrant } from "../../core/strategies/mariadb-grants.ts";

const NATIVE = "*74445CD742AF268FD22866DA0D12758951D638F7";

describe("SHOW CREATE USER is read", () => {
  test.each([
    [
      `IDENTIFIED BY PASSWORD '${NATIVE}'`,
      [{ plugin: "mysql_native_password", stored: NATIVE }],
      `IDENTIFIED VIA mysql_native_password USING '${NATIVE}'`,
    ],
    [
      `IDENTIFIED VIA unix_socket OR mysql_native_password USING '${NATIVE}' OR ed25519 USING 'Zg'`,
      [
        { plugin: "unix_socket", stored: "" },
        { plugin: "mysql_native_password", stored: NATIVE },
        { plugin: "ed25519", stored: "Zg" },
      ],
      `IDENTIFIED VIA unix_socket OR mysql_native_password USING '${NATIVE}' OR ed25519 USING 'Zg'`,
    ],
    [
      "IDENTIFIED VIA pam USING 'it''s \\\\ OR x USING y'",
      [{ plugin: "pam", stored: "it's \\ OR x USING y" }],
      "IDENTIFIED VIA pam USING 'it''s \\\\ OR x USING y'",
    ],
  ])("of MariaDB: %s", (clause, authentications, sent) => {
    const account = parseAccount(`CREATE USER \`o''dd\`\`@\`@\`10.%\` ${clause} REQUIRE SSL`);

    expect(account).toMatchObject({ user: "o''dd`@", host: "10.%", authentications });
    expect([...account.options]).toEqual([["REQUIRE", "REQUIRE SSL"]]);
    expect(identifiedBy("mariadb", account.authentications)).toBe(sent);
  });

  test("of MariaDB, without any authentication", () => {
    expect(parseAccount("CREATE USER `app`@`%`")).toMatchObject({ user: "app", host: "%", authentications: [] });
  });

  test("of MySQL, where a salt may be any bytes", () => {
    const hex = "244124303035240211FF";
    const account = parseAccount(
      `CREATE USER \`app\`@\`%\` IDENTIFIED WITH 'caching_sha2_password' AS 0x${hex} DEFAULT ROLE \`r1\`@\`%\`,\`r2\`@\`%\` ` +
        "REQUIRE X509 WITH MAX_QUERIES_PER_HOUR 5 PASSWORD EXPIRE INTERVAL 30 DAY ACCOUNT LOCK PASSWORD HISTORY DEFAULT " +
        "PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2 " +
        `ATTRIBUTE '{"comment": "REQUIRE NONE"}'`,
    );

    expect(account.authentications).toEqual([{ plugin: "caching_sha2_password", stored: "$A$005$\x02\x11\xff" }]);
    expect(identifiedBy("mysql", account.authentications)).toBe(
      `IDENTIFIED WITH 'caching_sha2_password' AS 0x${hex.toLowerCase()}`,
    );
    expect(account.options.get("DEFAULT")).toBe("DEFAULT ROLE `r1`@`%`,`r2`@`%`");
    expect(optionsOf("mysql", account)).toBe(
      "REQUIRE X509 WITH MAX_QUERIES_PER_HOUR 5 MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 0 " +
        "PASSWORD EXPIRE INTERVAL 30 DAY PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT " +
        "PASSWORD REQUIRE CURRENT DEFAULT FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2",
    );
  });

  test("with all options in full, defaults where nothing is shown, and never the lock", () => {
    const account = parseAccount(
      `CREATE USER \`app\`@\`%\` IDENTIFIED BY PASSWORD '${NATIVE}' REQUIRE ISSUER '/CN=WITH' SUBJECT '/CN=it''s' ` +
        "WITH MAX_USER_CONNECTIONS 8 MAX_STATEMENT_TIME 9.500000 ACCOUNT LOCK PASSWORD EXPIRE NEVER",
    );

    expect(optionsOf("mariadb", account)).toBe(
      "REQUIRE ISSUER '/CN=WITH' SUBJECT '/CN=it''s' WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 " +
        "MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 8 MAX_STATEMENT_TIME 9.500000 PASSWORD EXPIRE NEVER",
    );
  });

  test("of an expired password as of one that follows the default: the copy's is new", () => {
    const account = parseAccount(`CREATE USER \`app\`@\`%\` IDENTIFIED BY PASSWORD '${NATIVE}' PASSWORD EXPIRE`);

    expect(optionsOf("mariadb", account)).toMatch(/ PASSWORD EXPIRE DEFAULT$/);
  });

  test("and refused where MySQL asks for several factors", () => {
    const shown =
      "CREATE USER `app`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x24 AND IDENTIFIED WITH 'webauthn'";

    expect(() => parseAccount(shown)).toThrow(expect.objectContaining({ name: "ConfigurationInvalid" }));
  });

  test("and anything else is a fault of ours", () => {
    expect(() => parseAccount("")).toThrow(expect.objectContaining({ name: "InternalError" }));
  });
});

describe("SHOW GRANTS is read", () => {
  test.each([
    ["GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*0' REQUIRE SSL", []],
    ["GRANT USAGE ON *.* TO `app`@`%` REQUIRE SUBJECT ' WITH GRANT OPTION '", []],
    [
      "GRANT SELECT, SHOW VIEW ON `d1`.* TO `app`@`%` WITH GRANT OPTION MAX_USER_CONNECTIONS 5",
      ["SELECT|ON `d1`.*", "SHOW VIEW|ON `d1`.*", "GRANT OPTION|ON `d1`.*"],
    ],
    [
      "GRANT SELECT (`a,b`, `TO`), UPDATE ON `ON`.`t` TO `app`@`%`",
      ["SELECT (`a,b`)|ON `ON`.`t`", "SELECT (`TO`)|ON `ON`.`t`", "UPDATE|ON `ON`.`t`"],
    ],
    ["GRANT EXECUTE ON PROCEDURE `d1`.`p` TO `app`@`%`", ["EXECUTE|ON PROCEDURE `d1`.`p`"]],
    ["GRANT PROXY ON `x`@`%` TO `app`@`%` WITH GRANT OPTION", ["|PROXY ON `x`@`%` WITH GRANT OPTION"]],
    ["GRANT `TO it's` TO `app`@`%`", ["|ROLE `TO it's`"]],
    ["GRANT `r` TO `app`@`%` WITH ADMIN OPTION", ["|ROLE `r` WITH ADMIN OPTION"]],
    ["GRANT `r1`@`%`,`r2`@`%` TO `app`@`%`", ["|ROLE `r1`@`%`", "|ROLE `r2`@`%`"]],
    ["SET DEFAULT ROLE `r` FOR `app`@`%`", ["`r`|DEFAULT ROLE"]],
    [
      "GRANT BACKUP_ADMIN,XA_RECOVER_ADMIN ON *.* TO `app`@`%` WITH GRANT OPTION",
      ["BACKUP_ADMIN|ON *.* WITH GRANT OPTION", "XA_RECOVER_ADMIN|ON *.* WITH GRANT OPTION"],
    ],
  ])("%s", (shown, grants) => {
    expect(parseGrant(shown).map(({ thing, privilege }) => `${privilege}|${thing}`)).toEqual(grants);
  });

  test("and what is not copied is refused: MySQL's partial revokes", () => {
    expect(() => parseGrant("REVOKE SELECT ON `mysql`.* FROM `app`@`%`")).toThrow(
      expect.objectContaining({ name: "ConfigurationInvalid", message: expect.stringContaining("partial revokes") }),
    );
  });
});
