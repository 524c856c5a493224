import type { PostgresSession } from "./postgres-connection.ts";
import { LISTS } from "./postgres-roles.ts";

export interface Pair {
  /** Whether the user is the copy, where membership does not say which of both stands in for the other. */
  readonly isCopy: boolean;
  /** What both make has to belong to the same owner. */
  readonly sharedOwner: boolean;
}

/** One kind of thing that a user lacks. */
export interface Lack {
  readonly kind: Kind;
  readonly count: number;
  /** Up to three of them: names of roles, objects, attributes and settings, never a setting's value. */
  readonly names: readonly string[];
}

/**
 * What `other` has and the session's own user has not, by any way: directly, by PUBLIC, by membership or as an owner. Empty when
 * the user may do whatever the other may, or when there is no such role. One statement, which any role may send; only reads.
 *
 * A copy has to have all of it. An original has not to have the attributes and settings of its copy: there they were taken from
 * the original, and what people take from the original since is meant to be gone.
 */
export async function lacks(session: PostgresSession, other: string, pair: Pair): Promise<readonly Lack[]> {
  const rows = await session.query(STATEMENT, [other, pair.isCopy, pair.sharedOwner]);
  return rows.map((row) => ({
    kind: row["kind"] as Kind,
    count: Number(row["count"]),
    names: (row["names"] as string[]).map(printable),
  }));
}

// --- internal ---

/** A name may have any characters. In a message it stands on one line, and its length does not matter. */
function printable(name: string): string {
  const line = [...name.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")];
  return line.length <= LONGEST_NAME ? line.join("") : `${line.slice(0, LONGEST_NAME).join("")}...`;
}

/** Two identifiers and a word or two; what goes beyond is the parameters of functions. */
const LONGEST_NAME = 150;

// --- the statement ---

/**
 * `mine` is the session's user, `theirs` the other; the makers own what each makes, after ALTER ROLE ... SET role. `reach` is what
 * `theirs` is a member of: asking about every role of the server would take seconds where there are thousands.
 */
const PAIR = `
  RECURSIVE pair AS (
    SELECT mine.oid AS mine, theirs.oid AS theirs, d.oid AS database,
      (SELECT oid FROM pg_roles WHERE rolname = current_user) AS my_maker,
      coalesce((SELECT oid FROM pg_roles WHERE rolname = (
        SELECT substr(setting, 6) FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE setrole = theirs.oid AND setdatabase IN (0, d.oid) AND setting LIKE 'role=%'
        ORDER BY setdatabase DESC LIMIT 1)), theirs.oid) AS their_maker,
      EXISTS (SELECT FROM pg_auth_members WHERE roleid = theirs.oid AND member = mine.oid)
        OR $2 AND NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = mine.oid AND member = theirs.oid) AS is_copy
    FROM pg_roles mine, pg_roles theirs, pg_database d
    WHERE mine.rolname = session_user AND theirs.rolname = $1 AND d.datname = current_database()
  ),
  reach AS (
    SELECT theirs AS oid FROM pair UNION SELECT roleid FROM pg_auth_members JOIN reach ON member = reach.oid
  )`;

/** Where the privileges on an object are. What is of any other catalog may be used by everybody. */
const ACLS = {
  pg_class: "SELECT relacl FROM pg_class",
  pg_namespace: "SELECT nspacl FROM pg_namespace",
  pg_proc: "SELECT proacl FROM pg_proc",
  pg_type: "SELECT typacl FROM pg_type",
  pg_database: "SELECT datacl FROM pg_database",
  pg_language: "SELECT lanacl FROM pg_language",
  pg_foreign_server: "SELECT srvacl FROM pg_foreign_server",
  pg_foreign_data_wrapper: "SELECT fdwacl FROM pg_foreign_data_wrapper",
  pg_tablespace: "SELECT spcacl FROM pg_tablespace",
  pg_largeobject: "SELECT lomacl FROM pg_largeobject_metadata",
};

/** @param entry the alias of a row of pg_shdepend */
function aclOf(entry: string): string {
  const cases = Object.entries(ACLS).map(
    ([catalog, acl]) => `WHEN '${catalog}'::regclass THEN (${acl} WHERE oid = ${entry}.objid)`,
  );
  return `CASE ${entry}.classid ${cases.join("\n      ")} END`;
}

const WITH_ACL = Object.keys(ACLS)
  .map((catalog) => `'${catalog}'::regclass`)
  .join(", ");

/** One setting. A list may be written in more than one way, and is copied in one. */
const COMPARABLE = `CASE WHEN split_part(line, '=', 1) IN (${LISTS.map((name) => `'${name}'`).join(", ")})
  THEN lower(translate(line, ' "', '')) ELSE line END`;

/** Of objects in this database, and of those that databases share. Each selects names. */
const KINDS = {
  // The original itself, too. Since 16, a membership may be without SET.
  membership: `
    SELECT DISTINCT g.rolname::text
    FROM pair, reach JOIN pg_roles g ON g.oid = reach.oid, unnest(ARRAY['MEMBER', 'USAGE', 'MEMBER WITH ADMIN OPTION',
      CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END]) AS privilege
    WHERE g.oid <> mine AND NOT pg_has_role(mine, g.oid, privilege)
      AND CASE WHEN g.oid = theirs THEN is_copy AND privilege = 'USAGE' ELSE pg_has_role(theirs, g.oid, privilege) END`,
  attribute: `
    SELECT a.name
    FROM pair JOIN pg_roles m ON m.oid = mine JOIN pg_roles t ON t.oid = theirs, LATERAL (VALUES
      ('SUPERUSER', t.rolsuper AND NOT m.rolsuper), ('CREATEDB', t.rolcreatedb AND NOT m.rolcreatedb),
      ('CREATEROLE', t.rolcreaterole AND NOT m.rolcreaterole), ('BYPASSRLS', t.rolbypassrls AND NOT m.rolbypassrls),
      ('REPLICATION', t.rolreplication AND NOT m.rolreplication), ('CONNECTION LIMIT', t.rolconnlimit <> m.rolconnlimit),
      ('VALID UNTIL', coalesce(t.rolvaliduntil, 'infinity') <> coalesce(m.rolvaliduntil, 'infinity'))) AS a(name, is_lacking)
    WHERE is_copy AND a.is_lacking`,
  setting: `
    SELECT split_part(setting, '=', 1)
    FROM (SELECT setdatabase, ${COMPARABLE} FROM pair JOIN pg_db_role_setting ON setrole = theirs, unnest(setconfig) AS line WHERE is_copy
      EXCEPT SELECT setdatabase, ${COMPARABLE} FROM pair JOIN pg_db_role_setting ON setrole = mine, unnest(setconfig) AS line)
      AS missing(setdatabase, setting)`,
  grant: `
    SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pair
    JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = theirs AND d.deptype = 'a' AND d.dbid IN (0, database)
    CROSS JOIN LATERAL (SELECT
      CASE d.objsubid WHEN 0 THEN ${aclOf("d")}
        ELSE (SELECT attacl FROM pg_attribute WHERE attrelid = d.objid AND attnum = d.objsubid) END AS own,
      CASE WHEN d.objsubid <> 0 THEN (SELECT relacl FROM pg_class WHERE oid = d.objid) END AS whole) AS acl
    CROSS JOIN LATERAL aclexplode(acl.own) AS theirs_by
    WHERE NOT pg_has_role(mine, theirs, 'USAGE') AND theirs_by.grantee = theirs
      AND NOT EXISTS (SELECT FROM aclexplode(acl.own || acl.whole) AS mine_by
        WHERE mine_by.privilege_type = theirs_by.privilege_type AND mine_by.is_grantable >= theirs_by.is_grantable
          AND (mine_by.grantee = 0 OR pg_has_role(mine, mine_by.grantee, 'USAGE')))
      AND NOT EXISTS (SELECT FROM pg_shdepend o WHERE o.dbid = d.dbid AND o.classid = d.classid AND o.objid = d.objid
        AND o.deptype = 'o' AND pg_has_role(mine, o.refobjid, 'USAGE'))`,
  // Objects of their own that nothing was granted on, neither to everybody nor to my user nor to a role that it belongs to. Everybody
  // may use functions, types and languages from the outset; an identity column's sequence takes no privilege.
  "owned object": `
    SELECT pg_describe_object(o.classid, o.objid, 0)
    FROM pair
    JOIN pg_shdepend o ON o.refclassid = 'pg_authid'::regclass AND o.refobjid = theirs AND o.deptype = 'o' AND o.dbid IN (0, database)
    CROSS JOIN LATERAL (SELECT ${aclOf("o")} AS own) AS acl
    WHERE NOT pg_has_role(mine, theirs, 'USAGE') AND o.classid IN (${WITH_ACL})
      AND NOT EXISTS (SELECT FROM pg_class WHERE o.classid = 'pg_class'::regclass AND oid = o.objid AND relpersistence = 't')
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE o.classid = 'pg_class'::regclass AND i.classid = o.classid AND i.objid = o.objid
        AND i.deptype = 'i' AND i.refclassid = 'pg_class'::regclass AND i.refobjsubid > 0)
      AND NOT EXISTS (SELECT FROM pg_shdepend a WHERE a.dbid = o.dbid AND a.classid = o.classid AND a.objid = o.objid
        AND a.deptype = 'a' AND pg_has_role(mine, a.refobjid, 'USAGE'))
      AND NOT EXISTS (SELECT FROM aclexplode(acl.own) AS given WHERE CASE given.grantee
        WHEN 0 THEN given.privilege_type NOT IN ('CONNECT', 'TEMPORARY') ELSE pg_has_role(mine, given.grantee, 'USAGE') END)
      AND NOT (acl.own IS NULL AND o.classid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_language'::regclass))`,
  "row security policy": `
    SELECT pg_describe_object(d.classid, d.objid, 0)
    FROM pair
    JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = theirs AND d.deptype = 'r' AND d.dbid = database
    JOIN pg_policy p ON p.oid = d.objid AND p.polpermissive
    WHERE NOT EXISTS (SELECT FROM unnest(p.polroles) AS given WHERE pg_has_role(mine, given, 'USAGE'))`,
  "user mapping": `
    SELECT t.srvname::text
    FROM pair JOIN pg_user_mappings t ON t.umuser = their_maker
    WHERE NOT EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvid = t.srvid AND m.umuser IN (0, my_maker))`,
  "shared owner": `
    SELECT pg_get_userbyid(their_maker)::text FROM pair WHERE $3 AND is_copy AND my_maker <> their_maker`,
  // What others get on objects that are made from now on. Default privileges of a schema are added to those of the whole database, and
  // those to nothing: they stand for what PostgreSQL gives otherwise, such as EXECUTE on functions to everybody.
  "default privilege": `
    SELECT coalesce((SELECT rolname FROM pg_roles WHERE oid = theirs_get.grantee), 'PUBLIC')
    FROM pair JOIN pg_default_acl t ON t.defaclrole = their_maker, aclexplode(t.defaclacl) AS theirs_get
    WHERE theirs_get.grantee NOT IN (mine, theirs, my_maker, their_maker)
      AND NOT EXISTS (SELECT FROM (
          SELECT defaclacl FROM pg_default_acl
          WHERE defaclrole = my_maker AND defaclobjtype = t.defaclobjtype AND defaclnamespace IN (0, t.defaclnamespace)
          UNION ALL SELECT acldefault(CASE t.defaclobjtype WHEN 'S' THEN 's' ELSE t.defaclobjtype END, my_maker)
          WHERE NOT EXISTS (SELECT FROM pg_default_acl
            WHERE defaclrole = my_maker AND defaclobjtype = t.defaclobjtype AND defaclnamespace = 0)
        ) AS my(acl), aclexplode(my.acl) AS mine_get
        WHERE mine_get.grantee IN (0, theirs_get.grantee) AND mine_get.privilege_type = theirs_get.privilege_type
          AND mine_get.is_grantable >= theirs_get.is_grantable)`,
} as const;

export type Kind = keyof typeof KINDS;

// An object that somebody drops meanwhile has no name.
const STATEMENT = `WITH ${PAIR}, lacking(kind, name) AS (${Object.entries(KINDS)
  .map(([kind, names]) => `SELECT '${kind}', name FROM (${names}) AS names(name)`)
  .join("\nUNION ALL\n")})
SELECT kind, count(DISTINCT name::text)::int AS count, (array_agg(DISTINCT name::text ORDER BY name::text))[1:3] AS names
FROM lacking WHERE name IS NOT NULL GROUP BY kind ORDER BY kind`;
