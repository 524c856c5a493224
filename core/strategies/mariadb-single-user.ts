import { RotationError } from "../errors.ts";
import { ownAccount, passwordIndex } from "./mariadb-accounts.ts";
import { drift } from "./mariadb-administrator.ts";
import { isAccepted, signIn, testSecret, type WritableSession, withWritableSession } from "./mariadb-connection.ts";
import { type MariadbCredential, mariadbCredential, sameLogin } from "./mariadb-credential.ts";
import { errorNumberOf } from "./mariadb-errors.ts";
import { quoteText } from "./mariadb-identifiers.ts";
import { authenticationBy } from "./mariadb-passwords.ts";
import { defineStrategy, type RotationContext } from "./strategy.ts";

/** ER_SET_PASSWORD_AUTH_PLUGIN: "SET PASSWORD is not applicable for users authenticating via ... plugin". */
const NOT_APPLICABLE = 1699;

/**
 * One MariaDB or MySQL user who changes their own password, at the account (user and host) that Rotor's own address leads to. Without
 * overlap: from setSecret until finishSecret, whoever reads AWSCURRENT and opens a new connection is refused; open connections go on. On
 * MariaDB, dual has no such gap.
 */
export const mariadbSingleUser = defineStrategy<MariadbCredential>({
  name: "mariadb-single-user",
  scheme: "single-user",
  credential: mariadbCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  /**
   * Looks first, so it may be repeated; the change is its last statement, because the gap is open from there.
   * @throws RotationError ConfigurationInvalid when the candidate names another database or user than base (nothing was sent then), when
   * the account has not one password, and on MySQL without TLS; CredentialDrift when no labelled version signs in;
   * TargetUnavailable, AccessDenied
   */
  async setSecret({ candidate, base, previous }, context) {
    // Case 1: the candidate is for another server or user. It must not learn our password by our trying it there.
    if (!sameLogin(candidate, base)) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must have the host, port, dbname and username of the version before it.`,
      );
    }
    // Case 2: it signs in. A retry: the password is already set.
    if (await isAccepted(candidate, context)) {
      return;
    }
    // Case 3: the base signs in. Case 4: only the version before it does, as after a rotation that was left half done.
    for (const known of knownLogins([base, previous], base)) {
      if (await setPassword(known, candidate.password, context)) {
        return;
      }
    }
    // Case 5: another attempt of ours has set it since we looked.
    if (await isAccepted(candidate, context)) {
      return;
    }
    // Case 6: somebody else changed the password.
    throw drift(base, context, "neither the candidate, nor the base, nor the version before it signs in");
  },

  testSecret,

  /** @throws RotationError CredentialDrift when base cannot be made to sign in again; TargetUnavailable, AccessDenied */
  async rollbackSecret({ candidate, base, previous }, context) {
    // Case 1: the base signs in. Nothing was set, or it was restored before.
    if (await isAccepted(base, context)) {
      return;
    }
    // Case 2: the candidate was set. Case 3: the target still has the version before the base.
    for (const known of knownLogins([candidate, previous], base)) {
      if (await setPassword(known, base.password, context)) {
        if (await isAccepted(base, context)) {
          return;
        }
        throw drift(base, context, "the password of the base was set again and is refused");
      }
    }
    // Case 4: another attempt of ours has restored it since we looked.
    if (await isAccepted(base, context)) {
      return;
    }
    // Case 5: somebody else changed the password.
    throw drift(base, context, "neither the base, nor the candidate, nor the version before the base signs in");
  },

  signIn,
});

/** Those of the versions that may be tried: same user and database as the base, and reached as the base is (AWS's templates do so). */
function knownLogins(versions: readonly (MariadbCredential | undefined)[], base: MariadbCredential) {
  return versions
    .filter((version) => version !== undefined && sameLogin(version, base))
    .map((version) => ({ ...base, ...version, ssl: base.ssl }));
}

/** Signs in as `login` and changes its password. False, and nothing changed, when `login` is refused. */
async function setPassword(login: MariadbCredential, password: string, context: RotationContext): Promise<boolean> {
  try {
    await withWritableSession(login, context, async (session) => {
      await session.query(await statement(session, password));
    });
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      return false;
    }
    // Without a binary log, MariaDB answers so for an account that has unix_socket as well, and sets its password nevertheless.
    if (errorNumberOf(error) === NOT_APPLICABLE && (await isAccepted({ ...login, password }, context))) {
      return true;
    }
    throw error;
  }
}

/**
 * MariaDB takes what it stores for a password from anybody for their own account, and puts it where the account's password is. MySQL takes
 * it from those with CREATE USER alone; from the user itself it takes the password, which it keeps out of its logs.
 */
async function statement(session: WritableSession, password: string): Promise<string> {
  if (session.dialect === "mysql") {
    if (!session.isEncrypted) {
      throw new RotationError(
        "ConfigurationInvalid",
        'MySQL takes a new password from its user in clear text only, which is not sent without TLS: set "ssl" to true in the secret.',
      );
    }
    return `ALTER USER USER() IDENTIFIED BY ${quoteText(password)}`;
  }
  const account = await ownAccount(session);
  const { plugin } = account.authentications[passwordIndex(account)] ?? { plugin: "" };
  return `SET PASSWORD = ${quoteText(authenticationBy(plugin, password).stored)}`;
}
