import { RotationError } from "./errors.ts";

/** One request's limits, in milliseconds, and how often the SDK's standard retry may make it. */
export const SDK_REQUEST = { attempts: 3, connectMs: 2000, requestMs: 5000 } as const;

/**
 * What every AWS client of ours is made with. The SDK's own standard retry stays; three attempts must fit into the
 * Lambda timeout (the order of timeouts is a fence against late effects).
 */
export const clientConfiguration = {
  maxAttempts: SDK_REQUEST.attempts,
  requestHandler: {
    connectionTimeout: SDK_REQUEST.connectMs,
    requestTimeout: SDK_REQUEST.requestMs,
    throwOnRequestTimeout: true,
  },
};

// Smithy's published classes, by error name: the SDK has already tried again when one of these arrives here.
const THROTTLING = new Set([
  "ThrottlingException",
  "Throttling",
  "ThrottledException",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "KmsThrottlingException",
]);
const DENIED = new Set([
  "AccessDeniedException",
  "AccessDenied",
  "AuthorizationError",
  "AuthorizationErrorException",
  "NotAuthorizedException",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "ExpiredTokenException",
  "EncryptionFailure",
  "DecryptionFailure",
  "KmsAccessDeniedException",
  "KmsInvalidStateException",
]);

/**
 * Gives an error of an AWS client a name of ours. The message is built from the operation and AWS's error code, never
 * from AWS's text: a validation error may repeat a parameter.
 *
 * @param operation such as "secretsmanager:PutSecretValue on orders/db"
 */
export function fromAwsError(error: unknown, operation: string): RotationError {
  if (error instanceof RotationError) return error;
  const { name = "Error", message = "", $metadata, $fault } = error as AwsLike;
  const cause = { cause: error };
  if (THROTTLING.has(name)) return new RotationError("Throttled", `${operation} was throttled (${name}).`, cause);
  if (DENIED.has(name)) {
    return new RotationError(
      "AccessDenied",
      `${operation} was refused (${name}): check the role's policy and the KMS key.`,
      cause,
    );
  }
  if (name === "ResourceNotFoundException") {
    return new RotationError("SecretNotFound", `${operation}: the secret or version does not exist.`, cause);
  }
  if (isDeleted(error))
    return new RotationError("SecretNotFound", `${operation}: the secret is scheduled for deletion.`, cause);
  if (name === "InvalidRequestException" && /managed by another service/i.test(message)) {
    return new RotationError("SecretManagedElsewhere", `${operation}: an AWS service manages this secret.`, cause);
  }
  if (name === "LimitExceededException") {
    return new RotationError(
      "ConfigurationInvalid",
      `${operation}: a quota is used up (100 versions of a secret, 20 staging labels). Versions younger than 24 h are never removed: wait, or take labels off.`,
      cause,
    );
  }
  const status = $metadata?.httpStatusCode;
  const answered = status !== undefined && status < 500;
  if ($fault === "server" || name === "InternalServiceError" || !answered) {
    return new RotationError(
      "ServiceUnavailable",
      `${operation}: no usable reply (${name}); it may or may not have taken effect.`,
      cause,
    );
  }
  return new RotationError("InternalError", `${operation} failed with ${name}.`, cause);
}

/** Secrets Manager answers every read and write of a deleted secret with InvalidRequestException and a text. */
export function isDeleted(error: unknown): boolean {
  const { name, message = "" } = error as AwsLike;
  return name === "InvalidRequestException" && /(marked|scheduled) for deletion/i.test(message);
}

/** RotateSecret's refusal while another rotation is not complete; known by its text, which AWS does not document. */
export function isUnfinished(error: unknown): boolean {
  const { name, message = "" } = error as AwsLike;
  return name === "InvalidRequestException" && /previous rotation (isn't|is not) complete/i.test(message);
}

/** Whether a thrown value has one of these names. Never throws. The SDK's classes are not compared: two copies of it differ. */
export function hasName(error: unknown, ...names: readonly string[]): boolean {
  return names.includes((error as AwsLike)?.name ?? "");
}

interface AwsLike {
  readonly name?: string;
  readonly message?: string;
  readonly $fault?: "client" | "server";
  readonly $metadata?: { readonly httpStatusCode?: number };
}
