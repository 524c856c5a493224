import { isRetryable, RotationError } from "../errors.ts";
import {
  type Account,
  accountsOf,
  identifiedBy,
  optionsOf,
  passwordIndex,
  passwordOf,
  setAuthentications,
  shareOnePassword,
  withPassword,
} from "./mariadb-accounts.ts";
import { asAdministrator, drift } from "./mariadb-administrator.ts";
import { isAccepted, opensDoor, signIn, testSecret, type WritableSession } from "./mariadb-connection.ts";
import { type MariadbAlternatingCredential, mariadbAlternatingCredential, sameDatabase } from "./mariadb-credential.ts";
import { copyGrants } from "./mariadb-grants.ts";
import {
  type AccountName,
  isUsername,
  MAX_USERNAME_MARIADB,
  MAX_USERNAME_MYSQL,
  quoteAccount,
  showAccount,
} from "./mariadb-identifiers.ts";
import { authenticationBy, isPasswordOf, isSame, lockedBy, takesPassword } from "./mariadb-passwords.ts";
import { defineStrategy, type Versions } from "./strategy.ts";

const SUFFIX = "_clone";

/** What takes the place of a password, so that nobody signs in: until the first is set, and after it was taken back. */
const CREATED = "created by Rotor";
const ROLLED_BACK = "rolled back by Rotor";

/**
 * Two MariaDB or MySQL users in turn, AWS's alternating users: the candidate is the other one of `user` and `user_clone`, set by the
 * administrator whose secret `masterarn` names. With overlap: both sign in until the next rotation.
 *
 * Before each of its turns the copy is given exactly what the original has: the same hosts, privileges, roles, TLS requirement and
 * resource limits. What people grant, they grant to the original.
 */
export const mariadbAlternatingUsers = defineStrategy<MariadbAlternatingCredential>({
  name: "mariadb-alternating-users",
  scheme: "alternating-users",
  credential: mariadbAlternatingCredential,

  /** @throws RotationError ConfigurationInvalid when the server cannot hold the other user's name */
  createSecret(current, generate) {
    const username = otherUser(current.username);
    const longest = current.engine === "mariadb" ? MAX_USERNAME_MARIADB : MAX_USERNAME_MYSQL;
    if (!isUsername(username, longest)) {
      throw new RotationError(
        "ConfigurationInvalid",
        `The username with ${SUFFIX} added, or taken off, must have 1 to ${longest} characters and no space at its end.`,
      );
    }
    return { ...current, username, password: generate() };
  },

  /**
   * What makes the candidate sign in is the last statement, for all its accounts at once: where it signs in, all else was done before.
   * @throws RotationError ConfigurationInvalid when the candidate names another database, user or administrator than base allows
   * (nothing was sent then), when the administrator's secret is malformed, or when the accounts of one user name have not one password;
   * CredentialDrift when base does not sign in; AccessDenied when the administrator is refused, or may not give the copy what the original
   * has; TargetUnavailable
   */
  async setSecret(versions, context) {
    const { candidate, base } = versions;
    // Case 1: the candidate is for another server, user or administrator.
    if (!isOtherUser(candidate, base) || candidate.masterarn !== base.masterarn) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must have the host, port, dbname and masterarn of the version before it, and the username ` +
          `with ${SUFFIX} added or taken off.`,
      );
    }
    // Case 2: it signs in. A retry: the last statement was carried out. A user who is blocked for wrong passwords is let in by it again.
    if (await opensDoor(candidate, context)) {
      return;
    }
    // Case 3: the base does not sign in. Whoever wrote it has not proved a right to a second user.
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    // Case 4: as administrator.
    await asAdministrator(base, context, (session, administrator) => {
      if (administrator === candidate.username) {
        // Whoever has `admin_clone` would become `admin`.
        throw new RotationError(
          "ConfigurationInvalid",
          `The administrator that masterarn names, ${administrator}, is the user whose password would be changed: two secrets would ` +
            "hold one user. Choose another user name for this secret, or another administrator.",
        );
      }
      return setUser(session, versions);
    });
  },

  testSecret,

  /**
   * The base was never touched; it must sign in. Each account of the other user becomes what it was:
   * - set to the password of `previous`, when that is a version of the same user, and signed in with it;
   * - dropped, when it was created for a candidate and never got a password;
   * - left without a password otherwise: no labelled version knows the old one, and the candidate must not open the door. It is not
   *   dropped, although it may have been created for this candidate: by now it may be the definer of views and routines.
   * Privileges and options that were given stay: they are what the original has anyway.
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
    // Case 2: the version before signs in. Either the candidate was not set, or it was taken back.
    if (restorable && (await opensDoor(restorable, context))) {
      return;
    }
    const isSet = await opensDoor(candidate, context);
    const restored = asAdministrator(base, context, async (session) => {
      const accounts = await accountsOf(session, candidate.username);
      // Case 3: the account was created, by this attempt or an earlier one, and then something failed.
      for (const account of accounts.filter(isUnused)) {
        await session.query(`DROP USER ${quoteAccount(account)}`);
      }
      // Case 4: it has the candidate's password. All of them in the last statement: case 2 asks one of them, for all.
      const set = accounts.flatMap((account) => {
        const index = account.authentications.findIndex((each) => isPasswordOf(each, candidate.password));
        const { plugin } = account.authentications[index] ?? {};
        // Case 5: it never got the candidate's password. Not ours to change.
        if (plugin === undefined) return [];
        const before = restorable ? authenticationBy(plugin, restorable.password) : lockedBy(plugin, ROLLED_BACK);
        return [withPassword(account, index, before)];
      });
      if (set.length > 0) {
        await setAuthentications(session, set);
      }
    });
    await restored.catch((error: unknown) => {
      // Case 6: nobody can act as administrator, so setSecret could not either, and the candidate does not open the door.
      if (isSet || isRetryable(error)) throw error;
    });
    if (isSet && restorable && !(await opensDoor(restorable, context))) {
      throw drift(restorable, context, "the password of the version before the base was set again and is refused");
    }
  },

  signIn,
});

/** "user" for "user_clone", and the other way round, as AWS's template does it. */
function otherUser(username: string): string {
  return username.endsWith(SUFFIX) ? username.slice(0, -SUFFIX.length) : username + SUFFIX;
}

function isOtherUser(candidate: MariadbAlternatingCredential, base: MariadbAlternatingCredential): boolean {
  return candidate.username === otherUser(base.username) && sameDatabase(candidate, base);
}

async function setUser(
  session: WritableSession,
  { candidate, base, previous }: Versions<MariadbAlternatingCredential>,
): Promise<void> {
  const originals = await accountsOf(session, base.username);
  const existing = await accountsOf(session, candidate.username);
  shareOnePassword(originals, [base.password]);
  const known = [candidate.password, ...(previous ? [previous.password] : [])];
  shareOnePassword(
    existing.filter((account) => !isUnused(account)),
    known,
  );
  // Privileges flow one way, from the name without the suffix: people grant to that, and taking anything away would undo their work.
  const isCopy = existing.every(isUnused) || candidate.username.endsWith(SUFFIX);
  const accounts = isCopy ? await copyAccounts(session, originals, existing, candidate.username) : existing;
  await setAuthentications(
    session,
    accounts.map((account) => {
      const index = passwordIndex(account);
      // The copy follows the original to another plugin.
      const like = isCopy ? originals.find((original) => sameHost(original, account)) : account;
      const plugin = like && passwordOf(like).plugin;
      return withPassword(account, index, authenticationBy(plugin ?? passwordOf(account).plugin, candidate.password));
    }),
  );
}

/**
 * The accounts of the copy: one for each of the original's, with the same options and privileges.
 * @throws RotationError ConfigurationInvalid when the copy has an account at a host where the original has none: its password would
 * stay valid for ever
 */
async function copyAccounts(
  session: WritableSession,
  originals: readonly Account[],
  existing: readonly Account[],
  username: string,
): Promise<readonly Account[]> {
  const stray = existing.filter((copy) => !originals.some((original) => sameHost(original, copy)));
  if (stray.length > 0) {
    throw new RotationError(
      "ConfigurationInvalid",
      `${stray.map(showAccount).join(", ")}: there is no such account of the user it stands in for. Drop it, or create that.`,
    );
  }
  const copies: Account[] = [];
  for (const original of originals) {
    const found = existing.find((copy) => sameHost(original, copy));
    const copy = found ?? {
      ...original,
      user: username,
      authentications: [lockedBy(passwordOf(original).plugin, CREATED)],
    };
    const options = optionsOf(session.dialect, original);
    if (!found) {
      const identified = identifiedBy(session.dialect, copy.authentications);
      await session.query(`CREATE USER ${quoteAccount(copy)} ${identified} ${options}`);
    } else if (optionsOf(session.dialect, found) !== options) {
      await session.query(`ALTER USER ${quoteAccount(copy)} ${options}`);
    }
    await copyGrants(session, original, copy);
    copies.push(copy);
  }
  return copies;
}

/** Whether Rotor has created the account, and it never got a password: nobody can have used it. */
function isUnused({ authentications: [only, ...others] }: Account): boolean {
  return (
    only !== undefined && others.length === 0 && takesPassword(only) && isSame(only, lockedBy(only.plugin, CREATED))
  );
}

function sameHost(one: AccountName, other: AccountName): boolean {
  return one.host.toLowerCase() === other.host.toLowerCase();
}
