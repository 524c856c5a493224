import type { SFNClient } from "@aws-sdk/client-sfn";
import type { Target } from "./credentials.ts";
import { RotationError } from "./errors.ts";
import { executionsOf, isRunning } from "./executions.ts";
import { copyId } from "./identity.ts";
import {
  AWSCURRENT,
  AWSPENDING,
  describeSecret,
  holderOf,
  holds,
  ROTATION_CANDIDATE,
  ROTATION_ROLLED_BACK,
  type Secret,
} from "./versions/secret.ts";

/** When a rotation of somebody else's was first seen, and the workflow's time now, in milliseconds since the epoch. */
export interface Observed {
  readonly startedMs: number;
  readonly nowMs: number;
  readonly sfn: SFNClient;
  readonly stateMachineArn: string;
}

/** Without RotationSucceeded whoever rotates is taken to have ended after so long. */
const ENDED_AFTER_MS = 20 * 60 * 1000;
/** How much later than the move of AWSCURRENT this workflow may have started, and clocks may differ. */
const SLACK_MS = 5 * 60 * 1000;

/** Whether an attempt to take the version back has begun. Only that puts the label on a version that is observed. */
export function isTakingBack({ labels }: Secret, token: string): boolean {
  return holds(labels, token, ROTATION_CANDIDATE);
}

/**
 * Whether a version that somebody else has rotated in may be taken back now. Reads only; may be repeated.
 *
 * @returns the secret, as it was read
 * @throws RotationError RotationUnfinished (retryable: whoever rotates may be at it still, or another execution of the secret
 *   is), NotConverged (AWSCURRENT has moved on, another rotation is on its way, or this version was taken back once already:
 *   nothing was written); AccessDenied, Throttled, ServiceUnavailable
 */
export async function checkObserved(
  target: Target,
  { token, base }: { readonly token: string; readonly base: string },
  { startedMs, nowMs, sfn, stateMachineArn }: Observed,
): Promise<Secret> {
  const secret = await describeSecret(target.client, target.secretArn);
  const { name, labels, lastRotatedAt } = secret;
  const current = holderOf(labels, AWSCURRENT);
  // By an earlier attempt, which may have changed the target: stopping half-way would be worse than what has come in between.
  if (isTakingBack(secret, token) || (current === base && holds(labels, token, ROTATION_ROLLED_BACK))) return secret;
  if (current !== token) {
    throw new RotationError(
      "NotConverged",
      `AWSCURRENT of ${name} was moved to version ${current ?? "none"} by somebody else meanwhile. Nothing was undone.`,
    );
  }
  const pending = holderOf(labels, AWSPENDING);
  // On the copy of the base it was left by an earlier attempt.
  if (pending !== undefined && pending !== token && pending !== copyId(secret.arn, token, base)) {
    throw new RotationError(
      "NotConverged",
      `${name} is being rotated again: version ${pending} holds AWSPENDING. Nothing was undone.`,
    );
  }
  if (holds(labels, token, ROTATION_ROLLED_BACK)) {
    throw new RotationError(
      "NotConverged",
      `Version ${token} of ${name} was rolled back before, and is AWSCURRENT again: somebody wants it. Nothing was undone.`,
    );
  }
  for (const versionId of Object.keys(labels).filter((each) => each !== token)) {
    const running = (await executionsOf(sfn, stateMachineArn, secret.arn, versionId)).find(isRunning);
    if (running === undefined) continue;
    throw new RotationError(
      "RotationUnfinished",
      `Execution ${running.name} of ${name} runs. Nothing was undone so far.`,
    );
  }
  const succeeded = lastRotatedAt !== undefined && lastRotatedAt.getTime() >= startedMs - SLACK_MS;
  if (succeeded || nowMs - startedMs >= ENDED_AFTER_MS) return secret;
  throw new RotationError(
    "RotationUnfinished",
    `Secrets Manager does not say yet that the rotation of ${name} has ended. Nothing was undone so far.`,
  );
}
