import { escapeIdentifier } from "pg";
import { describe, expect, test } from "vitest";
import { passwordGenerator, passwordRules } from "../../core/password.ts";
import { postgresAlternatingUsers } from "../../core/strategies/postgres-alternating-users.ts";
import type { PostgresAlternatingCredential } from "../../core/strategies/postgres-credential.ts";
import type { RotationContext, Versions } from "../../core/strategies/strategy.ts";
import { testStrategy } from "../contracts/strategy.ts";
import { connectAs, queryAs, uniqueName, useDatabase } from "../support/database.ts";
import { createAdministrator, giveAdmin, MASTER_ARN, postgresTarget } from "./postgres-target.ts";

const database = useDatabase();
const strategy = postgresAlternatingUsers;
const generate = passwordGenerator(passwordRules.parse({}));

testStrategy({
  strategy,
  // COMMIT makes a set, one of the others a rollback.
  target: postgresTarget(database, { change: /^(COMMIT|DROP ROLE|ALTER ROLE .* PASSWORD (NULL|'SCRAM))/ }),
});

const context: RotationContext = {
  secretArn: "arn:secret",
  versionId: "v-1",
  readSecret: async () => ({ username: database.admin.username, password: database.admin.password }),
  timeoutMs: 5000,
  policy: { openSessions: "report", administratorSecretId: MASTER_ARN },
  signal: new AbortController().signal,
};

async function firstRotation(attributes = ""): Promise<Versions<PostgresAlternatingCredential>> {
  const { host, port } = database;
  const login = { username: uniqueName("alt"), password: generate() };
  await database.createRole(login.username, login.password, attributes);
  const base = { engine: "postgres" as const, host, port, ssl: false, ...login, masterarn: MASTER_ARN };
  return { base, candidate: strategy.createSecret(base, generate) };
}

/** The rotation after the one that `versions` describes. */
function next({ candidate, base }: Versions<PostgresAlternatingCredential>): Versions<PostgresAlternatingCredential> {
  return { previous: base, base: candidate, candidate: strategy.createSecret(candidate, generate) };
}

function loginOf(credential: PostgresAlternatingCredential) {
  return { ...credential, host: database.host, port: database.port };
}

async function role(username: string): Promise<Record<string, unknown> | undefined> {
  const [row] = await database.query(
    `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit, rolcanlogin, rolconnlimit,
      rolvaliduntil::text, rolpassword IS NOT NULL AS has_password, shobj_description(oid, 'pg_authid') AS comment
    FROM pg_authid WHERE rolname = $1`,
    [username],
  );
  return row;
}

describe("the other user", () => {
  test("is the name with _clone, and the name without it again", () => {
    const current = { engine: "postgres" as const, host: "db", username: "app", password: "x", masterarn: "arn" };
    const clone = strategy.createSecret(current, generate);

    expect([clone.username, strategy.createSecret(clone, generate).username]).toEqual(["app_clone", "app"]);
  });

  test.each(["x".repeat(58), "_clone"])("whose name PostgreSQL cannot hold is ConfigurationInvalid: %s", (username) => {
    const current = { engine: "postgres" as const, host: "db", username, password: "x", masterarn: "arn" };

    expect(() => strategy.createSecret(current, generate)).toThrow(
      expect.objectContaining({ name: "ConfigurationInvalid" }),
    );
  });

  test("bears the mark of the version that made it", async () => {
    const versions = await firstRotation();

    await strategy.setSecret(versions, context);

    expect(await role(versions.candidate.username)).toMatchObject({ comment: "created by Rotor for version v-1" });
  });
});

describe("the administrator's secret", () => {
  test.each([
    ["is for another host", { username: "admin", password: "hunter2", host: "other.example" }, "other.example"],
    ["has no password", { username: "admin" }, "password"],
    ["has no username", { password: "hunter2" }, "username"],
    ["is a text", "hunter2", "object"],
  ])("that %s is ConfigurationInvalid, and nothing is set", async (_, secret, names) => {
    const versions = await firstRotation();

    await expect(strategy.setSecret(versions, { ...context, readSecret: async () => secret })).rejects.toMatchObject({
      name: "ConfigurationInvalid",
      message: expect.stringContaining(names),
    });
    expect(await role(versions.candidate.username)).toBeUndefined();
  });

  test("is read by its ARN, once, and only when there is something to set", async () => {
    const versions = await firstRotation();
    const read: string[] = [];
    const reading = {
      ...context,
      readSecret: async (secretId: string) => {
        read.push(secretId);
        return database.admin;
      },
    };

    await strategy.setSecret(versions, reading);
    await strategy.setSecret(versions, reading);

    expect(read).toEqual([MASTER_ARN]);
  });

  test("that the server refuses is AccessDenied: it is not this secret's credential that is wrong", async () => {
    const versions = await firstRotation();
    const readSecret = async () => ({ username: database.admin.username, password: "no longer" });

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

  test("may be of a user who is no superuser, but has CREATEROLE and ADMIN on the original", async () => {
    const versions = await firstRotation("CONNECTION LIMIT 7");
    const admin = await createAdministrator(database, uniqueName("role admin"));
    await giveAdmin(database, admin, versions.base);
    const asRoleAdmin = { ...context, readSecret: async () => admin };

    await strategy.setSecret(versions, asRoleAdmin);
    await strategy.testSecret(versions.candidate, asRoleAdmin);
    const second = next(versions);
    await strategy.setSecret(second, { ...asRoleAdmin, versionId: "v-2" });
    await strategy.testSecret(second.candidate, asRoleAdmin);
    await strategy.rollbackSecret(second, { ...asRoleAdmin, versionId: "v-2" });

    expect(await strategy.signIn(versions.base, context)).toBe("accepted");
  });

  test("of a user who may not do that is AccessDenied, and the transaction leaves nothing behind", async () => {
    const versions = await firstRotation("BYPASSRLS");
    const admin = { username: uniqueName("weak_admin"), password: generate() };
    await database.createRole(admin.username, admin.password, "CREATEROLE");
    await database.query(`GRANT "${versions.base.username}" TO "${admin.username}" WITH ADMIN OPTION`);

    await expect(strategy.setSecret(versions, { ...context, readSecret: async () => admin })).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining("SQLSTATE 42501"),
    });
    expect(await role(versions.candidate.username)).toBeUndefined();
  });
});

describe("the copy may do what the original may", () => {
  test("on objects, those of today and of tomorrow, and loses what the original loses", async () => {
    const versions = await firstRotation();
    const [today, tomorrow] = [uniqueName("today"), uniqueName("tomorrow")];
    await database.query(`CREATE TABLE ${today} (id int)`);
    await database.query(`GRANT SELECT ON ${today} TO "${versions.base.username}"`);
    await strategy.setSecret(versions, context);
    await database.query(`CREATE TABLE ${tomorrow} (id int)`);
    await database.query(`GRANT INSERT ON ${tomorrow} TO "${versions.base.username}"`);
    const login = loginOf(versions.candidate);

    expect(await queryAs(login, `SELECT * FROM ${today}`)).toEqual([]);
    expect(await queryAs(login, `INSERT INTO ${tomorrow} VALUES (1)`)).toEqual([]);
    await database.query(`REVOKE SELECT ON ${today} FROM "${versions.base.username}"`);
    await expect(queryAs(login, `SELECT * FROM ${today}`)).rejects.toMatchObject({ code: "42501" });
  });

  test("through the original's memberships, SET ROLE and ADMIN included", async () => {
    const versions = await firstRotation();
    const [group, table, other] = [uniqueName("readers"), uniqueName("shared"), uniqueName("other")];
    await database.query(`CREATE ROLE ${group}`);
    await database.query(`CREATE ROLE ${other}`);
    await database.query(`CREATE TABLE ${table} (id int)`);
    await database.query(`GRANT SELECT ON ${table} TO ${group}`);
    await database.query(`GRANT ${group} TO "${versions.base.username}" WITH ADMIN OPTION`);

    await strategy.setSecret(versions, context);

    const login = loginOf(versions.candidate);
    expect(await queryAs(login, `SELECT * FROM ${table}`)).toEqual([]);
    expect(await queryAs(login, `SET ROLE ${group}`)).toEqual([]);
    expect(await queryAs(login, `GRANT ${group} TO ${other}`)).toEqual([]);
  });

  test("through a NOINHERIT original exactly the original's own", async () => {
    const versions = await firstRotation("NOINHERIT");
    const [group, own, groups] = [uniqueName("readers"), uniqueName("own"), uniqueName("groups")];
    await database.query(`CREATE ROLE ${group}`);
    for (const [table, owner] of [[own, versions.base.username] as const, [groups, group] as const]) {
      await database.query(`CREATE TABLE ${table} (id int)`);
      await database.query(`GRANT SELECT ON ${table} TO "${owner}"`);
    }
    await database.query(`GRANT ${group} TO "${versions.base.username}"`);

    await strategy.setSecret(versions, context);

    for (const credential of [versions.base, versions.candidate]) {
      expect(await queryAs(loginOf(credential), `SELECT * FROM ${own}`)).toEqual([]);
      await expect(queryAs(loginOf(credential), `SELECT * FROM ${groups}`)).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("by its attributes and limits, each of which may also be taken away", async () => {
    const versions = await firstRotation(
      "CREATEDB CREATEROLE BYPASSRLS REPLICATION CONNECTION LIMIT 7 VALID UNTIL '2099-12-31 23:59:59.123456+05'",
    );
    await strategy.setSecret(versions, context);
    const { comment: _, ...copy } = { ...(await role(versions.candidate.username)) };
    const { comment: __, ...original } = { ...(await role(versions.base.username)) };
    expect(copy).toEqual(original);

    const { username } = versions.base;
    await database.query(`ALTER ROLE "${username}" NOCREATEDB NOBYPASSRLS CONNECTION LIMIT -1 VALID UNTIL 'infinity'`);
    const candidate = strategy.createSecret(versions.base, generate);
    await strategy.setSecret({ ...versions, candidate }, context);

    expect(await role(candidate.username)).toMatchObject({
      rolcreatedb: false,
      rolbypassrls: false,
      rolcreaterole: true,
      rolconnlimit: -1,
      rolvaliduntil: "infinity",
    });
  });

  test("with its settings: lists, odd values, per database, and those that were taken back", async () => {
    const versions = await firstRotation();
    const [original, copy] = [versions.base, versions.candidate].map(({ username }) => escapeIdentifier(username));
    const schema = uniqueName('it\'s "odd", schema');
    await database.query(`ALTER ROLE ${original} SET search_path = "$user", ${escapeIdentifier(schema)}, public`);
    await database.query(`ALTER ROLE ${original} SET "app.tenant" = 'it''s \\ "x", y=1'`);
    await database.query(`ALTER ROLE ${original} SET statement_timeout = '90s'`);
    await database.query(`ALTER ROLE ${original} IN DATABASE template1 SET work_mem = '8MB'`);
    await database.query(`ALTER ROLE ${original} SET temp_tablespaces = ''`);
    const settings = (username: string) =>
      database.query(
        `SELECT s.setdatabase::int AS database, unnest(s.setconfig) AS setting FROM pg_db_role_setting s
        WHERE s.setrole = (SELECT oid FROM pg_roles WHERE rolname = $1) ORDER BY 1, 2`,
        [username],
      );

    await strategy.setSecret(versions, context);
    const first = await settings(versions.candidate.username);
    expect(first).toEqual(await settings(versions.base.username));
    expect(first).toHaveLength(5);

    await database.query(`ALTER ROLE ${original} RESET search_path`);
    await database.query(`ALTER ROLE ${copy} IN DATABASE template1 SET jit = off`);
    const candidate = strategy.createSecret(versions.base, generate);
    await strategy.setSecret({ ...versions, candidate }, context);
    expect(await settings(candidate.username)).toEqual(await settings(versions.base.username));
  });

  test("when the copy was made by hand and is nobody's member", async () => {
    const versions = await firstRotation("CREATEDB");
    await database.createRole(versions.candidate.username, "made-by-hand", "NOINHERIT");
    const table = uniqueName("handmade");
    await database.query(`CREATE TABLE ${table} (id int)`);
    await database.query(`GRANT SELECT ON ${table} TO "${versions.base.username}"`);

    await strategy.setSecret(versions, context);

    expect(await queryAs(loginOf(versions.candidate), `SELECT * FROM ${table}`)).toEqual([]);
    expect(await role(versions.candidate.username)).toMatchObject({ rolcreatedb: true, comment: null });
  });

  test("when the membership was granted without inheritance", async () => {
    const versions = await firstRotation();
    await database.createRole(versions.candidate.username, "made-by-hand", "NOINHERIT");
    // Since PostgreSQL 16, the grant keeps what the role was at that time.
    await database.query(`GRANT "${versions.base.username}" TO "${versions.candidate.username}"`);
    await database.query(`ALTER ROLE "${versions.candidate.username}" INHERIT`);
    const [server] = await database.query("SELECT current_setting('server_version_num')::int >= 160000 AS options");
    if (server?.["options"] !== true) await database.query(`ALTER ROLE "${versions.candidate.username}" NOINHERIT`);

    await strategy.setSecret(versions, context);

    const [row] = await queryAs(loginOf(versions.candidate), "SELECT pg_has_role($1, 'USAGE') AS inherits", [
      versions.base.username,
    ]);
    expect(row).toEqual({ inherits: true });
  });

  test("and the original keeps what it was given while the copy was in use", async () => {
    const versions = await firstRotation();
    await strategy.setSecret(versions, context);
    const { username } = versions.base;
    await database.query(`ALTER ROLE "${username}" CREATEDB CONNECTION LIMIT 3`);
    const second = next(versions);

    await strategy.setSecret(second, { ...context, versionId: "v-2" });
    await strategy.testSecret(second.candidate, context);

    expect(await role(username)).toMatchObject({ rolcreatedb: true, rolconnlimit: 3 });
    expect(await role(versions.candidate.username)).toMatchObject({ rolcreatedb: false });
  });

  test("also when the first version is the user with the suffix", async () => {
    const versions = await firstRotation();
    const username = `${versions.base.username}_clone`;
    await database.createRole(username, versions.base.password, "CREATEDB");
    await database.query(`DROP ROLE "${versions.base.username}"`);
    const base = { ...versions.base, username };
    let rotation: Versions<PostgresAlternatingCredential> = { base, candidate: strategy.createSecret(base, generate) };

    for (const versionId of ["v-1", "v-2", "v-3"]) {
      await strategy.setSecret(rotation, { ...context, versionId });
      await strategy.testSecret(rotation.candidate, context);
      rotation = next(rotation);
    }

    expect(await role(versions.base.username)).toMatchObject({ rolcreatedb: true });
  });

  test("which testSecret sees to: a copy without the membership is AccessDenied", async () => {
    const versions = await firstRotation();
    await strategy.setSecret(versions, context);
    await database.query(`REVOKE "${versions.base.username}" FROM "${versions.candidate.username}"`);

    await expect(strategy.testSecret(versions.candidate, context)).rejects.toMatchObject({ name: "AccessDenied" });
  });
});

describe("rollback makes the other user what it was", () => {
  test("no role, when it was made for this candidate", async () => {
    const versions = await firstRotation();
    await strategy.setSecret(versions, context);

    await strategy.rollbackSecret(versions, context);

    expect(await role(versions.candidate.username)).toBeUndefined();
  });

  test("a role that cannot sign in, when it owns objects already", async () => {
    const versions = await firstRotation();
    await strategy.setSecret(versions, context);
    await queryAs(loginOf(versions.candidate), "CREATE TEMP TABLE kept_only_in_this_session (id int)");
    const [schema, { username }] = [uniqueName("owned"), versions.candidate];
    await database.query(`CREATE SCHEMA ${schema} AUTHORIZATION "${username}"`);

    await strategy.rollbackSecret(versions, context);
    await strategy.rollbackSecret(versions, context);

    expect(await role(username)).toMatchObject({ rolcanlogin: false, has_password: false });
    const candidate = strategy.createSecret(versions.base, generate);
    await strategy.setSecret({ base: versions.base, candidate }, context);
    await strategy.testSecret(candidate, context);
  });

  test("a role with the password of the version before, when there is one", async () => {
    const first = await firstRotation();
    await strategy.setSecret(first, context);
    const second = next(first);
    await strategy.setSecret(second, { ...context, versionId: "v-2" });
    expect(await strategy.signIn(first.base, context)).toBe("rejected");

    await strategy.rollbackSecret(second, { ...context, versionId: "v-2" });

    expect(await strategy.signIn(first.base, context)).toBe("accepted");
    expect(await strategy.signIn(second.candidate, context)).toBe("rejected");
  });

  test("a role without a password, when no labelled version knows the old one", async () => {
    const versions = await firstRotation();
    await database.createRole(versions.candidate.username, "nobody-knows");
    await strategy.setSecret(versions, context);

    await strategy.rollbackSecret(versions, context);

    expect(await role(versions.candidate.username)).toMatchObject({ rolcanlogin: true, has_password: false });
  });

  test("a role without a password, not no role, when an earlier version had it made", async () => {
    const first = await firstRotation();
    await strategy.setSecret(first, context);
    const candidate = strategy.createSecret(first.base, generate);
    const later = { base: first.base, candidate };
    await strategy.setSecret(later, { ...context, versionId: "v-9" });

    await strategy.rollbackSecret(later, { ...context, versionId: "v-9" });

    expect(await role(candidate.username)).toMatchObject({
      has_password: false,
      comment: "created by Rotor for version v-1",
    });
  });

  test("the very role it was, when setSecret never ran", async () => {
    const versions = await firstRotation();
    await database.createRole(versions.candidate.username, "somebody-uses-it");

    await strategy.rollbackSecret(versions, context);

    const used = { ...versions.candidate, password: "somebody-uses-it" };
    expect(await strategy.signIn(used, context)).toBe("accepted");
  });

  test("while sessions of the candidate are open", async () => {
    const versions = await firstRotation();
    await strategy.setSecret(versions, context);
    const session = await connectAs(loginOf(versions.candidate));

    await strategy.rollbackSecret(versions, context);
    await session.end();

    expect(await role(versions.candidate.username)).toBeUndefined();
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
