import { readCredential, readCredentialIfAny, rotationContext, type Target } from "./credentials.ts";
import { isRetryable, RotationError } from "./errors.ts";
import type { LabelTable, TruthRow } from "./outcome.ts";
import { hasOverlap } from "./strategies/strategy.ts";
import { measureTruth } from "./truth-table.ts";
import {
  differences,
  markRolledBack,
  putLabel,
  type Restoration,
  restoreCurrent,
  restorePrevious,
  takePendingOff,
} from "./versions/restore.ts";
import { AWSCURRENT, describeSecret, holds, ROTATION_FROZEN } from "./versions/secret.ts";

export interface RollBack extends Restoration {
  readonly target: Target;
  /** False when the policy keeps a promoted version: a leaked credential must not come back. */
  readonly mayRollBack: boolean;
  /** The pause between the two agreeing reads, in milliseconds. */
  readonly confirmPauseMs: number;
  /** How often this task was tried before. */
  readonly retries: number;
}

export interface RolledBack {
  readonly labels: LabelTable;
  /** When the restored version signed in last. */
  readonly signedInAt: Date;
  readonly remarks: readonly string[];
}

/**
 * Puts target and labels back as they were, from what it observes, never from what an execution believes it did. One
 * order, no branch on a read, so that running it twice is running it once and it may be cut off anywhere:
 *
 *  1. The target accepts the base again, proved by a sign-in (with overlap: after 2).
 *  2. AWSCURRENT from the candidate to the base. A refusal plus a read that shows the base is the only "not promoted".
 *  3. AWSPENDING off the candidate.
 *  4. AWSPREVIOUS where it was.
 *  5. The base signs in once more. ROTATION_ROLLED_BACK on, ROTATION_CANDIDATE off: until here that label may be the only
 *     one on the only version that opens the door.
 *  6. Two agreeing reads, some seconds apart.
 *
 * @throws RotationError NotConverged (promoted, and rollback is forbidden: nothing was written), CredentialDrift, CredentialRejected,
 *   RollbackFailed, AccessDenied (terminal); TargetUnavailable, VersionNotVisible and others (retryable)
 */
export async function rollBack(step: RollBack): Promise<RolledBack> {
  const { target } = step;
  if (!step.mayRollBack) await refuseAfterPromotion(step);
  const base = (await readCredential(target, step.base)).credential;
  const candidate = await readCredentialIfAny(target, step.token);
  if (candidate === undefined && step.retries === 0) {
    throw new RotationError(
      "VersionNotVisible",
      `Version ${step.token} of ${step.secretArn} shows no value; looking again.`,
    );
  }
  const restoreTarget = async () => {
    // A candidate without a value was never set anywhere: only its labels have to go.
    if (candidate === undefined) return;
    const versions = { candidate, base, previous: await readCredentialIfAny(target, step.previous) };
    await target.strategy.rollbackSecret(versions, rotationContext(target));
  };
  if (!hasOverlap(target.strategy)) await restoreTarget();
  await restoreCurrent(target.client, step);
  if (hasOverlap(target.strategy)) await restoreTarget();
  await takePendingOff(target.client, step);
  const gone = (await restorePrevious(target.client, step)) === "gone";
  const signedInAt = await proveBase(target, base, step.base);
  await markRolledBack(target.client, step, candidate !== undefined);
  const labels = await readTwice(step, () => readRestored(target, gone ? { ...step, previous: undefined } : step));
  const remarks = gone
    ? [`Version ${step.previous}, which held AWSPREVIOUS before, is gone; AWSPREVIOUS is on no version now.`]
    : [];
  return { labels, signedInAt, remarks };
}

/**
 * Freezes a secret that could not be rolled back: measures the truth table and puts ROTATION_FROZEN on the candidate. All
 * other labels stay. May be repeated.
 * @returns `frozen` false when the label could not be put on for good; the truth table is worth telling all the same
 * @throws RotationError retryable ones only
 */
export async function freeze(
  target: Target,
): Promise<{ readonly truthTable: readonly TruthRow[]; readonly labels: LabelTable; readonly frozen: boolean }> {
  const frozen = await putLabel(target.client, target.secretArn, ROTATION_FROZEN, target.token).then(
    () => true,
    (error: unknown) => {
      if (isRetryable(error)) throw error;
      return false;
    },
  );
  const { labels } = await describeSecret(target.client, target.secretArn);
  return { truthTable: await measureTruth(target, labels), labels, frozen };
}

// A stale read that shows "not promoted" would bring a forbidden credential back: two reads have to agree on that, too.
async function refuseAfterPromotion(step: RollBack): Promise<void> {
  const { target, token } = step;
  const labels = await readTwice(step, async () => (await describeSecret(target.client, target.secretArn)).labels);
  if (!holds(labels, token, AWSCURRENT)) return;
  throw new RotationError(
    "NotConverged",
    `Version ${token} of ${target.secretArn} is AWSCURRENT, and its policy keeps a promoted version. Nothing was undone.`,
  );
}

async function proveBase(target: Target, base: unknown, versionId: string): Promise<Date> {
  const answer = await target.strategy.signIn(base, rotationContext(target));
  if (answer === "accepted") return new Date();
  if (answer === "unreachable") {
    throw new RotationError(
      "TargetUnavailable",
      `The target could not be asked whether it accepts version ${versionId} again.`,
    );
  }
  throw new RotationError("CredentialRejected", `The target refuses version ${versionId} after it was restored.`);
}

async function readTwice({ target, confirmPauseMs }: RollBack, read: () => Promise<LabelTable>): Promise<LabelTable> {
  const first = await read();
  await new Promise((resolve) => setTimeout(resolve, confirmPauseMs));
  const second = await read();
  if (JSON.stringify(sorted(first)) === JSON.stringify(sorted(second))) return second;
  throw new RotationError("VersionNotVisible", `Two reads of the labels of ${target.secretArn} do not agree yet.`);
}

async function readRestored(target: Target, wanted: Restoration): Promise<LabelTable> {
  const { labels } = await describeSecret(target.client, target.secretArn);
  const found = differences(labels, wanted);
  if (found.length === 0) return labels;
  throw new RotationError("VersionNotVisible", `After the rollback of ${target.secretArn}: ${found.join("; ")}.`);
}

function sorted(labels: LabelTable): readonly (readonly [string, readonly string[]])[] {
  return Object.entries(labels)
    .map(([versionId, held]) => [versionId, [...held].sort()] as const)
    .sort(([a], [b]) => a.localeCompare(b));
}
