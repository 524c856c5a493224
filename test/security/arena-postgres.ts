import { type Client, escapeIdentifier, escapeLiteral } from "pg";
import { scramSha256Verifier } from "../../core/strategies/scram-sha-256.ts";
import type { RotationStrategy } from "../../core/strategies/strategy.ts";
import { type Database, startDatabase } from "../../local/database.ts";
import { MASTER_ARN } from "../strategies/postgres-target.ts";
import { connectAs } from "../support/database.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../support/database-proxy.ts";
import type { Arena, Arenas, Catalog } from "./arena.ts";
import { VICTIM } from "./payloads.ts";

/** A server of its own, so that whatever changes in it was changed by the test. */
export async function startPostgresArenas(): Promise<Arenas> {
  const database = await startDatabase({ settings: { max_connections: "50", fsync: "off" } });
  const session = await connectAs(database.admin);
  const proxy = await startDatabaseProxy(database);
  await database.createRole(VICTIM, "password-of-the-victim");
  await query(session, `CREATE TABLE payments (id int); GRANT SELECT ON payments TO ${VICTIM}`);
  await query(session, `CREATE DATABASE accounting OWNER ${VICTIM}`);
  return {
    of: (strategy, by) => arena({ database, session, proxy }, strategy, by),
    [Symbol.asyncDispose]: async () => {
      await session.end();
      await proxy.refuse();
      await database.stop();
    },
  };
}

// --- internal ---

interface Place {
  readonly database: Database;
  readonly session: Client;
  readonly proxy: DatabaseProxy;
}

const verifiers = new Map<string, string>();

function arena({ database, session, proxy }: Place, strategy: RotationStrategy, by: "administrator" | "user"): Arena {
  const drop = async (username: string) => {
    const names = [`${username}_clone`, username];
    const found = await query(session, "SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", [names]);
    const roles = found.map(({ rolname }) => escapeIdentifier(String(rolname))).join(", ");
    if (roles !== "") await query(session, `DROP OWNED BY ${roles}; DROP ROLE ${roles}`);
  };
  return {
    strategy,
    policy: { openSessions: "report", ...(by === "administrator" && { administratorSecretId: MASTER_ARN }) },
    administrator: async () => ({ ...database.admin, host: proxy.host, port: proxy.port, ssl: false }),
    connections: () => proxy.connections(),
    catalog: () => catalogOf(session),
    drop,
    async user({ username, password }) {
      // Most of them have the same one, and a verifier takes thousands of rounds.
      const verifier = verifiers.get(password) ?? (await scramSha256Verifier(password));
      verifiers.set(password, verifier);
      await query(session, `CREATE ROLE ${escapeIdentifier(username)} LOGIN PASSWORD ${escapeLiteral(verifier)}`);
      await query(session, `GRANT SELECT ON payments TO ${escapeIdentifier(username)}`);
      return {
        ...{ engine: "postgres", host: proxy.host, port: proxy.port, dbname: "postgres", ssl: false },
        ...{ username, password, masterarn: MASTER_ARN },
      };
    },
  };
}

/** Roles with what is kept of their passwords, memberships, settings, databases, relations and each right to one. */
async function catalogOf(session: Client): Promise<Catalog> {
  const rows = await query(
    session,
    `SELECT 'role ' || rolname AS key, ARRAY[rolname::text] AS about, to_jsonb(role)::text AS "is" FROM pg_authid role
    UNION ALL SELECT 'member ' || roleid || ' ' || member || ' ' || grantor,
      ARRAY[pg_get_userbyid(member)::text], to_jsonb(m)::text FROM pg_auth_members m
    UNION ALL SELECT 'setting ' || setdatabase || ' ' || setrole, ARRAY[pg_get_userbyid(setrole)::text], setconfig::text
      FROM pg_db_role_setting
    UNION ALL SELECT 'database ' || datname, '{}', concat_ws(' ', datdba, datacl, datallowconn, datconnlimit) FROM pg_database
    UNION ALL SELECT 'relation ' || relname, '{}', concat_ws(' ', relowner, relkind) FROM pg_class
      WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'function ' || oid, '{}', proname FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'right ' || concat_ws(' ', relname, grantee, privilege_type), ARRAY[pg_get_userbyid(grantee)::text],
      is_grantable::text FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace`,
  );
  return new Map(
    rows.map(({ key, about, is }) => [String(key), { about: about as string[], is: String(is) }] as const),
  );
}

async function query(session: Client, text: string, values?: readonly unknown[]) {
  const { rows } = await session.query(text, values && [...values]);
  return rows as readonly Readonly<Record<string, unknown>>[];
}
