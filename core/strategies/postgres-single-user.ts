import { RotationError } from "../errors.ts";
import { isAccepted, sessions, signIn, withSession, withWritableSession } from "./postgres-connection.ts";
import { addressOf, type PostgresCredential, postgresCredential, sameDatabase } from "./postgres-credential.ts";
import { quoteIdentifier } from "./postgres-identifiers.ts";
import { scramSha256Verifier } from "./scram-sha-256.ts";
import { defineStrategy, type RotationContext } from "./strategy.ts";

/**
 * One PostgreSQL user who changes their own password. Without overlap: from setSecret until finishSecret, whoever reads
 * AWSCURRENT and opens a new connection is refused; open connections go on. PostgreSQL keeps one password per role, so
 * nothing can close that gap; alternating users has none.
 */
export const postgresSingleUser = defineStrategy<PostgresCredential>({
  name: "postgres-single-user",
  scheme: "single-user",
  credential: postgresCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  /**
   * Looks first, so it may be repeated; the ALTER is its last statement, because the gap is open from there.
   * @throws RotationError ConfigurationInvalid when the candidate names another database or user than base (nothing was sent then);
   * CredentialDrift when no labelled version signs in; TargetUnavailable, AccessDenied
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

  /** @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid */
  async testSecret(credential, context) {
    await withSession(credential, context, async (session) => {
      await session.query("BEGIN TRANSACTION READ ONLY; SELECT 1; COMMIT");
    });
  },

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
  sessions,
});

/** Those of the versions that may be tried: same user and database as the base, and reached as the base is (AWS's templates do so). */
function knownLogins(versions: readonly (PostgresCredential | undefined)[], base: PostgresCredential) {
  return versions
    .filter((version) => version !== undefined && sameLogin(version, base))
    .map((version) => ({ ...base, ...version, ssl: base.ssl }));
}

function sameLogin(one: PostgresCredential, other: PostgresCredential): boolean {
  return one.username === other.username && sameDatabase(one, other);
}

/** Signs in as `login` and changes its password. False, and nothing changed, when `login` is refused. */
async function setPassword(login: PostgresCredential, password: string, context: RotationContext): Promise<boolean> {
  const statement = `ALTER ROLE ${quoteIdentifier(login.username)} PASSWORD '${await scramSha256Verifier(password)}'`;
  try {
    await withWritableSession(login, context, (session) => session.query(statement));
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      return false;
    }
    throw error;
  }
}

function drift(base: PostgresCredential, context: RotationContext, fact: string): RotationError {
  const { host, port } = addressOf(base);
  return new RotationError("CredentialDrift", `PostgreSQL at ${host}:${port}, version ${context.versionId}: ${fact}.`);
}
