/**
 * When an attempt has failed, and what follows. AWS documents that "the entire rotation process" is retried "multiple
 * times", and neither count nor interval, nor what becomes of the token, nor how long a step is waited for, nor whether
 * CancelRotateSecret ends the retries; code under test has to live with every form.
 */
export interface RotationRetry {
  /** Further attempts after a failure. Default 2. */
  readonly attempts: number;
  /** Seconds before each of them. Default 60. */
  readonly delaySeconds: number;
  /**
   * - `pending-put-back` (default): the same token, and AWSPENDING put back on its version if it was taken off.
   * - `same-token`: the same token, the labels as they are.
   * - `new-token`: a fresh placeholder under a fresh token, and AWSPENDING on it.
   */
  readonly form: "pending-put-back" | "same-token" | "new-token";
  /**
   * What CancelRotateSecret does to the attempt that runs and to those that are left.
   * - `end` (default): no further step and no further attempt.
   * - `go-on`: they go on as if it had not been called; it only turns RotationEnabled off.
   */
  readonly afterCancel: "end" | "go-on";
  /**
   * Seconds after which Secrets Manager gives up waiting for a step: the step has failed then, and its function goes on
   * alongside the retry. Default: it waits until the function has ended.
   */
  readonly stepTimeoutSeconds?: number;
}

export const DEFAULT_RETRY: RotationRetry = {
  attempts: 2,
  delaySeconds: 60,
  form: "pending-put-back",
  afterCancel: "end",
};
