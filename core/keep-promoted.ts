import { readCredentialIfAny, rotationContext, type Target } from "./credentials.ts";
import { RotationError } from "./errors.ts";
import type { LabelTable } from "./outcome.ts";
import { readTwice } from "./versions/read-twice.ts";
import { AWSCURRENT, AWSPREVIOUS, describeSecret, holderOf, holds } from "./versions/secret.ts";

/** A rollback, as far as it may be refused. */
export interface Promoted {
  readonly target: Target;
  readonly secretArn: string;
  readonly token: string;
  readonly base: string;
  /** The pause between the two agreeing reads, in milliseconds. */
  readonly confirmPauseMs: number;
}

/**
 * Ends the rollback of a version that is AWSCURRENT, where the policy keeps one: a leaked credential must not come back. A
 * stale read that shows "not promoted" would bring it back, so two reads have to agree. Writes nothing.
 * @throws RotationError NotConverged, or CredentialRejected where the target refuses what is live; retryable ones
 */
export async function keepPromoted(step: Promoted): Promise<void> {
  const { target, token } = step;
  const labels = await readTwice(step, async () => (await describeSecret(target.client, target.secretArn)).labels);
  if (holds(labels, token, AWSCURRENT)) await refuse(step, "its policy keeps a promoted version");
}

/**
 * The same where somebody has rotated once more, and AWSCURRENT was moved back by hand: AWSPREVIOUS would leave that version with
 * the move to the base, and it may be the only one that opens the door. Throws what keepPromoted throws.
 */
export async function keepPassedOver(step: Promoted, labels: LabelTable): Promise<void> {
  const previous = holderOf(labels, AWSPREVIOUS);
  if (previous === undefined || previous === step.base || previous === step.token) return;
  await refuse(step, `AWSPREVIOUS is on version ${previous} by now, of a later rotation`);
}

async function refuse({ target, token }: Promoted, because: string): Promise<never> {
  const candidate = await readCredentialIfAny(target, token);
  const answer = candidate === undefined ? "unknown" : await target.strategy.signIn(candidate, rotationContext(target));
  const isRefused = answer === "rejected";
  throw new RotationError(
    isRefused ? "CredentialRejected" : "NotConverged",
    `Version ${token} of ${target.secretArn} is AWSCURRENT, ${isRefused ? "the target refuses it, " : ""}and ${because}. Nothing was undone.`,
  );
}
