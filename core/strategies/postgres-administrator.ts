import { RotationError } from "../errors.ts";
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
 * @throws RotationError AccessDenied when the administrator is refused; ConfigurationInvalid when their secret is malformed or for
 * another host; and what `readSecret` and `withWritableSession` throw
 */
export async function asAdministrator<T>(
  user: PostgresAlternatingCredential,
  context: RotationContext,
  work: (session: PostgresSession) => Promise<T>,
): Promise<T> {
  const administrator = administratorOf(user, await context.readSecret(user.masterarn));
  try {
    return await withWritableSession(administrator, context, work);
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
