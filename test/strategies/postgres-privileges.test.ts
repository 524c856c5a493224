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
  policy: { openSessions: "report", administratorSecretId: MASTER_ARN },
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
      "functions and types to own, where not everybody may use them",
      `CREATE FUNCTION f_{thing}() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f_{thing} OWNER TO {copy};
        CREATE TYPE t_{thing} AS ENUM ('a'); ALTER TYPE t_{thing} OWNER TO {copy};
        REVOKE ALL ON FUNCTION f_{thing} FROM PUBLIC; REVOKE ALL ON TYPE t_{thing} FROM PUBLIC`,
      "2 owned objects (function public.f_{thing}(), type public.t_{thing})",
    ],
    [
      "the sequence of a serial column to own",
      "CREATE TABLE i_{thing} (id serial); ALTER TABLE i_{thing} OWNER TO {copy}; GRANT ALL ON i_{thing} TO {original}",
      "1 owned object (sequence public.i_{thing}_id_seq)",
    ],
    [
      "a schema, a large object and a foreign server to own",
      `CREATE SCHEMA s_{thing} AUTHORIZATION {copy}; CREATE FOREIGN DATA WRAPPER w_{thing};
        CREATE SERVER z_{thing} FOREIGN DATA WRAPPER w_{thing}; GRANT ALL ON FOREIGN DATA WRAPPER w_{thing} TO {copy}, {original};
        ALTER SERVER z_{thing} OWNER TO {copy}; SELECT lo_create(990002); ALTER LARGE OBJECT 990002 OWNER TO {copy}`,
      "3 owned objects (large object 990002, schema s_{thing}, server z_{thing})",
    ],
    [
      "default privileges that everybody gets, and more than PostgreSQL gives",
      "ALTER DEFAULT PRIVILEGES FOR ROLE {copy} GRANT SELECT ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE {original} IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
      "1 default privilege (PUBLIC)",
    ],
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

test("names of whatever characters stand on one line, and are no longer than they need be", async () => {
  const { original, run, judge } = await startPair();
  await run('CREATE TABLE "a\nb\t\u202e{thing}" (id int); GRANT SELECT ON "a\nb\t\u202e{thing}" TO {copy}');
  const type = `${uniqueName("t")}_${"x".repeat(40)}`;
  await run(`CREATE TYPE ${type} AS ENUM ('a')`);
  const parameters = Array.from({ length: 90 }, () => type).join(", ");
  await run(`CREATE FUNCTION f_{thing}(${parameters}) RETURNS int LANGUAGE sql AS 'SELECT 1';
    REVOKE ALL ON FUNCTION f_{thing} FROM PUBLIC; GRANT EXECUTE ON FUNCTION f_{thing} TO {copy}`);

  const judged = await judge(original);

  expect(judged).toContain('table public."a b thing_');
  expect(judged).toContain("2 grants (function public.f_thing_");
  expect(judged).not.toMatch(/[\n\t\u202e]/);
  expect(judged.length).toBeLessThan(600);
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
      "by default privileges that say the same in another way",
      `ALTER DEFAULT PRIVILEGES FOR ROLE {copy} IN SCHEMA public GRANT SELECT ON TABLES TO {group};
        ALTER DEFAULT PRIVILEGES FOR ROLE {copy} GRANT USAGE ON SEQUENCES TO {group};
        ALTER DEFAULT PRIVILEGES FOR ROLE {original} GRANT SELECT ON TABLES TO {group} WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES FOR ROLE {original} GRANT USAGE ON SEQUENCES TO PUBLIC`,
    ],
    [
      "by the privileges that PostgreSQL gives everybody, next to default privileges of the copy",
      "ALTER DEFAULT PRIVILEGES FOR ROLE {copy} GRANT EXECUTE ON FUNCTIONS TO {original}; ALTER DEFAULT PRIVILEGES FOR ROLE {copy} GRANT USAGE ON TYPES TO {original}",
    ],
    [
      "because everybody may use what the copy owns",
      "ALTER TABLE {thing} OWNER TO {copy}; GRANT ALL ON {thing} TO PUBLIC",
    ],
    [
      "although the copy owns a function and a type, which everybody may use",
      `CREATE FUNCTION f_{thing}() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f_{thing} OWNER TO {copy};
        CREATE TYPE t_{thing} AS ENUM ('a'); ALTER TYPE t_{thing} OWNER TO {copy}`,
    ],
    [
      "although the copy owns what takes no privilege to use",
      `CREATE STATISTICS s_{thing} ON id, secret FROM {thing}; ALTER STATISTICS s_{thing} OWNER TO {copy};
        CREATE COLLATION c_{thing} FROM "C"; ALTER COLLATION c_{thing} OWNER TO {copy};
        CREATE TEXT SEARCH DICTIONARY d_{thing} (TEMPLATE = simple); ALTER TEXT SEARCH DICTIONARY d_{thing} OWNER TO {copy}`,
    ],
    [
      "although the copy owns the sequence of an identity column, which is used with the table",
      "CREATE TABLE i_{thing} (id int GENERATED ALWAYS AS IDENTITY); ALTER TABLE i_{thing} OWNER TO {copy}; GRANT ALL ON i_{thing} TO {original}",
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

describe("the copy has the settings of the original", () => {
  test.each(["app_data,  Public", 'app_data,"$user", "Mixed", "a""b",pg_catalog', '"odd, name"', ""])(
    "also where a list is not written as PostgreSQL writes it: %s",
    async (path) => {
      const { original, copy, run, judge } = await startPair();
      const client = await connectAs({ ...database.admin, port: database.port });
      await client.query("SELECT set_config('search_path', $1, false)", [path]);
      await client.query(`ALTER ROLE ${original.username} SET search_path FROM CURRENT`);
      await client.end();
      await run(
        "ALTER ROLE {original} SET datestyle TO ISO, DMY; ALTER ROLE {original} SET TIME ZONE INTERVAL '-3' HOUR",
      );
      const next = strategy.createSecret(original, generate);

      await strategy.setSecret({ base: original, candidate: next }, context);

      expect(await judge(next)).toBe("nothing");
      expect(next.username).toBe(copy.username);
      const [one, other] = await Promise.all(
        [original, next].map((each) =>
          queryAs(
            { ...each, port: database.port },
            "SELECT current_schemas(false) AS schemas, current_setting('TimeZone')",
          ),
        ),
      );
      expect(one).toEqual(other);
    },
  );
});

test("a user's own time limits do not end the comparison", async () => {
  const { original, run, judge } = await startPair();
  await run("ALTER ROLE {original} SET statement_timeout = '200ms'");
  const client = await connectAs({ ...database.admin, port: database.port });
  await client.query("BEGIN; LOCK TABLE pg_user_mapping IN ACCESS EXCLUSIVE MODE");

  const judged = judge(original);
  await expect
    .poll(() =>
      run(`SELECT FROM pg_stat_activity WHERE usename = '{original}' AND wait_event_type = 'Lock'
        AND clock_timestamp() - query_start > interval '300ms'`),
    )
    .toHaveLength(1);
  await client.end();

  expect(await judged).toBe("nothing");
});

test("where there is no other user, there is nothing to compare", async () => {
  const { original, run, judge } = await startPair();
  await run("DROP ROLE {copy}");

  expect(await judge(original)).toBe("nothing");
});

test("thousands of grants are compared within a fraction of the time that a statement may take", async () => {
  const { original, copy, fill, run } = await startPair();
  // A database of their own: in the one that all tests share, every comparison after this one would read them, too.
  const dbname = uniqueName("thousands");
  await run(`CREATE DATABASE ${dbname}`);
  await queryAs(
    { ...database.admin, database: dbname },
    fill(`DO $$ BEGIN FOR n IN 1..3000 LOOP
      EXECUTE format('CREATE TABLE {thing}_%s (id int); GRANT SELECT ON {thing}_%s TO {original}, {copy}', n, n); END LOOP; END $$`),
  );

  for (const credential of [original, copy]) {
    await strategy.testSecret({ ...credential, dbname }, { ...context, timeoutMs: 2500 });
  }
  await run(`DROP DATABASE ${dbname} WITH (FORCE)`);
}, 60_000);
