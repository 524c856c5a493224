import { RotationError } from "../errors.ts";
import { asAdministrator, drift } from "./postgres-administrator.ts";
import { isAccepted, signIn, withSession, withWritableSession } from "./postgres-connection.ts";
import { type PostgresCredential, postgresCredential, sameDatabase } from "./postgres-credential.ts";
import { quoteIdentifier } from "./postgres-identifiers.ts";
import { sessions } from "./postgres-sessions.ts";
import { scramSha256Verifier } from "./scram-sha-256.ts";
import { defineStrategy, type RotationContext } from "./strategy.ts";

/**
 * One PostgreSQL user, whose password is changed by the user itself or, where the secret has `masterarn` and the policy names an
 * administrator, by that one. Without the policy's word `masterarn` is left alone, as AWS's template of this scheme leaves it.
 *
 * Without overlap: from setSecret until finishSecret, whoever reads AWSCURRENT and opens a new connection is refused; open connections
 * go on. PostgreSQL keeps one password per role, so nothing can close that gap; alternating users has none.
 */
export const postgresSingleUser = defineStrategy<PostgresCredential>({
  name: "postgres-single-user",
  scheme: "single-user",
  credential: postgresCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  /**
   * Looks first, so it may be repeated; the ALTER is its last statement, because the gap is open from there.
   * @throws RotationError ConfigurationInvalid when the candidate names another database, user or administrator than base (nothing was
   * sent then), or when the administrator's secret is malformed; CredentialDrift when no labelled version signs in, and the role does
   * not say that this secret's administrator may set its password all the same; TargetUnavailable, AccessDenied
   */
  async setSecret({ candidate, base, previous }, context) {
    // Case 1: the candidate is for another server, user or administrator. It must not learn our password by our trying it there.
    if (!sameLogin(candidate, base) || candidate.masterarn !== base.masterarn) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must have the host, port, dbname, username and masterarn of the version before it.`,
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
    // Case 6: somebody else changed the password, and the role says whose administrator may change it back.
    if (await setUnknownPassword(base, candidate.password, context)) {
      return;
    }
    throw drift(base, context, "neither the candidate, nor the base, nor the version before it signs in");
  },

  /** @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid */
  async testSecret(credential, context) {
    await withSession(credential, context, async (session) => {
      await session.query("BEGIN TRANSACTION READ ONLY; SELECT 1; COMMIT");
    });
  },

  /**
   * @throws RotationError CredentialDrift when base cannot be made to sign in again; ConfigurationInvalid when the administrator's
   * secret is malformed; TargetUnavailable, AccessDenied
   */
  async rollbackSecret({ candidate, base, previous }, context) {
    // Case 1: the base signs in. Nothing was set, or it was restored before.
    if (await isAccepted(base, context)) {
      return;
    }
    // Case 2: the candidate was set. Case 3: the target still has the version before the base.
    for (const known of knownLogins([candidate, previous], base)) {
      if (await setPassword(known, base.password, context)) {
        return proveBase(base, context);
      }
    }
    // Case 4: another attempt of ours has restored it since we looked.
    if (await isAccepted(base, context)) {
      return;
    }
    // Case 5: somebody else changed the password, and the role says whose administrator may change it back.
    if (await setUnknownPassword(base, base.password, context)) {
      return proveBase(base, context);
    }
    throw drift(base, context, "neither the base, nor the candidate, nor the version before the base signs in");
  },

  signIn,
  sessions,
});

/**
 * Those of the versions that may be tried: same user and database as the base, reached as the base is (AWS's templates do so), and
 * changed by the base's administrator.
 */
function knownLogins(versions: readonly (PostgresCredential | undefined)[], base: PostgresCredential) {
  return versions
    .filter((version) => version !== undefined && sameLogin(version, base))
    .map((version) => ({ ...base, ...version, ssl: base.ssl, masterarn: base.masterarn }));
}

function sameLogin(one: PostgresCredential, other: PostgresCredential): boolean {
  return one.username === other.username && sameDatabase(one, other);
}

function administratorFor({ masterarn }: PostgresCredential, { policy }: RotationContext): string | undefined {
  return policy.administratorSecretId === undefined ? undefined : masterarn;
}

async function proveBase(base: PostgresCredential, context: RotationContext): Promise<void> {
  if (!(await isAccepted(base, context))) {
    throw drift(base, context, "the password of the base was set again and is refused");
  }
}

/**
 * Signs in as `login`, and changes its password in that session or, once it has so proved a right to the user, as administrator.
 * False, and nothing changed, when `login` is refused.
 */
async function setPassword(login: PostgresCredential, password: string, context: RotationContext): Promise<boolean> {
  const statement = await changeOf(login, password);
  const masterarn = administratorFor(login, context);
  if (masterarn !== undefined) {
    if (!(await isAccepted(login, context))) {
      return false;
    }
    await asAdministrator({ ...login, masterarn }, login.username, context, (session) => session.query(statement));
    return true;
  }
  try {
    await withWritableSession(login, context, async (session) => {
      // ALTER ROLE ... SET role may have made another of the user, who may not change the user's password.
      await session.query("SET ROLE NONE");
      await session.query(statement);
    });
    return true;
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      return false;
    }
    throw error;
  }
}

/**
 * No version signs in, so that whoever wrote the secret has not proved a right to its user, and the administrator must not be made
 * to change anybody's password. The database may give that right: a role's comment can be set by those only who may set its
 * password. False, and nothing changed, without an administrator, or where the role cannot sign in or its comment does not name the secret.
 */
async function setUnknownPassword(base: PostgresCredential, password: string, context: RotationContext) {
  const masterarn = administratorFor(base, context);
  if (masterarn === undefined) {
    return false;
  }
  return asAdministrator({ ...base, masterarn }, base.username, context, async (session) => {
    const [role] = await session.query(
      `SELECT coalesce(shobj_description(oid, 'pg_authid'), '') AS comment FROM pg_roles WHERE rolname = $1 AND rolcanlogin`,
      [base.username],
    );
    if (role === undefined || !String(role["comment"]).split(/\s+/).includes(context.secretArn)) {
      return false;
    }
    await session.query(await changeOf(base, password));
    return true;
  });
}

async function changeOf({ username }: PostgresCredential, password: string): Promise<string> {
  return `ALTER ROLE ${quoteIdentifier(username)} PASSWORD '${await scramSha256Verifier(password)}'`;
}
