import fc from "fast-check";
import { escapeIdentifier, escapeLiteral } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saslprep } from "../../core/strategies/scram-saslprep.ts";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import { connectAs, queryAs, uniqueName, useDatabase } from "../support/database.ts";

const database = useDatabase();
const role = uniqueName("scram");
let superuser: Awaited<ReturnType<typeof connectAs>>;

beforeAll(async () => {
  superuser = await connectAs(database.admin);
  // These passwords are nobody's, but a log is no place for any.
  await superuser.query("SET log_statement = 'none'; SET log_min_error_statement = 'panic'");
  await superuser.query(`CREATE ROLE ${escapeIdentifier(role)} LOGIN`);
});

afterAll(async () => {
  await superuser.query(`DROP ROLE ${escapeIdentifier(role)}`);
  await superuser.end();
});

/** The verifier that the server makes of a password in plain. */
async function serversVerifier(password: string): Promise<string> {
  await superuser.query(`ALTER ROLE ${escapeIdentifier(role)} PASSWORD ${escapeLiteral(password)}`);
  const { rows } = await superuser.query("SELECT rolpassword FROM pg_authid WHERE rolname = $1", [role]);
  return rows[0].rolpassword;
}

async function expectAgreement(password: string): Promise<void> {
  const theirs = await serversVerifier(password);
  const salt = Buffer.from(theirs.split(/[:$]/)[2] ?? "", "base64");
  expect(await scramSha256Verifier(password, { salt })).toBe(theirs);
}

/** Characters that SASLprep treats in some way, so that a random password meets several of its rules. */
const remarkable = fc.constantFrom(
  ..."aZ9 '\"\\$é①ﬁ全ß\u0301\u00a0\u1680\u200b\u3000\u00ad\u200d\ufeff\u0340\u06dd\u200e\u2028\ufffd\ue000\u0221🐘אבﷺ٣\u{e0001}",
);

test("is the server's own verifier, for passwords of any characters", async () => {
  const password = fc
    .oneof(
      fc.array(remarkable, { minLength: 1, maxLength: 6 }).map((all) => all.join("")),
      fc.string({ unit: "grapheme", minLength: 1 }),
      fc.string({ unit: "binary", minLength: 1, maxLength: 4 }),
    )
    .filter((text) => !text.includes("\0"));

  await fc.assert(fc.asyncProperty(password, expectAgreement), { numRuns: 250 });
});

test.each([
  ["ASCII", "correct horse"],
  ["a no-break space", "a\u00a0b"],
  ["a soft hyphen", "a\u00adb"],
  ["nothing but characters that are mapped to nothing", "\u00ad\u200d"],
  ["a ligature", "ﬁ"],
  ["a prohibited character beside one that would be normalised", "ﬁ\ue000"],
  ["a character newer than Unicode 3.2 beside one that would be normalised", "ﬁ🐘"],
  ["right-to-left text", "אבג"],
  ["mixed directions", "אaב"],
  ["right-to-left text that ends with a digit", "אב1①"],
])("is the server's own verifier for %s", (_, password) => expectAgreement(password));

test("lets the password sign in, as the whole password and nothing else", async () => {
  const password = 'it\'s "quoted" \\ and ﬁ';
  await superuser.query(`ALTER ROLE ${escapeIdentifier(role)} PASSWORD '${await scramSha256Verifier(password)}'`);
  const login = { host: database.host, port: database.port, username: role };

  const [row] = await queryAs({ ...login, password }, "SELECT current_user AS name");
  const refused = await queryAs({ ...login, password: `${password}x` }, "SELECT 1").catch((error) => error.code);

  expect([row?.["name"], refused]).toEqual([role, "28P01"]);
});

test("has a new salt each time", async () => {
  expect(await scramSha256Verifier("same")).not.toBe(await scramSha256Verifier("same"));
});

test("is the example of RFC 7677", async () => {
  const verifier = await scramSha256Verifier("pencil", { salt: Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64") });

  expect(verifier).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});

test("prepares as the examples of RFC 4013 say, and keeps what they prohibit", () => {
  expect(["I\u00adX", "user", "USER", "\u00aa", "\u2168", "\u0007", "\u06271"].map(saslprep)).toEqual([
    "IX",
    "user",
    "USER",
    "a",
    "IX",
    "\u0007",
    "\u06271",
  ]);
});
