import { checkLastLabel } from "../check-last-label.ts";
import { checkNotFrozen, checkSecret } from "../check-secret.ts";
import { readCredential } from "../credentials.ts";
import { isRetryable, RotationError } from "../errors.ts";
import { type Execution, executionsOf, isRunning, lastThatCounts } from "../executions.ts";
import { checkNotRecentlyRolledBack } from "../recently-rolled-back.ts";
import { checkRehearsed } from "../rehearsal.ts";
import { newValue } from "../steps/create-secret.ts";
import { discard } from "../versions/discard.ts";
import { putCandidate } from "../versions/put-candidate.ts";
import {
  AWSPENDING,
  describeSecret,
  hasValue,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
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
    await discard(call.client, { secretArn: call.secretArn, token: call.token });
    throw new RotationError(
      "RolledBack",
      `Version ${call.token} of ${secret.name} was rolled back. Nothing was changed; rotate again with a new token.`,
    );
  }
  // Case 2: a retry of a version that has its value. It is never written again.
  if (await hasValue(call.client, call.secretArn, call.token)) return checkNotFailed(call);
  // Case 3: an empty placeholder. Everything that may refuse it comes before the value is written.
  try {
    const executions = await executionsOf(call.sfn, call.stateMachineArn, secret.arn, call.token);
    // An empty version whose execution has ended was never written in time: no second start under that name is possible.
    if (executions[0] !== undefined && !executions.some(isRunning)) {
      throw failedExecution(secret.name, lastThatCounts(executions) ?? executions[0]);
    }
    await writeCandidate(call);
  } catch (error) {
    if (isRetryable(error)) throw error;
    // Tidying must not hide why: Secrets Manager's retry comes here again and tries it once more.
    await discardPlaceholder(call).catch(() => {});
    throw error;
  }
}

async function checkNotFailed(call: GateCall): Promise<void> {
  const executions = await executionsOf(call.sfn, call.stateMachineArn, call.secretArn, call.token);
  const last = lastThatCounts(executions);
  if (last === undefined || executions.some(isRunning) || last.status === "SUCCEEDED") return;
  await cleanUpRejected(call, executions);
  // ROTATION_ROLLED_BACK has moved on to a later candidate: AWSPENDING may have been put back here all the same.
  if (last.error === "RolledBack") await discard(call.client, { secretArn: call.secretArn, token: call.token });
  throw failedExecution(call.secretArn, last);
}

/** An execution that was rejected has touched nothing: no AWSPENDING of it may stay. */
export async function cleanUpRejected(call: GateCall, executions: readonly Execution[]): Promise<void> {
  if (!executions.some((each) => each.error === "RotationRejected")) return;
  await discard(call.client, { secretArn: call.secretArn, token: call.token });
}

/**
 * Secrets Manager may have given up on this call, and a later one of the same token has written the value since: its rotation
 * is not this call's to end.
 */
async function discardPlaceholder(call: GateCall): Promise<void> {
  if (await hasValue(call.client, call.secretArn, call.token)) return;
  const executions = await executionsOf(call.sfn, call.stateMachineArn, call.secretArn, call.token);
  if (!executions.some(isRunning)) await discard(call.client, { secretArn: call.secretArn, token: call.token });
}

async function writeCandidate(call: GateCall): Promise<void> {
  const { secret, policy, target } = await readTargetOf(call);
  checkNotFrozen(secret);
  const { base } = await checkSecret(secret, call.token, call);
  checkRehearsed(secret, policy, { definition: call.definition, nowMs: Date.now() });
  await checkNotRecentlyRolledBack(call, secret, policy, call.token);
  const { credential } = await readCredential(target, base);
  await checkLastLabel(target, secret, credential);
  const value = newValue(target, policy, credential);
  await putCandidate(call.client, {
    secretArn: secret.arn,
    token: call.token,
    value,
    labels: [AWSPENDING, ROTATION_CANDIDATE],
    rotationToken: call.rotationToken,
  });
}
