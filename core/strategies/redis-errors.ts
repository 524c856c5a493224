import { type ErrorName, RotationError } from "../errors.ts";

/** What may be said in public of an attempt: never more than ids, hosts, codes and names of commands. */
export interface Attempt {
  readonly host: string;
  readonly port: number;
  readonly versionId: string;
  /** The name of the command that was sent, such as "ACL SETUSER". */
  readonly command?: string;
  /** TLS had been asked for, and was not there yet. A server without it says nothing to such a request. */
  readonly awaitsTls?: boolean;
}

/** The word in capitals that an error reply begins with, to the name that the workflow acts on. */
const BY_PREFIX: Readonly<Record<string, ErrorName>> = {
  WRONGPASS: "CredentialRejected", // no such user, a wrong password, or a user who is off
  NOPERM: "AccessDenied", // the user may not run the command
  NOAUTH: "AccessDenied", // not signed in (any more)
  DENIED: "AccessDenied", // protected mode: the server takes local connections only
  NOPROTO: "ConfigurationInvalid", // no RESP2
  LOADING: "TargetUnavailable", // starting up
  BUSY: "TargetUnavailable", // a script runs
  MASTERDOWN: "TargetUnavailable", // a replica without its primary
  CLUSTERDOWN: "TargetUnavailable",
  TRYAGAIN: "TargetUnavailable",
  READONLY: "TargetUnavailable", // a replica answers
  MISCONF: "TargetUnavailable", // the disk
  OOM: "TargetUnavailable",
};

export const NO_ACL_FILE = "ERR_NO_ACL_FILE";
export const NOT_SAVED = "ERR_NOT_SAVED";

/** Replies that begin with ERR are told apart by their text alone (Redis 6 to 8, Valkey 7 to 9); nothing of it is passed on. */
const BY_TEXT: readonly (readonly [RegExp, code: string, ErrorName])[] = [
  [/max number of clients/i, "ERR_MAX_CLIENTS", "TargetUnavailable"],
  // Somebody else has changed the user since we looked.
  [/password you are trying to remove/i, "ERR_NO_SUCH_PASSWORD", "TargetUnavailable"],
  [/not configured to use an ACL file/i, NO_ACL_FILE, "ConfigurationInvalid"],
  [/trying to save the ACLs/i, NOT_SAVED, "TargetUnavailable"],
  // Older than 6, or a service that has taken the command away.
  [/unknown (sub)?command|wrong number of arguments/i, "ERR_UNKNOWN_COMMAND", "ConfigurationInvalid"],
];

const SAYS: Readonly<Partial<Record<ErrorName, string>>> = {
  CredentialRejected: "refused the credential",
  AccessDenied: "denied",
  TargetUnavailable: "could not do",
  ConfigurationInvalid: "cannot do",
};

/** node:tls and OpenSSL: no trusted certificate, another host's certificate, no common protocol. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH$|INVALID_CA$|EPROTO$)/;

/**
 * Turns whatever the driver threw into a RotationError. The driver's message, which may quote an argument, and its error,
 * which holds the whole command, end here; `cause` keeps the code alone.
 */
export function toRotationError(error: unknown, attempt: Attempt): RotationError {
  if (error instanceof RotationError) {
    return error;
  }
  const where = `Redis at ${attempt.host}:${attempt.port}`;
  const about = `version ${attempt.versionId}`;
  if (error instanceof Error && error.name === "ReplyError") {
    const [code, name] = readReply(error.message);
    const says = SAYS[name] ?? "answered with an error that is not expected to";
    const what = name === "CredentialRejected" ? "" : ` ${attempt.command ?? "a command"}`;
    return new RotationError(name, `${where} ${says}${what} (${code}); ${about}.`, { cause: { code } });
  }
  const code = nodeCodeOf(error);
  if (code !== undefined && TLS_CODE.test(code)) {
    return new RotationError("ConfigurationInvalid", `${where} has no TLS that can be verified (${code}); ${about}.`, {
      cause: { code },
    });
  }
  const awaited = attempt.awaitsTls === true ? " to the request for TLS, which it gets as ssl is not false" : "";
  const why = code ?? `connection lost or no answer in time${awaited}`;
  return new RotationError("TargetUnavailable", `${where} cannot be reached (${why}); ${about}.`, { cause: { code } });
}

/** The code behind a RotationError made here, such as "NOPERM", NOT_SAVED or "ECONNREFUSED". */
export function codeOf(error: unknown): string | undefined {
  return error instanceof RotationError ? nodeCodeOf(error.cause) : undefined;
}

function readReply(message: string): readonly [code: string, ErrorName] {
  const prefix = /^[A-Z]+(?= |$)/.exec(message)?.[0];
  const name = BY_PREFIX[prefix ?? ""];
  if (prefix !== undefined && name !== undefined) {
    return [prefix, name];
  }
  const known = BY_TEXT.find(([text]) => text.test(message));
  return known === undefined ? ["ERR", "InternalError"] : [known[1], known[2]];
}

function nodeCodeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z0-9_]{2,60}$/.test(code) ? code : undefined;
}
