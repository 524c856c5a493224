import type { PostgresSession } from "./postgres-connection.ts";

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
    names: row["names"] as string[],
  }));
}

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
    FROM (SELECT setdatabase, unnest(setconfig) AS setting FROM pair JOIN pg_db_role_setting ON setrole = theirs WHERE is_copy
      EXCEPT SELECT setdatabase, unnest(setconfig) FROM pair JOIN pg_db_role_setting ON setrole = mine) AS missing`,
  grant: `
    SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pair
    JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = theirs AND d.deptype = 'a' AND d.dbid IN (0, database)
    CROSS JOIN LATERAL (SELECT CASE d.classid
      WHEN 'pg_class'::regclass THEN CASE d.objsubid WHEN 0 THEN (SELECT relacl FROM pg_class WHERE oid = d.objid)
        ELSE (SELECT attacl FROM pg_attribute WHERE attrelid = d.objid AND attnum = d.objsubid) END
      WHEN 'pg_namespace'::regclass THEN (SELECT nspacl FROM pg_namespace WHERE oid = d.objid)
      WHEN 'pg_proc'::regclass THEN (SELECT proacl FROM pg_proc WHERE oid = d.objid)
      WHEN 'pg_type'::regclass THEN (SELECT typacl FROM pg_type WHERE oid = d.objid)
      WHEN 'pg_database'::regclass THEN (SELECT datacl FROM pg_database WHERE oid = d.objid)
      WHEN 'pg_language'::regclass THEN (SELECT lanacl FROM pg_language WHERE oid = d.objid)
      WHEN 'pg_foreign_server'::regclass THEN (SELECT srvacl FROM pg_foreign_server WHERE oid = d.objid)
      WHEN 'pg_foreign_data_wrapper'::regclass THEN (SELECT fdwacl FROM pg_foreign_data_wrapper WHERE oid = d.objid)
      WHEN 'pg_tablespace'::regclass THEN (SELECT spcacl FROM pg_tablespace WHERE oid = d.objid)
      WHEN 'pg_largeobject'::regclass THEN (SELECT lomacl FROM pg_largeobject_metadata WHERE oid = d.objid)
      END AS own, CASE WHEN d.objsubid <> 0 THEN (SELECT relacl FROM pg_class WHERE oid = d.objid) END AS whole) AS acl
    CROSS JOIN LATERAL aclexplode(acl.own) AS theirs_by
    WHERE theirs_by.grantee = theirs
      AND NOT EXISTS (SELECT FROM aclexplode(acl.own || acl.whole) AS mine_by
        WHERE mine_by.privilege_type = theirs_by.privilege_type AND mine_by.is_grantable >= theirs_by.is_grantable
          AND (mine_by.grantee = 0 OR pg_has_role(mine, mine_by.grantee, 'USAGE')))
      AND NOT EXISTS (SELECT FROM pg_shdepend o WHERE o.dbid = d.dbid AND o.classid = d.classid AND o.objid = d.objid
        AND o.deptype = 'o' AND pg_has_role(mine, o.refobjid, 'USAGE'))`,
  // Objects of their own that nothing was granted on, neither to my user nor to a role that it belongs to.
  "owned object": `
    SELECT pg_describe_object(o.classid, o.objid, 0)
    FROM pair
    JOIN pg_shdepend o ON o.refclassid = 'pg_authid'::regclass AND o.refobjid = theirs AND o.deptype = 'o' AND o.dbid IN (0, database)
    WHERE NOT pg_has_role(mine, theirs, 'USAGE') AND o.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)
      AND NOT EXISTS (SELECT FROM pg_class WHERE o.classid = 'pg_class'::regclass AND oid = o.objid AND relpersistence = 't')
      AND NOT EXISTS (SELECT FROM pg_shdepend a WHERE a.dbid = o.dbid AND a.classid = o.classid AND a.objid = o.objid
        AND a.deptype = 'a' AND pg_has_role(mine, a.refobjid, 'USAGE'))`,
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
  // What others get on objects that are made from now on.
  "default privilege": `
    SELECT coalesce((SELECT rolname FROM pg_roles WHERE oid = missing.grantee), 'PUBLIC')
    FROM (SELECT defaclnamespace, defaclobjtype, grantee, privilege_type, is_grantable
        FROM pair JOIN pg_default_acl ON defaclrole = their_maker, aclexplode(defaclacl)
        WHERE grantee NOT IN (mine, theirs, my_maker, their_maker)
      EXCEPT SELECT defaclnamespace, defaclobjtype, grantee, privilege_type, is_grantable
        FROM pair JOIN pg_default_acl ON defaclrole = my_maker, aclexplode(defaclacl)) AS missing`,
} as const;

export type Kind = keyof typeof KINDS;

const STATEMENT = `WITH ${PAIR}, lacking(kind, name) AS (${Object.entries(KINDS)
  .map(([kind, names]) => `SELECT '${kind}', name FROM (${names}) AS names(name)`)
  .join("\nUNION ALL\n")})
SELECT kind, count(*)::int AS count, (array_agg(DISTINCT name::text ORDER BY name::text))[1:3] AS names
FROM lacking GROUP BY kind ORDER BY kind`;
