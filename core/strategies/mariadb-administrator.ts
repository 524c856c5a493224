import { RotationError } from "../errors.ts";
import { readAdministrator } from "./administrator.ts";
import { type WritableSession, withWritableSession } from "./mariadb-connection.ts";
import {
  addressOf,
  administratorOf,
  type MariadbAlternatingCredential,
  type MariadbCredential,
} from "./mariadb-credential.ts";
import { errorNumberOf } from "./mariadb-errors.ts";
import type { RotationContext } from "./strategy.ts";

/** ER_MUST_CHANGE_PASSWORD and ER_MUST_CHANGE_PASSWORD_LOGIN. */
const EXPIRED = [1820, 1862];

/**
 * Runs `work` in a session of the administrator whose secret `masterarn` names.
 * @param work is given the administrator's user name, too
 * @throws RotationError AccessDenied when the administrator is refused; ConfigurationInvalid when their secret is malformed or for
 * another host, or not the policy's; and what `readSecret` and `withWritableSession` throw
 */
export async function asAdministrator<T>(
  user: MariadbAlternatingCredential,
  context: RotationContext,
  work: (session: WritableSession, administrator: string) => Promise<T>,
): Promise<T> {
  const secret = await readAdministrator(user.masterarn, context);
  const administrator = administratorOf(user, secret);
  // Without a host of its own, the password would go wherever the user's secret says.
  const proofsOnly = (secret as { readonly host?: string }).host === undefined;
  try {
    return await withWritableSession(administrator, { ...context, proofsOnly }, (session) =>
      work(session, administrator.username),
    );
  } catch (error) {
    const isExpired = EXPIRED.includes(errorNumberOf(error) ?? 0);
    if (error instanceof RotationError && (error.name === "CredentialRejected" || isExpired)) {
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
