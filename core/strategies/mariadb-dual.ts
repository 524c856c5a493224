import { RotationError } from "../errors.ts";
import { type Account, accountsOf, ownAccount, setAuthentications } from "./mariadb-accounts.ts";
import { asAdministrator, drift } from "./mariadb-administrator.ts";
import {
  isAccepted,
  opensDoor,
  signIn,
  testSecret,
  type WritableSession,
  withWritableSession,
} from "./mariadb-connection.ts";
import { type MariadbDualCredential, mariadbDualCredential, sameLogin } from "./mariadb-credential.ts";
import { showAccount } from "./mariadb-identifiers.ts";
import { type Authentication, authenticationBy, hasPassword, isPasswordOf } from "./mariadb-passwords.ts";
import { defineStrategy, type RotationContext, type Versions } from "./strategy.ts";

/**
 * One MariaDB user with two passwords (`IDENTIFIED VIA ... OR ...`): the candidate's is added, the base's stays until the next rotation
 * takes it away. With overlap: both sign in meanwhile. An account never has more than two.
 *
 * The order of the two is the memory that a rollback needs: [base, candidate] where nothing was taken away, [candidate, base] where the
 * password of the version before the base was.
 */
export const mariadbDual = defineStrategy<MariadbDualCredential>({
  name: "mariadb-dual",
  scheme: "dual",
  credential: mariadbDualCredential,

  createSecret: (current, generate) => ({ ...current, password: generate() }),

  /**
   * One statement for all accounts of the user name. May be repeated, also while another attempt is at work.
   * @throws RotationError ConfigurationInvalid when the candidate names another database, user or administrator than base (nothing was
   * sent then), when the administrator's secret is malformed, or when an account of the user name has not the base's password;
   * CredentialDrift when base does not sign in, or an account has a password that no labelled version knows; AccessDenied without CREATE
   * USER; TargetUnavailable
   */
  async setSecret(versions, context) {
    const { candidate, base } = versions;
    // Case 1: the candidate is for another server, user or administrator.
    if (!sameLogin(candidate, base) || candidate.masterarn !== base.masterarn) {
      throw new RotationError(
        "ConfigurationInvalid",
        `Version ${context.versionId} must have the host, port, dbname, username and masterarn of the version before it.`,
      );
    }
    // Case 2: it signs in. A retry: the statement was carried out.
    if (await isAccepted(candidate, context)) {
      return;
    }
    // Case 3: the base does not sign in. Its password could not be kept.
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    // Case 4: as administrator where there is one, else as the user itself.
    await changePasswords(base, context, (account) => withCandidate(account, versions, context));
  },

  testSecret,

  /**
   * Takes the candidate's password away, and gives back that of the version before the base if it was taken for it.
   * @throws RotationError CredentialDrift when base does not sign in; AccessDenied; TargetUnavailable
   */
  async rollbackSecret(versions, context) {
    const { candidate, base } = versions;
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in");
    }
    // Case 1: setSecret refused this candidate before it sent anything. Case 2: it was not set, or was taken back.
    if (!sameLogin(candidate, base) || !(await opensDoor(candidate, context))) {
      return;
    }
    // Case 3: it was set.
    await changePasswords(base, context, (account) => withoutCandidate(account, versions, context));
    if (!(await isAccepted(base, context))) {
      throw drift(base, context, "the base does not sign in any more");
    }
  },

  signIn,
});

function withCandidate(
  account: Account,
  { candidate, base, previous }: Versions<MariadbDualCredential>,
  context: RotationContext,
): readonly Authentication[] {
  const passwords = account.authentications.filter(hasPassword);
  const kept = passwords.find((each) => isPasswordOf(each, base.password));
  if (!kept) {
    throw new RotationError(
      "ConfigurationInvalid",
      `The account ${showAccount(account)} has not the password of the version before ${context.versionId}, and a secret holds one for ` +
        "all accounts of its user name. Give it that, or drop the account if it is not this secret's.",
    );
  }
  const others = passwords.filter((each) => ![base, candidate].some(({ password }) => isPasswordOf(each, password)));
  const isPrevious = (each: Authentication) =>
    previous !== undefined && sameLogin(previous, base) && isPasswordOf(each, previous.password);
  if (!others.every(isPrevious)) {
    // What nobody knows cannot be given back, and taking it away may lock somebody out.
    throw drift(
      base,
      context,
      `the account ${showAccount(account)} has a password that no labelled version knows. Take it off with ALTER USER`,
    );
  }
  // Another attempt has been here since we looked. What it took away can no longer be seen, so its order stays.
  if (passwords.some((each) => isPasswordOf(each, candidate.password))) {
    return account.authentications;
  }
  const added = authenticationBy(kept.plugin, candidate.password);
  return replacePasswords(account, others.length > 0 ? [added, kept] : [kept, added]);
}

function withoutCandidate(
  account: Account,
  { candidate, base, previous }: Versions<MariadbDualCredential>,
  context: RotationContext,
): readonly Authentication[] {
  const passwords = account.authentications.filter(hasPassword);
  const kept = passwords.filter((each) => !isPasswordOf(each, candidate.password));
  if (kept.length === 0) {
    throw drift(base, context, `the account ${showAccount(account)} has the candidate's password and no other`);
  }
  const [first] = passwords;
  const tookAway = first !== undefined && !kept.includes(first);
  const restored =
    tookAway && previous && sameLogin(previous, base) && authenticationBy(first.plugin, previous.password);
  return replacePasswords(account, restored ? [restored, ...kept] : kept);
}

/** Ways to sign in that are no passwords stay: unix_socket, PAM. */
function replacePasswords(account: Account, passwords: readonly Authentication[]): readonly Authentication[] {
  const { authentications } = account;
  const index = authentications.findIndex(hasPassword);
  const others = (part: readonly Authentication[]) => part.filter((each) => !hasPassword(each));
  return [...authentications.slice(0, index), ...passwords, ...others(authentications.slice(index))];
}

async function changePasswords(
  base: MariadbDualCredential,
  context: RotationContext,
  change: (account: Account) => readonly Authentication[],
): Promise<void> {
  const { masterarn } = base;
  const set = async (session: WritableSession, accounts: readonly Account[]) => {
    if (session.dialect !== "mariadb") {
      throw new RotationError(
        "ConfigurationInvalid",
        "Two passwords of one account need MariaDB; this server is MySQL.",
      );
    }
    await setAuthentications(
      session,
      accounts.map((account) => ({ ...account, authentications: change(account) })),
    );
  };
  if (masterarn === undefined) {
    await withWritableSession(base, context, async (session) => set(session, [await ownAccount(session)]));
  } else {
    await asAdministrator({ ...base, masterarn }, context, async (session) =>
      set(session, await accountsOf(session, base.username)),
    );
  }
}
