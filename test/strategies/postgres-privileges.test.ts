import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import type { RotationContext } from "../../core/strategies/strategy.ts";
import { connectAs, queryAs, uniqueName, useDatabase } from "../support/database.ts";
import { MASTER_ARN } from "./postgres-target.ts";

const database = useDatabase();
const strategy = postgresAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => database.admin,
  timeoutMs: 5000,
  policy: { openSessions: "report" },
  signal: new AbortController().signal,
};

/** Both users, each with its credential, and names that no other test has: {original}, {copy}, {group}, {thing}. */
async function startPair() {
  const { host, port } = database;
  const login = { username: uniqueName("pair"), password: generate() };
  await database.createRole(login.username, login.password);
  const original = { engine: "postgres" as const, host, port, ssl: false, ...login, masterarn: MASTER_ARN };
  const copy = strategy.createSecret(original, generate);
  await strategy.setSecret({ base: original, candidate: copy }, context);
  const names = {
    original: original.username,
    copy: copy.username,
    group: uniqueName("group"),
    thing: uniqueName("thing"),
  };
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, key: keyof typeof names) => names[key]);
  await database.query(fill("CREATE ROLE {group}; CREATE TABLE {thing} (id int, secret int)"));
  const run = (statements: string) => database.query(fill(statements));
  const judge = (credential: PostgresAlternatingCredential) =>
    strategy.testSecret(credential, context).then(
      () => "nothing",
      (error: { name: string; message: string }) => `${error.name}: ${error.message}`,
    );
  return { original, copy, run, fill, judge };
}

describe("the original is refused where its copy was given what it has not", () => {
  test.each([
    ["a membership", "GRANT {group} TO {copy}", "1 membership ({group})"],
    [
      "ADMIN of a membership",
      "GRANT {group} TO {original}; GRANT {group} TO {copy} WITH ADMIN OPTION",
      "1 membership ({group})",
    ],
    ["a table", "GRANT SELECT ON {thing} TO {copy}", "1 grant (table public.{thing})"],
    [
      "one more privilege",
      "GRANT SELECT ON {thing} TO {original}; GRANT SELECT, UPDATE ON {thing} TO {copy}",
      "1 grant (table public.{thing})",
    ],
    [
      "the right to grant",
      "GRANT SELECT ON {thing} TO {original}; GRANT SELECT ON {thing} TO {copy} WITH GRANT OPTION",
      "1 grant (table public.{thing})",
    ],
    ["a column", "GRANT SELECT (id) ON {thing} TO {copy}", "1 grant (column id of table public.{thing})"],
    ["a schema", "CREATE SCHEMA s_{thing}; GRANT USAGE ON SCHEMA s_{thing} TO {copy}", "1 grant (schema s_{thing})"],
    [
      "a function",
      "CREATE FUNCTION f_{thing}() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f_{thing} FROM PUBLIC; GRANT EXECUTE ON FUNCTION f_{thing} TO {copy}",
      "1 grant (function public.f_{thing}())",
    ],
    [
      "a type",
      "CREATE TYPE t_{thing} AS ENUM ('a'); REVOKE ALL ON TYPE t_{thing} FROM PUBLIC; GRANT USAGE ON TYPE t_{thing} TO {copy}",
      "1 grant (type public.t_{thing})",
    ],
    ["the database", "GRANT CREATE ON DATABASE postgres TO {copy}", "1 grant (database postgres)"],
    ["a language", "GRANT USAGE ON LANGUAGE plpgsql TO {copy} WITH GRANT OPTION", "1 grant (language plpgsql)"],
    [
      "a foreign server",
      "CREATE FOREIGN DATA WRAPPER w_{thing}; GRANT USAGE ON FOREIGN DATA WRAPPER w_{thing} TO {copy}; CREATE SERVER z_{thing} FOREIGN DATA WRAPPER w_{thing}; GRANT USAGE ON FOREIGN SERVER z_{thing} TO {copy}",
      "2 grants (foreign-data wrapper w_{thing}, server z_{thing})",
    ],
    [
      "a large object",
      "SELECT lo_create(990001); GRANT SELECT ON LARGE OBJECT 990001 TO {copy}",
      "1 grant (large object 990001)",
    ],
    ["a tablespace", "GRANT CREATE ON TABLESPACE pg_default TO {copy}", "1 grant (tablespace pg_default)"],
    ["an object to own", "ALTER TABLE {thing} OWNER TO {copy}", "1 owned object (table public.{thing})"],
    [
      "row security policies",
      "CREATE POLICY one ON {thing} TO {copy}; CREATE POLICY two ON {thing} TO {copy}; CREATE POLICY all_may ON {thing} TO {copy}, {original}",
      "2 row security policies (policy one on table public.{thing}, policy two on table public.{thing})",
    ],
    [
      "a user mapping",
      "CREATE FOREIGN DATA WRAPPER w_{thing}; CREATE SERVER z_{thing} FOREIGN DATA WRAPPER w_{thing}; CREATE USER MAPPING FOR {copy} SERVER z_{thing}",
      "1 user mapping (z_{thing})",
    ],
    [
      "default privileges for others",
      "ALTER DEFAULT PRIVILEGES FOR ROLE {copy} GRANT SELECT ON TABLES TO {group}",
      "1 default privilege ({group})",
    ],
    [
      "several kinds",
      "GRANT {group} TO {copy}; GRANT SELECT ON {thing} TO {copy}",
      "1 grant (table public.{thing}); 1 membership ({group})",
    ],
  ])("%s", async (_, statements, says) => {
    const { original, run, fill, judge } = await startPair();
    expect(await judge(original)).toBe("nothing");
    await run(statements);

    const judged = await judge(original);
    // What all tests share is given back.
    await run(
      "REVOKE ALL ON DATABASE postgres FROM {copy}; REVOKE ALL ON LANGUAGE plpgsql FROM {copy}; REVOKE ALL ON TABLESPACE pg_default FROM {copy}",
    );

    expect(judged).toMatch(/^AccessDenied: /);
    expect(judged.endsWith(fill(`, lacks what "{copy}" has: ${says}.`)), judged).toBe(true);
  });

  test("and no more than three things of a kind are named", async () => {
    const { original, run, fill, judge } = await startPair();
    await run(
      [1, 2, 3, 4, 5]
        .map((n) => `CREATE TABLE {thing}_${n} (id int); GRANT SELECT ON {thing}_${n} TO {copy}`)
        .join(";"),
    );

    expect(await judge(original)).toContain(
      fill("5 grants (table public.{thing}_1, table public.{thing}_2, table public.{thing}_3, ...)."),
    );
  });
});

describe("the original is taken where it may do the same by another way", () => {
  test.each([
    ["because everybody may", "GRANT SELECT ON {thing} TO {copy}, PUBLIC"],
    ["through a group", "GRANT {group} TO {original}; GRANT SELECT ON {thing} TO {copy}, {group}"],
    [
      "through the table, not only a column",
      "GRANT SELECT (id) ON {thing} TO {copy}; GRANT SELECT ON {thing} TO {original}",
    ],
    ["as the owner", "ALTER TABLE {thing} OWNER TO {original}; GRANT SELECT ON {thing} TO {copy}"],
    [
      "as a member of the owner",
      "GRANT {group} TO {original}; ALTER TABLE {thing} OWNER TO {group}; GRANT ALL ON {thing} TO {copy}",
    ],
    ["by a grant on what the copy owns", "ALTER TABLE {thing} OWNER TO {copy}; GRANT SELECT ON {thing} TO {original}"],
    [
      "by user mappings of its own",
      "CREATE FOREIGN DATA WRAPPER w_{thing}; CREATE SERVER z_{thing} FOREIGN DATA WRAPPER w_{thing}; CREATE USER MAPPING FOR {copy} SERVER z_{thing}; CREATE USER MAPPING FOR {original} SERVER z_{thing}",
    ],
    [
      "by its own default privileges",
      "ALTER DEFAULT PRIVILEGES FOR ROLE {copy}, {original} GRANT SELECT ON TABLES TO {group}",
    ],
    [
      "by default privileges of the copy for the original",
      "ALTER DEFAULT PRIVILEGES FOR ROLE {copy} GRANT ALL ON TABLES TO {original}",
    ],
    [
      "although it was taken attributes and settings that the copy still has",
      "ALTER ROLE {copy} CREATEDB; ALTER ROLE {copy} SET work_mem = '8MB'; ALTER ROLE {original} CONNECTION LIMIT 3",
    ],
  ])("%s", async (_, statements) => {
    const { original, run, judge } = await startPair();
    await run(statements);

    expect(await judge(original)).toBe("nothing");
  });

  test("and where the copy's temporary tables are all that it owns", async () => {
    const { original, copy, judge } = await startPair();
    const client = await connectAs({ ...copy, port: database.port });
    await client.query("CREATE TEMPORARY TABLE passing (id serial)");
    const judged = await judge(original);
    await client.end();

    expect(judged).toBe("nothing");
  });
});

describe("the copy is refused where it lacks what the original has", () => {
  test.each([
    ["the membership", "REVOKE {original} FROM {copy}", "1 membership ({original})"],
    [
      "attributes",
      "ALTER ROLE {original} CREATEDB CONNECTION LIMIT 3 VALID UNTIL '2099-01-01'",
      "3 attributes (CONNECTION LIMIT, CREATEDB, VALID UNTIL)",
    ],
    [
      "settings, whose values are not told",
      "ALTER ROLE {original} SET app.key = 'hunter2'; ALTER ROLE {original} IN DATABASE postgres SET work_mem = '8MB'",
      "2 settings (app.key, work_mem)",
    ],
    [
      "default privileges for others",
      "ALTER DEFAULT PRIVILEGES FOR ROLE {original} GRANT SELECT ON TABLES TO {group}",
      "1 default privilege ({group})",
    ],
    [
      "everything, once it is no member",
      "GRANT {group} TO {original}; GRANT SELECT ON {thing} TO {original}; REVOKE {original} FROM {copy}",
      "1 grant (table public.{thing}); 2 memberships ({group}, {original})",
    ],
  ])("%s", async (_, statements, says) => {
    const { copy, run, fill, judge } = await startPair();
    expect(await judge(copy)).toBe("nothing");
    await run(statements);

    const judged = await judge(copy);

    expect(judged.endsWith(fill(`, lacks what "{original}" has: ${says}.`)), judged).toBe(true);
    expect(judged).not.toContain("hunter2");
  });

  test("but not for what it has by being a member", async () => {
    const { copy, run, fill, judge } = await startPair();
    await run("GRANT {group} TO {original} WITH ADMIN OPTION; GRANT ALL ON {thing} TO {original} WITH GRANT OPTION");
    await run("CREATE TABLE o_{thing} (id int); ALTER TABLE o_{thing} OWNER TO {original}");

    expect(await judge(copy)).toBe("nothing");
    await queryAs({ ...copy, port: database.port }, fill("DROP TABLE o_{thing}"));
  });
});

test("where there is no other user, there is nothing to compare", async () => {
  const { original, run, judge } = await startPair();
  await run("DROP ROLE {copy}");

  expect(await judge(original)).toBe("nothing");
});

test("thousands of grants are compared within a fraction of the time that a statement may take", async () => {
  const { original, copy, run } = await startPair();
  await run(`DO $$ BEGIN FOR n IN 1..3000 LOOP
    EXECUTE format('CREATE TABLE {thing}_%s (id int); GRANT SELECT ON {thing}_%s TO {original}, {copy}', n, n); END LOOP; END $$`);

  for (const credential of [original, copy]) {
    await strategy.testSecret(credential, { ...context, timeoutMs: 2500 });
  }
}, 60_000);
