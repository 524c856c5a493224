/** What a code in an error's message most often comes from. */
export interface RootCause {
  /** Codes as they stand in messages. */
  readonly codes: readonly string[];
  readonly because: string;
  readonly todo: string;
}

/** By the target's, AWS's and Node's own codes. docs/runbooks.md has the same table. */
export const ROOT_CAUSES: readonly RootCause[] = [
  {
    codes: ["28P01"],
    because:
      "the password at the target is not the one of this version: it was changed by hand, or for another host or user",
    todo: "see CredentialDrift",
  },
  {
    codes: ["28000"],
    because: "pg_hba.conf does not let this user in from this address, or not without TLS",
    todo: "correct pg_hba.conf, or ssl in the secret",
  },
  { codes: ["57P03"], because: "PostgreSQL is starting or shutting down", todo: "wait, then retry" },
  { codes: ["53300"], because: "max_connections of the target is used up", todo: "raise it, or close what is idle" },
  {
    codes: ["55P03"],
    because: "another transaction held the role's lock for too long",
    todo: "see which transaction changes roles",
  },
  {
    codes: ["error 1045"],
    because: "MariaDB refuses this user and password from this host",
    todo: "see the accounts of the same name",
  },
  { codes: ["WRONGPASS"], because: "Redis does not know this password for the user", todo: "see the user's ACL" },
  {
    codes: ["ETIMEDOUT", "EHOSTUNREACH"],
    because: "a security group or a route keeps the functions from the target",
    todo: "see network in deployment.config.ts",
  },
  {
    codes: ["ECONNREFUSED"],
    because: "nothing listens there: the target is down, or host or port is another",
    todo: "see host and port in the secret",
  },
  {
    codes: ["ENOTFOUND", "EAI_AGAIN"],
    because: "the target's name is not known where the functions are",
    todo: "see the VPC's DNS, and host in the secret",
  },
  {
    codes: ["KmsAccessDeniedException", "DecryptionFailure", "EncryptionFailure"],
    because: "the KMS key's policy does not let the function's role use it",
    todo: "see docs/iam.md",
  },
  {
    codes: ["previous rotation isn't complete", "has not completed an earlier rotation"],
    because: "AWSPENDING was left on another version than AWSCURRENT",
    todo: "see RotationInProgress",
  },
  {
    codes: ["Runtime.ExitError", "Sandbox.Timedout", "Runtime.OutOfMemory"],
    because: "the function's process died, or ran out of time or memory",
    todo: "see its log at that time",
  },
];

/** The first cause of which a code stands in the text as a word of its own; undefined where none does. Pure. */
export function rootCauseOf(text: string): RootCause | undefined {
  return ROOT_CAUSES.find(({ codes }) =>
    codes.some((code) => new RegExp(`(^|[^\\w.])${literal(code)}($|[^\\w])`).test(text)),
  );
}

// --- internal ---

function literal(code: string): string {
  return code.replaceAll(".", "\\.");
}
