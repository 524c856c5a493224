import type { PostgresSession } from "./postgres-connection.ts";
import { quoteIdentifier, quoteLiteral } from "./postgres-identifiers.ts";

/** A role as pg_roles shows it. */
export interface Role {
  readonly name: string;
  readonly flags: Readonly<Record<RoleFlag, boolean>>;
  readonly inherits: boolean;
  readonly connectionLimit: number;
  readonly validUntil: string;
  readonly comment: string;
}

const FLAGS = ["SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"] as const;
type RoleFlag = (typeof FLAGS)[number];

/**
 * The role of that name as it is now; undefined when there is none. Only reads.
 * @throws what PostgresSession.query throws
 */
export async function findRole(session: PostgresSession, name: string): Promise<Role | undefined> {
  const [row] = await session.query(
    `SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolinherit, rolconnlimit,
      coalesce(rolvaliduntil::text, 'infinity') AS valid_until, coalesce(shobj_description(oid, 'pg_authid'), '') AS comment
    FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  return (
    row && {
      name,
      flags: {
        SUPERUSER: row["rolsuper"] === true,
        CREATEDB: row["rolcreatedb"] === true,
        CREATEROLE: row["rolcreaterole"] === true,
        REPLICATION: row["rolreplication"] === true,
        BYPASSRLS: row["rolbypassrls"] === true,
      },
      inherits: row["rolinherit"] === true,
      connectionLimit: Number(row["rolconnlimit"]),
      validUntil: String(row["valid_until"]),
      comment: String(row["comment"]),
    }
  );
}

/** Whether `member` was granted `group` itself, not by way of another role. */
export async function isMember(session: PostgresSession, member: string, group: string): Promise<boolean> {
  const [row] = await session.query(
    `SELECT count(*)::int AS grants FROM pg_auth_members
    WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1) AND member = (SELECT oid FROM pg_roles WHERE rolname = $2)`,
    [group, member],
  );
  return Number(row?.["grants"]) > 0;
}

/**
 * Gives `copy` what `original` may do, and only what differs, so that an administrator needs no right that is not used.
 * - Membership in the original, as AWS's template grants it. It carries the privileges on objects, the original's own
 *   memberships with their ADMIN options, row security policies and pg_hba.conf lines - those of tomorrow, too, and those
 *   that are revoked are gone at once. Copied memberships would drift.
 * - What membership does not carry: attributes, CONNECTION LIMIT, VALID UNTIL, and the settings of ALTER ROLE ... SET.
 * INHERIT is not copied: without it the copy would not have the original's privileges. Through a NOINHERIT original, the copy inherits
 * what was granted to the original itself and nothing beyond, which is what the original has.
 * With `sharedOwner` the sessions of the copy begin as the original (ALTER ROLE ... SET role), unless the original's own begin as
 * another role already: what they make belongs to the same owner then, whichever of both was current.
 * @throws RotationError AccessDenied when the administrator may not give one of them
 */
export async function copyPrivileges(
  session: PostgresSession,
  original: Role,
  copy: Role,
  sharedOwner: boolean,
): Promise<void> {
  const role = quoteIdentifier(copy.name);
  const changes = FLAGS.filter((flag) => original.flags[flag] !== copy.flags[flag]).map((flag) =>
    original.flags[flag] ? flag : `NO${flag}`,
  );
  if (!copy.inherits) {
    changes.push("INHERIT");
  }
  if (original.connectionLimit !== copy.connectionLimit) {
    changes.push(`CONNECTION LIMIT ${original.connectionLimit}`);
  }
  if (original.validUntil !== copy.validUntil) {
    changes.push(`VALID UNTIL ${quoteLiteral(original.validUntil)}`);
  }
  if (changes.length > 0) {
    await session.query(`ALTER ROLE ${role} ${changes.join(" ")}`);
  }
  await grantMembership(session, original.name, copy.name, sharedOwner);
  await copySettings(session, original.name, copy.name, sharedOwner);
}

async function grantMembership(session: PostgresSession, original: string, copy: string, set: boolean): Promise<void> {
  // Since PostgreSQL 16 the grant decides whether its member inherits, and may SET ROLE; before, the member's INHERIT does, and every
  // member may. The functions see both.
  const [row] = await session.query(
    `SELECT EXISTS (SELECT FROM pg_auth_members
        WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = $1) AND member = (SELECT oid FROM pg_roles WHERE rolname = $2))
      AND pg_has_role($2, $1, 'USAGE')
      AND (NOT $3 OR pg_has_role($2, $1, CASE WHEN options THEN 'SET' ELSE 'MEMBER' END)) AS granted, options
    FROM (SELECT current_setting('server_version_num')::int >= 160000 AS options) AS server`,
    [original, copy, set],
  );
  if (row?.["granted"] !== true) {
    const options = row?.["options"] === true ? ` WITH INHERIT TRUE${set ? ", SET TRUE" : ""}` : "";
    await session.query(`GRANT ${quoteIdentifier(original)} TO ${quoteIdentifier(copy)}${options}`);
  }
}

// --- settings: ALTER ROLE ... [IN DATABASE ...] SET ---

async function copySettings(session: PostgresSession, original: string, copy: string, sharedOwner: boolean) {
  const [own, present] = [await settingsOf(session, original), await settingsOf(session, copy)];
  const owner: Setting = { scope: "", name: quoteIdentifier("role"), isList: false, value: original };
  const wanted = sharedOwner ? new Map([[settingKey(null, "role"), owner], ...own]) : own;
  const role = quoteIdentifier(copy);
  for (const [key, setting] of wanted) {
    if (present.get(key)?.value !== setting.value) {
      await session.query(`ALTER ROLE ${role}${setting.scope} SET ${setting.name} TO ${settingValue(setting)}`);
    }
  }
  for (const [key, setting] of present) {
    if (!wanted.has(key)) {
      await session.query(`ALTER ROLE ${role}${setting.scope} RESET ${setting.name}`);
    }
  }
}

interface Setting {
  /** "" or " IN DATABASE ..." */
  readonly scope: string;
  /** Quoted. */
  readonly name: string;
  readonly isList: boolean;
  /** As the catalog has it. */
  readonly value: string;
}

/** Those whose value is a list of quoted names, GUC_LIST_QUOTE in PostgreSQL's source; pg_dump knows them by name as well. */
export const LISTS: readonly string[] = [
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
];

const IDENTIFIER_LISTS = ["search_path", "temp_tablespaces"];

async function settingsOf(session: PostgresSession, role: string): Promise<ReadonlyMap<string, Setting>> {
  const rows = await session.query(
    `SELECT d.datname AS database, unnest(s.setconfig) AS setting
    FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE r.rolname = $1`,
    [role],
  );
  return new Map(
    rows.map((row) => {
      const database = row["database"] === null ? null : String(row["database"]);
      const setting = String(row["setting"]);
      const name = setting.slice(0, setting.indexOf("="));
      return [
        settingKey(database, name),
        {
          scope: database === null ? "" : ` IN DATABASE ${quoteIdentifier(database)}`,
          name: quoteIdentifier(name),
          isList: LISTS.includes(name.toLowerCase()),
          value: setting.slice(name.length + 1),
        },
      ];
    }),
  );
}

/** @param database null: in every database */
function settingKey(database: string | null, name: string): string {
  return JSON.stringify([database, name]);
}

function settingValue({ name, isList, value }: Setting): string {
  if (!isList) {
    return quoteLiteral(value);
  }
  // Unquoted, a path has the case that it is written in, and an identifier is in lower case.
  const fold = (item: string) =>
    IDENTIFIER_LISTS.some((list) => name === quoteIdentifier(list))
      ? item.replace(/[A-Z]+/g, (part) => part.toLowerCase())
      : item;
  const items = value.match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? [];
  return items.length === 0
    ? "''"
    : items
        .map((item) => (item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : fold(item)))
        .map(quoteLiteral)
        .join(", ");
}
