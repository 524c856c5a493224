import { RotationError } from "../errors.ts";
import { readAdministrator } from "./administrator.ts";
import { type PostgresSession, withWritableSession } from "./postgres-connection.ts";
import {
  addressOf,
  administratorOf,
  type PostgresAlternatingCredential,
  type PostgresCredential,
} from "./postgres-credential.ts";
import { sqlStateOf } from "./postgres-errors.ts";
import type { RotationContext } from "./strategy.ts";

/**
 * Runs `work` in a session of the administrator whose secret `masterarn` names.
 * @param changed the user whose password `work` sets; not the administrator: whoever has "admin_clone" would become "admin"
 * @throws RotationError AccessDenied when the administrator is refused; ConfigurationInvalid when it is not the policy's (nothing
 * was read or sent then), or is `changed`, or when their secret is malformed or for another host; and what `readSecret` and
 * `withWritableSession` throw
 */
export async function asAdministrator<T>(
  user: PostgresAlternatingCredential,
  changed: string,
  context: RotationContext,
  work: (session: PostgresSession) => Promise<T>,
): Promise<T> {
  const secret = await readAdministrator(user.masterarn, context);
  const administrator = administratorOf(user, secret);
  if (administrator.username === changed) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The administrator that masterarn names, ${changed}, is the user whose password would be changed: two secrets would hold one user. Choose another user name for this secret, or another administrator.`,
    );
  }
  // Without a host of its own, the password would go wherever the user's secret says.
  const refuseClearText = (secret as { readonly host?: string }).host === undefined;
  try {
    return await withWritableSession(administrator, { ...context, refuseClearText }, async (session) => {
      // In any other schema, whoever may create functions there could make one that fits our statements better than PostgreSQL's,
      // and would have the administrator run it.
      await session.query("SET search_path TO pg_catalog");
      return work(session);
    });
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      const { host, port } = addressOf(administrator);
      throw new RotationError(
        "AccessDenied",
        `PostgreSQL at ${host}:${port} refused the administrator that masterarn names (SQLSTATE ${sqlStateOf(error) ?? "unknown"}).`,
        { cause: error.cause },
      );
    }
    throw error;
  }
}

/** @param fact what contradicts the labels: who signs in */
export function drift(credential: PostgresCredential, context: RotationContext, fact: string): RotationError {
  const { host, port } = addressOf(credential);
  return new RotationError("CredentialDrift", `PostgreSQL at ${host}:${port}, version ${context.versionId}: ${fact}.`);
}
