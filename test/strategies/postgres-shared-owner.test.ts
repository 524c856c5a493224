import { escapeIdentifier } from "pg";
import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import type { RotationContext, Versions } from "../../core/strategies/strategy.ts";
import { connectAs, queryAs, uniqueName, useDatabase } from "../support/database.ts";
import { createAdministrator, giveAdmin, MASTER_ARN } from "./postgres-target.ts";

const database = useDatabase();
const strategy = postgresAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));
type Pair = Versions<PostgresAlternatingCredential>;

/** A user with a schema of its own, an administrator who is no superuser, and the first rotation, nothing set yet. */
async function firstRotation(username = uniqueName("owner")) {
  const administrator = await createAdministrator(database);
  const password = generate();
  await database.createRole(username, password);
  await giveAdmin(database, administrator, { username });
  const schema = uniqueName("shared");
  await database.query(`CREATE SCHEMA ${schema} AUTHORIZATION ${escapeIdentifier(username)}`);
  const { host, port } = database;
  const base = { engine: "postgres" as const, host, port, ssl: false, username, password, masterarn: MASTER_ARN };
  const versions: Pair = { base, candidate: strategy.createSecret(base, generate) };
  const contextOf = (versionId: string, sharedOwner = true): RotationContext => ({
    secretArn: "arn:secret",
    versionId,
    readSecret: async () => administrator,
    timeoutMs: 5000,
    policy: { openSessions: "report", sharedOwner, administratorSecretId: MASTER_ARN },
    signal: new AbortController().signal,
  });
  const ownerOf = async (table: string) => {
    const [row] = await database.query("SELECT tableowner FROM pg_tables WHERE schemaname = $1 AND tablename = $2", [
      schema,
      table,
    ]);
    return row?.["tableowner"];
  };
  return { administrator, schema, versions, contextOf, ownerOf };
}

function next({ candidate, base }: Pair): Pair {
  return { previous: base, base: candidate, candidate: strategy.createSecret(candidate, generate) };
}

const as = ({ username, password }: PostgresAlternatingCredential, text: string) =>
  queryAs({ ...database, username, password }, text);

describe("with a shared owner", () => {
  test.each([
    ["an ordinary name", undefined],
    ["a name that has to be quoted", uniqueName(`O'Brien "own\\er"`)],
  ])("what either user makes, the other reads, alters and drops, turn after turn: %s", async (_, username) => {
    const { schema, versions: first, contextOf, ownerOf } = await firstRotation(username);
    const owner = first.base.username;
    await as(first.base, `CREATE TABLE ${schema}.turn_0 (id serial)`);
    let versions = first;

    for (const turn of [1, 2, 3, 4]) {
      await strategy.setSecret(versions, contextOf(`v-${turn}`));
      await strategy.testSecret(versions.candidate, contextOf(`v-${turn}`));
      const before = `${schema}.turn_${turn - 1}`;
      await as(
        versions.candidate,
        `ALTER TABLE ${before} ADD COLUMN of_turn_${turn} int; INSERT INTO ${before} DEFAULT VALUES`,
      );
      expect(await as(versions.candidate, `SELECT id FROM ${before}`)).toEqual([{ id: 1 }]);
      await as(versions.candidate, `DROP TABLE ${before}; CREATE TABLE ${schema}.turn_${turn} (id serial)`);
      expect(await ownerOf(`turn_${turn}`)).toBe(owner);
      // Those who stay on the user before until they have followed.
      await as(versions.base, `ALTER TABLE ${schema}.turn_${turn} ADD COLUMN late int`);
      versions = next(versions);
    }
  });

  test("a rollback leaves nothing behind: what the copy made stays, and the role goes", async () => {
    const { schema, versions, contextOf, ownerOf } = await firstRotation();
    await strategy.setSecret(versions, contextOf("v-1"));
    await as(versions.candidate, `CREATE TABLE ${schema}.made (id int)`);

    await strategy.rollbackSecret(versions, contextOf("v-1"));

    expect(await ownerOf("made")).toBe(versions.base.username);
    await as(versions.base, `DROP TABLE ${schema}.made`);
    const left = await database.query("SELECT FROM pg_roles WHERE rolname = $1", [versions.candidate.username]);
    expect(left).toEqual([]);
    const again = { base: versions.base, candidate: strategy.createSecret(versions.base, generate) };
    await strategy.setSecret(again, contextOf("v-2"));
    await strategy.testSecret(again.candidate, contextOf("v-2"));
  });

  test("a rollback of a later turn leaves the owner shared", async () => {
    const { schema, versions, contextOf, ownerOf } = await firstRotation();
    await strategy.setSecret(versions, contextOf("v-1"));
    const second = next(versions);
    await strategy.setSecret(second, contextOf("v-2"));

    await strategy.rollbackSecret(second, contextOf("v-2"));

    await as(second.base, `CREATE TABLE ${schema}.made (id int)`);
    expect(await ownerOf("made")).toBe(versions.base.username);
    await as(versions.base, `DROP TABLE ${schema}.made`);
  });

  test("the sessions of the copy are the copy's own, and begin anew as the original after DISCARD ALL", async () => {
    const { versions, contextOf } = await firstRotation();
    await strategy.setSecret(versions, contextOf("v-1"));
    const client = await connectAs({ ...database, ...versions.candidate, port: database.port }, "orders-api");

    const seen = await strategy.sessions?.(versions.candidate, contextOf("v-1"));
    await client.query("DISCARD ALL");
    const { rows } = await client.query("SELECT current_user::text AS is, session_user::text AS signed_in_as");
    await client.end();

    expect(seen?.map(({ application }) => application)).toEqual(["orders-api"]);
    expect(rows).toEqual([{ is: versions.base.username, signed_in_as: versions.candidate.username }]);
  });

  test("default privileges of the original are those of what the copy makes", async () => {
    const { schema, versions, contextOf } = await firstRotation();
    const reader = uniqueName("reader");
    await database.createRole(reader, "reader-password");
    await database.query(`GRANT USAGE ON SCHEMA ${schema} TO ${reader}`);
    await as(versions.base, `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${reader}`);

    await strategy.setSecret(versions, contextOf("v-1"));
    await strategy.testSecret(versions.candidate, contextOf("v-1"));
    await as(versions.candidate, `CREATE TABLE ${schema}.made (id int)`);

    expect(
      await queryAs({ ...database, username: reader, password: "reader-password" }, `SELECT * FROM ${schema}.made`),
    ).toEqual([]);
  });

  test("an owner that the original has already is the copy's, too", async () => {
    const { schema, versions, contextOf, ownerOf } = await firstRotation();
    const owner = uniqueName("third");
    const [original, first] = [escapeIdentifier(versions.base.username), escapeIdentifier(owner)];
    await database.query(
      `CREATE ROLE ${first}; GRANT ${first} TO ${original}; ALTER ROLE ${original} SET role = ${first}`,
    );
    await database.query(`GRANT CREATE, USAGE ON SCHEMA ${schema} TO ${first}`);

    let turn = versions;
    for (const versionId of ["v-1", "v-2", "v-3"]) {
      await strategy.setSecret(turn, contextOf(versionId));
      await strategy.testSecret(turn.candidate, contextOf(versionId));
      await as(turn.candidate, `CREATE TABLE ${schema}.${versionId.replace("-", "_")} (id int)`);
      expect(await ownerOf(versionId.replace("-", "_"))).toBe(owner);
      turn = next(turn);
    }
  });

  test("a copy that people made, and may not SET ROLE, is given that", async () => {
    const { administrator, schema, versions, contextOf, ownerOf } = await firstRotation();
    const [original, copy] = [versions.base, versions.candidate].map(({ username }) => escapeIdentifier(username));
    await database.createRole(versions.candidate.username, "made-by-hand");
    await giveAdmin(database, administrator, versions.candidate);
    const [server] = await database.query("SELECT current_setting('server_version_num')::int >= 160000 AS options");
    // By the administrator itself: one who grants again keeps the options that are not named.
    const options = server?.["options"] === true ? " WITH SET FALSE" : "";
    await queryAs({ ...database, ...administrator }, `GRANT ${original} TO ${copy}${options}`);

    await strategy.setSecret(versions, contextOf("v-1"));
    await strategy.testSecret(versions.candidate, contextOf("v-1"));
    await as(versions.candidate, `CREATE TABLE ${schema}.made (id int)`);

    expect(await ownerOf("made")).toBe(versions.base.username);
  });

  test("a copy whose sessions do not begin as the original is refused before promotion", async () => {
    const { versions, contextOf } = await firstRotation();
    await strategy.setSecret(versions, contextOf("v-1", false));

    await expect(strategy.testSecret(versions.candidate, contextOf("v-1"))).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining(`: 1 shared owner (${versions.base.username}).`),
    });
  });

  test("it is taken up by the next turn of the copy, and given up by the next one without", async () => {
    const { schema, versions, contextOf, ownerOf } = await firstRotation();
    const makes = async (table: string, turn: Pair) => {
      await as(turn.candidate, `CREATE TABLE ${schema}.${table} (id int)`);
      return ownerOf(table);
    };
    await database.query(`GRANT CREATE ON SCHEMA ${schema} TO ${escapeIdentifier(versions.base.username)}`);
    await strategy.setSecret(versions, contextOf("v-1", false));
    const second = next(versions);

    // Turned on while the copy is current.
    await strategy.setSecret(second, contextOf("v-2"));
    await strategy.testSecret(second.candidate, contextOf("v-2"));
    const third = next(second);
    await strategy.setSecret(third, contextOf("v-3"));
    await strategy.testSecret(third.candidate, contextOf("v-3"));
    expect(await makes("shared", third)).toBe(versions.base.username);

    const fourth = next(third);
    await strategy.setSecret(fourth, contextOf("v-4", false));
    const fifth = next(fourth);
    await strategy.setSecret(fifth, contextOf("v-5", false));
    expect(await makes("own", fifth)).toBe(versions.candidate.username);
  });
});

test("without one, the original is not promoted while its copy owns what it may not use", async () => {
  const { schema, versions, contextOf } = await firstRotation();
  await strategy.setSecret(versions, contextOf("v-1", false));
  await as(versions.candidate, `CREATE TABLE ${schema}.drafts (id int)`);
  const second = next(versions);
  await strategy.setSecret(second, contextOf("v-2", false));

  await expect(strategy.testSecret(second.candidate, contextOf("v-2", false))).rejects.toMatchObject({
    name: "AccessDenied",
    message: expect.stringContaining(`1 owned object (table ${schema}.drafts)`),
  });

  // What docs/postgres.md says to do.
  const [copy, original] = [versions.candidate, versions.base].map(({ username }) => escapeIdentifier(username));
  await database.query(`REASSIGN OWNED BY ${copy} TO ${original}`);
  await strategy.testSecret(second.candidate, contextOf("v-2", false));
  await as(second.candidate, `DROP TABLE ${schema}.drafts`);
});
