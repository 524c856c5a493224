import fc from "fast-check";
import { expect, test } from "vitest";
import { isIdentifier, quoteIdentifier, quoteLiteral } from "../../core/strategies/postgres-identifiers.ts";
import { connectAs, useDatabase } from "../support/database.ts";

const database = useDatabase();

test.each(["on", "off"])(
  "the server reads back exactly the name and the text that were quoted, with standard_conforming_strings %s",
  async (setting) => {
    const client = await connectAs(database.admin);
    await client.query(`SET standard_conforming_strings = ${setting}`);
    const text = fc.string({ unit: fc.constantFrom(..."a\"'\\;-/*$%é🐘 \n"), maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(text.filter(isIdentifier), text, async (name, value) => {
        const { rows } = await client.query(`SELECT ${quoteLiteral(value)} AS ${quoteIdentifier(name)}`);
        expect(rows).toEqual([{ [name]: value }]);
      }),
      { numRuns: 200 },
    );
    await client.end();
  },
);

test.each([
  ["nothing", ""],
  ["NUL", "a\0b"],
  ["half a surrogate pair", "a\ud83d"],
  ["64 bytes", "x".repeat(64)],
  ["22 characters of 66 bytes", "名".repeat(22)],
])("a name of %s is refused", (_, name) => {
  expect(() => quoteIdentifier(name)).toThrow(expect.objectContaining({ name: "ConfigurationInvalid" }));
});

test("a name of 63 bytes is not", () => {
  expect(quoteIdentifier("名".repeat(21))).toBe(`"${"名".repeat(21)}"`);
});
