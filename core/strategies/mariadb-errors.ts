import { type ErrorName, RotationError } from "../errors.ts";

/** What may be said in public of an attempt: never more than ids, hosts and codes. */
export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly versionId: string;
  /** Whether the user had signed in already. */
  readonly isSignedIn: boolean;
}

/** The server's error number to the name that the workflow acts on. MariaDB and MySQL share those below 1900; the rest is marked. */
const BY_NUMBER: Readonly<Record<number, ErrorName>> = {
  1045: "CredentialRejected", // ER_ACCESS_DENIED_ERROR: user, password, or a TLS requirement that is not met
  1698: "CredentialRejected", // ER_ACCESS_DENIED_NO_PASSWORD_ERROR: the account signs in without a password, but not us

  1044: "AccessDenied", // ER_DBACCESS_DENIED_ERROR
  1130: "AccessDenied", // ER_HOST_NOT_PRIVILEGED: no account of any user for our address, said before a user is named
  1132: "AccessDenied", // ER_PASSWORD_NOT_ALLOWED
  1142: "AccessDenied", // ER_TABLEACCESS_DENIED_ERROR
  1143: "AccessDenied", // ER_COLUMNACCESS_DENIED_ERROR
  1227: "AccessDenied", // ER_SPECIFIC_ACCESS_DENIED_ERROR
  1370: "AccessDenied", // ER_PROCACCESS_DENIED_ERROR
  1410: "AccessDenied", // ER_CANT_CREATE_USER_WITH_GRANT
  1820: "AccessDenied", // ER_MUST_CHANGE_PASSWORD: the right password, and expired
  1862: "AccessDenied", // ER_MUST_CHANGE_PASSWORD_LOGIN: the same, where the server does not let such in
  1873: "AccessDenied", // ER_ACCESS_DENIED_CHANGE_USER_ERROR
  3118: "AccessDenied", // MySQL's ER_ACCOUNT_HAS_BEEN_LOCKED
  3955: "AccessDenied", // MySQL's ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK
  4150: "AccessDenied", // MariaDB's ER_USER_IS_BLOCKED: max_password_errors
  4151: "AccessDenied", // MariaDB's ER_ACCOUNT_HAS_BEEN_LOCKED

  1021: "TargetUnavailable", // ER_DISK_FULL
  1030: "TargetUnavailable", // ER_GET_ERRNO: the storage engine failed
  1037: "TargetUnavailable", // ER_OUTOFMEMORY
  1040: "TargetUnavailable", // ER_CON_COUNT_ERROR: too many connections
  1041: "TargetUnavailable", // ER_OUT_OF_RESOURCES
  1047: "TargetUnavailable", // ER_UNKNOWN_COM_ERROR: a Galera node that is not ready
  1053: "TargetUnavailable", // ER_SERVER_SHUTDOWN
  1080: "TargetUnavailable", // ER_FORCING_CLOSE
  1114: "TargetUnavailable", // ER_RECORD_FILE_FULL
  1129: "TargetUnavailable", // ER_HOST_IS_BLOCKED: max_connect_errors
  1135: "TargetUnavailable", // ER_CANT_CREATE_THREAD
  1152: "TargetUnavailable", // ER_ABORTING_CONNECTION
  1158: "TargetUnavailable", // ER_NET_READ_ERROR
  1159: "TargetUnavailable", // ER_NET_READ_INTERRUPTED
  1160: "TargetUnavailable", // ER_NET_ERROR_ON_WRITE
  1161: "TargetUnavailable", // ER_NET_WRITE_INTERRUPTED
  1180: "TargetUnavailable", // ER_ERROR_DURING_COMMIT: Galera
  1184: "TargetUnavailable", // ER_NEW_ABORTING_CONNECTION
  1133: "TargetUnavailable", // ER_PASSWORD_NO_MATCH: another session has just dropped the account
  1141: "TargetUnavailable", // ER_NONEXISTING_GRANT: another session has just revoked it
  1147: "TargetUnavailable", // ER_NONEXISTING_TABLE_GRANT: the same
  1403: "TargetUnavailable", // ER_NONEXISTING_PROC_GRANT: the same
  1962: "TargetUnavailable", // MariaDB's ER_CANNOT_REVOKE_ROLE: the same
  1396: "TargetUnavailable", // ER_CANNOT_USER: another session has just created or dropped the account
  1203: "TargetUnavailable", // ER_TOO_MANY_USER_CONNECTIONS
  1205: "TargetUnavailable", // ER_LOCK_WAIT_TIMEOUT
  1213: "TargetUnavailable", // ER_LOCK_DEADLOCK
  1226: "TargetUnavailable", // ER_USER_LIMIT_REACHED
  1290: "TargetUnavailable", // ER_OPTION_PREVENTS_STATEMENT: read-only or stricter since withWritableSession has looked
  1317: "TargetUnavailable", // ER_QUERY_INTERRUPTED
  1792: "TargetUnavailable", // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: tx_read_only
  1836: "TargetUnavailable", // ER_READ_ONLY_MODE
  1874: "TargetUnavailable", // ER_INNODB_READ_ONLY
  1927: "TargetUnavailable", // MariaDB's ER_CONNECTION_KILLED
  1969: "TargetUnavailable", // MariaDB's ER_STATEMENT_TIMEOUT
  3024: "TargetUnavailable", // MySQL's ER_QUERY_TIMEOUT
  3169: "TargetUnavailable", // MySQL's ER_SESSION_WAS_KILLED

  1049: "ConfigurationInvalid", // ER_BAD_DB_ERROR: no such database
  1064: "ConfigurationInvalid", // ER_PARSE_ERROR: a server that is older than we know
  1102: "ConfigurationInvalid", // ER_WRONG_DB_NAME: no database can have this name
  1193: "ConfigurationInvalid", // ER_UNKNOWN_SYSTEM_VARIABLE: a server that is older than we know
  1251: "ConfigurationInvalid", // ER_NOT_SUPPORTED_AUTH_MODE
  1300: "ConfigurationInvalid", // ER_INVALID_CHARACTER_STRING: no name of the server's can have such a character
  1372: "ConfigurationInvalid", // ER_PASSWD_LENGTH: not the hash that the plugin takes
  1470: "ConfigurationInvalid", // ER_WRONG_STRING_LENGTH: the user name is too long
  1524: "ConfigurationInvalid", // ER_PLUGIN_IS_NOT_LOADED
  1699: "ConfigurationInvalid", // ER_SET_PASSWORD_AUTH_PLUGIN: the account has no password to set
  1819: "ConfigurationInvalid", // ER_NOT_VALID_PASSWORD: a password policy of the server refuses
  1827: "ConfigurationInvalid", // ER_PASSWORD_FORMAT
  3159: "ConfigurationInvalid", // ER_SECURE_TRANSPORT_REQUIRED
  3638: "ConfigurationInvalid", // MySQL's ER_CREDENTIALS_CONTRADICT_TO_HISTORY
  3892: "ConfigurationInvalid", // MySQL's ER_CURRENT_PASSWORD_NOT_PROVIDED: PASSWORD REQUIRE CURRENT
};

/** Those that mean something else once the user has signed in: an administrator may not give what they have not. */
const WITHIN_SESSION: Readonly<Record<number, ErrorName>> = { 1045: "AccessDenied", 1698: "AccessDenied" };

const SAYS: Readonly<Partial<Record<ErrorName, string>>> = {
  CredentialRejected: "refused the credential",
  AccessDenied: "denied a privilege",
  TargetUnavailable: "could not be used",
  ConfigurationInvalid: "cannot do what the secret asks for",
};

/** What is known better than by its name. */
const SAYS_OF: Readonly<Record<number, string>> = {
  1130: "has no account at all for this address",
  1290: "has just become read-only, or stricter",
  1819:
    "has rules of its own for passwords, and refuses this one: let the policy's password rules ask for as much (often a longer one, " +
    "or punctuation) and rotate again",
  1820: "says that the password has expired: until somebody changes it, it is good for nothing",
  1862: "says that the password has expired: until somebody changes it, it is good for nothing",
  3118: "says that the account is locked",
  4150: "has blocked the account after too many wrong passwords: ALTER USER or FLUSH PRIVILEGES lets it in again",
  4151: "says that the account is locked",
};

/** node:tls and OpenSSL: no trusted certificate, another host's certificate, no common protocol. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH$|INVALID_CA$|EPROTO$)/;

/** The driver's own number for a server that offers no TLS. */
const NO_TLS = 45_023;

/** The driver's own for ways to sign in that would show the password, or that it does not know. */
const UNSAFE_SIGN_IN = new Set([45_025, 45_044, 45_047, 45_064]);

/** Whether the attempt failed because TLS could not be had, before any credential was sent. */
export function isTlsFailure(error: unknown): boolean {
  return offersNoTls(error) || TLS_CODE.test(codeOf(error) ?? "");
}

/** Whether the attempt failed because the server has no TLS at all. */
export function offersNoTls(error: unknown): boolean {
  return numberOf(error) === NO_TLS;
}

/**
 * Turns whatever the driver threw into a RotationError. The driver's error, which holds the statement in `sql` and in its message, ends
 * here; `cause` keeps the number or the code alone.
 */
export function toRotationError(error: unknown, attempt: Attempt): RotationError {
  if (error instanceof RotationError) {
    return error;
  }
  const where = `MariaDB at ${attempt.host}:${attempt.port}`;
  const about = `version ${attempt.versionId}`;
  const [number, code] = [numberOf(error), codeOf(error)];
  if (isTlsFailure(error)) {
    const why = offersNoTls(error) ? "it offers no TLS" : code;
    return new RotationError("ConfigurationInvalid", `${where} has no TLS that can be verified (${why}); ${about}.`, {
      cause: { code },
    });
  }
  if (number !== undefined && UNSAFE_SIGN_IN.has(number)) {
    return new RotationError(
      "ConfigurationInvalid",
      `${where} asks for a sign-in that this connection does not allow (${code}): caching_sha2_password needs TLS that can be ` +
        `verified, PAM and clear text are never used; ${about}.`,
      { cause: { code } },
    );
  }
  if (number !== undefined && number < FIRST_OF_DRIVER) {
    const name = (attempt.isSignedIn && WITHIN_SESSION[number]) || (BY_NUMBER[number] ?? "InternalError");
    const says = SAYS_OF[number] ?? SAYS[name] ?? "answered with an error that is not expected";
    return new RotationError(name, `${where} ${says} (error ${number}); ${about}.`, { cause: { number } });
  }
  const why = code ?? "connection lost or no answer in time";
  return new RotationError("TargetUnavailable", `${where} cannot be reached (${why}); ${about}.`, { cause: { code } });
}

/** The server's error number behind an error of the driver, or behind the RotationError made of it. */
export function errorNumberOf(error: unknown): number | undefined {
  const source = error instanceof RotationError ? error.cause : error;
  const number = typeof source === "object" && source !== null && "number" in source ? source.number : numberOf(source);
  return typeof number === "number" && number < FIRST_OF_DRIVER ? number : undefined;
}

/** The driver's own errors are numbered from here on. */
const FIRST_OF_DRIVER = 45_000;

/** Errors of sockets have a negative `errno`. */
function numberOf(error: unknown): number | undefined {
  const number = typeof error === "object" && error !== null && "errno" in error ? error.errno : undefined;
  return typeof number === "number" && Number.isInteger(number) && number > 0 ? number : undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : undefined;
}
