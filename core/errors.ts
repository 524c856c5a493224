/**
 * The whole protocol between code and workflow is an error's name: ASL retries the names in RETRYABLE, and catches
 * the rest. One class, two lists; `instanceof` does not survive a Lambda boundary, a name does.
 */

/** ASL retries these. Nothing was decided yet. */
export const RETRYABLE = [
  "Throttled", // AWS or the target asked us to slow down
  "ServiceUnavailable", // an AWS service failed on its side, or its reply was lost
  "TargetUnavailable", // no connection to the target, starting up, too many connections, a lock
  "CandidateNotReady", // native mode: the gate has not written the version yet
  "VersionNotVisible", // eventual consistency: a read contradicts our own last write
  "DependentNotReady", // refreshed, not yet seen on the version: ask again
  "RotationUnfinished", // observed: whoever rotates may still be at it, so nothing is taken back yet: ask again
  "WorkflowStillRunning", // the gate's time is over, the workflow goes on: Secrets Manager's retry waits again
] as const;

/** ASL never retries these. */
export const TERMINAL = [
  "ConfigurationInvalid", // the policy, the secret or its JSON is not what the strategy needs
  "EventInvalid", // an event or a function's input is not of its schema
  "SecretNotFound", // the secret does not exist, or is scheduled for deletion
  "SecretManagedElsewhere", // an AWS service, a partner or another Region owns the secret's versions
  "RotationInProgress", // another version is being rotated in
  "SecretFrozen", // ROTATION_FROZEN: a person has to look first
  "RecentlyRolledBack", // a candidate with the same base was rolled back a short time ago
  "RehearsalMissing", // the policy requires a rehearsal, and there is none that counts
  "OutsideWindow", // the policy's windows are closed or a freeze period is on, and it says to refuse
  "RehearsalRollback", // not a fault: a rehearsal takes back what has converged
  "RotationCancelled", // AWSPENDING was taken off the candidate, or RotationEnabled turned false
  "AccessDenied", // IAM, KMS or the target's privileges
  "CredentialRejected", // the target refused a credential that should work
  "CredentialDrift", // no known version signs in: the target was changed by hand
  "SessionsOpen", // the user whose password would be changed has sessions open, and the policy says to refuse
  "DependentUnhealthy", // a dependent refused the new version, or was not seen on it in time
  "NotConverged", // AWSCURRENT is the new version, and rollback is forbidden
  "RolledBack", // the execution ended rolled back
  "RollbackFailed", // compensation did not complete: a person has to act
  "RotationRejected", // the execution ended before anything was touched
  "InternalError", // a fault of ours: an invariant does not hold
] as const;

export type RetryableErrorName = (typeof RETRYABLE)[number];
export type TerminalErrorName = (typeof TERMINAL)[number];
export type ErrorName = RetryableErrorName | TerminalErrorName;

/**
 * The only error this project throws on purpose.
 *
 * `message` is public: it reaches the execution history, SNS and the log. It is built from ids, hosts and codes, never
 * from a driver's own text. `cause` stays in the process: Lambda sends name, message and trace only.
 */
export class RotationError extends Error {
  override readonly name: ErrorName;

  constructor(name: ErrorName, publicMessage: string, options?: ErrorOptions) {
    super(publicMessage, options);
    this.name = name;
  }
}

/** Whether the workflow tries again after this error. False for everything that is not a RotationError. Never throws. */
export function isRetryable(error: unknown): boolean {
  return error instanceof RotationError && (RETRYABLE as readonly string[]).includes(error.name);
}
