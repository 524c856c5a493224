import type { Target } from "./credentials.ts";
import { RotationError } from "./errors.ts";
import { AWSCURRENT, AWSPENDING, describeSecret, holderOf, holds, ROTATION_ROLLED_BACK } from "./versions/secret.ts";

/** When a rotation of somebody else's was first seen, and the workflow's time now, in milliseconds since the epoch. */
export interface Observed {
  readonly startedMs: number;
  readonly nowMs: number;
}

/** Without RotationSucceeded whoever rotates is taken to have ended after so long. */
const ENDED_AFTER_MS = 20 * 60 * 1000;
/** How much later than the move of AWSCURRENT this workflow may have started, and clocks may differ. */
const SLACK_MS = 5 * 60 * 1000;

/**
 * Whether a version that somebody else has rotated in may be taken back now. Reads only; may be repeated.
 *
 * @throws RotationError RotationUnfinished (retryable: whoever rotates may be at it still), NotConverged (another rotation is
 *   on its way, or this version was taken back once already: nothing was written)
 */
export async function checkObserved(target: Target, token: string, { startedMs, nowMs }: Observed): Promise<void> {
  const { name, labels, lastRotatedAt } = await describeSecret(target.client, target.secretArn);
  const current = holderOf(labels, AWSCURRENT);
  // Taken back by an earlier attempt of this very step: it goes on from there.
  if (current !== token) return;
  const pending = holderOf(labels, AWSPENDING);
  if (pending !== undefined && pending !== token) {
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
  const succeeded = lastRotatedAt !== undefined && lastRotatedAt.getTime() >= startedMs - SLACK_MS;
  if (succeeded || nowMs - startedMs >= ENDED_AFTER_MS) return;
  throw new RotationError(
    "RotationUnfinished",
    `Secrets Manager does not say yet that the rotation of ${name} has ended. Nothing was undone so far.`,
  );
}
