import { checkNotFrozen, checkSecret } from "../check-secret.ts";
import { readCredential } from "../credentials.ts";
import { isRetryable, RotationError } from "../errors.ts";
import { type Execution, executionsOf, isRunning } from "../executions.ts";
import { isDerivedToken } from "../identity.ts";
import type { Policy } from "../policies.ts";
import { newValue } from "../steps/create-secret.ts";
import { discard } from "../versions/discard.ts";
import { putCandidate } from "../versions/put-candidate.ts";
import {
  AWSPENDING,
  describeSecret,
  hasValue,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
  type Secret,
} from "../versions/secret.ts";
import { type GateCall, readTargetOf } from "./call.ts";
import { failedExecution } from "./failed-execution.ts";

/**
 * createSecret of the gate.
 *
 * @throws RotationError in every case but success:
 *   RolledBack (a retry of a token that was rolled back; AWSPENDING is taken off it again and nothing else is changed),
 *   RecentlyRolledBack, SecretFrozen, RotationInProgress, ConfigurationInvalid and other terminal ones (AWSPENDING is taken off
 *   the empty placeholder, so that no rotation is left dangling); retryable ones (nothing is changed: the retry comes).
 */
export async function gateCreateSecret(call: GateCall): Promise<void> {
  const secret = await describeSecret(call.client, call.secretArn);
  // Case 1: a retry of a version that was rolled back. Writing or starting anything now would make it flap.
  if (holds(secret.labels, call.token, ROTATION_ROLLED_BACK)) {
    await discard(call.client, call.secretArn, call.token, [AWSPENDING]);
    throw new RotationError(
      "RolledBack",
      `Version ${call.token} of ${secret.name} was rolled back. Nothing was changed; rotate again with a new token.`,
    );
  }
  const executions = await executionsOf(call.sfn, call.stateMachineArn, secret.arn, call.token);
  // Case 2: a retry of a version that has its value. It is never written again.
  if (await hasValue(call.client, call.secretArn, call.token)) return checkNotFailed(call, executions);
  // Case 3: an empty placeholder. Everything that may refuse it comes before the value is written.
  try {
    // An empty version whose execution has ended was never written in time: no second start under that name is possible.
    if (executions[0] !== undefined && !executions.some(isRunning)) throw failedExecution(secret.name, executions);
    await writeCandidate(call);
  } catch (error) {
    if (!isRetryable(error)) await discard(call.client, call.secretArn, call.token, [AWSPENDING]);
    throw error;
  }
}

async function checkNotFailed(call: GateCall, executions: readonly Execution[]): Promise<void> {
  const first = executions[0];
  if (first === undefined || executions.some(isRunning) || first.status === "SUCCEEDED") return;
  await cleanUpRejected(call, executions);
  throw failedExecution(call.secretArn, executions);
}

/** An execution that was rejected has touched nothing: no AWSPENDING of it may stay. */
export async function cleanUpRejected(call: GateCall, executions: readonly Execution[]): Promise<void> {
  if (!executions.some((each) => each.error === "RotationRejected")) return;
  await discard(call.client, call.secretArn, call.token, [AWSPENDING, ROTATION_CANDIDATE]);
}

async function writeCandidate(call: GateCall): Promise<void> {
  const { secret, policy, target } = await readTargetOf(call);
  checkNotFrozen(secret);
  const { base } = await checkSecret(secret, call.token, call);
  await checkNotRecentlyRolledBack(call, secret, policy, base);
  const value = newValue(target, policy, (await readCredential(target, base)).credential);
  await putCandidate(call.client, {
    secretArn: secret.arn,
    token: call.token,
    value,
    labels: [AWSPENDING, ROTATION_CANDIDATE],
    rotationToken: call.rotationToken,
  });
}

/** @throws RotationError RecentlyRolledBack: a new token soon after a rollback from the same base would only fail again */
async function checkNotRecentlyRolledBack(call: GateCall, secret: Secret, policy: Policy, base: string): Promise<void> {
  const rolledBack = holderOf(secret.labels, ROTATION_ROLLED_BACK);
  // A derived token was asked for by a person through Rotor, who knows of the rollback.
  if (rolledBack === undefined || isDerivedToken(call.token, secret.arn, base)) return;
  const ends = (await executionsOf(call.sfn, call.stateMachineArn, secret.arn, rolledBack))
    .filter((each) => each.error === "RolledBack" && each.facts["base"] === base)
    .map((each) => each.stoppedAt?.getTime() ?? 0);
  const until = Math.max(0, ...ends) + policy.retryAfterRollbackSeconds * 1000;
  if (Date.now() >= until) return;
  throw new RotationError(
    "RecentlyRolledBack",
    `Version ${rolledBack} of ${secret.name} was rolled back from the same base. New tokens are refused until ${new Date(until).toISOString()} (retryAfterRollbackSeconds). Nothing was changed.`,
  );
}
