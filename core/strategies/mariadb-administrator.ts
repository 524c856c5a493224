import { RotationError } from "../errors.ts";
import { type WritableSession, withWritableSession } from "./mariadb-connection.ts";
import {
  addressOf,
  administratorOf,
  type MariadbAlternatingCredential,
  type MariadbCredential,
} from "./mariadb-credential.ts";
import { errorNumberOf } from "./mariadb-errors.ts";
import type { RotationContext } from "./strategy.ts";

/**
 * Runs `work` in a session of the administrator whose secret `masterarn` names.
 * @throws RotationError AccessDenied when the administrator is refused; ConfigurationInvalid when their secret is malformed or for
 * another host; and what `readSecret` and `withWritableSession` throw
 */
export async function asAdministrator<T>(
  user: MariadbAlternatingCredential,
  context: RotationContext,
  work: (session: WritableSession) => Promise<T>,
): Promise<T> {
  const administrator = administratorOf(user, await context.readSecret(user.masterarn));
  try {
    return await withWritableSession(administrator, context, work);
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      const { host, port } = addressOf(administrator);
      throw new RotationError(
        "AccessDenied",
        `MariaDB at ${host}:${port} refused the administrator that masterarn names (error ${errorNumberOf(error) ?? "unknown"}).`,
        { cause: error.cause },
      );
    }
    throw error;
  }
}

/** @param fact what contradicts the labels: who signs in, or what the account has */
export function drift(credential: MariadbCredential, context: RotationContext, fact: string): RotationError {
  const { host, port } = addressOf(credential);
  return new RotationError("CredentialDrift", `MariaDB at ${host}:${port}, version ${context.versionId}: ${fact}.`);
}
