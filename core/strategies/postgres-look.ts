import { type Context, type PostgresSession, serverTimeouts } from "./postgres-connection.ts";

/**
 * Runs `work`, which only reads from the catalogs, whatever the user's own settings are:
 * - no schema is searched but PostgreSQL's own. In any other, whoever may create functions there could make one that fits our
 *   statements better than PostgreSQL's, and would have the user run it;
 * - the time limits are those of withWritableSession;
 * - nothing is compiled (JIT): for the longest of our statements that takes more time than it saves.
 * All of it ends with `work`: the user's sessions may go on in a pooler that knows of nothing.
 */
export async function look<T>(
  session: PostgresSession,
  { timeoutMs }: Pick<Context, "timeoutMs">,
  work: () => Promise<T>,
): Promise<T> {
  const { lockTimeoutMs, statementTimeoutMs } = serverTimeouts(timeoutMs);
  await session.query("BEGIN TRANSACTION READ ONLY; SET LOCAL search_path TO pg_catalog");
  await session.query(
    `SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
      (SELECT set_config(name, 'off', true) FROM pg_settings WHERE name = 'jit')`,
    [`${lockTimeoutMs}ms`, `${statementTimeoutMs}ms`],
  );
  const found = await work();
  await session.query("COMMIT");
  return found;
}
