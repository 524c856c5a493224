import { RotationError } from "../errors.ts";
import { APPLICATION_NAME, type PostgresSession } from "./postgres-connection.ts";
import { addressOf, type PostgresCredential } from "./postgres-credential.ts";
import type { RotationContext } from "./strategy.ts";

/** How many sessions are named. */
const NAMED = 5;

/**
 * Looks who is signed in as `user`, whose password is about to be set anew: services that did not follow the last rotation. Their
 * sessions go on; the next one that they open is refused. Says so by `context.remark`, or refuses, as the policy wants.
 *
 * Any role may look: PostgreSQL shows everybody the users and applications of all sessions, and the addresses to roles with the
 * privileges of the user or of pg_read_all_stats. Only reads. Replication clients count, Rotor's own sessions do not.
 * @throws RotationError SessionsOpen, where the policy's openSessions is "refuse"
 */
export async function lookForSessions(
  session: PostgresSession,
  user: PostgresCredential,
  context: RotationContext,
): Promise<void> {
  // What is NULL is hidden from us: then a session counts, whatever kind it is of.
  const rows = await session.query(
    `SELECT coalesce(application_name, '') AS application, backend_type IS NULL AS hidden,
      coalesce(host(client_addr), 'a local socket') AS address
    FROM pg_stat_activity
    WHERE usename = $1 AND coalesce(backend_type, 'client backend') IN ('client backend', 'walsender')
      AND application_name IS DISTINCT FROM $2
    ORDER BY backend_start, pid`,
    [user.username, APPLICATION_NAME],
  );
  if (rows.length === 0) return;
  const { host, port } = addressOf(user);
  const at = `PostgreSQL at ${host}:${port}`;
  const many = `${rows.length} ${rows.length === 1 ? "session" : "sessions"}`;
  const list = rows.slice(0, NAMED).map(describeSession).join(", ");
  const which = rows.length > NAMED ? `${list}, and ${rows.length - NAMED} more` : list;
  if (context.policy.openSessions === "refuse") {
    throw new RotationError(
      "SessionsOpen",
      `${at}: the password of "${user.username}" was not changed for version ${context.versionId}, as this user has ${many} open: ${which}.`,
    );
  }
  context.remark?.(
    `${at}: when its password was changed for version ${context.versionId}, "${user.username}" had ${many} open, which go on: ${which}.`,
  );
}

function describeSession({ application, address, hidden }: Readonly<Record<string, unknown>>): string {
  // Whoever signs in chooses the name: its quotes must not end ours.
  return `${JSON.stringify(application)} from ${hidden === true ? "an address that the administrator may not see" : address}`;
}
