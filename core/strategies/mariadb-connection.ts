import { RotationError } from "../errors.ts";
import { accepted } from "./accepted.ts";
import { addressOf, type MariadbCredential } from "./mariadb-credential.ts";
import { type Context, connect, type MariadbSession } from "./mariadb-driver.ts";
import { errorNumberOf } from "./mariadb-errors.ts";
import type { SignIn } from "./strategy.ts";

/** Of MariaDB, the first with several authentications per account. */
const FIRST_MARIADB = [10, 4, 0];

/** Of MySQL, the first that shows and takes a salt with any bytes. */
const FIRST_MYSQL = [8, 0, 17];

export interface WritableSession extends MariadbSession {
  /** What the server is, as it says itself. */
  readonly dialect: "mariadb" | "mysql";
}

/**
 * Runs `work` in a session of its own, which is ended afterwards in every case. `context.timeoutMs` bounds the sign-in and
 * each statement (ms); `context.signal` closes the socket at once.
 * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable, ConfigurationInvalid (TLS, no such database)
 */
export async function withSession<T>(
  credential: MariadbCredential,
  context: Context,
  work: (session: MariadbSession) => Promise<T>,
): Promise<T> {
  const connection = await connect(credential, context);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

/**
 * As withSession, for work that changes accounts. MariaDB gives up before we do, so that nothing of ours can land after we have called
 * it failed: lock_wait_timeout <= max_statement_time < our own wait. MySQL knows no limit for such statements but the first.
 * @throws RotationError also TargetUnavailable when a replica answers: after a failover, the name may point to the old primary for
 * a while, so asking again may help. ConfigurationInvalid for MariaDB before 10.4, MySQL before 8.0.17, where MariaDB takes no stored
 * passwords (strict_password_validation), and where the server took us for somebody else, as it does with anonymous accounts and proxies.
 */
export async function withWritableSession<T>(
  credential: MariadbCredential,
  context: Context,
  work: (session: WritableSession) => Promise<T>,
): Promise<T> {
  return withSession(credential, context, async (session) => {
    const [[version = "", readOnly = "", innodbReadOnly = "", account = ""] = []] = await session.query(
      "SELECT VERSION(), @@global.read_only, @@global.innodb_read_only, CURRENT_USER()",
    );
    const { host, port } = addressOf(credential);
    const refuse = (name: "ConfigurationInvalid" | "TargetUnavailable", fact: string) =>
      new RotationError(name, `MariaDB at ${host}:${port} ${fact}; version ${context.versionId}.`);
    const dialect = version.includes("MariaDB") ? "mariadb" : "mysql";
    if (isBefore(version, dialect === "mariadb" ? FIRST_MARIADB : FIRST_MYSQL)) {
      throw refuse("ConfigurationInvalid", "is older than MariaDB 10.4, or than MySQL 8.0.17");
    }
    if (![readOnly, innodbReadOnly].every((value) => /^(0|OFF)$/.test(value))) {
      throw refuse("TargetUnavailable", "is read-only: users are changed on the primary");
    }
    if (!isOf(credential, account)) {
      throw refuse("ConfigurationInvalid", SOMEBODY_ELSE);
    }
    const [[judges = ""] = []] = dialect === "mariadb" ? await session.query(JUDGES) : [];
    if (judges !== "") {
      throw refuse(
        "ConfigurationInvalid",
        `has strict_password_validation on and judges passwords (${judges}), so it refuses what stands for one, which is all that is sent ` +
          "to it. Nothing was changed. SET GLOBAL strict_password_validation = OFF, and in its option file; the policy's password rules " +
          "see to strength",
      );
    }
    const { lockWaitSeconds, statementSeconds } = serverTimeouts(context.timeoutMs);
    await session.query(
      dialect === "mariadb"
        ? // Without that mode, GRANT to an account that is gone would make one that needs no password.
          `SET SESSION sql_mode = 'NO_AUTO_CREATE_USER', lock_wait_timeout = ${lockWaitSeconds}, max_statement_time = ${statementSeconds}`
        : `SET SESSION sql_mode = '', lock_wait_timeout = ${Math.max(1, lockWaitSeconds)}, print_identified_with_as_hex = ON`,
    );
    return work({ ...session, dialect });
  });
}

/** The plugins that make MariaDB refuse stored passwords; NULL where it takes them. Needs no privilege. */
const JUDGES =
  "SELECT GROUP_CONCAT(PLUGIN_NAME) FROM information_schema.PLUGINS " +
  "WHERE @@global.strict_password_validation AND PLUGIN_TYPE = 'PASSWORD VALIDATION' AND PLUGIN_STATUS = 'ACTIVE'";

/** The limits given to the server, for a client that waits `timeoutMs`. That for locks is in whole seconds, and 0 is not to wait. */
export function serverTimeouts(timeoutMs: number): { lockWaitSeconds: number; statementSeconds: number } {
  return {
    lockWaitSeconds: Math.floor((timeoutMs * 0.5) / 1000),
    statementSeconds: Math.max(1, Math.floor(timeoutMs * 0.8)) / 1000,
  };
}

/**
 * One sign-in, nothing else.
 * @returns whether the credential was accepted
 * @throws RotationError for everything that leaves this open: TargetUnavailable, AccessDenied, ConfigurationInvalid
 */
export async function isAccepted(credential: MariadbCredential, context: Context): Promise<boolean> {
  return accepted(withSession(credential, context, async () => {}));
}

/** ER_HOST_NOT_PRIVILEGED: the server has not looked at any credential. */
const NOT_FROM_HERE = 1130;

/** As isAccepted, but AccessDenied (a locked account, no right to the database) is a plain no: it keeps the door closed. */
export async function opensDoor(credential: MariadbCredential, context: Context): Promise<boolean> {
  try {
    return await isAccepted(credential, context);
  } catch (error) {
    if (error instanceof RotationError && error.name === "AccessDenied" && errorNumberOf(error) !== NOT_FROM_HERE) {
      return false;
    }
    throw error;
  }
}

/** One sign-in for the truth table. */
export async function signIn(credential: MariadbCredential, context: Context): Promise<SignIn> {
  try {
    return (await opensDoor(credential, context)) ? "accepted" : "rejected";
  } catch {
    return "unreachable";
  }
}

// There is no `sessions` for these strategies: docs/mariadb.md says why. The process list tells since when a session does what it does
// (TIME), and nothing tells since when it exists: an old session of a pool, a second after its last statement, would pass for a new one.

/**
 * Signs in, as nobody else, and reads.
 * @throws RotationError CredentialRejected, AccessDenied, TargetUnavailable; ConfigurationInvalid also where the server took us for
 * somebody else, or looks at nobody's password (--skip-grant-tables): that it has let us in proves nothing
 */
export async function testSecret(credential: MariadbCredential, context: Context): Promise<void> {
  await withSession(credential, context, async (session) => {
    await session.query("START TRANSACTION READ ONLY");
    const [[account = ""] = []] = await session.query("SELECT CURRENT_USER()");
    await session.query("COMMIT");
    if (!isOf(credential, account)) {
      const { host, port } = addressOf(credential);
      throw new RotationError(
        "ConfigurationInvalid",
        `MariaDB at ${host}:${port} ${SOMEBODY_ELSE}; version ${context.versionId}.`,
      );
    }
  });
}

const SOMEBODY_ELSE =
  "has signed the user in as somebody else: an anonymous account, a proxy, or a server that looks at no password";

/** @param account what CURRENT_USER() says */
function isOf({ username }: MariadbCredential, account: string): boolean {
  return account.slice(0, account.lastIndexOf("@")) === username;
}

function isBefore(version: string, first: readonly number[]): boolean {
  const numbers = (/^\d+(\.\d+)*/.exec(version)?.[0] ?? "").split(".").map(Number);
  const index = first.findIndex((number, position) => number !== numbers[position]);
  return index !== -1 && (numbers[index] ?? 0) < (first[index] ?? 0);
}
