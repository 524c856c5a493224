import { isRetryable, RotationError } from "../errors.ts";
import { asAdministrator, drift } from "./postgres-administrator.ts";
import { isAccepted, type PostgresSession, signIn, withSession } from "./postgres-connection.ts";
import {
  addressOf,
  type PostgresAlternatingCredential,
  postgresAlternatingCredential,
  sameDatabase,
} from "./postgres-credential.ts";
import { sqlStateOf } from "./postgres-errors.ts";
import { isIdentifier, MAX_IDENTIFIER_BYTES, quoteIdentifier, quoteLiteral } from "./postgres-identifiers.ts";
import { look } from "./postgres-look.ts";
import { lookForSessions } from "./postgres-open-sessions.ts";
import { type Lack, lacks } from "./postgres-privileges.ts";
import { copyPrivileges, findRole, isMember } from "./postgres-roles.ts";
import { sessions } from "./postgres-sessions.ts";
import { scramSha256Verifier } from "./scram-sha-256.ts";
import { defineStrategy, type RotationContext, type Versions } from "./strategy.ts";

const SUFFIX = "_clone";

/** SQLSTATE dependent_objects_still_exist: the role owns objects. */
const OWNS_OBJECTS = "2BP01";

/**
 * Two PostgreSQL users in turn, AWS's alternating users: the candidate is the other one of `user` and `user_clone`, set by the
 * administrator whose secret `masterarn` names. With overlap: both sign in until the next rotation.
 *
 * The copy is a member of the original and so may do whatever the original may. Objects made by the copy belong to the copy, and the
 * original has no right to them, unless the policy has `sharedOwner`.
 */
export const postgresAlternatingUsers = defineStrategy<PostgresAlternatingCredential>({
  name: "postgres-alternating-users",
  scheme: "alternating-users",
  credential: postgresAlternatingCredential,

  /** @throws RotationError ConfigurationInvalid when the other user's name would not fit into PostgreSQL's 63 bytes */
  createSecret(current, generate) {
    const username = otherUser(current.username);
    if (!isIdentifier(username)) {
      throw new RotationError(
        "ConfigurationInvalid",
        `The username with ${SUFFIX} added, or taken off, must have 1 to ${MAX_IDENTIFIER_BYTES} bytes.`,
      );
    }
    return { ...current, username, password: generate() };
  },

  /**
   * Everything is set in one transaction, so it happens whole or not at all, and may be repeated.
   * @throws RotationError ConfigurationInvalid when the candidate names another database, user or administrator than base allows
   * (nothing was sent then), or when the administrator is the candidate's user or its secret malformed; CredentialDrift when base does not sign in;
   * AccessDenied when the administrator is refused, or may not give the copy what the original has; SessionsOpen when the policy
   * refuses to overwrite a password that is in use; TargetUnavailable
   */
  async setSecret({ candidate, base }, context) {
    // Case 1: the candidate is for another server, user or administrator.
    if (!isOtherUser(candidate, base) || candidate.masterarn !== base.masterarn) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must have the host, port, dbname and masterarn of the version before it, and the username ` +
          `with ${SUFFIX} added or taken off.`,
      );
    }
    // Case 2: it signs in. A retry: the transaction was committed.
    if (await isAccepted(candidate, context)) {
      return;
    }
    // Case 3: the base does not sign in. Whoever wrote it has not proved a right to a second user.
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    // Case 4: as administrator.
    const password = quoteLiteral(await scramSha256Verifier(candidate.password));
    await asAdministrator(base, candidate.username, context, (session) =>
      inTransaction(session, () => setUser(session, { candidate, base }, password, context)),
    );
  },

  /**
   * Signs in, reads, and looks whether this user may do whatever the other may, who is in use until now. In a test rotation it is
   * this one who is in use, and the other need not follow yet.
   * @throws RotationError CredentialRejected, AccessDenied (also for what it lacks), TargetUnavailable, ConfigurationInvalid
   */
  async testSecret(credential, context) {
    await withSession(credential, context, async (session) => {
      await session.query("BEGIN TRANSACTION READ ONLY; SELECT 1; COMMIT");
      if (context.isTestRotation) {
        return;
      }
      const other = otherUser(credential.username);
      const isCopy = credential.username.endsWith(SUFFIX);
      const pair = { isCopy, sharedOwner: context.policy.sharedOwner === true };
      const lacking = await look(session, context, () => lacks(session, other, pair));
      if (lacking.length > 0) {
        const { host, port } = addressOf(credential);
        throw new RotationError(
          "AccessDenied",
          `PostgreSQL at ${host}:${port}: "${credential.username}", the user of version ${context.versionId}, lacks what "${other}" has: ${lacking.map(describeLack).join("; ")}.`,
        );
      }
    });
  },

  /**
   * The base was never touched; it must sign in. The other user becomes what it was:
   * - set to the password of `previous`, when that is a version of the same user, and signed in with it;
   * - dropped, when the role was created for this candidate; locked out when it owns objects already;
   * - left without a password otherwise: no labelled version knows the old one, and the candidate must not open the door.
   * Membership and attributes that were given stay: they are what the original has anyway.
   * @throws RotationError CredentialDrift when base, or the restored previous version, does not sign in; AccessDenied; TargetUnavailable
   */
  async rollbackSecret({ candidate, base, previous }, context) {
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    // Case 1: setSecret refused this candidate before it sent anything.
    if (!isOtherUser(candidate, base)) {
      return;
    }
    const restorable = previous?.username === candidate.username && sameDatabase(previous, base) ? previous : undefined;
    // Case 2: the version before signs in. One password per role: the candidate's is not set.
    if (restorable && (await isAccepted(restorable, context))) {
      return;
    }
    const isSet = await isAccepted(candidate, context);
    const restored = asAdministrator(base, candidate.username, context, async (session) => {
      const role = await findRole(session, candidate.username);
      const user = quoteIdentifier(candidate.username);
      if (role?.comment === createdFor(context.versionId)) {
        // Case 3: the role is there for this candidate only.
        await drop(session, user);
      } else if (role && isSet) {
        // Case 4: the role was there before, and has the candidate's password.
        const password = restorable ? quoteLiteral(await scramSha256Verifier(restorable.password)) : "NULL";
        await session.query(`ALTER ROLE ${user} PASSWORD ${password}`);
      }
      // Case 5: no role, or one that never got the candidate's password. Not ours to change.
    });
    await restored.catch((error: unknown) => {
      // Case 6: nobody can act as administrator, so setSecret could not either, and the candidate does not open the door.
      if (isSet || isRetryable(error)) throw error;
    });
    if (isSet && restorable && !(await isAccepted(restorable, context))) {
      throw drift(restorable, context, "the password of the version before the base was set again and is refused");
    }
  },

  signIn,
  sessions,
});

/** "user" for "user_clone", and the other way round, as AWS's template does it. */
function otherUser(username: string): string {
  return username.endsWith(SUFFIX) ? username.slice(0, -SUFFIX.length) : username + SUFFIX;
}

function isOtherUser(candidate: PostgresAlternatingCredential, base: PostgresAlternatingCredential): boolean {
  return candidate.username === otherUser(base.username) && sameDatabase(candidate, base);
}

function describeLack({ kind, count, names }: Lack): string {
  const list = count > names.length ? [...names, "..."] : names;
  const kinds = count === 1 ? kind : `${kind}s`.replace(/ys$/, "ies");
  return `${count} ${kinds} (${list.join(", ")})`;
}

function createdFor(versionId: string): string {
  return `created by Rotor for version ${versionId}`;
}

/** @param password a quoted SCRAM verifier */
async function setUser(
  session: PostgresSession,
  { candidate, base }: Versions<PostgresAlternatingCredential>,
  password: string,
  context: RotationContext,
): Promise<void> {
  const [name, baseName] = [candidate.username, base.username];
  const user = quoteIdentifier(name);
  const existing = await findRole(session, name);
  if (existing) {
    await lookForSessions(session, candidate, context);
    await session.query(`ALTER ROLE ${user} LOGIN PASSWORD ${password}`);
  } else {
    await session.query(`CREATE ROLE ${user} LOGIN PASSWORD ${password}`);
    await session.query(`COMMENT ON ROLE ${user} IS ${quoteLiteral(createdFor(context.versionId))}`);
  }
  // Privileges flow one way, from the original to its copy. The candidate is the original when the base is its member, or when it
  // exists, bears no suffix and is nobody's copy: then people grant to it, and taking anything away would undo their work.
  const baseIsCopy = await isMember(session, baseName, name);
  const candidateIsCopy = !existing || (await isMember(session, name, baseName)) || name.endsWith(SUFFIX);
  if (candidateIsCopy && !baseIsCopy) {
    const [original, copy] = [await findRole(session, baseName), await findRole(session, name)];
    if (original && copy) {
      await copyPrivileges(session, original, copy, context.policy.sharedOwner === true);
    }
  }
}

async function drop(session: PostgresSession, user: string): Promise<void> {
  try {
    await session.query(`DROP ROLE ${user}`);
  } catch (error) {
    if (sqlStateOf(error) !== OWNS_OBJECTS) {
      throw error;
    }
    await session.query(`ALTER ROLE ${user} NOLOGIN PASSWORD NULL`);
  }
}

/** The session ends with an error, and the server undoes what was not committed. */
async function inTransaction(session: PostgresSession, work: () => Promise<void>): Promise<void> {
  await session.query("BEGIN");
  await work();
  await session.query("COMMIT");
}
