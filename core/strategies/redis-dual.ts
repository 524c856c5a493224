import { isRetryable, RotationError } from "../errors.ts";
import { readAdministrator } from "./administrator.ts";
import { changePasswords, countReplicas, passwordHash, readUser, saveUsers } from "./redis-acl.ts";
import { isAccepted, type RedisSession, signIn, withSession } from "./redis-connection.ts";
import { addressOf, administratorOf, type RedisCredential, redisCredential, sameUser } from "./redis-credential.ts";
import { codeOf, NOT_SAVED } from "./redis-errors.ts";
import { sessionsOf } from "./redis-sessions.ts";
import { defineStrategy, type RotationContext, type Versions } from "./strategy.ts";

/**
 * One Redis or Valkey user with two passwords. With overlap: the candidate's is added, by its SHA-256, and the base's stays until
 * the next rotation, which drops it. Set by the administrator whose secret `masterarn` names, or by the user itself without one.
 *
 * A user has the passwords of the base and of the version before it, and no others: one that neither has was given by somebody
 * else, and nobody here knows whom it serves or who knows it. Such a rotation is refused.
 *
 * What is to be undone is read from the order in which the server keeps the passwords. After `base, candidate` setSecret had
 * dropped the one before the base; after `candidate, base` there was none. Without that, a rollback would bring back a password
 * that a person has revoked.
 */
export const redisDual = defineStrategy<RedisCredential>({
  name: "redis-dual",
  scheme: "dual",
  credential: redisCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  /**
   * One command, which changes all or nothing and fails if somebody else has changed the passwords since we looked. The users are
   * saved before it, so that nothing is changed where that is not possible, and after it.
   * @throws RotationError ConfigurationInvalid when the candidate names another server, user or administrator than base (nothing
   * was sent then), for a user who needs no password, where there is no ACL file, and where others than this server have the users,
   * too (cluster, replicas); CredentialDrift when base does not sign in, or the user has a password that neither base nor previous
   * has; AccessDenied; TargetUnavailable
   */
  async setSecret({ candidate, base, previous }, context) {
    // Case 1: the candidate is for another server, user or administrator.
    if (!sameUser(candidate, base)) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must have the host, port, username, ssl and masterarn of the version before it.`,
      );
    }
    // Case 2: the base does not sign in. Whoever wrote it has not proved a right to a second password.
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    await asAdministrator(base, context, async (session) => {
      await checkServer(session, base);
      const { hashes, isNoPass } = (await readUser(session, base.username)) ?? { hashes: [], isNoPass: false };
      // Case 3: any password opens the door. To add one would close it for whoever uses another.
      if (isNoPass) {
        throw new RotationError(
          "ConfigurationInvalid",
          `${nameOf(base)}: the user has the flag nopass, so any password is accepted. Give it a password first (version ${context.versionId}).`,
        );
      }
      const known = hashesOf({ candidate, base, previous });
      // Case 4: the candidate is there. A retry, which may have been cut off before it had saved.
      if (hashes.includes(known.candidate)) {
        return saveUsers(session);
      }
      // Case 5: other passwords than the base's. Without `previous` it is not known whether they are ours: ask for it.
      const others = hashes.filter((hash) => hash !== known.base);
      const unknown = others.filter((hash) => hash !== known.previous);
      if (unknown.length > 0) {
        throw drift(
          base,
          context,
          `the user has ${unknown.length} password(s) that neither AWSCURRENT nor AWSPREVIOUS has. Take them away (ACL SETUSER ... !<hash>; ACL GETUSER shows the hashes), or make them AWSPREVIOUS`,
        );
      }
      // Case 6: taking the base's away and adding it again changes nothing but the order, and fails where it is gone.
      const changes =
        others.length > 0
          ? [`!${known.previous}`, `!${known.base}`, `#${known.base}`, `#${known.candidate}`]
          : [`!${known.base}`, `#${known.candidate}`, `#${known.base}`];
      await saveUsers(session);
      await changePasswords(session, base.username, changes);
      await saveUsers(session);
    });
  },

  /**
   * Signs in and sends HELLO. No other command is permitted to everybody, and where HELLO is not (Redis 6) it is denied by name:
   * that, too, is an answer to whoever has signed in.
   * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid
   */
  async testSecret(credential, context) {
    await withSession(credential, context, async () => {});
  },

  /**
   * The base's password was never out of force; it must sign in. The candidate's is taken away, and the one before the base is
   * added again if setSecret had dropped it and `previous` knows it.
   * @throws RotationError CredentialDrift when base does not sign in; AccessDenied; TargetUnavailable
   */
  async rollbackSecret({ candidate, base, previous }, context) {
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    // Case 1: setSecret refused this candidate before it sent anything.
    if (!sameUser(candidate, base)) {
      return;
    }
    const known = hashesOf({ candidate, base, previous });
    const restored = asAdministrator(base, context, async (session) => {
      const hashes = (await readUser(session, base.username))?.hashes ?? [];
      const isAdded = hashes.includes(known.candidate) && ![known.base, known.previous].includes(known.candidate);
      // Case 2: it is not there. A rollback before this one may have been cut off before it had saved. Where that is not possible
      // neither of us has changed anything.
      if (!isAdded) {
        return saveUsers(session).catch((error: unknown) => {
          if (isRetryable(error) && codeOf(error) !== NOT_SAVED) throw error;
        });
      }
      // Case 3: it is there, after the base's: one was dropped. Case 4: before the base's: none was.
      const isDropped = hashes.indexOf(known.candidate) > hashes.indexOf(known.base);
      const changes = isDropped && known.previous !== undefined ? [`#${known.previous}`] : [];
      // As in setSecret: a repeat could not see any more that what it finds in force was not saved.
      await saveUsers(session);
      await changePasswords(session, base.username, [`!${known.candidate}`, ...changes]);
      await saveUsers(session);
    });
    await restored.catch(async (error: unknown) => {
      // Case 5: nobody may change users, so setSecret could not either, and the candidate does not open the door.
      if (isRetryable(error) || (await isAccepted(candidate, context))) throw error;
    });
  },

  signIn,

  /** @throws RotationError CredentialRejected, AccessDenied (CLIENT LIST), TargetUnavailable, ConfigurationInvalid */
  sessions: (credential, context) =>
    asAdministrator(credential, context, (session) => sessionsOf(session, credential.username)),
});

interface Hashes {
  readonly candidate: string;
  readonly base: string;
  /** Absent: there is no such version, or it is another user's. */
  readonly previous?: string;
}

function hashesOf({ candidate, base, previous }: Versions<RedisCredential>): Hashes {
  return {
    candidate: passwordHash(candidate.password),
    base: passwordHash(base.password),
    ...(previous !== undefined && sameUser(previous, base) && { previous: passwordHash(previous.password) }),
  };
}

/** Each node has users of its own: what is changed on one is not changed on the others, which a failover may put in its place. */
async function checkServer(session: RedisSession, base: RedisCredential): Promise<void> {
  if (session.server === undefined) {
    throw new RotationError(
      "AccessDenied",
      `${nameOf(base)} denied HELLO (NOPERM), so it is not known whether other servers have its users, too.`,
    );
  }
  const { mode, role } = session.server;
  if (mode !== "standalone") {
    throw new RotationError(
      "ConfigurationInvalid",
      `${nameOf(base)} runs in mode ${mode}: its nodes have users of their own, and this strategy changes those of one node only.`,
    );
  }
  if (role !== "master") {
    throw new RotationError("TargetUnavailable", `${nameOf(base)} is a replica: users are changed on the primary.`);
  }
  const replicas = await countReplicas(session);
  if (replicas !== undefined && replicas > 0) {
    throw new RotationError(
      "ConfigurationInvalid",
      `${nameOf(base)} has ${replicas} replica(s), which have users of their own: after a failover the new password would be refused. This strategy changes the users of one node only.`,
    );
  }
}

/** Works as the administrator whose secret `masterarn` names, or as the user itself where there is none. */
async function asAdministrator<T>(
  base: RedisCredential,
  context: RotationContext,
  work: (session: RedisSession) => Promise<T>,
): Promise<T> {
  if (base.masterarn === undefined) {
    return withSession(base, context, work);
  }
  const administrator = administratorOf(base, await readAdministrator(base.masterarn, context));
  try {
    return await withSession(administrator, context, work);
  } catch (error) {
    if (error instanceof RotationError && error.name === "CredentialRejected") {
      throw new RotationError(
        "AccessDenied",
        `${nameOf(base)} refused the administrator that masterarn names (${codeOf(error) ?? "unknown"}).`,
        { cause: error.cause },
      );
    }
    throw error;
  }
}

function nameOf(credential: RedisCredential): string {
  const { host, port } = addressOf(credential);
  return `Redis at ${host}:${port}`;
}

function drift(credential: RedisCredential, context: RotationContext, fact: string): RotationError {
  return new RotationError("CredentialDrift", `${nameOf(credential)}, version ${context.versionId}: ${fact}.`);
}
