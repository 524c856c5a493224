import { type ErrorName, RotationError } from "../errors.ts";

/** What may be said in public of an attempt: never more than ids, hosts and codes. */
export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly versionId: string;
}

/** SQLSTATE, or its class (the first two characters), to the name that the workflow acts on. PostgreSQL manual, appendix A. */
const BY_SQLSTATE: Readonly<Record<string, ErrorName>> = {
  "28P01": "CredentialRejected", // invalid_password; an expired one, too
  "28": "CredentialRejected", // invalid_authorization: may not log in, or no line of pg_hba.conf for it
  "42501": "AccessDenied", // insufficient_privilege
  "0L": "AccessDenied", // invalid_grantor: may not grant this
  "0P": "ConfigurationInvalid", // invalid_role_specification
  "25006": "TargetUnavailable", // read_only_sql_transaction: a standby answers, as during a failover
  "23505": "TargetUnavailable", // unique_violation: another session has just created the role
  "42710": "TargetUnavailable", // duplicate_object: the same
  "42704": "TargetUnavailable", // undefined_object: another session has just dropped the role
  "55006": "TargetUnavailable", // object_in_use
  "55P03": "TargetUnavailable", // lock_not_available: lock_timeout
  "08": "TargetUnavailable", // connection_exception
  "40": "TargetUnavailable", // transaction_rollback: serialisation, deadlock
  "53": "TargetUnavailable", // insufficient_resources: too many connections, out of memory or disk
  "57": "TargetUnavailable", // operator_intervention: shutdown, starting up, statement_timeout
  "58": "TargetUnavailable", // system_error
  XX: "TargetUnavailable", // internal_error: a tuple concurrently updated
  "22": "ConfigurationInvalid", // data_exception: a password policy of the server refuses
  "3D": "ConfigurationInvalid", // invalid_catalog_name: no such database
  "42": "ConfigurationInvalid", // syntax_error_or_access_rule_violation
};

const SAYS: Readonly<Partial<Record<ErrorName, string>>> = {
  CredentialRejected: "refused the credential",
  AccessDenied: "denied a privilege",
  TargetUnavailable: "could not be used",
  ConfigurationInvalid: "cannot do what the secret asks for",
};

/** node:tls and OpenSSL: no trusted certificate, another host's certificate, no common protocol. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH$|INVALID_CA$|EPROTO$)/;

/** The driver gives these two no code: the answer to its request for TLS was no. Matched whole; nothing of them is passed on. */
const TLS_REFUSALS = [
  "The server does not support SSL connections",
  "There was an error establishing an SSL connection",
];

/** Whether the attempt failed because TLS could not be had, before any credential was sent. */
export function isTlsFailure(error: unknown): boolean {
  return TLS_CODE.test(codeOf(error) ?? "") || (error instanceof Error && TLS_REFUSALS.includes(error.message));
}

/**
 * Turns whatever the driver threw into a RotationError. The driver's message, which may quote a statement, and its error,
 * which may hold one, end here; `cause` keeps the code alone.
 */
export function toRotationError(error: unknown, attempt: Attempt): RotationError {
  if (error instanceof RotationError) {
    return error;
  }
  const where = `PostgreSQL at ${attempt.host}:${attempt.port}`;
  const about = `version ${attempt.versionId}`;
  const code = codeOf(error);
  if (isTlsFailure(error)) {
    const why = code === undefined ? "it offers no TLS" : code;
    return new RotationError("ConfigurationInvalid", `${where} has no TLS that can be verified (${why}); ${about}.`, {
      cause: { code },
    });
  }
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    const name = BY_SQLSTATE[sqlState] ?? BY_SQLSTATE[sqlState.slice(0, 2)] ?? "InternalError";
    const says = SAYS[name] ?? "answered with an error that is not expected";
    return new RotationError(name, `${where} ${says} (SQLSTATE ${sqlState}); ${about}.`, { cause: { code: sqlState } });
  }
  const why = code ?? "connection lost or no answer in time";
  return new RotationError("TargetUnavailable", `${where} cannot be reached (${why}); ${about}.`, { cause: { code } });
}

/** The SQLSTATE behind an error of the server, or behind the RotationError made of it. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error instanceof RotationError ? error.cause : error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : undefined;
}
