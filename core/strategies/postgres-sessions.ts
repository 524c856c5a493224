import { type Context, withSession } from "./postgres-connection.ts";
import type { PostgresCredential } from "./postgres-credential.ts";
import { look } from "./postgres-look.ts";
import type { Session } from "./strategy.ts";

/**
 * The client sessions of the credential's user, but for the one that asks. A session's beginning is reckoned from its age on the
 * server's clock and from the moment before we asked, so that it never seems later than it was.
 */
export async function sessions(credential: PostgresCredential, context: Context): Promise<readonly Session[]> {
  return withSession(credential, context, async (session) => {
    return look(session, context, async () => {
      // ALTER ROLE ... SET role may have made another of the user, from whom the user's own sessions are hidden.
      await session.query("SET LOCAL ROLE NONE");
      const askedAt = Date.now();
      const rows = await session.query(
        `SELECT coalesce(application_name, '') AS application, coalesce(host(client_addr), '') AS address,
          extract(epoch FROM clock_timestamp() - backend_start)::float8 * 1000 AS age_ms
        FROM pg_stat_activity
        WHERE usename = session_user AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        ORDER BY backend_start, pid`,
      );
      return rows.map((row) => ({
        application: String(row["application"]),
        address: String(row["address"]),
        begunAt: new Date(askedAt - Math.max(0, Number(row["age_ms"]))),
      }));
    });
  });
}
