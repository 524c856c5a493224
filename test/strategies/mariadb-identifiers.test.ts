import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isUsername, quoteAccount, quoteText } from "../../core/strategies/mariadb-identifiers.ts";
import { mariadbIsMissing, named, useMariadb } from "../support/mariadb.ts";

describe.skipIf(mariadbIsMissing)(named("the server reads back exactly"), () => {
  const mariadb = useMariadb();
  const text = fc.string({ unit: fc.constantFrom(..."a\"'`\\;-/*$%@?é名 \n\t"), minLength: 1, maxLength: 15 });

  test("the text that was quoted", async () => {
    await mariadb.query("SET SESSION sql_mode = ''");
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.constantFrom("🐘", "a\0b")), async (value) => {
        expect(await mariadb.query(`SELECT ${quoteText(value)} AS quoted`)).toEqual([{ quoted: value }]);
      }),
      { numRuns: 200 },
    );
  });

  test("the account that was quoted", async () => {
    await fc.assert(
      fc.asyncProperty(text.filter(isName), async (user) => {
        const account = quoteAccount({ user, host: "10.%" });
        await mariadb.query(`CREATE USER ${account}`);
        const rows = await mariadb.query(`SELECT User FROM mysql.global_priv WHERE Host = '10.%'`);
        await mariadb.query(`DROP USER ${account}`);
        expect(rows).toEqual([{ User: user }]);
      }),
      { numRuns: 50 },
    );
  });

  test("a name of 128 characters, and none of 129", async () => {
    const user = "名".repeat(128);
    await mariadb.query(`CREATE USER ${quoteAccount({ user, host: "10.%" })}`);
    await mariadb.query(`DROP USER ${quoteAccount({ user, host: "10.%" })}`);

    await expect(mariadb.query(`CREATE USER '${user}x'@'10.%'`)).rejects.toMatchObject({ errno: 1470 });
  });
});

test.each([
  ["nothing", ""],
  ["NUL", "a\0b"],
  ["a space at its end", "a "],
  ["a character beyond U+FFFF", "a🐘"],
  ["129 characters", "x".repeat(129)],
])("a name of %s is refused", (_, user) => {
  expect(isUsername(user)).toBe(false);
  expect(() => quoteAccount({ user, host: "%" })).toThrow(expect.objectContaining({ name: "ConfigurationInvalid" }));
});

test("a name of 128 characters is not, and MySQL's limit is lower", () => {
  expect(quoteAccount({ user: "x".repeat(128), host: "%" })).toBe(`\`${"x".repeat(128)}\`@\`%\``);
  expect([isUsername("x".repeat(32), 32), isUsername("x".repeat(33), 32)]).toEqual([true, false]);
});

function isName(user: string): boolean {
  return isUsername(user);
}
